"""How a restructuring goes on: a pure step from what was heard to what is to be said.

Danger comes before everything and never leads back. Then come refusal, rupture and overwhelming distress, which are met
before anything else is asked; then the six steps; then the close, for which rounds are always kept.
"""

from __future__ import annotations

from typing import Literal

from agents.counselors.crdial.course import Entry, Exit, Gate, Note
from agents.counselors.crdial.pacing import HARD, close_turns
from agents.counselors.crdial.plan import FIXED, Plan
from agents.counselors.crdial.pool import pool
from agents.counselors.crdial.reading import Reading
from agents.counselors.crdial.slots import decline
from agents.counselors.crdial.state import CrdialState
from agents.counselors.crdial.steps import STEP, situation, take_ratings
from agents.counselors.crdial.taken import taken_up
from agents.counselors.crdial.walk import Walk
from profiles.schema import Record
from profiles.screening import RiskSeen

__all__ = ["Aside", "Decision", "decide"]

_OVERWHELMED = 3  # distress, and how many client turns of it in a row lead out
_PLEAS = 2
_NEAR = 6  # exchanges within which pleas are counted together
_ROSE = 20  # points by which a feeling may not rise
_GRAVE = ("high", "immediate")
_MOST_MOVES = 40  # more than any turn can make
_CRISIS_TURNS = 3
_LAST_TWO = 2  # next step and good-bye
_END_ASKS = 2  # times that the close asks for one number
_MORE_AT_END = 1  # further thoughts that it asks about, after the one that weighed most
_JUST = 5  # exchanges
_CONFIDED = 3  # disclosures that are met with a turn of their own
_TOLD = ("situation", "automatic_thought", "intermediate_belief", "core_belief")  # answers that are met as they are

Aside = Literal["privacy", "puts_off", "strays"]


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
    state: CrdialState,
    reading: Reading,
    *,
    reply: str,
    turn: int,
    rounds_left: int,
    risk: RiskSeen,
    heard: frozenset[Aside] = frozenset(),
) -> tuple[Decision, CrdialState]:
    """What to do now, and the state with it.

    Args:
        reply, turn: the client's last words and the index of that turn.
        rounds_left: counselor turns that can follow this one.
        risk: what the safety rules see in the reply, whatever the reading says.
        heard: what else the words do: ``privacy`` (asks who reads this), ``puts_off`` (the question, for now),
            ``strays`` (the fairer thought is about something else).
    """
    off = "puts_off" in heard
    reading = _put_off(state, reading) if off else reading
    w = Walk(state, reading, turn, reply, left=rounds_left + 1, puts_off=off, strays="strays" in heard)
    w.hear()
    w.set(put_off=off and not state.put_off)
    take_ratings(w)
    _take_end(w)
    asks_back = "privacy" in heard and not state.privacy_told
    if asks_back and not state.exchanges:  # told to say why it is asked: the matter itself is still to come
        w.set(mentions=tuple(m for m in w.state.mentions if m.kind != "situation"))
    if asks_back and _gives_nothing(reading):
        w.unask()
    plan = _plan(w, risk)
    _keep_number(w)
    if asks_back and plan.goal not in (*FIXED, "safety", "crisis_more"):
        w.set(privacy_told=True)
        plan = plan.model_copy(update={"privacy": True})
    plan = plan.model_copy(update=taken_up(w, asked=state.goal))
    return Decision(plan=plan, entries=tuple(w.entries), gates=tuple(w.gates)), w.state


def _put_off(state: CrdialState, reading: Reading) -> Reading:
    """To put a question off once is no refusal yet; twice running it is one. The offer of an end is not put off."""
    if state.goal == "offer_end" or reading.stance not in ("declines", "unsure", "open") or reading.said:
        return reading
    return reading.model_copy(update={"stance": "declines" if state.put_off else "unsure"})


def _gives_nothing(reading: Reading) -> bool:
    told = reading.said or reading.none_left or reading.belief is not None or reading.emotion is not None
    return not told and reading.stance in ("open", "unsure")


def _keep_number(w: Walk) -> None:
    """A belief rated in the turn that leads out never becomes a channel; its number stays in the record."""
    if w.state.phase != "exit" or w.state.out != 1:
        return
    for belief in w.state.beliefs:
        if belief.rated == w.turn and belief.channel is None and belief.before is not None:
            at = {"loop": w.state.loop, "turn": w.turn, "name": belief.distortion}
            w.note(Entry(kind="belief_before", value=belief.before, **at))


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
    w.set(safety_asked=True)
    return w.aside("safety", "")


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
    no_more = reading.stance == "declines" and w.state.goal == "residual"  # an answer to whether there is more
    if reading.stance in ("declines", "rupture") and not no_more:
        return _met(w)
    return _calmed(w) or _heard_out(w)


def _heard_out(w: Walk) -> Plan | None:
    """What is confided is met with a turn of its own, unless it is the answer that was asked for."""
    asked_for = w.state.asks in _TOLD and any(said.kind == w.state.asks for said in w.reading.said)
    if w.state.phase != "talk" or w.spare <= 1 or asked_for or not _confided(w):
        return None
    w.set(confided=w.state.confided + 1)
    return w.aside("meet_confided", "")


def _confided(w: Walk) -> bool:
    """Whether something is confided that is to be met: not the first telling, and not twice running."""
    may = w.state.confided < _CONFIDED and w.state.goal not in ("", "situation", "meet_confided")
    return w.reading.confides and may


def _met(w: Walk) -> Plan:
    here = w.state.exchanges
    near = here - w.state.last_plea <= _NEAR
    w.set(pleas=w.state.pleas + 1 if near else 1, last_plea=here)
    meet = w.aside if w.state.turns_here >= HARD else w.ask  # who is hurt is met, even where a step is used up
    if w.state.pleas < _PLEAS + (w.reading.stance == "rupture"):  # to be hurt is no wish to stop
        return meet(f"meet_{w.reading.stance}", "agree")
    decline(w)
    return meet("offer_end", "agree")


def _calmed(w: Walk) -> Plan | None:
    if w.reading.distress < _OVERWHELMED:
        w.set(overwhelmed=0)
        return None
    w.set(overwhelmed=w.state.overwhelmed + 1)
    if w.state.overwhelmed >= _OVERWHELMED:
        w.leave("distress_rising")
        return None
    meet = w.aside if w.state.turns_here >= HARD else w.ask
    return meet("meet_distress", "")


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
    """Whether a feeling is stronger after its channel than before it, by more than chance; the first time leads out."""
    rated = [e for e in w.state.settled if e.channel is not None and e.value is not None]
    before = {(e.loop, e.channel): e.value or 0 for e in rated if e.kind == "emotion_before"}
    after = [e for e in rated if e.kind == "emotion_after" and (e.loop, e.channel) in before]
    return any((e.value or 0) - before[e.loop, e.channel] >= _ROSE for e in after)


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
    plan = _met_at_the_end(w) or _rated_at_the_end(w)
    if plan is None and "agree" not in w.state.asked and w.left > 1:
        plan = w.ask("agree", "agree", **_summary(w))
    if plan:
        return plan
    w.set(phase="over")
    return _last(w, "goodbye", ends=True)


def _met_at_the_end(w: Walk) -> Plan | None:
    """A rupture or a disclosure in the last turns is met too, where one of them can be spared."""
    if w.reading.stance == "rupture" and "meet_rupture" not in w.state.asked and w.left > _LAST_TWO:
        return w.ask("meet_rupture", "agree")
    if _confided(w) and w.left > _LAST_TWO:
        w.set(confided=w.state.confided + 1)
        return w.ask("meet_confided", "")
    return None


def _rated_at_the_end(w: Walk) -> Plan | None:
    """The thought that weighed most with the feeling, asked once more; then, where there is time, the others."""
    if w.left <= 1 or "agree" in w.state.asked:
        return None
    weighed = [e for e in _weighed(w) if (e.loop, e.channel or 0) not in w.state.ended]
    spare = w.left > close_turns(w.state.rounds) - 1
    if weighed and not w.state.ended:
        return _ask_end(w, weighed[0], "rate_end")
    if w.state.goal == "rate_end" and w.state.ending and spare and w.state.asked["rate_end"] < _END_ASKS:
        return _ask_end(w, _opened(w, w.state.ending), "rate_end")
    _give_up_end(w)
    plan = _feeling_again(w, spare)
    if plan is None and spare and w.left > _LAST_TWO and w.state.asked.get("belief_end", 0) < _MORE_AT_END:
        earlier = [e for e in weighed if _rated_long_ago(w, e)]
        plan = _ask_end(w, earlier[0], "belief_end") if earlier else None
    return plan


def _ask_end(w: Walk, opened: Entry, goal: Literal["rate_end", "belief_end"]) -> Plan:
    place = (opened.loop, opened.channel or 0)
    w.set(ending=place, ended=tuple(dict.fromkeys((*w.state.ended, place))))
    return w.ask(goal, "belief_end", belief=opened.quote)


def _take_end(w: Walk) -> None:
    """The numbers that the close asked for."""
    if w.state.phase != "close":
        return
    place, belief, emotion = w.state.ending, w.reading.belief, w.reading.emotion
    if place and belief is not None:
        w.note(Entry(kind="belief_end", loop=place[0], channel=place[1], turn=w.turn, value=belief))
        w.set(ending=None)
    if emotion is not None and "emotion_after" not in w.state.done and {"rate_end", "emotion_after"} & {*w.state.asked}:
        at = {"loop": w.state.loop, "turn": w.turn, "name": w.state.feeling}
        w.note(Entry(kind="emotion_after", value=emotion, **at))
        w.finish("emotion_after")


def _give_up_end(w: Walk) -> None:
    if w.state.ending:
        w.note(Entry(kind="belief_end", loop=w.state.ending[0], channel=w.state.ending[1], status="unfilled"))
        w.set(ending=None)


def _feeling_again(w: Walk, spare: bool) -> Plan | None:
    before = [e for e in w.state.settled if e.kind == "emotion_before" and e.value is not None]
    if not before or "emotion_after" in w.state.done:
        return None
    asked = w.state.asked.get("emotion_after", 0)
    first = not asked and not w.state.ended
    if first or (spare and asked + w.state.asked.get("rate_end", 0) < _END_ASKS):
        begun = {"again": 1} if w.state.ended else {}
        return w.ask("emotion_after", "emotion_after", **begun)
    w.leave_open("emotion_after", "unfilled")
    w.finish("emotion_after")
    return None


def _weighed(w: Walk) -> list[Entry]:
    """The channels' thoughts that were rated after the weighing, that which weighed most first."""
    rated = {(e.loop, e.channel) for e in w.state.settled if e.kind == "belief_after" and e.value is not None}
    before = {(e.loop, e.channel): e.value or 0 for e in w.state.settled if e.kind == "belief_before"}
    opened = [e for e in w.state.settled if e.kind == "core_belief" and (e.loop, e.channel) in rated]
    return sorted(opened, key=lambda e: -before.get((e.loop, e.channel), 0))


def _opened(w: Walk, place: tuple[int, int]) -> Entry:
    return next(e for e in w.state.settled if e.kind == "core_belief" and (e.loop, e.channel) == place)


def _rated_long_ago(w: Walk, opened: Entry) -> bool:
    """Not in the last few exchanges: a number just given is not asked for again."""
    turns = [
        e.turn or 0
        for e in w.state.settled
        if e.kind == "belief_after" and (e.loop, e.channel) == (opened.loop, opened.channel)
    ]
    return bool(turns) and w.turn - max(turns) > 2 * _JUST


def _summary(w: Walk) -> dict[str, tuple[str, ...]]:
    said = [e for e in w.state.settled if e.kind == "balanced_thought" and e.quote]
    waiting = [*(b for b in w.state.beliefs if b.status == "taken"), *pool(w.state)]
    return {"balanced": tuple(e.quote for e in said), "open_points": tuple(b.quote for b in waiting)}


def _last(w: Walk, goal: Literal["crisis", "crisis_more", "exit_declines", "goodbye", "after"], *, ends: bool) -> Plan:
    """A turn that waits for nothing."""
    return w.ask(goal, "", **_summary(w)).model_copy(update={"ends": ends or w.left <= 1})
