"""Alpaca rows: one a dialogue, its last exchange as instruction and output, the earlier ones as history.

Trainers learn the answers in ``history`` too, so that a row a turn would weigh early turns many times over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from storage.exports.dialogue import learnable
from storage.exports.format import ExportFormat, ExportOptions
from storage.exports.record import DialogueRecord

__all__ = ["FORMATS"]


def _rows(record: DialogueRecord, options: ExportOptions) -> Iterator[dict[str, Any]]:
    talk = learnable(record, options)
    if talk is None:
        return
    said = [message.content for message in talk.messages]
    *history, (instruction, output) = zip(said[::2], said[1::2], strict=True)
    yield {
        "instruction": instruction,
        "input": "",
        "output": output,
        "system": talk.system,
        "history": [list(pair) for pair in history],
    }


FORMATS = (
    ExportFormat(
        name="alpaca",
        kind="json",
        summary="Alpaca with history, whose answers are learned too; a dialogue is cut before the first counselor turn "
        "that must not be learned and a fixed greeting stands in the system prompt",
        unit="dialogue",
        rows=_rows,
        fields=("instruction", "input", "output", "system", "history"),
    ),
)
