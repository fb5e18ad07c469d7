"""VERA-MH personas (TSV), in the columns of version 1 and of version 1.1.

Cells hold lists with semicolons between, or a label with its explanation: "High (clear statements)". Whatever
touches on risk is neither told readily nor given to the counselor: it is told when asked, to who is trusted.
Pieces that name a means of harm are not spoken at all; they stay under extra.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from profiles.importers import _words
from profiles.importers._contract import Draft, ForeignCard, Head, Importer
from profiles.importers._table import read_table
from profiles.importers._words import Disclosure, finds, words
from profiles.located import Located
from profiles.schema import RiskLevel
from profiles.vocabulary import Move, Theme

_LEVELS = ("Short Current Suicide Risk Level", "Current Suicide Risk Level", "Current Risk Level")
_DISCLOSURE = "Disclosure of Suicide Risk"
_ON_RISK = (
    "Current Suicidal Thoughts and Behaviors, Reasons for Living",
    "Current Suicidal Thoughts and Behaviors",
    "Remote History of Suicidal Thoughts and Behaviors",
)
_STYLE = ("Communication Style", "Primary Communication Style")
_REACTION = "Reaction to Chatbot Responses"
_SPOKEN = ("Sample Prompts", "Final Seed Phrase")
_STRESSORS = ("Recent Stressors/Risk Factors", "Recent Triggers and Stressors")
_CONTEXT = ("Mental Health Context", "Diagnoses and Symptoms")
_BACKGROUND = "Background"
_GRADED = ("Treatment Engagement / Access", "Financial Stress", "Social Isolation", "Discrimination Exposure")
_NOTES = (*_STRESSORS, _BACKGROUND, *_CONTEXT)
_PERSON = ("Name", "Age", "Gender", "Pronouns", "Race/Ethnicity")
_MAPPED = frozenset((*_PERSON, *_STYLE, _REACTION, *_SPOKEN, *_NOTES))
_LABEL = re.compile(r"\s*([^(:;]*[^(:;\s])")
# How far the counselor must be trusted before the client owns up to a note on risk.
_TRUST: dict[Disclosure, float] = {"open": 3.0, "asked": 4.5, "hidden": 6.0}


@dataclass(frozen=True)
class _Sorted:
    """A persona's texts, sorted by who may hear them.

    told: the client's own sentences for anyone. notes: pieces on the client for anyone, by column.
    stated: how the client states the risk. confided: what is said when asked. unsaid: what nobody says aloud.
    """

    told: tuple[str, ...]
    notes: dict[str, tuple[str, ...]]
    stated: str
    confided: tuple[str, ...]
    unsaid: tuple[str, ...]


def _read(path: Path) -> Sequence[ForeignCard]:
    return [_card(row, path.name) for row in read_table(path)]


def _card(row: Located, file_name: str) -> ForeignCard:
    card_id = _words.slug(row.value.get("Name", "")) or f"row-{row.line(())}"
    return ForeignCard(row, card_id, "en", partial(_draft, card_id=card_id, file_name=file_name))


def _draft(row: Located, card_id: str, file_name: str) -> Draft:
    level, (disclosure, remarks) = _level(row), _disclosure(row)
    texts = _sort(row, level, card_id)
    style = finds((rule.find for rule in words().vera_mh.styles), _first(row, _STYLE))
    values = {
        "id": card_id,
        "theme": Theme.OTHER,
        **_person(row),
        "current_distress": _distress(row, texts),
        "detailed_distress": "\n".join(f"{name}: {'; '.join(notes)}." for name, notes in texts.notes.items()),
        "opening": next(iter(texts.told), ""),
        "speech_style": _first(row, _STYLE),
        "response_style": "cooperative" if style is None else words().vera_mh.styles[style].style,
        "resistance": _resistance(row.value.get(_REACTION, "")),
        "resistance_style": row.value.get(_REACTION, "").strip(),
        "facts": list(_facts(row, texts)),
        "hidden_facts": list(_hidden(texts.confided, disclosure)),
        "risk": _risk(level, disclosure, texts.stated),
        "provenance": _words.provenance(f"VERA-MH persona file {file_name}"),
        "extra": _extra(row, texts),
    }
    return Draft(values, (*remarks, *_remarks(row, level, texts, style)))


def _person(row: Located) -> dict[str, Any]:
    """Who the client is, and the neutral line that says so."""
    name = row.value.get("Name", "").lstrip("#").strip()
    age, gender = _first(row, ("Age",)), _first(row, ("Gender", "Pronouns"))
    known = [name, age.rpartition(":")[2].strip(), _label(gender)]
    return {
        "demographics": {"name": name, "age": int(age) if age.isdecimal() else age, "gender": gender},
        "cultural_background": _first(row, ("Race/Ethnicity",)),
        "intake": _words.intake((part for part in known if not _is_blank(part)), "en"),
    }


def _level(row: Located) -> RiskLevel:
    """The risk level: from the short column where there is one, as the long one may hold stray text."""
    known = words().vera_mh.levels
    for column in _LEVELS:
        cell = row.value.get(column, "").strip()
        if cell:
            if _label(cell).lower() not in known:
                fault = f"unknown risk level '{_label(cell)}'; write None, Low, High or Immediate"
                raise row.fault((column,), fault)
            return known[_label(cell).lower()]
    fault = "this column is missing or empty; write None, Low, High or Immediate"
    raise row.fault(("Current Risk Level",), fault)


def _disclosure(row: Located) -> tuple[Disclosure, list[str]]:
    """Whether the client tells of the risk, and a remark where the file does not say."""
    cell = row.value.get(_DISCLOSURE, "")
    if _is_blank(cell):
        return "asked", [] if _level(row) == "none" else ["no disclosure given, taken as asked"]
    first = (re.findall(r"[a-z]+", cell.lower()) or [""])[0]
    known = words().vera_mh.disclosure
    if first not in known:
        raise row.fault((_DISCLOSURE,), f"unknown disclosure '{_label(cell)}'; write High, Moderate or Low")
    return known[first], []


def _sort(row: Located, level: RiskLevel, card_id: str) -> _Sorted:
    said = [text for column in _SPOKEN for text in _said(row, column)]
    risky = [text for text in said if _words.speaks_of_risk(text)]
    stated = _words.statement(risky, level, card_id) if level != "none" else ""
    notes = {column: _pieces(row, column) for column in _NOTES}
    shut = [note for column in notes for note in notes[column] if _words.notes_risk(note) or _is_blank(note)]
    on_risk = [note for column in _ON_RISK for note in _pieces(row, column) if level != "none"]
    owned = [note for note in (*shut, *on_risk) if _can_be_owned(note)]
    spoken = [text for text in risky if text != stated and not _words.names_means(text)]
    frames = [_words.owned_up(note, number) for number, note in enumerate(dict.fromkeys(owned))]
    open_notes = {column: tuple(note for note in notes[column] if note not in shut) for column in notes}
    return _Sorted(
        told=tuple(text for text in said if text not in risky),
        notes={column: kept for column, kept in open_notes.items() if kept},
        stated=stated,
        confided=tuple(dict.fromkeys((*spoken, *frames))),
        unsaid=tuple(text for text in (*risky, *shut) if text not in (stated, *spoken, *owned)),
    )


def _can_be_owned(note: str) -> bool:
    return not (_is_blank(note) or _words.is_negated(note) or _words.names_means(note))


def _said(row: Located, column: str) -> Iterator[str]:
    """The client's own sentences; a seed phrase is one text of several."""
    for piece in _pieces(row, column):
        yield from _words.sentences(piece) if column == "Final Seed Phrase" else (piece,)


def _pieces(row: Located, column: str) -> tuple[str, ...]:
    cell = row.value.get(column, "").replace(" | ", "; ")
    return () if _is_blank(cell) else _words.pieces(cell)


def _distress(row: Located, texts: _Sorted) -> str:
    for columns in (_STRESSORS, _CONTEXT, (_BACKGROUND,)):
        found = [note for column in columns for note in texts.notes.get(column, ())]
        if found:
            return "; ".join(found)
    fault = "nothing tells what troubles this client; fill the column of stressors or of background"
    raise row.fault((), fault)


def _facts(row: Located, texts: _Sorted) -> Iterator[dict[str, Any]]:
    marked = [column for column in _GRADED if _is_marked(row, column)]
    graded = [f"{column.lower()}: {_label(row.value[column]).lower()}" for column in marked]
    notes = dict.fromkeys([*(note for kept in texts.notes.values() for note in kept), *graded])
    told = [(text, "self") for text in dict.fromkeys(texts.told)]
    others = [(_words.ended(note, "en"), "other") for note in notes]
    for number, (text, teller) in enumerate([*told, *others], start=1):
        yield {"id": f"f{number}", "text": text, "told_by": teller}


def _is_marked(row: Located, column: str) -> bool:
    cell = row.value.get(column, "")
    return not _is_blank(cell) and _label(cell).lower() != "low"


def _hidden(confided: Iterable[str], disclosure: Disclosure) -> Iterator[dict[str, Any]]:
    condition = {"trust": _TRUST[disclosure], "asks": Move.RISK_ENQUIRY}
    for number, text in enumerate(confided, start=1):
        yield {"id": f"h{number}", "text": text, "sensitivity": 3, "condition": condition}


def _risk(level: RiskLevel, disclosure: Disclosure, stated: str) -> dict[str, str]:
    kind = "" if level == "none" else "suicide"
    return {"level": level, "kind": kind, "disclosure": disclosure, "text": stated}


def _resistance(reaction: str) -> int:
    """0-3 from the reaction cell, by the rule that ``phrases.yaml`` states."""
    rules = words().vera_mh
    if _label(reaction).lower() in rules.labels:
        return rules.labels[_label(reaction).lower()]
    away = sum(finds([each], reaction) is not None for each in rules.pulls_away)
    towards = sum(finds([each], reaction) is not None for each in rules.leans_in)
    return min(3, max(0, 1 + away - towards))


def _extra(row: Located, texts: _Sorted) -> dict[str, Any]:
    """Every column that is not mapped, or does not apply, as it stands; and what nobody says aloud."""
    kept = {column: cell for column, cell in row.value.items() if column not in _MAPPED or _is_blank(cell)}
    return kept | ({"held_back": list(texts.unsaid)} if texts.unsaid else {})


def _remarks(row: Located, level: RiskLevel, texts: _Sorted, style: int | None) -> Iterator[str]:
    if level == "none" and any(_words.speaks_of_risk(text) for text in texts.confided):
        yield "speaks of risk though its level is none: check the level"
    if texts.stated and texts.stated not in (text for column in _SPOKEN for text in _said(row, column)):
        yield "no sentence of its own states the risk, one of ours does"
    if style is None:
        yield "manner of speaking not recognised, taken as cooperative"
    if _is_blank(row.value.get(_REACTION, "")):
        yield "no reaction given, resistance taken as 1"


def _first(row: Located, columns: Iterable[str]) -> str:
    return next((row.value[column].strip() for column in columns if column in row.value), "")


def _label(cell: str) -> str:
    found = _LABEL.match(cell)
    return found[1] if found else ""


def _is_blank(cell: str) -> bool:
    return not cell.strip() or finds([words().vera_mh.not_applicable], cell) is not None


def _recognises(head: Head) -> bool:
    return "Name" in head.fields and not head.fields.isdisjoint(_LEVELS)


IMPORTER = Importer(
    name="vera_mh",
    summary="VERA-MH personas, versions 1 and 1.1",
    suffixes=(".tsv", ".csv"),
    expects="Name, Age, Background, Current Risk Level (or Short Current Suicide Risk Level), Sample Prompts",
    recognises=_recognises,
    read=_read,
)
