"""The format ``smile``: a JSON file a dialogue as in SMILECHAT, with each sentence's strategy in its label slot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from profiles.strategies import strategies
from profiles.vocabulary import Language
from storage.exports.format import ExportFormat, ExportOptions
from storage.exports.record import DialogueRecord, DialogueTurn
from storage.exports.safe_text import file_name, json_text

__all__ = ["FORMATS", "rows"]

_ROLES = {"help_seeker": "client", "therapist": "counselor"}


def rows(record: DialogueRecord, options: ExportOptions) -> Iterator[dict[str, Any]]:
    """One file, named by the record's id; labels are the strategies' names in the record's language."""
    if record.dialog:
        turns = [_turn(turn, record.language) for turn in record.dialog]
        text = json_text(turns, indent=1) + "\n"
        yield {"name": file_name(record.id, "json"), "text": text}


def _turn(turn: DialogueTurn, language: Language) -> dict[str, Any]:
    labelled = [(each.text, each.strategy) for each in turn.sentences]
    known = strategies(language)
    annotation = [
        {"sentence": text, "label": known[strategy].name if strategy in known else ""}
        for text, strategy in labelled or [(turn.content, "")]
    ]
    return {"role": _ROLES[turn.speaker], "content": turn.content, "annotation": annotation}


FORMATS = (
    ExportFormat(
        name="smile",
        kind="text",
        summary="a JSON file a dialogue, as in SMILECHAT, a strategy in each counselor sentence's label",
        unit="dialogue",
        rows=rows,
        fields=("name", "text"),
    ),
)
