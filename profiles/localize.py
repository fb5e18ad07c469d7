"""One language out of bilingual data: any mapping whose keys are languages gives way to its text."""

from __future__ import annotations

from typing import Any

from profiles.errors import UserError
from profiles.vocabulary import LANGUAGES, Language


def localize(value: Any, language: Language, place: str = "") -> Any:  # noqa: ANN401  (data as read from a file)
    """``value`` with every ``{en: ..., zh: ...}`` replaced by its part in ``language``.

    Raises:
        UserError: a text has no part in this language; the message names its dotted place.
    """
    if isinstance(value, dict):
        if value and set(value) <= set(LANGUAGES):
            if language not in value:
                raise UserError(f"{place or 'text'}: no '{language}' text, only {', '.join(sorted(value))}")
            return localize(value[language], language, place)
        return {key: localize(item, language, _below(place, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [localize(item, language, _below(place, number)) for number, item in enumerate(value)]
    return value


def languages_in(value: Any) -> frozenset[Language]:  # noqa: ANN401
    """Every language that some bilingual text within ``value`` is written in; empty for plain data."""
    if isinstance(value, dict):
        if value and set(value) <= set(LANGUAGES):
            return frozenset(value)
        return frozenset().union(*(languages_in(item) for item in value.values()))
    if isinstance(value, list):
        return frozenset().union(*(languages_in(item) for item in value))
    return frozenset()


def _below(place: str, key: object) -> str:
    return f"{place}.{key}" if place else str(key)
