"""Finds quotes in an utterance and cuts the utterance into pieces that know which quotes cover them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["Piece", "Quoted", "cut"]

_MARKS = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "…": "..."})


@dataclass(frozen=True)
class Quoted:
    """Words that somebody quoted. ``kind``: score, risk or harm; ``label`` says more than ``short``."""

    words: str
    kind: str
    short: str
    label: str


@dataclass(frozen=True)
class Piece:
    """A stretch of an utterance: the quotes that cover it, if any, and those of them that end with it."""

    text: str
    quotes: tuple[Quoted, ...] = ()
    ending: tuple[Quoted, ...] = ()


def cut(text: str, quotes: Iterable[Quoted]) -> tuple[Piece, ...]:
    """The pieces of ``text`` in order; joined, they equal ``text``.

    A quote is looked for as the scoring code checks it: case, spacing, width and the form of quotation marks
    do not matter. One that is not there covers nothing.
    """
    plain, places = _folded(text)
    spans = [(*span, quote) for quote in quotes if (span := _span(quote.words, plain, places, len(text)))]
    edges = sorted({0, len(text), *(edge for low, high, _ in spans for edge in (low, high))})
    pieces = []
    for low, high in pairwise(edges):
        over = tuple(quote for begin, end, quote in spans if begin <= low and high <= end)
        pieces.append(Piece(text[low:high], over, tuple(quote for _, end, quote in spans if end == high)))
    return tuple(pieces)


def _span(words: str, plain: str, places: Sequence[int], size: int) -> tuple[int, int] | None:
    wanted = _folded(words)[0].strip().strip("\"'").strip()
    start = plain.find(wanted) if wanted else -1
    if start < 0:
        return None
    after = start + len(wanted)
    end = places[after] if after < len(places) else size
    if end == places[after - 1]:  # the quote ends inside of what one character was folded to
        end += 1
    return places[start], end


def _folded(text: str) -> tuple[str, list[int]]:
    """The text made plain, and for each of its characters the place in ``text`` that it came from."""
    characters: list[str] = []
    places: list[int] = []
    for place, raw in enumerate(text):
        for character in unicodedata.normalize("NFKC", raw.translate(_MARKS)).translate(_MARKS).casefold():
            space = character.isspace()
            if not space or (characters and characters[-1] != " "):
                characters.append(" " if space else character)
                places.append(place)
    return "".join(characters), places
