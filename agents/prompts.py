"""Prompts as files: Markdown with a YAML head, one per language, rendered with Jinja2.

A prompt file has a head (``purpose``, ``inputs``, ``output``, ``version``) and parts that begin with a
line ``<!-- system -->``, ``<!-- dialogue -->`` or ``<!-- user -->``. The dialogue part is where the history goes, so
what stays the same stands before it and what changes after it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Generic, Literal, TypeVar, cast

import yaml
from jinja2 import Environment, StrictUndefined, Template
from pydantic import BaseModel

from agents.models.base import Message
from profiles.errors import UserError
from profiles.vocabulary import Language

Inputs = TypeVar("Inputs", bound=BaseModel)
Output = TypeVar("Output", bound=BaseModel | str)

_PART = re.compile(r"^<!-- (system|dialogue|user|assistant) -->[ \t]*$", re.MULTILINE)
_ENVIRONMENT = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)


@dataclass(frozen=True)
class Prompt(Generic[Inputs, Output]):
    """A named, typed contract with a model.

    Args:
        name: package below its floor and file stem, e.g. ``clients.dynamic.turn``.
        hash: first 12 hex digits of SHA-256 over the file's text and any guidance laid over it.
    """

    name: str
    version: str
    hash: str
    inputs: type[Inputs]
    output: type[Output]
    parts: tuple[tuple[str, Template], ...]

    def render(self, inputs: Inputs, dialogue: Sequence[Message] = ()) -> tuple[Message, ...]:
        """The messages for these inputs, with the history where the prompt wants it."""
        values = {name: getattr(inputs, name) for name in type(inputs).model_fields}
        messages: list[Message] = []
        for role, template in self.parts:
            if role == "dialogue":
                messages.extend(dialogue)
            else:
                text = template.render(values).strip()
                _append(messages, Message(role=cast(Literal["system", "user"], role), content=text))
        return tuple(messages)


def _append(messages: list[Message], message: Message) -> None:
    """Two turns of one role become one message: strict chat templates refuse them apart."""
    if messages and messages[-1].role == message.role:
        merged = f"{messages[-1].content}\n\n{message.content}"
        messages[-1] = Message(role=message.role, content=merged)
    else:
        messages.append(message)


def load_prompt(
    package: str,
    stem: str,
    language: Language,
    inputs: type[Inputs],
    output: type[Output],
    guidance: Mapping[str, str] | None = None,
) -> Prompt[Inputs, Output]:
    """Read ``<package>/prompts/<language>/<stem>.md`` as a prompt.

    Args:
        guidance: prompt name -> text that replaces the system part.

    Raises:
        UserError: the file is missing, or its head does not name these types.
    """
    name = f"{package.partition('.')[2]}.{stem}"
    file = _file(package, stem, language, (guidance or {}).get(name))
    declared = (file.head.get("inputs"), file.head.get("output"), file.head.get("purpose"))
    if declared != (inputs.__name__, output.__name__, name):
        raise UserError(f"prompt {name} ({language}): its head says {declared}, the code wants {inputs.__name__}")
    return Prompt(name, str(file.head["version"]), file.hash, inputs, output, file.parts)


@dataclass(frozen=True)
class _File:
    head: Mapping[str, str]
    hash: str
    parts: tuple[tuple[str, Template], ...]


@lru_cache(maxsize=512)  # to compile a template costs more than a model call
def _file(package: str, stem: str, language: Language, overlay: str | None) -> _File:
    text = _read(package, stem, language)
    head, body = _split_head(text, stem)
    parts = [(role, overlay if overlay and role == "system" else part) for role, part in _split_parts(body)]
    digest = hashlib.sha256((text + "\0" + (overlay or "")).encode()).hexdigest()[:12]
    return _File(head, digest, tuple((role, _ENVIRONMENT.from_string(part)) for role, part in parts))


def _read(package: str, stem: str, language: Language) -> str:
    path = files(package) / "prompts" / language / f"{stem}.md"
    if not path.is_file():
        raise UserError(f"prompt {package}/{stem}: no file for language '{language}'; add prompts/{language}/{stem}.md")
    return path.read_text(encoding="utf-8")


def _split_head(text: str, name: str) -> tuple[dict[str, str], str]:
    _, mark, rest = text.partition("---\n")
    head, end, body = rest.partition("\n---\n")
    if not mark or not end:
        raise UserError(f"prompt {name}: no head between '---' lines")
    return yaml.safe_load(head), body


def _split_parts(body: str) -> list[tuple[str, str]]:
    pieces = _PART.split(body)
    return list(zip(pieces[1::2], pieces[2::2], strict=True))
