"""Writes a worksheet as a single HTML page to print; it loads nothing, runs no script and escapes all text."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from jinja2 import Environment

from arena.html import page_environment
from arena.restructuring.words import load_words, number
from arena.restructuring.worksheet import Sheet
from profiles.distortions import distortions

__all__ = ["worksheet_page"]


def worksheet_page(sheet: Sheet) -> str:
    """The page as one text, to be stored as UTF-8: every thought record, and an empty sheet to fill in by hand."""
    context: dict[str, Any] = {
        "t": load_words(sheet.language),
        "sheet": sheet,
        "kinds": [kind.name for kind in distortions(sheet.language).values()],
    }
    return _environment().get_template("worksheet.html.j2").render(context)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return page_environment(number=number, width=lambda value: number(min(max(value, 0.0), 100.0)))
