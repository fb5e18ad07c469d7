"""Reads a client's turn: asks a model what it gives, and believes only what code can check."""

from __future__ import annotations

from agents.ask import ask_to_read
from agents.counselors.crdial.reading import Reading, ReadingInputs
from agents.counselors.crdial.reading_checks import checked
from agents.dialogue import CallRecord
from agents.models.base import ChatModel
from agents.prompts import load_prompt
from profiles.vocabulary import Language

__all__ = ["read"]


async def read(
    model: ChatModel, language: Language, inputs: ReadingInputs, seed: int
) -> tuple[Reading, CallRecord | None]:
    """Read a turn. What the model cannot say readably, also after one repair, is a turn that gives nothing.

    Danger is looked for in code all the same.

    Raises:
        ModelError: whatever the provider raises, but for an answer that is unreadable, cut off or declined.
    """
    prompt = load_prompt("agents.counselors.crdial", "read", language, ReadingInputs, Reading)
    answer = await ask_to_read(model, prompt, inputs, language=language, seed=seed, turns=inputs.turns)
    if answer is None:
        return checked(Reading(reason="unreadable"), inputs, language), None
    return checked(answer.value, inputs, language), answer.call
