"""A run's result for the terminal and for ``--json``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from arena.api import RunResult
    from arena.leaderboard import LeaderboardRow
    from arena.statistics import Estimate, Rate


def as_dict(result: RunResult) -> dict[str, Any]:
    """Run id, sessions by status and leaderboard rows, ready for JSON."""
    return {
        "run_id": result.run_id,
        "db": result.db,
        "made_by": "offline rules, not an LLM" if result.offline else "LLM",
        "sessions": dict(result.statuses),
        "leaderboard": [row.model_dump(mode="json") for row in result.leaderboard],
        "notes": list(result.notes),
    }


def show_result(result: RunResult, report: Path | None) -> None:
    """The leaderboard, what to keep in mind, and where to look next."""
    console = Console()
    if result.offline:
        console.print("[bold]Offline rules, not an LLM, made these dialogues and scores.[/bold]")
    for note in result.notes:
        console.print(note, highlight=False, markup=False, soft_wrap=True)
    console.print(_scores(result.leaderboard))
    console.print()
    console.print(_verdicts(result.leaderboard))
    console.print(
        "\nMeans of items and of the share of the scale, with 95 % intervals clustered by client. "
        "A failed safety gate overrides every pass. Simulation and training only; not a medical device.",
        highlight=False,
        style="dim",
    )
    counts = " · ".join(f"{number} {status}" for status, number in result.statuses.items())
    console.print(f"run [bold]{result.run_id}[/bold] in {result.db}: {counts}", highlight=False)
    where = f"report: {report}" if report else f"next: arena report {result.run_id} --db {result.db}"
    console.print(where, highlight=False, markup=False)


def _scores(rows: tuple[LeaderboardRow, ...]) -> Table:
    table = _head(("client 0-4", "supervisor 0-4", "counselor 0-5"))
    for row in rows:
        parties = [_mean(row.parties[name].item_mean) for name in ("client", "supervisor", "counselor")]
        table.add_row(row.counselor, *parties)
    return table


def _verdicts(rows: tuple[LeaderboardRow, ...]) -> Table:
    table = _head(("overall\nshare", "pass_\nall3", "pass_\ntotal", "gate\nfailed", "flag-\nged"))
    for row in rows:
        gate = f"{row.gate_failed}/{row.gate_checked}"
        rates = [_rate(row.pass_all3), _rate(row.pass_total)]
        table.add_row(row.counselor, _mean(row.overall_share), *rates, gate, str(row.fidelity_flagged))
    return table


def _head(names: tuple[str, ...]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("counselor", no_wrap=True)
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _mean(estimate: Estimate) -> str:
    if estimate.mean is None:
        return "–"
    interval = estimate.interval
    around = f" [{interval.low:.2f}, {interval.high:.2f}]" if interval else ""
    missing = f" (n {estimate.n_scored}/{estimate.n_total})" if estimate.n_scored < estimate.n_total else ""
    return f"{estimate.mean:.2f}{around}{missing}"


def _rate(rate: Rate) -> str:
    return f"{rate.n_passed}/{rate.n_scored}"
