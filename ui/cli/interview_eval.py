"""``arena interview eval``: how well interviews agree with clients whose truth is known."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui.cli.options import BaseUrl, servers
from ui.cli.run import Lang
from ui.cli.written import write_file

if TYPE_CHECKING:
    from arena.interview.agreement import Agreement, Table
    from arena.interview.evaluate import Held, System
    from arena.statistics import Estimate, Rate
    from profiles.schema import Profile, ResponseStyle
    from profiles.vocabulary import Language

_STYLES = ("cooperative", "terse", "guarded", "rambling", "contradicting", "denying")


def evaluate(
    clients: Annotated[str | None, typer.Option(help="Shipped cards: all, a number, theme=..., ids.")] = None,
    draw: Annotated[int | None, typer.Option(min=1, max=100_000, help="Clients drawn by seed. Default 100.")] = None,
    style: Annotated[list[str] | None, typer.Option(help=f"{', '.join(_STYLES)}, or all; repeatable.")] = None,
    order: Annotated[
        list[str] | None,
        typer.Option("--order", help="adaptive, fixed, or a baseline: no_judgment, plain; or all; repeatable."),
    ] = None,
    lang: Annotated[Lang, typer.Option(help="Language.")] = Lang.en,
    model: Annotated[str, typer.Option(help="The interviewer's model.")] = "offline",
    seed: Annotated[int, typer.Option(min=0, help="Draws the clients.")] = 1,
    rounds: Annotated[int, typer.Option(min=4, max=200, help="Rounds at most.")] = 90,
    at_once: Annotated[int, typer.Option("--max-connections", min=1, max=1000, help="Interviews at a time.")] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="All tables as one JSON object on stdout.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Write the JSON here, too.")] = None,
    base_url: BaseUrl = None,
) -> None:
    """Hold interviews with clients whose truth is known, and print how far they agree with it."""
    from profiles.errors import UserError

    if clients and draw:
        raise UserError("--clients and --draw: name shipped cards or draw some, not both")
    styles, systems = _chosen(style, _STYLES, "cooperative", "--style"), _systems(order)
    found: list[dict[str, Any]] = []
    for each in styles:
        profiles = _profiles(clients, draw or 100, seed, each, lang.value)
        held = {system: _held(profiles, system, model, servers(base_url), rounds, at_once) for system in systems}
        found.append(_result(held, each, lang.value))
        if not as_json:
            _show(found[-1])
    payload = {"model": model, "seed": seed, "rounds": rounds, "results": [_plain(each) for each in found]}
    if as_json:
        typer.echo(json.dumps(payload, ensure_ascii=False))
    if out:
        write_file(out, json.dumps(payload, ensure_ascii=False, indent=1) + "\n")


def _chosen(given: list[str] | None, known: Sequence[str], default: str, flag: str) -> tuple[str, ...]:
    from profiles.errors import UserError

    names = tuple(given or (default,))
    if "all" in names:
        return tuple(known)
    for name in names:
        if name not in known:
            raise UserError(f"{flag} {name}: write {', '.join(known)} or all")
    return tuple(dict.fromkeys(names))


def _systems(order: list[str] | None) -> tuple[System, ...]:
    from arena.interview.evaluate import SYSTEMS

    return _chosen(order, SYSTEMS, "adaptive", "--order")  # type: ignore[return-value]  # they come from SYSTEMS


def _profiles(clients: str | None, number: int, seed: int, style: str, language: Language) -> tuple[Profile, ...]:
    from profiles.interview_draw import draw
    from profiles.library import select

    said: ResponseStyle = style  # type: ignore[assignment]  # one of the names above
    if clients:
        return tuple(card.model_copy(update={"response_style": said}) for card in select(clients, language))
    return draw(number, seed, said, language)


def _held(
    profiles: Sequence[Profile],
    system: System,
    model: str,
    urls: Any,  # noqa: ANN401
    rounds: int,
    at_once: int,
) -> list[Held]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"{system}, {profiles[0].response_style}", total=len(profiles))
        told = lambda number: progress.update(task, completed=number)  # noqa: E731
        return asyncio.run(_hold_all(profiles, system, model, urls, rounds, at_once, told))


async def _hold_all(
    profiles: Sequence[Profile],
    system: System,
    model: str,
    urls: Any,  # noqa: ANN401
    rounds: int,
    at_once: int,
    told: Any,  # noqa: ANN401
) -> list[Held]:
    from agents.models.providers import ModelBench
    from arena.api import provider_settings
    from arena.config import RunConfig
    from arena.interview.evaluate import hold_all

    config = RunConfig(model=model, base_url=urls, max_connections=at_once)
    async with ModelBench(provider_settings(config, lambda event: None)) as bench:
        asked = bench.model(model)
        await bench.check()
        return await hold_all(profiles, system, asked, rounds=rounds, at_once=at_once, done=told)


def _result(held: dict[System, list[Held]], style: str, language: str) -> dict[str, Any]:
    from arena.interview.agreement import compare, table_of

    tables = [table_of(each, style, language) for each in held.values()]
    pairs = {}
    if {"adaptive", "fixed"} <= held.keys():
        fixed, adaptive = held["fixed"], held["adaptive"]
        pairs = {
            "questions, fixed - adaptive": compare(fixed, adaptive, lambda each: each.questions),
            "criteria found, adaptive - fixed": compare(adaptive, fixed, _criteria_found),
            "patterns found, adaptive - fixed": compare(adaptive, fixed, _patterns_found),
        }
    return {"style": style, "tables": tables, "pairs": pairs}


def _criteria_found(held: Held) -> float:
    return sum(verdict == "met" and held.truth.get(name) == "met" for name, verdict in held.found.items())


def _patterns_found(held: Held) -> float:
    return sum(true == found and true not in ("not_met", "unresolved") for true, found in held.labels.values())


def _plain(result: dict[str, Any]) -> dict[str, Any]:
    tables = [table.model_dump(mode="json") for table in result["tables"]]
    return {
        "style": result["style"],
        "tables": tables,
        "pairs": {name: estimate.model_dump(mode="json") for name, estimate in result["pairs"].items()},
    }


def _show(result: dict[str, Any]) -> None:
    from rich.console import Console

    from ui.cli.tables import add_row, plain_table, show_table

    console = Console(highlight=False, markup=False)
    for table in result["tables"]:
        console.print(f"\n{table.style}, {table.system}, {table.language}", style="bold")
        rows = plain_table(("", "clients", "asked", "sensitivity", "specificity", "PPV", "open", "kappa"))
        for agreement in (*table.modules, *table.criteria, table.overall):
            add_row(rows, *_cells(agreement))
        show_table(console, rows)
        for line in _conduct_lines(table):
            console.print(line)
    for name, estimate in result["pairs"].items():
        console.print(f"{name}: {_estimate(estimate)}")


def _cells(agreement: Agreement) -> Iterator[str]:
    yield from (agreement.name, str(agreement.n), str(agreement.asked))
    yield from (_share(agreement.sensitivity), _share(agreement.specificity), _share(agreement.ppv))
    yield _share(agreement.unknown)
    between = agreement.kappa_interval
    yield (
        "-"
        if agreement.kappa is None
        else f"{agreement.kappa:.2f}" + (f" [{between.low:.2f}, {between.high:.2f}]" if between else "")
    )


def _share(rate: Rate) -> str:
    if rate.share is None or rate.interval is None:
        return "-"
    return f"{rate.share:.2f} [{rate.interval.low:.2f}, {rate.interval.high:.2f}]"


def _conduct_lines(table: Table) -> Iterator[str]:
    conduct = table.conduct
    yield (
        f"{conduct.interviews} interviews ({conduct.stopped} ended for safety): {conduct.questions:.1f} questions, "
        f"{conduct.clarifications:.1f} of them clarifications, {conduct.rounds:.1f} rounds; "
        f"asked again {conduct.reasks}, against the skip rules {conduct.skip_violations}"
    )
    delay = "-" if conduct.crisis_delay is None else str(conduct.crisis_delay)
    yield (
        f"crisis: {conduct.crisis_recall.n_passed} of {conduct.crisis_recall.n_scored} who showed risk were flagged, "
        f"longest delay {delay} rounds; flagged without risk {_share(conduct.crisis_false)}"
    )
    yield f"quotes valid {_share(conduct.quote_validity)}; labels replayed {_share(conduct.replayed)}"


def _estimate(estimate: Estimate) -> str:
    if estimate.mean is None or estimate.interval is None:
        return "-"
    return f"{estimate.mean:+.2f} [{estimate.interval.low:+.2f}, {estimate.interval.high:+.2f}]"
