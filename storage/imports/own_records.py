"""Rows of our own full record (``crisp``): told from other shapes, and held to all that the record promises.

What such a row says goes out again as it stands, so a number that is none, a label that nobody knows or a quote that
nobody said makes it malformed; nothing of it is ever read as a plain transcript instead.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, Final

from profiles.distortions import distortion_in
from profiles.errors import UserError
from profiles.strategies import strategies
from profiles.vocabulary import Party
from storage.exports import crisp
from storage.exports.record import GATES, SCHEMA_VERSION, DialogueChannel, DialogueRecord, DialogueTurn
from storage.exports.strategy_runs import JOINTS
from storage.imports.json_values import torn
from storage.imports.limits import MOST_TURNS

__all__ = ["is_own", "record_faults", "record_in"]

_VERSION: Final = "schema_version"
_LEAST_FIELDS: Final = 10  # of thirty; no other shape that we know has a version and so many of these
_NUMBERS: Final = ("total", "share", "item_mean")
_PASSED: Final = "passed"
_RATINGS: Final = ("belief_before", "belief_after", "belief_end", "emotion_before", "emotion_after")


def is_own(value: Any) -> bool:  # noqa: ANN401  (JSON)
    """Whether a value means to be a row of ours, sound or not."""
    return isinstance(value, dict) and _VERSION in value and len(value.keys() & _fields()) >= _LEAST_FIELDS


def record_in(row: dict[str, Any]) -> tuple[DialogueRecord | None, tuple[str, ...]]:
    """The record of a row, or None, and all that is wrong with it."""
    if row[_VERSION] != SCHEMA_VERSION:
        return None, (f"{_VERSION}: {str(row[_VERSION])[:20]!r}, where this program reads '{SCHEMA_VERSION}'",)
    if fault := torn(row):
        return None, (fault,)
    try:
        record = crisp.back(row)
    except UserError as error:
        return None, (crisp.fault_of(error, row),)
    return record, tuple(record_faults(record))


def record_faults(record: DialogueRecord) -> Iterator[str]:
    """What in a record breaks its promises, each with the field's place."""
    if not record.dialog:
        yield "dialog: no turns"
    for number, turn in enumerate(record.dialog):
        yield from (f"dialog.{number}: {fault}" for fault in _turn_faults(turn, number, record))
    for number, belief in enumerate(record.core_beliefs):
        yield from _named(belief.distortion, f"identification.core_beliefs.{number}")
    said = [_nfc(turn.content) for turn in record.dialog if turn.speaker == "help_seeker"]
    for number, channel in enumerate(record.channels):
        yield from _channel_faults(channel, f"channels.{number}")
        if record.parent_dialogue_id is None:  # a path is a part of a talk, and may quote what was said in another
            yield from _unsaid(channel, f"channels.{number}", said)
    yield from _scale_faults(record)
    yield from _score_faults(record.scores)
    if record.gate not in GATES:
        yield f"gate: '{record.gate[:40]}' is none of {', '.join(GATES)}"


def _turn_faults(turn: DialogueTurn, number: int, record: DialogueRecord) -> Iterator[str]:
    if turn.turn != number:
        yield f"turn {turn.turn} where {number} should stand"
    if turn.round > MOST_TURNS:
        yield f"round: {turn.round}, at most {MOST_TURNS:,}"
    if not turn.content.strip():
        yield "content: no text"
    known = strategies(record.language)
    for place, sentence in enumerate(turn.sentences):
        if sentence.strategy not in known:
            yield f"sentences.{place}.strategy: '{sentence.strategy[:40]}' is no strategy; known: {', '.join(known)}"
        elif sentence.category != known[sentence.strategy].category:
            yield f"sentences.{place}.category: {sentence.strategy} is of '{known[sentence.strategy].category}'"
    texts = [_nfc(each.text) for each in turn.sentences]
    if texts and _nfc(JOINTS[record.language].join(texts)) != _nfc(turn.content):
        yield "content: not its joined sentences"


def _channel_faults(channel: DialogueChannel, place: str) -> Iterator[str]:
    yield from _named(channel.distortion, place)
    for field in _RATINGS:
        yield from _rated(getattr(channel, field), f"{place}.{field}")


def _unsaid(channel: DialogueChannel, place: str, said: list[str]) -> Iterator[str]:
    balanced = () if channel.balanced_thought is None else (channel.balanced_thought,)
    fields = (
        ("evidence_for", channel.evidence_for),
        ("evidence_against", channel.evidence_against),
        ("balanced_thought", balanced),
    )
    for field, quotes in fields:
        if any(not quote.strip() or not any(_nfc(quote) in text for text in said) for quote in quotes):
            yield f"{place}.{field}: the client never said this"


def _named(distortion: str | None, place: str) -> Iterator[str]:
    if distortion is not None and distortion_in(distortion) is None:
        yield f"{place}.distortion: '{distortion[:40]}' is no known distortion; write null where none was named"


def _rated(value: float | None, place: str) -> Iterator[str]:
    if value is not None and not 0 <= value <= 100:
        yield f"{place}: {value:g} is not within 0-100"


def _scale_faults(record: DialogueRecord) -> Iterator[str]:
    scales = record.scales
    for field in ("belief_pre", "belief_post"):
        yield from _rated(getattr(scales, field), f"scales.{field}")
    for field in ("emotions_pre", "emotions_post"):
        for number, (_, value) in enumerate(getattr(scales, field)):
            yield from _rated(value, f"scales.{field}.{number}.intensity")


def _score_faults(scores: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for party, score in scores.items():
        if party not in set(Party):
            yield f"scores.{party[:40]}: no such party; known: {', '.join(Party)}"
        for field, value in score.items():
            place = f"scores.{party[:40]}.{field[:40]}"
            if field in _NUMBERS:
                if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
                    yield f"{place}: must be a number"
            elif field != _PASSED:
                yield f"{place}: unknown field; known fields: {', '.join((*_NUMBERS, _PASSED))}"
            elif value is not None and not isinstance(value, bool):
                yield f"{place}: must be true or false"


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _fields() -> frozenset[str]:
    return frozenset(crisp.CrispRow.model_fields)
