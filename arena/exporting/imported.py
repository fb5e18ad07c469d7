"""Sessions that came from a file: records of what was told there, with the turns as they are stored here."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any, Final, cast

from arena.exporting.settings import export_texts
from profiles.errors import UserError
from profiles.located import Located, validate
from profiles.strategies import strategies
from profiles.vocabulary import Language, Stage
from storage.exports.record import GATES, UNKNOWN_DOMAIN, DialogueRecord
from storage.queries import TurnFacts
from storage.tables import RunRow, SessionRow

__all__ = [
    "consent_told",
    "from_elsewhere",
    "imported_record",
    "is_imported",
    "origin_told",
    "refuse_unfinished",
    "worse_gate",
]

IMPORTED: Final = "imported"  # in a run's configuration, a session's outcome and a turn's notes
_MUST: Final = ("licence", "seed_source")
_OF_A_RUN: Final = "config_sha256"
_MAKERS: Final = "generator"
_SPEAKERS: Final = {"client": "help_seeker", "counselor": "therapist"}


def is_imported(run: RunRow) -> bool:
    """Whether a run's sessions came from a file."""
    return IMPORTED in run.config


def from_elsewhere(run: RunRow, provenance: Mapping[str, Any]) -> bool:
    """Whether a record's dialogue was not played here; one that went out and came back still tells of its run."""
    made: Any = provenance.get(_MAKERS)
    named = _ours(made) and not any(export_texts().spoken.file in made[speaker] for speaker in _SPEAKERS)
    config = provenance.get(_OF_A_RUN)
    return is_imported(run) and not (named and isinstance(config, str) and config)


def refuse_unfinished(run: RunRow) -> None:
    """Let no part of a file pass for the whole of it.

    Raises:
        UserError: the run is of a file whose import did not come to its end.
    """
    if is_imported(run) and run.status != "finished":
        raise UserError(
            f"run {run.id[:12]}: the import of {run.config[IMPORTED]} did not come to its end, so that a "
            "part of the file would pass for the whole; import the file again"
        )


def worse_gate(one: str, other: str) -> str:
    """The safety gate's word on a dialogue that was tested twice, by whoever told of it and here."""
    return max(one, other, key=lambda word: GATES.index(word) if word in GATES else len(GATES))


def consent_told(session: SessionRow) -> str:
    """The status of consent that the file told; empty where it told none."""
    privacy = _told(session).get("privacy") or {}
    consent = privacy.get("consent")
    return str(consent.get("status") or "") if isinstance(consent, dict) else ""


def origin_told(provenance: Mapping[str, Any]) -> bool:
    """Whether a record's source and licence are known."""
    return _untold(provenance) is None


def _untold(provenance: Mapping[str, Any]) -> str | None:
    """The first field that must be told and is not; a file from elsewhere may hold anything there."""
    found = ((field, provenance.get(field)) for field in _MUST)
    return next((field for field, told in found if not isinstance(told, str) or not told.strip()), None)


def imported_record(
    session: SessionRow,
    turns: Sequence[TurnFacts],
    unsafe: Container[int],
    scores: Mapping[str, Any],
    known: bool = True,
) -> DialogueRecord:
    """The record with these turns.

    Args:
        unsafe: turns that our own safety rules flagged, whatever the file says of them.
        scores: of our own judges, where the file is no record with its own.
        known: refuse what is of unknown origin, as all must that hands the record on.

    Raises:
        UserError: the file said nothing of where the dialogue comes from, or not under which licence.
    """
    told = _told(session)
    provenance = told.get("provenance") or {}
    missing = _untold(provenance)
    if missing and known:
        raise UserError(
            f"session {session.id}: an imported transcript whose file has no provenance.{missing}, which is never "
            "made up; write it beside the dialogue in the file (JSON), then import and export that"
        )
    language = cast(Language, session.language)
    dialog = [_turn(turn, number, language, unsafe) for number, turn in enumerate(turns)]
    gate = worse_gate(session.gate, str(told.get("gate", session.gate)))
    own = {"provenance": _made(provenance), "dialog": dialog, "gate": gate}
    values = {**_least(session), "scores": scores, **told, **own}
    return validate(DialogueRecord, values, Located(f"session {session.id}", told, {}))


def _least(session: SessionRow) -> dict[str, Any]:
    """What is known of a dialogue of which the file tells no more than its turns."""
    return {
        "id": session.id,
        "session_id": session.id,
        "run_id": session.run_id,
        "situation_id": session.profile_id,
        "language": session.language,
        "domain": UNKNOWN_DOMAIN,
        "scales": {"rater": "unknown"},
        "counselor": session.counselor,
        "gate": session.gate,
        "fidelity": session.fidelity,
    }


def _made(provenance: dict[str, Any]) -> dict[str, Any]:
    """The provenance in its order, which never passes for one of our rules or models where it names no maker."""
    told = provenance.get(_MAKERS)
    if _ours(told):
        return provenance
    unnamed = [export_texts().spoken.file]
    makers = told if isinstance(told, dict) else {} if told is None else {"told": told}
    named = {speaker: makers[speaker] if _names(makers.get(speaker)) else unnamed for speaker in _SPEAKERS}
    return {**provenance, _MAKERS: {**makers, **named}}


def _ours(makers: object) -> bool:
    """Whether makers are told in our shape: names for each of the two speakers."""
    return isinstance(makers, dict) and all(_names(makers.get(speaker)) for speaker in _SPEAKERS)


def _names(told: object) -> bool:
    return (
        isinstance(told, list | tuple) and bool(told) and all(isinstance(each, str) and each.strip() for each in told)
    )


def _told(session: SessionRow) -> dict[str, Any]:
    found: dict[str, Any] = session.outcome.get(IMPORTED) or {}
    return found


def _turn(turn: TurnFacts, number: int, language: Language, unsafe: Container[int]) -> dict[str, Any]:
    """A greeting, a client's words and what our safety rules flagged are no target, even where the file says so."""
    known = strategies(language)
    place = {"step": None, "loop": None, "channel": None, "train": True, **turn.notes.get(IMPORTED, {})}
    labelled = [(each["text"], each["strategy"]) for each in turn.sentences]
    trainable = turn.speaker == "counselor" and turn.round > 0 and turn.index not in unsafe
    return {
        **place,
        "train": bool(place["train"]) and trainable,
        "turn": number,
        "round": turn.round,
        "speaker": _SPEAKERS[turn.speaker],
        "stage": Stage(turn.stage),
        "content": turn.text,
        "sentences": [
            {"text": text, "strategy": name, "category": known[name].category if name in known else ""}
            for text, name in labelled
        ],
    }
