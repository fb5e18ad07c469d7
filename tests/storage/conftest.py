"""A fresh database file for each test, and rows to fill it with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from storage.database import Database
from storage.records import replace_session, save_run
from storage.tables import JudgmentRow, RunRow, SafetyEventRow, ScoreRow, SessionRow, TurnRow

NOON = datetime(2025, 3, 1, 12, 0)


class Rows:
    """Rows with sensible values; whatever a test is about is given by name."""

    def run(self, run_id: str = "r1", minutes: int = 0, **given: Any) -> RunRow:
        values = {"name": "", "planned": 2, "config": {"rounds": 25}, "versions": {"arena": "0.1"}} | given
        return RunRow(id=run_id, created_at=NOON + timedelta(minutes=minutes), **values)

    def session(self, session_id: str = "s1", run_id: str = "r1", **given: Any) -> SessionRow:
        values = {
            "ordinal": 0,
            "counselor": "plain:psycho@offline",
            "profile_id": session_id,
            "theme": "career",
            "resistance": 1,
            "risk": "none",
            "language": "zh",
            "repeat": 0,
            "seed": 7,
            "status": "finished",
            "profile": {"name": "小林"},
        }
        return SessionRow(id=session_id, run_id=run_id, **(values | given))

    def turns(self, session_id: str = "s1", number: int = 4) -> list[TurnRow]:
        return [
            TurnRow(
                session_id=session_id,
                index=index,
                round=index // 2 + 1,
                speaker=("client", "counselor")[index % 2],
                stage="trust_building",
                text=f"第{index}句",
            )
            for index in range(number)
        ]

    def judged(self, session_id: str = "s1", party: str = "client") -> tuple[JudgmentRow, list[ScoreRow]]:
        judgment = JudgmentRow(
            session_id=session_id,
            party=party,
            judge="judge",
            model="offline",
            rubric_version="1",
            prompt_hash="h",
            seed=7,
            status="ok",
            total=3.0,
            scored=1,
            items=2,
        )
        warmth = ScoreRow(dimension="warmth", status="ok", value=3.0, evidence=[{"turn": 1, "quote": "嗯"}])
        return judgment, [warmth, ScoreRow(dimension="honesty", status="missing")]

    def event(self, session_id: str = "s1", **given: Any) -> SafetyEventRow:
        values = {
            "turn": 1,
            "speaker": "counselor",
            "kind": "minimising",
            "level": "harm",
            "quote": "没什么大不了",
        }
        return SafetyEventRow(session_id=session_id, rule="m1", **(values | given))

    def fill(self, db: Database, run_id: str, sessions: int, **given: Any) -> None:
        """A run with so many whole sessions, named ``<run>-<ordinal>``."""
        with db.session(write=True) as session:
            save_run(session, self.run(run_id, planned=sessions))
            for ordinal in range(sessions):
                row = self.session(f"{run_id}-{ordinal}", run_id, ordinal=ordinal, **given)
                parties = [self.judged(row.id, party) for party in ("client", "supervisor")]
                replace_session(session, row, self.turns(row.id), parties, [self.event(row.id)])


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "arena.db"


@pytest.fixture
def db(path: Path) -> Iterator[Database]:
    with Database.open(str(path)) as database:
        yield database
