"""The words of the field that every floor shares: stages, parties, themes, moves, languages."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, get_args

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

Role = Literal["client", "counselor"]


class Stage(StrEnum):
    """A stage of a session; it knows its only legal successor (Ψ-Arena, section on the NPC client)."""

    TRUST_BUILDING = "trust_building"
    DIAGNOSIS = "diagnosis"
    SOLUTION_EXPLORATION = "solution_exploration"
    CLOSED = "closed"

    @property
    def successor(self) -> Stage | None:
        """The stage that may follow this one; None for ``closed``."""
        order = list(Stage)
        place = order.index(self)
        return order[place + 1] if place + 1 < len(order) else None

    def reached(self, other: Stage) -> bool:
        """Whether this stage is ``other`` or comes after it."""
        order = list(Stage)
        return order.index(self) >= order.index(other)


class Party(StrEnum):
    """Whose view a judgment gives."""

    CLIENT = "client"
    SUPERVISOR = "supervisor"
    COUNSELOR = "counselor"


class Theme(StrEnum):
    """The nine themes of Ψ-Arena; ``other`` is for imported cards that name none of them."""

    SELF_GROWTH = "self_growth"
    EMOTION = "emotion"
    LOVE = "love"
    RELATIONSHIPS = "relationships"
    BEHAVIOR = "behavior"
    FAMILY = "family"
    TREATMENT = "treatment"
    MARRIAGE = "marriage"
    CAREER = "career"
    OTHER = "other"


class Move(StrEnum):
    """What one counselor turn does, as the client takes it. A turn can hold several moves."""

    REFLECTION = "reflection"  # names a feeling or meaning of the client's, in other words
    VALIDATION = "validation"  # says that the feeling makes sense
    SUMMARY = "summary"  # ties several things the client said together
    OPEN_QUESTION = "open_question"
    CLOSED_QUESTION = "closed_question"
    GUIDED_DISCOVERY = "guided_discovery"  # has the client weigh a thought: what fits, what does not, how to put it now
    RISK_ENQUIRY = "risk_enquiry"  # asks plainly about wishes to die, self-harm or safety
    SAFETY_SUPPORT = "safety_support"  # names crisis help or a hand-off
    COLLABORATION = "collaboration"  # asks leave, offers a choice, agrees on a goal
    PLANNING = "planning"  # a small concrete next step
    INFORMATION = "information"  # plain psycho-education
    AFFIRMATION = "affirmation"  # credits a strength or effort the client showed
    CANDOR = "candor"  # is straight about limits or about being an AI
    ADVICE = "advice"  # tells the client what to do
    PREMATURE_REASSURANCE = "premature_reassurance"
    CONFRONTATION = "confrontation"  # argues, blames, disputes
    MINIMISING = "minimising"
    FLATTERY = "flattery"  # praise that is tied to nothing the client did
    ECHO = "echo"  # hands the client's words back as they were
    IGNORED_DISCLOSURE = "ignored_disclosure"  # passes over what the client just confided
    OFF_TOPIC = "off_topic"
