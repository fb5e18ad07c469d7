"""Parquet files, written in row groups with one schema that fits all rows."""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from arena.exporting.sinks import Row, Target, as_json
from profiles.errors import UserError
from storage.exports.summary import ExportFile

__all__ = ["ParquetSink", "need_pyarrow"]

_GROUP: Final = 1000  # rows


def need_pyarrow() -> Any:  # noqa: ANN401  (a module without types)
    """The library.

    Raises:
        UserError: it is not there.
    """
    try:
        return importlib.import_module("pyarrow")
    except ModuleNotFoundError:
        raise UserError("--format parquet needs pyarrow: pip install 'counsel-arena[hub]'") from None


class ParquetSink:
    """Rows lie in a file of lines until all are known, since a column may be empty in the first thousand.

    An empty mapping becomes null: Parquet has no type for it.
    """

    def __init__(self, target: Target) -> None:
        self._arrow = need_pyarrow()
        self._target = target
        self._lines = target.path("parquet.rows")
        self._file: Any = None
        self._schema: Any = None
        self._group: list[Row] = []
        self._rows = 0

    def add(self, row: Row) -> None:
        """Write one row."""
        if self._file is None:
            self._file = self._target.files.enter_context(self._lines.open("w", encoding="utf-8", newline="\n"))
        names = self._target.fields or tuple(row)
        line = as_json({name: _filled(row.get(name)) for name in names})
        self._file.write(line + "\n")
        self._group.append(json.loads(line))
        self._rows += 1
        if len(self._group) == _GROUP:
            self._learn()

    def end(self) -> list[ExportFile]:
        """Close; the file that was written, none where no row came."""
        if self._file is None:
            return []
        self._learn()
        self._file.close()
        path = self._target.path("parquet")
        self._write(path, self._storable(self._schema))
        self._lines.unlink()
        digest = _digest(path)
        self._target.sums.add(path.name, digest)
        made = ExportFile(
            file=path.name,
            split=self._target.split,
            rows=self._rows,
            bytes=path.stat().st_size,
            sha256=digest,
            kind="parquet",
            fields=tuple(self._schema.names),
        )
        return [made]

    def _learn(self) -> None:
        if not self._group:
            return
        try:
            found = self._arrow.Table.from_pylist(self._group).schema
            known = [found] if self._schema is None else [self._schema, found]
            self._schema = self._arrow.unify_schemas(known, promote_options="permissive")
        except self._arrow.ArrowException as error:
            raise UserError(f"{self._target.stem}: a column holds values of two types ({error})") from None
        self._group = []

    def _storable(self, schema: Any) -> Any:  # noqa: ANN401
        fields = [self._arrow.field(each.name, self._typed(each.type)) for each in schema]
        return self._arrow.schema(fields)

    def _typed(self, kind: Any) -> Any:  # noqa: ANN401
        """The type with text where nothing but null was ever seen."""
        arrow = self._arrow
        if arrow.types.is_null(kind):
            return arrow.string()
        if arrow.types.is_list(kind):
            return arrow.list_(self._typed(kind.value_type))
        if arrow.types.is_struct(kind):
            inner = [kind.field(place) for place in range(kind.num_fields)]
            return arrow.struct([arrow.field(each.name, self._typed(each.type)) for each in inner])
        return kind

    def _write(self, path: Path, schema: Any) -> None:  # noqa: ANN401
        writer = importlib.import_module("pyarrow.parquet").ParquetWriter(path, schema, compression="zstd")
        with writer, self._lines.open(encoding="utf-8", newline="\n") as lines:
            for group in _groups(json.loads(line) for line in lines):
                writer.write_table(self._arrow.Table.from_pylist(group, schema=schema))


def _groups(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while group := list(islice(rows, _GROUP)):
        yield group


def _filled(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {key: _filled(each) for key, each in value.items()} or None
    return [_filled(each) for each in value] if isinstance(value, list | tuple) else value


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
