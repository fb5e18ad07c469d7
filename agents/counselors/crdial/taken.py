"""Says what of a reply the next turn takes up first: what it settled, or how it was left open."""

from __future__ import annotations

from agents.counselors.crdial.course import Entry
from agents.counselors.crdial.walk import Walk

__all__ = ["taken_up"]

_BEFORE = ("belief_before", "emotion_before")
_RATED = ("belief_before", "belief_after", "belief_end", "emotion_before", "emotion_after")
_MILD = 50  # emotion 0-100 below which nobody calls it strong


def taken_up(w: Walk, asked: str) -> dict[str, str]:
    """What of the reply is to be taken up first: what it settled, the thing itself before the feeling with it."""
    deep = w.now("core_belief")
    if deep and w.state.goal in ("core_more", "rate"):
        return {"took": "core_belief", "took_quote": deep[-1].quote}
    told = [e for e in w.entries if e.kind not in ("situation", *_BEFORE) or e.status == "filled"]
    settled = [e for e in told if not e.kind.startswith("emotion")] or told
    answered = asked == "residual" and w.state.goal != "residual" and w.state.phase == "close"
    if answered and w.reading.stance not in ("rupture", "declines"):
        return {"took": "residual"}
    if settled:
        last = settled[-1]
        if last.kind in _RATED and w.reading.belief is None and w.reading.emotion is None:
            return {"took": ""}  # settled earlier; the client has just said something else
        no_other_view = last.kind == "balanced_thought" and last.status != "filled" and w.reading.stance == "disagrees"
        took = "none_balanced_thought" if no_other_view else _name_of(last)
        return {"took": took, "took_quote": last.quote}
    if asked == "agree" and w.reading.stance not in ("declines", "disagrees"):
        return {"took": "agree"}
    if asked == "feeling_too" and w.reading.emotion is not None:
        return {"took": "emotion_before_mild" if w.reading.emotion < _MILD else "emotion_before"}
    rated = asked in ("rate", "belief_too") and w.reading.belief is not None
    return {"took": "belief_before" if rated and w.state.goal != "feeling_too" else ""}


def _name_of(entry: Entry) -> str:
    """How the phrase file calls what was settled."""
    if entry.status == "none":
        return "none" if entry.kind.startswith("evidence") else f"none_{entry.kind}"
    if entry.status != "filled":
        return entry.status
    mild = entry.kind == "emotion_before" and (entry.value or 0) < _MILD
    return f"{entry.kind}_mild" if mild else entry.kind
