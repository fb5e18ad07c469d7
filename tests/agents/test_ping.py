"""A model is tried with two calls: what servers of every kind are said to do."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from agents.models.base import ChatReply, ChatRequest
from agents.models.ping import Lantern, PingReport, ping
from agents.models.providers import ModelBench, ProviderSettings
from agents.models.schemas import Form
from arena.api import RULE_PACKAGES
from profiles.errors import Unavailable
from profiles.vocabulary import LANGUAGES, Language
from tests.servers import Behaviour, LoopbackServer, Script, Visit


def always(kind: str, **how: str) -> Script:
    return lambda _: Behaviour(kind, **how)  # type: ignore[arg-type]


def structured(kind: str, **how: str) -> Script:
    """Misbehave where an answer is to follow a schema."""

    def script(visit: Visit) -> Behaviour | None:
        return Behaviour(kind, **how) if "response_format" in visit.body else None  # type: ignore[arg-type]

    return script


async def tried(server: LoopbackServer, language: Language = "en") -> PingReport:
    settings = ProviderSettings({"": server.url}, timeout=2, deadline=2)
    async with ModelBench(settings) as bench:
        return await ping(bench.model("openai/test-model"), language)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_server_that_keeps_to_schemas(language: Language) -> None:
    async with LoopbackServer() as server:
        report = await tried(server, language)
    assert report.schemas == "enforced" and report.fits and not report.reasoning
    assert report.model == "openai/test-model" and report.server == server.url
    assert report.text.usage.prompt_tokens and report.text.usage.completion_tokens
    assert report.structured.usage.cached_tokens == (report.structured.usage.prompt_tokens or 0) // 2
    assert 0 < report.text.latency < 2 and report.text.finish == "stop"
    assert len(server.completions) == 2
    Lantern.model_validate_json(report.structured.text)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_prompt_gives_nothing_of_the_schema_away(language: Language) -> None:
    async with LoopbackServer() as server:
        await tried(server, language)
    asked = json.dumps(server.completions[1].body["messages"], ensure_ascii=False).lower()
    schema = json.dumps(server.completions[1].body["response_format"])
    for word in ("json", "schema", "glow", "paces", "amber", "cobalt", "moss", "{"):
        assert word not in asked.replace('{"role"', "")
        assert word in schema


CASES: dict[str, tuple[Script, str, bool]] = {
    "ignores schemas": (structured("prose"), "not_enforced", False),
    "wraps what it says": (structured("answer", text='Gladly: {"glow": "amber-3", "paces": 4}'), "not_enforced", True),
    "refuses schemas": (structured("no_schema"), "in_words", True),
    "refuses every form": (structured("no_format"), "in_words", True),
    "is cut short": (structured("cut_short"), "unclear", False),
    "thinks without end": (structured("unclosed_think"), "unclear", False),
    "declines": (structured("refusal"), "unclear", False),
    "says nothing": (structured("empty"), "unclear", False),
}


@pytest.mark.parametrize("case", CASES)
async def test_what_a_server_does_with_schemas_is_told(case: str) -> None:
    script, schemas, fits = CASES[case]
    async with LoopbackServer(script) as server:
        report = await tried(server)
    assert (report.schemas, report.fits) == (schemas, fits)


@pytest.mark.parametrize("kind", ["reasoning", "reasoning_content", "think"])
async def test_hidden_thought_is_seen_and_kept_apart(kind: str) -> None:
    async with LoopbackServer(always(kind)) as server:
        report = await tried(server)
    assert report.reasoning and report.text.reasoning and report.schemas == "enforced"
    assert "hidden plan" not in report.text.text


async def test_a_server_that_fails_is_an_error() -> None:
    async with LoopbackServer(always("500")) as server:
        with pytest.raises(Unavailable):
            await tried(server)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_offline_engine_answers_and_has_no_schemas_to_take(language: Language) -> None:
    async with ModelBench(ProviderSettings(rule_packages=RULE_PACKAGES)) as bench:
        report = await ping(bench.model("offline"), language)
    assert report.schemas == "not_applicable" and report.fits and report.server is None
    assert report.text.text == "lantern" and report.text.usage.prompt_tokens is None


class Elsewhere:
    """A stranger's model that is on no server, and may say how it asks for structured answers."""

    spec = "elsewhere/x"

    def __init__(self, form: Form | None) -> None:
        if form is not None:
            self.form = form

    async def generate(self, request: ChatRequest) -> ChatReply:
        return ChatReply(text='{"glow": "moss-9", "paces": 5}')


@pytest.mark.parametrize(
    ("form", "schemas"),
    [(None, "unclear"), (Form.SCHEMA, "enforced"), (Form.OBJECT, "in_words"), (Form.TEXT, "in_words")],
)
async def test_a_model_without_a_server_may_say_what_it_does(form: Form | None, schemas: str) -> None:
    report = await ping(Elsewhere(form), "en")
    assert report.schemas == schemas and report.fits and report.server is None


SENT: list[Callable[[ChatRequest], bool]] = [
    lambda request: request.sampling.max_tokens is not None,  # a random model may never stop
    lambda request: request.sampling.seed is None,
]


async def test_no_call_can_run_for_ever() -> None:
    asked: list[ChatRequest] = []

    class Listener(Elsewhere):
        async def generate(self, request: ChatRequest) -> ChatReply:
            asked.append(request)
            return await super().generate(request)

    await ping(Listener(None), "en")
    assert len(asked) == 2 and all(holds(request) for request in asked for holds in SENT)
