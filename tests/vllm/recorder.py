"""A loopback proxy before a real server that writes down each request for an answer, and the answer."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from agents.models.labels import LABEL_HEADER

__all__ = ["Recorded", "Recorder"]

_KEPT_HEADERS = ("Authorization", "Content-Type", LABEL_HEADER)


@dataclass
class Recorded:
    """One request for an answer. ``reply`` is the server's JSON; empty until it came, and where none came.

    known: how many requests had been answered when this one arrived.
    """

    label: str
    body: dict[str, Any]
    known: frozenset[int]
    status: int = 0
    reply: dict[str, Any] = field(default_factory=dict)

    @property
    def channel(self) -> str:
        """Who asked: ``client``, ``counselor``, ``judge.supervisor``, ..."""
        return self.label.split(":")[1] if ":" in self.label else ""

    @property
    def text(self) -> str:
        """The answer's words."""
        return self.reply["choices"][0]["message"]["content"] if self.reply else ""

    @property
    def usage(self) -> dict[str, Any]:
        """The tokens as the server counted them."""
        usage: dict[str, Any] = self.reply["usage"]
        return usage


class Recorder:
    """Passes requests on to ``upstream``, in a thread with a loop of its own: ``with Recorder(url) as recorder``.

    Args:
        upstream: address of the real server, up to and without ``/v1``.

    Attributes:
        url: where to send requests, with ``/v1``.
        calls: the requests for an answer, in the order in which they arrived.
    """

    def __init__(self, upstream: str) -> None:
        self.url = ""
        self.calls: list[Recorded] = []
        self._upstream = upstream

    def __enter__(self) -> Self:
        started, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live(started)))
        self._thread.start()
        started.wait()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()

    async def _live(self, started: threading.Event) -> None:
        async with ClientSession(self._upstream, timeout=ClientTimeout(total=600)) as self._session:
            app = web.Application(client_max_size=2**26)
            app.router.add_route("*", "/{path:.*}", self._pass_on)
            runner = web.AppRunner(app, shutdown_timeout=0.5, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
            started.set()
            await asyncio.to_thread(self._stop.wait)
            await runner.cleanup()

    async def _pass_on(self, request: web.Request) -> web.Response:
        content = await request.read()
        record = self._record(request, content) if request.path.endswith("/chat/completions") else None
        headers = {name: request.headers[name] for name in _KEPT_HEADERS if name in request.headers}
        try:
            async with self._session.request(request.method, request.path_qs, data=content, headers=headers) as answer:
                said = await answer.read()
        except ClientError as error:
            return web.json_response({"error": {"message": f"the server is gone: {error}"}}, status=502)
        if record is not None:
            record.status = answer.status
            record.reply = json.loads(said) if answer.status == 200 else {}
        return web.Response(body=said, status=answer.status, content_type=answer.content_type)

    def _record(self, request: web.Request, content: bytes) -> Recorded:
        known = frozenset(number for number, call in enumerate(self.calls) if call.reply)
        record = Recorded(request.headers.get(LABEL_HEADER, ""), json.loads(content), known)
        self.calls.append(record)
        return record
