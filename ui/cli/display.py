"""What a person sees while a run goes: one live display, or plain lines where there is no terminal."""

from __future__ import annotations

import time
from collections import Counter
from decimal import Decimal
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from agents.models.base import OFFLINE
from agents.models.pricing import cost
from arena.events import CallFinished, Event, Notice, RunPlanned, SessionEnded, SessionPaused, SessionStarted

_ON_FIRST_LINE = 3  # how the sessions stand; calls, tokens, cost and time come below
_PLAIN_EVERY = 10.0  # seconds between plain lines


class Display:
    """Counts events and shows them on stderr. ``quiet`` shows nothing."""

    def __init__(self, quiet: bool = False, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._quiet = quiet
        self._counts: Counter[str] = Counter()
        self._cost: Decimal | None = Decimal(0)  # None as soon as one call's price is unknown
        self._planned = 0
        self._before = 0
        self._started = time.monotonic()
        self._last_line = 0.0
        self._bar = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=self._console)
        self._task = self._bar.add_task("sessions", total=None)
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if not self._quiet and self._console.is_terminal:
            self._live = Live(console=self._console, get_renderable=self._render, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()
        if not self._quiet and self._planned and kind is None:
            self._console.print(self._line(), highlight=False, soft_wrap=True)

    def observe(self, event: Event) -> None:
        """Take one event."""
        if isinstance(event, Notice):
            self._say(event.line)
        elif isinstance(event, RunPlanned):
            self._plan(event)
        elif isinstance(event, SessionStarted):
            self._counts["in flight"] += 1
        elif isinstance(event, SessionPaused):
            self._counts["in flight"] -= 1
        elif isinstance(event, SessionEnded):
            self._end(event)
        elif isinstance(event, CallFinished):
            self._count_call(event)
        self._maybe_line()

    def _plan(self, event: RunPlanned) -> None:
        self._planned, self._before = event.planned, event.done + event.failed
        self._counts["finished"], self._counts["failed"] = event.done, event.failed
        self._started = time.monotonic()
        self._bar.update(self._task, total=event.planned, completed=self._before)
        if not self._quiet and self._before:
            failed = f", {event.failed} failed" if event.failed else ""
            self._console.print(
                f"run {event.run_id}: {event.done} of {event.planned} sessions are done already{failed}", soft_wrap=True
            )

    def _end(self, event: SessionEnded) -> None:
        self._counts["in flight"] -= 1
        self._counts[event.status] += 1
        self._bar.advance(self._task)
        if event.error:
            self._say(f"failed: {event.counselor} with {event.profile_id}: {event.error}")

    def _say(self, line: str) -> None:
        if not self._quiet:
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _count_call(self, event: CallFinished) -> None:
        self._counts["calls"] += 1
        self._counts["replayed"] += event.replayed
        if not event.replayed and event.model != OFFLINE:
            self._counts["tokens in"] += event.usage.prompt_tokens or 0
            self._counts["tokens out"] += event.usage.completion_tokens or 0
            price = cost(event.model, event.usage)
            self._cost = None if price is None or self._cost is None else self._cost + price

    def _maybe_line(self) -> None:
        now = time.monotonic()
        if self._quiet or self._live or not self._planned or now - self._last_line < _PLAIN_EVERY:
            return
        if self._last_line:
            self._console.print(self._line(), highlight=False, soft_wrap=True)
        self._last_line = now

    def _render(self) -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_row(self._bar)
        parts = self._parts()
        table.add_row(" · ".join(parts[:_ON_FIRST_LINE]))
        table.add_row(" · ".join(parts[_ON_FIRST_LINE:]))
        return table

    def _line(self) -> str:
        return " · ".join(self._parts())

    def _parts(self) -> list[str]:
        counts = self._counts
        parts = [f"{counts['finished']} of {self._planned} sessions finished", f"{counts['failed']} failed"]
        parts += [f"{counts['in flight']} in flight", f"{counts['calls']} calls"]
        if counts["replayed"]:
            parts.append(f"{counts['replayed']} not asked again")
        if counts["tokens in"]:
            parts.append(f"{counts['tokens in']:,} + {counts['tokens out']:,} tokens")
            parts.append("cost unknown" if self._cost is None else f"{self._cost:.2f} US dollars")
        parts.append(self._time())
        return parts

    def _time(self) -> str:
        spent = time.monotonic() - self._started
        ended = self._counts["finished"] + self._counts["failed"] - self._before
        left = self._planned - self._before - ended
        if not ended or not left:
            return f"{_clock(spent)} spent"
        return f"{_clock(spent)} spent, about {_clock(spent / ended * left)} left"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
