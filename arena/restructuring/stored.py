"""Finds the thought records that stand in the database, with the session and the turns that they came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlmodel import Session, col, select

from agents.counselors.crdial.course import NOTE
from arena.exporting.imported import IMPORTED, is_imported
from profiles.errors import UserError
from profiles.vocabulary import Language
from storage.database import Database
from storage.queries import find_run
from storage.tables import RunRow, SessionRow, ThoughtRecordRow, TurnRow

__all__ = ["StoredThoughts", "load_thoughts"]

_NAMED = 5  # sessions named in a message


@dataclass(frozen=True)
class StoredThoughts:
    """A session with its thought records. offline: every model of its run was the rule engine."""

    session: SessionRow
    offline: bool
    language: Language
    turns: tuple[TurnRow, ...]
    rows: tuple[ThoughtRecordRow, ...]


def load_thoughts(database: Database, name: str) -> StoredThoughts:
    """The thought records of a session, or of the only session of a run that has any.

    Args:
        name: a session's id, a run's id or name, the beginning of either id, or ``last`` for the newest run.

    Raises:
        UserError: there is no such session, it has no thought records, or several sessions are meant; what to do is
            said.
    """
    with database.session() as session:
        row = _session(session, name.strip()) or _only_one(database, session, name)
        rows = _rows(session, row.id)
        turns = session.exec(select(TurnRow).where(TurnRow.session_id == row.id).order_by(col(TurnRow.index))).all()
        run = session.get(RunRow, row.run_id)
    if not rows:
        why = _why(run, [row], (turn.notes for turn in turns))
        raise UserError(f"session {row.id} ({row.counselor}) has no thought records: {why}")
    return StoredThoughts(row, bool(run and run.offline), cast(Language, row.language), tuple(turns), tuple(rows))


def _session(session: Session, name: str) -> SessionRow | None:
    if exact := session.get(SessionRow, name):
        return exact
    if not name:
        return None
    begin = col(SessionRow.id).startswith(name, autoescape=True)
    found = session.exec(select(SessionRow).where(begin).order_by(SessionRow.id).limit(_NAMED + 1)).all()
    if len(found) > 1:
        raise UserError(f"'{name}' begins the id of several sessions: {_listed(found)}; give more of the id")
    return found[0] if found else None


def _only_one(database: Database, session: Session, name: str) -> SessionRow:
    try:
        run = find_run(database, name)
    except UserError as error:
        raise UserError(f"there is no session '{name}', and {error}") from None
    of_run = select(SessionRow).where(SessionRow.run_id == run.id).order_by(col(SessionRow.ordinal))
    held = session.exec(of_run.where(col(SessionRow.id).in_(select(ThoughtRecordRow.session_id)))).all()
    if len(held) == 1:
        return held[0]
    if held:
        raise UserError(f"{len(held)} sessions of run {run.id} have thought records; name one: {_listed(held)}")
    rows = session.exec(of_run).all()
    notes = session.exec(select(TurnRow.notes).join(SessionRow).where(SessionRow.run_id == run.id))
    raise UserError(f"run {run.id} has no thought records: {_why(run, rows, notes)}")


def _why(run: RunRow | None, rows: Sequence[SessionRow], notes: Iterable[Mapping[str, Any]]) -> str:
    """What is the case where no thought record stands. notes: of the turns of these sessions."""
    if run and is_imported(run):
        told = any((row.outcome.get(IMPORTED) or {}).get("channels") for row in rows)
        kept = "; the channels that its file tells stand in 'arena export --format crisp'" if told else ""
        return f"it was imported, and they are written only for a restructuring that is held here{kept}"
    if any(NOTE in each for each in notes):
        return "the restructuring ended before a belief was found to weigh"
    return "only a restructuring leaves them, as with --counselor crdial"


def _rows(session: Session, session_id: str) -> Sequence[ThoughtRecordRow]:
    rows = select(ThoughtRecordRow).where(ThoughtRecordRow.session_id == session_id)
    return session.exec(rows.order_by(col(ThoughtRecordRow.id))).all()


def _listed(rows: Sequence[SessionRow]) -> str:
    return ", ".join(row.id for row in rows[:_NAMED]) + (", ..." if len(rows) > _NAMED else "")
