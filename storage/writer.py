"""The one writer: jobs from the event loop, run by one thread, as many to a transaction as are waiting.

SQLite has one writer at a time, and a commit costs the same for one row as for a hundred, so waiting jobs
share one. Each job has a savepoint of its own: one that fails takes back its own rows and no other's.
"""

from __future__ import annotations

import asyncio
import itertools
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Self, TypeVar

from sqlalchemy import Connection, Executable
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from profiles.errors import ArenaError, StorageError
from storage.database import Database
from storage.engine import WRITE_LOCK

T = TypeVar("T")
Job = Callable[[Session], T]
_WOKEN_AT_ONCE: Final = 2
_SAVEPOINT: Final = "create_savepoint"


@dataclass(frozen=True)
class Bulk:
    """What is done with rows of one kind: each statement in turn, with as many rows as are waiting.

    A row is a dict of the statements' parameters.
    """

    statements: tuple[Executable, ...]


Row = dict[str, Any]


@dataclass(slots=True)
class _Task:
    job: Job[Any] | tuple[Bulk, Row]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]
    result: Any = None
    error: ArenaError | None = None


class Writer:
    """Writes to one database, for any number of tasks and event loops: ``async with Writer(database)``."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._engine = database.engine.execution_options(**WRITE_LOCK)
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._door = threading.Lock()  # no job may slip in behind the closing mark
        self._open = False
        # A daemon, so that a program that dies without closing ends; what was not acknowledged may be lost.
        self._thread = threading.Thread(target=self._work, name="storage-writer", daemon=True)

    async def __aenter__(self) -> Self:
        self._open = True
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        with self._door:
            self._open = False
            self._tasks.put(None)
        await asyncio.to_thread(self._thread.join)

    async def write(self, job: Job[T]) -> T:
        """Run ``job`` in the writer's thread; return its value once it is committed.

        The job is an ordinary function of a session of its own. It need not commit; rows that it returns stay
        readable. A caller that is cancelled while waiting does not take the job back.

        Raises:
            StorageError: the job or the commit failed, and nothing of it is kept; or the writer is not open.
            ArenaError: the job raised it.
        """
        value: T = await self._put(job)
        return value

    async def add(self, bulk: Bulk, row: Row) -> None:
        """Write one row in company; return once it is committed. A row that fails takes no other with it.

        Raises:
            StorageError: nothing of it is kept; or the writer is not open.
        """
        await self._put((bulk, row))

    def _put(self, job: Job[Any] | tuple[Bulk, Row]) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        task = _Task(job, loop, loop.create_future())
        with self._door:
            if not self._open:
                raise StorageError(f"{self.database.place}: the writer is not open")
            self._tasks.put(task)
        return task.done

    def _work(self) -> None:
        closing = False
        while not closing:
            waiting = [self._tasks.get(), *_drained(self._tasks)]
            closing = None in waiting
            tasks = [task for task in waiting if task is not None]
            if tasks:
                self._commit(tasks)
                _tell(tasks)

    def _commit(self, tasks: list[_Task]) -> None:
        try:
            with self._engine.begin() as connection:
                for bulk, group in itertools.groupby(tasks, key=_bulk):
                    self._run_group(bulk, list(group), connection)
        except (SQLAlchemyError, StorageError) as error:
            reason = str(self._as_arena_error(error))
            for task in tasks:
                task.error = task.error or StorageError(reason)

    def _run_group(self, bulk: Bulk | None, tasks: list[_Task], connection: Connection) -> None:
        if bulk is not None:
            with suppress(SQLAlchemyError), connection.begin_nested():
                _add(bulk, [task.job[1] for task in tasks if isinstance(task.job, tuple)], connection)
                return
        for task in tasks:  # of rows that failed together, each tries alone
            self._run(task, connection)

    def _run(self, task: _Task, connection: Connection) -> None:
        session = Session(connection, join_transaction_mode=_SAVEPOINT, expire_on_commit=False)
        try:
            if isinstance(task.job, tuple):
                _add(task.job[0], [task.job[1]], session.connection())
            else:
                task.result = task.job(session)
            session.commit()
        except Exception as error:  # noqa: BLE001  (whatever a job raises belongs to its caller, not to the thread)
            task.error = self._as_arena_error(error)
        with suppress(SQLAlchemyError):  # a transaction that is lost took the savepoint with it
            session.close()
        if not _in_transaction(connection):
            reason = task.error or f"{self.database.place}: a job ended the transaction that it shares"
            raise StorageError(str(reason))

    def _as_arena_error(self, error: Exception) -> ArenaError:
        if isinstance(error, ArenaError):
            return error
        explained = self.database.explain(error)
        explained.__cause__ = error
        return explained


def _bulk(task: _Task) -> Bulk | None:
    return task.job[0] if isinstance(task.job, tuple) else None


def _add(bulk: Bulk, rows: list[Row], connection: Connection) -> None:
    for statement in bulk.statements:
        connection.execute(statement, rows)


def _drained(tasks: queue.SimpleQueue[_Task | None]) -> list[_Task | None]:
    found: list[_Task | None] = []
    while True:
        try:
            found.append(tasks.get_nowait())
        except queue.Empty:
            return found


def _in_transaction(connection: Connection) -> bool:
    # On some errors, such as a full disk, SQLite undoes the whole transaction by itself. The savepoints of
    # later jobs would then be transactions of their own, and earlier jobs would be called kept.
    return bool(getattr(connection.connection.dbapi_connection, "in_transaction", True))


def _tell(tasks: list[_Task]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Task]] = {}
    for task in tasks:
        by_loop.setdefault(task.loop, []).append(task)
    for loop, group in by_loop.items():
        with suppress(RuntimeError):  # a loop that was closed meanwhile has nobody left who waits
            loop.call_soon_threadsafe(_settle, loop, group)


def _settle(loop: asyncio.AbstractEventLoop, tasks: list[_Task]) -> None:
    """Wake the callers, a few at each turn of the loop: the first ones' next requests are out before the last wake."""
    if len(tasks) > _WOKEN_AT_ONCE:
        loop.call_soon(_settle, loop, tasks[_WOKEN_AT_ONCE:])
    for task in tasks[:_WOKEN_AT_ONCE]:
        if task.done.done():  # the caller was cancelled while waiting
            continue
        if task.error:
            task.done.set_exception(task.error)
        else:
            task.done.set_result(task.result)
