"""One process at a time plays a run: a lock that ends with its process, however that ends."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from profiles.errors import UserError
from storage.database import Database
from storage.queries import RunSummary
from storage.tables import RunRow

_PLACES = 2**62  # a run's lock is one byte of the lock file, at a place drawn from its id


@contextmanager
def hold_run(database: Database, run_id: str) -> Iterator[None]:
    """Hold the run until the block ends. Databases that are no file are not locked.

    Raises:
        UserError: another process is playing this run.
    """
    if database.file is None:
        yield
        return
    with _lock_file(database.file).open("ab") as lock:
        if not _take(lock, run_id):
            raise UserError(
                f"run {run_id} is being played by another process on {database.place}; wait for it or stop it"
            )
        yield


def is_held(database: Database, run_id: str) -> bool:
    """Whether a process is playing the run now."""
    if database.file is None or not _lock_file(database.file).exists():
        return False
    with _lock_file(database.file).open("ab") as lock:
        return not _take(lock, run_id)


def standing(database: Database, run: RunRow | RunSummary) -> str:
    """How a run stands: its status, or ``interrupted`` where it says ``running`` and nobody plays it."""
    return "interrupted" if run.status == "running" and not is_held(database, run.id) else run.status


def _lock_file(file: Path) -> Path:
    return file.with_name(f"{file.name}-lock")


def _take(lock: IO[bytes], run_id: str) -> bool:
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, int(run_id, 16) % _PLACES)
    except OSError:
        return False
    return True
