"""The fidelity check: rules on every session, and a judge that sees the whole card."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import BaseModel, Field

from agents.ask import ask
from agents.dialogue import Turn
from agents.models.base import ChatModel
from agents.phrases import load_phrases
from agents.prompts import load_prompt
from agents.reading import said_in
from arena.scoring.judgment import check_evidence
from profiles.errors import ModelError
from profiles.schema import Profile, Record
from profiles.vocabulary import Language

FlagKind = Literal["role_flip", "contradiction", "premature_disclosure"]
_TOLD = 0.65  # share of a hidden fact's content that counts as having told it


class Flag(Record):
    """One place where the client left its role or card. ``source``: ``rules``, or the judge's address."""

    kind: FlagKind
    turn: int
    detail: str
    source: str = "rules"


class Fidelity(Record):
    """The result for one session. ``status`` speaks of the judge: rules always ran."""

    flags: tuple[Flag, ...]
    status: Literal["ok", "flagged", "unchecked"]
    reason: str = ""


class FidelityInputs(Record):
    """What fills the fidelity judge's prompt: the whole card, hidden facts too."""

    profile: Profile
    turns: tuple[Turn, ...]


class FlaggedPlace(BaseModel):
    """One fault as the judge names it."""

    kind: FlagKind
    turn: int = Field(description="the turn's number as printed")
    quote: str = Field(description="words copied exactly from that client turn")
    reason: str


class FidelityOutput(BaseModel):
    """All faults found; empty when the client was true to its card."""

    flags: list[FlaggedPlace] = Field(default_factory=list)


async def check_fidelity(
    model: ChatModel, profile: Profile, turns: Sequence[Turn], language: Language, seed: int
) -> Fidelity:
    """Rules first, then one call. A judge that cannot be asked leaves the session ``unchecked``, unless flagged."""
    flags = {(flag.kind, flag.turn): flag for flag in rule_flags(profile, turns, language)}
    prompt = load_prompt("arena.fidelity", "check", language, FidelityInputs, FidelityOutput)
    inputs = FidelityInputs(profile=profile, turns=tuple(turn.public() for turn in turns))
    try:
        answer = await ask(model, prompt, inputs, language=language, seed=seed)
    except ModelError as error:
        status: Literal["flagged", "unchecked"] = "flagged" if flags else "unchecked"
        return Fidelity(flags=tuple(flags.values()), status=status, reason=f"{error.kind}: {error}")
    clients = [turn for turn in turns if turn.speaker == "client"]
    for place in answer.value.flags:
        if check_evidence(place.turn, place.quote, clients).found:  # a fault that cannot be quoted does not count
            flag = Flag(kind=place.kind, turn=place.turn, detail=place.reason, source=model.spec)
            flags.setdefault((flag.kind, flag.turn), flag)
    return Fidelity(flags=tuple(flags.values()), status="flagged" if flags else "ok")


def rule_flags(profile: Profile, turns: Sequence[Turn], language: Language) -> tuple[Flag, ...]:
    """What rules can see: the counselor's phrases in the client's mouth, a wrong age, facts told too soon."""
    clients = [turn for turn in turns if turn.speaker == "client"]
    found = [*_role_flips(clients, language), *_ages(profile, clients, language)]
    return (*found, *_premature(profile, clients, language))


def _detail(language: Language, name: str, **values: str) -> str:
    text = load_phrases("arena.fidelity", language, folder="words").nth(f"details.{name}", 0)
    for key, value in values.items():
        text = text.replace(f"{{{key}}}", value)
    return text


def _role_flips(clients: Sequence[Turn], language: Language) -> Iterator[Flag]:
    words = load_phrases("arena.fidelity", language, folder="words")
    pattern = re.compile("|".join(f"(?:{line})" for line in words.lines("role_flip")), re.IGNORECASE)
    for turn in clients:
        hit = pattern.search(turn.text)
        if hit:
            yield Flag(kind="role_flip", turn=turn.index, detail=_detail(language, "role_flip", quote=hit.group(0)))


def _ages(profile: Profile, clients: Sequence[Turn], language: Language) -> Iterator[Flag]:
    age = str(profile.demographics.age)
    if not age.isdigit():
        return
    words = load_phrases("arena.fidelity", language, folder="words")
    pattern = re.compile(words.nth("age", 0), re.IGNORECASE)
    for turn in clients:
        hit = pattern.search(turn.text)
        if hit and hit.group(1) != age and not any(hit.group(0) in text for text in _card_texts(profile)):
            detail = _detail(language, "contradiction", expected=age, quote=hit.group(0))
            yield Flag(kind="contradiction", turn=turn.index, detail=detail)


def _premature(profile: Profile, clients: Sequence[Turn], language: Language) -> Iterator[Flag]:
    """Hidden facts in the client's words that its own record does not hold as told when they were open."""
    if not any("told" in turn.notes and "premature" in turn.notes for turn in clients):
        return  # a client without conditions, such as the cooperative one or a person, cannot break them
    told: set[str] = set()
    for turn in clients:
        early = set(turn.notes.get("premature", ()))
        told |= set(turn.notes.get("told", ()))
        for fact in profile.hidden_facts:
            said = fact.id in early or (fact.id not in told and said_in(fact.text, turn.text, language) >= _TOLD)
            if said:
                told.add(fact.id)
                detail = _detail(language, "premature_disclosure", fact=fact.id)
                yield Flag(kind="premature_disclosure", turn=turn.index, detail=detail)


def _card_texts(profile: Profile) -> list[str]:
    return [*(fact.text for fact in profile.facts), *(fact.text for fact in profile.hidden_facts)]
