"""The format ``extes``: the shape of ExTES, whose sixteen strategies are named by ours and, twice, by the step.

Information in the evidence against a thought is "Provide Different Perspectives"; affirmation in a verdict that answers
or quotes the client's balanced thought is "Reframe Negative Thoughts" (``counseling_texts/labels.yaml``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from profiles.strategies import strategies
from storage.exports.counseling_text import labels
from storage.exports.format import ExportFormat, ExportOptions
from storage.exports.record import DialogueRecord, DialogueTurn, LabelledSentence
from storage.exports.strategy_runs import runs

__all__ = ["FORMATS", "rows"]


def rows(record: DialogueRecord, options: ExportOptions) -> Iterator[dict[str, Any]]:
    """One conversation."""
    if not record.dialog:
        return
    content: list[dict[str, str]] = []
    last = ""  # what the client said last
    for turn in record.dialog:
        if turn.speaker == "help_seeker":
            last = turn.content
            content.append({"User": turn.content})
        else:
            content.extend(_items(turn, record, last))
    scene = ": ".join(part for part in (record.domain, record.sub_domain) if part)
    yield {"scene": scene, "description": record.situation, "content": content}


def _items(turn: DialogueTurn, record: DialogueRecord, last: str) -> Iterator[dict[str, str]]:
    place = (turn.loop, turn.channel)
    thoughts = [each.balanced_thought for each in record.channels if (each.loop, each.channel) == place]
    balanced = next((thought for thought in thoughts if thought), None)

    def name(sentence: LabelledSentence) -> str | None:
        about = balanced is not None and (balanced in last or balanced in sentence.text)
        return _name(sentence.strategy, turn.step, about)

    for strategy, text in runs(turn, record.language, name):
        yield {"AI": text, "AI Strategy": strategy}


def _name(strategy: str, step: str | None, about_balanced: bool) -> str | None:
    for finer in labels().extes_by_step:
        if (finer.step, finer.strategy) == (step, strategy) and (finer.when == "always" or about_balanced):
            return finer.name
    found = strategies("en").get(strategy)
    return found.extes if found else None


FORMATS = (
    ExportFormat(
        name="extes",
        kind="json",
        summary="ExTES's shape, one strategy an item, named by our strategy and its step",
        unit="dialogue",
        rows=rows,
        fields=("scene", "description", "content"),
    ),
)
