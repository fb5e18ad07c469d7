"""Loads the words by which a client's turn is read (``words/<language>.yaml``) and compiles them once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pydantic import Field

from agents.word_files import any_of, filled, load_word_file
from profiles.distortions import distortions
from profiles.errors import UserError
from profiles.schema import Record
from profiles.vocabulary import Language

__all__ = ["Ratings", "ReadingWords", "Way", "load_words"]

Patterns = tuple[str, ...]

_BETWEEN = {"en": r"(?:(?:,? [^\s,.!?;]{1,20}){0,%s},? ?)", "zh": "[^，。！？；,.!?;]{0,%s}"}


class _Way(Record):
    pattern: str
    scale: float
    sure: bool = False


class _Ratings(Record):
    ones: dict[str, float]
    tens: dict[str, float]
    others: dict[str, float]
    joined: str
    ways: tuple[_Way, ...]
    not_before: str
    not_after: str
    moved: str
    past: str
    belief: str
    words: tuple[tuple[str, int], ...]
    asked: str
    rest: str


class _Signs(Record):
    id: str
    firm: Patterns = ()
    weak: Patterns = ()


class _Words(Record):
    """A file of words; ``words/en.yaml`` explains the fields."""

    version: str
    replacements: tuple[tuple[str, str], ...]
    parts: dict[str, str]
    fillers: Patterns
    leads: Patterns
    openers: Patterns
    rupture: Patterns
    declines: Patterns
    agrees: Patterns
    disagrees: Patterns
    denies_danger: Patterns
    takes_back: Patterns
    bare_agreement: Patterns
    unsure: Patterns
    none_left: Patterns
    unconvinced: Patterns
    stands_by: Patterns
    asks_back: Patterns
    asks_you: Patterns
    of_you: Patterns
    rhetorical: Patterns
    asides: Patterns
    confides: Patterns
    wishes: Patterns
    plans: Patterns
    habits: Patterns
    errands: Patterns
    others_only: Patterns
    oneself: Patterns
    concerns: Patterns
    refers_back: Patterns
    self_signs: Patterns
    joins: Patterns
    feeling_only: Patterns
    by_feeling: Patterns
    feelings: Patterns
    feeling_nouns: Patterns
    felt_as: Patterns
    denied: Patterns
    event: Patterns
    happened: Patterns
    thought_signs: Patterns
    rule_signs: Patterns
    core_signs: Patterns
    balanced_signs: Patterns
    against_signs: Patterns
    for_signs: Patterns
    realistic: Patterns
    medical: Patterns
    distress: dict[int, Patterns] = Field(min_length=3, max_length=3)
    ratings: _Ratings
    distortions: tuple[_Signs, ...]


@dataclass(frozen=True)
class Way:
    """One way to say a rating; ``scale`` turns its number into 0-100, ``sure`` where it is a rating also unasked."""

    pattern: re.Pattern[str]
    scale: float
    sure: bool


@dataclass(frozen=True)
class Ratings:
    """How ratings are said. ``bounds``: the compiled patterns around a number, by their names in the file."""

    numbers: Mapping[str, float]
    ways: Sequence[Way]
    words: Sequence[tuple[re.Pattern[str], int]]
    bounds: Mapping[str, re.Pattern[str]]


@dataclass(frozen=True, eq=False)
class ReadingWords:
    """One language's words, compiled.

    lists: by their names in the file. signs: of distortions (id, pattern, whether firm); the first hit wins.
    """

    lists: Mapping[str, re.Pattern[str]]
    replacements: Sequence[tuple[re.Pattern[str], str]]
    distress: Mapping[int, re.Pattern[str]]
    ratings: Ratings
    signs: Sequence[tuple[str, re.Pattern[str], bool]]


@lru_cache(maxsize=2)
def load_words(language: Language) -> ReadingWords:
    """The compiled words of a language, read once.

    Raises:
        UserError: the file is missing, is not YAML, lacks a field, or holds a pattern or id that cannot be used.
    """
    return load_word_file(
        "agents.counselors.crdial", _Words, language, lambda text, name: _compiled(text, language, name)
    )


def _compiled(text: _Words, language: Language, name: str) -> ReadingWords:
    unknown = [signs.id for signs in text.distortions if signs.id not in distortions(language)]
    if unknown:
        raise UserError(f"{name}: distortions: unknown id '{unknown[0]}'; take one of profiles/data/distortions.yaml")
    feelings = {"feelings": "(?:" + "|".join((*text.feelings, *text.feeling_nouns)) + ")"}
    parts = {**text.parts, **feelings}
    lists = {field: getattr(text, field) for field in _Words.model_fields if field not in _NOT_LISTS}
    ranked = [(signs.id, signs.firm, True) for signs in text.distortions]
    ranked += [(signs.id, signs.weak, False) for signs in text.distortions if signs.weak]
    # what stands right before a word is searched up to the end, so no word edge is asked for
    denied = re.compile("|".join(text.denied))
    return ReadingWords(
        lists={
            **{field: _pattern(found, parts, language, field in _LEADING) for field, found in lists.items()},
            "denied": denied,
        },
        replacements=[(re.compile(old), new) for old, new in text.replacements],
        distress={level: _pattern(patterns, parts, language) for level, patterns in text.distress.items()},
        ratings=_ratings(text.ratings, parts, language),
        signs=[(ident, _pattern(patterns, parts, language), firm) for ident, patterns, firm in ranked],
    )


_LEADING = ("fillers", "leads")
_NOT_LISTS = ("version", "replacements", "parts", "distress", "ratings", "distortions")


def _ratings(text: _Ratings, parts: Mapping[str, str], language: Language) -> Ratings:
    numbers = {**text.ones, **text.tens, **text.others}
    compound = "|".join(f"{ten}{text.joined}{one}" for ten in text.tens for one in text.ones)
    plain = "|".join(sorted(map(re.escape, numbers), key=lambda word: (-len(word), word)))
    spoken = rf"(?:\d{{1,3}}(?:\.\d)?|{compound}|{plain})"
    named = {"number": f"(?P<number>{spoken})", "upper": f"(?P<upper>{spoken})"}
    edge = r"(?<![a-z0-9.])" if language == "en" else r"(?<![\d.])"
    ways = [Way(re.compile(edge + filled(w.pattern, named, _BETWEEN[language])), w.scale, w.sure) for w in text.ways]
    bounds = {field: re.compile(getattr(text, field)) for field in ("not_before", "not_after", "moved")}
    bounds |= {
        field: _pattern((getattr(text, field),), parts, language) for field in ("past", "belief", "asked", "rest")
    }
    words = [(_pattern((pattern,), parts, language), value) for pattern, value in text.words]
    return Ratings({**numbers, **_compound(text)}, ways, words, bounds)


def _compound(text: _Ratings) -> dict[str, float]:
    """ "seventy-five" and "seventy five", under the form without what joins them."""
    return {ten + one: ten_value + value for ten, ten_value in text.tens.items() for one, value in text.ones.items()}


def _pattern(
    patterns: Sequence[str], parts: Mapping[str, str], language: Language, open_ended: bool = False
) -> re.Pattern[str]:
    return any_of(patterns, parts, language, _BETWEEN[language], open_ended)
