"""What a restructuring remembers: where it stands, what was heard and not yet settled, and the beliefs named so far."""

from __future__ import annotations

from typing import Literal

from agents.counselors.crdial.course import Entry, Exit, Kind, Step
from profiles.schema import Record

__all__ = ["Belief", "CrdialState", "Mention", "Phase"]

Phase = Literal["talk", "exit", "close", "over"]
"""``talk``: the six steps. ``exit``: they were left. ``close``: rating, summary, next step. ``over``: good-bye said."""


class Mention(Record):
    """What the client said before it was settled, word for word. turn, span: where; channel: while which was open."""

    kind: Kind
    quote: str
    turn: int
    span: tuple[int, int]
    loop: int
    channel: int | None = None


class Belief(Record):
    """A distorted thought that may become a channel.

    kind: as what it was said. before, emotion: 0-100, None where not given. asks: how often its rating was asked.
    status: ``named``; ``taken`` (confirmed, a channel or about to be one); ``closed`` (weighed); ``rejected``.
    """

    kind: Kind
    quote: str
    turn: int
    span: tuple[int, int]
    distortion: str
    loop: int
    before: int | None = None
    emotion: int | None = None
    rated: int | None = None
    asks: int = 0
    status: Literal["named", "taken", "closed", "rejected"] = "named"
    channel: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same belief: the distortion and the words, whatever their case."""
        return (self.distortion, " ".join(self.quote.casefold().split()))


class CrdialState(Record):
    """The restructuring so far.

    goal: what the last counselor turn was after; asked: how often each goal was asked in this step; done: goals that
    are settled in this step. turns_here: counselor turns in this step. attempt: 1 or 2, passes through a channel.
    pleas: refusals and ruptures close together; last_plea: the exchange of the last. overwhelmed: client turns of the
    greatest distress in a row.
    offered: the confirmation that the last turn asked for. short: steps 1 and 2 take one exchange each in
    this loop. unconvinced: in this channel the client has said that the thought no longer convinces.
    ending: (loop, channel) of the belief that the close asks about, ended: of all that it has asked about.
    confided: disclosures met so far. privacy_told: the question who reads this has been answered.
    put_off: the last reply put the question off.
    """

    seed: int
    rounds: int
    intake: str = ""
    phase: Phase = "talk"
    step: Step | None = None
    loop: int = 1
    channel: int | None = None
    goal: str = ""
    asks: str = ""
    asked: dict[str, int] = {}
    done: tuple[str, ...] = ()
    turns_here: int = 0
    attempt: int = 1
    nones: int = 0
    offered: Mention | None = None
    mentions: tuple[Mention, ...] = ()
    beliefs: tuple[Belief, ...] = ()
    settled: tuple[Entry, ...] = ()
    feeling: str = ""
    exit: Exit | None = None
    out: int = 0
    exchanges: int = 0
    pleas: int = 0
    last_plea: int = 0
    overwhelmed: int = 0
    safety_asked: bool = False
    confided: int = 0
    short: bool = False
    unconvinced: bool = False
    ending: tuple[int, int] | None = None
    ended: tuple[tuple[int, int], ...] = ()
    privacy_told: bool = False
    put_off: bool = False
    stance: str = "open"
    distress: int = 0

    @property
    def active(self) -> Belief | None:
        """The belief of the open channel."""
        found = (b for b in self.beliefs if b.status == "taken" and b.channel is not None and b.channel == self.channel)
        return next(found, None) if self.channel is not None else None

    def own(self, kind: Kind) -> tuple[Entry, ...]:
        """What was settled by words of this kind in the open channel, or in this loop outside of one."""
        where = (self.loop, self.channel)
        return tuple(e for e in self.settled if e.kind == kind and e.quote and (e.loop, e.channel) == where)
