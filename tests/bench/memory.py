"""What a run keeps in memory: of sessions that ended, and of those that are under way at the same time."""

from __future__ import annotations

import argparse
import dataclasses
import gc
import json
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from arena import RunConfig, run
from tests.bench.server import bench_server

CLIENTS = 8
WARM_UP = 16  # sessions


@dataclass(frozen=True)
class Load:
    """Sessions of one run, how many of them at a time, their rounds, and the server's latency in seconds."""

    sessions: int
    at_a_time: int
    rounds: int
    latency: float


# The second pair plays as many sessions each time, so that what fills up once, such as SQLite's caches, is no part of
# their difference.
ENDED = (Load(200, 64, 3, 0.02), Load(2000, 64, 3, 0.02))
AT_ONCE = (Load(256, 32, 25, 0.3), Load(256, 256, 25, 0.3))


def peak_over_start(load: Load, url: str) -> dict[str, int]:
    """Play in this process: kB that it took at its most, above what it held after a small run of the same kind."""
    with tempfile.TemporaryDirectory() as folder:
        _play(load, url, Path(folder), WARM_UP)
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew here
        start = _status_kb("VmRSS")
        _play(load, url, Path(folder), load.sessions)
        return {"start_kb": start, "peak_kb": _status_kb("VmHWM"), "growth_kb": _status_kb("VmHWM") - start}


def _play(load: Load, url: str, folder: Path, sessions: int) -> None:
    config = RunConfig(
        model="openai/bench",
        base_url=url,
        clients=str(CLIENTS),
        repeats=sessions // CLIENTS,
        rounds=load.rounds,
        self_score=False,
        max_connections=load.at_a_time,
        db=str(folder / "arena.db"),
    )
    statuses = run(config).statuses
    assert statuses == {"finished": sessions, "failed": 0}, statuses


def _status_kb(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def in_fresh_process(load: Load) -> dict[str, Any]:
    """``peak_over_start`` in a process that did nothing before, with a server of its own."""
    with bench_server(load.latency) as server, ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = pool.submit(peak_over_start, load, server.url).result()
    return {"sessions": load.sessions, "at_a_time": load.at_a_time, "rounds": load.rounds, **found}


def measure(rounds: int) -> dict[str, Any]:
    """Both questions, each by a small and a large run. ``rounds``: of the sessions that are at once."""
    ended = [in_fresh_process(load) for load in ENDED]
    at_once = [in_fresh_process(dataclasses.replace(load, rounds=rounds)) for load in AT_ONCE]
    return {
        "ended_sessions": ended,
        "kb_per_ended_session": _slope(ended, "sessions"),
        "sessions_at_once": at_once,
        "kb_per_session_at_once": _slope(at_once, "at_a_time"),
    }


def _slope(found: list[dict[str, Any]], by: str) -> float:
    small, large = found
    return round((large["growth_kb"] - small["growth_kb"]) / (large[by] - small[by]), 2)


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.memory", description=__doc__)
    parser.add_argument("--rounds", type=int, default=AT_ONCE[0].rounds, help="of the sessions that are at once")
    json.dump(measure(parser.parse_args().rounds), sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
