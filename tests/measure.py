"""The figures of ``docs/performance.md``: wall and processor time of small runs, printed as one JSON object."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from arena import RunConfig, run
from tests.servers import server_process


def measured(config: RunConfig) -> dict[str, float]:
    """Run once; seconds and calls."""
    wall, cpu = time.monotonic(), time.process_time()
    result = run(config)
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    calls = sum(int(row["calls"]) for session in result.sessions for row in session.usage.values())
    sessions = len(result.sessions)
    return {
        "sessions": sessions,
        "calls": calls,
        "wall_s": round(wall, 2),
        "cpu_ms_per_call": round(1000 * cpu / calls, 2),
        "cpu_ms_per_session": round(1000 * cpu / sessions, 1),
    }


def main() -> None:
    """Offline in both languages, and over HTTP against a loopback server that answers after 50 ms."""
    figures: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        for lang in ("en", "zh"):
            settings = {"counselors": ("plain",), "repeats": 4, "lang": lang, "db": f"{folder}/{lang}.db"}
            figures[f"offline {lang}, 36 sessions of 25 rounds"] = measured(RunConfig(**settings))  # type: ignore[arg-type]
        with server_process(Path(folder) / "log", "--delay", "0.05") as server:
            config = RunConfig(
                repeats=4,
                rounds=10,
                model="openai/test-model",
                base_url=server.url,
                max_connections=36,
                db=f"{folder}/http.db",
            )
            figures["HTTP at 50 ms, 36 sessions of 10 rounds at once"] = measured(config)
    figures["peak memory, MB"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    json.dump(figures, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
