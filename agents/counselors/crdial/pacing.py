"""How the rounds are shared out: what a step, a channel and the close need, and what is left for more.

``left`` counts the counselor turns that can still be spoken, the present one included. Limits are project defaults: no
per-step limits are published.
"""

from __future__ import annotations

from agents.counselors.crdial.course import MOST_CHANNELS, Step

__all__ = ["CHANNEL", "HARD", "LOOP", "close_turns", "needed_after", "room", "tries"]

HARD = 6  # turns in one step, whatever happens
_SOFT = 3  # times that one thing is asked for where there is time
_BRISK = 2
_RELAXED_FROM = 40  # rounds of a session from which there is time
CHANNEL = 4  # turns of the shortest channel: for, against, balanced thought, rating
_USUAL = 5
_RATE = 1
LOOP = CHANNEL + _RATE
_AFTER: dict[Step, int] = {
    "automatic_thoughts": 3 + CHANNEL,
    "intermediate_beliefs": 2 + CHANNEL,
    "core_beliefs": CHANNEL,
    "defense": 3,
    "prosecution": 2,
    "verdict": 1,
}


def close_turns(rounds: int) -> int:
    """Turns that the close needs: rating, next step, good-bye; in a very short session two of them."""
    return 3 if rounds >= 10 else 2


def needed_after(step: Step) -> int:
    """Turns that must be left, beside the close, when a step is done."""
    return _AFTER[step]


def tries(rounds: int) -> int:
    """How often one thing is asked for."""
    return _SOFT if rounds >= _RELAXED_FROM else _BRISK


def room(taken: int, left: int, rounds: int) -> int:
    """How many channels can be finished, those already rated among them."""
    spare = left - close_turns(rounds) - _USUAL * taken
    more = spare // (_USUAL + _RATE)
    if taken == 0 and spare >= LOOP:
        more = max(1, more)
    return min(MOST_CHANNELS, taken + max(0, more))
