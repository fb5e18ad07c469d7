"""Cuts what was said into clauses, each with its place, so that every reading can be quoted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from agents.counselors.magi.answer_words import AnswerWords, load_words
from profiles.vocabulary import Language

__all__ = ["Clause", "clauses_of", "sentence_at"]

_MARK = re.compile(r"(?:[!?;:,，、；：—–()（）\n。！？~…]|\.(?!\d)|(?<=\s)-+(?=\s))+")
_ASKS = re.compile(r"[?？]")
_STOP = re.compile(r"[!?;\n。！？；]|(?<!\.)\.(?!\.)")


@dataclass(frozen=True)
class Clause:
    """A clause: its place in what was said, the text made ready for reading, that without what leads into it.

    asks: it is a question, so it states nothing.
    """

    start: int
    end: int
    text: str
    bare: str
    sentence: int
    asks: bool = False


@lru_cache(maxsize=2048)
def clauses_of(text: str, language: Language) -> tuple[Clause, ...]:
    """The clauses of a text in order, with their places."""
    words = load_words(language)
    low = "".join(char.lower() if len(char.lower()) == 1 else char for char in text)
    clauses: list[Clause] = []
    sentence = start = 0
    for end, following, mark in _cuts(low, words):
        if end >= start and any(char.isalnum() for char in low[start:end]):
            ready = _ready(low[start:end], words)
            asks = bool(_ASKS.search(mark))
            clauses.append(Clause(start, end, ready, _bare(ready, words), sentence, asks))
        sentence += bool(_STOP.search(mark))
        start = max(start, following)
    return tuple(clauses)


def _cuts(low: str, words: AnswerWords) -> list[tuple[int, int, str]]:
    """Where clauses end: end, start of the next, and the mark between."""
    joined = words.lists["joins"]
    marks = [(hit.start(), hit.end(), hit[0]) for hit in _MARK.finditer(low)]
    marks = [cut for cut in marks if cut[2].strip() not in (",", "，") or not joined.match(low[cut[1] :])]
    breaks = [(hit.start(), hit.start(), "") for hit in words.lists["breaks"].finditer(low)]
    return [*sorted(marks + breaks), (len(low), len(low), "\n")]


def _ready(text: str, words: AnswerWords) -> str:
    for old, new in words.replacements:
        text = old.sub(new, text)
    return text.strip()


def _bare(text: str, words: AnswerWords) -> str:
    while (hit := words.lists["fillers"].match(text)) and hit.end() < len(text):
        text = text[hit.end() :].strip()
    return text


def sentence_at(text: str, start: int, end: int, language: Language) -> tuple[int, int]:
    """The whole sentences around a place in a text."""
    clauses = clauses_of(text, language)
    touched = {clause.sentence for clause in clauses if clause.start < end and start < clause.end}
    inside = [clause for clause in clauses if clause.sentence in touched]
    if not inside:
        return start, end
    return _trimmed(text, min(start, inside[0].start), max(end, inside[-1].end))


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    cut = text[start:end]
    return start + len(cut) - len(cut.lstrip()), start + len(cut.rstrip())
