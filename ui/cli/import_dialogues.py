"""``arena import-dialogues``: transcripts from elsewhere as sessions that can be scored."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui.cli.options import BaseUrl, Db, database_address, servers

if TYPE_CHECKING:
    from arena.importing import ImportResult
    from profiles.vocabulary import Role

_SHOWN = 10  # faults named on the terminal; --json has all


def import_dialogues(
    path: Annotated[Path, typer.Argument(help="JSON, JSON lines, or text with 'Client:' and 'Counselor:' lines.")],
    name: Annotated[str, typer.Option(help="Name of the run. Default: the file's name.")] = "",
    role: Annotated[
        list[str] | None,
        typer.Option("--role", help="A role's spelling in this file: 'Dr B=counselor'. Repeatable."),
    ] = None,
    judge: Annotated[str, typer.Option(help="Model that scores for all three parties.")] = "offline",
    score: Annotated[bool, typer.Option("--score/--no-score", help="Score what is well-formed.")] = True,
    base_url: BaseUrl = None,
    db: Db = None,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")] = False,
) -> None:
    """Take transcripts in as a run: well-formed ones are scored, malformed ones flagged with the reason."""
    roles = _roles(role)
    result = asyncio.run(_import(path, roles, name, judge if score else "", servers(base_url), database_address(db)))
    if as_json:
        _tell_json(result)
    else:
        _tell(result)
    if len(result.faults) == result.sessions:
        raise typer.Exit(1)


def _roles(given: list[str] | None) -> dict[str, Role]:
    from profiles.errors import UserError

    roles: dict[str, Role] = {}
    for text in given or ():
        spelling, mark, party = text.rpartition("=")
        if not mark or not spelling.strip() or party not in ("client", "counselor"):
            raise UserError(f"--role {text}: write SPELLING=client or SPELLING=counselor")
        roles[spelling.strip()] = "client" if party == "client" else "counselor"
    return roles


async def _import(path: Path, roles: dict[str, Role], name: str, judge: str, urls: Any, db: str) -> ImportResult:  # noqa: ANN401
    from rich.console import Console
    from rich.progress import Progress

    from agents.models.providers import ModelBench
    from arena.api import provider_settings
    from arena.config import RunConfig
    from arena.importing import import_file
    from storage.database import Database

    console = Console(stderr=True)
    shown = Progress(console=console, transient=True, disable=not console.is_terminal)  # else it leaves an empty line
    with Database.open(db) as database, shown as progress:
        task = progress.add_task(path.name, total=None)
        told = lambda number: progress.update(task, completed=number)  # noqa: E731
        if not judge:
            return await import_file(path, database, roles=roles, name=name, done=told)
        config = RunConfig(model=judge, base_url=urls, db=db)
        async with ModelBench(provider_settings(config, lambda event: None)) as bench:
            model = bench.model(judge)
            await bench.check()
            return await import_file(path, database, roles=roles, name=name, judge=model, judge_name=judge, done=told)


def _tell(result: ImportResult) -> None:
    well = result.sessions - len(result.faults)
    typer.echo(
        f"{result.sessions} dialogues: {well} well-formed, {result.scored} scored, {len(result.faults)} malformed"
    )
    for place, fault in result.faults[:_SHOWN]:
        typer.echo(f"  {place}: {fault}")
    if len(result.faults) > _SHOWN:
        typer.echo(f"  and {len(result.faults) - _SHOWN} more; --json names all")
    typer.echo(f"run {result.run_id}; see 'arena report {result.run_id[:12]}'")


def _tell_json(result: ImportResult) -> None:
    import dataclasses
    import json

    typer.echo(json.dumps(dataclasses.asdict(result), ensure_ascii=False))
