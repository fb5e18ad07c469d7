"""The offline answers of the interview counselor's four prompts."""

from __future__ import annotations

import random

from agents.counselors.magi.closing import SummaryInputs, TalkInputs, plain_summary
from agents.counselors.magi.judgment_rules import judgment
from agents.counselors.magi.question_rules import question
from agents.counselors.plain.counselor import PlainInputs
from agents.counselors.plain.rules import psycho
from profiles.vocabulary import Language


def summary(inputs: SummaryInputs, chance: random.Random, language: Language) -> str:
    """The summary in the instrument's own sentences."""
    return plain_summary(inputs, language)


def talk(inputs: TalkInputs, chance: random.Random, language: Language) -> str:
    """After the interview the offline engine talks as the plain counselor does."""
    values = {name: getattr(inputs, name) for name in TalkInputs.model_fields}
    return psycho(PlainInputs(**values), chance, language)


RULES = {
    "counselors.magi.judgment": judgment,
    "counselors.magi.question": question,
    "counselors.magi.summary": summary,
    "counselors.magi.talk": talk,
}
