"""Reads a file of transcripts: what stands in it as dialogues, and what is wrong with those that are malformed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from profiles.errors import UserError
from profiles.localize import script_of
from profiles.schema import Record
from profiles.vocabulary import Language, Role
from storage.exports.record import DialogueRecord
from storage.exports.strategy_runs import JOINTS
from storage.imports.files import file_lines, file_text
from storage.imports.json_values import Broken, parsed, text_fault, torn, value_fault
from storage.imports.limits import LONGEST_TURN, MOST_DIALOGUES, MOST_TURNS
from storage.imports.lines import Line
from storage.imports.own_marks import without_own_marks
from storage.imports.own_records import is_own, record_in
from storage.imports.prefixed import dialogues_in_text
from storage.imports.roles import party_of
from storage.imports.shapes import lines_in

__all__ = ["Imported", "read_dialogues"]

_LEAST_TURNS = 2
_CLOCK = re.compile(r"\s*\[\d{1,2}:\d{2}")  # a time before a line of talk; no JSON begins so
_MOST_FAULTS = 20  # named of one dialogue; the others are counted
_TOLD = ("provenance", "privacy")


class Imported(Record):
    """One dialogue of a file.

    place: where it stands, for people (``line 3``, ``item 2``). turns: (speaker, text) in order, as far as readable.
    faults: why it is malformed; a malformed one is kept and never scored. beside: lines of no party, left out.
    record: the whole record, where the row is one of our own. told: ``provenance`` and ``privacy`` that stand beside a
    dialogue in any other shape.
    """

    place: str
    language: Language
    turns: tuple[tuple[Role, str], ...] = ()
    faults: tuple[str, ...] = ()
    beside: int = 0
    record: DialogueRecord | None = None
    told: dict[str, dict[str, Any]] = {}


def read_dialogues(path: Path, own: Mapping[str, Role] | None = None) -> Iterator[Imported]:
    """The dialogues of a file: JSON (one or a list), JSON lines, or text with a role before each line.

    JSON lines are read one by one; of other files the whole stands in memory.

    Args:
        own: a person's own role spellings (``Dr B`` -> counselor), which come before the known ones.

    Raises:
        UserError: the file cannot be read, is larger than the limits, or holds no dialogue at all.
    """
    found = 0
    for found, (place, value) in enumerate(_values(path), start=1):
        if found > MOST_DIALOGUES:
            raise UserError(f"{path}: more than {MOST_DIALOGUES:,} dialogues; split it into several files")
        yield _imported(place, value, own or {})
    if not found:
        raise UserError(f"{path}: there is no dialogue in it; see 'arena import-dialogues --help' for what is read")


def _values(path: Path) -> Iterator[tuple[str, Any]]:
    """Where each dialogue stands, and its JSON value or text; a broken JSON line comes as ``Broken``."""
    if path.suffix == ".jsonl" or _many_values(path):
        for number, line in file_lines(path):
            if line.strip():
                yield f"line {number}", parsed(line)
        return
    text = file_text(path)
    if text.lstrip()[:1] in ("{", "[") and not _CLOCK.match(text):
        yield from _json_whole(path, text)
    else:
        yield from ((f"line {number}", part) for number, part in dialogues_in_text(text))


def _many_values(path: Path) -> bool:
    """Whether each of the first two lines is a JSON value of its own."""
    lines = [line for _, line in islice(((at, line) for at, line in file_lines(path) if line.strip()), 2)]
    many = len(lines) == 2 and lines[0].lstrip()[:1] in ("{", "[")
    return many and not any(isinstance(parsed(line), Broken) for line in lines)


def _json_whole(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    value = parsed(text)
    if isinstance(value, Broken):
        place = f", line {value.line}" if value.line else ""
        raise UserError(f"{path}{place}: {value.fault}; mend it, or save as JSON lines")
    if isinstance(value, list) and lines_in(value) is None:
        yield from ((f"item {number}", item) for number, item in enumerate(value, start=1))
    else:
        yield "item 1", value


def _imported(place: str, value: Any, own: Mapping[str, Role]) -> Imported:  # noqa: ANN401
    fault = value.fault if isinstance(value, Broken) else value_fault(value)
    if fault:
        return Imported(place=place, language="en", faults=(fault,))
    if is_own(value):
        return _from_record(place, value)
    lines = lines_in(value, own)
    if lines is None:
        return Imported(place=place, language="en", faults=("no lines with a role and a text were found",))
    told = {name: value[name] for name in _TOLD if isinstance(value.get(name), dict)} if isinstance(value, dict) else {}
    return _from_lines(place, without_own_marks(lines), own, told)


def _from_record(place: str, row: dict[str, Any]) -> Imported:
    record, wrong = record_in(row)
    if record is None:
        return Imported(place=place, language="en", faults=_shown(wrong))
    turns = [(_role(turn.speaker), turn.content) for turn in record.dialog]
    faults = [*_too_long(len(turns), [text for _, text in turns[:MOST_TURNS]]), *wrong]
    if faults:
        kept = tuple(turn for turn in turns[:MOST_TURNS] if len(turn[1]) <= LONGEST_TURN)
        return Imported(place=place, language=record.language, turns=kept, faults=_shown(faults))
    return Imported(place=place, language=record.language, turns=tuple(turns), record=record)


def _role(speaker: str) -> Role:
    return "client" if speaker == "help_seeker" else "counselor"


def _from_lines(place: str, lines: list[Line], own: Mapping[str, Role], told: dict[str, dict[str, Any]]) -> Imported:
    names = frozenset(line.role for line in lines)
    said: list[tuple[Role, str, bool]] = []
    faults = _too_long(len(lines), ())
    if unfit := torn(told):
        faults.append(unfit)
        told = {}
    beside = 0
    for number, line in enumerate(lines[:MOST_TURNS], start=1):
        party = party_of(line.role, names, own)
        if party == "beside":
            beside += 1
        elif party is None:
            faults.append(f"turn {number}: unknown role '{line.role[:40]}'")
        elif not isinstance(line.text, str) or not line.text.strip():
            faults.append(f"turn {number}: no text")
        elif len(line.text) > LONGEST_TURN:
            faults.append(_turn_too_long(number, line.text))
        elif unfit := text_fault(line.text):
            faults.append(f"turn {number}: {unfit}")
        else:
            said.append((party, line.text.strip(), line.joins))
    language = script_of([text for _, text, _ in said])
    turns = _joined(said, language)
    faults += _whole_faults(turns)
    return Imported(place=place, language=language, turns=tuple(turns), faults=_shown(faults), beside=beside, told=told)


def _joined(said: Sequence[tuple[Role, str, bool]], language: Language) -> list[tuple[Role, str]]:
    """The turns: lines that are parts of one turn, a label each, stand together again."""
    runs = groupby(enumerate(said), key=lambda each: (each[1][0], -1 if each[1][2] else each[0]))
    return [(party, JOINTS[language].join(text for _, (_, text, _) in parts)) for (party, _), parts in runs]


def _too_long(turns: int, texts: Sequence[str]) -> list[str]:
    faults = [f"too long: {turns:,} turns, at most {MOST_TURNS:,}"] if turns > MOST_TURNS else []
    return faults + [_turn_too_long(at, text) for at, text in enumerate(texts, 1) if len(text) > LONGEST_TURN]


def _turn_too_long(number: int, text: str) -> str:
    return f"turn {number}: too long: {len(text):,} characters, at most {LONGEST_TURN:,}"


def _shown(faults: Sequence[str]) -> tuple[str, ...]:
    faults = [fault.encode("utf-8", "replace").decode() for fault in faults]  # a role may hold half a character
    more = len(faults) - _MOST_FAULTS
    return (*faults[:_MOST_FAULTS], f"and {more:,} faults more") if more > 0 else tuple(faults)


def _whole_faults(turns: list[tuple[Role, str]]) -> list[str]:
    speakers = {speaker for speaker, _ in turns}
    if len(turns) < _LEAST_TURNS:
        return ["fewer than two turns"]
    missing = {"client", "counselor"} - speakers
    return [f"no turn of the {missing.pop()}"] if missing else []
