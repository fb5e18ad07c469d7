"""A run's result for the terminal and for ``--json``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from arena.batch import TRIED_AGAIN
from arena.usage import ALL, RoleUsage, usage_as_json
from ui.cli.options import shown
from ui.cli.tables import add_row, plain_table, show_table

if TYPE_CHECKING:
    from arena.api import RunResult
    from arena.leaderboard import LeaderboardRow
    from arena.statistics import Estimate, Rate


def as_dict(result: RunResult) -> dict[str, Any]:
    """Run id, sessions by status, calls and tokens by role, and leaderboard rows, ready for JSON."""
    return {
        "run_id": result.run_id,
        "db": shown(result.db),
        "made_by": "offline rules, not an LLM" if result.offline else "LLM",
        "sessions": dict(result.statuses),
        "unjudged": result.unjudged,
        "stopped": result.stopped,
        "faults": dict(result.faults),
        "usage": usage_as_json(result.usage),
        "leaderboard": [row.model_dump(mode="json") for row in result.leaderboard],
        "notes": list(result.notes),
    }


def show_result(result: RunResult, report: Path | None) -> None:
    """The leaderboard, what to keep in mind, and where to look next."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    if result.offline:
        console.print("Offline rules, not an LLM, made these dialogues and scores.", style="bold")
    for note in result.notes:
        console.print(note)
    show_table(console, _scores(result.leaderboard))
    console.print()
    show_table(console, _verdicts(result.leaderboard))
    console.print(_READ_WITH, style="dim")
    counts = " · ".join(f"{number} {status}" for status, number in result.statuses.items())
    console.print(f"run {result.run_id} in {shown(result.db)}: {counts}{_faults(result.faults)}")
    tokens = _tokens(result.usage[ALL])
    if tokens:
        console.print(f"tokens: {tokens}")
    for hint in _hints(result, report):
        console.print(hint)


_READ_WITH = """
Means of items and of the share of the scale, with 95 % intervals clustered by client.
A failed safety gate overrides every pass. Simulation and training only; not a medical device."""


def _faults(faults: Mapping[str, int]) -> str:
    """Attempts that failed, mended or not, so that a server which needed patience does not look healthy."""
    shown = ", ".join(f"{kind} {count}" for kind, count in sorted(faults.items()))
    return f" · faults on the way: {shown}" if shown else ""


def _tokens(use: RoleUsage) -> str:
    """Tokens in and out, as far as the servers counted them; empty where none did."""
    cached = "" if use.cached_share is None else f" ({100 * use.cached_share:.0f} % cached)"
    counts = {f"in{cached}": use.prompt_tokens, "out": use.completion_tokens}
    return " + ".join(f"{count:,} {way}" for way, count in counts.items() if count is not None)


def _hints(result: RunResult, report: Path | None) -> list[str]:
    failed = result.statuses["failed"]
    away = sum(number for kind, number in result.failures.items() if kind in TRIED_AGAIN)
    hints = []
    if away:
        hints.append(
            f"{away} failed because a server was away, too slow, or took no more: the same command tries again"
        )
    if result.unjudged:
        hints.append(f"{result.unjudged} lack scores because a judge's server was away: the same command asks it again")
    if failed > away:
        hints.append(f"{failed - away} failed by a model's answer: --retry-failed asks anew")
    if result.stopped:
        hints.append(f"stopped: {result.stopped}; the same command with a higher limit goes on from here")
    hints.append(f"report: {report}" if report else f"next: arena report {result.run_id} --db {shown(result.db)}")
    return hints


def _scores(rows: tuple[LeaderboardRow, ...]) -> Table:
    table = plain_table(("counselor", "client 0-4", "supervisor 0-4", "counselor 0-5"))
    for row in rows:
        parties = [_mean(row.parties[name].item_mean) for name in ("client", "supervisor", "counselor")]
        add_row(table, row.counselor, *parties)
    return table


def _verdicts(rows: tuple[LeaderboardRow, ...]) -> Table:
    table = plain_table(("counselor", "overall share", "pass_all3", "pass_total", "gate failed", "flagged"))
    for row in rows:
        gate = f"{row.gate_failed}/{row.gate_checked}"
        rates = [_rate(row.pass_all3), _rate(row.pass_total)]
        add_row(table, row.counselor, _mean(row.overall_share), *rates, gate, str(row.fidelity_flagged))
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
