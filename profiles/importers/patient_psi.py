"""PATIENT-Psi cognitive conceptualisation cards (JSON array), published with "PATIENT-Psi" (EMNLP 2024).

What stands in the first person becomes the client's own words; what stands in the third person becomes facts
told by another. A card names no risk level: ours is then ``none``, and the note says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from profiles.errors import UserError
from profiles.importers._contract import Draft, ForeignCard, Head, Importer
from profiles.importers._json import parse_json
from profiles.importers._words import (
    intake,
    is_first_person,
    is_negated,
    names_means,
    notes_risk,
    pieces,
    sentences,
    slug,
    speaks_of_risk,
    words,
)
from profiles.localize import script_of
from profiles.located import Located, read_text, validate
from profiles.vocabulary import Language, Move, Theme

_VERSION = "1"
_KEYS = frozenset({"name", "id", "history", "intermediate_belief", "situation", "auto_thought"})
_CORE = ("helpless_belief", "unlovable_belief", "worthless_belief")
_DEPRESSED = re.compile(r"\[\s*during depression\s*\]\s*:?|^\s*during depression\s*:", re.I | re.M)
_ITEM = re.compile(r"(?:^|\s)[(（]?\d{1,2}[).）、]\s*")
_LABEL = re.compile(r"^[A-Z][\w /-]{2,40}:\s+")
_TRUST = 5.0  # what the client says of risk is kept until asked, by someone half trusted


class _Record(BaseModel):
    """A card as the file holds it. Lists may also stand as one text."""

    model_config = ConfigDict(extra="allow")

    name: str
    id: str | int
    type: list[str] | str = []
    history: str = ""
    helpless_belief: list[str] | str = []
    unlovable_belief: list[str] | str = []
    worthless_belief: list[str] | str = []
    intermediate_belief: str = ""
    intermediate_belief_depression: str = ""
    coping_strategies: str = ""
    situation: str = ""
    auto_thought: str = ""
    emotion: list[str] | str = []
    behavior: str = ""


def _read(path: Path) -> Sequence[ForeignCard]:
    located = parse_json(read_text(path), str(path))
    parts = located.parts() if isinstance(located.value, list) else (located,)
    return [_card(part, path.name) for part in parts]


def _card(located: Located, file_name: str) -> ForeignCard:
    if not isinstance(located.value, dict):
        raise located.fault((), "a card must be an object with keys such as 'name' and 'history'")
    name, number = (str(located.value.get(key) or "") for key in ("name", "id"))
    card_id = slug(name, number) or "card"
    language = script_of(located.value)
    return ForeignCard(located, card_id, language, lambda record: _Mapping(record, card_id, language).draft(file_name))


class _Mapping:
    """One card on its way into our words. Every text is sorted once: told readily, or kept back as risk."""

    def __init__(self, located: Located, card_id: str, language: Language) -> None:
        self.record = validate(_Record, located.value, located)
        self.located = located
        self.id = card_id
        self.language = language
        self.kept_back: list[str] = []

    def draft(self, file_name: str) -> Draft:
        record = self.record
        manner, manner_remarks = self._manner()
        thought = self._told(record.auto_thought.strip())
        values = {
            "id": self.id,
            "theme": Theme.OTHER,
            "demographics": {"name": record.name.lstrip("#").strip()},
            "current_distress": self._distress(),
            "detailed_distress": "\n".join(text for text in (record.history, record.coping_strategies) if text),
            "core_theme": " ".join(self._core()),
            "emotional_state": ", ".join(self._feelings()),
            "intake": intake([record.name.lstrip("#").strip()], self.language),
            "opening": self._opening(thought),
            "feelings": self._feelings(),
            "facts": self._facts(),
            "coping": [text for text in sentences(record.coping_strategies) if self._is_own(text)],
            "thoughts": self._thoughts(),
            "provenance": _provenance(file_name),
            **manner,
        }
        values["hidden_facts"] = self._hidden()
        extra = {**({"type": record.type} if record.type else {}), **(record.model_extra or {})}
        return Draft(values | {"extra": extra | self._held_back()}, (*manner_remarks, *self._risk_remarks()))
