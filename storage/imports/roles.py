"""Whose line it is: role spellings of transcripts from elsewhere, as data in ``roles.yaml``."""

from __future__ import annotations

import re
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
_BRACKET = re.compile(r"(?<=\S)\s*\([^()]*\)\W*$")
_LETTER = re.compile(r"(?<=[\u4e00-\u9fff])\s*[a-z]$")
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
def _initials(names: frozenset[str]) -> Mapping[str, Role]:
    """The initials among the names that stand for a party, since the other party is named too."""
    letters = {letter for name in names if (letter := name.strip(_AROUND).upper()) in _roles().initials}
    found = {letter: _roles().initials[letter] for letter in letters}
    parties = {*found.values(), *(spellings().get(folded(name)) for name in names)} & {"client", "counselor"}
    return found if len(parties) > 1 else {}


@lru_cache(maxsize=8)
def _called(names: frozenset[str]) -> Mapping[str, Role]:
    """Names with a letter or a bracket behind a known one, where no other such name is of the same party."""
    found: dict[str, Role] = {}
    for name in names:
        party = spellings().get(_bare(name))
        if folded(name) not in spellings() and party in ("client", "counselor"):
            found[folded(name)] = party
    parties = list(found.values())
    return {name: party for name, party in found.items() if parties.count(party) == 1}


def _bare(name: str) -> str:
    """A role's name without what tells one person of that role from another."""
    return _LETTER.sub("", folded(_BRACKET.sub("", unicodedata.normalize("NFKC", name))))


def party_of(name: str, all_names: frozenset[str] = frozenset(), own: Mapping[str, Role] | None = None) -> Party | None:
    """Whose line it is, or None for a role that is not known.

    Args:
        all_names: the roles that the whole dialogue names; initials and names with a letter or a bracket count only
            beside them.
        own: a person's own spellings, which come first.
    """
    named = {folded(each): party for each, party in (own or {}).items()}
    known = named.get(folded(name)) or spellings().get(folded(name))
    if known:
        return known
    called = _called(all_names).get(folded(name))
    return called or _initials(all_names).get(name.strip(_AROUND).upper())
