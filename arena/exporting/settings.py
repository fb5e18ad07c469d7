"""The settings and texts of exports, as they stand in this folder's YAML files."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Literal, TypeVar

from pydantic import Field

from profiles.located import parse_yaml, validate
from profiles.schema import Record
from profiles.vocabulary import Theme

__all__ = ["Dedupe", "ExportSettings", "ExportTexts", "export_settings", "export_texts"]

T = TypeVar("T", bound=Record)
Domain = Literal[
    "family", "education", "career", "health", "finances", "romantic", "lifestyle", "friendship", "neighbourhood",
    "technology",
]  # fmt: skip
Reason = Literal[
    "failed", "language", "counselor", "against", "score", "passed", "unclean", "unchecked", "unsafe", "exit", "empty",
    "exact_duplicate", "near_duplicate",
]  # fmt: skip


class Dedupe(Record):
    """least: Jaccard 0-1. words, signs: length of a shingle. hashes: bytes of a signature."""

    least: float = Field(gt=0, le=1)
    words: int = Field(ge=1, le=20)
    signs: int = Field(ge=1, le=40)
    hashes: int = Field(ge=32, le=1024)


class ExportSettings(Record):
    """``config.yaml``."""

    version: str
    domains: dict[Theme, Domain]
    dedupe: Dedupe
    safety_exit: str = Field(pattern=r"^[a-z_]+$")


class _Spoken(Record):
    rules: str
    person: str
    file: str


class ExportTexts(Record):
    """``texts.yaml``."""

    reasons: dict[Reason, str]
    spoken: _Spoken
    csv: str
    notes: tuple[str, ...]


@lru_cache(maxsize=1)
def export_settings() -> ExportSettings:
    """The numbers and tables of exports."""
    return _read("config.yaml", ExportSettings)


@lru_cache(maxsize=1)
def export_texts() -> ExportTexts:
    """The words that exports put beside dialogues."""
    return _read("texts.yaml", ExportTexts)


def _read(name: str, kind: type[T]) -> T:
    located = parse_yaml((files("arena.exporting") / name).read_text(encoding="utf-8"), f"arena/exporting/{name}")
    return validate(kind, located.value, located)
