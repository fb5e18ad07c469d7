"""``arena interview``: look at an interview tree, hold one alone, read its trace, export it, correct it, measure it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui.cli.interview_eval import evaluate
from ui.cli.options import BaseUrl, Db, database_address, servers, shown
from ui.cli.run import Lang
from ui.cli.written import write_file

if TYPE_CHECKING:
    from agents.counselors.magi.diagnosis import ModuleLine, Trace
    from arena.interview.stored import StoredInterview

app = typer.Typer(help="Interview trees: look, hold one, read its trace, export, measure.", no_args_is_help=True)

app.command("eval", short_help="Measure interviews against clients with known truth.")(evaluate)

InLang = Annotated[Lang, typer.Option("--lang", help="Language.")]
OrderOption = Annotated[str, typer.Option("--order", help="adaptive, or fixed (tree order).")]
Folder = Annotated[Path | None, typer.Option("--instrument", help="Folder of an instrument of your own.")]
SessionId = Annotated[str, typer.Argument(help="A session's id, a run's id with one interview, or last.")]

_ROUNDS = 90  # more than the longest interview with all its clarifications takes


@app.command()
def lint(folder: Folder = None) -> None:
    """Check an instrument: names, gates, rules, texts, licences. Exit code 2 if there is any error."""
    from profiles.interview_lint import lint as faults_of

    faults = faults_of(folder)
    for fault in faults:
        typer.echo(f"{fault.code} {fault.level}: {fault.where}: {fault.message}")
    errors = sum(fault.level == "error" for fault in faults)
    typer.echo(f"{errors} errors, {len(faults) - errors} warnings")
    if errors:
        raise typer.Exit(2)


@app.command("show", short_help="Draw the tree.")
def show(
    lang: InLang = Lang.en,
    folder: Folder = None,
    as_mermaid: Annotated[bool, typer.Option("--mermaid", help="A Mermaid flowchart on stdout.")] = False,
) -> None:
    """Draw the tree: modules, what is asked in which order, what leads out, and how each may end."""
    from profiles.interview_drawing import mermaid, tree_lines
    from profiles.interviews import load_instrument

    instrument = load_instrument(lang.value, folder)
    if as_mermaid:
        typer.echo(mermaid(instrument))
        return
    for depth, text in tree_lines(instrument):
        typer.echo("  " * depth + text)


@app.command("run", short_help="Hold one interview and print its trace.")
def hold(
    client: Annotated[str, typer.Option(help="The client's card: an id, or a file of your own.")] = "career-01",
    human: Annotated[bool, typer.Option("--human", help="Sit in the client's chair yourself.")] = False,
    model: Annotated[str, typer.Option(help="Model of the interviewer (and of the client).")] = "offline",
    client_model: Annotated[str | None, typer.Option(help="The client's model.")] = None,
    order: OrderOption = "adaptive",
    lang: InLang = Lang.en,
    rounds: Annotated[int, typer.Option(min=4, max=200, help="Rounds at most.")] = _ROUNDS,
    seed: Annotated[int, typer.Option(help="All chance comes from it.")] = 1,
    out: Annotated[Path | None, typer.Option("--report", help="Write the trace as an HTML page here.")] = None,
    base_url: BaseUrl = None,
    db: Db = None,
) -> None:
    """Hold one interview, print its trace, and write it as a page."""
    from agents.models.base import OFFLINE
    from arena.config import RunConfig

    config = RunConfig(
        counselors=(f"magi:{_order(order)}@{model}",),
        clients=client,
        client="interviewee" if (client_model or model) == OFFLINE else "dynamic",
        model=model,
        client_model=client_model,
        lang=lang.value,
        rounds=rounds,
        seed=seed,
        stage_mode="led",
        self_score=False,
        base_url=servers(base_url),
        db=database_address(db),
    )
    run_id = _in_person(config) if human else _alone(config)
    _tell(run_id, config.db, out)


def _alone(config: Any) -> str:  # noqa: ANN401  (a RunConfig; its module is imported late)
    from arena.api import run as play
    from profiles.errors import ArenaError

    result = play(config)
    if result.failures:
        raise ArenaError(f"the interview failed: {dict(result.failures)}; see 'arena report {result.run_id}'")
    return result.run_id


def _in_person(config: Any) -> str:  # noqa: ANN401
    import asyncio

    from ui.cli.chat import talk

    with asyncio.Runner() as runner:
        return talk(runner, config, "client")


def _tell(run_id: str, db: str, out: Path | None) -> None:
    from arena.interview.stored import load_interview
    from storage.database import Database

    with Database.open(db, upgrade=False) as database:
        held = load_interview(database, run_id)
    _print(held)
    if out:
        _write_page(held, out)
    where = f"{held.session.id} --db {shown(db)}"
    typer.echo(f"\nnext: arena interview trace {where} --report trace.html")


@app.command(short_help="Print a stored interview's trace.")
def trace(
    session: SessionId = "last",
    out: Annotated[Path | None, typer.Option("--report", help="Write the trace as an HTML page here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole trace as JSON on stdout.")] = False,
    db: Db = None,
) -> None:
    """Print a stored interview's trace: each criterion with its quote, each module with its rules."""
    held = _stored(session, db)
    if as_json:
        typer.echo(held.trace.model_dump_json())
        return
    _print(held)
    if out:
        _write_page(held, out)


@app.command(short_help="Write a stored interview as FHIR R4 or JSON.")
def export(
    session: SessionId = "last",
    format: Annotated[str, typer.Option("--format", help="fhir (R4 bundle) or json (the trace).")] = "fhir",
    out: Annotated[Path | None, typer.Option("--out", help="File. Default: stdout.")] = None,
    check: Annotated[bool, typer.Option(help="Validate FHIR with fhir.resources (the fhir extra).")] = True,
    db: Db = None,
) -> None:
    """Write a stored interview as FHIR R4 (Questionnaire, QuestionnaireResponse, Provenance) or as JSON."""
    import json

    from profiles.errors import UserError

    held = _stored(session, db)
    if format == "json":
        text = held.trace.model_dump_json(indent=2)
    elif format == "fhir":
        text = json.dumps(_fhir(held, check), ensure_ascii=False, indent=2)
    else:
        raise UserError(f"--format {format}: write fhir or json")
    if out is None:
        typer.echo(text)
    else:
        write_file(out, text + "\n")
        typer.echo(f"written: {out}")


@app.command(short_help="Keep a clinician's verdict beside the machine's.")
def override(
    session: SessionId,
    node: Annotated[str, typer.Argument(help="The variable, such as dep.sleep.")],
    verdict: Annotated[str, typer.Argument(help="met, not_met, unknown or refused.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept beside the machine's verdict.")],
    by: Annotated[str, typer.Option(help="Who says so.")] = "",
    db: Db = None,
) -> None:
    """Keep a clinician's verdict beside the machine's, and show what the modules come to with it."""
    from arena.interview.stored import load_interview, override_answer
    from storage.database import Database

    with Database.open(database_address(db)) as database:
        held = load_interview(database, session)
        override_answer(database, held, node, verdict, reason, by)
        held = load_interview(database, held.session.id)
    _print(held)


def _stored(session: str, db: str | None) -> StoredInterview:
    from arena.interview.stored import load_interview
    from storage.database import Database

    with Database.open(database_address(db), upgrade=False) as database:
        return load_interview(database, session)


def _fhir(held: StoredInterview, check: bool) -> dict[str, Any]:
    from arena.interview.fhir import bundle, validated

    made = bundle(held.instrument, held.trace, held.turns, held.session)
    if check:
        validated(made)
    return made


def _write_page(held: StoredInterview, out: Path) -> None:
    from arena.interview.page import interview_page

    write_file(out, interview_page(held.instrument, held.trace, held.turns, held.session, held.language))
    typer.echo(f"written: {out}")


def _print(held: StoredInterview) -> None:
    from rich.console import Console

    from arena.safety import disclaimer

    console = Console(highlight=False, markup=False)
    console.print(disclaimer(held.language), style="dim")
    if held.offline:
        console.print("Offline rules, not an LLM, asked and judged here.", style="dim")
    _print_criteria(console, held.trace)
    for title, modules in (("", held.trace.modules), ("With the clinician's verdicts", held.trace.reviewed)):
        if modules:
            console.print(f"\n{title}" if title else "", style="bold")
        for module in modules:
            console.print(_module_line(module))
    for fault in held.faults:
        console.print(f"fault in the trace: {fault}", style="bold")


def _print_criteria(console: Any, trace: Trace) -> None:  # noqa: ANN401
    from ui.cli.tables import add_row, plain_table, show_table

    table = plain_table(("criterion", "verdict", "asked", "the client's words"))
    for line in trace.criteria:
        verdict = f"{line.verdict} (clinician: {line.override.verdict})" if line.override else line.verdict
        place = "follows" if line.derived else f"turn {line.asked_turn}"
        add_row(table, line.criterion, verdict, place if line.asks < 2 else f"{place}, {line.asks} times", line.quote)
    show_table(console, table)


def _module_line(module: ModuleLine) -> str:
    counts = "; ".join(f"{met} met, {open_} open, {least} needed" for met, open_, least in module.counts.values())
    return f"{module.title}: {module.label}" + (f" ({counts})" if counts else "")


def _order(text: str) -> str:
    from agents.counselors.magi.navigation import ORDERS
    from profiles.errors import UserError

    if text not in ORDERS:
        raise UserError(f"--order {text}: write {' or '.join(ORDERS)}")
    return text
