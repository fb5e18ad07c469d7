"""The offline answers of the dynamic client."""

from __future__ import annotations

import random

from agents.clients.dynamic.client import ClientTurn, TurnInputs
from agents.clients.voice import Scene, speak
from agents.clients.weighing_hearing import hear
from agents.clients.weighing_thoughts import voiced_in
from agents.phrases import load_phrases
from agents.reading import read_counselor
from profiles.vocabulary import Language, Move

_WEIGHING = {"evidence_for", "evidence_against", "balanced"}


def turn(inputs: TurnInputs, chance: random.Random, language: Language) -> ClientTurn:
    """Hears the counselor's last turn by rule, then speaks from the card and what is permitted."""
    own = tuple(item.text for item in inputs.turns if item.speaker == "client")
    heard = [item.text for item in inputs.turns if item.speaker == "counselor"]
    last = heard[-1] if heard else ""
    confided = bool(own) and any(fact.text in own[-1] for fact in inputs.profile.hidden_facts)
    reading = read_counselor(last, own, language, disclosed=confided, earlier=heard[:-1])
    scene = Scene(
        profile=inputs.profile,
        own=own,
        heard=last,
        reading=reading,
        stage=inputs.stage,
        permission=inputs.permission,
        disclosed=inputs.disclosed,
        levels=inputs.levels,
        language=language,
        beliefs=inputs.beliefs,
    )
    speech = speak(scene, chance)
    moves = _with_weighing(reading.moves, last, language)
    names = ", ".join(move.value for move in moves)
    reason = load_phrases("agents.clients", language).nth("appraisal", 0).replace("{moves}", names or "-")
    return ClientTurn(
        reason=reason,
        moves=list(moves),
        reply=speech.text,
        told=list(speech.told),
        voiced=list(voiced_in(speech.text, inputs.profile)),
    )


def _with_weighing(moves: tuple[Move, ...], heard: str, language: Language) -> tuple[Move, ...]:
    """The moves, with guided discovery where both sides of a thought are asked for in words that the lists lack."""
    asks = not {Move.CONFRONTATION, Move.GUIDED_DISCOVERY} & set(moves) and set(hear(heard, language).kinds) & _WEIGHING
    return tuple(sorted({*moves, Move.GUIDED_DISCOVERY}, key=list(Move).index)) if asks else moves


RULES = {"clients.dynamic.turn": turn}
