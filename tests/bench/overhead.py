"""What the arena costs on top of its model calls, beside a bare loop of the ``openai`` client doing the same calls."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI

from arena import RunConfig, run
from tests.bench.server import BenchServer, bench_server

SESSIONS = 64
ROUNDS = 8
CALLS = 2 * ROUNDS + 4  # client and counselor by turns, then three judges and the fidelity check at once
IN_SERIES = 2 * ROUNDS + 1

Bodies = dict[str, list[list[dict[str, Any]]]]
"""session -> steps, each of calls that go out together."""


def arena_run(server: BenchServer, seed: int, folder: Path) -> None:
    """64 sessions of 20 calls through graph, journal, guards, scoring and storage."""
    config = RunConfig(
        model="openai/bench",
        base_url=server.url,
        clients="8",
        repeats=SESSIONS // 8,
        rounds=ROUNDS,
        self_score=False,
        seed=seed,
        max_connections=256,
        db=str(folder / f"{seed}.db"),
    )
    result = run(config)
    assert result.statuses == {"finished": SESSIONS, "failed": 0}, result.statuses


def as_steps(asked: dict[str, dict[str, Any]]) -> Bodies:
    """The calls of each session in the order and company in which the arena made them."""
    steps: Bodies = defaultdict(list)
    for label, body in asked.items():
        session, channel, _ = label.split(":")
        together = channel not in ("client", "counselor") and len(steps[session]) == 2 * ROUNDS + 1
        if together:
            steps[session][-1].append(body)
        else:
            steps[session].append([body])
    assert len(steps) == SESSIONS and all(sum(map(len, each)) == CALLS for each in steps.values())
    return steps


def bare_loop(server: BenchServer, bodies: Bodies) -> None:
    """The same calls with the plain client, nothing kept."""

    async def main() -> None:
        async with AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0) as client:

            async def session(steps: list[list[dict[str, Any]]]) -> None:
                for step in steps:
                    await asyncio.gather(*(client.chat.completions.create(**body) for body in step))

            await asyncio.gather(*(session(steps) for steps in bodies.values()))

    asyncio.run(main())


def timed(work: Callable[[], None]) -> dict[str, float]:
    """Wall seconds, and processor milliseconds a call of this process."""
    wall, cpu = time.monotonic(), time.process_time()
    work()
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    return {"wall_s": round(wall, 3), "cpu_ms_per_call": round(1000 * cpu / (SESSIONS * CALLS), 3)}


def measure(latency: float, times: int) -> dict[str, Any]:
    """Both, by turns, after one unmeasured run of each; medians."""
    arena, bare = [], []
    with tempfile.TemporaryDirectory() as place, bench_server(latency) as server:
        folder = Path(place)
        for turn in range(times + 1):
            ours = timed(lambda turn=turn: arena_run(server, turn, folder))
            bodies = as_steps(server.asked())
            theirs = timed(lambda bodies=bodies: bare_loop(server, bodies))
            if turn:
                arena.append(ours)
                bare.append(theirs)
    middle = {
        who: {name: statistics.median(row[name] for row in rows) for name in rows[0]}
        for who, rows in (("arena", arena), ("bare_loop", bare))
    }
    ideal = IN_SERIES * latency
    return {
        "sessions": SESSIONS,
        "calls_a_session": CALLS,
        "latency_s": latency,
        **middle,
        "cpu_ratio": round(middle["arena"]["cpu_ms_per_call"] / middle["bare_loop"]["cpu_ms_per_call"], 3),
        "ideal_wall_s": ideal,
        "wall_over_ideal": round(middle["arena"]["wall_s"] / ideal, 3),
        "bare_wall_over_ideal": round(middle["bare_loop"]["wall_s"] / ideal, 3),
    }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.overhead", description=__doc__)
    parser.add_argument("--latency", type=float, default=0.25, help="seconds")
    parser.add_argument("--times", type=int, default=3)
    chosen = parser.parse_args()
    json.dump(measure(chosen.latency, chosen.times), sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
