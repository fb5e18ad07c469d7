"""Opening a database: its settings, its sessions, and what a person is told when it cannot be used."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session, col, select, update

import storage
from profiles.errors import ArenaError, StorageError, UserError
from storage.database import Database
from storage.migrations import HEAD
from storage.records import save_run
from storage.tables import RunRow

ROOT = Path(storage.__file__).parents[1]


def python(code: str, *arguments: str) -> str:
    """Run code in a fresh interpreter and return what it wrote."""
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def refusal(address: str, kind: type[ArenaError] = UserError, **options: bool) -> str:
    """The one line with which opening is refused."""
    with pytest.raises(kind) as caught:
        Database.open(address, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert "[SQL" not in message
    return message


def pragma(session: Session, name: str) -> object:
    return session.connection().execute(text(f"PRAGMA {name}")).scalar()


def test_every_connection_has_the_house_settings(db: Database):
    with db.session() as first, db.session() as second:
        for session in (first, second):
            assert pragma(session, "journal_mode") == "wal"
            assert pragma(session, "foreign_keys") == 1
            assert pragma(session, "synchronous") == 1
            assert pragma(session, "busy_timeout") == 10_000


def test_url_may_set_the_patience(path: Path):
    with Database.open(f"sqlite:///{path}?timeout=3") as db, db.session() as session:
        assert pragma(session, "busy_timeout") == 3_000


@pytest.mark.parametrize("name", ["a b.db", "100%.db", "what?.db", "记录.db", "x#y&z=1.db"])
def test_path_is_taken_as_it_is_written(tmp_path: Path, name: str):
    path = tmp_path / "new" / "folders" / name
    with Database.open(str(path)) as db:
        assert db.file == path
        assert db.info().size == sum(part.stat().st_size for part in path.parent.iterdir() if "shm" not in part.name)
    assert path.is_file()
    assert os.listdir(path.parent) == [name]  # noqa: PTH208  (the log was folded in at closing)


def test_relative_path_means_the_folder_of_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with Database.open("arena.db") as db:
        monkeypatch.chdir(tmp_path / "elsewhere")
        db.engine.dispose()
        assert db.revision() == HEAD
    assert not list((tmp_path / "elsewhere").iterdir())


def test_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with Database.open("~/arena.db") as db:
        assert db.file == tmp_path / "arena.db"


def test_reopening_finds_what_was_written(path: Path, rows):
    with Database.open(str(path)) as db:
        rows.fill(db, "r1", 2)
    with Database.open(f"sqlite:///{path}") as db:
        info = db.info()
    assert (info.revision, info.head) == (HEAD, HEAD)
    assert info.counts["session"] == 2
    assert info.counts["turn"] == 8
    assert info.counts["rating"] == 0


def test_sqlite_file_form_is_understood(path: Path):
    with Database.open(f"file:{path}") as db:
        assert db.file == path
        assert db.revision() == HEAD


def test_opening_an_upgraded_database_does_not_import_alembic(db: Database, path: Path):
    code = (
        "import sys; from storage.database import Database\n"
        "Database.open(sys.argv[1]).close(); sys.stdout.write(str('alembic' in sys.modules))"
    )
    assert python(code, str(path)) == "False"
    assert python(code, str(path.with_name("new.db"))) == "True"


def test_many_processes_may_open_a_new_database_at_once(path: Path):
    code = (
        "import sys; from storage.database import Database\n"
        "db = Database.open(sys.argv[1]); sys.stdout.write(db.revision())"
    )
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: python(code, str(path)), range(4))) == [HEAD] * 4


def test_without_upgrade_nothing_is_made_or_changed(path: Path):
    assert "does not exist" in refusal(str(path), upgrade=False)
    assert not path.exists()
    path.touch()
    with Database.open(str(path), upgrade=False) as db:
        assert db.revision() is None
        assert db.info().counts == {}
        db.upgrade()
        db.upgrade()
        assert db.revision() == HEAD


@pytest.mark.parametrize(
    "address", ["sqlite://", "sqlite:///:memory:", ":memory:", "file::memory:", "file:x?mode=memory"]
)
def test_memory_is_refused(address: str):
    assert "give the path of a file" in refusal(address)


def test_nothing_is_no_address():
    assert "give the path of a file" in refusal("  ")


def test_asyncio_driver_is_refused(path: Path):
    assert "asyncio driver" in refusal(f"sqlite+aiosqlite:///{path}")


def test_folder_is_refused(tmp_path: Path):
    assert refusal(str(tmp_path)).startswith(f"{tmp_path} is a folder")


def test_file_in_place_of_the_folder_is_refused(tmp_path: Path):
    (tmp_path / "file").touch()
    assert "cannot be used" in refusal(str(tmp_path / "file" / "arena.db"))


@pytest.mark.parametrize("locked", [lambda path: path, lambda path: path.parent], ids=["file", "folder"])
def test_what_has_no_write_bit_is_read_only_for_everyone(path: Path, locked: Callable[[Path], Path]):
    Database.open(str(path)).close()
    mode = locked(path).stat().st_mode
    locked(path).chmod(mode & 0o555)
    try:
        assert refusal(str(path)).startswith(f"{locked(path)} is read-only: make it writable")
    finally:
        locked(path).chmod(mode)
    Database.open(str(path)).close()


def test_read_only_mode_is_refused_before_anything_is_spent(path: Path):
    Database.open(str(path)).close()
    assert refusal(f"file:{path}?mode=ro").startswith(f"{path} is read-only")


def test_missing_file_in_read_only_mode_cannot_be_opened(path: Path):
    assert "cannot be opened: check" in refusal(f"file:{path}?mode=ro")


def test_a_file_that_is_no_database_is_left_alone(path: Path):
    content = "姓名,年龄\n" * 500
    path.write_text(content, encoding="utf-8")
    assert refusal(str(path)) == f"{path} is not an SQLite database: choose another database file"
    assert path.read_text(encoding="utf-8") == content


def test_another_programs_database_is_left_alone(path: Path):
    with sqlite3.connect(path) as strange:
        strange.execute("CREATE TABLE bookmarks (id INTEGER)")
    strange.close()
    assert "belongs to another program" in refusal(str(path))
    with sqlite3.connect(path) as strange:
        assert strange.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]
    strange.close()


@pytest.mark.parametrize("upgrade", [True, False])
def test_newer_revision_is_refused(path: Path, upgrade: bool):
    with Database.open(str(path)) as db, db.session(write=True) as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = '9999'"))
    message = refusal(str(path), upgrade=upgrade)
    assert "newer counsel-arena (revision 9999" in message
    assert "update counsel-arena" in message


def test_a_database_held_by_another_program_says_so(path: Path):
    Database.open(str(path)).close()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert "is held by another program: close that program" in refusal(f"sqlite:///{path}?timeout=0.05")
    holder.close()
    Database.open(str(path)).close()


def test_the_switch_to_the_log_waits_for_a_reader(path: Path):
    reader = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    reader.execute("PRAGMA user_version = 1")
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM sqlite_master").fetchall()
    assert "is held by another program" in refusal(f"sqlite:///{path}?timeout=0.05")
    release = threading.Timer(0.2, reader.execute, ["COMMIT"])
    release.start()
    Database.open(str(path)).close()
    release.join()
    reader.close()


def test_damage_is_told_with_a_remedy(path: Path, rows):
    with Database.open(str(path)) as db:
        rows.fill(db, "r1", 20)
    content = path.read_bytes()
    page = 4096
    path.write_bytes(content[:page] + b"\x99" * (len(content) - page))
    with pytest.raises(StorageError, match=r"is damaged: restore a backup"), Database.open(str(path)) as db:
        db.info()


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://ann:s3cret@127.0.0.1:1/arena",
        "postgresql://127.0.0.1:1/arena?password=s3cret",
        "postgresql://ann:s3cret@@host:port/arena",
        "sqlite://ann:s3cret@host/arena.db",
        "nosuch://ann:s3cret@host/arena",
        "postgresql+nosuch://ann:s3cret@host/arena",
        "sqlite:///file:arena.db?uri=true&mode=memory&token=s3cret",
    ],
)
def test_no_password_in_errors(address: str):
    assert "s3cret" not in refusal(address)


def test_no_password_in_anything_shown(path: Path):
    with Database.open(f"file:{path}?password=s3cret") as db:
        shown = f"{db!r} {db} {db.url} {db.place} {db.info()} {db.explain(ValueError('s3cret'))}"
        assert db.engine.url.query["password"] == "s3cret"
    assert "s3cret" not in shown
    assert "password=***" in shown


def test_writing_session_commits_at_its_end_and_only_then(db: Database, rows):
    with pytest.raises(ZeroDivisionError), db.session(write=True) as session:
        save_run(session, rows.run("lost"))
        raise ZeroDivisionError
    with db.session(write=True) as session:
        save_run(session, rows.run("kept"))
    with db.session() as session:
        save_run(session, rows.run("tried"))
    with db.session() as session:
        assert session.exec(select(RunRow.id)).all() == ["kept"]


def test_rows_stay_readable_after_their_session(db: Database, rows):
    with db.session(write=True) as session:
        run = rows.run("r1", config={"语言": "中文"})
        session.add(run)
    assert run.config == {"语言": "中文"}


def test_error_in_a_session_is_one_line_without_what_was_to_be_stored(db: Database, rows):
    with pytest.raises(StorageError) as caught, db.session(write=True) as session:
        session.add(rows.session("s1", run_id="nowhere", error="his private words"))
    assert str(caught.value) == f"{db.place}: FOREIGN KEY constraint failed"
    assert "private" not in str(caught.value.__cause__)


def test_threads_that_read_and_then_write_wait_for_each_other(db: Database, rows):
    with db.session(write=True) as session:
        save_run(session, rows.run("r1", planned=0))

    def count_up(_: int) -> None:
        for _ in range(10):
            with db.session(write=True) as session:
                planned = session.exec(select(RunRow.planned)).one()
                session.exec(update(RunRow).where(col(RunRow.id) == "r1").values(planned=planned + 1))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count_up, range(4)))
    with db.session() as session:
        assert session.exec(select(RunRow.planned)).one() == 40
