"""The registry of cognitive distortions: fifteen after Crisp (arXiv 2504.17238) and two of ours, with all their names.

Cards, counselors, scores and exports name a distortion by its id; imported names are looked up here and nowhere else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from pydantic import Field

from profiles.localize import localize
from profiles.located import parse_yaml, validate
from profiles.schema import Record
from profiles.vocabulary import LANGUAGES, Language

__all__ = ["Distortion", "distortion_in", "distortions", "names_none"]


class Distortion(Record):
    """One kind of distorted thought, in one language.

    crisp: its name in the list of fifteen; None for ours. parent: id of a wider one that it is a kind of.
    """

    id: str = Field(pattern=r"^[a-z_]+$")
    name: str
    crisp: str | None = None
    parent: str | None = None
    aliases: tuple[str, ...] = ()
    means: str


class _Registry(Record):
    version: str
    distortions: tuple[Distortion, ...]
    none_of_these: tuple[str, ...]


@lru_cache(maxsize=2)
def _registry(language: Language) -> _Registry:
    path = files("profiles") / "data" / "distortions.yaml"
    located = parse_yaml(path.read_text(encoding="utf-8"), "profiles/data/distortions.yaml")
    value: Any = localize(located.value, language)
    return validate(_Registry, value, located)


@lru_cache(maxsize=2)
def distortions(language: Language) -> Mapping[str, Distortion]:
    """All distortions by id, in the order of the registry, with names and meanings in one language."""
    return {each.id: each for each in _registry(language).distortions}


def distortion_in(name: str) -> str | None:
    """The id for a name in any of the known lists and in either language; None where it names none that is known.

    Case, width (NFKC), blanks around it and the kind of hyphen do not matter.
    """
    return _by_name().get(_plain(name))


def names_none(name: str) -> bool:
    """Whether an imported value says that there is no distortion, or only a feeling."""
    return _plain(name) in {_plain(each) for each in _registry("en").none_of_these}


@lru_cache(maxsize=1)
def _by_name() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for language in LANGUAGES:
        for each in distortions(language).values():
            for name in (each.id, each.name, each.crisp or "", *each.aliases):
                if name:
                    found.setdefault(_plain(name), each.id)
    return found


def _plain(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold().strip()
    return re.sub(r"[\s_\-‐-―]+", " ", folded.replace("“", '"').replace("”", '"'))
