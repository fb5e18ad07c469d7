"""The published figures of Crisp beside which ours are set, and how far two sets of shares lie apart."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from profiles.localize import localize
from profiles.located import parse_yaml, validate
from profiles.schema import Record
from profiles.vocabulary import Language

__all__ = ["Figure", "Published", "published", "shares", "total_variation"]

_FILE = "storage/exports/templates/published.yaml"


class Figure(Record):
    """One published figure. band: lowest and highest value of ours without a warning, None where there is no end."""

    id: str
    name: str
    published: float | None
    band: tuple[float | None, float | None]

    def within(self, value: float) -> bool:
        """Whether a value of ours lies inside of the band."""
        low, high = self.band
        return (low is None or value >= low) and (high is None or value <= high)


class Published(Record):
    """All figures, in one language. standing: how far to trust them. distortions: counts by id of the registry."""

    source: str
    standing: str
    figures: tuple[Figure, ...]
    distortions: dict[str, int]

    def figure(self, name: str) -> Figure:
        """The figure with this id; ``KeyError`` where there is none."""
        return {figure.id: figure for figure in self.figures}[name]


@lru_cache(maxsize=2)
def published(language: Language = "en") -> Published:
    """The published figures, with names in one language."""
    text = (files("storage") / "exports" / "templates" / "published.yaml").read_text(encoding="utf-8")
    located = parse_yaml(text, _FILE)
    value: Any = localize(located.value, language)
    return validate(Published, value, located)


def shares(counts: Mapping[str, int]) -> dict[str, float]:
    """Counts as shares (0-1) of their sum; empty where nothing was counted."""
    total = sum(counts.values())
    return {name: count / total for name, count in counts.items()} if total else {}


def total_variation(ours: Mapping[str, int], theirs: Mapping[str, int]) -> float | None:
    """Half the sum of the differences of shares: 0 for equal shares, 1 for nothing in common.

    None where one side counts nothing.
    """
    here, there = shares(ours), shares(theirs)
    if not here or not there:
        return None
    return min(1.0, 0.5 * sum(abs(here.get(name, 0.0) - there.get(name, 0.0)) for name in here.keys() | there.keys()))
