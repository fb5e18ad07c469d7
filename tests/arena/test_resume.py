"""A run that is killed goes on with the same command, and pays for nothing twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from arena import RunConfig, UserError, arun
from storage.database import Database
from storage.queries import list_runs, load_all_turns, load_judgments, load_sessions
from tests.arena.runs import play, transcripts
from tests.servers import server_process

ROOT = Path(__file__).resolve().parents[2]


def command(url: str, db: Path) -> list[str]:
    arena = [sys.executable, "-m", "ui.cli.main", "run", "--counselor", "plain", "--clients", "8", "--repeats", "5"]
    return [*arena, "--rounds", "3", "--model", "openai/test-model", "--base-url", url, "--db", str(db), "--json"]


def test_kill_9_in_the_middle_of_40_sessions_costs_nothing_twice(tmp_path: Path) -> None:
    db = tmp_path / "arena.db"
    with server_process(tmp_path / "server.log", "--answer-first", "200") as server:
        running = subprocess.Popen(command(server.url, db), cwd=ROOT, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while sum(server.books()["answered"].values()) < 200 or server.books()["in_flight"] < 8:
            assert time.monotonic() < deadline and running.poll() is None
            time.sleep(0.05)
        time.sleep(0.5)  # every answered call has reached the journal; the rest hang at the gate
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
        finished_before = _count(db)
        server.release()
        time.sleep(0.3)  # the held calls end unheard
        unheard = {label for label, count in server.books()["asked"].items() if count}
        again = subprocess.run(command(server.url, db), cwd=ROOT, capture_output=True, text=True, check=False)
        assert again.returncode == 0, again.stderr
        books = server.books()
    assert 0 < finished_before < 40
    with Database.open(str(db)) as database:
        (run,) = list_runs(database)
        sessions = load_sessions(database, run.id)
        turns = load_all_turns(database, run.id)
        judgments = load_judgments(database, run.id)
    assert run.status == "finished" and run.planned == 40
    assert [row.status for row in sessions] == ["finished"] * 40
    assert len({(row.profile_id, row.repeat) for row in sessions}) == 40
    assert all(len(found) == 7 for found in turns.values()) and len(judgments) == 40 * 4
    twice = {label: count for label, count in books["asked"].items() if count > 1}
    assert len(books["asked"]) == 40 * (3 * 2 + 5)
    assert len(twice) <= 8 and set(twice) <= unheard  # only calls that hung at the gate when the run was killed
    assert set(twice.values()) <= {2}


def _count(db: Path) -> int:
    with Database.open(str(db)) as database:
        (run,) = list_runs(database)
        return run.finished


def test_the_same_command_does_not_play_finished_sessions_again(tmp_path: Path) -> None:
    settings = {"counselors": ("plain", "echo"), "clients": "2", "rounds": 3}
    first = play(tmp_path, **settings)
    created = {row.id: row.created_at for row in first.sessions}
    second = play(tmp_path, **settings)
    assert {row.id: row.created_at for row in second.sessions} == created
    assert transcripts(first) == transcripts(second)


def test_other_settings_make_another_run_and_speed_settings_do_not(tmp_path: Path) -> None:
    settings = {"counselors": ("echo",), "clients": "2", "rounds": 3}
    first = play(tmp_path, **settings)
    assert play(tmp_path, **settings, max_connections=1, name="renamed").run_id == first.run_id
    assert play(tmp_path, **{**settings, "rounds": 4}).run_id != first.run_id
    assert play(tmp_path, **settings, seed=9).run_id != first.run_id


def test_clients_named_another_way_are_the_same_run(tmp_path: Path) -> None:
    settings = {"counselors": ("echo",), "rounds": 2}
    assert play(tmp_path, clients="all", **settings).run_id == play(tmp_path, clients="9", **settings).run_id


def test_two_processes_do_not_play_one_run(tmp_path: Path) -> None:
    db = tmp_path / "arena.db"
    with server_process(tmp_path / "server.log", "--answer-first", "20") as server:
        first = subprocess.Popen(command(server.url, db), cwd=ROOT, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while server.books()["in_flight"] < 8:
            assert time.monotonic() < deadline and first.poll() is None
            time.sleep(0.05)
        second = subprocess.run(command(server.url, db), cwd=ROOT, capture_output=True, text=True, check=False)
        assert second.returncode == 2 and "another process" in second.stderr and second.stderr.count("\n") == 1
        server.release()
        assert first.wait(60) == 0
        assert set(server.books()["asked"].values()) == {1}
        third = subprocess.run(command(server.url, db), cwd=ROOT, capture_output=True, text=True, check=False)
    assert third.returncode == 0


async def test_the_sync_door_says_what_to_do_in_an_event_loop(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="await arun"):
        play(tmp_path, clients="1", rounds=1)
    result = await arun(RunConfig(clients="1", rounds=1, db=str(tmp_path / "a.db")))
    assert result.statuses["finished"] == 1
