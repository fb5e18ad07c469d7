"""The words and number formats of the report, in the run's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml

from arena.statistics import Interval
from profiles.vocabulary import Language

MISSING = "–"
Format = Callable[[float], str]


@dataclass(frozen=True)
class ReportText:
    """The text file of one language, ``templates/report_<language>.yaml``."""

    language: Language
    tree: Mapping[str, Any]

    def label(self, group: str, key: str) -> str:
        """The name of a stored word (a theme, a stage, a kind, ...); an unknown one as it stands, spaced."""
        names: Mapping[str, str] = self.tree["labels"][group]
        return names.get(key) or key.replace("_", " ") or MISSING

    def span(self, interval: Interval, form: Format) -> str:
        """Both ends of an interval; the unit is written once."""
        low, high = form(interval.low), form(interval.high)
        signed = low[:1] in "+−" or high[:1] in "+−"  # a dash beside a minus cannot be read
        between = self.tree["to"] if signed else "–"
        return f"{low.removesuffix('%')}{between}{high}"


@lru_cache(maxsize=2)
def load_text(language: Language) -> ReportText:
    """The report's words in one language."""
    source = files("arena") / "templates" / f"report_{language}.yaml"
    return ReportText(language, yaml.safe_load(source.read_text(encoding="utf-8")))


def percent(value: float) -> str:
    """A share (0-1) as a percentage with one decimal."""
    return f"{100 * value:.1f}%"


def points(value: float) -> str:
    """A difference of two shares, in percentage points with its sign."""
    return _signed(100 * value, 1)


def mean(value: float) -> str:
    """A mean on a rubric's range."""
    return f"{value:.2f}"


def gap(value: float) -> str:
    """A difference of two means, with its sign."""
    return _signed(value, 2)


def _signed(value: float, decimals: int) -> str:
    rounded = round(value, decimals)
    sign = "−" if rounded < 0 else "+" if rounded > 0 else ""
    return f"{sign}{abs(rounded):.{decimals}f}"


FORMATS: Mapping[str, Format] = {"percent": percent, "points": points, "mean": mean, "gap": gap}
