"""What the arena costs on top of its model calls, beside a bare loop of the ``openai`` client doing the same calls.

Each contestant runs in a process of its own that has imported nothing else, meets a server of fixed latency in another
process, does the whole work once unmeasured, and is then measured; they take turns.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.server import BenchServer, bench_server

SESSIONS = 64
ROUNDS = 8
CALLS = 2 * ROUNDS + 4  # client and counselor by turns, then three judges and the fidelity check at once
IN_SERIES = 2 * ROUNDS + 1

Steps = dict[str, list[list[dict[str, Any]]]]
"""session -> steps, each of the request bodies that go out together."""


def arena_run(url: str, seed: int, folder: Path) -> None:
    """64 sessions of 20 calls through graph, journal, guards, scoring and storage."""
    from arena import RunConfig, run

    config = RunConfig(
        model="openai/bench",
        base_url=url,
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


def bare_loop(url: str, steps: Steps) -> None:
    """The same calls with the plain client, nothing kept."""
    from openai import AsyncOpenAI

    async def main() -> None:
        async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:

            async def session(own: list[list[dict[str, Any]]]) -> None:
                for step in own:
                    await asyncio.gather(*(client.chat.completions.create(**body) for body in step))

            await asyncio.gather(*(session(own) for own in steps.values()))

    asyncio.run(main())


def as_steps(asked: dict[str, dict[str, Any]]) -> Steps:
    """The calls of each session in the order and company in which the arena made them."""
    steps: Steps = defaultdict(list)
    for label, body in asked.items():
        session, channel, _ = label.split(":")
        if channel not in ("client", "counselor") and len(steps[session]) == IN_SERIES:
            steps[session][-1].append(body)
        else:
            steps[session].append([body])
    assert len(steps) == SESSIONS and all(sum(map(len, each)) == CALLS for each in steps.values())
    return steps


def timed(work: Callable[[], None]) -> dict[str, float]:
    """Wall seconds, and processor milliseconds a call of this process."""
    wall, cpu = time.monotonic(), time.process_time()
    work()
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    return {"wall_s": round(wall, 3), "cpu_ms_per_call": round(1000 * cpu / (SESSIONS * CALLS), 3)}


def contend(who: str, url: str, place: Path) -> None:
    """Be one contestant: the work once for warmth, once for the record."""
    if who == "arena":
        seeds = iter(range(time.monotonic_ns() % 10**9, 10**10))
        work: Callable[[], None] = lambda: arena_run(url, next(seeds), place)  # noqa: E731
    else:
        steps = json.loads((place / "steps.json").read_text(encoding="utf-8"))
        work = lambda: bare_loop(url, steps)  # noqa: E731
    work()
    json.dump(timed(work), sys.stdout)


def contest(command: list[str], server: BenchServer) -> dict[str, float]:
    """Run one contestant and read its figures."""
    server.asked()  # forgets what others asked
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    figures: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


def measure(latency: float, times: int) -> dict[str, Any]:
    """All contestants by turns; medians, and ratios to the bare loop."""
    rows: dict[str, list[dict[str, float]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name, bench_server(latency) as server:
        place = Path(name)
        arena_run(server.url, 0, place)
        (place / "steps.json").write_text(json.dumps(as_steps(server.asked())), encoding="utf-8")
        for _ in range(times):
            for who, command in contestants(server.url, place).items():
                rows[who].append(contest(command, server))
    middle = {who: {key: statistics.median(row[key] for row in own) for key in own[0]} for who, own in rows.items()}
    bare, ours = middle["bare_loop"], middle["arena"]
    return {
        "sessions": SESSIONS,
        "calls_a_session": CALLS,
        "latency_s": latency,
        "ideal_wall_s": IN_SERIES * latency,
        **{who: {**own, **ratios(own, bare, ours, latency)} for who, own in middle.items()},
    }


def contestants(url: str, place: Path) -> dict[str, list[str]]:
    """Their commands. A peer runs in the environment that ``PEERS`` names, where it is installed."""
    own = [sys.executable, "-m", "tests.bench.overhead", "--url", url, "--place", str(place), "--as"]
    found = {"bare_loop": [*own, "bare_loop"], "arena": [*own, "arena"]}
    if peers := os.environ.get("PEERS"):
        peer = str(Path(__file__).with_name("peer_inspect.py"))
        found["inspect_ai"] = [f"{peers}/bin/python", peer, url, str(place)]
    return found


def ratios(own: dict[str, float], bare: dict[str, float], ours: dict[str, float], latency: float) -> dict[str, float]:
    """Processor time beside the bare loop and the arena, and wall time beside calls that cost nothing."""
    cpu = own["cpu_ms_per_call"]
    return {
        "cpu_of_bare_loop": round(cpu / bare["cpu_ms_per_call"], 3),
        "cpu_of_arena": round(cpu / ours["cpu_ms_per_call"], 2),
        "wall_of_ideal": round(own["wall_s"] / (IN_SERIES * latency), 3),
    }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.overhead", description=__doc__)
    parser.add_argument("--latency", type=float, default=0.25, help="seconds")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--as", dest="who", choices=("arena", "bare_loop"), help="be this contestant")
    parser.add_argument("--url")
    parser.add_argument("--place", type=Path)
    chosen = parser.parse_args()
    if chosen.who:
        contend(chosen.who, chosen.url, chosen.place)
        return
    json.dump(measure(chosen.latency, chosen.times), sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
