"""Rubrics as versioned data: what each party scores, on which range, and which total passes.

A rubric is a YAML file that a clinician can edit. Texts stand plainly or as ``{en: ..., zh: ...}``; a loaded
``Rubric`` is in one language. Ranges, counts and cuts of the shipped three follow Ψ-Arena (AAAI-26,
doi 10.1609/aaai.v40i3.37211); their wording is ours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from profiles.errors import UserError
from profiles.localize import localize
from profiles.located import Located, Place, read_yaml, validate
from profiles.schema import Record
from profiles.vocabulary import LANGUAGES, Language, Party

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Dimension(Record):
    """One thing that a party scores.

    anchors: what each whole number of the rubric's range looks like in a transcript, from low to high.
    """

    id: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")
    name: Text
    definition: Text
    look_for: Text
    anchors: dict[int, Text]


class Rubric(Record):
    """What one party scores, in one language.

    low, high: bounds of each dimension's value, whole numbers, both included.
    cut, cut_op: a total passes when it is above the cut (``gt``), or at least the cut (``ge``).
    hash: first 12 hex digits of SHA-256 over the file's bytes, the same for both languages.
    """

    party: Party
    version: Text
    low: int
    high: int
    cut: float
    cut_op: Literal["gt", "ge"]
    source: Text
    title: Text
    viewpoint: Text
    dimensions: tuple[Dimension, ...] = Field(min_length=1)
    hash: str

    @property
    def maximum(self) -> int:
        """The highest total: every dimension at ``high``."""
        return len(self.dimensions) * self.high

    def passes(self, total: float) -> bool:
        """Whether the sum over all dimensions passes the cut."""
        return total >= self.cut if self.cut_op == "ge" else total > self.cut


def load_rubric(party: Party, language: Language, path: Path | None = None) -> Rubric:
    """The rubric of a party: the shipped one, or that of a person's own file.

    Args:
        party: whose rubric; a file for another party is refused.
        language: the language of the texts.
        path: a file of the same form as those in ``profiles/data/rubrics``; it is read anew at each call.

    Raises:
        UserError: the file is missing, malformed, for another party, or differs between its languages.
    """
    return _shipped(party, language) if path is None else _read(path, str(path), party, language)


@lru_cache
def _shipped(party: Party, language: Language) -> Rubric:
    path = Path(str(files("profiles") / "data" / "rubrics" / f"{party.value}.yaml"))
    return _read(path, f"profiles/data/rubrics/{path.name}", party, language)


def _read(path: Path, name: str, party: Party, language: Language) -> Rubric:
    located = read_yaml(path, name)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    # Both sides are built whichever is wanted, so that a fault in one does not wait for the run that uses it.
    sides = {side: _one_language(located, side, digest) for side in LANGUAGES}
    if len({_skeleton(rubric) for rubric in sides.values()}) > 1:
        raise located.fault((), "range, cut or dimension ids differ between the languages; make them alike")
    rubric = sides[language]
    if rubric.party != party:
        remedy = f"name the {party.value}'s file"
        raise located.fault(("party",), f"this is the {rubric.party.value}'s rubric; {remedy}")
    return rubric


def _one_language(located: Located, language: Language, digest: str) -> Rubric:
    try:
        plain = localize(located.value, language)
    except UserError as error:
        raise UserError(f"{located.source}: {error}") from None
    if not isinstance(plain, dict):
        raise located.fault((), "not a rubric; the file must hold fields such as 'party' and 'dimensions'")
    rubric = validate(Rubric, {**_with_bounds(plain, located), "hash": digest}, located)
    for place, fault in _faults(rubric):
        raise located.fault(place, fault)
    return rubric


def _with_bounds(plain: dict[str, Any], located: Located) -> dict[str, Any]:
    """The fields of a file as those of a ``Rubric``: one ``range`` becomes ``low`` and ``high``."""
    for name in ("low", "high", "hash"):
        if name in plain:
            raise located.fault((name,), "no field of a rubric file; bounds are given as 'range: [0, 4]'")
    match plain:
        case {"range": [int(low), int(high)], **others} if low < high:
            return {**others, "low": low, "high": high}
    raise located.fault(("range",), "give two whole numbers, the lower one first, such as [0, 4]")


def _faults(rubric: Rubric) -> Iterator[tuple[Place, str]]:
    """What no single field can show to be wrong, with the place to mend."""
    wanted = list(range(rubric.low, rubric.high + 1))
    seen: set[str] = set()
    for number, dimension in enumerate(rubric.dimensions):
        if dimension.id in seen:
            yield ("dimensions", number, "id"), f"id '{dimension.id}' stands twice; give each its own"
        seen.add(dimension.id)
        found = sorted(dimension.anchors)
        if found != wanted:
            fault = f"{dimension.id} has anchors for {found}; give one for each of {wanted}"
            yield ("dimensions", number, "anchors"), fault
    least = len(rubric.dimensions) * rubric.low
    if not least <= rubric.cut < rubric.maximum:
        fault = f"{rubric.cut:g} is no cut for totals from {least} to {rubric.maximum}"
        yield ("cut",), f"{fault}; set it within them and below the highest"


def _skeleton(rubric: Rubric) -> tuple[object, ...]:
    """What must not depend on the language."""
    ids = tuple(dimension.id for dimension in rubric.dimensions)
    return rubric.party, rubric.version, rubric.low, rubric.high, rubric.cut, rubric.cut_op, ids
