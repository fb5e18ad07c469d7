"""Cuts a client's turn into sentences with their places, each made ready to be read by the word lists."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from agents.counselors.crdial.reading_words import ReadingWords, load_words
from agents.reading import split_sentences
from profiles.vocabulary import Language

__all__ = ["LONGEST", "Piece", "distortion_of", "pieces_of", "ready"]

LONGEST = 4000
"""Characters of a turn that are read by rule; a client who says more has said it before."""

_EDGES = " \t\n.,;:!?…—-~，。；：！？、～·\"“”'()（）"
_ASKS = re.compile(r"[?？][\"”’'」』)）\s]{0,4}$")


@dataclass(frozen=True)
class Piece:
    """A sentence: its place in the turn (without fillers and what leads into it), and its text made ready.

    text: the whole sentence; core: what stands at ``start``; bare: the whole without marks. asks: it is a question.
    """

    start: int
    end: int
    text: str
    core: str
    bare: str
    asks: bool


@lru_cache(maxsize=512)
def pieces_of(reply: str, language: Language) -> tuple[Piece, ...]:
    """The sentences of a turn in order; at most its first ``LONGEST`` characters."""
    words, text, place, pieces = load_words(language), reply[:LONGEST], 0, []
    for sentence in split_sentences(text, language):
        place = text.index(sentence, place)
        lead = _lead(_low(sentence), words)
        whole, core = ready(sentence, words), ready(sentence[lead:], words)
        bare = _bare(whole)
        asks = bool(_ASKS.search(sentence))
        pieces.append(Piece(place + lead, place + len(sentence), whole, core, bare, asks))
        place += len(sentence)
    return tuple(pieces)


def _low(text: str) -> str:
    """Lower case, each character in its place."""
    return "".join(char.lower() if len(char.lower()) == 1 else char for char in text)


def ready(text: str, words: ReadingWords) -> str:
    """A text as the patterns want it: lower case, written out."""
    text = _low(text)
    for old, new in words.replacements:
        text = old.sub(new, text)
    return text.strip()


def _bare(text: str) -> str:
    return re.sub(r"[,.;:!?…—~，。；：！？、～\"“”()（）]{1,9}", "", text).strip(_EDGES)


def _lead(low: str, words: ReadingWords) -> int:
    """How much of a sentence leads into what it says: noises, then one lead. Nothing where nothing would be left."""
    place = 0
    for name in ("fillers", "fillers", "fillers", "leads"):
        hit = words.lists[name].match(low, place)
        end = hit.end() if hit else place
        while end < len(low) and low[end] in " \t\n,，":
            end += 1
        if any(char.isalnum() for char in low[end:]):
            place = end
    return place


@lru_cache(maxsize=1024)
def distortion_of(text: str, language: Language, firm: bool = False) -> str:
    """The id of the distortion that a thought shows by its words, the most telling first; empty where none fits.

    Args:
        firm: only by words that are telling in themselves, not by "always" or "must".
    """
    words = load_words(language)
    plain = ready(text[:LONGEST], words)
    return next((ident for ident, way, sure in words.signs if (sure or not firm) and way.search(plain)), "")
