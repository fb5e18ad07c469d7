"""Loads the texts of the counseling exports (``counseling_texts/*.yaml``), which a clinician can edit."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Literal

from profiles.located import Located, parse_yaml, validate
from profiles.schema import Record
from profiles.vocabulary import Language

__all__ = ["CounselingTexts", "FinerName", "Labels", "Roles", "labels", "texts"]


class Roles(Record):
    """What stands before a turn in formats of plain lines."""

    help_seeker: str
    therapist: str


class CounselingTexts(Record):
    """The texts of one language; ``en.yaml`` explains the fields."""

    version: str
    roles: Roles
    mark: str
    labels: tuple[str, ...]
    intake: str
    technique: str
    plan: str
    find_channels: str
    hold_channel: str
    domains: dict[str, str]


class FinerName(Record):
    """A name that ExTES has for one strategy in one step."""

    step: str
    strategy: str
    when: Literal["always", "balanced_thought"]
    name: str


class Labels(Record):
    """Names that other data sets use; ``labels.yaml`` explains the fields."""

    version: str
    unlabelled: str
    problem_types: dict[str, str]
    extes_by_step: tuple[FinerName, ...]


@lru_cache(maxsize=2)
def texts(language: Language) -> CounselingTexts:
    """The texts of a language.

    Raises:
        UserError: the file cannot be read as such; names line and field.
    """
    located = _read(language)
    return validate(CounselingTexts, located.value, located)


@lru_cache(maxsize=1)
def labels() -> Labels:
    """The names of other data sets. Raises as ``texts``."""
    located = _read("labels")
    return validate(Labels, located.value, located)


def _read(name: str) -> Located:
    path = files("storage.exports") / "counseling_texts" / f"{name}.yaml"
    return parse_yaml(path.read_text(encoding="utf-8"), f"storage/exports/counseling_texts/{name}.yaml")
