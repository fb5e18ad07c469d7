"""``arena db``: look after the database."""

from __future__ import annotations

from typing import Annotated

import typer

from ui.cli.options import Db, database_address

app = typer.Typer(help="Look after the database.", no_args_is_help=True)


@app.command()
def upgrade(db: Db = None) -> None:
    """Bring the database's tables up to date; makes the file if there is none."""
    from storage.database import Database

    with Database.open(database_address(db)) as database:
        info = database.info()
    typer.echo(f"{info.url}: at revision {info.revision}")


@app.command()
def info(db: Db = None, as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False) -> None:
    """Show where the database is, its revision, its size and what it holds."""
    from storage.database import Database

    with Database.open(database_address(db), upgrade=False) as database:
        found = database.info()
    if as_json:
        typer.echo(found.model_dump_json())
        return
    typer.echo(f"database  {found.url}")
    typer.echo(f"revision  {found.revision or 'none yet'} (newest: {found.head})")
    if found.size is not None:
        typer.echo(f"size      {found.size / 1e6:.1f} MB")
    for table, rows in found.counts.items():
        typer.echo(f"{table:<18}{rows:>9,}")
