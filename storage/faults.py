"""What a database's error means for a person: one line with place, fault and remedy."""

from __future__ import annotations

from sqlalchemy import URL
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError, StatementError

from profiles.errors import ArenaError, StorageError, UserError
from storage.address import place_of, without_secrets

_MENDABLE = {  # SQLite's name of the error: what the person can do
    "SQLITE_READONLY": "is read-only: make the file and its folder writable, or choose another database file",
    "SQLITE_NOTADB": "is not an SQLite database: choose another database file",
    "SQLITE_CANTOPEN": "cannot be opened: check that the path exists and that you may read and write there",
    "SQLITE_PERM": "may not be opened: check who may read and write it",
    "SQLITE_BUSY": "is held by another program: close that program, then run the same command again",
    "SQLITE_FULL": "cannot grow, the disk is full: free some space, then run the same command again",
}
_BROKEN = {
    "SQLITE_CORRUPT": "is damaged: restore a backup, or save what is left with: sqlite3 FILE .recover",
    "SQLITE_IOERR": "cannot be read or written, the disk reports an error: check the disk",
}


def explain(error: BaseException, url: URL) -> StorageError:
    """The error of a read or write as one line, without SQL, stored values or secrets."""
    known = _known(error, _MENDABLE | _BROKEN)
    if known:
        return StorageError(f"{place_of(url)} {known}")
    return StorageError(without_secrets(f"{place_of(url)}: {_reason(error)}", url))


def explain_opening(error: SQLAlchemyError, url: URL) -> ArenaError:
    """As ``explain``, but a ``UserError`` where the person can mend it before anything is spent."""
    if _known(error, _MENDABLE):
        return UserError(str(explain(error, url)))
    if url.get_backend_name() != "sqlite" and isinstance(error, OperationalError | InterfaceError):
        tried = without_secrets(f"{place_of(url)} ({_reason(error)})", url)
        remedy = "check that the server runs, and the host, name and password"
        return UserError(f"cannot connect to {tried}: {remedy}")
    return explain(error, url)


def _known(error: BaseException, meanings: dict[str, str]) -> str | None:
    name: str = getattr(getattr(error, "orig", error), "sqlite_errorname", "")
    # By its beginning, for SQLite has finer names too: SQLITE_READONLY_DBMOVED.
    return next((meaning for begin, meaning in meanings.items() if name.startswith(begin)), None)


def _reason(error: BaseException) -> str:
    cause = error.orig if isinstance(error, StatementError) and error.orig is not None else error
    first_line = next(iter(str(cause).strip().splitlines()), "")  # PostgreSQL tells stored values in the next
    if isinstance(cause, SQLAlchemyError) or type(cause).__module__.startswith("sqlite3"):
        return first_line
    return f"{type(cause).__name__}: {first_line}"
