"""The words of the worksheet in one language, ``templates/worksheet_<language>.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml

from profiles.vocabulary import Language

__all__ = ["load_words", "number"]


@lru_cache(maxsize=2)
def load_words(language: Language) -> Mapping[str, Any]:
    """The text file of one language as a tree."""
    source = files("arena") / "templates" / f"worksheet_{language}.yaml"
    tree: Mapping[str, Any] = yaml.safe_load(source.read_text(encoding="utf-8"))
    return tree


def number(value: float) -> str:
    """A strength as people write it: 80, 62.5."""
    return f"{value:.1f}".removesuffix(".0")
