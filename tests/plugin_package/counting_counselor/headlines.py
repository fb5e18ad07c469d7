"""A stranger's data-set format: who said how much, one row a dialogue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from storage.exports.format import ExportFormat, ExportOptions
from storage.exports.record import DialogueRecord


def _rows(record: DialogueRecord, options: ExportOptions) -> Iterator[dict[str, Any]]:
    said = [turn for turn in record.dialog if turn.speaker == "help_seeker"]
    yield {"id": record.id, "turns": len(record.dialog), "characters": sum(len(turn.content) for turn in said)}


FORMAT = ExportFormat(name="headlines", kind="jsonl", summary="how much was said", unit="dialogue", rows=_rows)
