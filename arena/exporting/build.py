"""From stored rows to the one record that every format is made of."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, Final, cast

from pydantic_core import PydanticSerializationError

from agents.counselors.crdial.course import NOTE, Channel, Course, Note, course_of
from agents.dialogue import Turn
from arena.exporting.imported import imported_record, is_imported, refuse_unfinished
from arena.exporting.provenance import person_in, privacy_of, provenance_of
from arena.exporting.settings import export_settings
from arena.labels import without_folder
from profiles.crisis import crisis_text
from profiles.errors import UserError
from profiles.strategies import strategies
from profiles.vocabulary import Language, Role, Stage, Theme
from storage.exports.record import Belief, DialogueChannel, DialogueRecord, DialogueTurn, LabelledSentence, Scales
from storage.queries import Transcript, TurnFacts
from storage.tables import JudgmentRow, RunRow, SessionRow

__all__ = ["record_of"]

_SPEAKERS: Final = {"client": "help_seeker", "counselor": "therapist"}
_JUDGE = "judge"  # not the counselor's own view of itself
_CRISIS = "crisis"


def record_of(transcript: Transcript, run: RunRow, until: Stage | None = None, known: bool = True) -> DialogueRecord:
    """One session as a record, all texts in NFC.

    A client turn has the step, loop and channel of the counselor turn before it, which asked for it. Slots and ratings
    are those that the kept turns tell of.

    Args:
        until: keep only turns up to and with this stage.
        known: refuse an imported transcript of unknown origin, as all must that hands the record on.

    Raises:
        UserError: a text holds a lone surrogate (session and turn are named), licence or source is not told, or the
            run is an import that did not come to its end.
    """
    refuse_unfinished(run)
    session, turns, judgments, events = transcript
    judged = _judged(judgments)
    scores = {party: _score(row) for party, row in judged.items()}
    kept = [turn for turn in turns if until is None or until.reached(Stage(turn.stage))]
    if is_imported(run):
        flagged = {event.turn for event in events if event.speaker == "counselor"}
        return _settled(imported_record(session, kept, flagged, scores, known), transcript)
    language = cast(Language, session.language)
    course = _course(kept)
    unsafe = {event.turn for event in events if event.speaker == "counselor"}
    whole = course or Course()
    values: dict[str, Any] = {
        "id": session.id,
        "session_id": session.id,
        "run_id": session.run_id,
        "situation_id": session.profile_id,
        "language": language,
        "domain": export_settings().domains[Theme(session.theme)],
        "sub_domain": str(session.profile.get("topic") or ""),
        "situation": whole.situation or str(session.profile.get("current_distress") or ""),
        "counselor": without_folder(session.counselor),
        "automatic_thoughts": whole.automatic_thoughts,
        "intermediate_beliefs": whole.intermediate_beliefs,
        "core_beliefs": tuple(_belief(each) for each in whole.channels),
        "channels": tuple(DialogueChannel(**_channel(each)) for each in whole.channels),
        "loops": whole.loops,
        "commonsense": tuple(dict(each) for turn in kept for each in turn.notes.get("commonsense", ())),
        "dialog": tuple(_dialog(kept, language, unsafe)),
        "scales": _scales(whole, session, run),
        "scores": scores,
        "gate": session.gate,
        "fidelity": session.fidelity,
        "exit": whole.exit or _later_exit(turns),
        "provenance": provenance_of(session, run, kept, judged.values(), course),
        "privacy": privacy_of(session, run),
    }
    return _settled(DialogueRecord(**values), transcript)


def _later_exit(turns: Sequence[TurnFacts]) -> str | None:
    """An exit in turns that a stage leaves out: what came before a crisis is no ordinary talk."""
    whole = _course(turns)
    return whole.exit if whole and whole.exit != "cap" else None


def _settled(record: DialogueRecord, transcript: Transcript) -> DialogueRecord:
    """The record in NFC, and such as a file can hold."""
    try:
        line = record.model_dump_json()
    except (PydanticSerializationError, UnicodeEncodeError):
        raise _torn(transcript) from None
    if unicodedata.is_normalized("NFC", line):
        return record
    return DialogueRecord.model_validate(_nfc(record.model_dump()))


def _torn(transcript: Transcript) -> UserError:
    """Which turn it is whose text or note holds half a character; the card where it is none."""
    place = f"session {transcript.session.id}, client card '{transcript.session.profile_id}'"
    for turn in transcript.turns:
        if not _whole(json.dumps([turn.text, turn.sentences, turn.notes], ensure_ascii=False)):
            place = f"session {transcript.session.id}, turn {turn.index}"
            break
    return UserError(f"{place}: the text holds a lone surrogate (half a character), which no file can hold; mend it")


def _course(turns: Iterable[TurnFacts]) -> Course | None:
    return course_of(_turn(turn) for turn in turns if NOTE in turn.notes)


def _turn(turn: TurnFacts) -> Turn:
    speaker, stage = cast(Role, turn.speaker), Stage(turn.stage)
    return Turn(
        index=turn.index, round=turn.round, speaker=speaker, stage=stage, text=turn.text, notes={NOTE: turn.notes[NOTE]}
    )


def _dialog(turns: Sequence[TurnFacts], language: Language, unsafe: set[int]) -> Iterable[DialogueTurn]:
    asked: Note | None = None
    crisis = crisis_text(language)
    for number, turn in enumerate(turns):
        if turn.speaker == "counselor":
            asked = Note.model_validate(turn.notes[NOTE]) if NOTE in turn.notes else None
        place = asked if asked and asked.step else None
        yield DialogueTurn(
            turn=number,
            round=turn.round,
            speaker=_SPEAKERS[turn.speaker],
            stage=Stage(turn.stage),
            step=place.step if place else None,
            loop=place.loop if place else None,
            channel=place.channel if place else None,
            content=turn.text,
            sentences=_sentences(turn, language) if turn.speaker == "counselor" else (),
            train=turn.speaker == "counselor" and _may_train(turn, asked, unsafe, crisis),
        )


def _may_train(turn: TurnFacts, note: Note | None, unsafe: set[int], crisis: str) -> bool:
    """Neither the fixed greeting, nor crisis text, nor what the safety gate flagged."""
    if turn.round == 0 or turn.index in unsafe:
        return False
    return not (note and note.exit == _CRISIS) and crisis not in turn.text


def _sentences(turn: TurnFacts, language: Language) -> tuple[LabelledSentence, ...]:
    known = strategies(language)
    return tuple(
        LabelledSentence(
            text=each["text"],
            strategy=each["strategy"],
            category=known[each["strategy"]].category if each["strategy"] in known else "",
        )
        for each in turn.sentences
    )


def _belief(channel: Channel) -> Belief:
    return Belief(loop=channel.loop, channel=channel.channel, distortion=channel.distortion, belief=channel.belief)


def _channel(channel: Channel) -> dict[str, Any]:
    values = channel.model_dump(exclude={"turn", "before", "after", "end"})
    return {**values, "belief_before": channel.before, "belief_after": channel.after, "belief_end": channel.end}


def _scales(course: Course, session: SessionRow, run: RunRow) -> Scales:
    """Mean belief over the channels that have both ratings, so that both means are of the same ones."""
    both = [each for each in course.channels if each.before is not None and each.after is not None]
    return Scales(
        belief_pre=_mean([each.before for each in both or course.channels if each.before is not None]),
        belief_post=_mean([each.after for each in both if each.after is not None]),
        emotions_pre=course.emotions_before,
        emotions_post=course.emotions_after,
        rater="person" if person_in(session, run) == "client" else "simulated",
    )


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 2) if values else None


def _judged(judgments: Iterable[JudgmentRow]) -> dict[str, JudgmentRow]:
    """The newest judgment of each party, by party."""
    newest = {row.party: row for row in judgments if row.judge == _JUDGE}
    return {party: newest[party] for party in sorted(newest)}


def _score(row: JudgmentRow) -> dict[str, Any]:
    return {"total": row.total, "share": row.share, "passed": row.passed, "item_mean": row.item_mean}


def _whole(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in text)


def _nfc(value: Any) -> Any:  # noqa: ANN401  (any value of a record)
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, dict):
        return {key: _nfc(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_nfc(each) for each in value)
    return value
