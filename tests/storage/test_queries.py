"""Questions to the database: typed answers, clear refusals, and no statement per session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps

import pytest
from sqlalchemy import event

from profiles.errors import UserError
from storage.database import Database
from storage.queries import (
    counts,
    each_judgment,
    each_session,
    ended_sessions,
    find_run,
    list_runs,
    load_all_turns,
    load_answers,
    load_events,
    load_judgments,
    load_sessions,
    load_thoughts,
    load_turns,
    session_values,
)
from storage.records import finish_run, replace_session, save_run
from storage.tables import InterviewAnswerRow, ThoughtRecordRow


def save_runs(db: Database, *runs) -> None:
    with db.session(write=True) as session:
        for run in runs:
            save_run(session, run)


def test_runs_are_listed_newest_first_with_their_counts(db: Database, rows):
    rows.fill(db, "r1", 3)
    with db.session(write=True) as session:
        save_run(session, rows.run("r2", minutes=5, name="夜间", offline=True, planned=4))
        replace_session(session, rows.session("a", "r2", ordinal=0), [], [], [])
        replace_session(session, rows.session("b", "r2", ordinal=1, status="failed"), [], [], [])
        finish_run(session, "r1")
    second, first = list_runs(db)
    assert (second.id, second.name, second.status, second.offline) == ("r2", "夜间", "running", True)
    assert (second.planned, second.finished, second.failed) == (4, 1, 1)
    assert (first.id, first.status, first.finished, first.failed) == ("r1", "finished", 3, 0)
    assert first.created_at < second.created_at


def test_an_empty_database_lists_nothing(db: Database):
    assert list_runs(db) == []


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ("abc123", "abc123"),
        ("abd", "abd999"),
        (" abd ", "abd999"),
        ("night", "abc123"),
        ("last", "ffff00"),
        ("晚上", "ffff00"),
        ("abc", "abc"),
    ],
    ids=["id", "prefix", "with spaces", "name", "last", "chinese name", "an id that begins another"],
)
def test_a_run_is_found_by(db: Database, rows, named: str, found: str):
    save_runs(
        db,
        rows.run("abc123", name="night"),
        rows.run("abd999", minutes=1),
        rows.run("ffff00", minutes=3, name="晚上"),
        rows.run("abc", minutes=2),
    )
    assert find_run(db, named).id == found


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("ab", ["'ab' names 2 runs", "abc123 (night)", "abd999", "give more of the id"]),
        ("morning", ["'morning' names 2 runs", "ffff00 (morning)", "eeee00 (morning)"]),
        ("nihgt", ["there is no run 'nihgt'", "nearest abc123 (night)", "`last`"]),
        ("abx", ["there is no run 'abx'", "nearest abd999", "abc123 (night)"]),
        ("zzzz", ["there is no run 'zzzz'", "nearest eeee00 (morning)", "..."]),
        ("%", ["there is no run '%'"]),
        ("", ["there is no run ''"]),
    ],
)
def test_a_run_that_cannot_be_told_is_refused_with_the_nearest(db: Database, rows, asked: str, said: list[str]):
    save_runs(
        db,
        rows.run("abc123", name="night"),
        rows.run("abd999", minutes=1),
        rows.run("ffff00", minutes=2, name="morning"),
        rows.run("eeee00", minutes=3, name="morning"),
    )
    with pytest.raises(UserError) as caught:
        find_run(db, asked)
    assert "\n" not in str(caught.value)
    for words in said:
        assert words in str(caught.value)


def test_a_database_without_runs_says_how_to_begin(db: Database):
    with pytest.raises(UserError, match="holds no runs yet: start one with `arena run`"):
        find_run(db, "last")


def test_status_and_counts_of_sessions(db: Database, rows):
    with db.session(write=True) as session:
        save_run(session, rows.run("r1", planned=5))
        given = [
            {"gate": "passed", "fidelity": "ok"},
            {"gate": "failed", "fidelity": "flagged"},
            {"gate": "passed", "fidelity": "flagged"},
            {"status": "failed", "gate": "failed", "error_kind": "unavailable"},
        ]
        for ordinal, values in enumerate(given):
            replace_session(session, rows.session(f"s{3 - ordinal}", ordinal=ordinal, **values), [], [], [])
    assert list(ended_sessions(db, "r1").items()) == [
        ("s3", ("finished", None)),
        ("s2", ("finished", None)),
        ("s1", ("finished", None)),
        ("s0", ("failed", "unavailable")),
    ]
    found = counts(db, "r1")
    assert (found.planned, found.finished, found.failed) == (5, 3, 1)
    assert (found.gate_failed, found.flagged) == (1, 2)
    assert found.failures == {"unavailable": 1}
    assert ended_sessions(db, "no such run") == {}
    assert counts(db, "no such run").planned == 0


def test_sessions_turns_and_judgments_come_in_order_and_of_one_run_only(db: Database, rows):
    rows.fill(db, "r1", 12)
    rows.fill(db, "r2", 2)
    ids = [f"r1-{n}" for n in range(12)]
    assert [row.id for row in load_sessions(db, "r1")] == ids
    turns = load_all_turns(db, "r1")
    assert list(turns) == ids
    assert all([turn.index for turn in group] == [0, 1, 2, 3] for group in turns.values())
    assert [turn.model_dump() for turn in turns["r1-3"]] == [turn.model_dump() for turn in load_turns(db, "r1-3")]
    judged = load_judgments(db, "r1")
    assert [(one.judgment.session_id, one.judgment.party) for one in judged] == [
        (session_id, party) for session_id in ids for party in ("client", "supervisor")
    ]
    for one in judged:
        assert [score.dimension for score in one.scores] == ["honesty", "warmth"]
        assert {score.judgment_id for score in one.scores} == {one.judgment.id}
    assert [event.session_id for event in load_events(db, "r1")] == ids
    assert load_events(db, "r2")[0].quote == "没什么大不了"


def test_rows_read_one_by_one_are_those_read_at_once(db: Database, rows):
    rows.fill(db, "r1", 250, outcome={"overall_share": 0.5, "pass_all3": True}, usage={"client": {"calls": 2}})
    rows.fill(db, "r2", 2)
    whole = load_sessions(db, "r1")
    for facts, row in zip(each_session(db, "r1"), whole, strict=True):
        assert facts._asdict().items() <= row.model_dump().items()
    judged = load_judgments(db, "r1")
    for facts, item in zip(each_judgment(db, "r1"), judged, strict=True):
        assert facts._asdict().items() <= item.judgment.model_dump().items()
    found = list(session_values(db, "r1", ("id", "rounds", "profile")))
    assert found == [(row.id, row.rounds, row.profile) for row in whole]
    assert list(each_session(db, "no such run")) == list(each_judgment(db, "no such run")) == []


def test_a_session_without_turns_is_there_with_none(db: Database, rows):
    with db.session(write=True) as session:
        save_run(session, rows.run("r1"))
        replace_session(session, rows.session("s1", status="failed"), [], [], [])
    assert load_all_turns(db, "r1") == {"s1": []}
    assert load_turns(db, "s1") == load_turns(db, "unknown") == []


def test_answers_and_thoughts_come_in_the_order_of_the_run(db: Database, rows):
    with db.session(write=True) as session:
        save_run(session, rows.run("r1"))
        for ordinal, name in enumerate("ba"):
            answers = [
                InterviewAnswerRow(session_id=name, instrument="mood", node=node, criterion="c", verdict="unknown")
                for node in ("n2", "n1")
            ]
            thoughts = [ThoughtRecordRow(session_id=name, loop=1, channel=channel) for channel in (1, 2)]
            replace_session(session, rows.session(name, ordinal=ordinal), [], [], [], answers, thoughts)
    assert [(row.session_id, row.node) for row in load_answers(db, "r1")] == [
        ("b", "n2"),
        ("b", "n1"),
        ("a", "n2"),
        ("a", "n1"),
    ]
    assert [(row.session_id, row.channel) for row in load_thoughts(db, "r1")] == [
        ("b", 1),
        ("b", 2),
        ("a", 1),
        ("a", 2),
    ]


WHOLE_RUN = [ended_sessions, counts, load_sessions, load_all_turns, load_judgments, load_events, load_answers]
ONE_BY_ONE = [each_session, each_judgment]


def drained(question: Callable[[Database, str], Iterator[object]]) -> Callable[[Database, str], object]:
    @wraps(question)
    def whole(db: Database, run_id: str) -> object:
        return list(question(db, run_id))

    return whole


@pytest.mark.parametrize("question", [*WHOLE_RUN, *map(drained, ONE_BY_ONE)], ids=lambda question: question.__name__)
def test_a_larger_run_takes_no_more_statements(db: Database, rows, question: Callable[[Database, str], object]):
    rows.fill(db, "small", 1)
    rows.fill(db, "large", 30)

    def statements(run_id: str) -> int:
        seen: list[str] = []
        listener = lambda _conn, _cursor, statement, *_: seen.append(statement)  # noqa: E731
        event.listen(db.engine, "after_cursor_execute", listener)
        question(db, run_id)
        event.remove(db.engine, "after_cursor_execute", listener)
        return len(seen)

    assert statements("small") == statements("large") <= 4
