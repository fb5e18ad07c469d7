"""Writes the quality report as one HTML page that needs no network and runs no script, and forms its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment
from markupsafe import Markup

from arena.html import page_environment
from arena.quality.compare import Comparison
from arena.quality.diversity import LEAST_TOKENS
from arena.quality.measure import Quality
from arena.quality.personal import names
from profiles.crisis import disclaimer
from profiles.localize import localize
from profiles.located import parse_yaml
from profiles.vocabulary import Language

__all__ = ["band", "figure", "quality_page", "words_of"]

_MISSING: Final = "–"
_SHARES: Final = {"share_en", "near_duplicates", "wrong_script"}
_FOLDER: Final = "arena/quality/templates"


def quality_page(quality: Quality, comparison: Comparison, language: Language) -> str:
    """The page as one text, to be stored as UTF-8.

    Args:
        comparison: of the same measurement, with names in the same language.
        language: of the page's own words.
    """
    words = words_of(language)
    context = {
        "t": words,
        "q": quality,
        "c": comparison,
        "columns": ["all", *quality.by_language] if len(quality.by_language) > 1 else ["all"],
        "spoken": list(quality.by_language),
        "least": LEAST_TOKENS,
        "kinds": names(language),
        "found": sum(quality.all.personal.values()),
        "disclaimer": disclaimer(language),
        "css": Markup(_text("quality.css")),
    }
    return _environment(language).get_template("quality.html.j2").render(context)


def figure(value: float | None, name: str) -> str:
    """A figure as it is shown: shares in percent, others with two decimals at most."""
    if value is None:
        return _MISSING
    return _percent(value) if name in _SHARES else _number(value)


def band(ends: tuple[float | None, float | None], name: str, words: Mapping[str, Any]) -> str:
    """A band in words: both ends, or ``from`` and ``at most`` where one is open."""
    low, high = ends
    if low is None or high is None:
        return f"{words['at_most']}{figure(high, name)}" if low is None else f"{words['from']}{figure(low, name)}"
    return f"{figure(low, name)}–{figure(high, name)}"


@lru_cache(maxsize=2)
def words_of(language: Language) -> Mapping[str, Any]:
    """The words of the report in one language."""
    located = parse_yaml(_text("quality_words.yaml"), f"{_FOLDER}/quality_words.yaml")
    words: Mapping[str, Any] = localize(located.value, language)
    return words


def _environment(language: Language) -> Environment:
    return page_environment(
        "arena.quality",
        number=_number,
        percent=_percent,
        width=lambda share: f"{100 * min(1.0, share):.2f}",
        longest=lambda found: max((max(each.share, each.published or 0.0) for each in found), default=0.0) or 1.0,
        figure=figure,
        band=lambda ends, name: band(ends, name, words_of(language)),
    )


def _text(name: str) -> str:
    return (files("arena") / "quality" / "templates" / name).read_text(encoding="utf-8")


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _percent(value: float) -> str:
    return f"{100 * value:.1f}%"
