"""Which of the named beliefs may become a channel: what is closed or rejected never comes back."""

from __future__ import annotations

from agents.counselors.crdial.course import Kind
from agents.counselors.crdial.state import Belief, CrdialState

__all__ = ["RANK", "pool"]

RANK: tuple[Kind, ...] = ("core_belief", "intermediate_belief", "automatic_thought")


def pool(state: CrdialState) -> list[Belief]:
    """Beliefs that wait: core beliefs first, and beside them only thoughts of another distortion."""
    used = {b.distortion for b in state.beliefs if b.status in ("taken", "closed")}
    waiting = [b for b in state.beliefs if b.status == "named"]
    found: list[Belief] = []
    for belief in sorted(waiting, key=lambda b: RANK.index(b.kind)):
        if belief.kind == "core_belief" or belief.distortion not in used:
            found.append(belief)
            used.add(belief.distortion)
    return found
