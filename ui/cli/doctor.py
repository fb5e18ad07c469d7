"""``arena doctor``: is this installation fit to run, and what is missing for more."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from ui.cli.options import Db, database_address

_OURS = ("arena", "agents", "profiles", "storage", "ui")
_EXTRAS = {
    "vllm": "vllm",
    "transformers": "local",
    "torch": "local",
    "xgrammar": "local",
    "fhir.resources": "fhir",
    "datasets": "hub",
}


class Finding(NamedTuple):
    """One line of the examination; ``level`` is ok, note or fault."""

    level: str
    text: str


def doctor(
    db: Db = None,
    base_url: Annotated[str | None, typer.Option(help="Ask this server too. Default OPENAI_BASE_URL.")] = None,
) -> None:
    """Examine the installation: Python, packages, name clashes, data, database, server. Exit code 1 on a fault."""
    findings = [*_python(), *_names(), *_packages(), *_data(), *_database(db), *_server(base_url)]
    marks = {"ok": "ok   ", "note": "note ", "fault": "FAULT"}
    for finding in findings:
        typer.echo(f"{marks[finding.level]}  {finding.text}")
    if any(finding.level == "fault" for finding in findings):
        raise typer.Exit(1)


def _python() -> Iterator[Finding]:
    fits = sys.version_info >= (3, 11)
    found = sys.version.split()[0]
    yield Finding("ok" if fits else "fault", f"Python {found}" + ("" if fits else "; 3.11 or newer is needed"))


def _names() -> Iterator[Finding]:
    """Our package names are short, and another distribution in this environment may have taken one."""
    owners = packages_distributions()
    root = Path(__file__).resolve().parents[2]
    for name in _OURS:
        others = sorted(set(owners.get(name, ())) - {"counsel-arena"})
        place = importlib.util.find_spec(name)
        taken = place is None or place.origin is None or root not in Path(place.origin).resolve().parents
        if others or taken:
            who = ", ".join(others) or (place.origin if place and place.origin else "nobody")
            remedy = "give counsel-arena an environment of its own"
            yield Finding("fault", f"the package name '{name}' belongs to {who} here; {remedy}")
    yield Finding("ok", f"counsel-arena {version('counsel-arena')}")


def _packages() -> Iterator[Finding]:
    for name in ("langgraph", "openai", "sqlmodel", "pydantic", "pandas", "plotly", "gradio"):
        try:
            yield Finding("ok", f"{name} {version(name)}")
        except PackageNotFoundError:
            yield Finding("fault", f"{name} is missing; install counsel-arena again")
    for name, extra in _EXTRAS.items():
        try:
            there = importlib.util.find_spec(name) is not None
        except ModuleNotFoundError:
            there = False
        if not there:
            yield Finding("note", f"{name} is not installed; 'pip install counsel-arena[{extra}]' if you need it")


def _data() -> Iterator[Finding]:
    from profiles.errors import UserError
    from profiles.library import shipped_cards
    from profiles.rubrics import load_rubric
    from profiles.vocabulary import LANGUAGES, Party

    try:
        cards = shipped_cards()
        for language in LANGUAGES:
            for card in cards:
                card.read(language)
            dimensions = sum(len(load_rubric(party, language).dimensions) for party in Party)
    except UserError as error:
        yield Finding("fault", str(error))
    else:
        yield Finding("ok", f"{len(cards)} client cards and {dimensions} dimensions, in {' and '.join(LANGUAGES)}")


def _database(db: str | None) -> Iterator[Finding]:
    from profiles.errors import ArenaError
    from storage.database import Database

    address = database_address(db)
    if "://" not in address and not Path(address).exists():
        yield Finding("note", f"no database at {address} yet; the first run makes it")
        return
    try:
        with Database.open(address, upgrade=False) as database:
            info = database.info()
    except ArenaError as error:
        yield Finding("fault", str(error))
        return
    behind = "" if info.revision == info.head else "; 'arena db upgrade' brings it up to date"
    yield Finding("note" if behind else "ok", f"database {info.url} at revision {info.revision}{behind}")


def _server(base_url: str | None) -> Iterator[Finding]:
    from arena.settings import Settings

    settings = Settings()
    address = base_url or settings.openai_base_url
    if settings.openai_api_key is None:
        yield Finding("note", "OPENAI_API_KEY is not set; only 'offline' and servers without a key can be used")
    if address is None:
        return
    import asyncio

    from arena.api import list_models
    from profiles.errors import ArenaError

    try:
        models = asyncio.run(list_models(address))
    except ArenaError as error:
        yield Finding("fault", str(error))
        return
    shown = ", ".join(models[:5]) if models else "it does not list its models"
    yield Finding("ok", f"server {address} answers: {shown}")
