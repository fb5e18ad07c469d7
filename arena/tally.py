"""Counts what sessions asked of their models: calls, tokens, and answers that could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from agents.dialogue import Usage
from agents.models.journal import CallEvent
from arena.play import SessionResult
from profiles.errors import BadOutput

UNREADABLE = "unreadable"
"""The kind of fault, beside those of servers, of an answer that was not what was asked for."""

_TOKENS = tuple(each.name for each in fields(Usage))
_COUNTS = ("calls", "replayed", "failed", "repaired")


@dataclass
class Tally:
    """Calls and tokens of one session by channel. ``repaired``: channels that asked for an unreadable answer anew."""

    channels: dict[str, dict[str, int | None]] = field(default_factory=dict)
    repaired: set[str] = field(default_factory=set)

    def add(self, event: CallEvent) -> None:
        """Count one call."""
        row = self.channels.setdefault(event.channel, {**dict.fromkeys(_COUNTS, 0), **dict.fromkeys(_TOKENS)})
        met = (True, event.replayed, event.failed is not None, event.repair)
        for name, count in zip(_COUNTS, met, strict=True):
            row[name] = (row[name] or 0) + count
        if event.repair and not event.replayed:
            self.repaired.add(event.channel)
        for name in _TOKENS:
            count = getattr(event.usage, name)
            if count is not None:
                row[name] = (row[name] or 0) + count


def left_unreadable(result: SessionResult, tally: Tally) -> int:
    """How many answers of this try were unreadable even after their repair."""
    bad = f"{BadOutput.kind}:"
    late = [("self" if each.judge == "self" else f"judge.{each.party.value}", each.reason) for each in result.judgments]
    late += [("safety", result.reader), ("fidelity", result.fidelity.reason if result.fidelity else "")]
    failed = result.failure is not None and result.failure.kind == BadOutput.kind
    spoken = failed and bool(tally.repaired & {"client", "counselor"})
    return spoken + sum(channel in tally.repaired and reason.startswith(bad) for channel, reason in late)
