"""Reads spans of time in what was said: "three weeks", "half a year or more", as least and most days."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agents.counselors.magi.answer_words import AnswerWords
from profiles.interviews import Threshold

__all__ = ["DAYS", "Span", "spans_in"]

DAYS = {"days": 1.0, "weeks": 7.0, "months": 30.4, "years": 364.8}
"""Days in one of each unit; a year counts as twelve months."""

_FOREVER = 36_500.0
_DIGITS = re.compile(r"\d{1,3}(?:\.\d)?")
_SMALL = 1e-6
_TEN = 10  # ten and some: up to nearly twenty; three and some: less than four


@dataclass(frozen=True)
class Span:
    """A span of time in days, from ``least`` to ``most``; ``start`` and ``end`` are its place in the text."""

    least: float
    most: float
    start: int
    end: int

    def against(self, threshold: Threshold) -> bool | None:
        """Whether it reaches the threshold; None where it may or may not."""
        line = threshold.at_least * DAYS[threshold.unit]
        if self.least >= line - _SMALL:
            return True
        return False if self.most < line - _SMALL else None

    def holds(self, days: float) -> bool:
        """Whether an amount is one that these words can mean, give or take a rounding."""
        return self.least * 0.97 - _SMALL <= days <= self.most * 1.03 + _SMALL


def spans_in(text: str, words: AnswerWords) -> list[Span]:
    """All spans of time in a clause made ready for reading, in order. Ages and "days a week" are none."""
    fixed = [Span(low, high, hit.start(), hit.end()) for way, low, high in words.spans for hit in way.finditer(text)]
    counted = [span for span in _counted(text, words) if not any(_meet(span, other) for other in fixed)]
    return _added(sorted([*_apart(fixed), *counted], key=lambda span: span.start), text, words)


def _added(spans: list[Span], text: str, words: AnswerWords) -> list[Span]:
    """ "A year and three months" is one span."""
    whole: list[Span] = []
    for span in spans:
        last = whole[-1] if whole else None
        if last and words.duration["plus"].fullmatch(text[last.end : span.start]) and span.most < last.least:
            whole[-1] = Span(last.least + span.least, last.most + span.most, last.start, span.end)
        else:
            whole.append(span)
    return whole


def _apart(spans: list[Span]) -> Iterator[Span]:
    """The longest of those that overlap."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start - span.end):
        if not any(_meet(span, other) for other in kept):
            kept.append(span)
    yield from kept


def _meet(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _counted(text: str, words: AnswerWords) -> Iterator[Span]:
    place, ways = 0, words.duration
    while hit := ways["whole"].search(text, place):
        start, end = hit.start("number"), hit.end("unit")
        place = max(hit.end(), place + 1)
        before, after = text[:start], text[hit.end() :]
        if not ways["not_before"].search(before) and not ways["not_after"].search(after):
            yield _bent(_sized(hit, words), before, after, words, (start, end))


def _sized(hit: re.Match[str], words: AnswerWords) -> tuple[float, float]:
    found = {name: text for name, text in hit.groupdict().items() if text}
    low, high = _value(found["number"], words)
    for name in ("upper", "after"):
        if name in found:
            high = max(high, _value(found[name], words)[1])
    half = 0.5 if any(name.startswith("half") for name in found) else 0.0
    low, high = low + half, high + half
    if any(name.startswith("more") for name in found):
        high = low * 1.9 if low >= _TEN or low < 1 else low + 0.9
    size = words.units[found["unit"]]
    return low * size, high * size


def _value(text: str, words: AnswerWords) -> tuple[float, float]:
    if _DIGITS.fullmatch(text):
        return float(text), float(text)
    return words.numbers[text]


def _bent(size: tuple[float, float], before: str, after: str, words: AnswerWords, place: tuple[int, int]) -> Span:
    """The span as what stands around it bends it: "less than", "or more"."""
    low, high = size
    if words.duration["below"].search(before) or words.duration["below_after"].search(after):
        return Span(0.0, low * 0.99 if low == high else high * 0.99, *place)
    if words.duration["above"].search(before) or words.duration["above_after"].search(after):
        return Span(low, _FOREVER, *place)
    return Span(low, high, *place)
