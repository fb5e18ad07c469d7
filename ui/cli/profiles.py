"""``arena profiles``: look at client cards, check them, and bring in those of others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui.cli.run import Lang

if TYPE_CHECKING:
    from profiles.importers import CardSource, Imported
    from profiles.library import Card
    from profiles.schema import HiddenFact, Profile
    from profiles.vocabulary import Language

app = typer.Typer(help="Look at client cards, check them, bring in your own.", no_args_is_help=True)

CardLang = Annotated[Lang | None, typer.Option("--lang", help="Language. Default: the first one of the file.")]
Format = Annotated[str | None, typer.Option("--format", help="Format. Default: told by its columns or keys.")]

_TELLING = {
    "open": "says so unasked",
    "asked": "says so when asked plainly",
    "hidden": "says so when asked plainly by a counselor who is trusted",
}


@app.command("list")
def list_cards(
    theme: Annotated[str | None, typer.Option(help="Only cards of this theme.")] = None,
    lang: Annotated[Lang | None, typer.Option(help="Only cards that can be read in this language.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array on stdout.")] = False,
) -> None:
    """List the cards that come with the arena."""
    from profiles.library import of_themes, shipped_cards

    cards = of_themes(shipped_cards(), [theme]) if theme else shipped_cards()
    rows = [_row(card) for card in cards if lang is None or lang.value in card.languages]
    if as_json:
        import json

        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    _show_table(rows)


@app.command()
def show(
    card: Annotated[str, typer.Argument(help="A card's id, or a file of cards.")],
    lang: CardLang = None,
    format: Format = None,
) -> None:
    """Show a card: what the counselor is given, what the client tells, and what is hidden until when."""
    found = _found(card, lang, format)
    for profile in found.profiles:
        _show(profile)
    for note in found.notes:
        typer.echo(note)


@app.command()
def validate(
    files: Annotated[list[Path], typer.Argument(help="Files of client cards.")],
    format: Format = None,
) -> None:
    """Check files of client cards in every language they have. Exit code 2 if there is any fault."""
    from profiles.errors import UserError
    from profiles.importers import open_cards

    checked: list[list[str]] = []
    for path in files:
        try:
            checked += [_faults(card) for card in open_cards(path, format)[1]]
        except UserError as error:
            checked.append([str(error)])
    faults = [fault for each in checked for fault in each]
    for fault in faults:
        typer.echo(fault)
    fine = sum(not each for each in checked)
    typer.echo(f"{_count(fine, 'card')} fine, {_count(len(faults), 'fault')}")
    if faults:
        raise typer.Exit(2)


@app.command("import")
def import_cards(
    file: Annotated[Path, typer.Argument(help="The file to read.")],
    out: Annotated[Path, typer.Option("--out", help="The YAML file to write.")],
    format: Format = None,
    lang: CardLang = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")] = False,
) -> None:
    """Turn a file of client cards into our own YAML, one line a card on what could not be mapped."""
    from profiles.errors import UserError
    from profiles.importers import open_cards, read_cards

    if out.suffix.lower() not in (".yaml", ".yml"):
        raise UserError(f"--out {out}: name a file that ends with .yaml")
    if out.exists() and not force:
        raise UserError(f"--out {out}: this file exists; name another or add --force")
    importer, cards = open_cards(file, format)
    found = read_cards(file, _language(cards[0], lang), importer.name)
    _write(found, out)
    notes = {note.partition(": ")[0]: note for note in found.notes}
    for card, profile in zip(cards, found.profiles, strict=True):
        others = [each for each in card.languages if each != profile.lang]
        left = f"; its {others[0]} texts were left out, --lang {others[0]} takes them" if others else ""
        typer.echo(notes.get(f"card {profile.id}", f"card {profile.id}: mapped whole") + left)
    typer.echo(f"wrote {_count(len(found.profiles), 'card')} to {out}")


def _found(selector: str, lang: Lang | None, format: str | None) -> Imported:
    """What a selector names; a file is read in its own language unless another is asked for."""
    from profiles.errors import UserError
    from profiles.importers import find_profiles, open_cards, read_cards

    path = Path(selector)
    if not format and not path.is_file():
        try:
            return find_profiles(selector, lang.value if lang else "en")
        except UserError as error:
            raise UserError(str(error).removeprefix("--clients: ")) from None
    importer, cards = open_cards(path, format)
    return read_cards(path, _language(cards[0], lang), importer.name)


def _language(card: CardSource, lang: Lang | None) -> Language:
    return lang.value if lang else next(iter(card.languages), "en")


def _faults(card: CardSource) -> list[str]:
    languages = card.languages or ("en",)  # a card in an unknown language has none, and says so when read
    return list(dict.fromkeys(str(fault) for language in languages for fault in card.faults(language)))


def _write(found: Imported, out: Path) -> None:
    import yaml

    from profiles.errors import UserError

    cards = [
        {"id": profile.id, "lang": profile.lang, **profile.model_dump(mode="json", exclude_defaults=True)}
        for profile in found.profiles
    ]
    text = yaml.safe_dump(cards, allow_unicode=True, sort_keys=False, width=100)
    if yaml.safe_load(text) != cards:  # some line separators only come back when they are escaped
        text = yaml.safe_dump(cards, sort_keys=False, width=100)
    try:
        out.write_bytes(text.encode("utf-8"))
    except OSError as error:
        raise UserError(f"--out {out}: cannot be written ({error.strerror}); name another place") from None


def _row(card: Card) -> dict[str, Any]:
    profile = card.read(card.languages[0])
    return {
        "id": profile.id,
        "theme": profile.theme.value,
        "topic": profile.topic,
        "languages": list(card.languages),
        "resistance": profile.resistance,
        "risk": profile.risk.level,
        "facts": len(profile.facts),
        "hidden_facts": len(profile.hidden_facts),
    }


def _show_table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    for name in ("id", "theme", "topic", "languages", "resistance", "risk", "facts", "hidden"):
        table.add_column(name, no_wrap=name != "topic", overflow="fold")
    for row in rows:
        # Topics are single words with underscores; as separate words they can wrap.
        cells = {**row, "topic": row["topic"].replace("_", " "), "languages": " ".join(row["languages"])}
        table.add_row(*(Text(str(cell)) for cell in cells.values()))
    Console().print(table)


def _show(profile: Profile) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console()
    console.rule(Text(" · ".join(filter(None, (profile.id, profile.theme.value, profile.topic, profile.lang)))))
    for title, lines in _sections(profile):
        console.print(Text(title, "bold"))
        for line in lines or ["nothing"]:
            console.print(Padding(Text(line), (0, 0, 0, 2)))


def _sections(profile: Profile) -> Iterator[tuple[str, list[str]]]:
    yield "What the counselor is given", [profile.intake] if profile.intake else []
    yield "The client's first words", [profile.opening] if profile.opening else []
    yield "Who the client is", list(_person(profile))
    told = [f"{each.id}  {each.text}{' (told by another)' * (each.told_by == 'other')}" for each in profile.facts]
    yield f"Told readily ({len(told)})", told
    hidden = [line for each in profile.hidden_facts for line in (f"{each.id}  {each.text}", f"    {_when(each)}")]
    yield f"Hidden ({len(profile.hidden_facts)})", hidden
    yield "Risk (hidden)", [_risk(profile)]
    thoughts = [f"{each.id}  {each.text} ({each.level}, held {each.strength} of 100)" for each in profile.thoughts]
    yield f"Thoughts ({len(thoughts)})", thoughts
    origin = profile.provenance
    parts = (origin.source, origin.author, f"licence: {origin.licence}", f"version {origin.version}")
    yield "Where it comes from", ["; ".join(part for part in parts if part), *_kept(profile)]


def _person(profile: Profile) -> Iterator[str]:
    demographics = [str(value) for value in profile.demographics.model_dump().values() if value != ""]
    yield from filter(None, (", ".join(demographics), profile.current_distress, profile.personality_trait))
    yield f"speaks: {profile.response_style}{'. ' if profile.speech_style else ''}{profile.speech_style}"
    yield f"resistance {profile.resistance} of 3{'. ' if profile.resistance_style else ''}{profile.resistance_style}"


def _when(fact: HiddenFact) -> str:
    need = fact.condition
    parts = [
        f"from stage {fact.stage_min.value} on",
        f"trust {need.trust:g} of 10" if need.trust else "",
        f"openness {need.openness:g} of 10" if need.openness else "",
        f"after {' or '.join(move.value for move in need.after)}" if need.after else "",
        f"in answer to {need.asks.value}" if need.asks else "",
    ]
    return f"told when: {', '.join(part for part in parts if part)} (sensitivity {fact.sensitivity} of 3)"


def _risk(profile: Profile) -> str:
    risk = profile.risk
    if risk.level == "none":
        return "none"
    kind = f" ({risk.kind})" if risk.kind else ""
    return f"{risk.level}{kind}; {_TELLING[risk.disclosure]}: {risk.text}"


def _kept(profile: Profile) -> list[str]:
    return [f"kept under extra: {', '.join(profile.extra)}"] if profile.extra else []


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"
