"""What an export costs: its rate, and whether its memory grows with the data set.

Hand-built sessions of 24 rounds lie in a real database; each export runs in a fresh process.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from arena.exporting.export import Request, export
from storage.database import Database
from storage.queries import find_run
from storage.records import Values, replace_session, save_run
from storage.tables import JudgmentRow, RunRow, SessionRow

SIZES = (1_000, 10_000)
CLIENTS = 100
ROUNDS = 24
WARM_UP = 50  # sessions
_WORDS = 9_000  # in the vocabulary, so that no two dialogues are near-duplicates
_AT_A_TIME = 200


def fill(path: Path, sessions: int) -> None:
    """A database with two runs: ``warm``, and ``big`` with so many sessions."""
    chance = random.Random(7)
    with Database.open(str(path)) as db:
        for name, number in (("warm", WARM_UP), ("big", sessions)):
            row = RunRow(id=name, planned=number, config={"client": "dynamic"}, versions={"arena": "0.1.0"})
            row.created_at = datetime(2025, 3, 1, 12)
            for start in range(0, number, _AT_A_TIME):
                with db.session(write=True) as session:
                    save_run(session, row)
                    for ordinal in range(start, min(start + _AT_A_TIME, number)):
                        session_row, turns, judged = _session(name, ordinal, chance)
                        replace_session(session, session_row, turns, judged, [])


def _session(run: str, ordinal: int, chance: random.Random) -> tuple[SessionRow, list[Values], list[Any]]:
    client = f"client-{ordinal % CLIENTS:03}"
    row = SessionRow(
        id=f"{run}-{ordinal:06}",
        run_id=run,
        ordinal=ordinal,
        counselor=f"plain:psycho@openai/demo-{ordinal % 3}",
        profile_id=client,
        theme="career",
        resistance=1,
        risk="none",
        language="en",
        repeat=ordinal,
        seed=ordinal,
        status="finished",
        gate="passed",
        fidelity="ok",
        profile={
            "topic": "work",
            "current_distress": "Cannot sleep.",
            "provenance": {"source": "own", "licence": "MIT"},
        },
        created_at=datetime(2025, 3, 1, 12),
    )
    parties = [_judgment(row.id, party) for party in ("client", "supervisor", "counselor")]
    return row, list(_turns(chance)), [(each, []) for each in parties]


def _turns(chance: random.Random) -> Iterator[Values]:
    state = {"trust": 4.2, "openness": 4.0, "distress": 6.0, "hope": 4.0, "resistance": 0.5}
    for index in range(2 * ROUNDS):
        speaker = ("client", "counselor")[index % 2]
        sentences = [" ".join(f"w{chance.randrange(_WORDS)}" for _ in range(12)) + "." for _ in range(2)]
        labels = [{"text": text, "strategy": "question"} for text in sentences] if speaker == "counselor" else []
        yield {
            "index": index,
            "round": index // 2 + 1,
            "speaker": speaker,
            "stage": "diagnosis",
            "text": " ".join(sentences),
            "reasoning": None,
            "sentences": labels,
            "notes": {"state": state, "appraisal": {"reason": "so", "moves": ["reflection"]}},
            "call": {"purpose": speaker, "prompt_hash": "ab" * 6, "model": "demo"},
        }


def _judgment(session_id: str, party: str) -> JudgmentRow:
    values = {"total": 30.0, "item_mean": 3.0, "share": 0.7, "passed": True}
    model = {
        "judge": "judge",
        "model": "demo-judge",
        "rubric_version": "1",
        "prompt_hash": "h",
        "seed": 1,
        "status": "ok",
    }
    return JudgmentRow(session_id=session_id, party=party, **values, **model)


def measure(path: Path, formats: tuple[str, ...]) -> dict[str, Any]:
    """Export in this process, after a small run: seconds, rate, processor time, and kB at the most above the start."""
    with tempfile.TemporaryDirectory() as folder, Database.open(str(path), upgrade=False) as db:
        request = Request(name="bench", formats=formats)
        export(db, [find_run(db, "warm")], request, Path(folder) / "warm")
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew here
        start, begun, spent = _status_kb("VmRSS"), time.monotonic(), time.process_time()
        summary = export(db, [find_run(db, "big")], request, Path(folder) / "big")
        seconds, spent = time.monotonic() - begun, time.process_time() - spent
        size = sum(file.bytes for files in summary.formats.values() for file in files)
        sessions = summary.counts.sessions
        return {
            "sessions": sessions,
            "formats": list(formats),
            "seconds": round(seconds, 1),
            "sessions_per_second": round(sessions / seconds),
            "cpu_ms_per_session": round(1000 * spent / sessions, 2),
            "megabytes": round(size / 1e6, 1),
            "start_kb": start,
            "growth_kb": _status_kb("VmHWM") - start,
        }


def _status_kb(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def in_fresh_process(path: Path, formats: tuple[str, ...]) -> dict[str, Any]:
    """``measure`` in a process that did nothing before."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, path, formats).result()


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_export", description=__doc__)
    parser.add_argument("--format", action="append", help="formats; default crisp")
    parser.add_argument("--sessions", type=int, nargs="*", default=SIZES)
    chosen = parser.parse_args()
    found = []
    for sessions in chosen.sessions:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "arena.db"
            fill(path, sessions)
            found.append(in_fresh_process(path, tuple(chosen.format or ("crisp",))))
    json.dump(found, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
