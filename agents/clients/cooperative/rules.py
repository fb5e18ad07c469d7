"""The offline answers of the cooperative client."""

from __future__ import annotations

import random

from agents.clients.cooperative.client import CooperativeInputs
from agents.clients.dynamic.permission import RISK_FACT, Permission
from agents.clients.voice import Scene, speak
from agents.clients.weighing_thoughts import beliefs_after
from agents.reading import read_counselor
from profiles.schema import HiddenFact
from profiles.vocabulary import Language, Move

_ALWAYS_OPEN = {"trust": 7.0, "openness": 8.0, "distress": 5.0, "hope": 5.0, "resistance": 0.0}


def turn(inputs: CooperativeInputs, chance: random.Random, language: Language) -> str:
    """Speaks as if everything were earned already."""
    own = tuple(item.text for item in inputs.turns if item.speaker == "client")
    heard = [item.text for item in inputs.turns if item.speaker == "counselor"]
    last = heard[-1] if heard else ""
    said = "\n".join(own)
    risk = inputs.profile.risk
    hidden = tuple(fact for fact in inputs.profile.hidden_facts if fact.text not in said)
    at_risk = risk.level != "none" and bool(risk.text)
    tell_risk = ((Move.RISK_ENQUIRY, HiddenFact(id=RISK_FACT, text=risk.text)),)
    beliefs = beliefs_after(inputs.profile, own)
    held = sum(beliefs.values()) / len(beliefs) if beliefs else 10 * _ALWAYS_OPEN["distress"]
    scene = Scene(
        profile=inputs.profile,
        own=own,
        heard=last,
        reading=read_counselor(last, own, language, earlier=heard[:-1]),
        stage=inputs.stage,
        permission=Permission(free=hidden, if_asked=tell_risk if at_risk and risk.text not in said else ()),
        disclosed=(RISK_FACT,) if at_risk and risk.text in said else (),
        levels={**_ALWAYS_OPEN, "distress": held / 10},  # without a state the feeling goes with the beliefs
        language=language,
        beliefs=beliefs,
        yielding=True,
    )
    return speak(scene, chance).text


RULES = {"clients.cooperative.turn": turn}
