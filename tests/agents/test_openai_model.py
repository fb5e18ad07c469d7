"""The OpenAI-compatible provider against a real server: every fault, with the real client."""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field, SecretStr

from agents.ask import ask
from agents.models.base import ChatReply, ChatRequest, Message, Sampling
from agents.models.connection import OPENAI_URL, Connection
from agents.models.limits import Limiter, Patience
from agents.models.openai import OpenAIModel, open_provider
from agents.models.providers import ModelBench, ProviderSettings
from agents.prompts import load_prompt
from profiles.errors import ArenaError, BadOutput, ModelError, RateLimited, TooLong, Unavailable, UserError
from tests.servers import Behaviour, LoopbackServer, Script, server_process

CANARY = "sk-canary-8f3a91c7d2"
QUICK = Patience(attempts=4, timeout=5.0, deadline=10.0, first_wait=0.002, longest_wait=5.0)


class Nothing(BaseModel):
    pass


class Mark(BaseModel):
    reason: str = Field(min_length=1)
    turn: int
    quote: str
    value: int = Field(ge=1, le=5)


def request(text: str = "How was your week?", **changes: Any) -> ChatRequest:
    values = {"purpose": "p.turn", "inputs": Nothing(), "messages": (Message(role="user", content=text),)}
    return ChatRequest(**{**values, **changes})


def only(kind: str, **settings: Any) -> Script:
    return lambda _: Behaviour(kind, **settings)


def first(count: int, kind: str, **settings: Any) -> Script:
    return lambda visit: Behaviour(kind, **settings) if visit.number < count else None


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110  (it asks a server)
            await asyncio.sleep(0.01)


async def generate(server: LoopbackServer, patience: Patience = QUICK, **changes: Any) -> ChatReply:
    async with Connection(server.url, patience=patience) as connection:
        return await OpenAIModel("test-model", connection).generate(request(**changes))


# The plain road


async def test_an_answer_comes_with_its_books() -> None:
    async with LoopbackServer() as server:
        reply = await generate(server)
    assert reply.text.endswith(".")
    assert reply.finish == "stop"
    assert reply.model == "openai/test-model"
    assert reply.reasoning is None
    assert reply.usage.prompt_tokens
    assert reply.usage.completion_tokens
    assert reply.usage.cached_tokens == reply.usage.prompt_tokens // 2
    assert 0 < reply.latency < 5


async def test_only_set_fields_are_sent() -> None:
    async with LoopbackServer() as server:
        await generate(server)
        await generate(server, sampling=Sampling(temperature=0, top_p=0.9, max_tokens=7, seed=3), seed=99)
        plain, full = (visit.body for visit in server.completions)
    talk = {"model": "test-model", "messages": [{"role": "user", "content": "How was your week?"}]}
    assert plain == talk
    assert full == {**talk, "temperature": 0, "top_p": 0.9, "max_tokens": 7, "seed": 3}


async def test_latency_is_the_attempts_and_not_the_waits() -> None:
    async with LoopbackServer(first(1, "503", retry_after="0.6")) as server:
        assert (await generate(server)).latency < 0.5


async def test_chinese_travels_both_ways() -> None:
    async with LoopbackServer(lambda visit: Behaviour(text=visit.body["messages"][0]["content"])) as server:
        assert (await generate(server, text="最近总是睡不好，心里发慌。🙂")).text == "最近总是睡不好，心里发慌。🙂"


async def test_models_of_a_run_share_one_connection() -> None:
    async with LoopbackServer(delay=0.02, api_key=CANARY) as server:
        settings = ProviderSettings({"": server.url}, {"openai": SecretStr(CANARY)}, max_connections=3)
        async with ModelBench(settings) as bench:
            models = [bench.model("openai/test-model"), bench.model("openai/test-judge")]
            await bench.check()
            assert not server.completions
            await asyncio.gather(*(models[i % 2].generate(request(str(i))) for i in range(12)))
        assert server.max_in_flight == 3
        assert {visit.body["model"] for visit in server.completions} == {"test-model", "test-judge"}


async def test_models_may_live_on_servers_of_their_own() -> None:
    async with LoopbackServer() as first_server, LoopbackServer() as second_server:
        urls = {"openai": first_server.url, "openai/test-judge": second_server.url}
        async with ModelBench(ProviderSettings(urls)) as bench:
            await bench.model("openai/test-model").generate(request())
            await bench.model("openai/test-judge").generate(request())
            await bench.model("openai/test-judge").generate(request())
    assert [len(server.completions) for server in (first_server, second_server)] == [1, 2]


async def test_a_connection_lists_the_server_s_models() -> None:
    async with LoopbackServer(api_key=CANARY) as server, Connection(server.url, SecretStr(CANARY)) as connection:
        assert await connection.models() == ["test-model", "test-judge"]


async def test_the_settings_bound_a_call() -> None:
    async with LoopbackServer(only("stall")) as server:
        async with ModelBench(ProviderSettings({"": server.url}, timeout=0.2, deadline=0.3)) as bench:
            started = time.monotonic()
            with pytest.raises(Unavailable):
                await bench.model("openai/test-model").generate(request())
        assert time.monotonic() - started < 4


async def test_the_default_server_is_openais_and_an_address_needs_a_model() -> None:
    provider = open_provider(ProviderSettings())
    connection = provider.model("test-model").connection
    assert connection.address == OPENAI_URL
    assert connection.needs_key
    with pytest.raises(UserError, match="openai/<id>"):
        provider.model("")
    await provider.aclose()


async def test_a_vllm_model_keeps_its_own_name() -> None:
    async with LoopbackServer() as server, Connection(server.url) as connection:
        model = OpenAIModel("org/some-7b", connection, provider="vllm")
        assert model.spec == "vllm/org/some-7b"
        assert (await model.generate(request())).model == "vllm/org/some-7b"
        assert server.completions[0].body["model"] == "org/some-7b"


# Faults that pass


@pytest.mark.parametrize(
    "kind",
    ["429", "408", "409", "500", "502", "503", "529", "cut", "cut_body", "html", "no_choices", "late_error"],
)
async def test_a_passing_fault_is_waited_out(kind: str) -> None:
    async with LoopbackServer(first(2, kind)) as server, Connection(server.url, patience=QUICK) as connection:
        reply = await OpenAIModel("test-model", connection).generate(request())
        assert reply.text
        assert len(server.completions) == 3
        assert connection.limiter.faults.total() == 2


@pytest.mark.parametrize(
    ("kind", "name"), [("429", "429"), ("500", "500"), ("cut", "connection"), ("html", "malformed")]
)
async def test_faults_are_counted_by_kind(kind: str, name: str) -> None:
    async with LoopbackServer(first(3, kind)) as server, Connection(server.url, patience=QUICK) as connection:
        await OpenAIModel("test-model", connection).generate(request())
        assert connection.limiter.faults == {name: 3}


@pytest.mark.parametrize(("kind", "error"), [("429", RateLimited), ("500", Unavailable), ("cut", Unavailable)])
async def test_attempts_are_finite(kind: str, error: type[ModelError]) -> None:
    async with LoopbackServer(only(kind)) as server:
        with pytest.raises(error, match="4 attempts"):
            await generate(server)
        assert len(server.completions) == 4


async def test_a_spent_quota_fails_at_once() -> None:
    async with LoopbackServer(only("quota")) as server:
        with pytest.raises(RateLimited, match="current quota"):
            await generate(server)
        assert len(server.completions) == 1


async def test_a_429_lowers_the_number_asked_at_a_time() -> None:
    async with (
        LoopbackServer(first(1, "429")) as server,
        Connection(server.url, patience=QUICK) as connection,
    ):
        await OpenAIModel("test-model", connection).generate(request())
        assert connection.limiter.limit == 4


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_retry_after_is_honoured(form: str) -> None:
    def script(visit: Any) -> Behaviour | None:
        if visit.number:
            return None
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)  # whole seconds
        return Behaviour("429", retry_after="0.7" if form == "seconds" else date)

    async with LoopbackServer(script) as server:
        await generate(server)
        waited = server.completions[1].at - server.completions[0].at
    assert (0.7 if form == "seconds" else 0.9) <= waited < 4


async def test_retry_after_is_capped() -> None:
    patience = Patience(attempts=2, first_wait=0.001, longest_wait=0.05)
    async with LoopbackServer(first(1, "503", retry_after="3600")) as server:
        await generate(server, patience)
        assert 0.05 <= server.completions[1].at - server.completions[0].at < 1


async def test_waits_grow_between_attempts() -> None:
    patience = Patience(attempts=4, first_wait=0.1)
    async with LoopbackServer(first(3, "500")) as server:
        await generate(server, patience)
        times = [visit.at for visit in server.completions]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert gaps[0] >= 0.05
    assert gaps[1] >= 0.1
    assert gaps[2] >= 0.2


@pytest.mark.parametrize("patience", [Patience(attempts=1, timeout=0.3), Patience(deadline=0.3)])
async def test_a_stall_is_not_waited_for_beyond_the_limit(patience: Patience) -> None:
    async with LoopbackServer(only("stall")) as server:
        started = time.monotonic()
        with pytest.raises(Unavailable, match=r"timeout: no answer within 0\.3 s"):
            await generate(server, patience)
        assert 0.3 <= time.monotonic() - started < 4


async def test_a_stalled_attempt_is_followed_by_another() -> None:
    patience = Patience(attempts=2, timeout=0.2, first_wait=0.001)
    async with LoopbackServer(first(1, "stall")) as server:
        assert (await generate(server, patience)).text
        assert len(server.completions) == 2


async def test_a_cancelled_call_leaves_no_trace() -> None:
    async with (
        LoopbackServer(first(1, "stall")) as server,
        Connection(server.url, None, Limiter(1), QUICK) as connection,
    ):
        model = OpenAIModel("test-model", connection)
        call = asyncio.create_task(model.generate(request()))
        await until(lambda: server.in_flight == 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await model.generate(request())).text


# Faults that do not pass


async def test_a_prompt_beyond_the_window_is_too_long() -> None:
    async with LoopbackServer(only("too_long")) as server:
        with pytest.raises(TooLong, match=r"openai/test-model.*4096"):
            await generate(server, output_schema=Mark)
        assert len(server.completions) == 1


async def test_another_bad_request_tells_what_the_server_said() -> None:
    async with LoopbackServer(only("400", text="roles must\nalternate")) as server:
        with pytest.raises(ModelError, match=r"400: roles must alternate") as caught:
            await generate(server)
        assert caught.value.kind == "model_error"
        assert len(server.completions) == 1


async def test_a_key_refused_in_the_middle_of_a_run_is_not_tried_again() -> None:
    async with LoopbackServer(api_key="right") as server:
        with pytest.raises(Unavailable, match="OPENAI_API_KEY"):
            await generate(server)
        assert len(server.completions) == 1


async def test_a_model_gone_in_the_middle_of_a_run_is_named() -> None:
    async with LoopbackServer(only("404")) as server:
        with pytest.raises(Unavailable, match="'test-model'"):
            await generate(server)


# Refusals, thought, and emptiness


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("refusal", "I cannot help with that."),
        ("content_filter", ""),
        ("filtered", "The prompt was filtered."),
    ],
)
async def test_a_refusal_is_a_reply(kind: str, text: str) -> None:
    async with LoopbackServer(only(kind)) as server:
        reply = await generate(server, output_schema=Mark)
    assert (reply.finish, reply.text) == ("refused", text)


@pytest.mark.parametrize("kind", ["think", "reasoning_content", "reasoning"])
async def test_thought_is_kept_apart(kind: str) -> None:
    async with LoopbackServer(only(kind, text="Hello.")) as server:
        reply = await generate(server)
    assert (reply.text, reply.reasoning) == ("Hello.", "hidden plan")


async def test_unfinished_thought_is_no_answer() -> None:
    async with LoopbackServer(only("unclosed_think")) as server:
        reply = await generate(server)
    assert (reply.text, reply.finish) == ("", "length")
    assert reply.reasoning == "hidden plan that never"


async def test_an_empty_answer_comes_back_empty() -> None:
    async with LoopbackServer(only("empty")) as server:
        assert (await generate(server)).text == ""
        assert len(server.completions) == 1


# Structured answers

TALK = "[0] client: I slept badly.\n[1] counselor: Tell me more.\n[2] client: It is the job."


async def structured(connection: Connection, language: Any = "en") -> Mark:
    reply = await OpenAIModel("test-model", connection).generate(request(TALK, output_schema=Mark, language=language))
    return Mark.model_validate_json(reply.text)


async def test_the_schema_is_sent_and_obeyed() -> None:
    async with LoopbackServer() as server, Connection(server.url) as connection:
        mark = await structured(connection)
        [visit] = server.completions
    sent = visit.body["response_format"]["json_schema"]
    assert (sent["name"], sent["strict"]) == ("Mark", True)
    assert visit.body["messages"][-1]["content"] == TALK
    assert mark.quote in TALK.splitlines()[mark.turn]


@pytest.mark.parametrize(
    ("kind", "forms"),
    [
        ("no_schema", ["json_schema", "json_object", "json_object"]),
        ("no_format", ["json_schema", "json_object", None, None]),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_server_without_schemas_is_asked_in_simpler_ways(
    kind: str, forms: list[str | None], language: str
) -> None:
    async with LoopbackServer(only(kind)) as server, Connection(server.url) as connection:
        await structured(connection, language)
        await structured(connection, language)  # remembers what was found
        asked = [visit.body.get("response_format", {}).get("type") for visit in server.completions]
        last = server.completions[-1].body["messages"]
    assert asked == forms
    assert len(last) == 1  # roles go on alternating
    assert last[0]["content"].startswith(TALK)
    assert "JSON" in last[0]["content"]
    assert '"maximum": 5' in last[0]["content"]


async def test_a_slow_plain_call_does_not_undo_what_was_found_meanwhile() -> None:
    def script(visit: Any) -> Behaviour:
        return Behaviour("no_schema") if "response_format" in visit.body else Behaviour(seconds=0.3)

    async with LoopbackServer(script) as server, Connection(server.url) as connection:
        slow = asyncio.create_task(OpenAIModel("test-model", connection).generate(request()))
        await until(lambda: server.in_flight == 1)
        await structured(connection)
        await slow
        await structured(connection)
        assert server.completions[-1].body["response_format"]["type"] == "json_object"
        assert len(server.completions) == 4


async def test_a_failed_simpler_way_is_not_remembered() -> None:
    script = first(3, "400", text="this feature is unsupported")
    async with LoopbackServer(script) as server, Connection(server.url) as connection:
        with pytest.raises(ModelError, match="feature"):
            await structured(connection)
        await structured(connection)
        assert server.completions[-1].body["response_format"]["type"] == "json_schema"


async def test_a_model_that_wants_another_name_for_its_length_gets_it() -> None:
    async with LoopbackServer(only("no_max_tokens")) as server, Connection(server.url) as connection:
        model = OpenAIModel("test-model", connection)
        for _ in range(2):
            await model.generate(request(sampling=Sampling(max_tokens=9)))
        bodies = [visit.body for visit in server.completions]
    assert [body.get("max_completion_tokens") for body in bodies] == [None, 9, 9]
    assert "max_tokens" not in bodies[-1]


async def test_prose_in_place_of_json_is_repaired_by_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "room" / "prompts" / "en"
    folder.mkdir(parents=True)
    (tmp_path / "room" / "__init__.py").touch()
    head = "---\npurpose: .mark\ninputs: Nothing\noutput: Mark\nversion: 1\n---\n<!-- user -->\nMark it.\n"
    (folder / "mark.md").write_text(head, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    prompt = load_prompt("room", "mark", "en", Nothing, Mark)
    async with LoopbackServer(first(1, "prose")) as server, Connection(server.url) as connection:
        model = OpenAIModel("test-model", connection)
        answer = await ask(model, prompt, Nothing(), language="en")
    assert isinstance(answer.value, Mark)
    assert answer.call.asked == 2
    for text in ('{"turn": ' + "9" * 5000 + "}", '{"turn": ' + "[" * 5000 + "]" * 5000 + "}"):
        async with LoopbackServer(only("answer", text=text)) as server, Connection(server.url) as connection:
            with pytest.raises(BadOutput):
                await ask(OpenAIModel("test-model", connection), prompt, Nothing(), language="en")


# The check before anything is spent


async def check(url: str, model: str = "test-model", key: str | None = None) -> None:
    async with Connection(url, SecretStr(key) if key else None, patience=QUICK) as connection:
        await OpenAIModel(model, connection).check()


@pytest.mark.parametrize("listed", [("test-model",), ("test-model:latest",), ("models/test-model",), (), None])
async def test_a_known_model_passes_and_so_does_a_server_without_a_list(
    listed: tuple[str, ...] | None,
) -> None:
    async with LoopbackServer(models=listed) as server:
        await check(server.url)
        assert not server.completions


async def test_an_unknown_model_names_its_nearest() -> None:
    async with LoopbackServer(models=("llama-3-8b", "llama-3-70b", "qwen")) as server:
        with pytest.raises(UserError, match=r"no model 'lama-3-8b'.*llama-3-8b, llama-3-70b"):
            await check(server.url, "lama-3-8b")


@pytest.mark.parametrize(("key", "words"), [(None, "asks for a key"), (CANARY, "refuses this key")])
async def test_a_bad_key_names_the_variable(key: str | None, words: str) -> None:
    async with LoopbackServer(api_key="right") as server:
        with pytest.raises(UserError, match=rf"{words} \(401\): set OPENAI_API_KEY"):
            await check(server.url, key=key)


async def test_a_key_that_may_not_list_models_passes() -> None:
    async with LoopbackServer(only("403", text="Missing scopes: api.model.read")) as server:
        await check(server.url)


async def test_no_server_names_the_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        started = time.monotonic()
        with pytest.raises(UserError, match=rf"^no server answers at {url}: start it or set --base-url$"):
            await check(url)
        assert time.monotonic() - started < 5


async def test_a_server_of_another_kind_is_named() -> None:
    async with LoopbackServer(only("html")) as server:
        with pytest.raises(UserError, match="no OpenAI-compatible server"):
            await check(server.url)


async def test_a_busy_server_is_given_time() -> None:
    async with LoopbackServer(first(2, "503")) as server:
        await check(server.url)
        assert len(server.visits) == 3


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://a/v1", "http://", "http://a:port/v1", "nonsense"])
def test_an_address_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="--base-url"):
        Connection(url)


@pytest.mark.parametrize("key", ["sk-ключ", "sk-a b", "sk-a\nb", "密钥"])
def test_a_key_that_cannot_be_one_is_refused_unspoken(key: str) -> None:
    with pytest.raises(UserError, match="OPENAI_API_KEY") as caught:
        Connection(api_key=SecretStr(key))
    assert key not in str(caught.value)


async def test_a_key_with_a_line_end_is_used_without_it() -> None:
    async with LoopbackServer(api_key=CANARY) as server:
        await check(server.url, key=f"{CANARY}\n")


# Secrets

FAULTS = [
    *("400", "401", "403", "404", "422", "429", "500", "cut", "cut_body", "stall", "html", "no_choices"),
    *("late_error", "too_long", "quota", "no_format", "filtered"),
]


def told(error: BaseException) -> str:
    """All that an error says: itself, and the traceback with the locals of each frame but the test's own."""
    assert error.__traceback__ is not None
    below = error.with_traceback(error.__traceback__.tb_next)
    trace = traceback.TracebackException.from_exception(below, capture_locals=True)
    return f"{error!s} {error!r} {vars(error)!r} {error.args!r}" + "".join(trace.format())


@pytest.mark.parametrize("kind", FAULTS)
async def test_the_key_is_in_no_error_and_no_log(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = f"your key {CANARY} and header Bearer {CANARY} were seen"
    script = only(kind, text=None if kind in ("html", "no_choices") else echo)
    patience = Patience(attempts=2, timeout=0.2, first_wait=0.001)
    key = SecretStr(CANARY)
    async with LoopbackServer(script) as server, Connection(server.url, key, None, patience) as connection:
        model = OpenAIModel("test-model", connection)
        said = f"{connection!r} {model!r} {vars(connection)!r} {vars(model)!r}"
        for step in (model.check, lambda: model.generate(request(output_schema=Mark))):
            try:
                said += repr(await step())
            except ArenaError as error:
                said += told(error)
                assert error.__cause__ is None
                assert error.__context__ is None  # an SDK exception would carry the request's headers
    assert server.completions[0].headers["authorization"] == f"Bearer {CANARY}"
    assert CANARY not in said
    assert CANARY not in caplog.text


async def test_a_proxy_never_sees_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(proxy, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        patience = Patience(attempts=1, timeout=2)
        async with Connection("https://models.invalid/v1", SecretStr(CANARY), None, patience) as connection:
            with pytest.raises(Unavailable):
                await OpenAIModel("test-model", connection).generate(request())
    assert heard and heard[0].startswith(b"CONNECT models.invalid:443")
    assert CANARY.encode() not in b"".join(heard)


async def test_a_server_on_this_machine_is_asked_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    async with LoopbackServer() as server:
        assert (await generate(server)).text


def test_a_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:9")
    with pytest.raises(UserError, match="proxy for https"):
        Connection("https://models.invalid/v1")


async def test_a_password_in_the_address_is_sent_and_the_key_is_not() -> None:
    async with LoopbackServer() as server:
        address = server.url.replace("http://", "http://me:secret@")
        async with Connection(address, SecretStr(CANARY)) as connection:
            await OpenAIModel("test-model", connection).generate(request())
        assert server.completions[0].headers["authorization"].startswith("Basic ")


async def test_a_host_name_that_cannot_be_is_no_server() -> None:
    async with Connection("http://a..b/v1") as connection:
        with pytest.raises(UserError, match="no server answers"):
            await connection.models()


async def test_a_filtered_answer_without_a_message_is_a_refusal() -> None:
    async with LoopbackServer(only("filtered_bare")) as server:
        assert (await generate(server)).finish == "refused"
        assert len(server.completions) == 1


async def test_a_password_in_the_address_is_not_shown() -> None:
    connection = Connection(f"http://me:{CANARY}@127.0.0.1:1/v1?token={CANARY}")
    assert connection.address == "http://127.0.0.1:1/v1"
    assert CANARY not in repr(connection)
    with pytest.raises(UserError) as caught:
        Connection(f"htp://me:{CANARY}@127.0.0.1")
    assert CANARY not in str(caught.value)
    await connection.aclose()


# The test server itself, as other tests lean on it


class Scored(BaseModel):
    evidence: list[Mark] = Field(default_factory=list)
    score: float | None = None


class Card(BaseModel):
    C1: Scored
    C2: Scored


@pytest.mark.parametrize(
    ("talk", "rubric"),
    [
        ("[0] client (trust_building): I slept badly.", "C1 trust: whether\n  0 = none\nC2 hope: whether"),
        ("[0] client（trust_building）：我睡得不好。没有精神。", "C1 信任：是否\nC2 希望：是否"),
    ],
)
async def test_a_judge_on_the_server_scores_each_dimension_and_quotes_the_talk(talk: str, rubric: str) -> None:
    async with LoopbackServer() as server:
        card = Card.model_validate_json((await generate(server, text=f"{talk}\n\n{rubric}", output_schema=Card)).text)
    for item in (card.C1, card.C2):
        assert item.score in (1, 2, 3)
        assert item.evidence
        assert all(mark.turn == 0 and mark.quote in talk for mark in item.evidence)


async def test_the_server_process_holds_its_gate_and_keeps_its_books(tmp_path: Path) -> None:
    with server_process(tmp_path / "log.jsonl", "--answer-first", "2") as process:
        async with Connection(process.url) as connection:
            model = OpenAIModel("test-model", connection)
            calls = [asyncio.create_task(model.generate(request(str(i)))) for i in range(4)]
            await until(lambda: process.books()["answered"] == {"": 2} and process.books()["in_flight"] == 2)
            assert sum(call.done() for call in calls) == 2
            await asyncio.to_thread(process.release)
            assert all(reply.text for reply in await asyncio.gather(*calls))
        books = await asyncio.to_thread(process.books)
    assert books["asked"] == books["answered"] == {"": 4}
    assert books["in_flight"] == 0
    lines = (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert sum('"answered"' in line for line in lines) == 4


def test_the_server_runs_in_a_thread_for_code_with_its_own_loop() -> None:
    with LoopbackServer() as server:
        assert asyncio.run(generate(server)).text
        assert asyncio.run(generate(server)).text
        assert len(server.completions) == 2


async def test_rates_are_the_same_for_the_same_seed_and_labels_whatever_the_order() -> None:
    async def run(seed: int, order: list[int]) -> set[str]:
        from agents.models.labels import request_label

        failed = set()
        async with (
            LoopbackServer(rates={"400": 0.3}, seed=seed) as server,
            Connection(server.url) as connection,
        ):
            model = OpenAIModel("test-model", connection)
            for i in order:
                request_label.set(f"s:{i}")
                try:
                    await model.generate(request(str(i)))
                except ModelError:
                    failed.add(f"s:{i}")
            assert set(server.answered) == {f"s:{i}" for i in order} - failed
        return failed

    there, back, other = (
        await run(1, list(range(30))), await run(1, list(range(29, -1, -1))), await run(2, list(range(30)))
    )  # fmt: skip
    assert there == back != other
    assert 2 < len(there) < 18
