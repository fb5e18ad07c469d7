"""How busy and how patient we are with one server: calls at a time, attempts, and the waits between them."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from agents.models.pace import Pace
from profiles.errors import ModelError, RateLimited, Unavailable

__all__ = ["Fault", "Limiter", "Patience", "patiently", "retry_after"]

T = TypeVar("T")

_log = logging.getLogger(__name__)
_chance = random.Random()  # spreads waits only; no result depends on it
_PASSING = frozenset({"408", "409", "425", "429", "connection", "timeout", "malformed"})
_TOO_LONG = re.compile(
    r"context[ _-]?(length|window|size)|max_model_len|too many tokens|(prompt|input)\b.{0,40}too long",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Fault:
    """One failed attempt.

    Args:
        kind: the HTTP status as text, or ``connection``, ``timeout``, ``malformed`` (in no known form).
        words: what the server said, on one line, without the key.
        code: the server's own error code.
        wait: seconds that the server asks us to wait.
    """

    kind: str
    words: str = ""
    code: str = ""
    wait: float | None = None

    @property
    def passing(self) -> bool:
        """Whether another attempt may fare better."""
        return (self.kind in _PASSING or self.kind.startswith("5")) and not self.used_up

    @property
    def used_up(self) -> bool:
        """Whether the account's quota is spent, which is a 429 that no waiting mends."""
        return self.code == "insufficient_quota"

    @property
    def too_long(self) -> bool:
        """Whether the prompt did not fit into the model's window."""
        known = self.code == "context_length_exceeded" or self.kind == "413"
        return known or (self.kind == "400" and bool(_TOO_LONG.search(self.words)))

    def __str__(self) -> str:
        return f"{self.kind}: {self.words[:200]}" if self.words else self.kind


@dataclass(frozen=True)
class Patience:
    """What one call may cost in attempts and seconds.

    Args:
        attempts: tries in all, at least 1.
        timeout: seconds that one attempt may last.
        deadline: seconds for all attempts and the waits between them; queueing for a place is not counted.
        first_wait: seconds before the second attempt; doubled for each one after it.
        longest_wait: the most seconds waited at once, whatever the server asks for.
    """

    attempts: int = 6
    timeout: float = 180.0
    deadline: float = 600.0
    first_wait: float = 0.5
    longest_wait: float = 60.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"attempts must be at least 1, not {self.attempts}")

    def wait(self, failures: int, asked: float | None, chance: float) -> float:
        """Seconds until the next attempt.

        Never less than the server asked for, unless that is more than ``longest_wait``.

        Args:
            failures: attempts that have failed, from 1.
            asked: the server's Retry-After in seconds, if it sent one.
            chance: 0-1, spreads the attempts of many sessions.
        """
        backoff = min(self.first_wait * 2.0 ** (failures - 1), self.longest_wait) * (0.5 + chance / 2)
        if asked is None:
            return backoff
        return max(min(asked, self.longest_wait) + self.first_wait * chance / 2, backoff)


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """The seconds a server asks us to wait: ``retry-after-ms``, or ``retry-after`` (seconds or an HTTP date).

    Returns:
        Seconds, at least 0; ``None`` where there is no such header or it cannot be read.
    """
    milliseconds = _seconds(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after", "")
    seconds = _seconds(value)
    return _until(value, now or datetime.now(UTC)) if seconds is None else seconds


def _seconds(value: str) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        return None
    return max(seconds, 0.0) if abs(seconds) < float("inf") else None


def _until(value: str, now: datetime) -> float | None:
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max((aware - now).total_seconds(), 0.0)


class Limiter:
    """Lets at most ``limit`` calls at a time through to a server; fewer after a 429, slowly more again.

    A 429 halves the limit (never below 1). Calls that were already on their way when it was halved do not
    halve it again, as they tell of the same jam. As many good answers as the limit allows
    calls raise it by one, up to where it began: quick to fall and slow to rise, as TCP does it.

    Attributes:
        limit: calls allowed at a time now.
        in_flight: calls that are out now.
        pace: requests and tokens a minute.
        faults: failed attempts by kind (``429``, ``500``, ``connection``, ``timeout``, ...).
    """

    def __init__(self, max_connections: int = 8, pace: Pace | None = None) -> None:
        if max_connections < 1:
            raise ValueError(f"max_connections must be at least 1, not {max_connections}")
        self.limit = self._most = max_connections
        self.in_flight = 0
        self.pace = pace or Pace()
        self.faults: Counter[str] = Counter()
        self._answers = 0
        self._cuts = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def slot(self, tokens: int = 0) -> AsyncIterator[int]:
        """Wait for a place and hold it. The value is the ticket that ``throttled`` wants.

        Args:
            tokens: about how many the call will take, in and out.
        """
        await self._enter()
        try:
            await self.pace.turn(tokens)  # with the place in hand, else those who waited for one would start as a crowd
            yield self._cuts
        finally:
            self._leave()

    def answered(self) -> None:
        """Take note of a good answer."""
        self._answers += 1
        if self._answers >= self.limit and self.limit < self._most:
            self.limit += 1
            self._answers = 0
            self._admit()

    def throttled(self, ticket: int) -> None:
        """Take note of a 429 to the call that holds ``ticket``."""
        self._answers = 0
        if ticket == self._cuts:
            self._cuts += 1
            self.limit = max(1, self.limit // 2)

    async def _enter(self) -> None:
        if self.in_flight < self.limit and not self._waiting:
            self.in_flight += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # admitted and cancelled in one step: the place goes to the next
                self._leave()
            raise

    def _leave(self) -> None:
        self.in_flight -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self.in_flight < self.limit:
            turn = self._waiting.popleft()
            if not turn.cancelled():
                self.in_flight += 1
                turn.set_result(None)


async def patiently(
    attempt: Callable[[float], Awaitable[T | Fault]],
    limiter: Limiter,
    patience: Patience,
    server: str,
    *,
    hasty: bool = False,
    tokens: int = 0,
) -> tuple[T, float] | Fault:
    """Attempt something on a server until it answers, declines for good, or our patience ends.

    Args:
        attempt: gets the seconds it may last.
        limiter: gives it a place, and takes note of how it went.
        patience: how often, and how long in all.
        server: how the server is called in errors and the log.
        hasty: come back at once with a fault that is not an HTTP status.
        tokens: about how many an attempt will take, in and out.

    Returns:
        The answer and the seconds that its attempt took, or a fault that no other attempt would mend.

    Raises:
        RateLimited, Unavailable: our patience ended.
    """
    spent, attempts = 0.0, 0
    while True:
        attempts += 1
        allowed = min(patience.timeout, patience.deadline - spent)
        answer, seconds = await _attempt(attempt, limiter, allowed, tokens, count=not hasty)
        if not isinstance(answer, Fault):
            return answer, seconds
        if not (answer.passing or answer.used_up) or (hasty and not answer.kind.isdigit()):
            return answer
        wait = patience.wait(attempts, answer.wait, _chance.random())
        spent += seconds + wait
        if answer.used_up or attempts == patience.attempts or spent >= patience.deadline:
            raise _worn_out(server, answer, attempts)
        _log.info("%s: %s; attempt %d in %.1f s", server, answer, attempts + 1, wait)
        await asyncio.sleep(wait)


async def _attempt(
    attempt: Callable[[float], Awaitable[T | Fault]], limiter: Limiter, allowed: float, tokens: int, *, count: bool
) -> tuple[T | Fault, float]:
    async with limiter.slot(tokens) as ticket:
        started = time.monotonic()
        answer = await attempt(allowed)
        if not isinstance(answer, Fault):
            limiter.answered()
        else:
            limiter.faults[answer.kind] += count  # a list of models that a server does not keep is no fault
            if answer.kind == "429":
                limiter.throttled(ticket)
        return answer, time.monotonic() - started


def _worn_out(server: str, fault: Fault, attempts: int) -> ModelError:
    kind = RateLimited if fault.kind == "429" else Unavailable
    return kind(f"{server} gave no answer in {attempts} attempt{'s' * (attempts > 1)}: {fault}")
