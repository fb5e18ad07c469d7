"""The format ``augesc``: a dialogue a line, as a JSON list of ``[role, text]`` with roles ``usr`` and ``sys``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from storage.exports.format import ExportFormat, ExportOptions
from storage.exports.record import DialogueRecord

__all__ = ["FORMATS", "rows"]

_ROLES = {"help_seeker": "usr", "therapist": "sys"}


def rows(record: DialogueRecord, options: ExportOptions) -> Iterator[Any]:
    """One list of pairs: the only format whose row is no mapping, because that is what its readers take."""
    if record.dialog:
        yield [[_ROLES[turn.speaker], turn.content] for turn in record.dialog]


FORMATS = (
    ExportFormat(
        name="augesc",
        kind="jsonl",
        summary="AugESC's lines: lists of [usr or sys, text], without strategies",
        unit="dialogue",
        rows=rows,
    ),
)
