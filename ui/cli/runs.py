"""``arena runs``: the runs in a database."""

from __future__ import annotations

from typing import Annotated

import typer

from ui.cli.options import Db, database_address


def runs(
    db: Db = None, as_json: Annotated[bool, typer.Option("--json", help="One JSON array on stdout.")] = False
) -> None:
    """List the runs in a database, newest first."""
    from storage.database import Database
    from storage.queries import list_runs

    with Database.open(database_address(db)) as database:
        found = list_runs(database)
    if as_json:
        import json

        typer.echo(json.dumps([run.model_dump(mode="json") for run in found], ensure_ascii=False))
        return
    _table(found)


def _table(found: list) -> None:  # type: ignore[type-arg]
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    for name in ("run", "name", "begun (UTC)", "status", "sessions", "failed", "made by"):
        table.add_column(name)
    for run in found:
        made = "offline rules" if run.offline else "LLM"
        done = f"{run.finished} of {run.planned}"
        table.add_row(run.id, run.name, f"{run.created_at:%Y-%m-%d %H:%M}", run.status, done, str(run.failed), made)
    Console().print(table if found else "no runs yet: try 'arena run'")
