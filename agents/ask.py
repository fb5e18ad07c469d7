"""The one way to ask a model something: render, call, read, repair once, or fail with a typed error."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from pydantic import BaseModel, ValidationError

from agents.dialogue import CallRecord, Turn, Usage
from agents.messages import as_messages
from agents.models.base import ChatModel, ChatReply, ChatRequest, Message, Sampling
from agents.prompts import Prompt, load_prompt
from profiles.errors import BadOutput, Refused, TooLong
from profiles.schema import Record
from profiles.vocabulary import Language

Inputs = TypeVar("Inputs", bound=BaseModel)
Output = TypeVar("Output", bound=BaseModel | str)

_FENCED = re.compile(r"```(?:json)?\s*\{")
_JSON = json.JSONDecoder()


@dataclass(frozen=True)
class Answer(Generic[Output]):
    """A read answer: its value, hidden reasoning, and which call made it."""

    value: Output
    reasoning: str | None
    call: CallRecord


class RepairInputs(Record):
    """What the repair message says: why the first answer could not be read."""

    fault: str


async def ask(
    model: ChatModel,
    prompt: Prompt[Inputs, Output],
    inputs: Inputs,
    *,
    language: Language,
    seed: int = 0,
    dialogue: Sequence[Message] = (),
    sampling: Sampling = Sampling(),  # noqa: B008  (frozen value)
) -> Answer[Output]:
    """Ask ``model`` what ``prompt`` says and read the answer as the prompt's output type.

    Raises:
        Refused, TooLong, BadOutput: the answer is no answer, is cut off, or is unreadable after one repair.
        ModelError: whatever the provider raises.
    """
    schema = None if prompt.output is str else cast(type[BaseModel], prompt.output)
    request = ChatRequest(
        purpose=prompt.name,
        inputs=inputs,
        messages=prompt.render(inputs, dialogue),
        output_schema=schema,
        sampling=sampling,
        language=language,
        seed=seed,
    )
    replies = [await model.generate(request)]
    try:
        value = _read(replies[0], schema)
    except BadOutput as fault:
        replies.append(await model.generate(_repair(request, replies[0], str(fault))))
        value = _read(replies[1], schema)
    return Answer(cast(Output, value), replies[-1].reasoning, _record(prompt, replies))


async def ask_to_read(
    model: ChatModel,
    prompt: Prompt[Inputs, Output],
    inputs: Inputs,
    *,
    language: Language,
    seed: int,
    turns: Iterable[Turn],
) -> Answer[Output] | None:
    """Ask what the client's last words say, as the counselor hears them, with nothing left to chance.

    Returns:
        The answer; None where it stays unreadable after one repair, is cut off, or is declined.

    Raises:
        ModelError: whatever else the provider raises.
    """
    dialogue = as_messages(turns, "counselor")
    try:
        return await ask(
            model, prompt, inputs, language=language, seed=seed, dialogue=dialogue, sampling=Sampling(temperature=0.0)
        )
    except (BadOutput, Refused, TooLong):
        return None


def _repair(request: ChatRequest, reply: ChatReply, fault: str) -> ChatRequest:
    prompt = load_prompt("agents.models", "repair", request.language, RepairInputs, str)
    said = [Message(role="assistant", content=reply.text)] if reply.text else []
    messages = (*request.messages, *said, *prompt.render(RepairInputs(fault=fault)))
    return request.model_copy(update={"messages": messages, "repair": True})


def _read(reply: ChatReply, schema: type[BaseModel] | None) -> BaseModel | str:
    if reply.finish == "refused":
        raise Refused(f"the model declined to answer: {reply.text[:120]!r}")
    if not reply.text.strip():
        raise (TooLong if reply.finish == "length" else BadOutput)("the answer is empty")
    if schema is None:
        return reply.text.strip()
    return _parse(reply.text, schema)


def _parse(text: str, schema: type[BaseModel]) -> BaseModel:
    try:
        return schema.model_validate(_object_in(text))
    except (RecursionError, ValueError) as error:  # nested too deep, a number too long
        if not isinstance(error, ValidationError):
            raise BadOutput("not JSON that can be read", text) from error
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the object"
        raise BadOutput(f"{place}: {first['msg']}", text) from error


def _object_in(text: str, at: int = 0) -> object:
    """The first JSON object of an answer, whatever stands around it; a fence within its strings is no fence."""
    start = text.find("{", at)
    if start < 0:
        raise BadOutput("no JSON object in the answer", text)
    try:
        return _JSON.raw_decode(text, start)[0]
    except json.JSONDecodeError as error:
        fenced = _FENCED.search(text, start)
        if fenced is None:
            raise BadOutput(f"not valid JSON: {error.msg} at character {error.pos - start}", text) from error
    return _object_in(text, fenced.start())  # braces stood in the words before the fence


def _record(prompt: Prompt[Inputs, Output], replies: Sequence[ChatReply]) -> CallRecord:
    last = replies[-1]
    return CallRecord(
        purpose=prompt.name,
        prompt_hash=prompt.hash,
        prompt_version=prompt.version,
        model=last.model,
        usage=Usage(
            prompt_tokens=_total([r.usage.prompt_tokens for r in replies]),
            completion_tokens=_total([r.usage.completion_tokens for r in replies]),
            cached_tokens=_total([r.usage.cached_tokens for r in replies]),
        ),
        latency=sum(reply.latency for reply in replies),
        finish=last.finish,
        asked=len(replies),
    )


def _total(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
