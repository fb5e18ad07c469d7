"""The six steps: what each one still wants, and its gate. The order is fixed and no step is skipped.

Each function gives the plan for this turn, or None when its step is done and the state stands in the next one.
"""

from __future__ import annotations

from collections.abc import Callable

from agents.counselors.crdial.beliefs import core_beliefs, take_feeling, take_rating
from agents.counselors.crdial.course import MOST_LOOPS, Entry, Kind, Step
from agents.counselors.crdial.pacing import CHANNEL, HARD, LOOP
from agents.counselors.crdial.plan import Plan
from agents.counselors.crdial.pool import pool
from agents.counselors.crdial.slots import AFTER, last_entry, nothing_weighed, slot
from agents.counselors.crdial.walk import Walk

__all__ = ["RAPPORT", "STEP", "situation", "take_ratings"]

RAPPORT = 4  # exchanges before anything is put in doubt
_FELL = 20  # points by which belief must fall
_ROUNDS = 2  # passes through one channel
_RATING_ASKS = 2


def take_ratings(w: Walk) -> None:
    """Keep the numbers that were asked for, before anything else is met: they are told only once."""
    step, asked = w.state.step, w.state.asked
    if step == "automatic_thoughts" and asked.get("emotion") and w.reading.emotion is not None:
        _take_emotion(w, w.reading.emotion)
    elif step == "core_beliefs" and w.state.goal in ("rate", "belief_too") and w.reading.belief is not None:
        take_rating(w)
    elif step == "core_beliefs" and w.state.goal == "feeling_too":
        take_feeling(w)
    elif step == "verdict" and asked.get("rate_after"):
        _take_after(w)


def situation(w: Walk) -> Plan | None:
    """Before the first step: what happened, unless the client has told it or gone straight to the thought."""
    told = w.kept("situation")
    if told:
        w.fill(told)
    elif w.kept("automatic_thought") is None and w.state.asked.get("situation", 0) < _RATING_ASKS:
        return w.ask("situation", "situation")
    else:
        w.leave_open("situation", "unfilled")
    w.enter("automatic_thoughts")
    return None


def automatic_thoughts(w: Walk) -> Plan | None:
    """The thought in the client's own words, and once what it feels like."""
    plan = slot(w, "automatic_thought", "thought") or _emotion(w)
    if plan is None:
        _leave(w, "automatic_thought", "intermediate_beliefs")
    return plan


def intermediate_beliefs(w: Walk) -> Plan | None:
    """The rule behind the thought."""
    plan = slot(w, "intermediate_belief", "rule")
    if plan is None:
        _leave(w, "intermediate_belief", "core_beliefs")
    return plan


def defense(w: Walk) -> Plan | None:
    """What speaks for the thought: facts, not feelings; none is an answer too, after two tries."""
    plan = slot(w, "evidence_for", "for")
    if plan is None:
        _leave(w, "evidence_for", "prosecution", none_passes=True)
    return plan


def prosecution(w: Walk) -> Plan | None:
    """What speaks against it, from the client; never before there is enough ground to stand on."""
    if w.state.exchanges < RAPPORT and w.may_ask_on:
        return w.ask("meet_pace", "")
    plan = slot(w, "evidence_against", "against")
    if plan is None:
        _leave(w, "evidence_against", "verdict")
    return plan


def verdict(w: Walk) -> Plan | None:
    """The thought as the client would put it now, the ratings again, and the two gates."""
    plan = _balanced(w) or _rated_again(w)
    if plan is not None:
        return plan
    if "gate" not in w.state.done:
        w.finish("gate")
        if not _weigh(w):
            return None
    return _go_on(w)


def _balanced(w: Walk) -> Plan | None:
    """The new thought. In the second round the one from the first stands, unless the client now says another."""
    earlier = w.state.own("balanced_thought")
    if not earlier or w.state.attempt == 1 or "balanced" in w.state.done:
        return slot(w, "balanced_thought", "balanced")
    if w.state.goal != "balanced_again" and "balanced_again" not in w.state.asked and w.may_ask_on:
        return w.ask("balanced_again", "balanced_thought", quote=earlier[-1].quote)
    for mention in w.now("balanced_thought"):
        w.fill(mention)
    w.finish("balanced")
    return None


def _leave(w: Walk, kind: Kind, following: Step, *, none_passes: bool = False) -> None:
    entry = last_entry(w, kind)
    status = entry.status if entry else "unfilled"
    passed = status == "filled" or (none_passes and status == "none")
    words = (entry.quote, entry.turn) if entry and entry.quote else ("", None)
    w.decide("leave", passed, status, words)
    w.enter(following, w.state.channel)


def _emotion(w: Walk) -> Plan | None:
    """How strong the feeling is at the beginning; asked twice at most, and not again in a later loop."""
    if "emotion" in w.state.done:
        return None
    value = w.reading.emotion
    gives_up = w.state.short or w.state.asked.get("emotion", 0) >= _RATING_ASKS or not w.may_ask_on
    if value is None and not gives_up:
        return w.ask("emotion", "emotion_before")
    if value is not None:
        _take_emotion(w, value)
        return None
    if not w.state.short:
        w.leave_open("emotion_before", "unfilled")
    w.finish("emotion")
    return None


def _take_emotion(w: Walk, value: int) -> None:
    if "emotion" not in w.state.done:
        w.note(_rating("emotion_before", value, w))
        w.finish("emotion")


def _rating(kind: Kind, value: int, w: Walk) -> Entry:
    name = w.state.feeling if kind.startswith("emotion") else ""
    return Entry(kind=kind, loop=w.state.loop, channel=w.state.channel, turn=w.turn, value=value, name=name)


def _rated_again(w: Walk) -> Plan | None:
    """Belief and feeling in one question, twice at most; where only one number comes, the other once by itself."""
    if "rate_after" in w.state.done:
        return None
    asked = w.state.asked.get("rate_after", 0)
    missing = [goal for goal, _, _ in AFTER if goal not in w.state.done]
    if len(missing) == 1 and missing[0] not in w.state.asked and _may_press_after(w):
        return w.ask_beside(missing[0], {goal: kind for goal, kind, _ in AFTER}[missing[0]])
    both = len(missing) == len(AFTER)
    if both and asked < _RATING_ASKS and w.state.turns_here < HARD and w.spare > asked:
        return w.ask("rate_after", "belief_after")
    for goal, kind, _ in AFTER:
        if goal in missing and asked:
            w.leave_open(kind, "unfilled")
    w.finish("rate_after")
    return None


def _may_press_after(w: Walk) -> bool:
    just_answered = w.state.goal == "rate_after"
    needed = CHANNEL * len(_waiting(w)) if "belief_too" in w.state.done else 0  # without a belief no gate can be passed
    return just_answered and w.may_press and w.spare > 1 + needed


def _take_after(w: Walk) -> None:
    """The numbers that the reply gives, each once."""
    for goal, kind, of in AFTER:
        value = getattr(w.reading, of)
        if value is not None and not {goal, "rate_after"} & {*w.state.done}:
            w.note(_rating(kind, value, w))
            w.finish(goal)


def _weigh(w: Walk) -> bool:
    """Gate A. True where the channel is done with, False where it is gone through once more."""
    balanced = w.state.own("balanced_thought")
    before = w.state.active.before if w.state.active else None
    after = last_entry(w, "belief_after")
    value = after.value if after else None
    fell = before is not None and value is not None and before - value >= _FELL
    rose = before is not None and value is not None and value >= before
    passed = bool(balanced) and (fell or (w.state.unconvinced and not rose))
    words = (balanced[-1].quote, balanced[-1].turn) if balanced else ("", None)
    reason = f"balanced={bool(balanced)} before={before} after={value} unconvinced={w.state.unconvinced}"
    w.decide("verdict", passed, reason, words)
    time = w.spare >= CHANNEL * (1 + len(_waiting(w)))
    if not passed and w.state.attempt < _ROUNDS and time and not nothing_weighed(w):
        w.set(attempt=w.state.attempt + 1)
        w.enter("defense", w.state.channel)
        return False
    if w.state.active:
        w.change(w.state.active, status="closed")
    return True


def _waiting(w: Walk) -> list[int]:
    """Channels of this loop that are still to come."""
    found = [b.channel for b in w.state.beliefs if b.status == "taken" and b.channel is not None]
    return sorted(channel for channel in found if channel != w.state.channel)


def _go_on(w: Walk) -> Plan | None:
    """The next channel, gate B, or the close."""
    waiting = _waiting(w)
    if waiting and w.spare >= CHANNEL:
        w.set(attempt=1, unconvinced=False)
        w.enter("defense", waiting[0])
        return None
    if waiting:
        w.decide("residual", False, "no rounds left for the next channel")
        w.leave("cap")
        return None
    if w.state.goal == "residual":
        return _answered(w)
    return _residual(w)


def _residual(w: Walk) -> Plan | None:
    named = pool(w.state)
    if w.state.loop < MOST_LOOPS and w.spare >= LOOP:
        if named:
            w.decide("residual", True, f"named and not yet weighed: {named[0].distortion}", _of(named[0]))
            _again(w, short=False)
            return None
        if w.spare > LOOP:
            return w.ask("residual", "residual")
    w.decide("residual", False, "loops used up" if w.state.loop >= MOST_LOOPS else "no rounds left for another loop")
    _close(w, cap=bool(named))
    return None


def _answered(w: Walk) -> Plan | None:
    if w.puts_off and w.state.asked["residual"] < _RATING_ASKS and w.spare > LOOP:
        return w.ask("residual", "residual")
    kinds: tuple[Kind, ...] = ("automatic_thought", "intermediate_belief", "core_belief")
    done = {e.quote for e in w.state.settled if e.kind in kinds}
    new = [m for kind in kinds for m in w.now(kind) if m.quote not in done]
    if new and not w.reading.none_left and w.spare >= LOOP:
        w.decide("residual", True, "the client names another thought", (new[0].quote, new[0].turn))
        kept = [m.model_copy(update={"loop": w.state.loop + 1, "channel": None}) for m in new]
        others = [m for m in w.state.mentions if m not in new]
        w.set(mentions=(*others, *kept))
        _again(w, short=new[0].kind != "core_belief" and w.spare >= LOOP + 2)
    else:
        w.decide("residual", False, "no other thought named")
        _close(w, cap=False)
    return None


def _of(belief: object) -> tuple[str, int | None]:
    return (getattr(belief, "quote", ""), getattr(belief, "turn", None))


def _again(w: Walk, *, short: bool) -> None:
    w.set(loop=w.state.loop + 1, attempt=1, unconvinced=False, short=short)
    w.enter("automatic_thoughts" if short else "core_beliefs")


def _close(w: Walk, *, cap: bool) -> None:
    if cap:
        w.leave("cap")
    else:
        w.enter(None)
        w.set(phase="close")


STEP: dict[Step, Callable[[Walk], Plan | None]] = {
    "automatic_thoughts": automatic_thoughts,
    "intermediate_beliefs": intermediate_beliefs,
    "core_beliefs": core_beliefs,
    "defense": defense,
    "prosecution": prosecution,
    "verdict": verdict,
}
