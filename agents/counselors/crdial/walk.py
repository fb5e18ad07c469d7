"""The moves that every step shares: taking in what was said, settling a slot, deciding a gate, asking.

A ``Walk`` lives for one turn; its state goes in and out as a value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from agents.counselors.crdial.course import STEPS, Entry, Exit, Gate, Kind, Step
from agents.counselors.crdial.pacing import HARD, close_turns, needed_after, tries
from agents.counselors.crdial.plan import Plan, Tone
from agents.counselors.crdial.reading import Reading
from agents.counselors.crdial.state import Belief, CrdialState, Mention

__all__ = ["Walk"]

_THOUGHTS: tuple[Kind, ...] = ("core_belief", "intermediate_belief", "automatic_thought")
_NUMBERS: tuple[Kind, ...] = ("belief_before", "belief_after", "belief_end")
_HEAVY = 2  # distress from which the feeling is met first
_UTMOST = 3
_EDGES = " \n.!。！"
_STRONG = 80  # emotion 0-100
_BREAKS = '\n.!?…。！？,，;；:：、—“”"「」'  # between clauses
_WORD = re.compile(r"[A-Za-z0-9]")


@dataclass
class Walk:
    """One turn of deciding.

    left: counselor turns that can still be spoken, this one included. puts_off: the reply puts the question off.
    strays: the fairer thought in it seems to be about something else.
    """

    state: CrdialState
    reading: Reading
    turn: int
    reply: str
    left: int
    puts_off: bool = False
    strays: bool = False
    entries: list[Entry] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)

    def set(self, **changes: Any) -> None:  # noqa: ANN401  (fields of the state)
        """Change the state."""
        self.state = self.state.model_copy(update=changes)

    @property
    def spare(self) -> int:
        """Turns beside the close, the present one included."""
        return self.left - close_turns(self.state.rounds)

    @property
    def may_ask_on(self) -> bool:
        """Whether the step may take one more turn."""
        step = self.state.step
        if step is None or not self.state.turns_here:
            return True
        return self.state.turns_here < HARD and self.spare > needed_after(step)

    @property
    def strain(self) -> int:
        """Distress 0-3 as it is to be met.

        A number that was asked for says itself that it is not the utmost; and one heavy word in a story is no pain
        yet, unless a feeling is named with it.
        """
        distress, emotion = self.reading.distress, self.reading.emotion
        if distress >= _UTMOST:
            return distress
        named = self.reading.by_feeling or emotion is not None or any(said.emotion for said in self.reading.said)
        measured = emotion is not None and emotion < _STRONG
        return min(distress, 1) if measured or not named else distress

    def hear(self) -> None:
        """Take in what the reply gives: every thing said is kept until its step settles it."""
        for said in self.reading.said:
            span = _place(said.quote, self.reply)
            if span is None or said.kind in _NUMBERS or self._waves_off(said.kind, said.quote):
                continue
            if said.emotion and not self.state.feeling:
                self.set(feeling=said.emotion)
            if said.kind in _THOUGHTS and said.distortion:
                self._name(said.kind, said.quote, span, said.distortion)
            self._keep(said.kind, said.quote, span)
        if self.reading.unconvinced and self.state.channel is not None:
            self.set(unconvinced=True)
        self.set(exchanges=self.state.exchanges + 1, stance=self.reading.stance, distress=self.reading.distress)

    def _waves_off(self, kind: Kind, quote: str) -> bool:
        """Whether the reply is nothing but a no, or a cry: it turns the question down, or is past answering it."""
        whole = quote.strip(_EDGES) == self.reply.strip(_EDGES)
        no_answer = self.reading.stance == "disagrees" or self.reading.distress >= _UTMOST
        return whole and no_answer and kind in (*_THOUGHTS, "evidence_for")

    def _keep(self, kind: Kind, quote: str, span: tuple[int, int]) -> None:
        others = (m for m in self.state.mentions if (m.kind, m.quote) != (kind, quote))
        where = {"span": span, "loop": self.state.loop, "channel": self.state.channel}
        self.set(mentions=(*others, Mention(kind=kind, quote=quote, turn=self.turn, **where)))

    def _name(self, kind: Kind, quote: str, span: tuple[int, int], distortion: str) -> None:
        at = {"turn": self.turn, "span": span, "loop": self.state.loop}
        new = Belief(kind=kind, quote=quote, distortion=distortion, **at)
        if all(new.key[1] != old.key[1] for old in self.state.beliefs):
            self.set(beliefs=(*self.state.beliefs, new))

    def now(self, kind: Kind) -> list[Mention]:
        """What the present reply says of a kind."""
        return [m for m in self.state.mentions if m.kind == kind and m.turn == self.turn]

    def kept(self, kind: Kind) -> Mention | None:
        """What was said of a kind before it was asked for, and still belongs here."""
        here = (None, self.state.channel)
        found = [m for m in self.state.mentions if m.kind == kind and m.loop == self.state.loop and m.channel in here]
        return found[-1] if found else None

    def drop(self, mention: Mention) -> None:
        """Forget what the client took back."""
        self.set(mentions=tuple(m for m in self.state.mentions if m != mention))

    def change(self, old: Belief, **changes: Any) -> Belief:  # noqa: ANN401
        """Put a changed belief in the place of the old one."""
        new = old.model_copy(update=changes)
        self.set(beliefs=tuple(new if b is old or b == old else b for b in self.state.beliefs))
        return new

    def note(self, entry: Entry) -> None:
        """Settle something."""
        self.entries.append(entry)
        self.set(settled=(*self.state.settled, entry))

    def fill(self, mention: Mention) -> None:
        """Settle a slot by the client's words."""
        where = {"loop": self.state.loop, "channel": self.state.channel}
        said = {"quote": mention.quote, "turn": mention.turn, "span": mention.span}
        self.note(Entry(kind=mention.kind, **where, **said))
        self.drop(mention)

    def leave_open(self, kind: Kind, status: Literal["none", "unfilled", "declined"]) -> None:
        """Settle a slot without words."""
        self.note(Entry(kind=kind, loop=self.state.loop, channel=self.state.channel, status=status))

    def finish(self, goal: str) -> None:
        """A goal of this step is settled."""
        self.set(done=(*self.state.done, goal))

    def decide(
        self,
        gate: Literal["leave", "verdict", "residual"],
        passed: bool,
        reason: str,
        words: tuple[str, int | None] = ("", None),
    ) -> None:
        """Log a decision. words: the client's words it rests on, and their turn."""
        self.gates.append(
            Gate(
                gate=gate,
                step=self.state.step or STEPS[0],
                loop=self.state.loop,
                channel=self.state.channel,
                turn=self.turn,
                passed=passed,
                evidence_quote=words[0],
                evidence_turn=words[1],
                reason=reason,
            )
        )

    def enter(self, step: Step | None, channel: int | None = None) -> None:
        """Begin a step."""
        self.set(step=step, channel=channel, goal="", asks="", asked={}, done=(), turns_here=0, nones=0, offered=None)

    def tired_of(self, goal: str) -> bool:
        """Whether a goal has been asked for often enough, or there is no time for it."""
        most = 1 if self.state.short else tries(self.state.rounds)
        return self.state.asked.get(goal, 0) >= most or not self.may_ask_on

    def ask(self, goal: str, asks: str, **more: Any) -> Plan:  # noqa: ANN401  (fields of the plan)
        """The plan for this turn; it is remembered as what the next reply answers."""
        state = self.state
        asked = {**state.asked, goal: state.asked.get(goal, 0) + 1}
        opens = state.step is not None and not state.turns_here
        self.set(goal=goal, asks=asks, asked=asked, turns_here=state.turns_here + 1)
        given: dict[str, Any] = {
            "again": asked[goal] - 1,
            "opens": opens,
            "step": state.step,
            "loop": state.loop,
            "channel": state.channel,
            "belief": state.active.quote if state.active else self._last_thought(),
            "distortion": state.active.distortion if state.active else "",
            "first": state.exchanges == 1,
            "shift": self._shift(),
            **more,
        }
        return Plan(
            goal=goal,
            asks=asks,
            attempt=state.attempt,
            tone=_tone(self.reading, self.strain, self.puts_off),
            distress=self.strain,
            feeling=state.feeling,
            evidence_for=_quotes(state.own("evidence_for")),
            evidence_against=_quotes(state.own("evidence_against")),
            exit=state.exit,
            rounds_left=self.left - 1,
            **given,
        )

    def aside(self, goal: str, asks: str) -> Plan:
        """A plan outside of the step that the talk is in: it takes none of the step's turns."""
        here = self.state.turns_here
        plan = self.ask(goal, asks).model_copy(update={"step": None, "channel": None, "opens": False})
        self.set(turns_here=here)
        return plan

    def _shift(self) -> int | None:
        """Points by which the belief in the open channel's thought has fallen; None where that is not known."""
        active, where = self.state.active, (self.state.loop, self.state.channel)
        rated = [e.value for e in self.state.settled if e.kind == "belief_after" and (e.loop, e.channel) == where]
        known = active is not None and active.before is not None and rated and rated[-1] is not None
        return round((active.before or 0) - (rated[-1] or 0)) if known and active else None

    @property
    def may_press(self) -> bool:
        """Whether a number that was left out may be asked for: not of one who is in pain or turns it down."""
        return self.strain < _HEAVY and self.reading.stance not in ("declines", "rupture") and not self.puts_off

    def ask_beside(self, goal: str, asks: str, **more: Any) -> Plan:  # noqa: ANN401
        """A short question that goes with the one before it: it takes none of the step's turns."""
        here = self.state.turns_here
        plan = self.ask(goal, asks, **more)
        self.set(turns_here=here)
        return plan

    def unask(self) -> None:
        """The reply did not take up the question: it does not count as asked."""
        goal, asked = self.state.goal, self.state.asked
        if asked.get(goal):
            self.set(asked={**asked, goal: asked[goal] - 1})

    def _last_thought(self) -> str:
        """The thought that the present question is about, before there is a channel: one of this loop, or none."""
        here = (e for e in reversed(self.state.settled) if e.loop == self.state.loop)
        return next((e.quote for e in here if e.kind in _THOUGHTS and e.quote), "")

    def leave(self, exit_: Exit) -> None:
        """Leave the six steps."""
        self.enter(None)
        self.set(phase="close" if exit_ == "cap" else "exit", exit=exit_, out=0)


def _quotes(entries: tuple[Entry, ...]) -> tuple[str, ...]:
    return tuple(entry.quote for entry in entries)


def _place(quote: str, reply: str) -> tuple[int, int] | None:
    """Where the reply says the quote: best as a clause of its own, then between whole words; None where nowhere."""
    if not quote.strip():
        return None
    starts = [at for at in range(len(reply) - len(quote) + 1) if reply.startswith(quote, at)]
    return max(((at, at + len(quote)) for at in starts), key=lambda span: (*_fits(span, reply), -span[0]), default=None)


def _fits(span: tuple[int, int], reply: str) -> tuple[int, int]:
    """How many ends of a span stand at a whole word, and how many at the edge of a clause."""
    start, end = span
    before, after = reply[:start].rstrip(" "), reply[end:].lstrip(" ")
    cut = [start, end]
    words = sum(not all(_WORD.match(char) for char in reply[max(at - 1, 0) : at + 1].ljust(2)) for at in cut)
    clauses = (not before or before[-1] in _BREAKS) + (not after or after[0] in _BREAKS or reply[end - 1] in _BREAKS)
    return words, clauses


def _tone(reading: Reading, strain: int, puts_off: bool) -> Tone:
    if strain >= _HEAVY:
        return "heavy"
    if puts_off and reading.stance in ("unsure", "open", "disagrees"):
        return "puts_off"
    if reading.stance in ("disagrees", "rupture", "declines") and not reading.none_left:
        return "resists"
    return "unsure" if reading.stance == "unsure" and not reading.said else "plain"
