"""The client card: who the client is, what they carry, what they hide, how they speak.

A card file may hold any text either plainly or as ``{en: ..., zh: ...}``; ``profiles.library`` picks one
language and validates the result as a ``Profile``, so speakers only ever see plain text.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from profiles.vocabulary import Language, Move, Stage, Theme

ThoughtLevel = Literal["automatic", "intermediate", "core"]
ResponseStyle = Literal["cooperative", "terse", "guarded", "rambling", "contradicting", "denying"]
RiskLevel = Literal["none", "low", "high", "immediate"]
Truth = Literal["met", "not_met", "unknown"]


STRICT = ConfigDict(extra="forbid")
"""Of values that a session holds by the hundred. They are slotted dataclasses, checked as a ``Record`` is; a ``Record``
keeps a dictionary and a set of names for each, three times the memory."""


class Record(BaseModel):
    """A frozen value that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Demographics(Record):
    """Facts that a stranger could learn from a form (Ψ-Arena attribute 1)."""

    name: str = ""
    age: int | str = ""  # imported cards hold bands such as "35-44"; the raw value is kept
    gender: str = ""
    occupation: str = ""
    education: str = ""
    marital_status: str = ""


class Fact(Record):
    """Something the client tells readily, in the client's own words.

    ``told_by`` is ``other`` where an imported card speaks about the client in the third person.
    """

    id: str
    text: str
    told_by: Literal["self", "other"] = "self"


class Condition(Record):
    """When a hidden fact may be told. All parts must hold.

    trust, openness: least value of the client's state, 0-10.
    after: the client must have met at least one of these moves in an earlier turn (empty: none needed).
    asks: the counselor's last turn must hold this move.
    """

    trust: float = Field(0, ge=0, le=10)
    openness: float = Field(0, ge=0, le=10)
    after: tuple[Move, ...] = ()
    asks: Move | None = None


class HiddenFact(Record):
    """What the client keeps back until it is earned; ``text`` is how they would say it."""

    id: str
    text: str
    sensitivity: int = Field(1, ge=0, le=3)
    stage_min: Stage = Stage.TRUST_BUILDING
    condition: Condition = Condition()


class Thought(Record):
    """A negative thought at one of three levels (Beck's cognitive theory), strength 0-100."""

    id: str
    level: ThoughtLevel
    text: str
    distortion: str | None = None
    strength: int = Field(70, ge=0, le=100)
    evidence_for: tuple[str, ...] = ()
    evidence_against: tuple[str, ...] = ()
    balanced: str = ""


class Criterion(Record):
    """The truth about one interview criterion (``dep.mood``, ``gad.hard_to_control``, ...) and its words."""

    truth: Truth
    text: str = ""
    slots: dict[str, str | int | float] = {}


class Risk(Record):
    """Risk of harm. ``disclosure``: open = says so, asked = says so when asked, hidden = needs trust too."""

    level: RiskLevel = "none"
    kind: str = ""
    disclosure: Literal["open", "asked", "hidden"] = "asked"
    text: str = ""  # how the client would say it; empty where there is nothing to say


class Provenance(Record):
    """Where a card comes from."""

    source: str = "written for Counsel Arena"
    author: str = ""
    licence: str = "MIT"
    synthetic: bool = True
    version: str = "1"
    checked_by: str = ""


class Profile(Record):
    """One client in one language. The seven attributes of Ψ-Arena come first, our extensions after them."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    lang: Language
    theme: Theme
    topic: str = ""

    demographics: Demographics = Demographics()
    cultural_background: str = ""
    personality_trait: str = ""
    emotional_state: str = ""
    current_distress: str = Field(min_length=1)
    detailed_distress: str = ""
    core_theme: str = ""

    intake: str = ""  # the one line that a counselor is given
    opening: str = ""  # the client's first words
    speech_style: str = ""
    response_style: ResponseStyle = "cooperative"
    resistance: int = Field(1, ge=0, le=3)
    resistance_style: str = ""
    feelings: tuple[str, ...] = ()  # short names of the feelings in play: "ashamed", "tired"
    facts: tuple[Fact, ...] = ()
    hidden_facts: tuple[HiddenFact, ...] = ()
    thoughts: tuple[Thought, ...] = ()
    criteria: dict[str, Criterion] = {}
    goals: tuple[str, ...] = ()
    strengths: tuple[str, ...] = ()
    coping: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()  # small steps the client could come to, in own words
    risk: Risk = Risk()
    provenance: Provenance = Provenance()
    extra: dict[str, Any] = {}  # what an importer met and could not map

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        for name in ("facts", "hidden_facts", "thoughts"):
            ids = [item.id for item in getattr(self, name)]
            twice = sorted({i for i in ids if ids.count(i) > 1})
            if twice:
                raise ValueError(f"{name}: id '{twice[0]}' stands twice; give each its own")
        return self
