"""``arena chat``: sit in one of the chairs and talk, in the terminal."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ui.cli.options import Db, database_address
from ui.cli.run import Lang

if TYPE_CHECKING:
    from rich.console import Console

    from agents.dialogue import Turn
    from arena.config import RunConfig
    from arena.live import LiveSession, Scene
    from arena.play import SessionResult
    from profiles.vocabulary import Role


def chat(
    chair: Annotated[str, typer.Option("--as", help="Your chair: counselor or client.")] = "counselor",
    client: Annotated[str, typer.Option(help="As counselor: the client's card, an id or a file.")] = "1",
    counselor: Annotated[str, typer.Option(help="As client: whom to talk to, NAME[:VARIANT][@MODEL].")] = "plain",
    model: Annotated[str, typer.Option(help="Model of the other chair and the judges.")] = "offline",
    judge_model: Annotated[str | None, typer.Option(help="The judges' model.")] = None,
    lang: Annotated[Lang, typer.Option(help="Language of the session.")] = Lang.en,
    rounds: Annotated[int, typer.Option(min=1, max=200, help="Rounds at most.")] = 25,
    show_state: Annotated[bool, typer.Option("--show-state", help="As counselor: see the client's state.")] = False,
    resume: Annotated[str | None, typer.Option(help="Go on with a session that was left: its id, or last.")] = None,
    base_url: Annotated[str | None, typer.Option(help="An OpenAI-compatible server.")] = None,
    db: Db = None,
) -> None:
    """Talk as counselor or client. Leave with /end; close the window and nothing is lost: go on with --resume."""
    from arena.config import RunConfig
    from profiles.errors import UserError

    if chair not in ("counselor", "client"):
        raise UserError(f"--as {chair}: your chair is 'counselor' or 'client'")
    config = RunConfig(
        counselors=(counselor,),
        clients=client,
        model=model,
        judge_model=judge_model,
        lang=lang.value,
        rounds=rounds,
        base_url=base_url,
        db=database_address(db),
    )
    asyncio.run(_talk(config, "client" if chair == "client" else "counselor", resume, show_state))


async def _talk(config: RunConfig, chair: Role, resume: str | None, show_state: bool) -> None:
    from rich.console import Console

    from arena.live import open_live
    from arena.safety import disclaimer

    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[dim]{disclaimer(config.lang)}[/dim]")
    async with open_live(config, chair, resume) as live:
        if live.plan.offline:
            console.print("[dim]Offline rules, not an LLM, speak and score here.[/dim]")
        console.print(f"[dim]session {live.id}; /end to finish, --resume {live.id} to go on later[/dim]\n")
        scene = await live.scene()
        _show(console, scene.turns, live, show_state)
        while not scene.over:
            scene = await _round(console, live, scene, show_state)
        console.print("\n[dim]The session is over; scoring it ...[/dim]")
        _show_scores(console, await live.finish())
        console.print(f"\n[dim]next: arena report {live.id} --db {config.db}[/dim]")


async def _round(console: Console, live: LiveSession, scene: Scene, show_state: bool) -> Scene:
    text = await asyncio.to_thread(_read, f"[round {scene.round}/{scene.rounds}] you> ")
    if text is None or text == "/end":
        return await live.say("", leaves=True)
    if not text:
        return scene
    handoff = live.crisis(text)
    if handoff:
        console.print(f"\n[bold]{handoff}[/bold]\n")
    before = len(scene.turns)
    after = await live.say(text)
    _show(console, after.turns[before:], live, show_state)
    return after


def _read(prompt: str) -> str | None:
    """A line from the person; None at the end of input."""
    if sys.stdin.isatty():
        try:
            return input(prompt).strip()
        except EOFError:
            return None
    line = sys.stdin.readline()
    return line.strip() if line else None


def _show(console: Console, turns: tuple[Turn, ...], live: LiveSession, show_state: bool) -> None:
    for turn in turns:
        if turn.speaker == live.chair and turn.round > 0:
            continue
        console.print(f"{turn.speaker}: ", style="bold cyan", end="")
        console.print(turn.text, markup=False)
        state = turn.notes.get("state")
        if show_state and state:
            console.print("  " + "  ".join(f"{name} {value:g}" for name, value in state.items()), style="dim")


def _show_scores(console: Console, result: SessionResult) -> None:
    from profiles.rubrics import load_rubric

    for judgment in result.judgments:
        if judgment.status == "skipped":
            continue
        maximum = load_rubric(judgment.party, result.plan.spec.language).maximum
        total = "no total" if judgment.total is None else f"{judgment.total:g} of {maximum}"
        passed = {None: "", True: ", above its cut", False: ", below its cut"}[judgment.passed]
        console.print(f"{judgment.party.value} ({judgment.judge}): {total}{passed}")
    outcome = result.outcome
    if outcome and outcome.overall_share is not None:
        console.print(f"overall: {outcome.overall_share:.0%} of the scale; safety gate {result.gate}")
