"""Requests and tokens a minute: never more in any minute, and no less than there is room for."""

from __future__ import annotations

import asyncio
import time

import pytest

from agents.models.pace import Pace


async def begun(pace: Pace, tokens: list[int], spent: int | None = None) -> list[float]:
    """When each of these calls begins, in seconds from the start, all of them asked for at once."""
    started, times = time.monotonic(), []

    async def call(guess: int) -> None:
        await pace.turn(guess)
        times.append(time.monotonic() - started)
        pace.settle(guess, spent)

    await asyncio.gather(*(call(guess) for guess in tokens))
    return sorted(times)


async def test_without_limits_nothing_waits() -> None:
    assert (await begun(Pace(), [10_000] * 100))[-1] < 0.5


async def test_requests_are_spread_evenly() -> None:
    times = await begun(Pace(max_rpm=600), [0] * 6)
    gaps = [later - sooner for sooner, later in zip(times, times[1:], strict=False)]
    assert all(gap > 0.09 for gap in gaps)
    assert times[-1] < 2


async def test_tokens_count_where_they_are_the_tighter_limit() -> None:
    times = await begun(Pace(max_rpm=60_000, max_tpm=60_000), [100, 300, 100])
    assert times[1] == pytest.approx(0.1, abs=0.05)
    assert times[2] == pytest.approx(0.4, abs=0.1)


async def test_a_wrong_guess_is_put_right() -> None:
    pace = Pace(max_tpm=60_000)
    await pace.turn(1000)  # thought to fill a second
    pace.settle(1000, 100)
    started = time.monotonic()
    await pace.turn(0)
    assert time.monotonic() - started < 0.5


async def test_idle_time_is_not_saved_up() -> None:
    pace = Pace(max_rpm=600)
    await pace.turn(0)
    await asyncio.sleep(0.3)
    times = await begun(pace, [0] * 3)
    assert times[2] > 0.19


@pytest.mark.parametrize("limits", [{"max_rpm": 0}, {"max_tpm": -1}])
def test_a_limit_below_one_is_a_mistake(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Pace(**limits)


async def test_who_gives_up_waiting_gives_the_time_back() -> None:
    pace = Pace(max_rpm=60)
    await pace.turn(0)
    waiting = [asyncio.create_task(pace.turn(0)) for _ in range(30)]
    await asyncio.sleep(0.01)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    started = time.monotonic()
    await pace.turn(0)
    assert time.monotonic() - started < 1.5


async def test_what_was_too_much_is_made_good_also_when_it_is_known_late() -> None:
    pace = Pace(max_tpm=60_000)
    await pace.turn(100)
    await asyncio.sleep(0.2)
    pace.settle(100, 600)  # half a second more than was thought
    started = time.monotonic()
    await pace.turn(0)
    assert time.monotonic() - started > 0.4
