"""Counts what sessions asked of their models: calls, tokens, and answers that could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.dialogue import Usage
from agents.models.journal import CallEvent
from arena.play import SessionResult
from profiles.errors import BadOutput

UNREADABLE = "unreadable"
"""The kind of fault, beside those of servers, of an answer that was not what was asked for."""

_COUNTS = ("calls", "replayed", "failed", "repaired")


@dataclass
class Tally:
    """Calls and tokens of one session by channel. ``asked_again``: calls that asked for an unreadable answer anew."""

    channels: dict[str, dict[str, int | None]] = field(default_factory=dict)
    asked_again: int = 0

    def add(self, event: CallEvent) -> None:
        """Count one call."""
        row = self.channels.setdefault(
            event.channel, {**dict.fromkeys(_COUNTS, 0), **dict.fromkeys(Usage.model_fields)}
        )
        met = (True, event.replayed, event.failed is not None, event.repair)
        for name, count in zip(_COUNTS, met, strict=True):
            row[name] = (row[name] or 0) + count
        self.asked_again += event.repair and not event.replayed
        for name in Usage.model_fields:
            count = getattr(event.usage, name)
            if count is not None:
                row[name] = (row[name] or 0) + count


def left_unreadable(result: SessionResult) -> int:
    """How many calls of a session ended with an answer that was unreadable even after its repair."""
    bad = BadOutput.kind
    read_late = [judgment.reason for judgment in result.judgments]
    read_late += [result.reader, result.fidelity.reason if result.fidelity else ""]
    failed = result.failure is not None and result.failure.kind == bad
    return failed + sum(reason.startswith(f"{bad}:") for reason in read_late)
