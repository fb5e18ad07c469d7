"""Writing runs and sessions: whole, once, and the same however often."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import select

from profiles.errors import StorageError
from storage.database import Database
from storage.queries import find_run, load_answers, load_judgments, load_sessions, load_thoughts, load_turns
from storage.records import add_judgments, finish_run, replace_session, save_run
from storage.tables import InterviewAnswerRow, RatingRow, SessionRow, ThoughtRecordRow, TurnRow


@pytest.fixture
def run(db: Database, rows):
    with db.session(write=True) as session:
        save_run(session, rows.run("r1"))


def test_a_session_comes_back_whole(db: Database, run, rows):
    turn = TurnRow(
        session_id="s1",
        index=0,
        round=1,
        speaker="client",
        stage="diagnosis",
        text="我不想说这个。",
        reasoning="too early",
        sentences=[{"text": "我不想说这个。", "strategy": "none"}],
        notes={"trust": 2.5},
        call={"model": "offline", "asked": 1},
    )
    answer = InterviewAnswerRow(session_id="", instrument="mood", node="n1", criterion="c1", verdict="met", turn=0)
    thought = ThoughtRecordRow(
        session_id="",
        loop=1,
        channel=2,
        situation="群里没人回我",
        thought="没人在乎我",
        turn=4,
        distortion="mind_reading",
        belief_before=80.0,
        belief_after=45.5,
        belief_end=40.0,
        emotion="难过",
        emotion_before=70.0,
        emotion_after=40.0,
        evidence_for=["没人回"],
        evidence_against=["昨天小李还来看我", "大家都在加班"],
        balanced_thought="他们可能只是没看到",
        effective=True,
        rounds=2,
        status="closed",
    )
    row = rows.session("s1", fidelity_flags=[{"kind": "role_flip"}], outcome={"trust": 4.5}, seconds=1.5)
    with db.session(write=True) as session:
        replace_session(session, row, [turn], [rows.judged()], [rows.event()], [answer], [thought])
    assert load_turns(db, "s1")[0].model_dump() == turn.model_dump()
    assert load_sessions(db, "r1")[0].model_dump() == row.model_dump()
    [(judgment, scores)] = load_judgments(db, "r1")
    assert (judgment.session_id, judgment.total, judgment.passed) == ("s1", 3.0, None)
    assert [(score.dimension, score.value, score.status) for score in scores] == [
        ("honesty", None, "missing"),
        ("warmth", 3.0, "ok"),
    ]
    assert load_answers(db, "r1")[0].session_id == "s1"
    [kept] = load_thoughts(db, "r1")
    assert kept.model_dump(exclude={"id"}) == thought.model_dump(exclude={"id"}) | {"session_id": "s1"}


def test_writing_the_same_session_again_changes_nothing(db: Database, run, rows):
    whole = (
        rows.session("s1"),
        rows.turns(),
        [rows.judged(), rows.judged(party="supervisor")],
        [rows.event()],
    )
    for _ in range(3):
        with db.session(write=True) as session:
            replace_session(session, *whole)
    counts = db.info().counts
    assert {name: number for name, number in counts.items() if number} == {
        "run": 1,
        "session": 1,
        "turn": 4,
        "judgment": 2,
        "score": 4,
        "safety_event": 1,
    }


def test_a_finished_session_takes_the_place_of_a_failed_one_with_all_its_children(db: Database, run, rows):
    failed = rows.session("s1", status="failed", error_kind="unavailable", error="no connection")
    with db.session(write=True) as session:
        replace_session(session, failed, rows.turns(number=10), [rows.judged()], [rows.event()])
        session.add(RatingRow(session_id="s1", rater="a", party="client", dimension="warmth", rubric_version="1"))
    with db.session(write=True) as session:
        replace_session(session, rows.session("s1"), rows.turns(number=2), [], [])
    [row] = load_sessions(db, "r1")
    assert (row.status, row.error) == ("finished", None)
    assert len(load_turns(db, "s1")) == 2
    counts = db.info().counts
    assert (counts["judgment"], counts["score"], counts["safety_event"], counts["rating"]) == (0, 0, 0, 0)


def test_a_session_that_cannot_be_written_leaves_the_earlier_one(db: Database, run, rows):
    with db.session(write=True) as session:
        replace_session(session, rows.session("s1", status="failed"), rows.turns(), [], [])
    twice = [*rows.turns(number=1), *rows.turns(number=1)]
    with pytest.raises(StorageError, match="UNIQUE"), db.session(write=True) as session:
        replace_session(session, rows.session("s1"), twice, [], [])
    assert load_sessions(db, "r1")[0].status == "failed"
    assert len(load_turns(db, "s1")) == 4


def test_the_same_pairing_cannot_be_stored_under_two_ids(db: Database, run, rows):
    with pytest.raises(StorageError, match="UNIQUE"), db.session(write=True) as session:
        for session_id in ("s1", "s2"):
            replace_session(session, rows.session(session_id, profile_id="p1"), [], [], [])


def test_judging_again_adds_and_keeps(db: Database, run, rows):
    with db.session(write=True) as session:
        replace_session(session, rows.session("s1"), rows.turns(), [rows.judged()], [])
    with db.session(write=True) as session:
        add_judgments(session, "s1", [rows.judged()])
    first, second = load_judgments(db, "r1")
    assert first.judgment.id != second.judgment.id
    assert [len(first.scores), len(second.scores)] == [2, 2]


def test_a_run_that_goes_on_keeps_what_it_was_begun_with(db: Database, rows):
    begun = rows.run("r1", planned=2, config={"rounds": 25}, versions={"arena": "0.1"})
    with db.session(write=True) as session:
        save_run(session, begun)
        finish_run(session, "r1", "stopped")
    stopped = find_run(db, "r1")
    assert (stopped.status, stopped.finished_at is not None) == ("stopped", True)
    with db.session(write=True) as session:
        save_run(session, rows.run("r1", minutes=90, planned=5, config={}, versions={"arena": "0.2"}))
    found = find_run(db, "r1")
    assert (found.status, found.finished_at, found.planned) == ("running", None, 5)
    assert (found.config, found.created_at, found.versions) == (
        begun.config,
        begun.created_at,
        {"arena": "0.2"},
    )
    with db.session(write=True) as session:
        finish_run(session, "r1")
    assert find_run(db, "r1").status == "finished"


def test_finishing_an_unknown_run_is_an_error(db: Database):
    with pytest.raises(StorageError, match="no run r9"), db.session(write=True) as session:
        finish_run(session, "r9")


def test_broken_text_from_a_model_does_not_stop_the_session(db: Database, run, rows):
    turn = rows.turns(number=1)[0]
    turn.text, turn.notes = "我\ud83d", {"said\udc00": "\ud83d\ude00\0"}
    broken = rows.session("s1", error="half an emoji: \ud83d")
    with db.session(write=True) as session:
        replace_session(session, broken, [turn], [], [])
    [kept] = load_turns(db, "s1")
    assert (kept.text, kept.notes) == ("我\ufffd", {"said\ufffd": "😀\0"})
    assert load_sessions(db, "r1")[0].error == "half an emoji: \ufffd"


def test_the_file_is_readable_without_us(db: Database, run, rows, path: Path):
    with db.session(write=True) as session:
        replace_session(session, rows.session("s1"), rows.turns(), [rows.judged()], [])
    raw = sqlite3.connect(path)
    assert raw.execute('SELECT text, call FROM turn WHERE "index" = 1').fetchone() == ("第1句", None)
    profile = raw.execute("SELECT profile FROM session").fetchone()[0]
    assert "小林" in profile
    assert json.loads(profile) == {"name": "小林"}
    raw.close()


def test_seeds_of_63_bits_fit(db: Database, run, rows):
    with db.session(write=True) as session:
        replace_session(session, rows.session("s1", seed=2**63 - 1), [], [], [])
    with db.session() as session:
        assert session.exec(select(SessionRow.seed)).one() == 2**63 - 1


def test_rows_given_stay_untouched(db: Database, run, rows):
    judgment, scores = rows.judged()
    with db.session(write=True) as session:
        replace_session(session, rows.session("s1"), [], [(judgment, scores)], [])
        assert session.connection().execute(text("SELECT count(*) FROM score")).scalar() == 2
    assert judgment.id is None
    assert [score.judgment_id for score in scores] == [None, None]
