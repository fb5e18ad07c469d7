"""Filling one slot: what was volunteered is confirmed, what is missing is asked for, and tries are bounded."""

from __future__ import annotations

from typing import Literal

from agents.counselors.crdial.course import Entry, Kind, Step
from agents.counselors.crdial.plan import Plan
from agents.counselors.crdial.state import Mention
from agents.counselors.crdial.walk import Walk

__all__ = ["AFTER", "GOALS", "confirmed", "decline", "last_entry", "nothing_weighed", "slot"]

GOALS: dict[Step, tuple[tuple[str, Kind], ...]] = {
    "automatic_thoughts": (("thought", "automatic_thought"), ("emotion", "emotion_before")),
    "intermediate_beliefs": (("rule", "intermediate_belief"),),
    "core_beliefs": (("core", "core_belief"),),
    "defense": (("for", "evidence_for"),),
    "prosecution": (("against", "evidence_against"),),
    "verdict": (("balanced", "balanced_thought"), ("rate_after", "belief_after")),
}
AFTER: tuple[tuple[str, Kind, Literal["belief", "emotion"]], ...] = (
    ("belief_too", "belief_after", "belief"),
    ("feeling_too", "emotion_after", "emotion"),
)
"""What the rating after the weighing consists of: the goal that asks for it alone, its kind, where a reading has it."""
_EVIDENCE: tuple[Kind, ...] = ("evidence_for", "evidence_against")
_STRAYED = "strayed"  # a fairer thought that seemed to be about something else was asked for once more
_NONES = 2  # tries after which "there is nothing" counts


def slot(w: Walk, kind: Kind, goal: str) -> Plan | None:
    """The plan that this slot still needs, or None where it is settled."""
    if goal in w.state.done:
        return None
    said, asked_for = w.now(kind), w.state.goal in (goal, f"{goal}_confirm", f"{goal}_feeling")
    offered = w.state.offered if w.state.goal == f"{goal}_confirm" else None
    if asked_for and said and not (offered and w.reading.stance == "agrees"):
        if not w.strays:
            _filled(w, said, goal)
            return None
        if _STRAYED not in w.state.done and w.may_ask_on:
            w.finish(_STRAYED)
            return w.ask(goal, kind)
        w.drop(said[-1])
    if offered:
        again = w.state.short and kind == "automatic_thought"  # the thought was the answer to whether there is another
        agreed = confirmed(w) or (again and w.reading.stance == "open" and w.reading.none_left)
        w.set(offered=None)
        if agreed:
            _filled(w, [offered], goal)
            return None
        if w.reading.stance == "disagrees":
            w.drop(offered)
    else:
        earlier = w.kept(kind)
        if earlier and _STRAYED in w.state.done and confirmed(w):  # asked once more, the client stands by it
            _filled(w, [earlier], goal)
            return None
        if earlier and f"{goal}_confirm" not in w.state.asked and w.may_ask_on:
            return _confirm(w, earlier, goal)
    return _missing(w, kind, goal)


def confirmed(w: Walk) -> bool:
    """Whether the client says yes to what was handed back; that nothing is to be added takes no yes back."""
    return w.reading.stance == "agrees"


def decline(w: Walk) -> None:
    """The client would rather not: what the step still wanted is left alone."""
    step = w.state.step
    for belief in [b for b in w.state.beliefs if b.status == "named" and b.asks]:
        w.change(belief, status="rejected")
    open_goals = [pair for pair in GOALS[step] if pair[0] not in w.state.done] if step else []
    if open_goals:
        goal, kind = open_goals[0]
        rated = [each for each, _, _ in AFTER if each in w.state.done] if goal == "rate_after" else []
        wanted = [k for each, k, _ in AFTER if each not in rated] if rated else [kind]
        for each in wanted:
            w.leave_open(each, "declined")
        w.finish(goal)


def _filled(w: Walk, mentions: list[Mention], goal: str) -> None:
    for mention in mentions:
        w.fill(mention)
    w.finish(goal)


def _confirm(w: Walk, mention: Mention, goal: str) -> Plan:
    w.set(offered=mention)
    return w.ask(f"{goal}_confirm", "confirm", quote=mention.quote)


def _missing(w: Walk, kind: Kind, goal: str) -> Plan | None:
    feeling = f"{goal}_feeling"
    felt = w.state.goal == goal and w.reading.by_feeling and kind in _EVIDENCE
    if felt and feeling not in w.state.asked and w.may_ask_on:
        return w.ask(feeling, kind)
    # who has no other view yet, or points to what was said before, is not pressed for one
    stuck = kind == "balanced_thought" and w.reading.stance in ("disagrees", "agrees")
    if w.state.goal in (goal, feeling) and (w.reading.none_left or stuck):
        w.set(nones=w.state.nones + 1)
    if w.state.nones >= _enough(w, kind) or w.tired_of(goal) or (kind == "balanced_thought" and _told_out(w, goal)):
        told = w.state.nones and (kind != "balanced_thought" or w.reading.none_left)
        w.leave_open(kind, "none" if told else "unfilled")
        w.finish(goal)
        return None
    return w.ask(goal, kind)


def _enough(w: Walk, kind: Kind) -> int:
    """How often "there is nothing" must be said: once in a second round, or where the other side is empty."""
    again = kind in _EVIDENCE and w.state.attempt > 1
    return 1 if again or (kind == "evidence_against" and nothing_for(w)) else _NONES


def nothing_for(w: Walk) -> bool:
    """Whether the client had no fact, or no further one, for the thought of the open channel."""
    entry = last_entry(w, "evidence_for")
    return entry is not None and entry.status == "none"


def nothing_weighed(w: Walk) -> bool:
    """Whether both sides of the open channel came back empty in this round: there is nothing to go on with."""
    against = last_entry(w, "evidence_against")
    return nothing_for(w) and against is not None and against.status != "filled"


def _told_out(w: Walk, goal: str) -> bool:
    return nothing_weighed(w) and bool(w.state.asked.get(goal))


def last_entry(w: Walk, kind: Kind) -> Entry | None:
    """The latest entry of a kind in the open channel, or in the loop."""
    where = (w.state.loop, w.state.channel)
    return next((e for e in reversed(w.state.settled) if e.kind == kind and (e.loop, e.channel) == where), None)
