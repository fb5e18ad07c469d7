"""``arena runs``: the runs in a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ui.cli.options import Db, database_address

if TYPE_CHECKING:
    from storage.queries import RunSummary


def runs(
    db: Db = None, as_json: Annotated[bool, typer.Option("--json", help="One JSON array on stdout.")] = False
) -> None:
    """List the runs in a database, newest first."""
    from storage.database import Database
    from storage.lock import standing
    from storage.queries import list_runs

    with Database.open(database_address(db), upgrade=False) as database:
        listed = list_runs(database)
        found = [run.model_copy(update={"status": standing(database, run)}) for run in listed]
    if as_json:
        import json

        typer.echo(json.dumps([run.model_dump(mode="json") for run in found], ensure_ascii=False))
        return
    _table(found)


def _table(found: list[RunSummary]) -> None:
    from rich.console import Console

    from ui.cli.tables import add_row, plain_table, show_table

    console = Console(highlight=False, markup=False)
    if not found:
        console.print("no runs yet: try 'arena run'")
        return
    table = plain_table(("run", "begun (UTC)", "status", "finished", "failed", "made by", "name"))
    for run in found:
        made = "offline rules" if run.offline else "LLM"
        done = f"{run.finished} of {run.planned}"
        add_row(table, run.id, f"{run.created_at:%Y-%m-%d %H:%M}", run.status, done, str(run.failed), made, run.name)
    show_table(console, table)
