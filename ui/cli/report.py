"""``arena report``: one self-contained HTML page of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ui.cli.options import Db, database_address


def report(
    run: Annotated[str, typer.Argument(help="The run's id, the beginning of it, its name, or 'last'.")] = "last",
    out: Annotated[Path | None, typer.Option("--out", help="Where to write it. Default: report-<run>.html.")] = None,
    db: Db = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object instead.")] = False,
) -> None:
    """Write a run's report: safety first, then scores with intervals, and every transcript with its evidence."""
    from arena.report import report_summary, write_report
    from storage.database import Database
    from storage.queries import find_run

    with Database.open(database_address(db), upgrade=False) as database:
        found = find_run(database, run)
        if as_json:
            import json

            typer.echo(json.dumps(report_summary(database, found.id), ensure_ascii=False))
            return
        path = write_report(database, found.id, out or Path(f"report-{found.id}.html"))
    typer.echo(f"wrote {path} ({path.stat().st_size / 1e6:.1f} MB)")
