"""What an interview remembers: answers, what was volunteered, what is being asked, and where a crisis stands."""

from __future__ import annotations

from typing import Any, Literal

from agents.counselors.magi.navigation import Order, settled
from profiles.interviews import Instrument, Verdict
from profiles.schema import Record

__all__ = ["RESUME", "Answer", "Crisis", "MagiState", "Mention", "Mode", "Pending", "known", "positive"]

Mode = Literal["probe", "clarify", "explain", "confirm"]
Crisis = Literal["none", "alerted", "offered", "resumed", "ended"]
"""``alerted``: help was named and acuity is asked; ``offered``: the client may go on or stop; ``ended``: no more
questions. It never goes back to ``none``: a later denial clears nothing, only a human does."""

RESUME = "talk.resume"
"""What is asked when the client may go on after a crisis: no variable of the instrument, and never in the record."""


class Mention(Record):
    """What a client said of a variable, word for word. span: in the client turn with this index."""

    variable: str
    verdict: Literal["met", "not_met"]
    quote: str
    turn: int
    span: tuple[int, int]


class Answer(Record):
    """One settled variable.

    asked_turn: of the question, None where nobody asked. turn, quote, span: the client's words that decide; None and
    empty where nothing usable was said. asks: how often it was asked. counter: what the client said against it.
    derived: it follows from other answers by a rule.
    """

    variable: str
    verdict: Verdict
    asked_turn: int | None = None
    turn: int | None = None
    quote: str = ""
    span: tuple[int, int] | None = None
    slots: dict[str, float | str] = {}
    asks: int = 0
    counter: tuple[Mention, ...] = ()
    derived: bool = False
    faults: tuple[str, ...] = ()


class Pending(Record):
    """What the client has been asked and not yet answered.

    replies: what was said to earlier asks. against: an earlier answer that the client has since contradicted.
    """

    variable: str
    asked_turn: int
    asks: int = 1
    mode: Mode = "probe"
    missing: str = "none"
    replies: tuple[str, ...] = ()
    against: Answer | None = None
    faults: tuple[str, ...] = ()


class MagiState(Record):
    """The interview so far. ``cue``: something in the client's last words sounds like danger."""

    seed: int
    rounds: int
    order: Order
    intake: str = ""
    answers: tuple[Answer, ...] = ()
    mentions: tuple[Mention, ...] = ()
    pending: Pending | None = None
    crisis: Crisis = "none"
    cue: Literal["none", "low", "high", "immediate"] = "none"
    module: str | None = None
    concluded: bool = False
    distress: int = 0
    judged: dict[str, Any] = {}

    def answer(self, variable: str) -> Answer | None:
        """The settled answer about a variable."""
        return next((answer for answer in self.answers if answer.variable == variable), None)

    def with_answer(self, answer: Answer) -> tuple[Answer, ...]:
        """The answers with this one in place of an earlier one about the same variable."""
        return (*(other for other in self.answers if other.variable != answer.variable), answer)


def known(state: MagiState, instrument: Instrument) -> dict[str, Verdict]:
    """The verdicts so far, with what follows from them."""
    return settled(instrument, {answer.variable: answer.verdict for answer in state.answers})


def positive(state: MagiState, instrument: Instrument) -> tuple[str, ...]:
    """The risk variables whose answer was yes or left the risk open, in the order they were settled."""
    risky = set(instrument.risk_variables)
    return tuple(a.variable for a in state.answers if a.variable in risky and a.verdict != "not_met")
