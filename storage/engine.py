"""An engine with the house's settings: pragmas, transactions, and values that every database can hold.

The border of what is stored: UTF-8 has no place for a lone surrogate (half of an emoji, cut by a model), and
PostgreSQL none for NUL, so both become U+FFFD in every string on its way in; two halves that belong together
become one character. JSON is kept readable (Chinese as Chinese). A NaN in it is refused: it would be no JSON.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from profiles.text import clean

BUSY_SECONDS = 10.0  # how long SQLite waits for another program's lock; ``?timeout=`` in the URL overrides it
_AGAIN = 0.02  # seconds until the next try
WRITE_LOCK = {"write_lock": True}  # execution options: SQLite's write lock at BEGIN, not at the first write


def make_engine(url: URL, *, foreign_keys: bool = True, pooled: bool = True) -> Engine:
    """An engine for ``url``.

    foreign_keys: off only for migrations, where SQLite rebuilds a table by dropping it, which would cascade.
    """
    settings: dict[str, Any] = {} if pooled else {"poolclass": NullPool}
    lite = url.get_backend_name() == "sqlite"
    if lite and "timeout" not in url.query:
        settings["connect_args"] = {"timeout": BUSY_SECONDS}
    if not lite:
        settings["pool_pre_ping"] = True  # a server may have dropped a connection that lay idle
    engine = create_engine(url, hide_parameters=True, json_serializer=_json, **settings)
    event.listen(engine, "before_cursor_execute", _clean_parameters, retval=True)
    if lite:
        event.listen(engine, "connect", _with_foreign_keys if foreign_keys else _settings)
        event.listen(engine, "begin", _begin)
    return engine


def _settings(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is ours (``_begin``): the driver's comes too late for SAVEPOINT
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous = NORMAL")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log; SQLite itself does not wait if others do so at the same moment."""
    (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
    deadline = time.monotonic() + patience / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_AGAIN)
        else:
            return


def _with_foreign_keys(connection: sqlite3.Connection, record: object) -> None:
    _settings(connection, record)
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    # A transaction that reads and then writes cannot wait for another writer; one that says so at BEGIN can.
    locked = connection.get_execution_options().get("write_lock", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if locked else "BEGIN")


def _json(value: object) -> str:
    return clean(json.dumps(value, ensure_ascii=False, allow_nan=False))


def _clean_parameters(
    _connection: object, _cursor: object, statement: str, parameters: object, _context: object, _many: bool
) -> tuple[str, object]:
    return statement, _cleaned(parameters)


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list | tuple):
        return type(value)(_cleaned(item) for item in value)
    if isinstance(value, Mapping):
        return {name: _cleaned(item) for name, item in value.items()}
    return value
