"""A lean server of fixed latency in a process of its own, which remembers what it was asked, for benchmarks.

It makes its first answers of each kind as the test server does and then gives them again, so that its own work, on the
other processor, is small beside its latency.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop
from aiohttp import web

from tests.servers import answer_for

_ANSWERS = 64  # of each kind
_REPLY = (
    '{"id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": "bench", "choices": [{"index": 0, '
    '"message": {"role": "assistant", "content": SAID}, "finish_reason": "stop"}], '
    '"usage": {"prompt_tokens": IN, "completion_tokens": OUT, "total_tokens": IN}}'
)


@dataclass(frozen=True)
class BenchServer:
    """A running server."""

    url: str

    def asked(self) -> dict[str, dict[str, Any]]:
        """The bodies of the labelled requests so far by label, in order of arrival; then it forgets them."""
        with urllib.request.urlopen(self.url.removesuffix("/v1") + "/control/asked") as response:
            return dict(json.load(response))


@contextlib.contextmanager
def bench_server(latency: float) -> Iterator[BenchServer]:
    """Run it until the block ends. ``latency`` in seconds, of every answer."""
    command = [sys.executable, "-m", "tests.bench.server", str(latency)]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield BenchServer(f"http://127.0.0.1:{int(process.stdout.readline())}/v1")
    finally:
        process.terminate()
        process.wait(10)


async def _serve(latency: float) -> None:
    asked: dict[str, bytes] = {}

    made: dict[bytes, list[str]] = {}
    turn = itertools.count()

    def answer(raw: bytes) -> str:
        form = raw[raw.rfind(b'"response_format"') :] if b'"response_format"' in raw else b""
        texts = made.setdefault(form, [])
        if len(texts) < _ANSWERS:
            texts.append(json.dumps(answer_for(json.loads(raw))))
        return texts[next(turn) % len(texts)]

    async def complete(request: web.Request) -> web.Response:
        until = asyncio.get_running_loop().time() + latency
        raw = await request.read()
        if label := request.headers.get("X-Client-Request-Id"):
            asked[label] = raw
        said = answer(raw)
        body = _REPLY.replace("OUT", str(len(said) // 4)).replace("IN", str(len(raw) // 4)).replace("SAID", said)
        await asyncio.sleep(max(0.0, until - asyncio.get_running_loop().time()))
        return web.Response(body=body.encode(), content_type="application/json")

    async def models(request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "bench", "object": "model"}]})

    async def show(request: web.Request) -> web.Response:
        bodies = {label: json.loads(raw) for label, raw in asked.items()}
        asked.clear()
        return web.json_response(bodies)

    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/v1/chat/completions", complete)
    app.router.add_get("/v1/models", models)
    app.router.add_get("/control/asked", show)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.server", description=__doc__)
    parser.add_argument("latency", type=float)
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_serve(parser.parse_args().latency))
