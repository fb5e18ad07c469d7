"""Looks for personal data in text by its shape: addresses, numbers and accounts, with where they stand."""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator

from profiles.localize import localize
from profiles.located import parse_yaml, validate
from profiles.safety import load_crisis_text
from profiles.schema import Record
from profiles.vocabulary import Language

__all__ = ["Place", "found_in", "names"]

_FILE: Final = "arena/quality/personal.yaml"
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999
_SIGNS: Final = "10X98765432"
_SHOWN: Final = 3  # characters of a find that a report may show


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from None
    return pattern


class _Pattern(Record):
    id: str
    name: str
    pattern: Annotated[str, AfterValidator(_compiles)]
    check: Literal["mainland_id", "luhn", "phone"] | None = None


class _Patterns(Record):
    version: str
    patterns: tuple[_Pattern, ...]


class Place(Record):
    """A find. kind: id of its pattern; shown: its first characters only, so that a report spreads nothing."""

    dialogue: str
    turn: int
    kind: str
    shown: str


@lru_cache(maxsize=2)
def _patterns(language: Language) -> _Patterns:
    located = parse_yaml((files("arena") / "quality" / "personal.yaml").read_text(encoding="utf-8"), _FILE)
    value: Any = localize(located.value, language)
    return validate(_Patterns, value, located)


@lru_cache(maxsize=1)
def _compiled() -> tuple[tuple[str, re.Pattern[str], str | None], ...]:
    return tuple((each.id, re.compile(each.pattern, re.ASCII), each.check) for each in _patterns("en").patterns)


@lru_cache(maxsize=2)
def names(language: Language) -> Mapping[str, str]:
    """Kind of find -> its name in a language."""
    return {each.id: each.name for each in _patterns(language).patterns}


def found_in(text: str) -> Iterator[tuple[str, str]]:
    """(kind, beginning) of each find in a text, in the order of the patterns; overlapping finds count once."""
    plain = unicodedata.normalize("NFKC", text)
    taken: list[tuple[int, int]] = []
    for kind, pattern, check in _compiled():
        for match in pattern.finditer(plain):
            begin, end = match.span()
            if any(begin < high and low < end for low, high in taken):
                continue
            if check is None or _CHECKS[check](match[0]):
                taken.append((begin, end))
                yield kind, f"{match[0][:_SHOWN]}…"


def _is_mainland_id(text: str) -> bool:
    """Whether an 18-digit number holds a day that was and the right check digit (GB 11643-1999, ISO 7064 MOD 11-2)."""
    try:
        born = datetime.date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(text[:17], _WEIGHTS, strict=True))
    return born.year >= 1900 and _SIGNS[total % 11] == text[17].upper()


def _is_card(text: str) -> bool:
    digits = [int(sign) for sign in reversed(text) if sign.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0 and len(set(digits)) > 1


def _is_private_phone(text: str) -> bool:
    return _digits(text) not in _public_lines()


@lru_cache(maxsize=1)
def _public_lines() -> frozenset[str]:
    return frozenset(_digits(line.number) for line in load_crisis_text().lines)


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


_CHECKS: Final[Mapping[str, Callable[[str], bool]]] = {
    "mainland_id": _is_mainland_id,
    "luhn": _is_card,
    "phone": _is_private_phone,
}
