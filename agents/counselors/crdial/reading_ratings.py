"""Finds ratings from 0 to 100 in a client's turn: as figures, in words, in tenths, and of what they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Literal

from agents.counselors.crdial.reading_pieces import LONGEST, ready
from agents.counselors.crdial.reading_words import Ratings, ReadingWords, load_words
from agents.reading import content_units, split_sentences
from profiles.vocabulary import Language

__all__ = ["Rated", "both", "only_rates", "ratings_in", "strength_in"]

_CLAUSE = re.compile(r"[,;.!?，；。！？、\n]|\b(?:and|but)\b|和|但")
_COMMA = re.compile(r"[,，]\s{0,2}$")
_COUNTED = 10
_MOST_NUMBERS = 40  # in one turn, of one way to say them
_NEAR = 120  # characters on either side of a number that its clause may reach
_MOST = 100
_SHORT = 24  # characters of a clause in which a word ("half") may stand for a strength; more in English
_FEELINGS = ("felt_as", "feelings", "feeling_nouns")
_FEW_UNITS = 1  # content units left over in a sentence that is nothing but a rating


@dataclass(frozen=True)
class Rated:
    """One number: its least and most (0-100), place in the text made ready, and what the words around it speak of.

    sure: it is a rating by its own form ("percent"). past: it tells how it was before.
    """

    least: float
    most: float
    start: int
    end: int
    of: Literal["belief", "emotion", ""]
    sure: bool
    past: bool = False

    @property
    def likely(self) -> bool:
        """Whether it looks like a rating in a longer answer: people rate in fives, and stories count to three."""
        return self.least >= _COUNTED and self.value % 5 == 0

    @property
    def value(self) -> int:
        """The number, or the middle of the two."""
        return round((self.least + self.most) / 2)

    def holds(self, value: int) -> bool:
        """Whether a rating may be read from this number."""
        return self.least - 1 <= value <= self.most + 1


@lru_cache(maxsize=512)
def ratings_in(text: str, language: Language) -> tuple[Rated, ...]:
    """All numbers of a turn that may be ratings, in order; ages, dates and counts are none."""
    words = load_words(language)
    plain = ready(text[:LONGEST], words)
    found: list[Rated] = []
    for rated in sorted(_all(plain, words, language), key=lambda each: (not each.sure, each.start - each.end)):
        if not any(rated.start < other.end and other.start < rated.end for other in found):
            found.append(rated)
    return _moved(sorted(found, key=lambda each: each.start), plain, words.ratings)


def both(text: str, language: Language, asks: str, question: str) -> tuple[int | None, int | None]:
    """Belief and emotion, as far as a turn rates them. Where nothing was asked, only what is a rating by its form."""
    words = load_words(language)
    asked = asks.startswith(("belief_", "emotion_"))
    beside = bool(words.ratings.bounds["asked"].search(ready(question, words)))
    found = ratings_in(text, language)
    whole = only_rates(text, language)
    found = tuple(each for each in found if each.sure or each.of or whole or each.likely)
    if not asked:
        alone = any(only_rates(sentence, language) for sentence in split_sentences(text[:LONGEST], language))
        found = tuple(each for each in found if (each.of or alone) and (each.sure or beside))
    now = [each for each in found if not each.past] or found
    belief = next((each.value for each in now if each.of == "belief"), None)
    emotion = next((each.value for each in now if each.of == "emotion"), None)
    free = [each.value for each in now if not each.of]
    alone_felt = len(now) == 1 and asks.startswith("belief_") and _only_felt(text, words, language)
    if (asks.startswith("emotion_") or alone_felt) and emotion is None and len(free) == 1:
        return belief, free[0]
    if belief is None and free:
        belief = free.pop(0)
    if emotion is None and free:
        emotion = free.pop(0)
    if belief is None and emotion is None and asked:
        return _in_words(text, language, asks)
    return belief, emotion


def _only_felt(text: str, words: ReadingWords, language: Language) -> bool:
    """Whether the sentence with the number names a feeling, and no belief: "Feeling lost, 50"."""
    rated = [ready(each, words) for each in split_sentences(text[:LONGEST], language) if ratings_in(each, language)]
    felt = any(words.lists[name].search(each) for each in rated for name in _FEELINGS)
    return felt and not any(words.ratings.bounds["belief"].search(each) for each in rated)


def _in_words(text: str, language: Language, asks: str) -> tuple[int | None, int | None]:
    strength = strength_in(text, language)
    return (None, strength) if asks.startswith("emotion_") else (strength, None)


def strength_in(text: str, language: Language) -> int | None:
    """A strength in words ("completely", "half"), where a short clause says it."""
    words = load_words(language)
    longest = _SHORT if language == "zh" else 2 * _SHORT
    for clause in _CLAUSE.split(ready(text[:LONGEST], words)):
        if len(clause) <= longest and not _left(clause, language, strengths=True):
            hits = [
                (hit.start() - hit.end(), value) for way, value in words.ratings.words if (hit := way.search(clause))
            ]
            if hits:
                return min(hits)[1]
    return None


def only_rates(text: str, language: Language) -> bool:
    """Whether a sentence is nothing but a rating, with or without the name of what is rated."""
    words = load_words(language)
    plain = ready(text, words)
    found = ratings_in(text, language)
    if not found:
        return strength_in(text, language) is not None and not _left(plain, language, strengths=True)
    rest = "".join(char for place, char in enumerate(plain) if not any(e.start <= place < e.end for e in found))
    return _left(rest, language) <= _FEW_UNITS


def _left(plain: str, language: Language, strengths: bool = False) -> int:
    """Content units that are left of a text without what goes with a rating."""
    words = load_words(language)
    ways = [way for way, _ in words.ratings.words] if strengths else []
    feelings = [words.lists[name] for name in _FEELINGS]
    for pattern in (*ways, words.ratings.bounds["rest"], words.ratings.bounds["belief"], *feelings):
        plain = pattern.sub(" ", plain)
    return len(content_units(plain, language))


def _clause(plain: str, start: int, end: int, cut: bool = False) -> str:
    """The clause around a place; without what stands there, where it is to be cut out."""
    first = max(
        (hit.end() for hit in _CLAUSE.finditer(plain, max(0, start - _NEAR), start)), default=max(0, start - _NEAR)
    )
    last = next((hit.start() for hit in _CLAUSE.finditer(plain, end, end + _NEAR)), min(len(plain), end + _NEAR))
    return f"{plain[first:start]} {plain[end:last]}" if cut else plain[first:last]


def _all(plain: str, words: ReadingWords, language: Language) -> Iterator[Rated]:
    bounds = words.ratings.bounds
    for way in words.ratings.ways:
        for hit in islice(way.pattern.finditer(plain), _MOST_NUMBERS):
            number = _number(hit["number"], words.ratings)
            upper = hit.groupdict().get("upper")
            high = _number(upper, words.ratings) if upper else None
            extra = 0.5 if "half" in hit.groupdict() and hit["half"] else 0.0
            low, top = (number + extra) * way.scale, ((number if high is None else high) + extra) * way.scale
            loose = not way.sure and (
                bounds["not_after"].match(plain[hit.end() : hit.end() + 20])
                or bounds["not_before"].search(plain[max(0, hit.start() - 12) : hit.start()])
                or _glued(plain, hit.end())
                or _left(_clause(plain, hit.start(), hit.end(), cut=True), language) > _FEW_UNITS
            )
            if not loose and 0 <= low <= top <= _MOST:
                of, past = _about(plain, hit.start(), hit.end(), words)
                yield Rated(low, top, hit.start(), hit.end(), of, way.sure, past)


def _glued(plain: str, end: int) -> bool:
    """Whether a number runs on: "700", "7th", "oneself"."""
    return plain[end - 1].isascii() and end < len(plain) and plain[end].isascii() and plain[end].isalnum()


def _number(text: str, ratings: Ratings) -> float:
    if text[0].isascii() and text[0].isdigit():
        return float(text)
    return ratings.numbers.get(text, ratings.numbers.get(re.sub(r"[- ]", "", text), -1.0))


def _about(plain: str, start: int, end: int, words: ReadingWords) -> tuple[Literal["belief", "emotion", ""], bool]:
    """What the clause around a number speaks of, and whether of how it was before."""
    clause = _clause(plain, start, end)
    past = bool(words.ratings.bounds["past"].search(clause))
    before = _COMMA.search(plain[: plain.find(clause, max(0, start - _NEAR))])
    if before and not _names(clause, words):  # "Feeling lost, 50"
        clause = _clause(plain, before.start(), before.start())
    feeling = any(words.lists[name].search(clause) for name in _FEELINGS)
    belief = words.ratings.bounds["belief"].search(clause)
    if belief and not feeling:
        return "belief", past
    return ("emotion" if feeling else ""), past


def _names(clause: str, words: ReadingWords) -> bool:
    """Whether a clause says what is rated."""
    known = (*(words.lists[name] for name in _FEELINGS), words.ratings.bounds["belief"])
    return any(pattern.search(clause) for pattern in known)


def _moved(found: list[Rated], plain: str, ratings: Ratings) -> tuple[Rated, ...]:
    """ "From 80 to 50": the first of the two is how it was."""
    kept: list[Rated] = []
    for rated in found:
        last = kept[-1] if kept else None
        if last and ratings.bounds["moved"].fullmatch(plain[last.end : rated.start]):
            kept[-1] = Rated(last.least, last.most, last.start, last.end, last.of, last.sure, past=True)
        kept.append(rated)
    return tuple(kept)
