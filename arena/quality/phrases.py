"""Finds template phrases: runs of words that stand in many dialogues.

One pass with bounded memory by lossy counting (Manku and Motwani 2002): after each bucket of dialogues, phrases too
rare to matter are forgotten. What occurs in at least a tenth of the dialogues is never missed, and a count falls short
of the truth by at most one dialogue a bucket.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from arena.quality.tokens import joined
from profiles.schema import Record
from profiles.vocabulary import Language

__all__ = ["Phrase", "Phrases"]

_SIZES: Final[dict[Language, int]] = {"en": 6, "zh": 10}  # words, characters
_SHARE: Final = 0.1
_FEWEST: Final = 3  # dialogues; in a handful of them a tenth is no pattern
_BUCKET: Final = 50
_ALIKE: Final = 0.9  # grams that overlap and are about as frequent are parts of one phrase

_Gram = tuple[str, ...]


class Phrase(Record):
    """A phrase. dialogues: in how many it stands, at least; share: of all of its language, 0-1."""

    speaker: str
    text: str
    dialogues: int
    share: float


class Phrases:
    """Counts the phrases of dialogues in one language."""

    def __init__(self, language: Language) -> None:
        self._language, self._size = language, _SIZES[language]
        self._counts: dict[tuple[str, _Gram], int] = {}
        self._missed: dict[tuple[str, _Gram], int] = {}
        self._dialogues = 0

    def add(self, turns: Iterable[tuple[str, Sequence[str]]]) -> None:
        """One dialogue, as (speaker, words) of its turns."""
        bucket = self._dialogues // _BUCKET
        for key in {(speaker, gram) for speaker, tokens in turns for gram in self._grams(tokens)}:
            if key not in self._counts and bucket:
                self._missed[key] = bucket
            self._counts[key] = self._counts.get(key, 0) + 1
        self._dialogues += 1
        if self._dialogues % _BUCKET == 0:
            self._forget(self._dialogues // _BUCKET)

    def top(self, most: int = 20) -> tuple[Phrase, ...]:
        """The phrases that stand in at least a tenth of the dialogues, the most frequent first."""
        least = max(_FEWEST, _SHARE * self._dialogues)
        often = {key: n for key, n in self._counts.items() if n + self._missed.get(key, 0) >= least}
        found = sorted(_whole(often, self._size), key=lambda each: (-each[2], each[0], each[1]))
        return tuple(
            Phrase(
                speaker=speaker,
                text=joined(tokens, self._language),
                dialogues=count,
                share=count / self._dialogues,
            )
            for speaker, tokens, count in found[:most]
        )

    def _grams(self, tokens: Sequence[str]) -> Iterator[_Gram]:
        for start in range(len(tokens) - self._size + 1):
            yield tuple(tokens[start : start + self._size])

    def _forget(self, bucket: int) -> None:
        rare = [key for key, count in self._counts.items() if count + self._missed.get(key, 0) <= bucket]
        for key in rare:
            del self._counts[key]
            self._missed.pop(key, None)


def _whole(often: dict[tuple[str, _Gram], int], size: int) -> Iterator[tuple[str, _Gram, int]]:
    """Overlapping grams joined into the longest phrases, each gram used once."""
    begin: dict[tuple[str, _Gram], list[_Gram]] = {}
    end: dict[tuple[str, _Gram], list[_Gram]] = {}
    for speaker, gram in often:
        begin.setdefault((speaker, gram[:-1]), []).append(gram)
        end.setdefault((speaker, gram[1:]), []).append(gram)
    used: set[tuple[str, _Gram]] = set()
    for speaker, gram in sorted(often, key=lambda key: (-often[key], key)):
        if (speaker, gram) in used:
            continue
        used.add((speaker, gram))
        phrase, count = list(gram), often[speaker, gram]
        while after := _next(speaker, begin.get((speaker, tuple(phrase[1 - size :])), ()), often, used, count):
            phrase.append(after[-1])
        while before := _next(speaker, end.get((speaker, tuple(phrase[: size - 1])), ()), often, used, count):
            phrase.insert(0, before[0])
        yield speaker, tuple(phrase), count


def _next(
    speaker: str,
    offered: Iterable[_Gram],
    often: dict[tuple[str, _Gram], int],
    used: set[tuple[str, _Gram]],
    count: int,
) -> _Gram | None:
    for gram in offered:
        if (speaker, gram) not in used and often[speaker, gram] >= _ALIKE * count:
            used.add((speaker, gram))
            return gram
    return None
