"""Filling one slot: what was volunteered is confirmed, what is missing is asked for, and tries are bounded."""

from __future__ import annotations

from agents.counselors.crdial.course import Entry, Kind, Step
from agents.counselors.crdial.plan import Plan
from agents.counselors.crdial.state import Mention
from agents.counselors.crdial.walk import Walk

__all__ = ["GOALS", "confirmed", "decline", "slot"]

GOALS: dict[Step, tuple[tuple[str, Kind], ...]] = {
    "automatic_thoughts": (("thought", "automatic_thought"), ("emotion", "emotion_before")),
    "intermediate_beliefs": (("rule", "intermediate_belief"),),
    "core_beliefs": (("core", "core_belief"),),
    "defense": (("for", "evidence_for"),),
    "prosecution": (("against", "evidence_against"),),
    "verdict": (("balanced", "balanced_thought"), ("rate_after", "belief_after")),
}
_EVIDENCE: tuple[Kind, ...] = ("evidence_for", "evidence_against")
_NONES = 2  # tries after which "there is nothing" counts


def slot(w: Walk, kind: Kind, goal: str) -> Plan | None:
    """The plan that this slot still needs, or None where it is settled."""
    if goal in w.state.done:
        return None
    said, asked_for = w.now(kind), w.state.goal in (goal, f"{goal}_confirm", f"{goal}_feeling")
    offered = w.state.offered if w.state.goal == f"{goal}_confirm" else None
    if asked_for and said and not (offered and w.reading.stance == "agrees"):
        _filled(w, said, goal)
        return None
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
        w.leave_open(kind, "declined")
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
    if w.state.nones >= _NONES or w.tired_of(goal):
        told = w.state.nones and (kind != "balanced_thought" or w.reading.stance != "agrees")
        w.leave_open(kind, "none" if told else "unfilled")
        w.finish(goal)
        return None
    return w.ask(goal, kind)


def last_entry(w: Walk, kind: Kind) -> Entry | None:
    """The latest entry of a kind in the open channel, or in the loop."""
    where = (w.state.loop, w.state.channel)
    return next((e for e in reversed(w.state.settled) if e.kind == kind and (e.loop, e.channel) == where), None)
