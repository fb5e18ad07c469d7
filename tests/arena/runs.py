"""What the tests of whole runs share: a run in a fresh database, and its transcripts and scores as plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from arena import RunConfig, RunResult, run
from storage.database import Database
from storage.queries import load_all_turns, load_judgments

CONTROLS = ("echo", "advice_only", "flatterer", "hotline_only")


def play(folder: Path, **settings: Any) -> RunResult:
    """Run with these settings in ``folder``'s database."""
    return run(RunConfig(db=str(folder / "arena.db"), **settings))


def transcripts(result: RunResult) -> dict[tuple[str, str, int], list[tuple[str, str, str]]]:
    """(counselor, client, repeat) -> (speaker, stage, text) of every turn."""
    with Database.open(result.db) as database:
        turns = load_all_turns(database, result.run_id)
    return {
        (row.counselor, row.profile_id, row.repeat): [(t.speaker, t.stage, t.text) for t in turns[row.id]]
        for row in result.sessions
    }


def scores(result: RunResult) -> list[tuple[Any, ...]]:
    """Every score with its evidence, in a fixed order."""
    keys = {row.id: (row.counselor, row.profile_id, row.repeat) for row in result.sessions}
    with Database.open(result.db) as database:
        judged = load_judgments(database, result.run_id)
    return sorted(
        (
            *keys[item.judgment.session_id],
            item.judgment.party,
            item.judgment.judge,
            s.dimension,
            s.value,
            str(s.evidence),
        )
        for item in judged
        for s in item.scores
    )
