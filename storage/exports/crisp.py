"""The format ``crisp``: the full record of a dialogue, from which nothing is lost, as one line of JSON.

The shape is our own ("CRDial-style"): Crisp has published none. ``active_channel``, ``restructuring`` and ``loop`` tell
again what stands elsewhere, for readers that take one channel a row; ``back`` reads them only where a row of another
hand lacks ``channels``. In ``quality`` null means that nobody judged it, in ``loop`` that the record does not hold it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from profiles.errors import UserError
from profiles.located import Located, validate
from profiles.schema import Record
from profiles.vocabulary import Language
from storage.exports.format import ExportFormat, ExportOptions
from storage.exports.record import Belief, DialogueChannel, DialogueRecord, DialogueTurn

__all__ = ["FORMATS", "CrispRow", "back", "fault_of", "rows", "schema"]


class Identification(Record):
    """What the first three steps found."""

    automatic_thoughts: tuple[str, ...]
    intermediate_beliefs: tuple[str, ...]
    core_beliefs: tuple[Belief, ...]


class Verdict(Record):
    """Whether the restructuring worked; rounds: passes through the evidence, 0 where nothing was weighed."""

    effective: bool | None
    balanced_thought: str | None
    rounds: int


class Restructuring(Record):
    """What was weighed in the active channel; empty where a row has none."""

    evidence_for: tuple[str, ...]
    evidence_against: tuple[str, ...]
    verdict: Verdict


class LoopGate(Record):
    """Whether another loop followed; null for a whole session."""

    goes_on: bool | None = Field(alias="continue")
    new_distortions: tuple[str, ...] | None
    reason: str | None


class Emotion(Record):
    """A feeling in the client's word; intensity 0-100."""

    name: str
    intensity: float


class Measures(Record):
    """The record's scales."""

    belief_pre: float | None
    belief_post: float | None
    emotions_pre: tuple[Emotion, ...]
    emotions_post: tuple[Emotion, ...]
    affect_pre: dict[str, Any] | None
    affect_post: dict[str, Any] | None
    rater: str


class Experts(Record):
    """Ratings of the sixteen metrics; empty where none were given."""

    therapist: tuple[float, ...]
    help_seeker: tuple[float, ...]
    supervisor: tuple[float, ...]
    mean: float | None


class Quality(Record):
    """What the three levels of filters said; safety is the safety gate's word."""

    basic: bool | None
    safety: bool | None
    expert: Experts
    drop_level: int | None
    drop_reason: str | None


class CrispRow(Record):
    """One row; fields that ``DialogueRecord`` has too mean the same."""

    schema_version: str
    id: str
    session_id: str
    run_id: str
    situation_id: str
    parent_dialogue_id: str | None
    language: Language
    domain: str
    sub_domain: str
    situation: str
    counselor: str
    loop_index: int | None
    channel_index: int | None
    active_channel: int | None
    identification: Identification
    restructuring: Restructuring
    loop: LoopGate
    loops: int
    channels: tuple[DialogueChannel, ...]
    commonsense: tuple[dict[str, str], ...]
    dialog: tuple[DialogueTurn, ...]
    scales: Measures
    scores: dict[str, dict[str, Any]]
    gate: str
    fidelity: str
    quality: Quality
    exit: str | None
    provenance: dict[str, Any]
    privacy: dict[str, Any]


_OLD = {"defense": "evidence_for", "prosecution": "evidence_against", "restructured_thought": "balanced_thought"}
_EMOTIONS = ("emotions_pre", "emotions_post")


def rows(record: DialogueRecord, options: ExportOptions) -> Iterator[dict[str, Any]]:
    """The one row of a record."""
    data = record.model_dump(mode="json")
    found = ("automatic_thoughts", "intermediate_beliefs", "core_beliefs")
    active = next((each for each in data["channels"] if _is_active(each, record)), None)
    data |= {
        "active_channel": record.channel_index,
        "identification": {name: data[name] for name in found},
        "restructuring": _restructuring(active),
        "loop": {"continue": _goes_on(record), "new_distortions": None, "reason": None},
        "quality": _quality(record),
    }
    for name in _EMOTIONS:
        data["scales"][name] = [{"name": word, "intensity": value} for word, value in data["scales"][name]]
    yield {name: data[name] for name in CrispRow.model_fields}


def back(row: dict[str, Any]) -> DialogueRecord:
    """The record that a row was made from. The old names of evidence and balanced thought are read too.

    Raises:
        UserError: the row is none of this format; names its id, the field and what is wrong with it.
    """
    located = _located(row)
    read = validate(CrispRow, _modern(row), located)
    same = {name: getattr(read, name) for name in DialogueRecord.model_fields if name in CrispRow.model_fields}
    scales = read.scales.model_dump()
    for name in _EMOTIONS:
        scales[name] = [(each["name"], each["intensity"]) for each in scales[name]]
    fields = {**same, **{name: getattr(read.identification, name) for name in Identification.model_fields}}
    return validate(DialogueRecord, {**fields, "scales": scales}, located)


def fault_of(error: UserError, row: dict[str, Any]) -> str:
    """What ``back`` found wrong with this row, without the row's name: the field and the fault."""
    return str(error).removeprefix(str(_located(row).fault((), "")))


def _located(row: dict[str, Any]) -> Located:
    return Located(f"row '{row.get('id', '?')}'", row, {})


def schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of a row as we write it."""
    made = CrispRow.model_json_schema(by_alias=True, mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def _is_active(channel: dict[str, Any], record: DialogueRecord) -> bool:
    return (channel["loop"], channel["channel"]) == (record.loop_index, record.channel_index)


def _restructuring(channel: dict[str, Any] | None) -> dict[str, Any]:
    told = channel or {}
    return {
        "evidence_for": told.get("evidence_for", []),
        "evidence_against": told.get("evidence_against", []),
        "verdict": {
            "effective": told.get("effective"),
            "balanced_thought": told.get("balanced_thought"),
            "rounds": told.get("rounds", 0),
        },
    }


def _goes_on(record: DialogueRecord) -> bool | None:
    return None if record.loop_index is None else record.loop_index < record.loops


def _quality(record: DialogueRecord) -> dict[str, Any]:
    return {
        "basic": None,
        "safety": {"passed": True, "failed": False}.get(record.gate),
        "expert": {"therapist": [], "help_seeker": [], "supervisor": [], "mean": None},
        "drop_level": None,
        "drop_reason": None,
    }


def _modern(row: dict[str, Any]) -> dict[str, Any]:
    """The row under today's names, with ``channels`` made of its one channel where it has none."""
    made = dict(row)
    if isinstance(held := row.get("restructuring"), dict):
        held = _renamed(held)
        if isinstance(held.get("verdict"), dict):
            held["verdict"] = _renamed(held["verdict"])
        made["restructuring"] = held
    if isinstance(listed := row.get("channels"), list):
        made["channels"] = [_renamed(each) if isinstance(each, dict) else each for each in listed]
    elif "channels" not in row and made.get("active_channel") is not None and isinstance(held, dict):
        made["channels"] = [_channel(made, held)]
    return made


def _renamed(fields: dict[str, Any]) -> dict[str, Any]:
    # An old name beside its new one stays, and is refused: which of the two is meant cannot be known.
    return {(_OLD[key] if key in _OLD and _OLD[key] not in fields else key): value for key, value in fields.items()}


def _channel(row: dict[str, Any], held: dict[str, Any]) -> dict[str, Any]:
    place = {"loop": row.get("loop_index"), "channel": row["active_channel"]}
    identified = row.get("identification")
    beliefs = identified.get("core_beliefs") if isinstance(identified, dict) else None
    own = [each for each in beliefs or () if isinstance(each, dict) and place.items() <= each.items()]
    named = {key: each[key] for each in own[:1] for key in ("distortion", "belief") if key in each}
    evidence = {key: value for key, value in held.items() if key != "verdict"}
    verdict = held.get("verdict")
    return {**place, **named, **evidence, **(verdict if isinstance(verdict, dict) else {})}


FORMATS = (
    ExportFormat(
        name="crisp",
        kind="jsonl",
        summary="the full record in CRDial style: steps, sentences with strategies, channels, loops, measures, origin",
        unit="session, or path (loop and channel) of it",
        rows=rows,
        fields=tuple(CrispRow.model_fields),
        back=back,
    ),
)
