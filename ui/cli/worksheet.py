"""``arena worksheet``: a session's thought records as a sheet to print, to paste, or to compute with."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ui.cli.options import Db, database_address
from ui.cli.run import Lang
from ui.cli.written import write_file

if TYPE_CHECKING:
    from arena.restructuring.worksheet import Sheet


class Format(StrEnum):
    """Formats of a worksheet."""

    html = "html"
    markdown = "markdown"
    json = "json"


def worksheet(
    session: Annotated[
        str, typer.Argument(help="A session's id, a run's id with one restructuring, the beginning of either, or last.")
    ] = "last",
    format: Annotated[Format, typer.Option("--format", help="html to print, markdown, or json.")] = Format.html,
    out: Annotated[Path | None, typer.Option("--out", help="File. Default: stdout.")] = None,
    lang: Annotated[
        Lang | None, typer.Option("--lang", help="Of the sheet's own words. Default: the session's.")
    ] = None,
    db: Db = None,
) -> None:
    """Write a session's thought records as a worksheet, with an empty one to fill in by hand."""
    from arena.restructuring.stored import load_thoughts
    from arena.restructuring.worksheet import sheet_of
    from profiles.errors import UserError
    from storage.database import Database

    with Database.open(database_address(db), upgrade=False) as database:
        held = load_thoughts(database, session)
    text = _written(sheet_of(held, lang.value if lang else None), format)
    if out is None:
        typer.echo(text)
        return
    try:
        told = write_file(out, text + "\n")
    except OSError as error:
        raise UserError(f"--out {out}: cannot be written ({error.strerror}); name a file") from None
    typer.echo(told)


def _written(sheet: Sheet, format: Format) -> str:
    from arena.restructuring.markdown import worksheet_markdown
    from arena.restructuring.page import worksheet_page

    if format is Format.json:
        return sheet.model_dump_json(indent=2)
    return (worksheet_page if format is Format.html else worksheet_markdown)(sheet).rstrip("\n")
