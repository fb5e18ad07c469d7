"""A first look at a file: the columns or keys of its first record, before any importer reads it."""

from __future__ import annotations

from pathlib import Path

from profiles.errors import UserError
from profiles.importers._contract import Head
from profiles.importers._json import parse_json
from profiles.importers._table import header_of
from profiles.located import read_text


def look(path: Path) -> Head:
    """What can be seen of a file.

    Raises:
        UserError: it cannot be read, is broken JSON, or holds no record at all.
    """
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        fields = header_of(path)
        if not fields:
            raise UserError(f"{path}: no client card in this file")
    elif suffix in (".json", ".jsonl"):
        fields = _keys(path, suffix)
    else:
        fields = frozenset()
    return Head(name=path.name, suffix=suffix, fields=fields)


def _keys(path: Path, suffix: str) -> frozenset[str]:
    text = read_text(path)
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if not lines:
        raise UserError(f"{path}: no client card in this file")
    number, line = lines[0] if suffix == ".jsonl" else (1, text)
    value = parse_json(line, str(path), number).value
    first = value[0] if isinstance(value, list) and value else value
    if isinstance(first, list):
        raise UserError(f"{path}: no client card in this file")
    return frozenset(first) if isinstance(first, dict) else frozenset()
