"""The supportive strategies that label a counselor's sentences: eight in five categories (Crisp, arXiv 2504.17238)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import Field

from profiles.localize import localize
from profiles.located import parse_yaml, validate
from profiles.schema import Record
from profiles.vocabulary import Language

__all__ = ["Strategy", "strategies"]


class Strategy(Record):
    """What one sentence does, in one language.

    name: shown, and the token of exports with inline strategies. supports: it gives support, so that a challenging
    sentence may stand beside it. esconv, extes: the name in those data sets.
    """

    id: str = Field(pattern=r"^[a-z_]+$")
    category: Literal["description", "expression", "assertion", "reinforcement", "negotiation"]
    name: str
    supports: bool
    esconv: str
    extes: str
    means: str


class _Registry(Record):
    version: str
    strategies: tuple[Strategy, ...]


@lru_cache(maxsize=2)
def strategies(language: Language) -> Mapping[str, Strategy]:
    """All strategies by id, in the order of the registry, with names and meanings in one language."""
    path = files("profiles") / "data" / "strategies.yaml"
    located = parse_yaml(path.read_text(encoding="utf-8"), "profiles/data/strategies.yaml")
    value: Any = localize(located.value, language)
    registry = validate(_Registry, value, located)
    return {each.id: each for each in registry.strategies}
