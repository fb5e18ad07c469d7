"""The contract of reading a client's turn: what it gives to the restructuring, as a model or a rule says it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from agents.counselors.crdial.course import Kind, Step
from agents.dialogue import Turn
from profiles.schema import Record

__all__ = ["Danger", "Reading", "ReadingInputs", "Said", "Stance"]

Stance = Literal["open", "agrees", "disagrees", "unsure", "declines", "rupture"]
Danger = Literal["none", "crisis", "abuse_or_neglect", "psychosis_mania_intoxication", "medical"]


class ReadingInputs(Record):
    """What fills the prompt of one reading.

    step, asks: where the talk stands and what the last counselor turn asked for (as in ``course.Note``).
    belief: the thought that is being weighed, in the client's words; empty before step 3. evidence: what was found for
    and against it; around: what led to it; others: further thoughts with their evidence. reply: the client's turn.
    turns: the dialogue so far, the reply last.
    """

    step: Step | None
    asks: str
    belief: str
    question: str
    reply: str
    turns: tuple[Turn, ...]
    evidence: tuple[str, ...] = ()
    around: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


class Said(BaseModel):
    """One thing that the reply gives, word for word."""

    kind: Kind
    quote: str = Field(description="the client's own words, copied exactly from the reply")
    distortion: str = Field("", description="for thoughts and beliefs: id of the distortion they show, or empty")
    emotion: str = Field("", description="for emotions: the feeling in the client's word")


class Reading(BaseModel):
    """What one client turn says. Ratings 0-100 as the client gave them, None where none was given.

    none_left: the client says there is nothing of what was asked (no fact, no further thought).
    by_feeling: what is offered as evidence is a feeling, not a checkable fact.
    unconvinced: the client says that the old thought no longer convinces. realistic: the thought is largely true (a
    real loss, an illness, discrimination), so that it is not to be argued with. confides: something new and hard to
    say is told of one's own accord. distress: 0-3.
    """

    reason: str = ""
    said: list[Said] = Field(default_factory=list)
    belief: int | None = Field(None, ge=0, le=100)
    emotion: int | None = Field(None, ge=0, le=100)
    stance: Stance = "open"
    none_left: bool = False
    by_feeling: bool = False
    unconvinced: bool = False
    realistic: bool = False
    confides: bool = False
    danger: Danger = "none"
    distress: int = Field(0, ge=0, le=3)
