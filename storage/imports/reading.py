"""Reads a file of transcripts: what stands in it as dialogues, and what is wrong with those that are malformed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from profiles.errors import UserError
from profiles.localize import script_of
from profiles.located import read_text
from profiles.schema import Record
from profiles.vocabulary import Language, Role
from storage.exports.format import formats
from storage.exports.record import DialogueRecord
from storage.imports.limits import LONGEST_TURN, MOST_BYTES, MOST_DIALOGUES, MOST_TURNS
from storage.imports.prefixed import dialogues_in_text
from storage.imports.roles import party_of
from storage.imports.shapes import Line, lines_in

__all__ = ["Imported", "read_dialogues"]

_LEAST_TURNS = 2
_MOST_FAULTS = 20  # named of one dialogue; the others are counted
_NUL = "\0"
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

    Args:
        own: a person's own role spellings (``Dr B`` -> counselor), which come before the known ones.

    Raises:
        UserError: the file cannot be read, is larger than the limits, or holds no dialogue at all.
    """
    text = _text(path)
    found = 0
    for found, (place, value) in enumerate(_values(path, text), start=1):
        if found > MOST_DIALOGUES:
            raise UserError(f"{path}: more than {MOST_DIALOGUES:,} dialogues; split it into several files")
        yield _imported(place, value, own or {})
    if not found:
        raise UserError(f"{path}: there is no dialogue in it; see 'arena import-dialogues --help' for what is read")


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
    except OSError:
        size = 0  # what is wrong with it is told by reading it
    if size > MOST_BYTES:
        raise UserError(f"{path}: larger than {MOST_BYTES // 1024**2} MB; split it into several files")
    text = read_text(path)
    if _NUL in text:
        line = text.count("\n", 0, text.index(_NUL)) + 1
        raise UserError(
            f"{path}, line {line}: NUL characters, as in UTF-16 text or a file that is no text; save it as UTF-8"
        )
    return text


def _values(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    """Where each dialogue stands, and its JSON value or text; a broken JSON line comes as ``ValueError``."""
    head = text.lstrip()[:1]
    if path.suffix == ".jsonl" or (head in "{[" and _many_lines(text)):
        yield from _json_lines(text)
    elif head in ("{", "["):
        yield from _json_whole(path, text)
    else:
        yield from ((f"line {number}", part) for number, part in dialogues_in_text(text))


def _many_lines(text: str) -> bool:
    """Whether each of the first two lines is a JSON value of its own."""
    lines = [line for line in text.splitlines() if line.strip()][:2]
    return len(lines) == 2 and all(not isinstance(_parsed(line), ValueError) for line in lines)


def _parsed(line: str) -> Any:  # noqa: ANN401  (JSON, or what is wrong with it)
    try:
        return json.loads(line)
    except RecursionError:
        return ValueError("nested too deeply")
    except ValueError as error:
        return error


def _json_lines(text: str) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"line {number}", _parsed(line)


def _json_whole(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    value = _parsed(text)
    if isinstance(value, json.JSONDecodeError):
        raise UserError(f"{path}, line {value.lineno}: not JSON ({value.msg}); mend it, or save as JSON lines")
    if isinstance(value, ValueError):
        raise UserError(f"{path}: {value}; a dialogue is a list of lines")
    if isinstance(value, list) and lines_in(value) is None:
        yield from ((f"item {number}", item) for number, item in enumerate(value, start=1))
    else:
        yield "item 1", value


def _imported(place: str, value: Any, own: Mapping[str, Role]) -> Imported:  # noqa: ANN401
    if isinstance(value, ValueError):
        return Imported(place=place, language="en", faults=("not JSON",))
    record = _own(value)
    if record is not None:
        return _from_record(place, record)
    lines = lines_in(value, own)
    if lines is None:
        return Imported(place=place, language="en", faults=("no lines with a role and a text were found",))
    return _from_lines(place, lines, own, _told(value))


def _told(value: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401
    """What an object says of where its dialogue comes from and who consented."""
    found = {name: value.get(name) for name in _TOLD} if isinstance(value, dict) else {}
    told = {name: each for name, each in found.items() if isinstance(each, dict)}
    return told if _storable(json.dumps(told, ensure_ascii=False)) else {}


def _from_record(place: str, record: DialogueRecord) -> Imported:
    turns = [(_role(turn.speaker), turn.content) for turn in record.dialog]
    faults = _too_long(len(turns), [text for _, text in turns[:MOST_TURNS]])
    if faults:
        kept = tuple(turn for turn in turns[:MOST_TURNS] if len(turn[1]) <= LONGEST_TURN)
        return Imported(place=place, language=record.language, turns=kept, faults=_shown(faults))
    return Imported(place=place, language=record.language, turns=tuple(turns), record=record)


def _role(speaker: str) -> Role:
    return "client" if speaker == "help_seeker" else "counselor"


def _own(value: Any) -> DialogueRecord | None:  # noqa: ANN401
    back = formats()["crisp"].back if "crisp" in formats() else None
    if back is None or not isinstance(value, dict) or "schema_version" not in value:
        return None
    text = json.dumps(value, ensure_ascii=False)
    if not _storable(text) or "\\u0000" in text:
        return None
    try:
        return back(value)
    except (UserError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _from_lines(place: str, lines: list[Line], own: Mapping[str, Role], told: dict[str, dict[str, Any]]) -> Imported:
    names = frozenset(line.role for line in lines)
    turns: list[tuple[Role, str]] = []
    faults = _too_long(len(lines), ())
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
        elif not _storable(line.text):
            faults.append(f"turn {number}: half a character (a lone surrogate); save the file anew from its source")
        elif _NUL in line.text:
            faults.append(f"turn {number}: a NUL character; save the file anew from its source")
        else:
            turns.append((party, line.text.strip()))
    faults += _whole_faults(turns)
    language = script_of([text for _, text in turns])
    return Imported(place=place, language=language, turns=tuple(turns), faults=_shown(faults), beside=beside, told=told)


def _too_long(turns: int, texts: Sequence[str]) -> list[str]:
    faults = [f"too long: {turns:,} turns, at most {MOST_TURNS:,}"] if turns > MOST_TURNS else []
    return faults + [_turn_too_long(at, text) for at, text in enumerate(texts, 1) if len(text) > LONGEST_TURN]


def _turn_too_long(number: int, text: str) -> str:
    return f"turn {number}: too long: {len(text):,} characters, at most {LONGEST_TURN:,}"


def _shown(faults: Sequence[str]) -> tuple[str, ...]:
    more = len(faults) - _MOST_FAULTS
    return (*faults[:_MOST_FAULTS], f"and {more:,} faults more") if more > 0 else tuple(faults)


def _storable(text: str) -> bool:
    """Whether a text can be written as UTF-8: JSON escapes may hold half of a character."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _whole_faults(turns: list[tuple[Role, str]]) -> list[str]:
    speakers = {speaker for speaker, _ in turns}
    if len(turns) < _LEAST_TURNS:
        return ["fewer than two turns"]
    missing = {"client", "counselor"} - speakers
    return [f"no turn of the {missing.pop()}"] if missing else []
