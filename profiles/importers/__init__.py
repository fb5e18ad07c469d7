"""Reads client cards from files: our own formats and those of others, each by an importer of its own.

One module here is one importer: it offers ``IMPORTER``, an ``Importer``. Packages of others offer theirs
under the entry point group ``counsel_arena.importers``. Modules named with an underscore are shared parts.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import os
import pkgutil
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from profiles.errors import UserError
from profiles.importers._contract import CardSource, Draft, ForeignCard, Head, Importer
from profiles.importers._head import look
from profiles.library import CARD_FILES, refuse_doubles, select
from profiles.schema import Profile, Record
from profiles.vocabulary import Language

__all__ = [
    "CardSource",
    "Draft",
    "ForeignCard",
    "Head",
    "Imported",
    "Importer",
    "find_profiles",
    "importers",
    "open_cards",
    "read_cards",
]

ENTRY_POINTS = "counsel_arena.importers"
_CREDENTIAL = re.compile(
    r"passw|passphrase|token|secret|credential|api[_ -]?key|user[_ -]?name|login|cookie", re.IGNORECASE
)


class Imported(Record):
    """The profiles of a file, or of the shelf, in one language.

    Attributes:
        notes: one line a card on what could not be mapped and where it went.
        format: name of the importer, or ``shipped``. source: the file as it was named.
        checksum: SHA-256 over the file's bytes, 64 hex digits.
    """

    profiles: tuple[Profile, ...]
    notes: tuple[str, ...]
    format: str
    source: str
    checksum: str


def find_profiles(selector: str, language: Language) -> Imported:
    """The profiles that a selector names.

    Args:
        selector: a file of cards, or as for ``profiles.library.select``.
        language: the language to read them in.

    Raises:
        UserError: no such file, card or theme; a fault in the file; a card in another language.
    """
    separators = {os.sep, os.altsep or os.sep, "/"}
    if selector.lower().endswith(CARD_FILES) or any(sign in selector for sign in separators):
        return read_cards(Path(selector), language)
    found = select(selector, language)
    text = "\n".join(profile.model_dump_json() for profile in found)
    digest = hashlib.sha256(text.encode()).hexdigest()
    source = "profiles/data/clients"
    return Imported(profiles=found, notes=(), format="shipped", source=source, checksum=digest)


def read_cards(path: Path, language: Language, format: str | None = None) -> Imported:
    """The profiles of a file in one language.

    Args:
        path: the file.
        language: the language to read the cards in.
        format: name of an importer; None to recognise the format by the file's columns or keys.

    Raises:
        UserError: the first fault, by file, line and field.
    """
    importer, cards = open_cards(path, format)
    found = [_read(card, language) for card in cards]
    return Imported(
        profiles=tuple(profile for profile, _ in found),
        notes=tuple(f"card {profile.id}: {note}" for profile, note in found if note),
        format=importer.name,
        source=str(path),
        checksum=hashlib.sha256(path.read_bytes()).hexdigest(),
    )


def open_cards(path: Path, format: str | None = None) -> tuple[Importer, Sequence[CardSource]]:
    """The importer that fits a file, and the file's cards, not yet read.

    Raises:
        UserError: no such file, an unknown format, a broken file, no card in it, or two cards with one id.
    """
    if path.is_dir():
        raise UserError(f"{path}: this is a folder; name a file in it")
    if not path.exists():
        raise UserError(f"{path}: no such file")
    importer = _named(format, path) if format else _recognised(path)
    cards = importer.read(path)
    if not cards:
        raise UserError(f"{path}: no client card in this file")
    refuse_doubles((card.id, card.located) for card in cards)
    return importer, cards


@lru_cache(maxsize=1)
def importers() -> Mapping[str, Importer]:
    """All importers by name: ours first, then those of other packages.

    Raises:
        UserError: one cannot be loaded, or two have one name; it is named.
    """
    found: dict[str, Importer] = {}
    for source, offered in [*_ours(), *_strangers()]:
        if not isinstance(offered, Importer):
            raise UserError(f"plug-in {source}: it offers no Importer; mend or uninstall it")
        if offered.name in found:
            raise UserError(f"plug-in {source}: an importer '{offered.name}' exists already; rename it")
        found[offered.name] = offered
    return found


def _ours() -> list[tuple[str, Any]]:
    names = sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_"))
    return [(name, importlib.import_module(f"{__name__}.{name}").IMPORTER) for name in names]


def _strangers() -> list[tuple[str, Any]]:
    found = []
    for point in entry_points(group=ENTRY_POINTS):
        try:
            found.append((point.value, point.load()))
        except Exception as error:  # the boundary to code that is not ours
            where = f"plug-in '{point.name}' ({point.value})"
            raise UserError(f"{where} cannot be loaded: {error!r}; uninstall or mend it") from error
    return found


def _named(name: str, path: Path) -> Importer:
    known = importers()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}"
        raise UserError(f"--format: unknown format '{name}'; {hint}")
    importer = known[name]
    if path.suffix.lower() not in importer.suffixes:
        raise UserError(f"{path}: format '{name}' is read from {', '.join(importer.suffixes)} files")
    return importer


def _recognised(path: Path) -> Importer:
    fitting = [each for each in importers().values() if path.suffix.lower() in each.suffixes]
    if not fitting:
        known = sorted({suffix for each in importers().values() for suffix in each.suffixes})
        fault = "cannot tell what this is"
        raise UserError(f"{path}: {fault}; client cards are read from {', '.join(known)} files")
    head = look(path)
    found = [each for each in fitting if each.recognises(head)]
    if len(found) == 1:
        return found[0]
    if found:
        names = " and ".join(f"'{each.name}'" for each in found)
        raise UserError(f"{path}: {names} could both read this; say which with --format")
    wanted = "; ".join(f"{each.name}: {each.expects}" for each in fitting)
    raise UserError(f"{path}, line 1: unknown format of client cards; known columns or keys are {wanted}")


def _read(card: CardSource, language: Language) -> tuple[Profile, str]:
    profile = card.read(language)
    extra, dropped = _without_credentials(profile.extra)
    if dropped:
        profile = profile.model_copy(update={"extra": extra})
    said = f"dropped as credentials: {', '.join(dropped)}" if dropped else ""
    return profile, "; ".join(part for part in (card.note(profile), said) if part)


def _without_credentials(value: Any) -> tuple[Any, list[str]]:  # noqa: ANN401
    """A value without the keys that look like credentials, at any depth, and the names of those keys."""
    dropped: list[str] = []

    def clean(item: Any) -> Any:  # noqa: ANN401
        if isinstance(item, dict):
            bad = [key for key in item if _CREDENTIAL.search(str(key))]
            dropped.extend(str(key) for key in bad)
            return {key: clean(below) for key, below in item.items() if key not in bad}
        return [clean(below) for below in item] if isinstance(item, list) else item

    return clean(value), dropped
