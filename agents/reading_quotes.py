"""Leaves out of a counselor turn what it quotes of the client, so that no words of theirs are held against it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

__all__ = ["without_own_words"]

_QUOTED = re.compile(r'“[^”]{2,}”|「[^」]{2,}」|『[^』]{2,}』|"[^"]{2,}"')
_NO_LETTER = re.compile(r"[\W_]+")


def without_own_words(text: str, sentences: Sequence[str], client_turns: Sequence[str]) -> list[str]:
    """The sentences of a turn with a blank for each quotation that stands in one of the client's turns.

    Args:
        text: the turn. sentences: its sentences in order, as they stand in it. client_turns: before it.
    """
    spans = [hit.span() for hit in _QUOTED.finditer(text)]
    if not spans:
        return list(sentences)
    said = [_letters(turn) for turn in client_turns]
    own = [(start, end) for start, end in spans if any(_letters(text[start:end]) in turn for turn in said)]
    left, at = [], 0
    for sentence in sentences:
        begin = text.find(sentence, at)
        if begin < 0:
            left.append(sentence)
            continue
        at = begin + len(sentence)
        left.append(_blanked(text, begin, at, own))
    return left


@lru_cache(maxsize=2048)  # the client's turns are searched again for each of the counselor's
def _letters(text: str) -> str:
    return _NO_LETTER.sub("", text).casefold()


def _blanked(text: str, begin: int, end: int, spans: Sequence[tuple[int, int]]) -> str:
    """A stretch of the text without what of the spans lies in it; a quotation may go over several sentences."""
    parts, at = [], begin
    for start, stop in spans:
        if stop <= begin or start >= end:
            continue
        parts.append(text[at : max(at, start)])
        at = min(stop, end)
    parts.append(text[at:end])
    return " ".join(parts)
