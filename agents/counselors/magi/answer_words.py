"""Loads the words by which answers are read (``words/<language>.yaml``) and compiles them once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pydantic import Field

from agents.word_files import NEVER, any_of, filled, load_word_file
from profiles.prefilter import Sieve
from profiles.schema import Record
from profiles.vocabulary import Language

__all__ = ["AnswerWords", "Signs", "load_words"]

Patterns = tuple[str, ...]


class VariableText(Record):
    """The signs of one variable; ``words/en.yaml`` explains the fields."""

    met: Patterns = ()
    not_met: Patterns = ()
    same_as: tuple[str, ...] = ()
    kinds: dict[str, Patterns] = Field(default_factory=dict)
    often: bool = False
    lifetime: bool = False
    asked_only: bool = False
    risk_is_yes: bool = False


class DurationText(Record):
    """How spans of time are said: numbers, units in days, and set phrases with least and most days."""

    numbers: dict[str, float | tuple[float, float]]
    units: dict[str, float]
    whole: str
    below: str
    above: str
    below_after: str
    above_after: str
    not_before: str
    not_after: str
    plus: str
    phrases: tuple[tuple[str, float, float], ...] = ()


class WordsText(Record):
    """A file of words."""

    version: str
    replacements: tuple[tuple[str, str], ...]
    parts: dict[str, str]
    breaks: Patterns
    fillers: Patterns
    yes_start: Patterns
    yes_whole: Patterns
    yes_alone: str
    no_start: Patterns
    no_whole: Patterns
    no_soft: Patterns
    fine: Patterns
    hedge_strong: Patterns
    hedge_soft: Patterns
    openers: Patterns
    minimise: Patterns
    often: Patterns
    some: Patterns
    seldom: Patterns
    frequency_rest: str
    past: Patterns
    over: Patterns
    now: str
    others: Patterns
    self: Patterns
    hypothetical: Patterns
    contrast: Patterns
    not_negation: Patterns
    negators: Patterns
    scope_ends: str
    scope_soft: str
    negators_soft: Patterns
    denied_after: Patterns
    turning: Patterns
    joins: str
    conceding: Patterns
    contradiction: Patterns
    refuse: Patterns
    asks_back: Patterns
    asks_how: str
    asks_either: str
    count_answer: Patterns
    distress: dict[int, Patterns]
    durations: DurationText
    variables: dict[str, VariableText]


@dataclass(frozen=True)
class Signs:
    """What tells of one variable without a yes or a no."""

    met: re.Pattern[str]
    not_met: re.Pattern[str]
    kinds: Mapping[str, re.Pattern[str]]
    often: bool = False
    lifetime: bool = False
    asked_only: bool = False
    risk_is_yes: bool = False


@dataclass(frozen=True, eq=False)
class AnswerWords:
    """One language's words, compiled. ``lists`` holds the general lists by their names in the file."""

    language: Language
    lists: Mapping[str, re.Pattern[str]]
    replacements: Sequence[tuple[re.Pattern[str], str]]
    distress: Mapping[int, re.Pattern[str]]
    duration: Mapping[str, re.Pattern[str]]
    numbers: Mapping[str, tuple[float, float]]
    units: Mapping[str, float]
    spans: Sequence[tuple[re.Pattern[str], float, float]]
    variables: Mapping[str, Signs]
    sieve: Sieve
    sieved: Sequence[tuple[str, bool]]

    def signs(self, variable: str) -> Signs:
        """The signs of a variable; none for one that the file does not know."""
        return self.variables.get(variable, _NONE)


_NONE = Signs(NEVER, NEVER, {})


@lru_cache(maxsize=4)
def load_words(language: Language) -> AnswerWords:
    """The compiled words of a language, read once.

    Raises:
        UserError: the file is missing, is not YAML, lacks a field or holds a pattern that cannot be used.
    """
    return load_word_file("agents.counselors.magi", WordsText, language, lambda text, _: _compiled(text, language))


def _compiled(text: WordsText, language: Language) -> AnswerWords:
    values = {name: getattr(text, name) for name in WordsText.model_fields}
    named = {name: (value,) if name in _SINGLE else value for name, value in values.items() if name not in _NOT_LISTS}
    variables = {name: _signs(name, text, language) for name in text.variables}
    sieved = [(name, way) for name in variables for way in (True, False)]
    found = [variables[name].met if way else variables[name].not_met for name, way in sieved]
    spoken = text.durations
    return AnswerWords(
        language=language,
        lists={name: _pattern(patterns, text.parts, language) for name, patterns in named.items()},
        replacements=[(re.compile(old), new) for old, new in text.replacements],
        distress={level: _pattern(words, text.parts, language) for level, words in text.distress.items()},
        duration=_duration(text.durations, language),
        numbers={name: value if isinstance(value, tuple) else (value, value) for name, value in spoken.numbers.items()},
        units=spoken.units,
        spans=[(_pattern((words,), text.parts, language), low, high) for words, low, high in spoken.phrases],
        variables=variables,
        sieve=Sieve(found),
        sieved=sieved,
    )


_SINGLE = ("frequency_rest", "now", "joins", "yes_alone", "scope_ends", "scope_soft", "asks_how", "asks_either")
_NOT_LISTS = ("version", "replacements", "parts", "distress", "durations", "variables")


def _signs(name: str, text: WordsText, language: Language) -> Signs:
    own = text.variables[name]
    known = [own, *(text.variables[other] for other in own.same_as)]
    return Signs(
        met=_pattern([p for each in known for p in each.met], text.parts, language),
        not_met=_pattern([p for each in known for p in each.not_met], text.parts, language),
        kinds={kind: _pattern(patterns, text.parts, language) for kind, patterns in own.kinds.items()},
        often=own.often,
        lifetime=own.lifetime,
        asked_only=own.asked_only,
        risk_is_yes=own.risk_is_yes,
    )


def _duration(text: DurationText, language: Language) -> dict[str, re.Pattern[str]]:
    def longest_first(words: Iterable[str]) -> str:
        return "(?:" + "|".join(sorted(words, key=lambda word: (-len(word), word))) + ")"

    parts = {"numbers": longest_first(text.numbers), "units": longest_first(text.units)}
    names = ("whole", "below", "above", "below_after", "above_after", "not_before", "not_after", "plus")
    return {name: re.compile(filled(getattr(text, name), parts)) for name in names}


def _pattern(patterns: Sequence[str], parts: Mapping[str, str], language: Language) -> re.Pattern[str]:
    gap = f"(?:{parts['between']}){{0,%s}}" if "between" in parts else ""
    return any_of(patterns, parts, language, gap)
