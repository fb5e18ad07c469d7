"""PATIENT-Psi cognitive conceptualisation cards (JSON), as published with PATIENT-Psi (EMNLP 2024).

What stands in the first person becomes the client's own words, what stands in the third person a fact told by
another. A card names no level of risk: ours is then ``none``, and the note says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from profiles.importers import _words
from profiles.importers._contract import Draft, ForeignCard, Head, Importer
from profiles.importers._json import parse_json, parse_jsonl
from profiles.importers._words import is_first_person, sentences, words
from profiles.localize import script_of
from profiles.located import Located, read_text, validate
from profiles.vocabulary import Language, Move, Theme

_KEYS = frozenset({"name", "id", "type", "history", "intermediate_belief", "situation", "auto_thought", "behavior"})
_CORE = ("helpless_belief", "unlovable_belief", "worthless_belief")
_DEPRESSED = re.compile(r"\[\s*during depression\s*\]:?|^\s*during depression:", re.IGNORECASE | re.MULTILINE)
_NUMBER = re.compile(r"(?:(?<!\S)|(?<=[。；！？]))[(（]?(\d{1,2})[).）、]\s*")
_LABEL = re.compile(r"^[A-Z][\w /-]{2,40}:\s+(?=\S)")
_EMOTIONS = re.compile(r"[,，、;；]|\band\b")
# A rule of life that holds in good times too is less firm than one of the depression; a core belief most.
_STRENGTHS = {"core": 80, "automatic": 75, "depressed": 75, "habitual": 60}
_TRUST = 5.0  # what the client says of risk is told when asked, to someone half trusted


class _Record(BaseModel):
    """A card as it stands in its file. A list may also stand as one text."""

    model_config = ConfigDict(extra="allow")

    name: str
    id: str | int
    type: list[str] | str = ""
    history: str = ""
    helpless_belief: list[str] | str = ""
    unlovable_belief: list[str] | str = ""
    worthless_belief: list[str] | str = ""
    intermediate_belief: str = ""
    intermediate_belief_depression: str = ""
    coping_strategies: str = ""
    situation: str = ""
    auto_thought: str = ""
    emotion: list[str] | str = ""
    behavior: str = ""


def _read(path: Path) -> Sequence[ForeignCard]:
    text = read_text(path)
    if path.suffix.lower() == ".jsonl":
        return [_card(record, path.name) for record in parse_jsonl(text, str(path))]
    located = parse_json(text, str(path))
    records = located.parts() if isinstance(located.value, list) else (located,)
    return [_card(record, path.name) for record in records]


def _card(located: Located, file_name: str) -> ForeignCard:
    value = located.value if isinstance(located.value, dict) else {}
    card_id = _words.slug(*(str(value.get(key, "")) for key in ("name", "id"))) or "card"
    language = script_of(value)
    draft = partial(_draft, card_id=card_id, language=language, file_name=file_name)
    return ForeignCard(located, card_id, language, draft)


def _draft(located: Located, card_id: str, language: Language, file_name: str) -> Draft:
    if not isinstance(located.value, dict):
        raise located.fault((), "a card must be an object with keys such as 'name' and 'history'")
    record = validate(_Record, located.value, located)
    distress = _distress(record, language)
    if not distress:
        raise located.fault((), "nothing tells what troubles this client; give 'situation', 'behavior' or 'history'")
    name = record.name.lstrip("#").strip()
    told, thoughts = list(_told(record)), list(_thoughts(record))
    kept_back = [text for text in (*told, *(thought["text"] for thought in thoughts)) if _is_risk(text)]
    hidden, unsaid = _hidden(kept_back)
    manner, remarks = _manner(record.type, language)
    values = {
        "id": card_id,
        "theme": Theme.OTHER,
        "demographics": {"name": name},
        "emotional_state": ", ".join(_feelings(record)),
        "current_distress": distress,
        "detailed_distress": " ".join(_open(sentences(f"{record.history}\n{record.coping_strategies}"))),
        "core_theme": " ".join(each["text"] for each in _harmless(thoughts) if each["level"] == "core"),
        "intake": _words.intake([name], language),
        "opening": _opening(record.auto_thought.strip(), language),
        "feelings": _feelings(record),
        "facts": list(_facts(_open(told), language)),
        "hidden_facts": hidden,
        "thoughts": _harmless(thoughts),
        "coping": [text for text in _open(sentences(record.coping_strategies)) if is_first_person(text)],
        "provenance": _words.provenance(f"PATIENT-Psi profile file {file_name}"),
        "extra": _extra(record, unsaid),
        **manner,
    }
    level = "no risk level, taken as none"
    if kept_back:
        level += f" though it speaks of risk ({len(kept_back)} texts kept back): set risk.level by hand"
    return Draft(values, (*remarks, level))


def _is_risk(text: str) -> bool:
    return _words.speaks_of_risk(text) or _words.notes_risk(text)


def _open(texts: Iterable[str]) -> list[str]:
    return [text for text in texts if not _is_risk(text)]


def _harmless(thoughts: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [thought for thought in thoughts if not _is_risk(thought["text"])]


def _told(record: _Record) -> Iterator[str]:
    """What the card tells of the client's life, in small pieces: the present first, then the past."""
    for text in (record.situation, record.behavior, record.history, record.coping_strategies):
        for sentence in sentences(text):
            yield from _words.pieces(_LABEL.sub("", sentence))


def _facts(texts: Iterable[str], language: Language) -> Iterator[dict[str, Any]]:
    for number, text in enumerate(dict.fromkeys(texts), start=1):
        teller = "self" if is_first_person(text) else "other"
        yield {"id": f"f{number}", "text": _words.ended(text, language), "told_by": teller}


def _thoughts(record: _Record) -> Iterator[dict[str, Any]]:
    for number, text in enumerate((text for key in _CORE for text in _listed(getattr(record, key))), start=1):
        yield {"id": f"c{number}", "level": "core", "text": text, "strength": _STRENGTHS["core"]}
    before, *after = _DEPRESSED.split(record.intermediate_belief)
    after.append(record.intermediate_belief_depression)
    rules = [(text, "habitual") for text in _rules(before)]
    rules += [(text, "depressed") for part in after for text in _rules(part)]
    for number, (text, when) in enumerate(rules, start=1):
        yield {"id": f"i{number}", "level": "intermediate", "text": text, "strength": _STRENGTHS[when]}
    if record.auto_thought.strip():
        text = record.auto_thought.strip()
        yield {"id": "a1", "level": "automatic", "text": text, "strength": _STRENGTHS["automatic"]}


def _rules(text: str) -> list[str]:
    """Beliefs that stand together in one text: cut at its numbers, or else at its sentences."""
    cuts: list[re.Match[str]] = []
    for found in _NUMBER.finditer(text):
        if int(found[1]) == len(cuts) + 1:
            cuts.append(found)
    if not cuts:
        return list(sentences(text))
    ends = [cut.start() for cut in cuts[1:]] + [len(text)]
    items = [text[cut.end() : end].strip() for cut, end in zip(cuts, ends, strict=True)]
    return [*sentences(text[: cuts[0].start()]), *(item for item in items if item)]


def _listed(value: list[str] | str) -> list[str]:
    texts = value if isinstance(value, list) else _words.pieces(value)
    return [text.strip() for text in texts if text.strip()]


def _feelings(record: _Record) -> list[str]:
    names = (name.strip(" .。") for text in _listed(record.emotion) for name in _EMOTIONS.split(text))
    return list(dict.fromkeys(name for name in names if name))


def _distress(record: _Record, language: Language) -> str:
    """The present trouble in a few sentences: what happens, what is felt, what is done."""
    named = ", ".join(_feelings(record))
    feels = [words().patient_psi.feels[language].replace("{emotion}", named)] if named else []
    parts = [*sentences(record.situation), *feels, *sentences(record.behavior)]
    found = _open(parts) or _open(sentences(record.history))[:1]
    return (" " if language == "en" else "").join(found)


def _opening(thought: str, language: Language) -> str:
    if not is_first_person(thought) or _is_risk(thought):
        return ""
    return words().patient_psi.opening[language].replace("{thought}", thought)


def _hidden(kept_back: Sequence[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Hidden facts from what the client says of risk, and the texts that nobody is to say aloud."""
    spoken = [text for text in kept_back if is_first_person(text) and not _words.names_means(text)]
    condition = {"trust": _TRUST, "asks": Move.RISK_ENQUIRY}
    facts = [
        {"id": f"h{number}", "text": text, "sensitivity": 3, "condition": condition}
        for number, text in enumerate(spoken, start=1)
    ]
    return facts, [text for text in kept_back if text not in spoken]


def _manner(named: list[str] | str, language: Language) -> tuple[dict[str, Any], list[str]]:
    """How the client speaks: the first manner we know of those that the card names."""
    known = words().patient_psi.manners
    names = [name.lower() for name in _listed(named)]
    fitting = [name for name in names if name in known]
    remarks = [f"type '{name}' is unknown" for name in names if name not in known]
    if not fitting:
        return {}, [*remarks, "no known type, taken as cooperative"]
    if len(names) > 1:
        remarks.append(f"type lists {len(names)} manners, '{fitting[0]}' taken")
    manner = known[fitting[0]]
    fields = {"response_style": manner.response_style, "resistance": manner.resistance}
    return {**fields, "speech_style": manner.speech_style[language]}, remarks


def _extra(record: _Record, unsaid: Sequence[str]) -> dict[str, Any]:
    kept: dict[str, Any] = {"type": record.type} if record.type else {}
    kept |= record.model_extra or {}
    return kept | ({"held_back": list(unsaid)} if unsaid else {})


def _recognises(head: Head) -> bool:
    return "history" in head.fields and len(_KEYS & head.fields) >= 5


IMPORTER = Importer(
    name="patient_psi",
    summary="PATIENT-Psi cognitive conceptualisation cards",
    suffixes=(".json", ".jsonl"),
    expects="name, id, type, history, intermediate_belief, situation, auto_thought, emotion, behavior",
    recognises=_recognises,
    read=_read,
)
