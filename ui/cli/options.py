"""Options that several verbs share."""

from __future__ import annotations

from typing import Annotated

import typer

Db = Annotated[
    str | None, typer.Option("--db", help="Database file or SQLAlchemy URL. Default: ARENA_DB, else arena.db.")
]

BaseUrl = Annotated[
    list[str] | None,
    typer.Option(
        "--base-url",
        help="An OpenAI-compatible server: URL, or PROVIDER=URL or MODEL=URL, repeatable. "
        "Default OPENAI_BASE_URL, VLLM_BASE_URL.",
    ),
]


def servers(given: list[str] | None) -> dict[str, str] | str | None:
    """The address for all models, or addresses by model and provider; the one for the rest under the empty name.

    Raises:
        UserError: two addresses for one name, or a half of one is empty.
    """
    from profiles.errors import UserError

    named: dict[str, str] = {}
    for text in given or ():
        name, mark, url = text.partition("=")
        if not mark or "://" in name:  # an address may hold "=" itself
            name, url = "", text
        elif not name or not url:
            raise UserError(f"--base-url {text}: write URL, PROVIDER=URL or MODEL=URL")
        if name in named:
            whose = f"'{name}'" if name else "all models"
            raise UserError(f"--base-url: two addresses for {whose}; give one, or name a provider or model before each")
        named[name] = url
    return named[""] if set(named) == {""} else named or None


def shown(db: str) -> str:
    """A database as it may be shown: without a password."""
    from storage.address import parse, place_of

    return place_of(parse(db))


def database_address(db: str | None) -> str:
    """The database that was named, or the default."""
    from arena.settings import Settings

    return db or Settings().arena_db
