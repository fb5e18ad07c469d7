"""Judges one answer: asks a model what the reply says about one variable, and believes only what code can check."""

from __future__ import annotations

from agents.ask import ask
from agents.counselors.magi.judgment_checks import Found, Judged, JudgmentInputs, Reading, Volunteered, checked
from agents.dialogue import CallRecord
from agents.messages import as_messages
from agents.models.base import ChatModel, Sampling
from agents.prompts import load_prompt
from profiles.errors import BadOutput, Refused, TooLong
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
    try:
        answer = await ask(
            model,
            prompt,
            inputs,
            language=language,
            seed=seed,
            dialogue=as_messages(inputs.turns, "counselor"),
            sampling=Sampling(temperature=0.0),
        )
    except (BadOutput, Refused, TooLong):
        return _UNREADABLE, None
    return checked(answer.value, inputs, language), answer.call
