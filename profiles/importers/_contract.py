"""What an importer is: how it is told apart from others, and the cards it finds in a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from profiles.errors import UserError
from profiles.located import Located, validate
from profiles.schema import Profile
from profiles.vocabulary import Language


@dataclass(frozen=True)
class Head:
    """What an importer may look at to recognise a file.

    Attributes:
        name: the file's name; suffix: its end in lower case, such as ``.json``.
        fields: the columns of a table, or the keys of the first record; empty where there are none.
    """

    name: str
    suffix: str
    fields: frozenset[str]


class CardSource(Protocol):
    """A card of a file, not yet read: so a fault in one card does not hide those of the others."""

    @property
    def id(self) -> str:
        """The id of the profile it will become; empty where the file gives none."""

    @property
    def located(self) -> Located:
        """The record it is made of."""

    @property
    def languages(self) -> tuple[Language, ...]:
        """The languages it can be read in."""

    def read(self, language: Language) -> Profile:
        """The card in one language; a ``UserError`` names file, line and field of the first fault."""

    def faults(self, language: Language) -> tuple[UserError, ...]:
        """All its faults in one language, one line each."""

    def note(self, profile: Profile) -> str:
        """What could not be mapped and where it went, without the id; empty where all was."""


@dataclass(frozen=True)
class Importer:
    """A format of client cards.

    Attributes:
        name: what ``--format`` calls it. summary: one line for lists and errors.
        suffixes: the file name ends it reads, in lower case. expects: the columns or keys it looks for.
        recognises: whether a file is of this format. read: its cards, in the order of the file.
    """

    name: str
    summary: str
    suffixes: tuple[str, ...]
    expects: str
    recognises: Callable[[Head], bool]
    read: Callable[[Path], Sequence[CardSource]]


@dataclass(frozen=True)
class Draft:
    """A record in the words of our card, not yet validated.

    Attributes:
        values: fields of ``Profile`` without ``lang``; unmapped columns stand under ``extra``.
        remarks: short clauses on what the mapping had to decide, for the note.
    """

    values: Mapping[str, Any]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class ForeignCard:
    """A card of another format, written in one language.

    Args:
        located: the record as it stands in the file.
        id: the profile's id. language: the language its texts are written in.
        draft: maps the record; a ``UserError`` where it cannot.
    """

    located: Located
    id: str
    language: Language
    draft: Callable[[Located], Draft] = field(repr=False)

    @property
    def languages(self) -> tuple[Language, ...]:
        """The one language it is written in."""
        return (self.language,)

    def read(self, language: Language) -> Profile:
        """The card in its language.

        Raises:
            UserError: the record cannot be mapped, or is written in another language.
        """
        if language != self.language:
            fault = f"card '{self.id}' is written in '{self.language}'; run it with --lang {self.language}"
            raise self.located.fault((), fault)
        values = {**self.draft(self.located).values, "lang": language}
        return validate(Profile, values, self.located)

    def faults(self, language: Language) -> tuple[UserError, ...]:
        """The first fault of its mapping, if there is one."""
        try:
            self.read(language)
        except UserError as error:
            return (error,)
        return ()

    def note(self, profile: Profile) -> str:
        """The importer's remarks, what stands under extra, and what the format knows nothing of."""
        names = ", ".join(f"'{name}'" if "," in name else name for name in profile.extra)
        kept = f"kept under extra: {names}" if names else ""
        empty = [
            f"no {name}"
            for name, there in (
                ("opening", profile.opening),
                ("hidden facts", profile.hidden_facts),
                ("thoughts", profile.thoughts),
                ("criteria", profile.criteria),
            )
            if not there
        ]
        clauses = (*self.draft(self.located).remarks, kept, ", ".join(empty))
        return "; ".join(clause for clause in clauses if clause)
