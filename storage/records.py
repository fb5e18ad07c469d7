"""What a session and its run leave behind: rows written as plain values in the caller's transaction.

The rows given are read only, never attached to the session: the same rows may be written again. Turns and scores,
of which a session has many, may be given as dicts of their columns: to make a table's object costs ten times as much.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import Table, delete, insert, select, update
from sqlmodel import Session, SQLModel

from profiles.errors import StorageError
from storage.tables import (
    InterviewAnswerRow,
    JudgmentRow,
    RunRow,
    SafetyEventRow,
    ScoreRow,
    SessionRow,
    ThoughtRecordRow,
    TurnRow,
    now,
)

_KEPT_FROM_FIRST = {"id", "config", "created_at", "faults"}  # a run that goes on is still the run that was begun
Values = Mapping[str, Any]
"""A row as a dict: every column but those that the parent gives."""

Judged = tuple[JudgmentRow, Sequence[ScoreRow | Values]]


def save_run(session: Session, run: RunRow) -> None:
    """Write a run, or the run going on: then its configuration and time of creation stay as they were."""
    table = _table(RunRow)
    values = _values(run, table)
    changed = {name: value for name, value in values.items() if name not in _KEPT_FROM_FIRST}
    connection = session.connection()
    found = connection.execute(update(table).where(table.c.id == run.id).values(changed))
    if found.rowcount == 0:
        connection.execute(insert(table), values)


def finish_run(
    session: Session,
    run_id: str,
    status: Literal["finished", "stopped"] = "finished",
    faults: Mapping[str, int] | None = None,
) -> None:
    """Mark a run as ended now.

    Args:
        faults: failed attempts at calls by kind, added to those of earlier tries of this run.

    Raises:
        StorageError: there is no such run.
    """
    table = _table(RunRow)
    before = session.connection().execute(select(table.c.faults).where(table.c.id == run_id)).scalar() or {}
    summed = dict(Counter(before) + Counter(faults or {}))
    ended = {"status": status, "finished_at": now(), "faults": summed}
    found = session.connection().execute(update(table).where(table.c.id == run_id).values(ended))
    if found.rowcount == 0:
        raise StorageError(f"there is no run {run_id} to finish")


def replace_session(
    session: Session,
    row: SessionRow,
    turns: Sequence[TurnRow | Values],
    judgments: Sequence[Judged],
    events: Sequence[SafetyEventRow],
    answers: Sequence[InterviewAnswerRow] = (),
    thoughts: Sequence[ThoughtRecordRow] = (),
) -> None:
    """Write a session with all that belongs to it, in place of an earlier one with the same id.

    All of the earlier one goes, people's ratings too: they were of another transcript. Children get the
    session's id, and numbers of their own. The run must have been saved before.
    """
    table = _table(SessionRow)
    connection = session.connection()
    connection.execute(delete(table).where(table.c.id == row.id))
    connection.execute(insert(table), _values(row, table))
    add_judgments(session, row.id, judgments)
    _insert_children(session, TurnRow, turns, session_id=row.id)
    _insert_children(session, SafetyEventRow, events, session_id=row.id)
    _insert_children(session, InterviewAnswerRow, answers, session_id=row.id)
    _insert_children(session, ThoughtRecordRow, thoughts, session_id=row.id)


def add_judgments(session: Session, session_id: str, judgments: Sequence[Judged]) -> None:
    """Write judgments beside those that a session has: a re-judgment never replaces one."""
    if not judgments:
        return
    table, under = _table(JudgmentRow), _table(ScoreRow)
    values = [_values(judgment, table) | {"session_id": session_id} for judgment, _ in judgments]
    numbered = insert(table).returning(table.c.id, sort_by_parameter_order=True)
    ids = session.connection().execute(numbered, values).scalars().all()
    scored = zip(ids, (scores for _, scores in judgments), strict=True)
    rows = [_values(score, under) | {"judgment_id": judgment_id} for judgment_id, scores in scored for score in scores]
    if rows:
        session.connection().execute(insert(under), rows)


def _insert_children(
    session: Session, kind: type[SQLModel], rows: Sequence[SQLModel | Values], **parent: str | int
) -> None:
    if rows:
        table = _table(kind)
        session.connection().execute(insert(table), [_values(row, table) | parent for row in rows])


def _table(kind: type[SQLModel]) -> Table:
    return SQLModel.metadata.tables[str(kind.__tablename__)]


def _values(row: SQLModel | Values, table: Table) -> dict[str, Any]:
    """The row's columns, without a number that the database gives."""
    if isinstance(row, Mapping):
        return dict(row)
    given = table.autoincrement_column
    return {column.key: getattr(row, column.key) for column in table.columns if column is not given}
