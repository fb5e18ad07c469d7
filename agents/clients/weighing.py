"""How an offline client takes part when its thoughts are weighed: hears what is asked, and answers, puts off or says
that there is nothing.

Facts, thoughts, evidence and the fairer view are the card's own words; ratings come from the client's beliefs.
"""

from __future__ import annotations

import random

from agents.clients.weighing_answers import STAND_ALONE, answer, has_answer
from agents.clients.weighing_hearing import Asked, Asks, hear
from agents.clients.weighing_ratings import rating
from agents.clients.weighing_setting import Manner, Setting, Weighed
from agents.clients.weighing_thoughts import meant, strongest, voiced_in
from profiles.schema import Thought

__all__ = ["OPENLY", "Manner", "Weighed", "asks_openly", "weigh"]

OPENLY: frozenset[Asks] = frozenset({"situation", "feeling"})
"""Questions wide enough that a client may answer with what it has kept back."""
_RATES: frozenset[Asks] = frozenset({"rate", "rate_belief", "rate_feeling"})
_HARD: frozenset[Asks] = frozenset({"core", "balanced"})  # what is hardest to say is put off most
_POINTED: frozenset[Asks] = frozenset({"core", "evidence_for", "evidence_against", "balanced"})
_EASY: frozenset[Asks] = _RATES | {"confirm"}
_LEAST_ANSWERS = 2  # of one turn, ratings apart
_LED = 0.5  # chance of a few words before an answer


def asks_openly(setting: Setting) -> bool:
    """Whether nothing pointed is asked of the client's thoughts."""
    return set(hear(setting.heard, setting.language).kinds) <= OPENLY


def weigh(setting: Setting, manner: Manner, chance: random.Random) -> Weighed | None:
    """The answer to what was asked about the client's thoughts; None where nothing was, or all of it has been said."""
    asked = hear(setting.heard, setting.language)
    thought = _meant(setting, asked)
    kinds = [kind for kind in asked.kinds if kind not in _RATES and has_answer(setting, kind, asked, thought)]
    rated = bool(_RATES & set(asked.kinds)) and (thought is not None or bool(setting.profile.feelings))
    if not kinds and not rated:
        return None
    if chance.random() < manner.reluctance * _hardness(kinds):
        line = setting.phrases.unused("deflect", setting.said, chance)
        if line:
            return Weighed((line,), bare=True)
    return _answered(setting, asked, kinds[:_LEAST_ANSWERS], thought, manner, chance)


def _answered(
    setting: Setting, asked: Asked, kinds: list[Asks], thought: Thought | None, manner: Manner, chance: random.Random
) -> Weighed | None:
    parts = [part for kind in kinds for part in answer(setting, kind, asked, thought, manner, chance)]
    whole = {line for group in STAND_ALONE for line in setting.phrases.lines(f"weighing.{group}")}
    told = bool(parts) and not whole & set(parts)
    lead = _lead(setting, _lead_of(setting, kinds[0], thought), chance) if told else None
    number = rating(setting, asked, thought, chance) if _RATES & set(asked.kinds) else None
    parts += [number] if number else []
    if not parts and _POINTED & set(kinds):  # asked once too often: put off, rather than answered with something else
        line = setting.phrases.unused("deflect", setting.said, chance)
        parts = [line] if line else []
    return Weighed(tuple(parts), lead, bare=not told) if parts else None


def _meant(setting: Setting, asked: Asked) -> Thought | None:
    thought = meant(setting.profile, setting.heard, asked.quotes, setting.own)
    return thought or strongest(setting.profile.thoughts)


def _hardness(kinds: list[Asks]) -> float:
    if _HARD & set(kinds):
        return 1.5
    return 1.0 if set(kinds) - _EASY else 0.5


def _lead_of(setting: Setting, kind: Asks, thought: Thought | None) -> str:
    side = kind.removeprefix("evidence_")
    more = thought is not None and f"{thought.id}.{side}" in voiced_in(setting.said, setting.profile)
    return "evidence_more" if more else kind


def _lead(setting: Setting, group: str, chance: random.Random) -> str | None:
    name = f"weighing.leads.{group}"
    if setting.profile.response_style == "terse" or not setting.phrases.has(name) or chance.random() > _LED:
        return None
    return setting.phrases.unused(name, setting.said, chance)
