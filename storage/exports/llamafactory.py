"""ShareGPT rows for LLaMA-Factory, for training and for preferences, with the ``dataset_info.json`` that it looks for.

Keys as in https://github.com/hiyouga/LLaMA-Factory/tree/main/data.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from storage.exports.format import ExportFormat
from storage.exports.preferences import Pair, pair_rows, pairs
from storage.exports.sharegpt import conversations, rows

__all__ = ["FORMATS", "dataset_info", "row"]

_COLUMNS = {"messages": "conversations", "system": "system", "tools": "tools"}
_CHAT_TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "system_tag": "system",
}
_CHAT = {"formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": _CHAT_TAGS}
_TALK = {"formatting": "sharegpt", "columns": _COLUMNS}
_PAIR = {"formatting": "sharegpt", "ranking": True, "columns": {**_COLUMNS, "chosen": "chosen", "rejected": "rejected"}}
_ALPACA_COLUMNS = {
    "prompt": "instruction",
    "query": "input",
    "response": "output",
    "system": "system",
    "history": "history",
}
_ENTRIES: Mapping[str, Mapping[str, Any]] = {
    "llamafactory": _TALK,
    "llamafactory-preference": _PAIR,
    "sharegpt": _TALK,
    "alpaca": {"formatting": "alpaca", "columns": _ALPACA_COLUMNS},
    "openai-chat": _CHAT,
    "trl-messages": _CHAT,
}


def row(pair: Pair) -> dict[str, Any]:
    """A pair as a row: a talk of odd length, which ends with the human, two answers, and the fault for people."""
    return {
        "conversations": conversations(pair.prompt.messages),
        "system": pair.prompt.system,
        "tools": "",
        "chosen": {"from": "gpt", "value": pair.chosen},
        "rejected": {"from": "gpt", "value": pair.rejected},
        "fault": pair.fault,
    }


def dataset_info(names: Iterable[str], format_name: str = "llamafactory") -> Mapping[str, str]:
    """``dataset_info.json`` with an entry for each data file, named as the file without its ending.

    A file is of the format that stands last in its name between dots (``talks.sharegpt.train.json``), else of
    ``format_name``. Files of formats that LLaMA-Factory cannot read are to be left out by the caller.
    """
    entries: dict[str, Any] = {}
    for name in sorted(names):
        path = PurePosixPath(name)
        told = next((part for part in reversed(path.name.split(".")) if part in _ENTRIES), format_name)
        entries[str(path.with_suffix("")).replace("/", ".")] = {"file_name": name, **_ENTRIES[told]}
    return {"dataset_info.json": json.dumps(entries, ensure_ascii=False, indent=2) + "\n"}


FORMATS = (
    ExportFormat(
        name="llamafactory",
        kind="json",
        summary="LLaMA-Factory: ShareGPT conversations and dataset_info.json; every counselor turn is learned, so a "
        "dialogue is cut before the first that must not be and a fixed greeting stands in the system prompt",
        unit="dialogue",
        rows=rows,
        fields=("conversations", "system", "tools"),
        beside=dataset_info,
    ),
    ExportFormat(
        name="llamafactory-preference",
        kind="json",
        summary="LLaMA-Factory preferences: ShareGPT conversations with a chosen and a rejected answer, and "
        "dataset_info.json",
        unit="preference pair",
        rows=pair_rows(row),
        fields=("conversations", "system", "tools", "chosen", "rejected", "fault"),
        preference=True,
        pair=row,
        pairs=pairs,
        beside=partial(dataset_info, format_name="llamafactory-preference"),
    ),
)
