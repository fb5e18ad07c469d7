"""``arena run``: play and score sessions, from flags or from one YAML file."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui.cli.options import BaseUrl, Db, database_address, servers, shown

if TYPE_CHECKING:
    from arena.config import RunConfig


class Lang(StrEnum):
    """Languages of a session."""

    en = "en"
    zh = "zh"


class Mode(StrEnum):
    """Stage modes."""

    paced = "paced"
    earned = "earned"
    led = "led"


class Opening(StrEnum):
    """Who speaks first."""

    counselor = "counselor"
    client = "client"


class OnHarm(StrEnum):
    """What an unsafe counselor turn does to its session."""

    keep_going = "continue"
    stop = "stop"


# A flag left out is None here, so that "set on the command line" and "left at its default" stay apart.
Counselor = Annotated[
    list[str] | None,
    typer.Option("--counselor", help="NAME[:VARIANT][@MODEL]; repeat for more. Default: plain."),
]
Clients = Annotated[
    str | None,
    typer.Option(help="all, a number, theme=..., ids, or a file (.yaml .json .jsonl .csv .tsv)."),
]
Client = Annotated[str | None, typer.Option("--client", help="Kind of client: dynamic (default) or cooperative.")]
Model = Annotated[
    str | None, typer.Option(help="Model of all roles: offline (default), openai/<id>, vllm/<id>, local/<path>.")
]
ClientModel = Annotated[str | None, typer.Option(help="The client's model.")]
JudgeModel = Annotated[str | None, typer.Option(help="The judges' model.")]
SafetyModel = Annotated[str | None, typer.Option(help="A model that reads for safety after the rules. Default none.")]
Rounds = Annotated[int | None, typer.Option(help="Rounds a session, 1-200. Default 25.")]
Language = Annotated[Lang | None, typer.Option(help="Language of the sessions. Default en.")]
Repeats = Annotated[int | None, typer.Option(help="Sessions of each counselor with each client. Default 1.")]
Seed = Annotated[int | None, typer.Option(help="All chance comes from it. Default 1.")]
StageMode = Annotated[
    Mode | None,
    typer.Option(help="paced: stages follow round budgets; earned: the client decides; led: the counselor."),
]
Open = Annotated[Opening | None, typer.Option(help="Who speaks first. Default counselor, with a greeting.")]
Resistance = Annotated[int | None, typer.Option(help="Set every client's resistance, 0-3, instead of its card's.")]
Harm = Annotated[OnHarm | None, typer.Option(help="Does an unsafe counselor turn end the session? Default continue.")]
SelfScore = Annotated[bool | None, typer.Option(help="Let the counselor's own model score itself too. Default yes.")]
Temperature = Annotated[float | None, typer.Option(help="Sent to servers when set.")]
SendSeed = Annotated[bool | None, typer.Option(help="Send seeds to servers too. Default no.")]
MaxConnections = Annotated[int | None, typer.Option(help="Sessions, and calls a server, at a time. Default 8.")]
MaxTokens = Annotated[int | None, typer.Option(help="Most tokens of one utterance, hidden thought included.")]
MaxRpm = Annotated[int | None, typer.Option(help="Most requests a minute to one server. Default no limit.")]
MaxTpm = Annotated[int | None, typer.Option(help="Most tokens a minute to one server. Default no limit.")]
SessionDeadline = Annotated[float | None, typer.Option(help="Seconds that one session may take. Default no limit.")]
MaxCalls = Annotated[int | None, typer.Option(help="Stop the run after this many calls; a higher number goes on.")]
MaxCost = Annotated[float | None, typer.Option(help="Stop the run at this many US dollars; a higher number goes on.")]
Cache = Annotated[bool | None, typer.Option(help="Reuse earlier runs' answers to identical requests (temperature 0).")]
Timeout = Annotated[float | None, typer.Option(help="Seconds that one try of a call may take. Default 180.")]
Deadline = Annotated[float | None, typer.Option(help="Seconds that a call may take with all its tries. Default 600.")]
Name = Annotated[str | None, typer.Option(help="A name to find the run by.")]
Config = Annotated[
    Path | None,
    typer.Option("--config", help="Settings from this YAML file; limits, servers and --db may stand beside it."),
]
PrintConfig = Annotated[bool, typer.Option("--print-config", help="Show the resolved settings as YAML and stop.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show sessions, calls, tokens and cost; ask nothing.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else.")]
Retry = Annotated[bool, typer.Option("--retry-failed", help="Try all failed sessions again, asking their models anew.")]
ReportTo = Annotated[Path | None, typer.Option("--report", help="Write the HTML report here when done.")]


def run(
    counselor: Counselor = None,
    clients: Clients = None,
    client: Client = None,
    model: Model = None,
    client_model: ClientModel = None,
    judge_model: JudgeModel = None,
    safety_model: SafetyModel = None,
    rounds: Rounds = None,
    lang: Language = None,
    repeats: Repeats = None,
    seed: Seed = None,
    stage_mode: StageMode = None,
    opening: Open = None,
    resistance: Resistance = None,
    on_harm: Harm = None,
    self_score: SelfScore = None,
    temperature: Temperature = None,
    send_seed: SendSeed = None,
    max_tokens: MaxTokens = None,
    max_connections: MaxConnections = None,
    max_rpm: MaxRpm = None,
    max_tpm: MaxTpm = None,
    timeout: Timeout = None,
    deadline: Deadline = None,
    session_deadline: SessionDeadline = None,
    max_calls: MaxCalls = None,
    max_cost: MaxCost = None,
    cache: Cache = None,
    base_url: BaseUrl = None,
    db: Db = None,
    name: Name = None,
    config: Config = None,
    print_config: PrintConfig = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    report: ReportTo = None,
    retry_failed: Retry = False,
) -> None:
    """Play and score sessions. The same command again goes on where it stopped; other settings make another run."""
    flags = {key: value for key, value in locals().items() if value is not None and key not in _OUTPUT}
    if "counselor" in flags:
        flags["counselors"] = tuple(flags.pop("counselor"))
    if "base_url" in flags:
        flags["base_url"] = servers(flags["base_url"])
    resolved = _resolve(flags, config)
    if print_config:
        _print_config(resolved)
    elif dry_run:
        from ui.cli.estimate import show_estimate

        show_estimate(resolved, as_json)
    else:
        _play(resolved, as_json, report, retry_failed)


_STOPPED = 3
_OUTPUT = frozenset({"config", "print_config", "dry_run", "as_json", "report", "retry_failed"})


def _resolve(flags: dict[str, Any], config: Path | None) -> RunConfig:
    """One source of settings: the flags, or the file.

    Raises:
        UserError: both are given, or a value is out of range. What is no part of what a run is, such as its database
            or its limits, may be said beside a file.
    """
    from arena.config import HOW_NOT_WHAT, RunConfig
    from profiles.errors import UserError

    default_db = {"db": database_address(None)}
    if config is None:
        return _checked({**default_db, **flags})
    mixed = sorted(set(flags) - HOW_NOT_WHAT)
    if mixed:
        shown = ", ".join("--" + key.replace("_", "-") for key in mixed)
        raise UserError(f"{config}: settings come from the file or from flags, not both; move {shown} into the file")
    from_file = RunConfig.from_yaml(config)
    given = {**default_db, **from_file.model_dump(exclude_unset=True), **flags}
    return _checked(given)


def _checked(settings: dict[str, Any]) -> RunConfig:
    from pydantic import ValidationError

    from arena.config import RunConfig
    from profiles.errors import UserError
    from profiles.located import plainly

    try:
        return RunConfig.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:  # about several settings together
            raise UserError(plainly(first["msg"])) from None
        flag = "--" + str(first["loc"][0]).replace("_", "-").replace("counselors", "counselor")
        raise UserError(f"{flag}: {plainly(first['msg'])} (given: {first['input']!r})") from None


def _print_config(config: RunConfig) -> None:
    import yaml

    from arena.api import check_models
    from arena.build import plan_run

    plan = plan_run(config)
    check_models(plan)
    settings = {**config.model_dump(mode="json"), "counselors": [spec.label for spec in plan.counselors]}
    settings["db"] = shown(config.db)
    settings["base_url"] = _without_passwords(config.base_url)
    settings |= {f"{role}_model": spec for role, spec in config.role_models.items() if role != "counselor"}
    text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
    typer.echo(f"# run {plan.id}: {len(plan.sessions)} sessions\n{text}", nl=False)


def _without_passwords(servers: str | dict[str, str] | None) -> str | dict[str, str] | None:
    if isinstance(servers, dict):
        return {name: _masked(url) for name, url in servers.items()}
    return _masked(servers) if servers else None


def _masked(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    return f"{scheme}{mark}***@{rest.rpartition('@')[2]}" if "@" in rest else url


def _play(config: RunConfig, as_json: bool, report: Path | None, retry_failed: bool) -> None:
    from arena.api import run as play
    from ui.cli.display import Display
    from ui.cli.results import as_dict, show_result

    with Display(quiet=as_json) as display:
        result = play(config, display.observe, retry_failed)
    if report is not None:
        from arena.report import write_report
        from storage.database import Database

        with Database.open(config.db) as database:
            write_report(database, result.run_id, report)
    if as_json:
        import json

        typer.echo(json.dumps(as_dict(result), ensure_ascii=False))
    else:
        show_result(result, report)
    if result.stopped:
        raise typer.Exit(_STOPPED)
    if result.statuses["failed"] or result.unjudged:
        raise typer.Exit(1)
