"""Flat tables of utterances, for spreadsheets and statistics: a row a labelled sentence, or a turn without labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from storage.exports.format import ExportFormat, ExportOptions
from storage.exports.record import DialogueRecord, DialogueTurn

__all__ = ["COLUMNS", "FORMATS"]

COLUMNS: Mapping[str, type] = {
    "dialogue_id": str,
    "session_id": str,
    "situation_id": str,
    "language": str,
    "turn": int,
    "round": int,
    "speaker": str,
    "stage": str,
    "step": str,
    "loop": int,
    "channel": int,
    "sentence_index": int,
    "text": str,
    "strategy": str,
    "category": str,
}
"""Columns and their types. Nothing is null: outside a restructuring ``step`` is empty, ``loop`` and ``channel`` 0."""


def _rows(record: DialogueRecord, options: ExportOptions) -> Iterator[dict[str, Any]]:
    for turn in record.dialog:
        for number, (text, strategy, category) in enumerate(_sentences(turn)):
            yield {
                "dialogue_id": record.id,
                "session_id": record.session_id,
                "situation_id": record.situation_id,
                "language": record.language,
                "turn": turn.turn,
                "round": turn.round,
                "speaker": turn.speaker,
                "stage": turn.stage.value,
                "step": turn.step or "",
                "loop": turn.loop or 0,
                "channel": turn.channel or 0,
                "sentence_index": number,
                "text": text,
                "strategy": strategy,
                "category": category,
            }


def _sentences(turn: DialogueTurn) -> list[tuple[str, str, str]]:
    return [(each.text, each.strategy, each.category) for each in turn.sentences] or [(turn.content, "", "")]


FORMATS = (
    ExportFormat(
        name="csv",
        kind="csv",
        summary="a flat table of utterances, for spreadsheets and statistics",
        unit="utterance (one sentence of a labelled counselor turn, else one turn)",
        rows=_rows,
        fields=tuple(COLUMNS),
    ),
    ExportFormat(
        name="parquet",
        kind="parquet",
        summary="the same flat table of utterances in columns with types",
        unit="utterance (one sentence of a labelled counselor turn, else one turn)",
        rows=_rows,
        fields=tuple(COLUMNS),
    ),
)
