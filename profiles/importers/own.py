"""Our own cards in YAML, JSON, JSONL, CSV and TSV.

In a table each column is a field; a part of a field has a dot (``demographics.age``), and so has one language
of a text (``opening.zh``). Lists and mappings stand in a cell as JSON; an empty cell leaves the field out.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from profiles.errors import UserError
from profiles.importers._contract import Head, Importer
from profiles.importers._json import parse_json, parse_jsonl
from profiles.importers._table import read_table
from profiles.library import CARD_FILES, Card, as_cards, cards_in
from profiles.located import Located, Place, read_text
from profiles.schema import Profile
from profiles.vocabulary import LANGUAGES

_YAML = (".yaml", ".yml")


def _read(path: Path) -> Sequence[Card]:
    suffix = path.suffix.lower()
    if suffix in _YAML:
        return cards_in(path)
    if suffix == ".json":
        return as_cards(parse_json(_text(path), str(path)))
    if suffix == ".jsonl":
        return as_cards(_together(parse_jsonl(_text(path), str(path)), path))
    return as_cards(_together(tuple(_nested(row) for row in read_table(path)), path))


def _text(path: Path) -> str:
    text = read_text(path)
    if not text.strip():
        raise UserError(f"{path}: no client card in this file")
    return text


def _together(records: Sequence[Located], path: Path) -> Located:
    """Records as one located list."""
    lines: dict[Place, int] = {}
    for number, record in enumerate(records):
        lines |= {(number, *place): line for place, line in record.lines.items()}
    return Located(str(path), [each.value for each in records], lines)


def _nested(row: Located) -> Located:
    """A row of a table as the mapping that a YAML file would hold."""
    value: dict[str, Any] = {}
    lines: dict[Place, int] = {(): row.line(())}
    for column, cell in row.value.items():
        kind = _column(column, row)
        if kind is not str and not cell.strip():
            continue
        *above, last = column.split(".")
        target = value
        for part in above:
            target = target.setdefault(part, {})
            if not isinstance(target, dict):
                raise row.fault((column,), f"'{part}' has a column of its own too; keep one of them")
        if last in target:
            raise row.fault((column,), "another column holds this field too; keep one of them")
        target[last] = cell if kind is str else _parsed(cell, kind, column, row)
        lines[tuple(column.split("."))] = row.line(())
    return Located(row.source, value, lines)


def _column(name: str, row: Located) -> type:
    known = _columns()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        plain = [column for column in known if "." not in column]
        hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(plain)}, and parts of them"
        raise UserError(f"{row.source}, line 1: unknown column '{name}'; {hint}")
    return known[name]


def _parsed(cell: str, kind: type, column: str, row: Located) -> Any:  # noqa: ANN401
    try:
        return json.loads(cell.strip().lower() if kind is bool else cell)
    except (ValueError, RecursionError) as error:
        if kind is int:  # an age may be a band; numbers that are none are told by the card's own check
            return cell
        fault = f'needs JSON in this cell, such as ["one", "two"] ({error})'
        raise row.fault((column,), fault) from None


@lru_cache(maxsize=1)
def _columns() -> dict[str, type]:
    """Every column a table may have and how its cells are read: str as they stand, all else as JSON."""
    found = dict(_fields(Profile))
    spoken = [name for name in found if name not in ("id", "lang", "theme", "extra")]
    return found | {f"{name}.{language}": found[name] for name in spoken for language in LANGUAGES}


def _fields(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, type]]:
    for name, field in model.model_fields.items():
        yield f"{above}{name}", _kind(field.annotation)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _fields(field.annotation, f"{name}.")


def _kind(annotation: Any) -> type:  # noqa: ANN401
    if get_origin(annotation) is Literal:
        return str
    choices = get_args(annotation) or (annotation,)
    if get_origin(annotation) in (tuple, dict) or not all(isinstance(each, type) for each in choices):
        return object
    for kind in (bool, int):
        if kind in choices:
            return kind
    return str if all(issubclass(each, str) for each in choices) else object


def _recognises(head: Head) -> bool:
    if head.suffix in _YAML:
        return True
    return len({name.split(".")[0] for name in head.fields} & set(Profile.model_fields)) >= 2


IMPORTER = Importer(
    name="own",
    summary="our own client cards, in one language or both",
    suffixes=CARD_FILES,
    expects="id, theme, current_distress and the other fields of a card",
    recognises=_recognises,
    read=_read,
)
