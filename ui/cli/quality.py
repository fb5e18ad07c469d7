"""``arena quality``: how good a set of dialogues is, beside the published figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ui.cli.options import Db, database_address
from ui.cli.run import Lang
from ui.cli.written import write_file

if TYPE_CHECKING:
    from rich.console import Console

    from arena.quality.compare import Comparison, Share
    from arena.quality.measure import Quality


def quality(
    what: Annotated[
        str,
        typer.Argument(metavar="PATH_OR_RUN", help="A crisp file or a folder of them, a run's id or name, or last."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="All figures as one JSON object on stdout.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Write a page to look at here, too (HTML).")] = None,
    lang: Annotated[Lang, typer.Option(help="Language of the report.")] = Lang.en,
    db: Db = None,
) -> None:
    """Measure dialogues: length, variety, labels, duplicates, template phrases, script, personal data.

    Ours stand beside the published figures; what lies outside of a band is marked, and nothing fails by it.
    """
    from arena.quality.compare import compare
    from profiles.errors import UserError

    measured = _measured(what, db)
    if not measured.all.dialogues:
        raise UserError(f"{what}: there is no finished dialogue in it to measure; name a run that has some, or a file")
    compared = compare(measured, lang.value)
    told = _write(out, measured, compared, lang) if out else ""
    if as_json:
        if told:
            typer.echo(told, err=True)  # on stdout there is nothing but the object
        found = {"quality": measured.model_dump(mode="json"), "comparison": compared.model_dump(mode="json")}
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    _show(measured, compared, lang)
    if told:
        typer.echo(told)


def _measured(what: str, db: str | None) -> Quality:
    """Of a file or folder where there is one of this name, else of a run."""
    from arena.quality.measure import measure
    from arena.quality.read import exported_files, from_files, from_run
    from profiles.errors import UserError

    place = Path(what)
    if place.exists():
        return measure(from_files(exported_files(place)), place.resolve().name)
    if place.suffix or len(place.parts) > 1:
        raise UserError(f"{what}: no such file or folder; name a crisp export, or a run")
    from storage.database import Database

    with Database.open(database_address(db), upgrade=False) as database:
        run_id, records = from_run(database, what)
        return measure(records, run_id)


def _write(out: Path, measured: Quality, compared: Comparison, lang: Lang) -> str:
    from arena.quality.page import quality_page
    from profiles.errors import UserError

    page = quality_page(measured, compared, lang.value)
    try:
        return write_file(out, page)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"{out}: the report cannot be written ({reason}); name another file") from error


def _show(measured: Quality, compared: Comparison, lang: Lang) -> None:
    from rich.console import Console

    from arena.quality.page import band, figure, words_of
    from ui.cli.tables import add_row, plain_table, show_table

    words, console = words_of(lang.value), Console(highlight=False, markup=False, soft_wrap=True)
    counts = {name: getattr(measured.all, name) for name in ("dialogues", "clients", "sessions")}
    console.print(f"{measured.source}: {words['lead'].format(**counts)}", style="bold")
    if measured.all.unknown_origin:
        console.print(words["unknown_origin"].format(n=measured.all.unknown_origin))
    columns = ["all", *measured.by_language] if len(measured.by_language) > 1 else ["all"]
    heads = (words["figures"]["name"], *(words["columns"][name] for name in columns), words["figures"]["published"])
    table = plain_table((*heads, words["figures"]["band"]))
    for row in compared.rows:
        ours = (figure(row.ours.get(name), row.id) + (" !" if name in row.outside else "") for name in columns)
        add_row(table, row.name, *ours, figure(row.published, row.id), band(row.band, row.id, words))
    show_table(console, table)
    console.print(words["marks"]["sign" if compared.warnings else "fine"], style="dim")
    console.print(words["figures"]["why"].format(source=compared.source, standing=compared.standing), style="dim")
    for title, shares in (("distortions", compared.distortions), ("strategies", compared.strategies)):
        if shares:
            console.print(f"\n{words[title]['title']}", style="bold")
            _show_shares(console, shares, words["legend"]["theirs"])
    _show_lists(console, measured, lang)


def _show_shares(console: Console, shares: tuple[Share, ...], theirs: str) -> None:
    from ui.cli.tables import add_row, plain_table, show_table

    both = any(each.published is not None for each in shares)
    table = plain_table(("", "n", "%", theirs) if both else ("", "n", "%"))
    for each in shares:
        published = f"{100 * each.published:.1f}" if each.published is not None else "–"
        add_row(table, each.name, str(each.count), f"{100 * each.share:.1f}", *([published] if both else []))
    show_table(console, table)


def _show_lists(console: Console, measured: Quality, lang: Lang) -> None:
    """Template phrases and personal data, with where it stands."""
    from arena.quality.page import words_of
    from arena.quality.personal import names

    words, kinds = words_of(lang.value), names(lang.value)
    doubles = measured.all.exact_duplicates
    line = words["doubles"]["line"].format(exact=doubles, near=measured.all.near_duplicates - doubles)
    console.print(f"\n{words['doubles']['title']}: {line}")
    phrases = [each for found in measured.phrases.values() for each in found]
    console.print(f"\n{words['phrases']['title']}" + ("" if phrases else f": {words['none']}"))
    for each in phrases:
        console.print(f"  {100 * each.share:.0f}%  {words['speakers'][each.speaker]}: {each.text}")
    console.print(f"\n{words['personal']['title']}" + ("" if measured.places else f": {words['none']}"))
    for place in measured.places:
        console.print(f"  {kinds.get(place.kind, place.kind)}: {place.dialogue} {place.turn} ({place.shown})")
    left = sum(measured.all.personal.values()) - len(measured.places)
    if left:
        console.print(f"  {words['personal']['more'].format(n=left)}")
