"""Finds the dialogues that a quality report is about: a ``crisp`` file, a folder with such files, or a run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from arena.exporting.build import record_of
from profiles.errors import UserError
from profiles.text import clean
from storage.database import Database
from storage.exports.format import find_format
from storage.exports.record import DialogueRecord
from storage.queries import each_transcript, find_run

__all__ = ["exported_files", "from_files", "from_run"]

_FORMAT = "crisp"


def exported_files(place: Path) -> tuple[Path, ...]:
    """The ``crisp`` files at a place: the file itself, or those in a folder whose path names the format.

    Raises:
        UserError: the folder holds none.
    """
    if place.is_file():
        return (place,)
    inside = sorted(path for path in place.rglob("*.jsonl") if _FORMAT in _named(path.relative_to(place)))
    if not inside:
        raise UserError(f"{place}: no {_FORMAT} file (.jsonl) in this folder; export one with --format {_FORMAT}")
    return tuple(inside)


def _named(path: Path) -> set[str]:
    """Folder names, and the parts of the file's name: ``runs.crisp.train.jsonl`` is of the format ``crisp``."""
    return {*path.parts[:-1], *path.name.split(".")}


def from_files(files: Iterable[Path]) -> Iterator[DialogueRecord]:
    """The records of ``crisp`` files, line by line.

    Raises:
        UserError: a file is missing or not UTF-8, or a line is no row of the format; file, line and fault are named.
    """
    back = find_format(_FORMAT).back
    if back is None:
        raise UserError(f"format '{_FORMAT}' of this installation cannot be read back; uninstall what replaced it")
    for path in files:
        for number, line in _lines(path):
            row = _row(line, path, number)
            try:
                yield back(row)
            except UserError as error:
                raise UserError(f"{path}, line {number}: {error}; is it of the format {_FORMAT}?") from None


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8-sig") as lines:
            yield from ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        kind = error.__class__.__name__
        raise UserError(f"{path}: cannot be read as UTF-8 text ({kind}); save it as UTF-8") from None


def _row(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        row = json.loads(clean(line))
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        raise UserError(f"{path}, line {number}: this is no JSON object; give a {_FORMAT} file, one object a line")
    if "\\ud" in line.lower() and not _whole(row):
        raise UserError(f"{path}, line {number}: a text holds half a character (a lone surrogate); mend it")
    return row


def _whole(row: dict[str, Any]) -> bool:
    """Whether all texts are such as a file can hold; only an escape can bring in one that is not."""
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def from_run(db: Database, run_id: str) -> tuple[str, Iterator[DialogueRecord]]:
    """The id of a run, and the records of its finished sessions, a few in memory at a time.

    Imported ones may be of unknown origin: they are measured here, and nothing is handed on.

    Raises:
        UserError: there is no such run.
    """
    run = find_run(db, run_id)
    transcripts = each_transcript(db, run.id)
    return run.id, (record_of(each, run, known=False) for each in transcripts if each.session.status == "finished")
