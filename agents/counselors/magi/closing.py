"""The end of an interview: what was heard is told to the client, and what is left of the session is talk.

The rules have decided what the answers come to; a model only words the summary, and never a finding: a summary that
names a disorder or asks more than whether it is right is replaced by the instrument's own sentences.
"""

from __future__ import annotations

from collections.abc import Sequence

from agents.ask import Answer as Reply
from agents.ask import ask
from agents.counselors.magi.question import Asked
from agents.counselors.magi.state import MagiState, known, positive
from agents.dialogue import Turn
from agents.messages import as_messages
from agents.models.base import ChatModel
from agents.phrases import Phrases, load_phrases
from agents.prompts import load_prompt
from agents.roles import Guidance
from profiles.errors import BadOutput, Refused, TooLong
from profiles.interviews import Instrument
from profiles.schema import Record
from profiles.screening import fold, hits
from profiles.vocabulary import Language, Stage

__all__ = ["ClosingAgent", "SummaryInputs", "TalkInputs", "plain_summary", "summary_inputs"]

_MOST = 5  # topics of a kind that a summary names
_QUOTES = 2
_LONGEST = {"en": 1800, "zh": 800}  # characters
_LONGEST_QUOTE = {"en": 110, "zh": 50}


class SummaryInputs(Record):
    """What fills the summary's prompt: topics by verdict, the client's words, whether danger was spoken of."""

    turns: tuple[Turn, ...]
    met: tuple[str, ...]
    not_met: tuple[str, ...]
    open: tuple[str, ...]
    quotes: tuple[str, ...]
    crisis: bool


class TalkInputs(Record):
    """What fills the prompt of the talk after the summary."""

    intake: str
    turns: tuple[Turn, ...]
    stage: Stage
    round: int
    rounds: int
    rounds_left: int


class ClosingAgent:
    """One text call a turn."""

    def __init__(self, model: ChatModel, language: Language, guidance: Guidance) -> None:
        self._model = model
        self._language = language
        package = "agents.counselors.magi"
        self._summary = load_prompt(package, "summary", language, SummaryInputs, str, guidance)
        self._talk = load_prompt(package, "talk", language, TalkInputs, str, guidance)

    async def sum_up(self, inputs: SummaryInputs, seed: int) -> Asked:
        """The summary to the client.

        Raises:
            ModelError: the server is away; a bad answer is replaced by the instrument's own sentences.
        """
        try:
            said: Reply[str] = await ask(
                self._model,
                self._summary,
                inputs,
                language=self._language,
                seed=seed,
                dialogue=as_messages(inputs.turns, "counselor"),
            )
        except (BadOutput, Refused, TooLong) as error:
            return Asked(plain_summary(inputs, self._language), fallback=error.kind)
        if hits("counselor_harm", fold(said.value), self._language) or len(said.value) > _LONGEST[self._language]:
            return Asked(plain_summary(inputs, self._language), said.call, said.reasoning, "harm")
        return Asked(said.value, said.call, said.reasoning)

    async def talk(self, inputs: TalkInputs, seed: int) -> Asked:
        """The next turn after the summary.

        Raises:
            ModelError: the model gave no usable answer.
        """
        said = await ask(
            self._model,
            self._talk,
            inputs,
            language=self._language,
            seed=seed,
            dialogue=as_messages(inputs.turns, "counselor"),
        )
        return Asked(said.value, said.call, said.reasoning)


def summary_inputs(state: MagiState, instrument: Instrument, turns: tuple[Turn, ...]) -> SummaryInputs:
    """What there is to tell: no findings, only what the client spoke of."""
    facts = known(state, instrument)
    topics: dict[str, list[str]] = {"met": [], "not_met": [], "unknown": []}
    for name, verdict in facts.items():
        variable = instrument.variables[name]
        if variable.kind in ("screen", "symptom", "impairment") and variable.known_from is None:
            topics["unknown" if verdict == "refused" else verdict].append(variable.topic)
    quotes = [
        answer.quote for answer in state.answers if answer.verdict == "met" and _tellable(answer.quote, instrument)
    ]
    return SummaryInputs(
        turns=turns,
        met=tuple(topics["met"][:_MOST]),
        not_met=tuple(topics["not_met"][:_MOST]),
        open=tuple(topics["unknown"][:_MOST]),
        quotes=tuple(sorted(dict.fromkeys(quotes), key=len, reverse=True)[:_QUOTES]),
        crisis=bool(positive(state, instrument)) or state.crisis != "none",
    )


def _tellable(quote: str, instrument: Instrument) -> bool:
    return 8 <= len(quote) <= _LONGEST_QUOTE[instrument.language] and not set(quote) & set('?？"“”')


def plain_summary(inputs: SummaryInputs, language: Language) -> str:
    """The summary in the instrument's own sentences."""
    phrases = load_phrases("agents.counselors.magi", language)
    parts: list[str | None] = [phrases.nth("summary.opening", 0)]
    for name, topics in (("met", inputs.met), ("not_met", inputs.not_met), ("open", inputs.open)):
        if name == "not_met" and inputs.quotes:
            quoted = [phrases.nth("summary.quoted", 0).replace("{quote}", quote) for quote in inputs.quotes]
            parts.append(phrases.nth("summary.said", 0).replace("{quotes}", _listed(quoted, phrases)))
        if topics:
            parts.append(phrases.nth(f"summary.{name}", 0).replace("{topics}", _listed(topics, phrases)))
    parts.append(phrases.nth("summary.crisis", 0) if inputs.crisis else None)
    return phrases.join([*parts, phrases.nth("summary.closing", 0)])


def _listed(items: Sequence[str], phrases: Phrases) -> str:
    if len(items) == 1:
        return items[0]
    return phrases.nth("summary.last", 0).join([phrases.nth("summary.and", 0).join(items[:-1]), items[-1]])
