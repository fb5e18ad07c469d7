"""The offline answer of the fidelity judge: the same rules that run on every session."""

from __future__ import annotations

import random

from arena.fidelity.check import FidelityInputs, FidelityOutput, FlaggedPlace, rule_flags
from profiles.vocabulary import Language


def check(inputs: FidelityInputs, chance: random.Random, language: Language) -> FidelityOutput:
    """Flags with the whole turn as their quote."""
    texts = {turn.index: turn.text for turn in inputs.turns}
    flags = rule_flags(inputs.profile, inputs.turns, language)
    return FidelityOutput(
        flags=[FlaggedPlace(kind=f.kind, turn=f.turn, quote=texts[f.turn], reason=f.detail) for f in flags]
    )


RULES = {"fidelity.check": check}
