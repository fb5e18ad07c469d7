"""What an interviewee keeps in mind, what is true of them, and the numbers of their response styles."""

from __future__ import annotations

import random
from functools import lru_cache
from importlib.resources import files

import yaml
from pydantic import Field

from agents.seeds import derive_seed
from profiles.interviews import Variable
from profiles.schema import Criterion, Profile, Record, ResponseStyle
from profiles.vocabulary import Language

__all__ = ["InterviewState", "Styles", "chance", "styles", "truth_of"]


class Guarded(Record):
    """Numbers of the guarded style, as in ``styles.yaml``."""

    refuses: float
    dodges: float
    dodges_sensitive: float
    does_not_apply: float
    again: float
    patience: int
    tires: float
    warmth: float
    feeling: float
    most: float


class Contradicting(Record):
    """Numbers of the contradicting style, as in ``styles.yaml``."""

    both: float
    again: float
    wrong: float
    takes_back: float


class Denying(Record):
    """Numbers of the denying style, as in ``styles.yaml``."""

    denies: float
    denies_sensitive: float
    flatly: float
    admits_gently: float
    admits: float
    sensitive_factor: float


class HearingNumbers(Record):
    """When a question counts as being about a variable, as in ``styles.yaml``."""

    floor: float
    further: float
    acknowledges: dict[Language, int]


class Styles(Record):
    """The numbers of ``styles.yaml``; that file says what each means."""

    sensitive: frozenset[str]
    asks_back: dict[ResponseStyle, float]
    volunteers: dict[ResponseStyle, float]
    complains: dict[ResponseStyle, float]
    guarded: Guarded
    contradicting: Contradicting
    denying: Denying
    hearing: HearingNumbers

    def touchy(self, variable: Variable) -> bool:
        """Whether people are slow to talk about this."""
        return variable.kind == "risk" or variable.id in self.sensitive


@lru_cache(maxsize=1)
def styles() -> Styles:
    """The styles as shipped."""
    text = (files("agents.clients.interviewee") / "styles.yaml").read_text(encoding="utf-8")
    return Styles.model_validate(yaml.safe_load(text))


class InterviewState(Record):
    """Where an interviewee stands.

    asked: how often each variable was asked about. volunteered: told unasked. owed: said wrongly, to be taken back.
    last: the variable of the last question. questions: how many were heard. opened: turns of open talk so far.
    """

    profile: Profile
    seed: int
    asked: dict[str, int] = {}
    volunteered: tuple[str, ...] = ()
    owed: tuple[str, ...] = ()
    last: str | None = None
    questions: int = Field(0, ge=0)
    opened: int = Field(0, ge=0)

    @property
    def complete(self) -> bool:
        """Whether the card is one made for interviews: truths for many variables, without words of its own."""
        return bool(self.profile.criteria) and not any(item.text for item in self.profile.criteria.values())


def chance(state: InterviewState, variable: str, times: int, what: str) -> random.Random:
    """The luck of one answer: the variable and how often it was asked decide it, not what came between."""
    return random.Random(derive_seed(state.seed, variable, times, what))


def truth_of(profile: Profile, variable: Variable) -> Criterion:
    """What holds for a client.

    Where the card is silent: risk follows the card's ``risk`` (none: nothing applies; else its own words stand for the
    wish to be dead), and everything else is unknown to the client.
    """
    if variable.id in profile.criteria:
        return profile.criteria[variable.id]
    if variable.kind != "risk" and variable.id != "dep.death_suicide":
        return Criterion(truth="unknown")
    level = profile.risk.level
    if level == "none":
        return Criterion(truth="not_met")
    if variable.id in ("sui.passive", "dep.death_suicide"):
        return Criterion(truth="met", text=profile.risk.text)
    if variable.id == "sui.active":
        return Criterion(truth="unknown" if level == "low" else "met")
    if variable.id == "sui.now":
        return Criterion(truth="met" if level == "immediate" else "not_met")
    return Criterion(truth="unknown")
