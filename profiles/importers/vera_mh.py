"""VERA-MH personas (TSV), in the columns of version 1 and of version 1.1.

Cells hold lists with semicolons between, or one label with its explanation: "High (clear statements)". Whatever
touches on risk is neither told readily nor given to the counselor: it is told when asked, to who is trusted.
Pieces that name a means of harm are not spoken at all and stay under extra.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from profiles.errors import UserError
from profiles.importers import _words
from profiles.importers._contract import Draft, ForeignCard, Head, Importer
from profiles.importers._table import read_table
from profiles.importers._words import Disclosure, finds, pieces, sentences, words
from profiles.located import Located
from profiles.schema import ResponseStyle, RiskLevel
from profiles.vocabulary import Move, Theme

_LEVEL = ("Short Current Suicide Risk Level", "Current Suicide Risk Level", "Current Risk Level")
_DISCLOSURE = "Disclosure of Suicide Risk"
_CURRENT = (
    "Current Suicidal Thoughts and Behaviors, Reasons for Living",
    "Current Suicidal Thoughts and Behaviors",
    "Remote History of Suicidal Thoughts and Behaviors",
)
_STYLE = ("Communication Style", "Primary Communication Style")
_REACTION = "Reaction to Chatbot Responses"
_SPOKEN = ("Sample Prompts", "Final Seed Phrase")
_STRESSORS = ("Recent Stressors/Risk Factors", "Recent Triggers and Stressors")
_CONTEXT = ("Mental Health Context", "Diagnoses and Symptoms")
_BACKGROUND = ("Background",)
_GRADED = ("Treatment Engagement / Access", "Financial Stress", "Social Isolation", "Discrimination Exposure")
_PERSON = ("Name", "Age", "Gender", "Pronouns", "Race/Ethnicity")
_MAPPED = frozenset((*_PERSON, *_STYLE, _REACTION, *_SPOKEN, *_STRESSORS, *_CONTEXT, *_BACKGROUND))
_LABEL = re.compile(r"^([A-Za-z][\w/ -]*?)\s*(?:\(|:|;|$)")
# How far the counselor must be trusted before the client owns up to a note on risk.
_TRUST: dict[Disclosure, float] = {"open": 3.0, "asked": 4.5, "hidden": 6.0}


def _read(path: Path) -> Sequence[ForeignCard]:
    return [_card(row, path.name) for row in read_table(path)]


def _card(row: Located, file_name: str) -> ForeignCard:
    card_id = _words.slug(row.value.get("Name", "")) or f"row-{row.line(())}"
    return ForeignCard(row, card_id, "en", partial(_draft, card_id=card_id, file_name=file_name))


def _draft(row: Located, card_id: str, file_name: str) -> Draft:
    level, disclosure = _level(row), _disclosure(row)
    said = list(_said(row))
    notes = [*_notes(row, _STRESSORS), *_notes(row, _BACKGROUND), *_notes(row, _CONTEXT)]
    risky = [text for text in said if _words.speaks_of_risk(text)]
    risk_text = _words.statement(risky, level, card_id) if level != "none" else ""
    told = [text for text in said if text not in risky]
    open_notes = [text for text in notes if not _words.notes_risk(text)]
    hidden = _hidden(row, [text for text in risky if text != risk_text], notes, level, disclosure)
    name = _cell(row, ("Name",)).lstrip("#").strip()
    age, gender = _age(row), _cell(row, ("Gender", "Pronouns"))
    style, style_remarks = _style(row)
    values = {
        "id": card_id,
        "theme": Theme.OTHER,
        "demographics": {"name": name, "age": age, "gender": gender},
        "cultural_background": _cell(row, ("Race/Ethnicity",)),
        "current_distress": "; ".join(_distress(row)),
        "detailed_distress": _detailed(row),
        "intake": _words.intake([name, age, gender], "en"),
        "opening": told[0] if told else "",
        "speech_style": _cell(row, _STYLE),
        "response_style": style,
        "resistance": _resistance(_cell(row, (_REACTION,))),
        "resistance_style": _cell(row, (_REACTION,)),
        "facts": list(_facts(told, [*open_notes, *_graded(row)])),
        "hidden_facts": hidden,
        "risk": {
            "level": level,
            "kind": "" if level == "none" else "suicide",
            "disclosure": disclosure,
            "text": risk_text,
        },
        "provenance": _words.provenance(f"VERA-MH persona file {file_name}"),
        "extra": _extra(row, [*risky, *notes]),
    }
    return Draft(values, tuple(_remarks(level, risky, risk_text, style_remarks)))
