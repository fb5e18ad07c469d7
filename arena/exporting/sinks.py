"""The files of an export: rows one by one into JSON lines, one JSON list, CSV, or a text file each.

UTF-8 without a mark, LF, NFC, no NaN. A file is made with its first row, so that there are no empty ones.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import unicodedata
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from profiles.errors import UserError
from storage.exports.format import Kind
from storage.exports.summary import ExportFile

__all__ = ["HashedFile", "Row", "Sink", "Sums", "Target", "as_json", "open_sink", "read_cell", "safe_name"]

Row = dict[str, Any]
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_QUOTED_FORMULA: Final = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")
_SAFE: Final = re.compile(r"[\w%-][\w.%-]{0,160}")
_BREAKS: Final = {"\u2028": "\\u2028", "\u2029": "\\u2029", "\u0085": "\\u0085"}


class Sums:
    """``SHA256SUMS``, written as files end."""

    def __init__(self, path: Path, files: ExitStack) -> None:
        self._file = files.enter_context(path.open("w", encoding="utf-8", newline="\n"))

    def add(self, name: str, digest: str) -> str:
        """Add a file; its line."""
        line = f"{digest}  {name}\n"
        self._file.write(line)
        return line


@dataclass(frozen=True)
class Target:
    """Where one split of one format goes. stem: ``{name}.{format}.{split}``. files: closes what is open at the end."""

    folder: Path
    stem: str
    split: str
    fields: tuple[str, ...]
    sums: Sums
    files: ExitStack

    def path(self, ending: str) -> Path:
        """The data file with this ending."""
        return self.folder / f"{self.stem}.{ending}"


class Sink(Protocol):
    """A file that takes rows."""

    def add(self, row: Row) -> None:
        """Write one row."""

    def end(self) -> list[ExportFile]:
        """Close; the files that were written, none where no row came."""


class HashedFile:
    """A text file that knows its size and its SHA-256."""

    def __init__(self, path: Path, files: ExitStack) -> None:
        self._file = files.enter_context(path.open("wb"))
        self._digest = hashlib.sha256()
        self.name = path.name
        self.bytes = 0

    def write(self, text: str) -> None:
        """Append text; the length is counted in bytes."""
        data = text.encode("utf-8")
        self._file.write(data)
        self._digest.update(data)
        self.bytes += len(data)

    def close(self) -> str:
        """Close; the SHA-256 in hex."""
        self._file.close()
        return self._digest.hexdigest()


def as_json(row: Row) -> str:
    """A row as one line of JSON in NFC, with line separators escaped, so that no reader breaks it.

    Raises:
        UserError: a number is not finite, or a text holds a lone surrogate.
    """
    try:
        line = json.dumps(row, ensure_ascii=False, allow_nan=False)
        if not unicodedata.is_normalized("NFC", line):  # value by value: a line's own "\\n" must not meet an accent
            line = json.dumps(_nfc(row), ensure_ascii=False, allow_nan=False)
        line.encode("utf-8")
    except UnicodeEncodeError:
        raise UserError("a row holds a lone surrogate (half a character), which no file can hold") from None
    except ValueError:
        raise UserError("a row holds a number that is not finite (NaN or infinity), which JSON cannot hold") from None
    for sign, escaped in _BREAKS.items():
        if sign in line:
            line = line.replace(sign, escaped)
    return line


def safe_name(name: str) -> str:
    """The name of a file that a format asks for.

    Raises:
        UserError: it would lead out of the folder, or is no name for a file.
    """
    if not _SAFE.fullmatch(name):
        raise UserError(f"a format asks for a file named {name!r}; names have letters, digits, . _ - and no folder")
    return name


def read_cell(cell: str) -> str:
    """A text cell of a CSV file as it was before it was made safe for spreadsheets."""
    return cell[1:] if _QUOTED_FORMULA.match(cell) else cell


class _Lines:
    """JSON lines."""

    ending = "jsonl"
    kind: Kind = "jsonl"
    before, between, after = "", "\n", "\n"

    def __init__(self, target: Target) -> None:
        self._target = target
        self._file: HashedFile | None = None
        self._fields: dict[str, None] = dict.fromkeys(target.fields)
        self._rows = 0

    def add(self, row: Row) -> None:
        if isinstance(row, dict):  # a row of a JSON format may be a list
            self._fields.update(dict.fromkeys(row))
        self._write(as_json(row))

    def _write(self, text: str) -> None:
        if self._file is None:
            self._file = HashedFile(self._target.path(self.ending), self._target.files)
            self._file.write(self.before)
        self._file.write((self.between if self._rows else "") + text)
        self._rows += 1

    def end(self) -> list[ExportFile]:
        if self._file is None:
            return []
        self._file.write(self.after)
        digest = self._file.close()
        self._target.sums.add(self._file.name, digest)
        made = ExportFile(
            file=self._file.name,
            split=self._target.split,
            rows=self._rows,
            bytes=self._file.bytes,
            sha256=digest,
            kind=self.kind,
            fields=tuple(self._fields),
        )
        return [made]


class _List(_Lines):
    """One JSON list with a row a line."""

    ending, kind = "json", "json"
    before, between, after = "[\n", ",\n", "\n]\n"


class _Table(_Lines):
    """CSV after RFC 4180 with LF. The columns are the format's, or those of the first row."""

    ending, kind = "csv", "csv"
    between = after = ""

    def add(self, row: Row) -> None:
        head = ""
        if self._file is None:
            self._fields = dict.fromkeys(self._target.fields or row)
            head = _csv_line(list(self._fields))
        strange = [name for name in row if name not in self._fields]
        if strange:
            raise UserError(f"a row has a column '{strange[0]}' that the table has not; name it in the format's fields")
        self._write(head + _csv_line([_cell(row.get(name)) for name in self._fields]))


class _Folder:
    """A text file a row. What is known of them is one entry: an entry each would grow with the rows."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._folder = target.folder / target.stem
        self._rows = self._bytes = 0
        self._digest = hashlib.sha256()
        self._endings: set[str] = set()
        self._only: tuple[str, str] | None = None  # name and sum of the first file

    def add(self, row: Row) -> None:
        name = safe_name(str(row["name"]))
        path = self._folder / (name if "." in name else f"{name}.txt")
        self._folder.mkdir(exist_ok=True)
        if path.exists():
            raise UserError(f"two rows ask for one file '{name}'")
        with ExitStack() as files:
            file = HashedFile(path, files)
            file.write(_text(row["text"]))
            digest = file.close()
        self._count(path, file.bytes, digest)

    def _count(self, path: Path, size: int, digest: str) -> None:
        place = f"{self._folder.name}/{path.name}"
        self._only = self._only or (place, digest)
        self._digest.update(self._target.sums.add(place, digest).encode())
        self._rows, self._bytes = self._rows + 1, self._bytes + size
        self._endings.add(path.suffix)

    def end(self) -> list[ExportFile]:
        if self._only is None:
            return []
        file, digest = self._only
        if self._rows > 1:
            ending = next(iter(self._endings)) if len(self._endings) == 1 else ""
            file, digest = f"{self._folder.name}/*{ending}", self._digest.hexdigest()
        made = ExportFile(
            file=file,
            split=self._target.split,
            rows=self._rows,
            bytes=self._bytes,
            sha256=digest,
            kind="text",
            files=self._rows,
        )
        return [made]


def _text(text: str) -> str:
    """A text file's content: LF, and a line end at the end.

    It is in NFC as the record is; made so anew, JSON in it could break, where an escaped line end meets an accent.
    """
    whole = text.replace("\r\n", "\n").replace("\r", "\n")
    return whole if whole.endswith("\n") else whole + "\n"


def _csv_line(cells: list[object]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)  # quotes only what is in its own line end: with LF alone a CR would stand bare
    return out.getvalue().removesuffix("\r\n") + "\n"


def _cell(value: object) -> object:
    """Text made safe for spreadsheets, which run what looks like a formula; lists and mappings as JSON."""
    if isinstance(value, str):
        text = unicodedata.normalize("NFC", value)
        return f"'{text}" if _FORMULA.match(text) else text
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list | tuple):
        return json.dumps(_nfc(value), ensure_ascii=False, allow_nan=False)
    return value


def _nfc(value: Any) -> Any:  # noqa: ANN401  (any JSON value)
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, dict):
        return {key: _nfc(each) for key, each in value.items()}
    return [_nfc(each) for each in value] if isinstance(value, list | tuple) else value


def _parquet(target: Target) -> Sink:
    from arena.exporting.parquet import ParquetSink

    return ParquetSink(target)


_SINKS: dict[str, Callable[[Target], Sink]] = {
    "jsonl": _Lines,
    "json": _List,
    "csv": _Table,
    "text": _Folder,
    "parquet": _parquet,
}


def open_sink(kind: str, target: Target) -> Sink:
    """A sink for rows of this kind.

    Raises:
        UserError: Parquet is wanted and pyarrow is not there.
    """
    return _SINKS[kind](target)
