"""A real OpenAI-compatible server on 127.0.0.1 whose faults are scripted and whose books are open.

In one event loop: ``async with LoopbackServer() as server``. For code that runs its own loop, in a thread:
``with LoopbackServer() as server``. As a process that outlives the one under test, for kill tests:
``with server_process(log) as server`` or ``python -m tests.servers --port P --log FILE``; the books are then
in the log (one JSON object a line) and at ``GET /control/books``; ``POST /control/release`` opens the gate.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import random
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from aiohttp import web

__all__ = ["Behaviour", "LoopbackServer", "ServerProcess", "Visit", "answer_for", "heed_ctrl_c", "server_process"]

_LINE = re.compile(r"^\[(\d+)\]\s*([^:：\n]{1,48})[:：]\s*(\S.*)$", re.MULTILINE)
_HAN = re.compile(r"[\u4e00-\u9fff]")
_TAME: dict[str, Any] = {"leaves": False, "told": [], "flags": []}  # keep a session going
_WORDS = {
    "en": (
        ("Lately", "This week", "Most evenings", "At work", "Since spring", "On the way here"),
        (
            "I kept thinking about",
            "I noticed",
            "I came back to",
            "I tried to put words to",
            "I slowed down over",
        ),
        (
            "the talk with my sister",
            "that long list",
            "the quiet after supper",
            "the walk home",
            "the phone call",
        ),
        ("and it felt heavier than before", "and something eased a little", "and I am not sure why"),
    ),
    "zh": (
        ("最近", "这个星期", "晚上回到家", "上班的时候", "开春以后", "来的路上"),
        ("我老是想起", "我留意到", "我又绕回到", "我试着说清楚", "我放慢下来看"),
        ("跟姐姐的那次谈话", "那张长长的清单", "晚饭后的安静", "走回家的那段路", "那通电话"),
        ("心里比之前更沉", "好像松了一点", "也说不清为什么"),
    ),
}


def heed_ctrl_c() -> None:
    """Run first in a child that is to be stopped by Ctrl-C: what ignores it hands that down to its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass(frozen=True)
class Behaviour:
    """What the server does with one request.

    kind: ``answer``, ``prose`` (where JSON was asked), ``refusal``, ``content_filter``, ``think``,
        ``unclosed_think``, ``reasoning_content``, ``reasoning``, ``empty``, ``cut_short`` (finish
        ``length``), ``cut`` (the connection, before any byte), ``cut_body`` (in the middle), ``stall`` (never
        answers), ``html``, ``no_choices``, ``late_error`` (status 200), ``no_schema`` (rejects json_schema),
        ``no_format`` (rejects any response_format), ``no_max_tokens``, ``too_long``, ``filtered`` (400),
        ``quota``, ``filtered_bare`` (an answer without a message), or a status such as ``429``, ``500``, ``401``.
    seconds: waited before anything else.
    retry_after: the header's value, as it is sent.
    text: the words of the answer or of the error.
    """

    kind: str = "answer"
    seconds: float = 0.0
    retry_after: str | None = None
    text: str | None = None


ANSWER = Behaviour()


@dataclass(frozen=True)
class Visit:
    """One request as it came in. ``number`` counts from 0; ``at`` is the server's monotonic clock."""

    number: int
    path: str
    label: str
    at: float
    headers: Mapping[str, str]
    body: dict[str, Any]


Script = Callable[[Visit], Behaviour | None]


@dataclass
class LoopbackServer:
    """The server and its books.

    script: says for each request how to behave; ``None`` means the plain answer.
    rates: behaviour kind -> share of requests, drawn with ``seed`` from the label and how often it has come;
        used without a script.
    delay: seconds before each answer. ``behaved`` counts requests by behaviour; prose only where it is a fault.
    api_key: if set, another key gets 401. models: the listed ids; ``None`` means no list (404).
    answer_first: answer so many requests, hold all later ones until ``release``.
    fixed: property name -> value, for answers that must say something certain.
    """

    script: Script | None = None
    rates: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    delay: float = 0.0
    api_key: str | None = None
    models: tuple[str, ...] | None = ("test-model", "test-judge")
    answer_first: int | None = None
    fixed: Mapping[str, Any] = field(default_factory=dict)
    counts_tokens: bool = True
    port: int = 0
    log: Path | None = None

    visits: list[Visit] = field(default_factory=list, init=False)
    asked: Counter[str] = field(default_factory=Counter, init=False)
    answered: Counter[str] = field(default_factory=Counter, init=False)
    behaved: Counter[str] = field(default_factory=Counter, init=False)
    in_flight: int = field(default=0, init=False)
    max_in_flight: int = field(default=0, init=False)

    @property
    def url(self) -> str:
        """The base URL for a client."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def completions(self) -> list[Visit]:
        """The requests for chat completions, in order."""
        return [visit for visit in self.visits if visit.path.endswith("/chat/completions")]

    def books(self) -> dict[str, Any]:
        """The counts, as JSON values."""
        counts = {"asked": dict(self.asked), "answered": dict(self.answered)}
        return {**counts, "in_flight": self.in_flight, "max_in_flight": self.max_in_flight}

    def release(self) -> None:
        """Open the gate that ``answer_first`` closed."""
        self._loop.call_soon_threadsafe(self._gate.set)

    async def __aenter__(self) -> Self:
        self._loop, self._gate = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=2**26)
        app.router.add_get("/v1/models", self._list)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_get("/health", self._healthy)
        app.router.add_get("/control/books", self._show_books)
        app.router.add_post("/control/release", self._open_gate)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.5, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._write(event="listening", port=self.port)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._gate.set()
        await self._runner.cleanup()

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
        async with self:
            started.set()
            await asyncio.to_thread(self._stop.wait)

    async def _healthy(self, _: web.Request) -> web.Response:
        return web.Response()

    async def _show_books(self, _: web.Request) -> web.Response:
        return web.json_response(self.books())

    async def _open_gate(self, _: web.Request) -> web.Response:
        self._gate.set()
        return web.json_response({})

    async def _list(self, request: web.Request) -> web.StreamResponse:
        behaviour = self._behaviour(self._visit(request, {}))
        if self.models is None:
            raise web.HTTPNotFound
        listing = {"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]}
        if self._locked(request):
            return _error(401, "Incorrect API key provided", "invalid_api_key")
        if behaviour.kind.isdigit() or behaviour.kind in ("stall", "cut", "html"):
            return await self._misbehave(request, behaviour, {})
        return web.json_response(listing)

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        visit = self._visit(request, await request.json())
        self.asked[visit.label] += 1
        self.in_flight += 1
        self.max_in_flight = max(self.in_flight, self.max_in_flight)
        self._write(event="asked", label=visit.label, at=visit.at)
        try:
            await self._hold(len(self.completions))
            if self._locked(request):
                given = request.headers.get("Authorization")
                return _error(401, f"Incorrect API key provided: {given}", "invalid_api_key")
            response = await self._misbehave(request, self._noted(visit), visit.body)
            await response.prepare(request)
            await response.write_eof()
            if response.status == 200:
                self.answered[visit.label] += 1
                self._write(event="answered", label=visit.label, at=time.monotonic())
            return response
        finally:
            self.in_flight -= 1

    async def _hold(self, number: int) -> None:
        if self.answer_first is not None and number > self.answer_first:
            await self._gate.wait()

    def _locked(self, request: web.Request) -> bool:
        return self.api_key is not None and request.headers.get("Authorization") != f"Bearer {self.api_key}"

    def _visit(self, request: web.Request, body: dict[str, Any]) -> Visit:
        label = request.headers.get("X-Client-Request-Id", "")
        headers = {name.lower(): value for name, value in request.headers.items()}
        visit = Visit(len(self.visits), request.path, label, time.monotonic(), headers, body)
        self.visits.append(visit)
        return visit

    def _noted(self, visit: Visit) -> Behaviour:
        how = self._behaviour(visit)
        is_fault = how.kind != "prose" or "response_format" in visit.body
        self.behaved[how.kind] += is_fault
        return how

    def _behaviour(self, visit: Visit) -> Behaviour:
        if self.script is not None:
            return self.script(visit) or Behaviour(seconds=self.delay)
        who = f"{visit.label}/{self.asked[visit.label]}" if visit.label else str(visit.number)
        chance = random.Random(f"{self.seed}/{who}").random()
        for kind, share in self.rates.items():
            if chance < share:
                return Behaviour(kind, self.delay)
            chance -= share
        return Behaviour(seconds=self.delay)

    def _write(self, **event: object) -> None:
        if self.log is not None:
            with self.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(event) + "\n")

    async def _misbehave(self, request: web.Request, how: Behaviour, body: dict[str, Any]) -> web.StreamResponse:
        await asyncio.sleep(how.seconds)
        if how.kind == "stall":
            await asyncio.sleep(3600)
        if how.kind in ("cut", "cut_body"):
            return await _cut(request, how.kind == "cut_body")
        if how.kind == "html":
            return web.Response(text="<html><body>gateway</body></html>", content_type="text/html")
        if failure := _failure(how, body):
            return failure
        answer = _completion(how, body, self.fixed)
        if not self.counts_tokens:
            del answer["usage"]
        return web.json_response(answer)


async def _cut(request: web.Request, in_body: bool) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"})
    if in_body:
        await response.prepare(request)
        await response.write(b'{"choices": [')
    assert request.transport is not None
    request.transport.abort()
    raise asyncio.CancelledError  # which the web server takes, quietly, for a client that has gone


def _error(status: int, message: str, code: str | None = None, retry_after: str | None = None) -> web.Response:
    body = {"error": {"message": message, "type": "error", "param": None, "code": code}}
    headers = {"Retry-After": retry_after} if retry_after is not None else {}
    return web.json_response(body, status=status, headers=headers)


def _failure(how: Behaviour, body: dict[str, Any]) -> web.Response | None:
    form = body.get("response_format", {}).get("type")
    window = "This model's maximum context length is 4096 tokens; your messages have 9000."
    faults: dict[str, tuple[bool, int, str, str | None]] = {
        "no_schema": (form == "json_schema", 400, "response_format type json_schema is unavailable", None),
        "no_format": (form is not None, 400, "response_format is not supported by this model", None),
        "no_max_tokens": (
            "max_tokens" in body,
            400,
            "Use 'max_completion_tokens' instead.",
            "unsupported_parameter",
        ),
        "too_long": (True, 400, window, "context_length_exceeded"),
        "filtered": (True, 400, "The prompt was filtered.", "content_filter"),
        "quota": (True, 429, "You exceeded your current quota.", "insufficient_quota"),
        "late_error": (True, 200, "The upstream provider failed.", None),
    }
    applies, status, words, code = faults.get(how.kind, (False, 0, "", None))
    if how.kind.isdigit():
        applies, status, words, code = True, int(how.kind), f"scripted {how.kind}", None
    return _error(status, how.text or words, code, how.retry_after) if applies else None


def _completion(how: Behaviour, body: dict[str, Any], fixed: Mapping[str, Any]) -> dict[str, Any]:
    plain = how.text if how.text is not None else answer_for(body, fixed)
    message: dict[str, Any] = {"role": "assistant", "content": plain}
    finish = "stop"
    match how.kind:
        case "prose":
            message["content"] = how.text or _Maker(body, {}).sentence("prose")
        case "refusal":
            message |= {"content": None, "refusal": how.text or "I cannot help with that."}
        case "content_filter":
            message["content"], finish = "", "content_filter"
        case "think":
            message["content"] = f"<think>\nhidden plan\n</think>\n\n{plain}"
        case "unclosed_think":
            message["content"], finish = "<think>hidden plan that never", "length"
        case "reasoning_content" | "reasoning":
            message[how.kind] = "hidden plan"
        case "empty":
            message["content"] = ""
        case "cut_short":
            message["content"], finish = plain[: len(plain) // 2], "length"
    choices = [] if how.kind == "no_choices" else [{"index": 0, "message": message, "finish_reason": finish}]
    if how.kind == "filtered_bare":
        choices = [{"index": 0, "finish_reason": "content_filter"}]
    spent = len(json.dumps(body["messages"])) // 4
    usage = {"prompt_tokens": spent, "completion_tokens": len(plain) // 4 + 1, "total_tokens": spent + 1}
    usage_all = {**usage, "prompt_tokens_details": {"cached_tokens": spent // 2}}
    ids = {"id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": body.get("model")}
    return {**ids, "choices": choices, "usage": usage_all}


def answer_for(body: Mapping[str, Any], fixed: Mapping[str, Any] | None = None) -> str:
    """The plain answer to a request body: a short sentence, or JSON that fits the schema it asks for.

    The same messages get the same answer, others another. Without a json_schema in ``response_format``, a
    schema is looked for in the last message, where clients without it have to write it.
    """
    maker = _Maker(body, {**_TAME, **(fixed or {})})
    schema = maker.schema()
    if schema is None:
        return maker.sentence("text")
    return json.dumps(maker.value(schema, "$"), ensure_ascii=False)


class _Maker:
    """Makes values from a hash of the messages: the same for the same talk, else others."""

    def __init__(self, body: Mapping[str, Any], fixed: Mapping[str, Any]) -> None:
        self.body, self.fixed = body, fixed
        self.root: dict[str, Any] = {}
        talk = "\n".join(str(message["content"]) for message in body["messages"])
        self.key = hashlib.sha256(talk.encode("utf-8", "replace")).hexdigest()
        self.lines = _LINE.findall(talk)
        self.words = _WORDS["zh" if len(_HAN.findall(talk)) * 10 > len(talk) else "en"]

    def draw(self, place: str, among: int) -> int:
        return int(hashlib.sha256(f"{self.key}/{place}".encode()).hexdigest(), 16) % among

    def sentence(self, place: str) -> str:
        parts = [choice[self.draw(f"{place}{i}", len(choice))] for i, choice in enumerate(self.words)]
        return "".join(parts) + "。" if self.words is _WORDS["zh"] else " ".join(parts) + "."

    def schema(self) -> dict[str, Any] | None:
        form = self.body.get("response_format", {})
        asked: dict[str, Any] | None = form.get("json_schema", {}).get("schema")
        text = str(self.body["messages"][-1]["content"])
        for at in (m.start() for m in re.finditer(r"\{", text)) if asked is None and "JSON" in text else ():
            with contextlib.suppress(ValueError):
                found, _ = json.JSONDecoder().raw_decode(text, at)
                if "properties" in found:
                    asked = found
                    break
        self.root = asked or {}
        return asked

    def value(self, schema: Mapping[str, Any], place: str, name: str = "") -> Any:
        if name in self.fixed:
            return self.fixed[name]
        schema = self._resolved(schema)
        if "anyOf" in schema:
            kinds = [kind for kind in schema["anyOf"] if kind.get("type") != "null"]
            return self.value(kinds[0], place, name) if place.count(".") < 8 else None
        options = schema.get("enum", [schema["const"]] if "const" in schema else [])
        if options:
            return options[self.draw(place, len(options))]
        make = getattr(self, f"_{schema.get('type', 'string')}")
        return make(schema, place)

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in schema:
            return schema
        found: Mapping[str, Any] = self.root["$defs"][schema["$ref"].rpartition("/")[2]]
        return found

    def _string(self, schema: Mapping[str, Any], place: str) -> str:
        return self.sentence(place)

    def _boolean(self, schema: Mapping[str, Any], place: str) -> bool:
        return bool(self.draw(place, 2))

    def _null(self, schema: Mapping[str, Any], place: str) -> None:
        return None

    def _integer(self, schema: Mapping[str, Any], place: str) -> int:
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        high = schema.get("maximum", schema.get("exclusiveMaximum", max(low + 3, 4)) - 1)
        return int(low) + self.draw(place, int(high) - int(low) + 1)

    def _number(self, schema: Mapping[str, Any], place: str) -> float:
        if "exclusiveMinimum" not in schema and "exclusiveMaximum" not in schema:
            return self._integer(schema, place)
        low = float(schema.get("minimum", schema.get("exclusiveMinimum", 0)))
        high = float(schema.get("maximum", schema.get("exclusiveMaximum", low + 4)))
        return low + (high - low) * (1 + self.draw(place, 98)) / 100

    def _array(self, schema: Mapping[str, Any], place: str) -> list[Any]:
        kind = schema["items"]
        least = schema.get("minItems", 0)
        deep = place.count(".") > 8
        size = least if deep else min(max(least, 1 + self.draw(place, 2)), schema.get("maxItems", 9))
        made = [self.value(kind, f"{place}.{i}") for i in range(size)]
        distinct = [item for i, item in enumerate(made) if item not in made[:i]]
        return distinct if len(distinct) >= least else made

    def _object(self, schema: Mapping[str, Any], place: str) -> dict[str, Any]:
        made = {name: self.value(part, f"{place}.{name}", name) for name, part in schema.get("properties", {}).items()}
        if self.lines and "turn" in made:
            index, _, words = self.lines[self.draw(place, len(self.lines))]
            made["turn"] = int(index)
            if "quote" in made:
                made["quote"] = re.split(r"(?<=[.!?。！？])", words.strip())[0][:60].strip()
        return made


@dataclass(frozen=True)
class ServerProcess:
    """A server in a process of its own."""

    url: str
    process: subprocess.Popen[bytes]

    def books(self) -> dict[str, Any]:
        """Its counts so far."""
        with urllib.request.urlopen(self.url.removesuffix("/v1") + "/control/books") as response:
            counts: dict[str, Any] = json.load(response)
        return counts

    def release(self) -> None:
        """Open its gate."""
        urllib.request.urlopen(self.url.removesuffix("/v1") + "/control/release", data=b"").close()


@contextlib.contextmanager
def server_process(log: Path, *options: str) -> Iterator[ServerProcess]:
    """Run ``python -m tests.servers --log LOG OPTIONS...`` until the block ends."""
    command = [sys.executable, "-m", "tests.servers", "--log", str(log), *options]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[1])
    try:
        while not (log.exists() and log.read_text(encoding="utf-8").endswith("\n")):
            if process.poll() is not None:
                raise RuntimeError(f"the server process ended with {process.returncode}")
            time.sleep(0.02)
        first = json.loads(log.read_text(encoding="utf-8").splitlines()[0])
        yield ServerProcess(f"http://127.0.0.1:{first['port']}/v1", process)
    finally:
        process.terminate()
        process.wait(10)


def main() -> None:
    """The server as a process."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--rate", action="append", default=[], metavar="KIND=SHARE")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--answer-first", type=int)
    parser.add_argument("--api-key")
    chosen = parser.parse_args()
    rates = {kind: float(share) for kind, _, share in (rate.partition("=") for rate in chosen.rate)}
    settings = {name: value for name, value in vars(chosen).items() if name != "rate"}
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(LoopbackServer(rates=rates, **settings)))


async def _serve(server: LoopbackServer) -> None:
    async with server:
        await asyncio.Event().wait()


if __name__ == "__main__":
    main()
