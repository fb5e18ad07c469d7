"""What a worksheet shows of a session's thought records, with why a field is empty: the same for every format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, cast

from agents.counselors.crdial.course import Course, Entry, Exit, Kind, course_of
from agents.models.base import OFFLINE
from arena.labels import without_folder
from arena.record import turn_of
from arena.restructuring.rows import Standing
from arena.restructuring.stored import StoredThoughts
from profiles.crisis import disclaimer
from profiles.distortions import distortions
from profiles.schema import Record
from profiles.vocabulary import Language
from storage.tables import ThoughtRecordRow, TurnRow

__all__ = ["Change", "Field", "Level", "Missing", "Sheet", "Thought", "sheet_of"]

Missing = Literal["none", "unfilled", "declined", "not_reached"]
Made = Literal["", "both", "counselor", "client"]


class Field(Record):
    """What the client said on one thing, word for word. missing: why ``words`` is empty; None where it is not."""

    words: tuple[str, ...] = ()
    missing: Missing | None = None


class Level(Record):
    """A strength 0-100 as the client gave it. missing: why there is none."""

    value: float | None = None
    missing: Missing | None = None


class Change(Record):
    """A strength before and after. name: of a feeling, in the client's word; empty for a belief.

    end: at the close of the session; None where it was not asked for there.
    """

    name: str = ""
    before: Level
    after: Level
    end: Level | None = None


class Thought(Record):
    """One thought record. turn: index of the client's turn with the thought. kind: id of the distortion.

    situation: what was told in the thought's loop, with the first thought of that loop; None with the others, and where
    the loop told of none: it is no thought's own.
    kind_name, kind_means: from the registry, in the sheet's language; empty where no kind was named, and the id
    itself where the registry has lost it.
    """

    loop: int
    channel: int
    turn: int | None
    situation: Field | None
    thought: Field
    kind: str | None
    kind_name: str
    kind_means: str
    belief: Change
    feeling: Change
    evidence_for: Field
    evidence_against: Field
    balanced: Field
    effective: bool | None
    rounds: int
    status: Standing


class Sheet(Record):
    """A session's worksheet.

    language: of the sheet's own words; said_in: of the client's. client: the name, or the card's id where it has none.
    offline: whose words rules made. person: a person sat in the client's chair. whole: the session was not broken off
    by an error. exit: why the restructuring was left early. feelings: rated for the session as a whole.
    """

    session: str
    held: str
    language: Language
    said_in: Language
    client: str
    card: str
    counselor: str
    disclaimer: str
    offline: Made
    person: bool
    whole: bool
    exit: Exit | None
    feelings: tuple[Change, ...]
    thoughts: tuple[Thought, ...]


def sheet_of(held: StoredThoughts, language: Language | None = None) -> Sheet:
    """The worksheet of a stored session.

    Args:
        held: the session as it is stored.
        language: of the sheet's own words; the session's where none is given. The client's words are never changed.
    """
    shown = language or held.language
    session = held.session
    course = course_of(turn_of(row) for row in held.turns) or Course()
    return Sheet(
        session=session.id,
        held=session.created_at.strftime("%Y-%m-%d"),
        language=shown,
        said_in=held.language,
        client=str(session.profile.get("demographics", {}).get("name") or session.profile_id),
        card=session.profile_id,
        counselor=without_folder(session.counselor),
        disclaimer=disclaimer(shown),
        offline=_made_offline(held),
        person=_person(held.turns),
        whole=session.status == "finished",
        exit=course.exit,
        feelings=tuple(_feelings(course)),
        thoughts=tuple(_thought(row, course.entries, shown, _first(row, held.rows)) for row in held.rows),
    )


def _made_offline(held: StoredThoughts) -> Made:
    counselor = held.offline or held.session.counselor.partition("@")[2] == OFFLINE
    models = {str(row.call.get("model")) for row in held.turns if row.speaker == "client" and row.call}
    client = not _person(held.turns) and (held.offline or models == {OFFLINE})
    return ("both" if client else "counselor") if counselor else ("client" if client else "")


def _person(turns: Sequence[TurnRow]) -> bool:
    return any(row.notes.get("person") for row in turns if row.speaker == "client")


def _feelings(course: Course) -> Iterator[Change]:
    before, after = dict(course.emotions_before), dict(course.emotions_after)
    for name in dict.fromkeys((*before, *after)):
        yield Change(
            name=name, before=_level(before.get(name), "not_reached"), after=_level(after.get(name), "unfilled")
        )


def _first(row: ThoughtRecordRow, rows: Sequence[ThoughtRecordRow]) -> bool:
    return row.channel == min(each.channel for each in rows if each.loop == row.loop)


def _situation(row: ThoughtRecordRow, entries: Sequence[Entry]) -> Field | None:
    """What was told in the row's loop; the first loop alone says why there is nothing."""
    told = [entry for entry in entries if entry.kind == "situation" and entry.loop == row.loop]
    if row.loop > 1 and not any(entry.quote for entry in told):
        return None
    return _field([next((entry.quote for entry in told if entry.quote), "")], told, "situation")


def _thought(row: ThoughtRecordRow, entries: Sequence[Entry], language: Language, first: bool) -> Thought:
    own = [entry for entry in entries if (entry.loop, entry.channel) == (row.loop, row.channel)]
    kind = distortions(language).get(row.distortion or "")
    return Thought(
        loop=row.loop,
        channel=row.channel,
        turn=row.turn,
        situation=_situation(row, entries) if first else None,
        thought=_field([row.thought], own, "core_belief"),
        kind=row.distortion,
        kind_name=kind.name if kind else row.distortion or "",
        kind_means=kind.means if kind else "",
        belief=Change(
            before=_rated(row.belief_before, own, "belief_before"),
            after=_rated(row.belief_after, own, "belief_after"),
            end=_at_the_end(row.belief_end, own),
        ),
        feeling=Change(
            name=row.emotion,
            before=_rated(row.emotion_before, own, "emotion_before"),
            after=_rated(row.emotion_after, own, "emotion_after"),
        ),
        evidence_for=_field(row.evidence_for, own, "evidence_for"),
        evidence_against=_field(row.evidence_against, own, "evidence_against"),
        balanced=_field([row.balanced_thought or ""], own, "balanced_thought"),
        effective=row.effective,
        rounds=row.rounds,
        status=cast(Standing, row.status),
    )


def _field(words: Iterable[str], entries: Sequence[Entry], kind: Kind) -> Field:
    said = tuple(each for each in words if each.strip())
    return Field(words=said, missing=None if said else _why(entries, kind))


def _rated(value: float | None, entries: Sequence[Entry], kind: Kind) -> Level:
    return _level(value, _why(entries, kind))


def _at_the_end(value: float | None, entries: Sequence[Entry]) -> Level | None:
    asked = any(entry.kind == "belief_end" for entry in entries)
    return _rated(value, entries, "belief_end") if asked else None


def _level(value: float | None, why: Missing) -> Level:
    return Level(value=value, missing=why if value is None else None)


def _why(entries: Sequence[Entry], kind: Kind) -> Missing:
    """Why there is nothing of this kind; a slot that counts as filled, yet has nothing, was not given usably."""
    status = next((entry.status for entry in reversed(entries) if entry.kind == kind), None)
    if status is None:
        return "not_reached"
    return "unfilled" if status == "filled" else status
