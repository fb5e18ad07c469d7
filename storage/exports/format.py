"""What an export format is: a named way from dialogue records to rows, found by scan or entry point."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from profiles.plugins import by_name, find_named, offered_at
from profiles.schema import Record
from storage.exports.record import DialogueRecord

__all__ = ["ENTRY_POINT", "ExportFormat", "ExportOptions", "Kind", "Opening", "find_format", "formats"]

ENTRY_POINT = "counsel_arena.exporters"
Kind = Literal["jsonl", "json", "csv", "parquet", "text"]
"""``json`` is one list of rows; ``text`` one file a row, whose row is ``{"name": ..., "text": ...}``."""
Opening = Literal["stub", "system", "drop"]


class ExportOptions(Record):
    """How rows are made.

    opening: what formats that must begin with the client do with a counselor's first turn: a stub before it, the
    greeting into the system prompt, or leave it out. system: system prompt by language; empty for none.
    """

    opening: Opening = "stub"
    system: dict[str, str] = {}
    stub: dict[str, str] = {}


@dataclass(frozen=True)
class ExportFormat:
    """A format.

    rows: the rows of one record, none where it does not fit (a preference format without a pair). Pure.
    fields: column names in order, for csv and parquet. unit: what one row stands for, in words for the data card.
    pair: of preference formats, the row of a pair (``preferences.Pair``), also of one that was made of two records.
    pairs: of preference formats, the pairs whose rows ``rows`` are, so that their faults are counted and told.
    beside: further small files (name -> text) made from the names of the data files, such as ``dataset_info.json``.
    back: the record that a row was made from, for formats that lose nothing.
    """

    name: str
    kind: Kind
    summary: str
    unit: str
    rows: Callable[[DialogueRecord, ExportOptions], Iterator[dict[str, Any]]]
    fields: tuple[str, ...] = ()
    preference: bool = False
    pair: Callable[[Any], dict[str, Any]] | None = None
    pairs: Callable[[DialogueRecord, ExportOptions], Iterable[Any]] | None = None
    beside: Callable[[Iterable[str]], Mapping[str, str]] = field(default=lambda names: {})
    back: Callable[[dict[str, Any]], DialogueRecord] | None = None


@lru_cache(maxsize=1)
def formats() -> Mapping[str, ExportFormat]:
    """All formats by name: each module of this package that offers ``FORMATS``, and entry points.

    Raises:
        UserError: a plug-in cannot be imported, or two claim one name.
    """
    return by_name("format", [*_ours(), *offered_at(ENTRY_POINT, ExportFormat)])


def find_format(name: str) -> ExportFormat:
    """The format of this name.

    Raises:
        UserError: there is none; the nearest name, or all names, are shown.
    """
    return find_named("format", formats(), name)


def _ours() -> list[tuple[str, tuple[ExportFormat, ...]]]:
    package = importlib.import_module("storage.exports")
    names = [info.name for info in pkgutil.iter_modules(package.__path__, "storage.exports.")]
    return [(name, tuple(getattr(importlib.import_module(name), "FORMATS", ()))) for name in sorted(names)]
