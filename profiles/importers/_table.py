"""CSV and TSV rows as located records: column name to cell text, with the line on which the row begins."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from profiles.errors import UserError
from profiles.located import Located, read_text

_DELIMITERS = ",;\t"


def read_table(path: Path) -> tuple[Located, ...]:
    """The rows of a table below its header; rows without any text are passed over.

    A ``.tsv`` is cut at tabs; a ``.csv`` at whichever of comma, semicolon and tab its header holds most.

    Raises:
        UserError: no header, two columns of one name, a row with more cells than columns, a stray quote.
    """
    source = str(path)
    rows = _rows(read_text(path), source, path.suffix.lower() == ".tsv")
    _, header = next(rows, (1, []))
    columns = _columns(header, source)
    return tuple(_record(columns, cells, line, source) for line, cells in rows)


def header_of(path: Path) -> frozenset[str]:
    """The column names of a table; empty where it has none."""
    rows = _rows(read_text(path), str(path), path.suffix.lower() == ".tsv")
    _, header = next(rows, (1, []))
    return frozenset(name.strip() for name in header if name.strip())


def _rows(text: str, source: str, tabs: bool) -> Iterator[tuple[int, list[str]]]:
    first = text.partition("\n")[0]
    delimiter = "\t" if tabs else max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        remedy = "close each quote, and double those within a cell"
        raise UserError(f"{source}, line {begins}: not a valid row ({error}); {remedy}") from None


def _columns(header: list[str], source: str) -> list[str]:
    names = [name.strip() or f"column {number}" for number, name in enumerate(header, start=1)]
    if not names:
        raise UserError(f"{source}: no client card in this file")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UserError(f"{source}, line 1: column '{twice[0]}' stands twice; keep one")
    return names


def _record(columns: list[str], cells: list[str], line: int, source: str) -> Located:
    if any(cell.strip() for cell in cells[len(columns) :]):
        fault = f"{len(cells)} cells for {len(columns)} columns; put cells that hold the delimiter in quotes"
        raise UserError(f"{source}, line {line}: {fault}")
    padded = [*cells, *[""] * (len(columns) - len(cells))]
    value = {name: cell for name, cell in zip(columns, padded, strict=False) if cell}
    return Located(source, value, {(): line, **{(name,): line for name in value}})
