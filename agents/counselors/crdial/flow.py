"""How a restructuring goes on: a pure step from what was heard to what is to be said.

Danger comes before everything and never leads back. Then come refusal, rupture and overwhelming distress, which are met
before anything else is asked; then the six steps; then the close, for which rounds are always kept.
"""

from __future__ import annotations

from typing import Literal

from agents.counselors.crdial.course import Entry, Exit, Gate, Note
from agents.counselors.crdial.pacing import HARD, close_turns
from agents.counselors.crdial.plan import Plan
from agents.counselors.crdial.pool import pool
from agents.counselors.crdial.reading import Reading
from agents.counselors.crdial.slots import decline
from agents.counselors.crdial.state import CrdialState
from agents.counselors.crdial.steps import STEP, situation
from agents.counselors.crdial.walk import Walk
from profiles.schema import Record
from profiles.screening import RiskSeen

__all__ = ["Decision", "decide"]

_OVERWHELMED = 3  # distress, and how many client turns of it in a row lead out
_PLEAS = 2
_NEAR = 6  # exchanges within which pleas are counted together
_ROSE = 20  # points by which a feeling may not rise
_GRAVE = ("high", "immediate")
_MOST_MOVES = 40  # more than any turn can make
_CRISIS_TURNS = 3


class Decision(Record):
    """What one turn decides: the plan, and what goes into its note."""

    plan: Plan
    entries: tuple[Entry, ...] = ()
    gates: tuple[Gate, ...] = ()

    @property
    def note(self) -> Note:
        """What the turn notes of the course."""
        plan = self.plan
        return Note(
            step=plan.step,
            loop=plan.loop,
            channel=plan.channel,
            asks=plan.asks,
            entries=self.entries,
            gates=self.gates,
            exit=plan.exit,
        )


def decide(
    state: CrdialState, reading: Reading, *, reply: str, turn: int, rounds_left: int, risk: RiskSeen
) -> tuple[Decision, CrdialState]:
    """What to do now, and the state with it.

    Args:
        reply, turn: the client's last words and the index of that turn.
        rounds_left: counselor turns that can follow this one.
        risk: what the safety rules see in the reply, whatever the reading says.
    """
    w = Walk(state, reading, turn, reply, left=rounds_left + 1)
    w.hear()
    plan = _plan(w, risk)
    plan = plan.model_copy(update=_taken_up(w, asked=state.goal))
    return Decision(plan=plan, entries=tuple(w.entries), gates=tuple(w.gates)), w.state


def _taken_up(w: Walk, asked: str) -> dict[str, str]:
    """What of the reply is to be taken up first: what it settled, the thing itself before the feeling with it."""
    settled = [e for e in w.entries if not e.kind.startswith("emotion")] or w.entries
    if settled:
        last = settled[-1]
        if last.kind in _RATED and w.reading.belief is None and w.reading.emotion is None:
            return {"took": ""}  # settled earlier; the client has just said something else
        return {"took": last.kind if last.status == "filled" else last.status, "took_quote": last.quote}
    if asked == "agree" and w.reading.stance not in ("declines", "disagrees"):
        return {"took": "agree"}
    return {"took": "belief_before" if asked == "rate" and w.reading.belief is not None else ""}


def _plan(w: Walk, risk: RiskSeen) -> Plan:
    leaving = _danger(w, risk)
    if leaving and w.state.exit != "crisis" and (w.state.exit is None or leaving == "crisis"):
        w.leave(leaving)
    if w.state.phase == "exit":
        return _exit(w)
    if risk == "low" and not w.state.safety_asked:
        return _asked_of_safety(w)
    plan = (_trouble(w) or _steps(w)) if w.state.phase == "talk" else None
    return plan or _after_the_steps(w)


def _asked_of_safety(w: Walk) -> Plan:
    """Asked once, outside of the step that the talk is in."""
    here = w.state.turns_here
    plan = w.ask("safety", "").model_copy(update={"step": None, "channel": None, "opens": False})
    w.set(safety_asked=True, turns_here=here)
    return plan


def _after_the_steps(w: Walk) -> Plan:
    return _exit(w) if w.state.phase == "exit" else _close(w)


def _danger(w: Walk, risk: RiskSeen) -> Exit | None:
    reading = w.reading
    after_asking = w.state.goal == "safety" and (risk != "none" or reading.stance != "disagrees")  # no other no
    too_late_to_ask = risk == "low" and not w.state.safety_asked and w.left <= 1
    if risk in _GRAVE or reading.danger == "crisis" or after_asking or too_late_to_ask:
        return "crisis"
    if reading.danger != "none":
        return reading.danger
    return "realistic_problem" if reading.realistic and w.state.phase == "talk" else None


_RATED = ("belief_before", "belief_after", "emotion_before", "emotion_after")


def _trouble(w: Walk) -> Plan | None:
    """Refusal, rupture and distress are met; after two pleas what was wanted is let go and an end is offered."""
    reading = w.reading
    if w.state.goal == "offer_end":
        if reading.stance in ("disagrees", "declines", "rupture"):
            w.leave("declines")
            return None
        w.set(pleas=0)
    if w.spare <= 0:
        return None
    if reading.stance in ("declines", "rupture") and w.state.goal != "residual":
        return _met(w)
    return _calmed(w)


def _met(w: Walk) -> Plan | None:
    here = w.state.exchanges
    near = here - w.state.last_plea <= _NEAR
    w.set(pleas=w.state.pleas + 1 if near else 1, last_plea=here)
    if w.state.turns_here >= HARD:
        w.leave("declines")
        return None
    if w.state.pleas < _PLEAS + (w.reading.stance == "rupture"):  # to be hurt is no wish to stop
        return w.ask(f"meet_{w.reading.stance}", "agree")
    decline(w)
    return w.ask("offer_end", "agree")


def _calmed(w: Walk) -> Plan | None:
    if w.reading.distress < _OVERWHELMED:
        w.set(overwhelmed=0)
        return None
    w.set(overwhelmed=w.state.overwhelmed + 1)
    if w.state.overwhelmed >= _OVERWHELMED or w.state.turns_here >= HARD:
        w.leave("distress_rising")
        return None
    return w.ask("meet_distress", "")


def _steps(w: Walk) -> Plan | None:
    """The plan of the step that is to go on; None where the steps are over."""
    for _ in range(_MOST_MOVES):
        if w.state.phase != "talk":
            return None
        if w.spare <= 0:
            return _out_of_rounds(w)
        plan = STEP[w.state.step](w) if w.state.step else situation(w)
        if _rose(w):
            w.leave("distress_rising")
            return None
        if plan:
            return plan
    raise AssertionError("a turn that decides nothing")


def _out_of_rounds(w: Walk) -> Plan | None:
    """What was heard just now may still settle the step; then the close."""
    if w.state.step:
        plan = STEP[w.state.step](w)
        if plan is None and w.state.phase != "talk":
            return None
    w.leave("cap")
    return None


def _rose(w: Walk) -> bool:
    """Whether the feeling is stronger after a channel than before it, by more than chance."""
    if not any(e.kind == "emotion_after" and e.turn == w.turn for e in w.entries):
        return False
    after = next(e for e in w.entries if e.kind == "emotion_after")
    found = (
        e for e in w.state.settled if e.kind == "emotion_before" and (e.loop, e.channel) == (after.loop, after.channel)
    )
    before = next(found, None)
    return bool(before and before.value is not None and (after.value or 0) - before.value >= _ROSE)


def _exit(w: Walk) -> Plan:
    w.set(out=w.state.out + 1)
    out, left_for = w.state.out, w.state.exit
    if left_for == "crisis":
        return _last(w, "crisis" if out == 1 else "crisis_more", ends=out >= _CRISIS_TURNS)
    if left_for == "realistic_problem" and out == 2 and w.left > 1:
        return w.ask("solve", "agree")
    if out == 1 and left_for != "declines" and w.left > 1:
        return w.ask(f"exit_{left_for}", "agree" if left_for == "distress_rising" else "")
    w.set(phase="over")
    return _last(w, "exit_declines" if left_for == "declines" else "goodbye", ends=True)


def _close(w: Walk) -> Plan:
    if w.state.phase == "over":
        return _last(w, "after", ends=True)
    plan = _feeling_again(w)
    if plan is None and "agree" not in w.state.asked and w.left > 1:
        plan = w.ask("agree", "agree", **_summary(w))
    if plan:
        return plan
    w.set(phase="over")
    return _last(w, "goodbye", ends=True)


def _feeling_again(w: Walk) -> Plan | None:
    before = [e for e in w.state.settled if e.kind == "emotion_before" and e.value is not None]
    asked = w.state.asked.get("emotion_after", 0)
    if not before or "emotion_after" in w.state.done or w.left <= 1:
        return None
    if asked and w.reading.emotion is not None:
        w.note(
            Entry(kind="emotion_after", loop=w.state.loop, turn=w.turn, value=w.reading.emotion, name=w.state.feeling)
        )
    elif not asked or (asked == 1 and w.left > close_turns(w.state.rounds) - 1):
        return w.ask("emotion_after", "emotion_after")
    else:
        w.leave_open("emotion_after", "unfilled")
    w.finish("emotion_after")
    return None


def _summary(w: Walk) -> dict[str, tuple[str, ...]]:
    said = [e for e in w.state.settled if e.kind == "balanced_thought" and e.quote]
    waiting = [*(b for b in w.state.beliefs if b.status == "taken"), *pool(w.state)]
    return {"balanced": tuple(e.quote for e in said), "open_points": tuple(b.quote for b in waiting)}


def _last(w: Walk, goal: Literal["crisis", "crisis_more", "exit_declines", "goodbye", "after"], *, ends: bool) -> Plan:
    """A turn that waits for nothing."""
    return w.ask(goal, "", **_summary(w)).model_copy(update={"ends": ends or w.left <= 1})
