"""TRL's conversational rows for its SFT trainer: one list of messages a dialogue.

Column and roles as in https://huggingface.co/docs/trl/dataset_formats.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from storage.exports.dialogue import chat, learnable
from storage.exports.format import ExportFormat, ExportOptions
from storage.exports.record import DialogueRecord

__all__ = ["FORMATS"]


def _rows(record: DialogueRecord, options: ExportOptions) -> Iterator[dict[str, Any]]:
    talk = learnable(record, options)
    if talk:
        yield {"messages": list(chat(talk))}


FORMATS = (
    ExportFormat(
        name="trl-messages",
        kind="jsonl",
        summary="TRL's SFT trainer (use assistant_only_loss); single turns cannot be masked here, so a dialogue is cut "
        "before the first counselor turn that must not be learned and a fixed greeting stands in the system prompt",
        unit="dialogue",
        rows=_rows,
        fields=("messages",),
    ),
)
