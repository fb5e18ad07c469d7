"""One database: opened, checked, brought to the newest revision, and lent out in sessions.

SQLite is the default and needs nothing; PostgreSQL is reached by its URL and a driver of the person's choice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from sqlalchemy import URL, Connection, Engine, Table, func, inspect, select, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlmodel import Session, SQLModel

import storage.tables  # noqa: F401  (fills the metadata)
from profiles.errors import StorageError, UserError
from profiles.schema import Record
from storage import migrations
from storage.address import file_of, make_ready, masked, parse, place_of
from storage.engine import WRITE_LOCK, make_engine
from storage.faults import explain, explain_opening

_VERSION_TABLE = "alembic_version"


class DatabaseInfo(Record):
    """What a database holds.

    url: with secrets masked.
    revision: None before the first upgrade.
    counts: rows of each table that is there.
    size: bytes on disk, with SQLite's write-ahead log; None where the database is not a file.
    """

    url: str
    revision: str | None
    head: str
    counts: dict[str, int]
    size: int | None


class Database:
    """An open database. Threads may share it; each takes sessions of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, url_or_path: str, *, upgrade: bool = True) -> Database:
        """Open, prove that it may be written, and bring it to the newest revision.

        Args:
            url_or_path: a path, SQLite's ``file:`` form, or a SQLAlchemy URL.
            upgrade: False opens what is there as it is, and never makes a file.

        Raises:
            UserError: what the person can mend: no such place, not writable, no database, too new, no server.
            StorageError: the database is damaged, or the upgrade failed.
        """
        url = parse(url_or_path)
        file = file_of(url)
        if file:
            make_ready(file, create=upgrade)
        database = cls(_engine_for(url))
        try:
            database._check(upgrade=upgrade)
        except SQLAlchemyError as error:
            database.close()
            raise explain_opening(error, url) from None  # the driver's own error may show the password
        except BaseException:
            database.close()
            raise
        return database

    def _check(self, *, upgrade: bool) -> None:
        with self.engine.execution_options(**WRITE_LOCK).connect() as connection:
            found = _revision(connection)
            _refuse_strange(found, connection)
            if self.file:
                # A write, taken back below: BEGIN IMMEDIATE alone also succeeds on a read-only file.
                connection.exec_driver_sql("PRAGMA user_version = 1")
            connection.rollback()
        if upgrade and found != migrations.HEAD:
            self._migrate()

    @property
    def url(self) -> str:
        """The address, with secrets masked; the true one is ``engine.url``."""
        return masked(self.engine.url)

    @property
    def place(self) -> str:
        """How messages name the database: its file, or the masked URL."""
        return place_of(self.engine.url)

    @property
    def file(self) -> Path | None:
        """The file of an SQLite database; None for any other."""
        return file_of(self.engine.url)

    def __repr__(self) -> str:
        return f"Database({self.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def session(self, *, write: bool = False) -> Iterator[Session]:
        """A session, closed at the end; its rows stay readable after that.

        Args:
            write: wait for the write lock at once and commit at a clean end. Without it nothing is kept
                unless the caller commits. A busy event loop writes through ``storage.writer.Writer``.

        Raises:
            StorageError: the database could not be read or written.
        """
        bind = self.engine.execution_options(**WRITE_LOCK) if write else self.engine
        try:
            with Session(bind, expire_on_commit=False) as session:
                yield session
                if write:
                    session.commit()
        except SQLAlchemyError as error:
            raise self.explain(error) from error

    def explain(self, error: BaseException) -> StorageError:
        """A database's or driver's error as one line that shows no SQL, no stored text and no password."""
        return explain(error, self.engine.url)

    def upgrade(self) -> None:
        """Bring the tables to the newest revision, all or nothing; at the newest it does nothing.

        Raises:
            UserError: a newer program, or another one, made this database.
            StorageError: the migration failed, and nothing was changed.
        """
        try:
            self._migrate()
        except SQLAlchemyError as error:
            raise self.explain(error) from error

    def _migrate(self) -> None:
        engine = make_engine(self.engine.url, foreign_keys=False, pooled=False)
        with engine.execution_options(**WRITE_LOCK).begin() as connection:
            found = _revision(connection)  # again: another process may have upgraded while we waited
            _refuse_strange(found, connection)
            if found != migrations.HEAD:
                migrations.upgrade(connection)

    def revision(self) -> str | None:
        """The revision that the database stands at; None before the first upgrade."""
        with self._connection() as connection:
            return _revision(connection)

    def info(self) -> DatabaseInfo:
        """What the database holds, counted now."""
        with self._connection() as connection:
            present = set(inspect(connection).get_table_names())
            tables = [table for table in SQLModel.metadata.sorted_tables if table.name in present]
            counts = {table.name: _count(connection, table) for table in tables}
            revision = _revision(connection)
        size = _size(self.file)
        return DatabaseInfo(url=self.url, revision=revision, head=migrations.HEAD, counts=counts, size=size)

    def close(self) -> None:
        """Give all connections back. SQLite then folds its write-ahead log into the file."""
        self.engine.dispose()

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            with self.engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise self.explain(error) from error


def _engine_for(url: URL) -> Engine:
    place = masked(url)
    try:
        engine = make_engine(url)
    except ModuleNotFoundError as error:
        raise UserError(f"{place} needs the driver {error.name}: install it, or give a file") from None
    except (ArgumentError, TypeError, ValueError):  # their texts repeat the URL with its password
        raise UserError(
            f"{place} cannot be used: SQLite takes sqlite:///path/to/file.db, "
            "a server takes postgresql://user:password@host/name"
        ) from None
    if engine.dialect.is_async:
        raise UserError(f"{place} names an asyncio driver: use the plain one, such as sqlite://")
    return engine


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION_TABLE):
        return None
    revision: str | None = connection.scalar(text(f"SELECT version_num FROM {_VERSION_TABLE}"))
    return revision


def _count(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _refuse_strange(revision: str | None, connection: Connection) -> None:
    place = place_of(connection.engine.url)
    if revision is None and inspect(connection).get_table_names():
        raise UserError(f"{place} belongs to another program: choose another database file")
    if revision is not None and not migrations.knows(revision):
        raise UserError(
            f"{place} was made by a newer counsel-arena (revision {revision}, this one knows up to "
            f"{migrations.HEAD}): update counsel-arena, or choose another database file"
        )


def _size(file: Path | None) -> int | None:
    if file is None:
        return None
    parts = (file, file.with_name(f"{file.name}-wal"))
    return sum(part.stat().st_size for part in parts if part.exists())
