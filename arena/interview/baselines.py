"""Two simpler ways to interview, for comparison: the tree without judgment, and talk that is read afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from agents.counselors.magi.counselor import MagiCounselor
from agents.counselors.magi.judgment import Judged, JudgmentInputs, judge
from agents.counselors.magi.state import Answer
from agents.dialogue import CallRecord, Turn
from agents.models.base import ChatModel
from agents.phrases import load_phrases
from agents.seeds import derive_seed
from profiles.interviews import load_instrument
from profiles.vocabulary import Language

__all__ = ["first_word_counselor", "read_afterwards"]


async def _first_word(
    model: ChatModel, language: Language, inputs: JudgmentInputs, seed: int
) -> tuple[Judged, CallRecord | None]:
    """A reply that begins with a no is a no, any other a yes, and nothing is ever unclear."""
    noes = tuple(load_phrases("arena", language).lines("interview.noes"))
    said = inputs.reply
    turn = next(turn.index for turn in reversed(inputs.turns) if turn.speaker == "client")
    verdict: Literal["met", "not_met"] = "not_met" if said.strip().casefold().startswith(noes) else "met"
    return Judged(verdict=verdict, quote=said, turn=turn, span=(0, len(said))), None


def first_word_counselor(language: Language, model: ChatModel) -> MagiCounselor:
    """The tree in fixed order whose answers are taken at their first word."""
    return MagiCounselor(model, language, "fixed", {}, judge=_first_word)


async def read_afterwards(turns: Sequence[Turn], language: Language, model: ChatModel, seed: int) -> tuple[Answer, ...]:
    """What the judgment agent finds in a talk that followed no tree: the last clear word on each variable."""
    instrument = load_instrument(language)
    first = next(iter(instrument.variables.values()))
    found: dict[str, Answer] = {}
    for turn in turns:
        if turn.speaker != "client":
            continue
        inputs = JudgmentInputs(
            variable=first,
            question="",
            reply=turn.text,
            about=tuple(instrument.variables.values()),
            turns=tuple(each for each in turns if each.index <= turn.index),
        )
        judged, _ = await judge(model, language, inputs, derive_seed(seed, "afterwards", turn.index))
        for said in judged.volunteered:
            found[said.variable] = Answer(
                variable=said.variable, verdict=said.verdict, turn=said.turn, quote=said.quote, span=said.span
            )
    return tuple(found.values())
