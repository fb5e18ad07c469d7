"""What happens in a run, as typed events: displays and logs subscribe, look, and do not touch."""

from __future__ import annotations

from collections.abc import Callable

from agents.dialogue import Turn, Usage
from profiles.schema import Record


class Notice(Record):
    """One line about what takes long before or between sessions, such as a server that starts."""

    line: str


class RunPlanned(Record):
    """A run is about to start: ``planned`` sessions; ``done`` finished and ``failed`` failed before, for good."""

    run_id: str
    planned: int
    done: int
    failed: int = 0


class SessionStarted(Record):
    """A session has begun."""

    session_id: str
    counselor: str
    profile_id: str


class TurnTaken(Record):
    """Somebody has spoken."""

    session_id: str
    turn: Turn


class CallFinished(Record):
    """A model has answered (or failed, when ``failed`` names the kind); ``replayed`` ones came from the journal."""

    session_id: str
    channel: str
    model: str
    usage: Usage
    replayed: bool
    failed: str | None = None


class SessionEnded(Record):
    """A session is stored. ``error`` is one line where it failed."""

    session_id: str
    counselor: str
    profile_id: str
    status: str
    error: str | None = None


class SessionPaused(Record):
    """A session was left in the middle because the run's budget is spent; its calls are kept."""

    session_id: str


class RunEnded(Record):
    """All sessions of a run have ended; or the run was ``stopped``, for the reason that stands there."""

    run_id: str
    finished: int
    failed: int
    stopped: str | None = None


Event = Notice | RunPlanned | SessionStarted | TurnTaken | CallFinished | SessionEnded | SessionPaused | RunEnded
Observer = Callable[[Event], None]


def ignore(event: Event) -> None:
    """An observer that looks away."""
