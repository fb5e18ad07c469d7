"""The preference rows of OpenAI fine-tuning: a talk, the preferred answer and the other one.

Keys as in https://platform.openai.com/docs/guides/direct-preference-optimization; no other key may stand in the file.
The names of the faults stand in ``provenance.jsonl`` beside it.
"""

from __future__ import annotations

from typing import Any

from storage.exports.dialogue import chat
from storage.exports.format import ExportFormat
from storage.exports.preferences import Pair, pair_rows, pairs

__all__ = ["FORMATS", "row"]


def row(pair: Pair) -> dict[str, Any]:
    """A pair as a row."""
    return {
        "input": {"messages": list(chat(pair.prompt)), "tools": [], "parallel_tool_calls": True},
        "preferred_output": [{"role": "assistant", "content": pair.chosen}],
        "non_preferred_output": [{"role": "assistant", "content": pair.rejected}],
    }


FORMATS = (
    ExportFormat(
        name="openai-dpo",
        kind="jsonl",
        summary="OpenAI preference fine-tuning: a counselor turn against the same place with one named fault",
        unit="preference pair",
        rows=pair_rows(row),
        fields=("input", "preferred_output", "non_preferred_output"),
        preference=True,
        pair=row,
        pairs=pairs,
    ),
)
