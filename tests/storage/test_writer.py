"""The writer: what it returns is committed, jobs share commits, and one that fails fails alone."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlmodel import Session, col, func, select, update

from profiles.errors import StorageError, UserError
from storage.database import Database
from storage.records import save_run
from storage.tables import RunRow
from storage.writer import Writer


def keep_run(rows, run_id: str) -> Callable[[Session], str]:
    def job(session: Session) -> str:
        save_run(session, rows.run(run_id))
        return run_id

    return job


def run_ids(db: Database) -> set[str]:
    with db.session() as session:
        return set(session.exec(select(RunRow.id)))


@asynccontextmanager
async def held_back(writer: Writer) -> AsyncIterator[list[asyncio.Task]]:
    """Tasks put into the list wait together: until the end the thread is busy with a job of its own."""
    inside, finish = threading.Event(), threading.Event()

    def hold(_: Session) -> None:
        inside.set()
        finish.wait(10)

    holding = asyncio.create_task(writer.write(hold))
    await asyncio.to_thread(inside.wait, 10)
    waiting: list[asyncio.Task] = []
    yield waiting
    await asyncio.sleep(0)  # each task has its turn to hand in its job
    finish.set()
    await holding


async def test_what_write_returns_is_committed(db: Database, path: Path, rows):
    async with Writer(db) as writer:
        raw = sqlite3.connect(path)
        for number in range(50):
            assert await writer.write(keep_run(rows, f"r{number}")) == f"r{number}"
            assert raw.execute("SELECT count(*) FROM run").fetchone() == (number + 1,)
        raw.close()


async def test_two_hundred_tasks_write_at_once(db: Database, rows):
    async with Writer(db) as writer:
        done = await asyncio.gather(*(writer.write(keep_run(rows, f"r{n}")) for n in range(200)))
    assert done == [f"r{n}" for n in range(200)]
    assert run_ids(db) == set(done)


async def test_waiting_jobs_share_one_commit(db: Database, rows):
    commits: list[object] = []
    event.listen(db.engine, "commit", commits.append)
    async with Writer(db) as writer:
        async with held_back(writer) as tasks:
            tasks += [asyncio.create_task(writer.write(keep_run(rows, f"r{n}"))) for n in range(200)]
        await asyncio.gather(*tasks)
    assert len(commits) == 2
    assert len(run_ids(db)) == 200


async def test_a_failing_job_fails_alone(db: Database, rows):
    def half(session: Session) -> None:
        save_run(session, rows.run("half"))
        session.add(rows.session("s1", "no such run"))

    async with Writer(db) as writer:
        async with held_back(writer) as tasks:
            jobs = [keep_run(rows, "before"), half, keep_run(rows, "after")]
            tasks += [asyncio.create_task(writer.write(job)) for job in jobs]
        before, failed, after = await asyncio.gather(*tasks, return_exceptions=True)
    assert (before, after) == ("before", "after")
    assert isinstance(failed, StorageError)
    assert str(failed) == f"{db.place}: FOREIGN KEY constraint failed"
    assert run_ids(db) == {"before", "after"}


async def test_a_job_that_raises_keeps_nothing_and_says_why(db: Database, rows):
    def broken(session: Session) -> None:
        save_run(session, rows.run("r1"))
        raise KeyError("stage")

    async with Writer(db) as writer:
        with pytest.raises(StorageError, match="KeyError: 'stage'") as caught:
            await writer.write(broken)
    assert isinstance(caught.value.__cause__, KeyError)
    assert run_ids(db) == set()


async def test_errors_of_the_arena_come_through_as_they_are(db: Database):
    def refuse(_: Session) -> None:
        raise UserError("card.yaml: no name: give one")

    async with Writer(db) as writer:
        with pytest.raises(UserError, match=r"card\.yaml"):
            await writer.write(refuse)


async def test_a_job_may_commit_or_roll_back_itself_without_harm_to_others(db: Database, rows):
    def commits(session: Session) -> None:
        save_run(session, rows.run("committed"))
        session.commit()

    def rolls_back(session: Session) -> None:
        save_run(session, rows.run("rolled back"))
        session.rollback()

    async with Writer(db) as writer:
        async with held_back(writer) as tasks:
            jobs = [keep_run(rows, "first"), commits, rolls_back, keep_run(rows, "last")]
            tasks += [asyncio.create_task(writer.write(job)) for job in jobs]
        await asyncio.gather(*tasks)
    assert run_ids(db) == {"first", "committed", "last"}


async def test_nobody_is_told_kept_when_the_database_undid_the_transaction(db: Database, rows):
    def undo(session: Session) -> None:
        session.connection().exec_driver_sql("ROLLBACK")

    async with Writer(db) as writer:
        async with held_back(writer) as tasks:
            jobs = [keep_run(rows, "before"), undo, keep_run(rows, "after")]
            tasks += [asyncio.create_task(writer.write(job)) for job in jobs]
        told = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(answer) for answer in told] == [StorageError] * 3
        assert run_ids(db) == set()
        assert await writer.write(keep_run(rows, "later")) == "later"
    assert run_ids(db) == {"later"}


async def test_a_cancelled_caller_takes_nobody_with_it(db: Database, rows):
    async with Writer(db) as writer:
        async with held_back(writer) as tasks:
            tasks += [asyncio.create_task(writer.write(keep_run(rows, name))) for name in ("gone", "stays")]
            await asyncio.sleep(0)
            tasks[0].cancel()
        gone, stays = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(gone, asyncio.CancelledError)
    assert stays == "stays"
    assert run_ids(db) == {"gone", "stays"}


async def test_closing_drains_the_queue(db: Database, rows):
    async with Writer(db) as writer:
        jobs = [lambda _: time.sleep(0.1), *(keep_run(rows, f"r{n}") for n in range(50))]
        tasks = [asyncio.create_task(writer.write(job)) for job in jobs]
        await asyncio.sleep(0)
    assert len(run_ids(db)) == 50
    await asyncio.gather(*tasks)


async def test_a_writer_that_is_not_open_says_so(db: Database, rows):
    writer = Writer(db)
    with pytest.raises(StorageError, match="the writer is not open"):
        await writer.write(keep_run(rows, "too early"))
    async with writer:
        pass
    with pytest.raises(StorageError, match="the writer is not open"):
        await writer.write(keep_run(rows, "too late"))
    assert run_ids(db) == set()


async def test_rows_that_a_job_returns_are_readable(db: Database, rows):
    def find(session: Session) -> RunRow:
        return session.exec(select(RunRow)).one()

    async with Writer(db) as writer:
        await writer.write(keep_run(rows, "r1"))
        run = await writer.write(find)
    assert run.config == {"rounds": 25}


async def test_tasks_of_several_event_loops_share_a_writer(db: Database, rows):
    async with Writer(db) as writer:

        async def write_all(prefix: str) -> None:
            await asyncio.gather(*(writer.write(keep_run(rows, f"{prefix}{n}")) for n in range(20)))

        threads = [asyncio.to_thread(asyncio.run, write_all(prefix)) for prefix in "ab"]
        await asyncio.gather(write_all("c"), *threads)
    assert len(run_ids(db)) == 60


async def test_jobs_that_read_and_write_do_not_lose_each_others_work(db: Database, rows):
    def count_up(session: Session) -> None:
        planned = session.exec(select(RunRow.planned)).one()
        session.exec(update(RunRow).where(col(RunRow.id) == "r1").values(planned=planned + 1))

    async with Writer(db) as writer:
        await writer.write(lambda session: save_run(session, rows.run("r1", planned=0)))
        await asyncio.gather(*(writer.write(count_up) for _ in range(100)))
        assert await writer.write(lambda session: session.exec(select(RunRow.planned)).one()) == 100


async def test_another_programs_lock_is_waited_out(db: Database, path: Path, rows):
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    async with Writer(db) as writer:
        writing = asyncio.create_task(writer.write(keep_run(rows, "r1")))
        await asyncio.sleep(0.1)
        assert not writing.done()
        holder.execute("COMMIT")
        assert await writing == "r1"
    holder.close()


async def test_a_lock_that_never_ends_is_an_error_not_a_hang(path: Path, rows):
    with Database.open(f"sqlite:///{path}?timeout=0.05") as db:
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        async with Writer(db) as writer:
            with pytest.raises(StorageError, match="is held by another program"):
                await writer.write(keep_run(rows, "r1"))
            holder.execute("COMMIT")
            assert await writer.write(keep_run(rows, "r2")) == "r2"
        holder.close()


async def test_reading_goes_on_while_the_writer_is_busy(db: Database, rows):
    async with Writer(db) as writer:
        await writer.write(keep_run(rows, "r1"))
        inside, finish = threading.Event(), threading.Event()

        def slow(session: Session) -> None:
            save_run(session, rows.run("r2"))
            inside.set()
            finish.wait(10)

        writing = asyncio.create_task(writer.write(slow))
        await asyncio.to_thread(inside.wait, 10)
        with db.session() as session:
            assert session.exec(select(func.count()).select_from(RunRow)).one() == 1
            assert session.connection().execute(text("SELECT 1")).scalar() == 1
        finish.set()
        await writing
    assert run_ids(db) == {"r1", "r2"}


async def test_a_full_disk_undoes_all_and_all_are_told(db: Database, rows):
    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA max_page_count = 60")

    def huge(session: Session) -> str:
        save_run(session, rows.run("huge", config={"words": "x" * 1_000_000}))
        return "huge"

    event.listen(db.engine, "connect", limit)
    db.engine.dispose()
    async with Writer(db) as writer:
        async with held_back(writer) as tasks:
            jobs = [keep_run(rows, "before"), huge, keep_run(rows, "after")]
            tasks += [asyncio.create_task(writer.write(job)) for job in jobs]
        told = await asyncio.gather(*tasks, return_exceptions=True)
        for answer in told:
            assert str(answer).startswith(f"{db.place} cannot grow, the disk is full: free some space")
        assert run_ids(db) == set()
        assert await writer.write(keep_run(rows, "later")) == "later"
