"""The limiter's places, its answer to 429, and how long we wait."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.models.limits import Fault, Limiter, Patience, patiently, retry_after
from agents.models.pace import Pace
from profiles.errors import RateLimited, Unavailable

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


class Crowd:
    """Counts who is inside at a time."""

    def __init__(self, limiter: Limiter) -> None:
        self.limiter, self.inside, self.most = limiter, 0, 0

    async def visit(self, seconds: float = 0.001) -> None:
        async with self.limiter.slot():
            self.inside += 1
            self.most = max(self.most, self.inside)
            await asyncio.sleep(seconds)
            self.inside -= 1


async def test_no_more_than_the_limit_are_in_flight() -> None:
    crowd = Crowd(Limiter(3))
    await asyncio.gather(*(crowd.visit() for _ in range(20)))
    assert crowd.most == 3
    assert crowd.limiter.in_flight == 0


async def test_a_429_halves_the_limit_down_to_one() -> None:
    limiter = Limiter(8)
    seen = []
    for _ in range(5):
        async with limiter.slot() as ticket:
            limiter.throttled(ticket)
        seen.append(limiter.limit)
    assert seen == [4, 2, 1, 1, 1]


async def test_one_jam_halves_once() -> None:
    limiter = Limiter(8)

    async def jammed() -> None:
        async with limiter.slot() as ticket:
            await asyncio.sleep(0.001)
            limiter.throttled(ticket)

    await asyncio.gather(*(jammed() for _ in range(8)))
    assert limiter.limit == 4


async def test_a_lowered_limit_holds_and_recovers_slowly() -> None:
    limiter = Limiter(4)
    for _ in range(2):
        async with limiter.slot() as ticket:
            limiter.throttled(ticket)
    crowd = Crowd(limiter)
    await asyncio.gather(*(crowd.visit() for _ in range(5)))
    assert crowd.most == 1
    seen = []
    for _ in range(12):
        limiter.answered()
        seen.append(limiter.limit)
    assert seen == [2, 2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4]


async def test_a_risen_limit_lets_the_waiting_in() -> None:
    limiter = Limiter(2)
    async with limiter.slot() as ticket:
        limiter.throttled(ticket)
        waiting = asyncio.create_task(Crowd(limiter).visit())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        limiter.answered()
        await asyncio.wait_for(waiting, 1)


@pytest.mark.parametrize("when", ["waiting", "admitted"])
async def test_a_cancelled_visitor_costs_no_place(when: str) -> None:
    limiter = Limiter(1)
    async with limiter.slot():
        visitor = asyncio.create_task(Crowd(limiter).visit())
        await asyncio.sleep(0)
        if when == "waiting":
            visitor.cancel()
    if when == "admitted":  # the place is the visitor's already, though it has not run since
        assert limiter.in_flight == 1
        visitor.cancel()
    with pytest.raises(asyncio.CancelledError):
        await visitor
    await asyncio.wait_for(Crowd(limiter).visit(), 1)
    assert limiter.in_flight == 0


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Limiter(0)
    with pytest.raises(ValueError, match="at least 1"):
        Patience(attempts=0)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": format_datetime(NOW + timedelta(seconds=90), usegmt=True)}, 90),
        ({"retry-after": format_datetime(NOW - timedelta(seconds=90), usegmt=True)}, 0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds


@given(failures=st.integers(1, 12), asked=st.none() | st.floats(0, 1e6, allow_nan=False), chance=st.floats(0, 1))
def test_waits_are_bounded_and_respect_the_server(failures: int, asked: float | None, chance: float) -> None:
    patience = Patience(first_wait=0.5, longest_wait=20)
    wait = patience.wait(failures, asked, chance)
    assert 0 < wait <= 20.25
    if asked is not None:
        assert wait >= min(asked, 20)


def test_waits_grow() -> None:
    waits = [Patience().wait(failures, None, 1) for failures in (1, 2, 3, 4, 20)]
    assert waits == [0.5, 1, 2, 4, 60]


QUICK = Patience(attempts=4, timeout=5, deadline=5, first_wait=0.001)


class Flaky:
    """Fails as told, then answers."""

    def __init__(self, *faults: Fault) -> None:
        self.faults, self.allowed = list(faults), []

    async def __call__(self, seconds: float) -> str | Fault:
        self.allowed.append(seconds)
        return self.faults.pop(0) if self.faults else "answer"


async def test_passing_faults_are_waited_out_and_counted() -> None:
    limiter = Limiter(8)
    outcome = await patiently(Flaky(Fault("500"), Fault("429"), Fault("timeout")), limiter, QUICK, "the server")
    assert not isinstance(outcome, Fault)
    assert outcome[0] == "answer"
    assert limiter.faults == {"500": 1, "429": 1, "timeout": 1}
    assert limiter.limit == 4


@pytest.mark.parametrize(
    ("fault", "error"), [(Fault("429", "slow down"), RateLimited), (Fault("503", "overloaded"), Unavailable)]
)
async def test_patience_ends(fault: Fault, error: type[Exception]) -> None:
    flaky = Flaky(*[fault] * 9)
    with pytest.raises(error, match=rf"the server gave no answer in 4 attempts: {fault}"):
        await patiently(flaky, Limiter(), QUICK, "the server")
    assert len(flaky.allowed) == 4


async def test_a_spent_quota_is_not_waited_for() -> None:
    flaky = Flaky(*[Fault("429", "quota", code="insufficient_quota")] * 9)
    with pytest.raises(RateLimited, match="1 attempt:"):
        await patiently(flaky, Limiter(), QUICK, "the server")


async def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    flaky = Flaky(*[Fault("503", wait=30)] * 9)
    started = asyncio.get_running_loop().time()
    with pytest.raises(Unavailable):
        await patiently(flaky, Limiter(), QUICK, "the server")
    assert asyncio.get_running_loop().time() - started < 1
    assert len(flaky.allowed) == 1


async def test_attempts_get_less_and_less_of_the_deadline() -> None:
    flaky = Flaky(*[Fault("503", wait=0.05)] * 3)
    await patiently(flaky, Limiter(), Patience(timeout=9, deadline=1, first_wait=0.001), "the server")
    assert flaky.allowed[0] == 1
    assert flaky.allowed == sorted(flaky.allowed, reverse=True)
    assert flaky.allowed[3] <= 0.85


async def test_a_place_is_free_while_a_call_waits() -> None:
    limiter = Limiter(1)
    waiting = asyncio.create_task(patiently(Flaky(Fault("503", wait=0.3)), limiter, QUICK, "the server"))
    await asyncio.sleep(0.05)
    await asyncio.wait_for(patiently(Flaky(), limiter, QUICK, "the server"), 0.2)
    assert not waiting.done()
    await waiting


async def test_those_who_waited_for_a_place_do_not_start_as_a_crowd() -> None:
    limiter = Limiter(1, pace=Pace(max_rpm=1200))
    started: list[float] = []

    async def visit(seconds: float) -> None:
        async with limiter.slot():
            started.append(time.monotonic())
            await asyncio.sleep(seconds)

    await asyncio.gather(visit(0.3), *(visit(0.0) for _ in range(4)))
    gaps = [later - sooner for sooner, later in zip(started, started[1:], strict=False)]
    assert all(gap > 0.045 for gap in gaps), gaps
