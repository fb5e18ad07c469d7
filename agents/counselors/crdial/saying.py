"""Words one counselor turn: asks a model for labelled sentences, checks them, and falls back on the phrase files."""

from __future__ import annotations

import random
from dataclasses import dataclass

from agents.ask import Answer, ask
from agents.counselors.crdial.plan import FIXED, Saying, SayInputs, Sentence
from agents.counselors.crdial.saying_checks import faults_of, joined
from agents.counselors.crdial.saying_rules import say
from agents.dialogue import CallRecord, SentenceLabel
from agents.messages import as_messages
from agents.models.base import ChatModel
from agents.prompts import load_prompt
from agents.roles import Guidance
from profiles.errors import BadOutput, Refused, TooLong
from profiles.vocabulary import Language

__all__ = ["SayAgent", "Worded"]


@dataclass(frozen=True)
class Worded:
    """A counselor turn. ``fallback``: why the model's own wording was not used; empty where it was."""

    sentences: tuple[SentenceLabel, ...]
    text: str
    call: CallRecord | None = None
    reasoning: str | None = None
    fallback: str = ""


class SayAgent:
    """One structured call a turn; none for what is said in danger."""

    def __init__(self, model: ChatModel, language: Language, guidance: Guidance) -> None:
        self._model = model
        self._language = language
        self._prompt = load_prompt("agents.counselors.crdial", "say", language, SayInputs, Saying, guidance)

    async def word(self, inputs: SayInputs, seed: int) -> Worded:
        """The counselor's turn.

        Raises:
            ModelError: the server is away; a bad answer is replaced by a turn of the phrase file.
        """
        if inputs.plan.goal in FIXED:
            return self._phrased(inputs, seed)
        try:
            answer: Answer[Saying] = await ask(
                self._model,
                self._prompt,
                inputs,
                language=self._language,
                seed=seed,
                dialogue=as_messages(inputs.turns, "counselor"),
            )
        except (BadOutput, Refused, TooLong) as error:
            return self._phrased(inputs, seed, error.kind)
        faults = faults_of(answer.value.sentences, inputs, self._language)
        if faults:
            return self._phrased(inputs, seed, ", ".join(faults), answer.call, answer.reasoning)
        return self._worded(answer.value.sentences, answer.call, answer.reasoning)

    def _phrased(
        self,
        inputs: SayInputs,
        seed: int,
        fallback: str = "",
        call: CallRecord | None = None,
        reasoning: str | None = None,
    ) -> Worded:
        saying = say(inputs, random.Random(seed), self._language)
        return self._worded(saying.sentences, call, reasoning, fallback)

    def _worded(
        self, sentences: list[Sentence], call: CallRecord | None, reasoning: str | None, fallback: str = ""
    ) -> Worded:
        labels = tuple(SentenceLabel(text=each.text, strategy=each.strategy) for each in sentences)
        return Worded(labels, joined([each.text for each in labels], self._language), call, reasoning, fallback)
