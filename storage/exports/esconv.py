"""The format ``esconv``: the raw shape of ESConv, one item for each run of sentences with one strategy.

``survey_score`` holds what was rated and nothing else: the strongest emotion before the session, and the same one after
it, from 0-100 to "1".."5". ``negotiate``, which ESConv lacks, is "Others"; nothing else is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from profiles.strategies import strategies
from storage.exports.counseling_text import labels
from storage.exports.format import ExportFormat, ExportOptions
from storage.exports.record import DialogueRecord, DialogueTurn, LabelledSentence
from storage.exports.strategy_runs import runs

__all__ = ["FORMATS", "problem_type", "rows"]


def rows(record: DialogueRecord, options: ExportOptions) -> Iterator[dict[str, Any]]:
    """One conversation; ``experience_type`` is empty, because nobody says it."""
    if not record.dialog:
        return
    emotion, ratings = _ratings(record)
    yield {
        "experience_type": "",
        "emotion_type": emotion,
        "problem_type": problem_type(record.domain, record.sub_domain),
        "situation": record.situation,
        "survey_score": {"seeker": ratings, "supporter": {}},
        "dialog": [item for turn in record.dialog for item in _items(turn, record)],
    }


def problem_type(domain: str, sub_domain: str) -> str:
    """ESConv's problem type for a topic or else for a domain, by ``labels.yaml``; our domain where none fits."""
    known = labels().problem_types
    return next((known[key] for name in (sub_domain, domain) if (key := _key(name)) in known), domain)


def _key(name: str) -> str:
    return "_".join(name.casefold().replace("-", " ").replace("_", " ").split())


def _items(turn: DialogueTurn, record: DialogueRecord) -> Iterator[dict[str, Any]]:
    if turn.speaker == "help_seeker":
        yield {"speaker": "seeker", "annotation": {}, "content": turn.content}
        return
    for name, text in runs(turn, record.language, _name):
        yield {"speaker": "supporter", "annotation": {"strategy": name}, "content": text}


def _name(sentence: LabelledSentence) -> str | None:
    found = strategies("en").get(sentence.strategy)
    return found.esconv if found else None


def _ratings(record: DialogueRecord) -> tuple[str, dict[str, str]]:
    """The strongest emotion before the session, with its ratings on ESConv's scale."""
    before = record.scales.emotions_pre
    if not before:
        return "", {}
    emotion, strength = max(before, key=lambda each: each[1])
    ratings = {"initial_emotion_intensity": _five(strength)}
    after = dict(record.scales.emotions_post)
    if emotion in after:
        ratings["final_emotion_intensity"] = _five(after[emotion])
    return emotion, ratings


def _five(strength: float) -> str:
    return str(1 + min(4, int(strength // 20)))


FORMATS = (
    ExportFormat(
        name="esconv",
        kind="json",
        summary="ESConv's raw shape, one strategy an item; 'negotiate' becomes Others",
        unit="dialogue",
        rows=rows,
        fields=("experience_type", "emotion_type", "problem_type", "situation", "survey_score", "dialog"),
    ),
)
