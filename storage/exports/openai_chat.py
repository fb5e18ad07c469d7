"""The chat rows of OpenAI fine-tuning: messages whose counselor turns can each be masked by a weight.

Keys as in https://platform.openai.com/docs/guides/supervised-fine-tuning; no other key may stand in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from storage.exports.dialogue import Talk, chat, maskable
from storage.exports.format import ExportFormat, ExportOptions
from storage.exports.record import DialogueRecord

__all__ = ["FORMATS"]


def _rows(record: DialogueRecord, options: ExportOptions) -> Iterator[dict[str, Any]]:
    talk = maskable(record, options)
    if talk:
        yield {"messages": list(_weighted(talk))}


def _weighted(talk: Talk) -> Iterator[dict[str, Any]]:
    weights = iter([int(message.train) for message in talk.messages if message.speaker == "therapist"])
    for message in chat(talk):
        yield {**message, "weight": next(weights)} if message["role"] == "assistant" else message


FORMATS = (
    ExportFormat(
        name="openai-chat",
        kind="jsonl",
        summary="OpenAI fine-tuning by chat; turns that must not be learned have weight 0, the last one weight 1",
        unit="dialogue",
        rows=_rows,
        fields=("messages",),
    ),
)
