"""The migrations and the tables are two descriptions of one schema."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event, inspect
from sqlmodel import SQLModel, delete

import storage.migrations
from profiles.errors import StorageError
from storage.database import Database
from storage.migrations import HEAD, config_for_package, knows
from storage.records import replace_session, save_run
from storage.tables import CallRow, CandidateRow, InterviewAnswerRow, RatingRow, ReplyRow, RunRow, ThoughtRecordRow

PACKAGE = Path(storage.migrations.__file__).parent


def test_migrated_tables_equal_the_models(db: Database):
    with db.engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, SQLModel.metadata) == []


def test_migrated_schema_equals_what_the_models_would_make(db: Database, tmp_path: Path):
    """Alembic does not compare primary keys and cascades; SQLite's own description of them does."""
    with Database.open(str(tmp_path / "made.db"), upgrade=True) as made:
        with made.engine.begin() as connection:
            SQLModel.metadata.drop_all(connection)
            SQLModel.metadata.create_all(connection)
        for table in SQLModel.metadata.tables:
            for question in (
                "get_pk_constraint",
                "get_foreign_keys",
                "get_indexes",
                "get_unique_constraints",
            ):
                ours, theirs = (getattr(inspect(one.engine), question)(table) for one in (db, made))
                assert ours == theirs, (table, question)


def test_head_is_the_only_head_of_the_scripts():
    scripts = ScriptDirectory.from_config(config_for_package())
    assert scripts.get_heads() == [HEAD]
    assert knows(HEAD)
    assert not knows("9999")


def test_works_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "storage").mkdir()
    monkeypatch.chdir(tmp_path)
    with Database.open("arena.db") as db:
        assert set(db.info().counts) == set(SQLModel.metadata.tables)


def test_a_failing_migration_changes_nothing(path: Path):
    def fail(_connection, _cursor, statement, *_):
        if "CREATE TABLE turn" in statement:
            raise sqlite3.OperationalError("no room for turns")

    event.listen(Engine, "before_cursor_execute", fail)
    try:
        with pytest.raises((StorageError, sqlite3.OperationalError), match="no room for turns"):
            Database.open(str(path))
    finally:
        event.remove(Engine, "before_cursor_execute", fail)
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT name FROM sqlite_master").fetchall() == []
    raw.close()
    Database.open(str(path)).close()


@pytest.fixture
def later(tmp_path: Path) -> Config:
    """The scripts with one more, made from the template: it rebuilds the table that all others hang on."""
    scripts = shutil.copytree(PACKAGE, tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    config = Config()
    config.set_main_option("script_location", str(scripts))
    config.set_main_option("path_separator", "os")
    command.revision(config, "add a colour", rev_id="0002")
    [script] = (scripts / "versions").glob("0002*.py")
    rebuild = "with op.batch_alter_table('run', recreate='always') as batch:\n"
    rebuild += "        batch.add_column(sa.Column('colour', sa.String()))"
    script.write_text(script.read_text().replace("    pass", f"    {rebuild}"))
    return config


def test_an_older_database_is_upgraded_at_opening_and_loses_nothing(
    path: Path, rows, later: Config, monkeypatch: pytest.MonkeyPatch
):
    with Database.open(str(path)) as db:
        rows.fill(db, "r1", 3)
        before = db.info()
    monkeypatch.setattr(storage.migrations, "HEAD", "0002")
    monkeypatch.setattr(storage.migrations, "config_for_package", lambda: later)
    with Database.open(str(path), upgrade=False) as db:
        assert (db.info().revision, db.info().head) == ("0001", "0002")
    with Database.open(str(path)) as db:
        assert db.info().counts == before.counts
        assert db.revision() == "0002"
        assert "colour" in {column["name"] for column in inspect(db.engine).get_columns("run")}


def test_deleting_a_run_takes_its_children_and_no_others(db: Database, rows):
    rows.fill(db, "r1", 2)
    rows.fill(db, "r2", 1)
    with db.session(write=True) as session:
        key = {"session_id": "r1-0"}
        session.add(InterviewAnswerRow(**key, instrument="x", node="n", criterion="c", verdict="met"))
        session.add(ThoughtRecordRow(**key, loop=1, channel=1))
        session.add(RatingRow(**key, rater="a", party="client", dimension="warmth", rubric_version="1"))
        session.add(CandidateRow(id="c1", run_id="r1", counselor="plain"))
        session.add(CallRow(**key, channel="client", ordinal=0, request_hash="h", reply={}))
        session.add(ReplyRow(key="k", model="openai/x", reply={}))
    before = db.info().counts
    assert all(before.values())
    with db.session(write=True) as session:
        session.exec(delete(RunRow).where(RunRow.id == "r1"))
    one_session = {"run": 1, "session": 1, "turn": 4, "judgment": 2, "score": 4, "safety_event": 1}
    gone = {"interview_answer": 0, "thought_record": 0, "rating": 0, "candidate": 0}
    assert db.info().counts == one_session | gone | {"call": 1, "reply": 1}


def test_a_child_without_parent_is_refused(db: Database, rows):
    with pytest.raises(StorageError, match="FOREIGN KEY"), db.session(write=True) as session:
        save_run(session, rows.run("r1"))
        replace_session(session, rows.session("s1", "another run"), [], [], [])
    assert db.info().counts["run"] == 0
