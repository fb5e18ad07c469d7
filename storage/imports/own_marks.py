"""What our own chat exports add to a dialogue, taken out again: the stub before a greeting, and strategy tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from profiles.strategies import strategies
from profiles.vocabulary import LANGUAGES
from storage.exports.crisp_tokens import unguarded
from storage.exports.dialogue import texts
from storage.imports.lines import Line
from storage.imports.roles import party_of

__all__ = ["without_own_marks"]

_BESIDE: Final = "system"


def without_own_marks(lines: Sequence[Line]) -> list[Line]:
    """The lines as they were said: a stub is nobody's, and a sentence behind its token is a part of its turn."""
    spoken = _without_stub(lines)
    if not any(_marked(line) for line in spoken):
        return spoken
    return [part for line in spoken for part in (_parts(line) if _marked(line) else [_unguarded(line)])]


def _without_stub(lines: Sequence[Line]) -> list[Line]:
    first = next((at for at, line in enumerate(lines) if party_of(line.role) != "beside"), None)
    stub = first is not None and isinstance(lines[first].text, str) and lines[first].text.strip() in _stubs()
    if first is None or not stub or party_of(lines[first].role) != "client":
        return list(lines)
    return [*lines[:first], lines[first]._replace(role=_BESIDE), *lines[first + 1 :]]


def _marked(line: Line) -> bool:
    spoken = isinstance(line.text, str) and party_of(line.role) == "counselor"
    return spoken and _tokens().match(line.text) is not None


def _parts(line: Line) -> list[Line]:
    said = [part.strip() for part in _tokens().split(line.text)]
    return [line._replace(text=unguarded(part), joins=True) for part in said if part] or [line]


def _unguarded(line: Line) -> Line:
    return line._replace(text=unguarded(line.text)) if isinstance(line.text, str) else line


@lru_cache(maxsize=1)
def _stubs() -> frozenset[str]:
    return frozenset(texts(language).stub for language in LANGUAGES)


@lru_cache(maxsize=1)
def _tokens() -> re.Pattern[str]:
    return re.compile(rf"(?:^|(?<=\s))\[(?:{'|'.join(re.escape(each.name) for each in strategies('en').values())})\]\s")
