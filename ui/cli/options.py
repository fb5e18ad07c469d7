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


def servers(given: list[str] | None) -> dict[str, str] | None:
    """Addresses by model or provider; the one for all under the empty name.

    Raises:
        UserError: two addresses for one name.
    """
    from profiles.errors import UserError

    named: dict[str, str] = {}
    for text in given or ():
        name, mark, url = text.partition("=")
        if not mark or "://" in name:  # an address may hold "=" itself
            name, url = "", text
        if name in named:
            raise UserError(f"--base-url: '{name or text}' is named twice; give one address")
        named[name] = url
    return named or None


def database_address(db: str | None) -> str:
    """The database that was named, or the default."""
    from arena.settings import Settings

    return db or Settings().arena_db
