"""Tells whether a reply quotes what its talk does not hold yet, by which a rejected reply would be known at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from profiles.vocabulary import Language
from storage.exports.strategy_runs import JOINTS

__all__ = ["quotes_unsaid"]

_QUOTED = re.compile(r"[“\"«「『]([^“”\"«»「」『』]+)[”\"»」』]")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SIGN = re.compile(r"[^\W_]")
_LENGTH: dict[Language, int] = {
    "en": 3,
    "zh": 5,
}  # words, characters: as long as a phrase that two say by chance is not


def quotes_unsaid(reply: str, said: Iterable[str], later: Iterable[str], language: Language) -> bool:
    """Whether a reply quotes, with or without marks, what was not said before it.

    Args:
        said: all that stands in the talk before the reply.
        later: what the client says afterwards, or what was written down of it.
    """
    before = tuple(said)
    plain = [JOINTS[language].join(_tokens(text, language)) for text in before]
    for quoted in _QUOTED.findall(reply):
        words = JOINTS[language].join(_tokens(quoted, language))
        if words and not any(_holds(text, words, language) for text in plain):
            return True
    told = _phrases(reply, language).difference(*(_phrases(text, language) for text in before))
    return any(told & _phrases(text, language) for text in later)


def _holds(text: str, words: str, language: Language) -> bool:
    blank = JOINTS[language]  # whole words: "art" is not quoted from "heart"
    return f"{blank}{words}{blank}" in f"{blank}{text}{blank}"


def _tokens(text: str, language: Language) -> list[str]:
    return list((_WORD if language == "en" else _SIGN).findall(text.casefold().replace("’", "'")))


@lru_cache(maxsize=1024)  # the turns of the record at hand are asked for again and again
def _phrases(text: str, language: Language) -> frozenset[str]:
    return frozenset(_joined(_tokens(text, language), language))


def _joined(tokens: list[str], language: Language) -> Iterator[str]:
    length = _LENGTH[language]
    for place in range(len(tokens) - length + 1):
        yield JOINTS[language].join(tokens[place : place + length])
