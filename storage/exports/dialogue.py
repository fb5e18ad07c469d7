"""Turns of a record as the strictly alternating talk of chat formats: merged, opened by the client, ended well."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import groupby
from typing import Annotated, Literal

from pydantic import Field

from profiles.located import parse_yaml, validate
from profiles.schema import Record
from profiles.vocabulary import LANGUAGES, Language
from storage.exports.format import ExportOptions
from storage.exports.record import DialogueRecord, DialogueTurn

__all__ = [
    "Message",
    "Talk",
    "Texts",
    "chat",
    "learnable",
    "maskable",
    "merged",
    "opened",
    "system_hashes",
    "system_text",
    "texts",
]


class Texts(Record):
    """What chat formats add to a dialogue, in one language; ``texts/<language>.yaml`` says what each is for."""

    stub: str = Field(pattern=r"\S")
    system: str
    greeting: str = Field(pattern=r"\{greeting\}")
    premature: tuple[Annotated[str, Field(pattern=r"\{thought\}")], ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Message:
    """Neighbouring turns of one speaker as one.

    train: every part may be a training target. turns: numbers of the source turns; empty for a stub.
    """

    speaker: Literal["help_seeker", "therapist"]
    content: str
    train: bool = False
    turns: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Talk:
    """An alternating talk that the help-seeker begins. system: empty for none."""

    system: str
    messages: tuple[Message, ...]


@lru_cache(maxsize=len(LANGUAGES))
def texts(language: Language) -> Texts:
    """The texts of one language."""
    path = files("storage") / "exports" / "texts" / f"{language}.yaml"
    located = parse_yaml(path.read_text(encoding="utf-8"), f"storage/exports/texts/{language}.yaml")
    return validate(Texts, located.value, located)


def system_text(options: ExportOptions, language: Language) -> str:
    """The system prompt of a language: the options' (empty for none), else ours."""
    return options.system.get(language, texts(language).system).strip()


def system_hashes(options: ExportOptions) -> Mapping[str, str]:
    """SHA-256 of the system prompt of each language, in hexadecimal, for the provenance."""
    prompts = {language: system_text(options, language) for language in LANGUAGES}
    return {language: hashlib.sha256(prompt.encode()).hexdigest() for language, prompt in prompts.items()}


def maskable(record: DialogueRecord, options: ExportOptions) -> Talk | None:
    """The talk for formats that can mask single turns: it ends with its last trainable counselor message.

    None where no counselor turn is trainable.
    """
    talk = opened(merged(record.dialog), record.language, options)
    last = max((place for place, each in enumerate(talk.messages) if each.train), default=None)
    return None if last is None else Talk(talk.system, talk.messages[: last + 1])


def learnable(record: DialogueRecord, options: ExportOptions) -> Talk | None:
    """The talk for formats that learn every counselor turn: no untrainable one is in it.

    It stops before the first untrainable counselor message. An untrainable opening (a greeting) would be learned after
    a stub, so that it goes into the system prompt unless the options drop it. None where nothing is left.
    """
    messages = merged(record.dialog)
    if messages and messages[0].speaker == "therapist" and not messages[0].train and options.opening == "stub":
        options = options.model_copy(update={"opening": "system"})
    talk = opened(messages, record.language, options)
    spoken = range(1, len(talk.messages), 2)
    stop = next((place - 1 for place in spoken if not talk.messages[place].train), len(talk.messages))
    kept = talk.messages[: stop - stop % 2]
    return Talk(talk.system, kept) if kept else None


def merged(turns: Iterable[DialogueTurn]) -> tuple[Message, ...]:
    """Neighbouring turns of one speaker joined with a line end, blank turns left out; trainable if all parts are."""
    spoken = (turn for turn in turns if turn.content.strip())
    return tuple(_message(tuple(group)) for _, group in groupby(spoken, key=lambda turn: turn.speaker))


def opened(messages: tuple[Message, ...], language: Language, options: ExportOptions) -> Talk:
    """The messages as a talk that the help-seeker begins; what is done with a counselor's opening, the options say."""
    system = system_text(options, language)
    if not messages or messages[0].speaker == "help_seeker":
        return Talk(system, messages)
    if options.opening == "stub":
        stub = options.stub.get(language, "").strip() or texts(language).stub
        return Talk(system, (Message("help_seeker", stub), *messages))
    if options.opening == "system":
        greeting = texts(language).greeting.replace("{greeting}", messages[0].content)
        system = f"{system}\n\n{greeting}" if system else greeting
    return Talk(system, messages[1:])


def chat(talk: Talk) -> Iterator[dict[str, str]]:
    """The talk in the roles system, user and assistant; without a system prompt no such message."""
    if talk.system:
        yield {"role": "system", "content": talk.system}
    for message in talk.messages:
        yield {"role": "user" if message.speaker == "help_seeker" else "assistant", "content": message.content}


def _message(turns: tuple[DialogueTurn, ...]) -> Message:
    first = turns[0]
    train = first.speaker == "therapist" and all(turn.train for turn in turns)
    return Message(first.speaker, "\n".join(turn.content for turn in turns), train, tuple(turn.turn for turn in turns))
