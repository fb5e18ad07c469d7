"""Judges one answer: asks a model what the reply says about one variable, and believes only what code can check."""

from __future__ import annotations

from agents.ask import ask_to_read
from agents.counselors.magi.judgment_checks import Found, Judged, JudgmentInputs, Reading, Volunteered, checked
from agents.dialogue import CallRecord
from agents.models.base import ChatModel
from agents.prompts import load_prompt
from profiles.vocabulary import Language

__all__ = ["Found", "Judged", "JudgmentInputs", "Reading", "Volunteered", "checked", "judge"]

_UNREADABLE = Judged(verdict="unclear", faults=("unreadable",))


async def judge(
    model: ChatModel, language: Language, inputs: JudgmentInputs, seed: int
) -> tuple[Judged, CallRecord | None]:
    """Judge a reply. What the model cannot say readably, also after one repair, is unclear: never a yes or a no.

    Raises:
        ModelError: whatever the provider raises, but for an answer that is unreadable, cut off or declined.
    """
    prompt = load_prompt("agents.counselors.magi", "judgment", language, JudgmentInputs, Reading)
    answer = await ask_to_read(model, prompt, inputs, language=language, seed=seed, turns=inputs.turns)
    if answer is None:
        return _UNREADABLE, None
    return checked(answer.value, inputs, language), answer.call
