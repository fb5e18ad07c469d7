"""The question agent: words the one thing that navigation wants to know, and is checked before it speaks.

A model's wording is used only if it asks exactly one question and holds nothing that the harm list knows, a named
diagnosis among it; otherwise one of the instrument's own wordings is said. What is said in danger is fixed text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agents.ask import Answer, ask
from agents.counselors.magi.state import Mode
from agents.dialogue import CallRecord, Turn
from agents.messages import as_messages
from agents.models.base import ChatModel
from agents.prompts import load_prompt
from agents.roles import Guidance
from profiles.errors import BadOutput, Refused, TooLong
from profiles.interviews import Variable
from profiles.schema import Record
from profiles.screening import fold, hits
from profiles.vocabulary import Language

__all__ = ["Asked", "QuestionAgent", "QuestionInputs", "faults_of", "wording"]

_MARK = re.compile(r"[?？]+")
_LONGEST = {"en": 900, "zh": 400}  # characters of one turn
_FEELING = 2  # distress from which the client's state is met before anything is asked


class QuestionInputs(Record):
    """What fills the question agent's prompt.

    mode: ``probe`` asks for the first time, ``clarify`` again, ``explain`` says what is meant, ``confirm`` takes up
    what the client said already (``quote``). opens: a new topic begins. again: how often it was asked before.
    declined: the client has just said that they would rather not answer.
    wording: one of the instrument's own questions, to be put into the flow of the talk.
    """

    intake: str
    turns: tuple[Turn, ...]
    variable: Variable
    mode: Mode
    missing: str = "none"
    quote: str = ""
    opens: bool = False
    first: bool = False
    again: int = 0
    distress: int = 0
    feeling: bool = False
    declined: bool = False
    wording: str


@dataclass(frozen=True)
class Asked:
    """What is said. ``fallback``: why the model's own wording was not used, or empty."""

    text: str
    call: CallRecord | None = None
    reasoning: str | None = None
    fallback: str = ""


class QuestionAgent:
    """One text call a question."""

    def __init__(self, model: ChatModel, language: Language, guidance: Guidance) -> None:
        self._model = model
        self._language = language
        self._prompt = load_prompt("agents.counselors.magi", "question", language, QuestionInputs, str, guidance)

    async def word(self, inputs: QuestionInputs, seed: int) -> Asked:
        """The counselor's turn.

        Raises:
            ModelError: the server is away; a bad answer is replaced by the instrument's own wording.
        """
        try:
            answer: Answer[str] = await ask(
                self._model,
                self._prompt,
                inputs,
                language=self._language,
                seed=seed,
                dialogue=as_messages(inputs.turns, "counselor"),
            )
        except (BadOutput, Refused, TooLong) as error:
            return Asked(_bare(inputs, self._language), fallback=error.kind)
        fault = faults_of(answer.value, self._language)
        if fault:
            return Asked(_bare(inputs, self._language), answer.call, answer.reasoning, fault)
        return Asked(answer.value, answer.call, answer.reasoning)


def faults_of(text: str, language: Language) -> str:
    """Why a question may not be said as it is: ``questions``, ``length``, ``harm``; empty where it may."""
    if len(_MARK.findall(text)) != 1:
        return "questions"
    if len(text) > _LONGEST[language]:
        return "length"
    return "harm" if hits("counselor_harm", fold(text), language) else ""


def wording(variable: Variable, mode: Mode, again: int) -> str:
    """One of the instrument's own wordings; a repeated question is never asked in the same words."""
    lists: dict[Mode, tuple[str, ...]] = {
        "probe": variable.ask,
        "clarify": variable.clarify,
        "explain": variable.ask[::-1],
        "confirm": variable.confirm,
    }
    lines = lists[mode]
    return lines[again % len(lines)]


def _bare(inputs: QuestionInputs, language: Language) -> str:
    if inputs.mode != "explain":
        return inputs.wording
    return ("" if language == "zh" else " ").join([inputs.variable.explain, inputs.wording])


def feels(distress: int) -> bool:
    """Whether the client's state is to be met before anything is asked."""
    return distress >= _FEELING
