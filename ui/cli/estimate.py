"""``arena run --dry-run``: what the run would take."""

from __future__ import annotations

from decimal import Decimal

import typer
from rich.console import Console
from rich.table import Table

from arena.api import check_models
from arena.build import plan_run
from arena.config import RunConfig
from arena.estimate import estimate


def show_estimate(config: RunConfig, as_json: bool) -> None:
    """Show sessions and calls as counted, tokens and cost as estimated. Nothing is asked of any model."""
    plan = plan_run(config)
    check_models(plan)
    found = estimate(plan)
    if as_json:
        typer.echo(found.model_dump_json())
        return
    console = Console()
    console.print(
        f"run {found.run_id}: {len(plan.counselors)} counselors x {len(plan.profiles)} clients x "
        f"{config.repeats} repeats = {found.sessions} sessions of {config.rounds} rounds, {found.calls} calls",
        highlight=False,
    )
    table = Table(box=None, header_style="bold")
    for name in ("model", "calls", "tokens in (about)", "tokens out (about)", "US dollars (about)"):
        table.add_column(name, justify="left" if name == "model" else "right")
    for row in found.models:
        table.add_row(
            row.model, f"{row.calls:,}", f"{row.prompt_tokens:,}", f"{row.completion_tokens:,}", _money(row.cost)
        )
    console.print(table)
    for note in plan.notes:
        console.print(note, highlight=False, markup=False, soft_wrap=True)
    console.print("Nothing was asked of any model. Retries, repairs and cached prompts are not counted.")


def _money(amount: Decimal | None) -> str:
    return "unknown" if amount is None else f"{amount:.2f}"
