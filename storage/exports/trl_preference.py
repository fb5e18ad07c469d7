"""TRL's conversational preference rows, for its DPO and reward trainers: explicit prompt, chosen, rejected.

Columns as in https://huggingface.co/docs/trl/dataset_formats, and one more that it leaves aside: the fault's name.
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
        "prompt": list(chat(pair.prompt)),
        "chosen": [{"role": "assistant", "content": pair.chosen}],
        "rejected": [{"role": "assistant", "content": pair.rejected}],
        "fault": pair.fault,
    }


FORMATS = (
    ExportFormat(
        name="trl-preference",
        kind="jsonl",
        summary="TRL's DPO and reward trainers: a counselor turn against the same place with one named fault",
        unit="preference pair",
        rows=pair_rows(row),
        fields=("prompt", "chosen", "rejected", "fault"),
        preference=True,
        pair=row,
        pairs=pairs,
    ),
)
