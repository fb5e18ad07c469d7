"""Whose line it is: role spellings of transcripts from elsewhere, as data in ``roles.yaml``."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Literal

from profiles.located import parse_yaml, validate
from profiles.schema import Record
from profiles.vocabulary import Role

__all__ = ["Party", "party_of", "spellings"]

Party = Role | Literal["beside"]
_AROUND = " \t*_#[]()<>【】（）「」\"'“”:：|"


class _Roles(Record):
    client: tuple[str, ...]
    counselor: tuple[str, ...]
    beside: tuple[str, ...]
    initials: dict[str, Role]


@lru_cache(maxsize=1)
def _roles() -> _Roles:
    text = (files("storage.imports") / "roles.yaml").read_text(encoding="utf-8")
    located = parse_yaml(text, "storage/imports/roles.yaml")
    return validate(_Roles, located.value, located)


@lru_cache(maxsize=1)
def spellings() -> Mapping[str, Party]:
    """Folded spelling -> whose it is; initials are not among them."""
    roles = _roles()
    named: tuple[tuple[Party, tuple[str, ...]], ...] = (
        ("client", roles.client),
        ("counselor", roles.counselor),
        ("beside", roles.beside),
    )
    return {folded(name): party for party, names in named for name in names}


def folded(name: str) -> str:
    """A role's name without case, width and what stands around it."""
    return unicodedata.normalize("NFKC", name).casefold().strip(_AROUND).replace("-", " ").replace("_", " ")


@lru_cache(maxsize=8)  # asked for each line of a dialogue, of which the names are the same
def _letters(names: frozenset[str]) -> frozenset[str]:
    return frozenset(each.strip(_AROUND).upper() for each in names)


def party_of(name: str, all_names: frozenset[str] = frozenset(), own: Mapping[str, Role] | None = None) -> Party | None:
    """Whose line it is, or None for a role that is not known.

    Args:
        all_names: the roles that the whole dialogue names; initials count only beside a ``T``.
        own: a person's own spellings, which come first.
    """
    named = {folded(each): party for each, party in (own or {}).items()}
    known = named.get(folded(name)) or spellings().get(folded(name))
    if known:
        return known
    letters = _letters(all_names)
    letter = name.strip(_AROUND).upper()
    return _roles().initials.get(letter) if "T" in letters and len(letters) > 1 else None
