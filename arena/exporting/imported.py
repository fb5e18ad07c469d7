"""Sessions that came from a file: their records as they were there, with the turns as they are stored here."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any, Final, cast

from profiles.errors import UserError
from profiles.located import Located, validate
from profiles.strategies import strategies
from profiles.vocabulary import Language, Stage
from storage.exports.record import DialogueRecord
from storage.queries import TurnFacts
from storage.tables import RunRow, SessionRow

__all__ = ["consent_told", "imported_record", "is_imported"]

IMPORTED: Final = "imported"  # in a run's configuration, a session's outcome and a turn's notes
_MUST: Final = ("licence", "seed_source")
_SPEAKERS: Final = {"client": "help_seeker", "counselor": "therapist"}


def is_imported(run: RunRow) -> bool:
    """Whether a run's sessions came from a file."""
    return IMPORTED in run.config


def consent_told(session: SessionRow) -> str:
    """The status of consent that the file told; empty where it told none."""
    privacy = _told(session).get("privacy") or {}
    return str((privacy.get("consent") or {}).get("status") or "")


def imported_record(session: SessionRow, turns: Sequence[TurnFacts], unsafe: Container[int]) -> DialogueRecord:
    """The record with these turns.

    Args:
        unsafe: turns that our own safety rules flagged, whatever the file says of them.

    Raises:
        UserError: the file said nothing of where the dialogue comes from, or not under which licence.
    """
    told = _told(session)
    missing = next((field for field in _MUST if not (told.get("provenance") or {}).get(field)), None)
    if missing:
        raise UserError(
            f"session {session.id}: an imported transcript whose file has no provenance.{missing}; neither is made up, "
            "so only dialogues that tell of it (format crisp) can be exported again"
        )
    language = cast(Language, session.language)
    dialog = [_turn(turn, number, language, unsafe) for number, turn in enumerate(turns)]
    return validate(DialogueRecord, {**told, "dialog": dialog}, Located(f"session {session.id}", told, {}))


def _told(session: SessionRow) -> dict[str, Any]:
    found: dict[str, Any] = session.outcome.get(IMPORTED) or {}
    return found


def _turn(turn: TurnFacts, number: int, language: Language, unsafe: Container[int]) -> dict[str, Any]:
    """A greeting, a client's words and what our safety rules flagged are no target, even where the file says so."""
    known = strategies(language)
    place = {"step": None, "loop": None, "channel": None, "train": False, **turn.notes.get(IMPORTED, {})}
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
