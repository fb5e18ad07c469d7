"""``arena export``: stored sessions as data sets, in one or more formats, with card, manifest and sums."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui.cli.options import Db, database_address
from ui.cli.run import Lang

if TYPE_CHECKING:
    from arena.exporting.export import Request
    from storage.exports.summary import ExportSummary
    from storage.tables import RunRow


class Until(StrEnum):
    """Stages of a session."""

    trust_building = "trust_building"
    diagnosis = "diagnosis"
    solution_exploration = "solution_exploration"
    closed = "closed"


class Unit(StrEnum):
    """What one record is."""

    session = "session"
    path = "path"


class Greeting(StrEnum):
    """What becomes of a counselor's first turn where the client must begin."""

    stub = "stub"
    system = "system"
    drop = "drop"


Runs = Annotated[
    list[str] | None,
    typer.Argument(help="Runs: id, the beginning of it, name, or 'last' (default).", metavar="RUN", show_default=False),
]
Formats = Annotated[list[str] | None, typer.Option("--format", help="Format; repeat for more. See --list.")]
Out = Annotated[Path | None, typer.Option("--out", help="Folder to make. Default: export-<run>.")]
Named = Annotated[str | None, typer.Option("--name", help="Name of the data set. Default: the run's name or id.")]
Counselors = Annotated[
    list[str] | None, typer.Option("--counselor", help="Only this counselor: label, name or name:variant; repeatable.")
]
Language = Annotated[Lang | None, typer.Option("--lang", help="Only sessions in this language.")]
StageOption = Annotated[Until | None, typer.Option("--stage", help="Only turns up to and with this stage.")]
Scores = Annotated[
    list[str] | None, typer.Option("--min-score", help="PARTY=VALUE: least item mean of that party; repeatable.")
]
Passed = Annotated[bool, typer.Option("--only-passed", help="Only sessions that all three parties passed.")]
Clean = Annotated[
    bool, typer.Option("--clean", help="Only sessions with the safety gate passed and fidelity checked and ok.")
]
Safe = Annotated[
    bool, typer.Option("--safe", help="Only sessions with the safety gate passed, checked for fidelity or not.")
]
Exits = Annotated[
    bool, typer.Option("--with-exits", help="Keep sessions that left the restructuring, in split safety_exit.")
]
UnitOption = Annotated[Unit, typer.Option("--unit", help="One record a session, or a path (loop and channel) of it.")]
Shares = Annotated[str, typer.Option("--split", help="Shares of clients in train/validation/test.")]
SplitSeed = Annotated[int, typer.Option("--split-seed", help="Another number, another split.")]
Dedupe = Annotated[bool, typer.Option("--dedupe/--no-dedupe", help="Leave out sessions that say the same again.")]
OpeningOption = Annotated[
    Greeting, typer.Option("--opening", help="A greeting, where the client must begin: stub before it, system, drop.")
]
SystemPrompt = Annotated[bool, typer.Option("--system/--no-system", help="System prompts in chat formats.")]
Against = Annotated[
    str,
    typer.Option(
        "--against", help="In preference formats also pairs with this counselor's replies to the same client."
    ),
]
Consent = Annotated[
    bool, typer.Option("--consent-confirmed", help="You hold the informed consent of the people whose words these are.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace an earlier export in the folder.")]
Listed = Annotated[bool, typer.Option("--list", help="Show the formats and stop.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else.")]


def export(
    runs: Runs = None,
    format: Formats = None,
    out: Out = None,
    name: Named = None,
    counselor: Counselors = None,
    lang: Language = None,
    stage: StageOption = None,
    min_score: Scores = None,
    only_passed: Passed = False,
    clean: Clean = False,
    safe: Safe = False,
    with_exits: Exits = False,
    unit: UnitOption = Unit.session,
    split: Shares = "80/10/10",
    split_seed: SplitSeed = 0,
    dedupe: Dedupe = True,
    opening: OpeningOption = Greeting.stub,
    system: SystemPrompt = True,
    against: Against = "",
    consent_confirmed: Consent = False,
    force: Force = False,
    list_formats: Listed = False,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Write runs as a data set: split by client, without duplicates, with data card, Croissant, manifest and sums."""
    if list_formats:
        _list(as_json)
        return
    from arena.exporting.export import Request
    from arena.exporting.select import Filters, least_score
    from arena.exporting.split import parse_shares
    from profiles.vocabulary import Stage
    from storage.database import Database
    from storage.exports.format import ExportOptions

    filters = Filters(
        counselors=tuple(counselor or ()),
        language=lang.value if lang else None,
        stage=Stage(stage.value) if stage else None,
        scores=dict(map(least_score, min_score or ())),
        passed=only_passed,
        clean=clean,
        safe=safe,
        exits=with_exits,
        unit=unit.value,
    )
    request = Request(
        name=name or "",
        formats=_formats(format),
        filters=filters,
        shares=parse_shares(split),
        split_seed=split_seed,
        dedupe=dedupe,
        consent=consent_confirmed,
        against=against,
        options=ExportOptions(opening=opening.value, system={} if system else {"en": "", "zh": ""}),
    )
    with Database.open(database_address(db), upgrade=False) as database:
        _export(database, runs or ["last"], request, out, force, as_json)


def _formats(given: list[str] | None) -> tuple[str, ...]:
    from profiles.errors import UserError
    from storage.exports.format import find_format

    if not given:
        raise UserError("name at least one format with --format; 'arena export --list' shows them")
    return tuple(find_format(name).name for name in given)


def _export(
    database: Any,  # noqa: ANN401  (a Database; its module is imported late)
    names: list[str],
    request: Request,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    from arena.exporting.export import export as make
    from storage.queries import find_run

    found = {run.id: run for run in (find_run(database, name) for name in names)}
    runs = list(found.values())
    named = request.model_copy(update={"name": _name(request.name, runs[0])})
    place = out or Path(f"export-{runs[0].id}")
    with _terminated_as_interrupted(), _Progress(quiet=as_json) as progress:
        summary = make(database, runs, named, place, force, progress.observe)
    if as_json:
        typer.echo(summary.model_dump_json())
    else:
        _show(summary, place)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """As with Ctrl-C, what is half made is cleared away."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _name(given: str, run: RunRow) -> str:
    """A name that can begin a file's name; dots stand between its parts."""
    from profiles.errors import UserError

    if given and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", given):
        raise UserError(f"--name {given!r}: write up to 64 letters, digits, _ or -, beginning with a letter or digit")
    return given or re.sub(r"[^A-Za-z0-9_]+", "-", run.name).strip("-_")[:64] or f"run-{run.id}"


class _Progress:
    """One line on stderr that is written anew in a terminal; elsewhere a line where a step is done."""

    def __init__(self, quiet: bool) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False, markup=False, quiet=quiet)
        self._status = self._console.status("reading")
        self._live = self._console.is_terminal and not quiet

    def __enter__(self) -> _Progress:
        if self._live:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._status.stop()

    def observe(self, what: str, done: int, total: int) -> None:
        """Show how far a step is."""
        line = f"{done:,} of {total:,} {what}"
        if self._live:
            self._status.update(line)
        if done == total:
            self._console.print(line, soft_wrap=True)


def _show(summary: ExportSummary, place: Path) -> None:
    from rich.console import Console

    from ui.cli.tables import add_row, plain_table, show_table

    console = Console(highlight=False, markup=False)
    table = plain_table(("format", "split", "rows", "files", "bytes"))
    for name, files in summary.formats.items():
        if not files:
            add_row(table, name, "-", "0", "0", "0")
        for split in dict.fromkeys(file.split for file in files):
            own = [file for file in files if file.split == split]
            rows, size = sum(file.rows for file in own), sum(file.bytes for file in own)
            add_row(table, name, split, f"{rows:,}", f"{sum(file.files for file in own):,}", f"{size:,}")
    show_table(console, table)
    counts = summary.counts
    kept = f"kept {counts.sessions:,} sessions of {counts.clients:,} clients as {counts.records:,} records"
    console.print(f"{kept}; {sum(drop.count for drop in summary.drops):,} left out", soft_wrap=True)
    for drop in summary.drops:
        console.print(f"  {drop.count:,} {drop.reason}: {drop.meaning}", soft_wrap=True)
    if summary.offline:
        console.print("offline rules, not an LLM, made all text", soft_wrap=True)
    console.print(f"wrote {place}", soft_wrap=True)


def _list(as_json: bool) -> None:
    from rich.console import Console

    from storage.exports.format import formats

    known = [formats()[name] for name in sorted(formats())]
    if as_json:
        import json

        told = [{"name": each.name, "kind": each.kind, "unit": each.unit, "summary": each.summary} for each in known]
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    console = Console(highlight=False, markup=False)
    width = max((len(each.name) for each in known), default=0)
    for each in known:
        console.print(f"{each.name:<{width}}  {each.kind:<7}  {each.summary}", soft_wrap=True)
