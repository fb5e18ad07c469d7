"""What stands beside the data: the manifest, the list of sums, and where the rows come from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from arena.exporting.place import MADE_BY
from arena.exporting.provenance import config_hash
from arena.exporting.settings import export_settings, export_texts
from arena.exporting.sinks import HashedFile, Row, as_json, safe_name
from profiles.errors import UserError
from storage.exports.format import ExportFormat
from storage.exports.record import SCHEMA_VERSION, DialogueRecord
from storage.exports.summary import ExportSummary
from storage.tables import RunRow

__all__ = ["PROVENANCE", "SUMS", "Provenance", "manifest", "put_beside", "summed"]

SUMS: Final = "SHA256SUMS"
PROVENANCE: Final = "provenance.jsonl"
_OWN: Final = "provenance"  # rows with such a column carry their own


class Provenance:
    """``provenance.jsonl``: where the rows come from in formats that have no room for it, a line a record and file."""

    def __init__(self, folder: Path, opening: str, files: ExitStack) -> None:
        self._path, self._opening, self._files = folder / PROVENANCE, opening, files
        self._file: HashedFile | None = None
        self._rows: dict[str, int] = {}

    def add(
        self, record: DialogueRecord, rows: Sequence[Row], format: ExportFormat, place: str, faults: Sequence[str] = ()
    ) -> None:
        """Tell of a record's rows, which stand one after the other.

        Args:
            place: their file, or their folder for a format of one file a row.
            faults: of preference pairs the fault of each row.
        """
        first = self._rows.get(place, 0)
        self._rows[place] = first + len(rows)
        if not rows or _OWN in rows[0]:
            return
        told = {
            "format": format.name,
            "file": place,
            "first_row": first,
            "rows": len(rows),
            "rows_sha256": hashlib.sha256("\n".join(map(as_json, rows)).encode()).hexdigest(),
            "record_id": record.id,
            **({"faults": list(faults)} if faults else {}),
            "opening": self._opening,
            "provenance": record.provenance,
            "privacy": record.privacy,
        }
        if self._file is None:
            self._file = HashedFile(self._path, self._files)
        self._file.write(as_json(told) + "\n")

    def end(self) -> dict[str, str]:
        """Close; name and SHA-256 of the file where there is one."""
        return {} if self._file is None else {PROVENANCE: self._file.close()}


def put_beside(folder: Path, formats: Iterable[tuple[ExportFormat, Sequence[str]]]) -> list[str]:
    """Write the small files that formats want beside their data; JSON objects of one name become one.

    Raises:
        UserError: a format asks for what is no file's name, or two ask for one with texts that do not go together.
    """
    texts: dict[str, str] = {}
    for each, names in formats:
        for name, text in each.beside(names).items():
            texts[safe_name(name)] = _joined(name, texts[name], text) if name in texts else text
    for name, text in texts.items():
        path = folder / name
        if path.exists():
            raise UserError(f"a format asks for a file '{name}' that is there already")
        path.write_text(text, encoding="utf-8", newline="\n")
    return list(texts)


def _joined(name: str, one: str, other: str) -> str:
    if one == other:
        return one
    try:
        whole = {**json.loads(one), **json.loads(other)}
    except (ValueError, TypeError):
        raise UserError(f"two formats ask for different files '{name}'; export them into two folders") from None
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def manifest(
    summary: ExportSummary,
    runs: Iterable[RunRow],
    formats: Iterable[ExportFormat],
    options: Mapping[str, Any],
    clients: Mapping[str, int],
    others: Mapping[str, tuple[int, str]],
) -> dict[str, Any]:
    """All that is known of the export. options: of the command. clients: by split. others: file -> bytes, SHA-256."""
    told = {each.name: {"kind": each.kind, "summary": each.summary, "unit": each.unit} for each in formats}
    return {
        "made_by": MADE_BY,
        "name": summary.name,
        "schema_version": SCHEMA_VERSION,
        "settings_version": export_settings().version,
        "created": summary.created,
        "runs": [_run(run) for run in runs],
        "offline": summary.offline,
        "generators": summary.generators,
        "licences": [each.model_dump() for each in summary.licences],
        "options": options,
        "filters": summary.filters,
        "dedupe": export_settings().dedupe.model_dump(),
        "clients_by_split": clients,
        "drops": [each.model_dump() for each in summary.drops],
        "counts": summary.counts.model_dump(),
        "formats": {
            name: {**told[name], "files": [each.model_dump(exclude={"kind"}) for each in files]}
            for name, files in summary.formats.items()
        },
        "others": {name: {"bytes": size, "sha256": digest} for name, (size, digest) in others.items()},
        "csv": export_texts().csv,
        "notes": export_texts().notes,
    }


def _run(run: RunRow) -> dict[str, Any]:
    return {
        "id": run.id,
        "name": run.name,
        "config_sha256": config_hash(run),
        "created_at": f"{run.created_at.isoformat(timespec='seconds')}Z",
        "offline": run.offline,
        "versions": {name: value for name, value in run.versions.items() if name != "cards"},
    }


def summed(path: Path) -> tuple[int, str]:
    """Size and SHA-256 of a small file."""
    data = path.read_bytes()
    return len(data), hashlib.sha256(data).hexdigest()
