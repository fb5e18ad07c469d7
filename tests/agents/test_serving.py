"""Servers of our own: what is refused before they start, how they start, what a dead one says, and that none stays."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agents.models import keeper
from agents.models.machine import (
    Gpu,
    Machine,
    look,
    memory_share,
    refuse_what_does_not_fit,
    refuse_what_is_not_there,
)
from agents.models.server_log import ServerLog, secrets_in
from agents.models.serving import Server, devices_in, plan_launch
from profiles.errors import UserError
from tests.fake_vllm import HERE, StandIn, install, lives, until

CANARY = "canary-5d1c9e72"
GIB = 2**30
BARE = Machine(installed=True, on_cpu=True, gpus=(), accelerated=False, memory=8 * GIB)
SMALL_GPU = Gpu("0", "GPU-aaaa", "Small", 8 * GIB, 8 * GIB)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    return install(monkeypatch, tmp_path)


def kept(started: Server) -> bool:
    """Whether the folder of its log is still there."""
    return started.log.path.parent.exists()


def server(model: str = "m", told: list[str] | None = None, grace: float = 5.0, **plan: Any) -> Server:
    lines = [] if told is None else told
    return Server(plan_launch(model, BARE, **plan), lines.append, secrets_in(os.environ), grace)


# What this machine offers


def test_vllm_is_found_where_a_child_would_find_it(tmp_path: Path) -> None:
    (tmp_path / "vllm").mkdir()  # a folder of that name is no package
    assert not look({"PYTHONPATH": str(tmp_path)}).installed
    assert look({"PYTHONPATH": os.pathsep.join(["", str(tmp_path), str(HERE)])}).installed


def test_the_build_for_the_cpu_is_known_by_its_distribution(tmp_path: Path) -> None:
    assert look({"PYTHONPATH": str(HERE)}).on_cpu
    assert look({"VLLM_TARGET_DEVICE": "cpu"}).on_cpu
    for version, on_cpu in (("0.32.0+cpu", True), ("0.32.0", False)):
        place = tmp_path / version / "vllm-0.dist-info"
        place.mkdir(parents=True)
        (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}\n", encoding="ascii")
        assert look({"PYTHONPATH": str(place.parent)}).on_cpu is on_cpu


TWO = """#!/bin/sh
echo "0, GPU-aaaa, NVIDIA Large, 81559, 40000"
echo "1, GPU-bbbb, NVIDIA Small, 24576, 24000"
echo "2, MIG-cccc, NVIDIA Slice, [N/A], [N/A]"
"""


def with_tool(folder: Path, script: str, **more: str) -> dict[str, str]:
    tool = folder / "nvidia-smi"
    tool.write_text(script, encoding="ascii")
    tool.chmod(0o755)
    return {"PATH": str(folder), **more}


def test_gpus_are_asked_for_their_memory(tmp_path: Path) -> None:
    found = look(with_tool(tmp_path, TWO), devices=tmp_path)
    assert found.accelerated
    assert [(gpu.index, gpu.name, gpu.total // 2**20, gpu.free // 2**20) for gpu in found.gpus] == [
        ("0", "NVIDIA Large", 81559, 40000),
        ("1", "NVIDIA Small", 24576, 24000),
    ]


@pytest.mark.parametrize(
    ("visible", "names"),
    [("1", ["Small"]), ("1,0", ["Small", "Large"]), ("GPU-aa", ["Large"]), ("", []), ("-1", [])],
)
def test_only_visible_gpus_count(tmp_path: Path, visible: str, names: list[str]) -> None:
    found = look(with_tool(tmp_path, TWO, CUDA_VISIBLE_DEVICES=visible), devices=tmp_path)
    assert [gpu.name.split()[1] for gpu in found.gpus] == names


@pytest.mark.parametrize("script", ["#!/bin/sh\nexit 9\n", "#!/bin/sh\necho no devices were found\n", "no script"])
def test_a_tool_that_fails_tells_of_no_gpu(tmp_path: Path, script: str) -> None:
    found = look(with_tool(tmp_path, script), devices=tmp_path)
    assert not found.gpus and not found.accelerated


def test_other_accelerators_are_known_by_their_devices(tmp_path: Path) -> None:
    assert not look({"PATH": ""}, devices=tmp_path).accelerated
    (tmp_path / "kfd").touch()
    assert look({"PATH": ""}, devices=tmp_path).accelerated


# What is refused before anything starts


def refusal(machine: Machine, model: str) -> str:
    with pytest.raises(UserError) as caught:
        refuse_what_is_not_there(machine, model)
    return str(caught.value)


def test_what_is_missing_is_named_with_its_remedy(tmp_path: Path) -> None:
    missing = Machine(installed=False, on_cpu=False, gpus=(), accelerated=True, memory=None)
    assert "pip install 'counsel-arena[vllm]'" in refusal(missing, "m")
    idle = Machine(installed=True, on_cpu=False, gpus=(), accelerated=False, memory=None)
    assert "no GPU" in refusal(idle, "m") and "--base-url" in refusal(idle, "m")
    assert "no folder" in refusal(BARE, "./nowhere") and "no folder" in refusal(BARE, "some/where/else")
    assert "config.json" in refusal(BARE, str(tmp_path))
    (tmp_path / "config.json").write_text("{}", encoding="ascii")
    for good in (str(tmp_path), "Owner/name", "name"):
        refuse_what_is_not_there(BARE, good)


def model_of(folder: Path, size: int, name: str = "model.safetensors", dtype: str = "bfloat16") -> str:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"dtype": dtype}), encoding="ascii")
    with (folder / name).open("wb") as file:
        file.truncate(size)  # sparse: takes no room
    return str(folder)


def fits(machine: Machine, model: str, share: float = 0.9, devices: int = 1) -> bool:
    try:
        refuse_what_does_not_fit(machine, model, share, devices)
    except UserError as error:
        assert "GiB" in str(error) and "--base-url" in str(error)
        return False
    return True


def test_weights_too_large_for_the_gpu_are_refused(tmp_path: Path) -> None:
    one = Machine(True, False, (SMALL_GPU,), True, None)
    two = Machine(True, False, (SMALL_GPU, SMALL_GPU), True, None)
    seven, eight = model_of(tmp_path / "7", 7 * GIB), model_of(tmp_path / "8", 8 * GIB)
    assert fits(one, seven) and not fits(one, seven, share=0.45) and not fits(one, eight)
    assert fits(two, eight, devices=2)
    with pytest.raises(UserError, match=r"8\.0 GiB.*7\.2 GiB.*--tensor-parallel-size"):
        refuse_what_does_not_fit(two, eight, 0.9)
    busy = Machine(True, False, (Gpu("0", "u", "Busy", 8 * GIB, 2 * GIB),), True, None)
    assert not fits(busy, seven)


def test_weights_are_counted_as_the_server_will_hold_them(tmp_path: Path) -> None:
    one = Machine(True, False, (SMALL_GPU,), True, None)
    assert fits(one, model_of(tmp_path / "single", 14 * GIB, dtype="float32"))
    model_of(tmp_path / "twice", 7 * GIB)
    model_of(tmp_path / "twice", 7 * GIB, "consolidated.safetensors")
    model_of(tmp_path / "twice", 7 * GIB, "pytorch_model.bin")
    assert fits(one, str(tmp_path / "twice"))
    assert not fits(one, model_of(tmp_path / "old", 8 * GIB, "pytorch_model.bin"))
    assert not fits(BARE, model_of(tmp_path / "cpu", 9 * GIB))


def test_what_is_not_known_is_let_pass(tmp_path: Path) -> None:
    assert fits(BARE, "Owner/name")
    assert fits(Machine(True, False, (), True, None), model_of(tmp_path / "m", 900 * GIB))


@pytest.mark.parametrize(("free", "servers", "share"), [(8, 1, 0.9), (8, 2, 0.45), (4, 1, 0.485), (4, 2, 0.242)])
def test_servers_share_what_the_gpu_has_left(free: int, servers: int, share: float) -> None:
    gpu = Gpu("0", "u", "n", 8 * GIB, free * GIB)
    assert memory_share(Machine(True, False, (gpu,), True, None), servers) == share
    assert memory_share(BARE, servers) == pytest.approx(0.9 / servers)


# The command


def test_the_command_fits_the_machine() -> None:
    gpu = Machine(True, False, (SMALL_GPU,), True, None)
    words = plan_launch("Owner/name", gpu, port=8123, share=0.45).command
    assert words[:4] == (sys.executable, "-P", "-m", "vllm.entrypoints.openai.api_server")
    flags = dict(zip(words[4::1], words[5::1], strict=False))
    assert flags["--model"] == flags["--served-model-name"] == "Owner/name"
    assert flags["--host"] == "127.0.0.1" and flags["--port"] == "8123"
    assert flags["--gpu-memory-utilization"] == "0.45"
    assert "--enforce-eager" not in words and "--enable-prompt-tokens-details" in words
    assert json.loads(flags["--structured-outputs-config"])["disable_any_whitespace"] is True


def test_the_command_for_the_cpu(fake: StandIn) -> None:
    launch = plan_launch("m", BARE)
    assert "--enforce-eager" in launch.command and "--gpu-memory-utilization" not in launch.command
    assert launch.environment["VLLM_CPU_KVCACHE_SPACE"] == "2"  # a quarter of what is free, whole GiB, 4 at most
    assert plan_launch("m", BARE, servers=2).environment["VLLM_CPU_KVCACHE_SPACE"] == "1"


def test_what_the_person_has_set_stands(fake: StandIn) -> None:
    fake.environment.setenv("VLLM_CPU_KVCACHE_SPACE", "7")
    launch = plan_launch("m", BARE, extra=["--block-size=64", "--structured_outputs_config", '{"backend": "auto"}'])
    assert launch.environment["VLLM_CPU_KVCACHE_SPACE"] == "7"
    assert "--block-size" not in launch.command and "--structured-outputs-config" not in launch.command
    assert launch.command[-3:] == ("--block-size=64", "--structured_outputs_config", '{"backend": "auto"}')


@pytest.mark.parametrize("flag", ["--port", "--host=0.0.0.0", "--served-model-name", "--served_model_name", "--model"])
def test_what_is_ours_to_say_is_refused_among_the_server_s_flags(flag: str) -> None:
    with pytest.raises(UserError, match="127"):
        plan_launch("m", BARE, extra=[flag, "x"])


def test_gpus_in_the_flags_are_multiplied() -> None:
    assert devices_in(["--max-model-len", "64"]) == 1
    assert devices_in(["--tensor-parallel-size=2", "-pp", "3"]) == 6


def test_the_shown_command_is_one_for_a_shell(fake: StandIn, tmp_path: Path) -> None:
    folder = tmp_path / "my model's"
    model_of(folder, 10)
    launch = plan_launch(str(folder), BARE)
    script = f"env -i {launch.shown()} --no-such-flag 2>&1"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert "No module named 'vllm'" in done.stdout or "No module named vllm" in done.stdout
    shown = subprocess.run(
        ["sh", "-c", f"set -- {launch.shown()}; printf '%s\\n' \"$@\""], capture_output=True, text=True
    )
    assert [*(f"{n}={v}" for n, v in launch.environment.items()), *launch.command] == shown.stdout.splitlines()


# Start and end


async def test_a_server_starts_answers_and_leaves_nothing(fake: StandIn) -> None:
    told: list[str] = []
    async with server("Owner/name", told) as started:
        await started.start()
        (page,) = fake.pages
        assert page["port"] == started.launch.port and page["served_model_name"] == "Owner/name"
        assert page["environment"] == {"VLLM_CPU_KVCACHE_SPACE": "2", "VLLM_NO_USAGE_STATS": "1"}
        assert lives(page["pids"][0]) and started.fault() is None and kept(started)
        assert os.getsid(page["pids"][0]) not in (os.getsid(0), os.getsid(page["keeper"]))  # Ctrl-C reaches neither
        assert os.getsid(page["keeper"]) != os.getsid(0)
    assert not lives(page["pids"][0]) and not lives(page["keeper"])
    assert not kept(started)
    assert str(started.log.path) in told[0]
    assert started.launch.url in told[-1] and " s" in told[-1]


@pytest.mark.parametrize("how", ["children", "children,stubborn"])
async def test_children_go_too_also_those_that_have_moved_out(fake: StandIn, how: str) -> None:
    fake.behave(how)
    async with server(grace=1.0) as started:
        await started.start()
        (page,) = fake.pages
        assert len(page["pids"]) == 3 and all(map(lives, page["pids"]))
    assert not any(map(lives, [*page["pids"], page["keeper"]]))


async def test_a_server_that_dies_takes_its_children_along(fake: StandIn) -> None:
    fake.behave("children")
    async with server(grace=1.0) as started:
        await started.start()
        (page,) = fake.pages
        os.kill(page["pids"][0], signal.SIGKILL)
        async with asyncio.timeout(10):
            fault = await started.watch()
        assert not any(map(lives, [*page["pids"], page["keeper"]]))
    assert "vllm/m" in fault and "killed" in fault and "memory" in fault
    assert kept(started) and str(started.log.path) in fault


async def test_a_killed_keeper_takes_the_server_along(fake: StandIn) -> None:
    async with server() as started:
        await started.start()
        (page,) = fake.pages
        os.kill(page["keeper"], signal.SIGKILL)
        assert await asyncio.to_thread(until, lambda: not lives(page["pids"][0]))
        assert started.fault() is not None


async def test_the_start_of_a_slow_server_is_told_from_time_to_time(fake: StandIn) -> None:
    fake.behave("slow")
    told: list[str] = []
    async with Server(plan_launch("m", BARE), told.append, news_every=1.0) as started:
        await started.start()
    waits = [line for line in told if "not yet after" in line]
    assert len(waits) >= 2 and "nothing said yet" in waits[0]


async def test_a_server_that_never_answers_is_given_up(fake: StandIn) -> None:
    fake.behave("never", "children")
    async with server() as started:
        with pytest.raises(UserError, match=r"did not answer within 2 s.*log"):
            await started.start(limit=2)
        (page,) = fake.pages
        assert not any(map(lives, page["pids"]))
    assert kept(started)


async def test_a_cancelled_start_leaves_nothing(fake: StandIn) -> None:
    fake.behave("never")
    started = server()

    async def run() -> None:
        async with started:
            await started.start()

    task = asyncio.create_task(run())
    assert await asyncio.to_thread(until, lambda: fake.started)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not lives(fake.pages[0]["pids"][0])
    assert not kept(started)


async def test_a_taken_port_is_refused_and_its_holder_not_taken_for_ours(fake: StandIn) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        async with server(port=port) as started:
            with pytest.raises(UserError, match=f"port {port} is taken"):
                await started.start()
    assert not fake.started


# What a dead server says


async def test_one_that_dies_at_its_start_says_why_and_nothing_secret(fake: StandIn) -> None:
    fake.behave("die")
    fake.environment.setenv("HF_TOKEN", CANARY)
    told: list[str] = []
    flags = ["--api-key", "flag-canary"]
    started = Server(plan_launch("m", BARE, extra=flags), told.append, secrets_in(os.environ, flags))
    async with started:
        with pytest.raises(UserError) as caught:
            await started.start()
    assert "MemoryError: no room for 12 layers" in str(caught.value)
    assert str(started.log.path) in str(caught.value) and "\n" not in str(caught.value)
    assert len(told) == 11 and "Traceback (most recent call last):" in "".join(told)
    said = started.log.path.read_text(encoding="utf-8")
    assert CANARY in said and "flag-canary" in said  # else this would prove nothing
    shown = " ".join([str(caught.value), *told, *started.log.lines()])
    assert "***" in shown
    assert not [secret for secret in (CANARY, "flag-canary", "abc-bearer-def") if secret in shown]


LOGS: dict[str, tuple[int, str, str]] = {
    "the cause, not its echo": (
        1,
        "(EngineCore pid=7) ERROR 11-21 10:00:00 [core.py:1] ValueError: max seq len (9) is larger than the cache\n"
        "Traceback (most recent call last):\n"
        "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}\n",
        "ValueError: max seq len (9) is larger than the cache",
    ),
    "a wrong flag": (2, "usage: x\napi_server.py: error: unrecognized arguments: --x\n", "unrecognized arguments: --x"),
    "a validator": (
        1,
        "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig\n"
        "  Value error, max_model_len (9) is too large [type=value_error]\n"
        "    For further information visit somewhere\n",
        "Value error, max_model_len (9) is too large",
    ),
    "a part that was killed": (
        1,
        "(EngineCore pid=7) ERROR 11-21 10:00:00 [m.py:1] Worker proc VllmWorker-0 died unexpectedly (exit code: -9)\n"
        "(APIServer pid=7) ERROR 11-21 10:00:00 [c.py:9] RuntimeError: Executor failed.\n",
        "killed, perhaps because memory ran out",
    ),
    "an echo alone": (1, "vllm.v1.EngineDeadError: EngineCore encountered an issue.\n", "EngineDeadError: EngineCore"),
    "no fault": (3, "INFO 11-21 10:00:00 [a.py:1] Good\n \x1b[36mbye\x1b[0m\r\n", "exit code 3, last words:  bye"),
    "nothing": (3, "", "exit code 3"),
    "a fault mentioned in passing": (3, "INFO 11-21 10:00:00 [a.py:1] no ValueError: yet\n", "exit code 3"),
}


@pytest.mark.parametrize("log", LOGS)
def test_the_telling_line_is_found(log: str, tmp_path: Path) -> None:
    code, text, reason = LOGS[log]
    (tmp_path / "log").write_text(text, encoding="utf-8")
    assert reason in ServerLog(tmp_path / "log").reason(code)


def test_an_endless_line_is_cut_and_an_endless_log_read_from_its_end(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("x" * 500_000 + "\nValueError: " + "so " * 500 + "\n", encoding="utf-8")
    log = ServerLog(tmp_path / "log")
    assert log.reason(1).endswith("so ...") and len(log.reason(1)) < 260
    assert all(len(line) <= 300 for line in log.lines())
    assert ServerLog(tmp_path / "log").last_words().startswith("ValueError")


def test_keys_are_known_by_their_shape_too(tmp_path: Path) -> None:
    said = "hf_abcdefghijkl sk-proj-abcdefgh http://me:pass@proxy/x Authorization: Bearer xyz"
    (tmp_path / "log").write_text(said, encoding="utf-8")
    (line,) = ServerLog(tmp_path / "log").lines()
    assert line == "*** *** http://***@proxy/x Authorization: Bearer ***"


# The keeper by itself


def keep(*code: str, grace: str = "1") -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", keeper.__file__, grace, sys.executable, "-c", *code]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


@pytest.mark.parametrize(
    ("code", "expected"), [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", 137), ("pass", 0)]
)
def test_the_keeper_passes_the_exit_code_on(code: str, expected: int) -> None:
    with keep(code) as process:
        assert process.wait(10) == expected


def test_the_keeper_hands_the_server_no_part_of_its_pipe() -> None:
    with keep("import sys; sys.stdout.write(repr(sys.stdin.read()))") as process:
        assert process.stdout is not None
        out = process.stdout.read()
    assert out == b"''"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_keeper_ends_the_server(number: int) -> None:
    with keep("import os, sys, time; print(os.getpid(), flush=True); time.sleep(600)") as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.send_signal(number)
        assert process.wait(10) == 128 + signal.SIGTERM
        assert not lives(pid)
