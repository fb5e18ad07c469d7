"""Step 3: the beliefs at the bottom, each with its distortion and its ratings, put in order as channels."""

from __future__ import annotations

from agents.counselors.crdial.course import MOST_CHANNELS, Entry, Kind
from agents.counselors.crdial.pacing import CHANNEL, HARD, LOOP, room
from agents.counselors.crdial.plan import Plan
from agents.counselors.crdial.pool import RANK, pool
from agents.counselors.crdial.state import Belief
from agents.counselors.crdial.walk import Walk

__all__ = ["core_beliefs", "take_feeling", "take_rating"]

_ASKS = 2  # times that a rating is asked for
_HELD = 20  # below this strength a thought need not be weighed: it could not fall by the points that count


def core_beliefs(w: Walk) -> Plan | None:
    """Ask for the belief, name what it sounds like, have it rated; then the strongest comes first."""
    _adopt(w)
    if w.state.goal in ("rate", "belief_too"):
        take_rating(w)
    _let_be(w)
    taken = _taken(w)
    places = room(len(taken), w.left, w.state.rounds)
    plan = _ask_core(w, taken, places) or _ask_other_number(w, places) or _ask_rating(w, taken, places)
    if plan is None:
        _settle(w, _taken(w))
    return plan


def _adopt(w: Walk) -> None:
    """Where no core belief shows a kind of its own, it takes that of the thought that led to it."""
    if any(b.kind == "core_belief" and b.status in ("named", "taken") for b in w.state.beliefs):
        return
    known = [b.distortion for b in w.state.beliefs if b.loop == w.state.loop and b.status != "rejected"]
    words = {b.key[1] for b in w.state.beliefs}
    for mention in [m for m in w.state.mentions if m.kind == "core_belief"]:
        belief = Belief(**mention.model_dump(exclude={"channel"}), distortion=known[-1] if known else "")
        if known and belief.key[1] not in words:
            w.set(beliefs=(*w.state.beliefs, belief))


def _taken(w: Walk) -> list[Belief]:
    return [b for b in w.state.beliefs if b.status == "taken" and b.channel is None]


def _ask_core(w: Walk, taken: list[Belief], places: int) -> Plan | None:
    if "core" in w.state.done:
        return None
    waiting = pool(w.state)
    core = [b for b in (*taken, *waiting) if b.kind == "core_belief"]
    if not core and not (w.state.loop > 1 and not w.state.short and waiting) and not w.tired_of("core"):
        return w.ask("core", "core_belief")
    if _more_is_welcome(w, len(taken) + len(waiting), places) and core and not taken:
        return w.ask("core_more", "core_belief")
    w.finish("core")
    return None


def _more_is_welcome(w: Walk, known: int, places: int) -> bool:
    fresh = "core_more" not in w.state.asked and w.state.goal != "rate" and w.state.turns_here
    return bool(fresh) and known < places and w.may_ask_on and not w.reading.none_left


def _ask_rating(w: Walk, taken: list[Belief], places: int) -> Plan | None:
    waiting = pool(w.state)
    asked = [b for b in w.state.beliefs if b.status == "named" and b.asks]
    following = (asked or waiting)[:1]
    if not following or len(taken) >= min(places, MOST_CHANNELS):
        return None
    if w.state.turns_here >= HARD or (taken and w.spare <= CHANNEL):
        return None
    belief = w.change(following[0], asks=following[0].asks + 1)
    return w.ask("rate", "belief_before", belief=belief.quote, distortion=belief.distortion, again=belief.asks - 1)


def _ask_other_number(w: Walk, places: int) -> Plan | None:
    """Of belief and feeling one number came: the other is asked for once, where a turn can be spared."""
    if w.state.goal != "rate" or not w.may_press or w.spare <= (CHANNEL + 1) * max(1, places):
        return None
    half = next((b for b in w.state.beliefs if b.rated == w.turn and b.status in ("named", "taken")), None)
    if half is None or (half.before is None) == (half.emotion is None):
        return None
    about = {"belief": half.quote, "distortion": half.distortion}
    if half.emotion is None:
        return w.ask_beside("feeling_too", "emotion_before", **about)
    w.change(half, asks=max(half.asks, _ASKS), status="named")
    return w.ask_beside("belief_too", "belief_before", **about)


def _let_be(w: Walk) -> None:
    """A belief whose number was asked for by itself, and something else came up: it is not asked for again."""
    for belief in w.state.beliefs:
        half = belief.status == "named" and belief.asks >= _ASKS and belief.emotion is not None
        if half and w.state.goal not in ("rate", "belief_too"):
            w.change(belief, status="taken")


def take_feeling(w: Walk) -> None:
    """The feeling with the belief that was rated last, where it was asked for by itself."""
    rated = [b for b in w.state.beliefs if b.status == "taken" and b.channel is None and b.rated is not None]
    if rated and w.reading.emotion is not None:
        last = max(rated, key=lambda belief: belief.rated or 0)
        w.change(last, emotion=w.reading.emotion if last.emotion is None else last.emotion)


def take_rating(w: Walk) -> None:
    """What the reply gives to the rating that was asked for."""
    asked = next((b for b in w.state.beliefs if b.status == "named" and b.asks), None)
    if asked is None:
        return
    value = w.reading.belief
    asked = w.change(asked, emotion=asked.emotion if w.reading.emotion is None else w.reading.emotion, rated=w.turn)
    if value is not None:
        w.change(asked, before=value, status="taken" if value >= _HELD else "rejected")
    elif w.reading.stance in ("disagrees", "declines"):
        w.change(asked, status="rejected")
    elif asked.asks >= _ASKS or w.state.turns_here >= HARD:
        w.change(asked, status="taken")


def _settle(w: Walk, taken: list[Belief]) -> None:
    """The gate: at least one belief with its kind, confirmed; the strongest becomes the first channel."""
    ordered = sorted(taken, key=lambda b: (-(-1 if b.before is None else b.before), RANK.index(b.kind)))
    if not ordered and w.spare < LOOP:
        w.leave_open("core_belief", "unfilled")
        w.decide("leave", False, "no rounds left to confirm a belief")
        w.leave("cap")
        return
    if not ordered:
        w.leave_open("core_belief", "declined" if w.reading.stance == "declines" else "unfilled")
        w.decide("leave", False, "no belief with its kind was confirmed")
        w.enter(None)
        w.set(phase="close")
        return
    for channel, belief in enumerate(ordered, start=1):
        _enter_in_record(w, w.change(belief, channel=channel))
    w.decide("leave", True, f"{len(ordered)} confirmed", (ordered[0].quote, ordered[0].turn))
    w.set(attempt=1, unconvinced=False)
    if w.spare >= CHANNEL:
        w.enter("defense", 1)
    else:
        w.leave("cap")


def _enter_in_record(w: Walk, belief: Belief) -> None:
    where = {"loop": w.state.loop, "channel": belief.channel}
    said = {"quote": belief.quote, "turn": belief.turn, "span": belief.span, "name": belief.distortion}
    w.note(Entry(kind="core_belief", **where, **said))
    ratings: tuple[tuple[Kind, int | None, str], ...] = (
        ("belief_before", belief.before, ""),
        ("emotion_before", belief.emotion, w.state.feeling),
    )
    for kind, value, name in ratings:
        if value is not None:
            w.note(Entry(kind=kind, **where, turn=belief.rated, value=value, name=name))
        elif belief.asks:
            w.note(Entry(kind=kind, **where, status="unfilled"))
