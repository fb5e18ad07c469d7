"""Options that several verbs share."""

from __future__ import annotations

from typing import Annotated

import typer

Db = Annotated[
    str | None, typer.Option("--db", help="Database file or SQLAlchemy URL. Default: ARENA_DB, else arena.db.")
]


def database_address(db: str | None) -> str:
    """The database that was named, or the default."""
    from arena.settings import Settings

    return db or Settings().arena_db
