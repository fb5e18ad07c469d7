"""Interviews that stand in the database: found by session or run, read as a trace, corrected by a clinician."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast, get_args

from sqlmodel import Session, col, select

from agents.counselors.magi.diagnosis import Trace, faults_in
from agents.dialogue import Turn
from arena.interview.answers import titles, trace_from_rows
from arena.record import turn_of
from profiles.errors import UserError
from profiles.interviews import Instrument, Verdict, load_instrument
from profiles.vocabulary import Language
from storage.database import Database
from storage.queries import find_run
from storage.tables import InterviewAnswerRow, RunRow, SessionRow, TurnRow

__all__ = ["StoredInterview", "load_interview", "override_answer"]


@dataclass(frozen=True)
class StoredInterview:
    """A session with its interview. faults: what the code-side checks found in its trace."""

    session: SessionRow
    offline: bool
    language: Language
    instrument: Instrument
    turns: tuple[Turn, ...]
    trace: Trace
    faults: tuple[str, ...]


def load_interview(database: Database, name: str) -> StoredInterview:
    """The interview of a session, or the only one of a run.

    Args:
        name: a session's id, a run's id (or a beginning of it), or ``last``.

    Raises:
        UserError: there is no such session, it holds no interview, or a run holds several; what to do is said.
    """
    with database.session() as session:
        row = session.get(SessionRow, name)
    row = row or _only_one(database, name)
    with database.session() as session:
        answers = _answers(session, row.id)
        turns = session.exec(select(TurnRow).where(TurnRow.session_id == row.id).order_by(col(TurnRow.index))).all()
        run = session.get(RunRow, row.run_id)
    if not answers:
        raise UserError(f"session {row.id} ({row.counselor}) holds no interview: hold one with --counselor magi")
    language = cast(Language, row.language)
    said = tuple(turn_of(turn) for turn in turns)
    instrument = load_instrument(language)
    trace = trace_from_rows(answers, language)
    faults = faults_in(trace, instrument, said, titles(language))
    return StoredInterview(row, bool(run and run.offline), language, instrument, said, trace, tuple(faults))


def override_answer(
    database: Database, held: StoredInterview, node: str, verdict: str, reason: str, by: str = ""
) -> None:
    """Keep a clinician's verdict on one variable beside the machine's.

    Raises:
        UserError: no such variable in this interview, no such verdict, or no reason.
    """
    if verdict not in get_args(Verdict):
        raise UserError(f"verdict '{verdict}': write {', '.join(get_args(Verdict))}")
    if not reason.strip():
        raise UserError("an override needs a reason: say why with --reason")
    with database.session(write=True) as session:
        found = [row for row in _answers(session, held.session.id) if row.node == node]
        if not found:
            known = ", ".join(line.node for line in held.trace.criteria)
            raise UserError(f"'{node}' was not asked in session {held.session.id}; asked were {known}")
        at = datetime.now(UTC).isoformat(timespec="seconds")
        found[0].override = {"verdict": verdict, "reason": reason.strip(), "by": by, "at": at}
        session.add(found[0])


def _only_one(database: Database, name: str) -> SessionRow:
    run = find_run(database, name)
    with database.session() as session:
        rows = session.exec(select(SessionRow).where(SessionRow.run_id == run.id).order_by(col(SessionRow.ordinal)))
        held = [row for row in rows if row.counselor.startswith("magi")]
    if len(held) == 1:
        return held[0]
    if not held:
        raise UserError(f"run {run.id} holds no interview: hold one with 'arena interview run'")
    ids = ", ".join(row.id for row in held[:5])
    raise UserError(f"run {run.id} holds {len(held)} interviews; name a session: {ids}{', ...' if held[5:] else ''}")


def _answers(session: Session, session_id: str) -> Sequence[InterviewAnswerRow]:
    rows = select(InterviewAnswerRow).where(InterviewAnswerRow.session_id == session_id)
    return session.exec(rows.order_by(col(InterviewAnswerRow.id))).all()
