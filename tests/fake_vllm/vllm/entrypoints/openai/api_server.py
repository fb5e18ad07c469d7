"""vLLM's command line with the loopback server behind it, and the ways in which a server can go wrong.

``FAKE_VLLM`` holds words with commas between: ``die`` (a traceback before it answers), ``die-later`` (after the
fifth request for a completion), ``slow`` (four seconds before it answers), ``never`` (answers), ``children`` (one
process in its group, one in a session of its own), ``stubborn`` (none of them heeds SIGTERM). To the file named by
``FAKE_VLLM_BOOK`` it writes one JSON object: its arguments and the ids of its processes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.servers import Behaviour, LoopbackServer, Visit

HOW = os.environ.get("FAKE_VLLM", "").split(",")
_SLEEPER = "import signal, time; signal.signal(signal.SIGTERM, signal.{}); time.sleep(600)"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="api_server.py", allow_abbrev=False)
    parser.add_argument("--model", required=True)
    parser.add_argument("--served-model-name", required=True)
    parser.add_argument("--host", choices=["127.0.0.1"], required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--enable-prompt-tokens-details", action="store_true")
    parser.add_argument("--structured-outputs-config", type=json.loads)
    parser.add_argument("--gpu-memory-utilization", type=float)
    parser.add_argument("--enforce-eager", action="store_true")
    parser.add_argument("--block-size", type=int)
    parser.add_argument("--max-model-len", type=int)
    parser.add_argument("--api-key", default=os.environ.get("VLLM_API_KEY"))
    return parser.parse_args()


def children() -> list[int]:
    if "children" not in HOW:
        return []
    code = _SLEEPER.format("SIG_IGN" if "stubborn" in HOW else "SIG_DFL")
    started = [subprocess.Popen([sys.executable, "-c", code], start_new_session=apart) for apart in (False, True)]
    return [child.pid for child in started]


def keep_book(chosen: argparse.Namespace) -> None:
    names = ("VLLM_CPU_KVCACHE_SPACE", "VLLM_NO_USAGE_STATS")
    entry = {
        **vars(chosen),
        "keeper": os.getppid(),
        "pids": [os.getpid(), *children()],
        "environment": {name: os.environ.get(name) for name in names},
    }
    if "FAKE_VLLM_BOOK" in os.environ:
        with Path(os.environ["FAKE_VLLM_BOOK"]).open("a", encoding="utf-8") as book:
            book.write(json.dumps(entry) + "\n")


def later(visit: Visit) -> Behaviour | None:
    if "die-later" in HOW and visit.path.endswith("/chat/completions") and visit.number > 5:
        sys.stderr.write("(EngineCore pid=7) ERROR 11-21 10:00:00 [core.py:1] RuntimeError: the grammar gave out\n")
        os._exit(1)
    return None


async def serve(chosen: argparse.Namespace) -> None:
    stop = asyncio.Event()
    if "stubborn" not in HOW:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    else:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "never" in HOW:
        await stop.wait()
    await asyncio.sleep(4 if "slow" in HOW else 0)
    server = LoopbackServer(later, models=(chosen.served_model_name,), port=chosen.port, api_key=chosen.api_key)
    async with server:
        sys.stdout.write("INFO 11-21 10:00:00 [launcher.py:1] Application startup complete.\n")
        await stop.wait()


def main() -> None:
    chosen = arguments()
    keep_book(chosen)
    if "die" in HOW:
        sys.stderr.write(f"INFO 11-21 10:00:00 [api.py:1] token {os.environ.get('HF_TOKEN')}, key {chosen.api_key}\n")
        sys.stderr.write("Authorization: Bearer abc-bearer-def\n")
        for number in range(30):
            sys.stderr.write(f"(EngineCore pid=7) INFO 11-21 10:00:00 [loader.py:{number}] Loading part {number}\n")
        raise MemoryError(f"no room for 12 layers, asked with {os.environ.get('HF_TOKEN')}")
    asyncio.run(serve(chosen))


if __name__ == "__main__":
    main()
