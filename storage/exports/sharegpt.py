"""ShareGPT rows: conversations of human and gpt that keep the odd/even rule of the trainers that read them.

Rule as in https://github.com/hiyouga/LLaMA-Factory/tree/main/data: human at odd places, gpt at even ones, even length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from storage.exports.dialogue import Message, learnable
from storage.exports.format import ExportFormat, ExportOptions
from storage.exports.record import DialogueRecord

__all__ = ["FORMATS", "conversations", "rows"]


def rows(record: DialogueRecord, options: ExportOptions) -> Iterator[dict[str, Any]]:
    """The row of a record; none where no counselor turn may be learned."""
    talk = learnable(record, options)
    if talk:
        yield {"conversations": conversations(talk.messages), "system": talk.system, "tools": ""}


def conversations(messages: Iterable[Message]) -> list[dict[str, str]]:
    """Messages with ShareGPT's names."""
    return [
        {"from": "human" if message.speaker == "help_seeker" else "gpt", "value": message.content}
        for message in messages
    ]


FORMATS = (
    ExportFormat(
        name="sharegpt",
        kind="json",
        summary="ShareGPT conversations, human first and gpt last; single turns cannot be masked here, so a dialogue "
        "is cut before the first counselor turn that must not be learned; a fixed greeting stands in the system prompt",
        unit="dialogue",
        rows=rows,
        fields=("conversations", "system", "tools"),
    ),
)
