"""``arena chat``: sit in one of the chairs and talk, in the terminal."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ui.cli.options import BaseUrl, Db, database_address, servers, shown
from ui.cli.run import Lang

if TYPE_CHECKING:
    from rich.console import Console

    from agents.dialogue import Turn
    from arena.config import RunConfig
    from arena.events import Event
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
    base_url: BaseUrl = None,
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
        base_url=servers(base_url),
        db=database_address(db),
    )
    with asyncio.Runner() as runner:
        talk(runner, config, "client" if chair == "client" else "counselor", resume, show_state)


def talk(
    runner: asyncio.Runner, config: RunConfig, chair: Role, resume: str | None = None, show_state: bool = False
) -> str:
    """The session in the main thread, so that Ctrl-C while a person writes ends it at once. Returns the run's id."""
    from rich.console import Console

    from arena.live import open_live
    from arena.safety import disclaimer
    from profiles.errors import ModelError

    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(disclaimer(config.lang), style="dim")
    opened = open_live(config, chair, resume, lambda event: _tell(console, event))
    live = runner.run(opened.__aenter__())
    try:
        if live.plan.offline:
            console.print("Offline rules, not an LLM, speak and score here.", style="dim")
        scene = runner.run(live.scene())
        _converse(runner, console, live, scene, show_state)
        return live.id
    except (KeyboardInterrupt, EOFError):
        console.print(f"\nnothing is lost: arena chat --resume {live.id} --db {shown(config.db)}")
        raise typer.Exit(0) from None
    except ModelError as error:
        console.print(
            f"\n{error}\nyour words are kept; try again: arena chat --resume {live.id} --db {shown(config.db)}"
        )
        raise typer.Exit(1) from None
    finally:
        runner.run(opened.__aexit__(None, None, None))


def _tell(console: Console, event: Event) -> None:
    from arena.events import Notice

    if isinstance(event, Notice):
        console.print(event.line, style="dim")


def _converse(runner: asyncio.Runner, console: Console, live: LiveSession, scene: Scene, show_state: bool) -> None:
    next_step = f"\nnext: arena report {live.id} --db {shown(live.plan.config.db)}"
    if not scene.over:
        console.print(f"session {live.id}; /end to finish and score, Ctrl-C to go on later\n", style="dim")
    _show(console, scene.turns, live, show_state, everybody=True)
    if scene.scored:
        console.print(f"\nThis session is over and was scored.{next_step}", style="dim")
        return
    while not scene.over:
        scene = _round(runner, console, live, scene, show_state)
    console.print("\nThe session is over; scoring it ...", style="dim")
    _show_scores(console, runner.run(live.finish()))
    console.print(next_step, style="dim")


def _round(runner: asyncio.Runner, console: Console, live: LiveSession, scene: Scene, show_state: bool) -> Scene:
    text = _read(f"[round {scene.round}/{scene.rounds}] you> ")
    if text == "/end":
        return runner.run(live.say("", leaves=True))
    if not text:
        return scene
    handoff = live.crisis(text)
    if handoff:
        console.print(f"\n{handoff}\n", style="bold")
    before = len(scene.turns)
    after = runner.run(live.say(text))
    _show(console, after.turns[before:], live, show_state)
    return after


def _read(prompt: str) -> str:
    """A line from the person.

    Raises:
        EOFError: the end of input: the window was closed, which ends nothing.
    """
    if sys.stdin.isatty():
        return input(prompt).strip()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.strip()


def _show(
    console: Console, turns: tuple[Turn, ...], live: LiveSession, show_state: bool, everybody: bool = False
) -> None:
    for turn in turns:
        own = turn.speaker == live.chair and turn.round > 0
        if own and not everybody:
            continue
        console.print(f"{'you' if own else turn.speaker}: ", style="bold cyan", end="")
        console.print(turn.text)
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
