"""Two calls that show what a model can do: does it answer, does its server hold it to a schema, does it think aloud."""

from __future__ import annotations

from typing import Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError

from agents.dialogue import Usage
from agents.models.base import OFFLINE, ChatModel, ChatReply, ChatRequest, Sampling
from agents.models.schemas import Form, Style
from agents.prompts import Prompt, load_prompt
from profiles.schema import Record
from profiles.vocabulary import Language

__all__ = ["Answered", "Lantern", "LanternInputs", "PingReport", "Schemas", "WordInputs", "ping"]

Inputs = TypeVar("Inputs", bound=BaseModel)
Output = TypeVar("Output", bound=BaseModel | str)

MAX_TOKENS = 1024  # enough for a short thought before the answer

Schemas = Literal["enforced", "not_enforced", "in_words", "not_applicable", "unclear"]
"""``enforced``: the server took the schema and the answer keeps to it. ``not_enforced``: it took it, and the answer
does not. ``in_words``: it refused schemas, or never takes any, so they are put into the prompt. ``not_applicable``:
no language model. ``unclear``: there was no whole answer to tell by, or the provider does not say what it did."""


class WordInputs(Record):
    """What the first prompt asks for: one word."""

    word: str


class LanternInputs(Record):
    """The second prompt needs nothing."""


class Lantern(Record):
    """The second answer. Nobody who has not seen the schema would come upon these keys and values."""

    glow: Literal["amber-3", "cobalt-7", "moss-9"]
    paces: int = Field(ge=3, le=7)


class Answered(Record):
    """One call. ``latency`` in seconds; ``text`` as it came; ``reasoning`` says whether hidden thought came with it."""

    text: str
    finish: str
    latency: float
    usage: Usage
    reasoning: bool


class PingReport(Record):
    """What the two calls showed.

    server: address of the server; None where there is none. fits: the structured answer fits its schema.
    """

    model: str
    server: str | None
    text: Answered
    structured: Answered
    schemas: Schemas
    fits: bool

    @property
    def reasoning(self) -> bool:
        """Whether hidden thought came with either answer."""
        return self.text.reasoning or self.structured.reasoning


async def ping(model: ChatModel, language: Language) -> PingReport:
    """Make both calls, to a model that has been checked.

    Raises:
        ModelError: no answer.
    """
    word = load_prompt("agents.models", "ping", language, WordInputs, str)
    text = await _ask(model, word, WordInputs(word="lantern"), language)
    lantern = load_prompt("agents.models", "ping_schema", language, LanternInputs, Lantern)
    structured = await _ask(model, lantern, LanternInputs(), language)
    server, form = _server(model)
    return PingReport(
        model=model.spec,
        server=server,
        text=_answered(text),
        structured=_answered(structured),
        schemas="not_applicable" if model.spec == OFFLINE else _verdict(structured, form),
        fits=_fits(structured.text[structured.text.find("{") : structured.text.rfind("}") + 1]),
    )


async def _ask(model: ChatModel, prompt: Prompt[Inputs, Output], inputs: Inputs, language: Language) -> ChatReply:
    request = ChatRequest(
        purpose=prompt.name,
        inputs=inputs,
        messages=prompt.render(inputs),
        output_schema=None if prompt.output is str else prompt.output,
        sampling=Sampling(max_tokens=MAX_TOKENS),
        language=language,
    )
    return await model.generate(request)


def _answered(reply: ChatReply) -> Answered:
    return Answered(
        text=reply.text,
        finish=reply.finish,
        latency=reply.latency,
        usage=reply.usage,
        reasoning=bool(reply.reasoning),
    )


def _server(model: ChatModel) -> tuple[str | None, Form | None]:
    """The server's address, and how structured answers are asked for as far as it was found out.

    A model without a server may say the latter in an attribute ``form``.
    """
    from agents.models.openai import OpenAIModel  # brings the SDK, which the offline engine's rules do not need
    from agents.models.vllm import ServedModel

    inner = model.served[1] if isinstance(model, ServedModel) and model.served else model
    if isinstance(inner, OpenAIModel):
        return inner.connection.address, inner.connection.styles.get(inner.model_id, Style()).form
    form = getattr(inner, "form", None)
    return None, form if isinstance(form, Form) else None


def _verdict(reply: ChatReply, form: Form | None) -> Schemas:
    if form is not None and form is not Form.SCHEMA:
        return "in_words"
    if form is None or reply.finish != "stop" or not reply.text.strip():
        return "unclear"
    return "enforced" if _fits(reply.text) else "not_enforced"


def _fits(text: str) -> bool:
    try:
        Lantern.model_validate_json(text)
    except ValidationError:
        return False
    return True
