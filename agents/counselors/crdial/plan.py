"""The contract between deciding and saying: what a counselor turn is to do, and how its sentences come back."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from agents.counselors.crdial.course import Exit, Step
from agents.dialogue import Turn
from profiles.schema import Record
from profiles.vocabulary import Stage

__all__ = ["FIXED", "Plan", "SayInputs", "Saying", "Sentence", "Tone"]

Tone = Literal["plain", "heavy", "unsure", "puts_off", "resists"]

FIXED = ("crisis", "crisis_more", "exit_abuse_or_neglect", "exit_psychosis_mania_intoxication", "exit_medical")
"""Goals whose words no model writes: they work when every model is away."""


class Plan(Record):
    """What one turn is to do. ``goal`` names the question or the act; the phrase files and the prompt know it.

    asks: as in ``course.Note``. again: how often the goal was asked before in this step. opens: first turn of a step.
    belief, distortion: what is being weighed. quote: the client's words to take up. evidence_*: what was
    found in this channel. balanced: thoughts found so far. open_points: named and not weighed. took: the kind that the
    reply has just settled, or how it stayed open. shift: points by which the belief fell. privacy: the client asks who
    reads this, and is answered first. ends: the last words of the counselor.
    """

    goal: str
    asks: str = ""
    step: Step | None = None
    loop: int = 1
    channel: int | None = None
    attempt: int = 1
    again: int = 0
    opens: bool = False
    first: bool = False
    tone: Tone = "plain"
    distress: int = 0
    belief: str = ""
    distortion: str = ""
    quote: str = ""
    feeling: str = ""
    evidence_for: tuple[str, ...] = ()
    evidence_against: tuple[str, ...] = ()
    balanced: tuple[str, ...] = ()
    open_points: tuple[str, ...] = ()
    shift: int | None = None
    exit: Exit | None = None
    ends: bool = False
    rounds_left: int = 0
    took: str = ""
    took_quote: str = ""
    privacy: bool = False


class SayInputs(Record):
    """What fills the prompt of one counselor turn.

    label, means: name and plain meaning of the distortion. must, may: ids of strategies; stage: of the session.
    """

    plan: Plan
    intake: str
    turns: tuple[Turn, ...]
    stage: Stage
    label: str = ""
    means: str = ""
    must: tuple[str, ...] = ()
    may: tuple[str, ...] = ()


class Sentence(BaseModel):
    """One sentence and what it does."""

    strategy: str = Field(description="id of the one strategy that the sentence carries")
    text: str = Field(description="exactly one sentence")


class Saying(BaseModel):
    """A counselor turn, sentence by sentence."""

    sentences: list[Sentence]
