"""One language out of bilingual data: any mapping whose keys are languages gives way to its text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from profiles.errors import UserError
from profiles.vocabulary import LANGUAGES, Language

_HAN = re.compile(r"[\u3400-\u9fff]")
_LETTER = re.compile(r"[^\W\d_]")


class MissingText(UserError):
    """A bilingual text has no part in the wanted language. ``place`` says where in the data it stands."""

    def __init__(self, message: str, place: tuple[str | int, ...]) -> None:
        super().__init__(message)
        self.place = place


def localize(value: Any, language: Language, place: str = "") -> Any:  # noqa: ANN401  (data as read from a file)
    """``value`` with every ``{en: ..., zh: ...}`` replaced by its part in ``language``; ``{}`` stays.

    Raises:
        MissingText: a text has no part in this language; the message names its dotted place.
    """
    return _localize(value, language, (place,) if place else ())


def languages_in(value: Any) -> frozenset[Language]:  # noqa: ANN401
    """Every language that some bilingual text within ``value`` is written in; empty for plain data."""
    if _is_bilingual(value):
        return frozenset(value)
    return frozenset().union(*(languages_in(item) for item in _items(value)))


def script_of(value: Any) -> Language:  # noqa: ANN401
    """The language that plain data seems to be written in: Chinese from a third of Han letters on."""
    text = " ".join(_texts(value))
    return "zh" if 3 * len(_HAN.findall(text)) >= len(_LETTER.findall(text)) > 0 else "en"


def _localize(value: Any, language: Language, place: tuple[str | int, ...]) -> Any:  # noqa: ANN401
    if _is_bilingual(value):
        if language not in value:
            dotted = ".".join(str(part) for part in place)
            known = ", ".join(sorted(value))
            raise MissingText(f"{dotted or 'text'}: no '{language}' text, only {known}", place)
        return _localize(value[language], language, place)
    if isinstance(value, dict):
        return {key: _localize(item, language, (*place, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_localize(item, language, (*place, number)) for number, item in enumerate(value)]
    return value


def _is_bilingual(value: object) -> bool:
    return isinstance(value, dict) and bool(value) and all(key in LANGUAGES for key in value)


def _items(value: object) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in _items(value):
        yield from _texts(item)
