"""The offline answers to the questions by which a model is tried."""

from __future__ import annotations

import random

from agents.models.ping import Lantern, LanternInputs, WordInputs
from profiles.vocabulary import Language


def say(inputs: WordInputs, chance: random.Random, language: Language) -> str:
    """Says the word."""
    return inputs.word


def lantern(inputs: LanternInputs, chance: random.Random, language: Language) -> Lantern:
    """Takes a lantern."""
    return Lantern(glow=chance.choice(("amber-3", "cobalt-7", "moss-9")), paces=chance.randint(3, 7))


RULES = {"models.ping": say, "models.ping_schema": lantern}
