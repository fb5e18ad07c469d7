"""Questions to the database, each in a fixed number of statements however large the run is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from difflib import get_close_matches
from typing import Any, NamedTuple, TypeVar

import sqlalchemy
from sqlalchemy import func
from sqlmodel import col, select

from profiles.errors import UserError
from profiles.schema import Record
from storage.database import Database
from storage.tables import (
    InterviewAnswerRow,
    JudgmentRow,
    RunRow,
    SafetyEventRow,
    ScoreRow,
    SessionRow,
    ThoughtRecordRow,
    TurnRow,
)

_LAST = "last"
_SHORT = 12  # characters of an id in messages
_NAMED = 3  # runs named in a message
_AT_A_TIME = 100  # rows held at once where they are handed on one by one
_SESSIONS_AT_A_TIME = 20  # with their turns and judgments
_Child = TypeVar("_Child", InterviewAnswerRow, SafetyEventRow, ThoughtRecordRow)
_Owned = TypeVar("_Owned", "TurnFacts", JudgmentRow, SafetyEventRow)


def name_fault(name: str) -> str | None:
    """Why no run may be called so; None where it may: ``last`` means the newest run wherever a run is named."""
    return "that word means the newest run; give the run another name" if name.strip() == _LAST else None


class RunSummary(Record):
    """A run in a list. ``finished`` and ``failed`` count the sessions stored, of ``planned``."""

    id: str
    name: str
    created_at: datetime
    status: str
    planned: int
    finished: int
    failed: int
    offline: bool


class SessionCounts(Record):
    """How the sessions of a run stand; ``gate_failed`` and ``flagged`` count finished sessions only.

    failures: failed sessions by the kind of their error. unjudged: finished ones that lack what a judge should say,
        because its server was away.
    """

    planned: int
    finished: int
    failed: int
    gate_failed: int
    flagged: int
    failures: dict[str, int]
    unjudged: int


class SessionFacts(NamedTuple):
    """What a run's numbers are made of, of one session: the fields of ``SessionRow`` without card and texts."""

    id: str
    counselor: str
    profile_id: str
    status: str
    gate: str
    fidelity: str
    outcome: dict[str, Any]
    usage: dict[str, Any]


class JudgmentFacts(NamedTuple):
    """What a run's numbers are made of, of one judgment: fields of ``JudgmentRow``, and none of its scores."""

    id: int
    session_id: str
    party: str
    judge: str
    model: str
    rubric_version: str
    scored: int
    item_mean: float | None
    share: float | None


@dataclass(frozen=True, slots=True)
class TurnFacts:
    """What an export reads of one turn: the fields of ``TurnRow`` without the hidden thought."""

    session_id: str
    index: int
    round: int
    speaker: str
    stage: str
    text: str
    sentences: list[dict[str, Any]]
    notes: dict[str, Any]
    call: dict[str, Any] | None


class Transcript(NamedTuple):
    """A session with all that an export reads of it. turns, judgments, events: each in the order of writing."""

    session: SessionRow
    turns: list[TurnFacts]
    judgments: list[JudgmentRow]
    events: list[SafetyEventRow]


class JudgmentWithScores(NamedTuple):
    """A judgment and its scores in the order of their dimensions' names."""

    judgment: JudgmentRow
    scores: list[ScoreRow]


def list_runs(db: Database) -> list[RunSummary]:
    """All runs, newest first."""
    with db.session() as session:
        runs = session.exec(select(RunRow).order_by(col(RunRow.created_at).desc(), col(RunRow.id))).all()
        counted = session.exec(
            select(SessionRow.run_id, SessionRow.status, func.count()).group_by(SessionRow.run_id, SessionRow.status)
        )
        numbers = {(run_id, status): number for run_id, status, number in counted}
    return [_summary(run, numbers) for run in runs]


def _summary(run: RunRow, numbers: Mapping[tuple[str, str], int]) -> RunSummary:
    return RunSummary(
        id=run.id,
        name=run.name,
        created_at=run.created_at,
        status=run.status,
        planned=run.planned,
        finished=numbers.get((run.id, "finished"), 0),
        failed=numbers.get((run.id, "failed"), 0),
        offline=run.offline,
    )


def find_run(db: Database, text: str) -> RunRow:
    """The run that ``text`` names: its id, the beginning of one id, its name, or ``last`` for the newest.

    Raises:
        UserError: no run is named so, or several are.
    """
    with db.session() as session:
        newest_first = select(RunRow.id, RunRow.name).order_by(col(RunRow.created_at).desc(), col(RunRow.id))
        runs = list(session.exec(newest_first))
        if not runs:
            raise UserError(f"{db.place} holds no runs yet: start one with `arena run`")
        return session.get_one(RunRow, _chosen(text.strip(), runs))


def _chosen(text: str, runs: list[tuple[str, str]]) -> str:
    ids = [run_id for run_id, _ in runs]
    if text in ids:
        return text
    if text == _LAST:
        return ids[0]
    found = [(run_id, name) for run_id, name in runs if text and (run_id.startswith(text) or name == text)]
    if len(found) == 1:
        return found[0][0]
    if found:
        raise UserError(f"'{text}' names {len(found)} runs: {_named(found)}; give more of the id")
    raise UserError(f"there is no run '{text}': nearest {_named(_nearest(text, runs))}; `last` is the newest")


def _nearest(text: str, runs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Runs whose name or id looks like ``text``; the newest ones if none does."""
    words = {word: run for run in reversed(runs) for word in (run[0][: max(len(text), 1)], run[1]) if word}
    close = get_close_matches(text, words, n=_NAMED)
    return list(dict.fromkeys(words[word] for word in close)) or runs


def _named(runs: list[tuple[str, str]]) -> str:
    shown = [run_id[:_SHORT] + (f" ({name})" if name else "") for run_id, name in runs[:_NAMED]]
    return ", ".join(shown) + (", ..." if len(runs) > _NAMED else "")


class Ending(NamedTuple):
    """How a session ended. A finished one has an ``error_kind`` too where a judge could not be asked."""

    status: str
    error_kind: str | None


def ended_sessions(db: Database, run_id: str) -> dict[str, Ending]:
    """The stored sessions of a run by id, in the run's order."""
    with db.session() as session:
        rows = session.exec(
            select(SessionRow.id, SessionRow.status, SessionRow.error_kind)
            .where(SessionRow.run_id == run_id)
            .order_by(col(SessionRow.ordinal))
        )
        return {row_id: Ending(status, kind) for row_id, status, kind in rows}


def counts(db: Database, run_id: str) -> SessionCounts:
    """How the sessions of a run stand; all zero for an unknown run."""
    with db.session() as session:
        planned = session.exec(select(RunRow.planned).where(RunRow.id == run_id)).first()
        columns = select(SessionRow.status, SessionRow.gate, SessionRow.fidelity, SessionRow.error_kind)
        rows = session.exec(columns.where(SessionRow.run_id == run_id)).all()
    finished = [(gate, fidelity) for status, gate, fidelity, _ in rows if status == "finished"]
    return SessionCounts(
        planned=planned or 0,
        finished=len(finished),
        failed=len(rows) - len(finished),
        gate_failed=sum(gate == "failed" for gate, _ in finished),
        flagged=sum(fidelity == "flagged" for _, fidelity in finished),
        failures=Counter(kind or "" for status, _, _, kind in rows if status != "finished"),
        unjudged=sum(status == "finished" and kind is not None for status, _, _, kind in rows),
    )


def load_sessions(db: Database, run_id: str) -> list[SessionRow]:
    """The stored sessions of a run in its order."""
    with db.session() as session:
        rows = select(SessionRow).where(SessionRow.run_id == run_id).order_by(col(SessionRow.ordinal))
        return list(session.exec(rows))


def each_session(db: Database, run_id: str) -> Iterator[SessionFacts]:
    """The stored sessions of a run in its order, a few in memory at a time."""
    return (SessionFacts(*row) for row in session_values(db, run_id, SessionFacts._fields))


def session_values(db: Database, run_id: str, fields: Iterable[str]) -> Iterator[tuple[Any, ...]]:
    """These fields of ``SessionRow`` of each stored session of a run in its order, a few in memory at a time."""
    return _each(
        db,
        sqlalchemy.select(*(getattr(SessionRow, field) for field in fields))
        .where(col(SessionRow.run_id) == run_id)
        .order_by(col(SessionRow.ordinal)),
    )


def each_judgment(db: Database, run_id: str) -> Iterator[JudgmentFacts]:
    """All judgments of a run, as ``load_judgments`` orders them, a few in memory at a time."""
    rows = _each(
        db,
        sqlalchemy.select(*(getattr(JudgmentRow, field) for field in JudgmentFacts._fields))
        .join(SessionRow)
        .where(col(SessionRow.run_id) == run_id)
        .order_by(col(SessionRow.ordinal), col(JudgmentRow.id)),
    )
    return (JudgmentFacts(*row) for row in rows)


def _each(db: Database, question: sqlalchemy.Select[Any]) -> Iterator[tuple[Any, ...]]:
    with db.session() as session:
        yield from session.connection().execute(question, execution_options={"yield_per": _AT_A_TIME})


def each_transcript(db: Database, run_id: str) -> Iterator[Transcript]:
    """The stored sessions of a run in its order with turns, judgments and safety events, a few in memory at a time.

    No transaction is held while the caller works on what it was given.
    """
    last: tuple[int, str] | None = None
    while True:
        block = _block(db, run_id, last)
        yield from block
        if len(block) < _SESSIONS_AT_A_TIME:
            return
        last = block[-1].session.ordinal, block[-1].session.id


def _block(db: Database, run_id: str, after: tuple[int, str] | None) -> list[Transcript]:
    place = sqlalchemy.tuple_(col(SessionRow.ordinal), col(SessionRow.id))
    question = select(SessionRow).where(SessionRow.run_id == run_id)
    if after is not None:
        question = question.where(place > sqlalchemy.tuple_(*after))
    ordered = question.order_by(col(SessionRow.ordinal), col(SessionRow.id)).limit(_SESSIONS_AT_A_TIME)
    with db.session() as session:
        rows = list(session.exec(ordered))
        ids = [row.id for row in rows]
        columns = (getattr(TurnRow, field.name) for field in fields(TurnFacts))
        said = sqlalchemy.select(*columns).where(col(TurnRow.session_id).in_(ids)).order_by(col(TurnRow.index))
        turns = _grouped(TurnFacts(*row) for row in session.connection().execute(said))
        judged = select(JudgmentRow).where(col(JudgmentRow.session_id).in_(ids)).order_by(col(JudgmentRow.id))
        judgments = _grouped(session.exec(judged))
        seen = select(SafetyEventRow).where(col(SafetyEventRow.session_id).in_(ids)).order_by(col(SafetyEventRow.id))
        events = _grouped(session.exec(seen))
    return [Transcript(row, turns[row.id], judgments[row.id], events[row.id]) for row in rows]


def _grouped(rows: Iterable[_Owned]) -> defaultdict[str, list[_Owned]]:
    found: defaultdict[str, list[_Owned]] = defaultdict(list)
    for row in rows:
        found[row.session_id].append(row)
    return found


def load_turns(db: Database, session_id: str) -> list[TurnRow]:
    """The turns of a session in order; empty for an unknown one."""
    with db.session() as session:
        rows = select(TurnRow).where(TurnRow.session_id == session_id).order_by(col(TurnRow.index))
        return list(session.exec(rows))


def load_all_turns(db: Database, run_id: str) -> dict[str, list[TurnRow]]:
    """The turns of every session of a run by session id; a session without turns has an empty list."""
    with db.session() as session:
        ids = session.exec(select(SessionRow.id).where(SessionRow.run_id == run_id).order_by(col(SessionRow.ordinal)))
        found: dict[str, list[TurnRow]] = {session_id: [] for session_id in ids}
        rows = (
            select(TurnRow)
            .join(SessionRow)
            .where(SessionRow.run_id == run_id)
            .order_by(TurnRow.session_id, col(TurnRow.index))
        )
        for turn in session.exec(rows):
            found[turn.session_id].append(turn)
    return found


def load_judgments(db: Database, run_id: str) -> list[JudgmentWithScores]:
    """All judgments of a run with scores, by session in the run's order, then in the order of judging."""
    with db.session() as session:
        judgments = session.exec(
            select(JudgmentRow)
            .join(SessionRow)
            .where(SessionRow.run_id == run_id)
            .order_by(col(SessionRow.ordinal), col(JudgmentRow.id))
        ).all()
        scores = session.exec(
            select(ScoreRow)
            .join(JudgmentRow)
            .join(SessionRow)
            .where(SessionRow.run_id == run_id)
            .order_by(ScoreRow.dimension)
        ).all()
    return _with_scores(judgments, scores)


def _with_scores(judgments: Iterable[JudgmentRow], scores: Iterable[ScoreRow]) -> list[JudgmentWithScores]:
    by_judgment: defaultdict[int | None, list[ScoreRow]] = defaultdict(list)
    for score in scores:
        by_judgment[score.judgment_id].append(score)
    return [JudgmentWithScores(judgment, by_judgment[judgment.id]) for judgment in judgments]


def load_events(db: Database, run_id: str) -> list[SafetyEventRow]:
    """What the safety gate saw in a run, by session in the run's order, then in the order of writing."""
    return _children(db, run_id, SafetyEventRow)


def load_answers(db: Database, run_id: str) -> list[InterviewAnswerRow]:
    """The settled interview nodes of a run, by session in the run's order, then in the order of writing."""
    return _children(db, run_id, InterviewAnswerRow)


def load_thoughts(db: Database, run_id: str) -> list[ThoughtRecordRow]:
    """The thought records of a run, by session in the run's order, then in the order of writing."""
    return _children(db, run_id, ThoughtRecordRow)


def _children(db: Database, run_id: str, kind: type[_Child]) -> list[_Child]:
    with db.session() as session:
        return list(
            session.exec(
                select(kind)
                .join(SessionRow)
                .where(SessionRow.run_id == run_id)
                .order_by(col(SessionRow.ordinal), col(kind.id))
            )
        )
