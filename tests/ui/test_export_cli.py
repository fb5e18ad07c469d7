"""``arena export`` at the keyboard: what it writes and tells, and one line for every mistake."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.database import Database
from storage.records import replace_session, save_run
from storage.tables import RunRow, SessionRow, TurnRow
from tests.ui.commands import Outcome, arena

Arena = Callable[..., Outcome]


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Arena:
    monkeypatch.chdir(tmp_path)
    return lambda *words: arena(list(words), monkeypatch, capsys)


@pytest.fixture
def played(at: Arena) -> Arena:
    """The command, with a run of two counselors and four clients in ``arena.db``."""
    words = ("--counselor", "plain", "--counselor", "echo", "--clients", "4", "--rounds", "4", "--name", "my set")
    done = at("run", *words)
    assert done.code == 0, done.err
    return at


def test_it_writes_two_formats_and_tells_what(played: Arena, tmp_path: Path) -> None:
    done = played("export", "last", "--format", "crisp", "--format", "csv", "--out", "out")
    assert done.code == 0, done.err
    assert "8 of 8 sessions read" in done.err and "wrote out" in done.out
    assert "kept 8 sessions of 4 clients" in done.out and "offline rules, not an LLM" in done.out
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"my-set.crisp.train.jsonl", "my-set.csv.test.csv", "manifest.json", "SHA256SUMS", "README.md"} <= names


def test_the_same_again_wants_force(played: Arena, tmp_path: Path) -> None:
    words = ("export", "--format", "crisp", "--out", "out")
    assert played(*words).code == 0
    again = played(*words)
    assert again.code == 2 and "--force" in again.err and again.err.count("\n") == 1
    assert played(*words, "--force").code == 0


def test_json_is_the_summary_and_nothing_else(played: Arena, tmp_path: Path) -> None:
    done = played("export", "my set", "--format", "crisp", "--counselor", "echo", "--json", "--name", "mine")
    told = json.loads(done.out)
    assert done.err == "" and told["counts"]["sessions"] == 4 and told["filters"] == {"counselor": "echo"}
    assert told["drops"][0]["reason"] == "counselor" and told["drops"][0]["count"] == 4
    (folder,) = tmp_path.glob("export-*")
    assert (folder / told["formats"]["crisp"][0]["file"]).name.startswith("mine.crisp.")


def test_formats_are_listed(at: Arena) -> None:
    assert "crisp" in at("export", "--list").out
    told = json.loads(at("export", "--list", "--json").out)
    assert {"crisp", "csv", "parquet", "openai-chat"} <= {each["name"] for each in told}


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("--format", "crsip"), "did you mean 'crisp'?"),
        ((), "--format"),
        (("--format", "crisp", "--counselor", "plian"), "nearest is 'plain:"),
        (("--format", "trl-preference", "--against", "nope"), "--against nope: no session is with it"),
        (("--format", "crisp", "--split", "80/20"), "--split 80/20"),
        (("--format", "crisp", "--min-score", "boss=2"), "--min-score boss=2"),
        (("--format", "crisp", "--min-score", "client=3.99", "--lang", "zh"), "8 left out, another language"),
        (("--format", "crisp", "--name", "../up"), "--name"),
        (("nothing", "--format", "crisp"), "there is no run 'nothing'"),
        (("--format", "crisp", "--out", "arena.db"), "that is a file"),
        (("--format", "crisp", "--unit", "turn"), "--unit"),
    ],
)
def test_mistakes_are_one_line(played: Arena, tmp_path: Path, words: tuple[str, ...], fault: str) -> None:
    done = played("export", *words)
    said = [line for line in done.err.splitlines() if line.startswith("arena:")]
    assert done.code == 2 and len(said) == 1 and fault in said[0]
    assert not list(tmp_path.glob("*export-*")) and not list(tmp_path.glob(".*.part"))


def long_talks(path: Path) -> None:
    """A database that takes many seconds to export."""
    card = {"provenance": {"source": "own", "licence": "MIT"}}
    words = " ".join(f"word{number}" for number in range(300_000))
    with Database.open(str(path)) as db, db.session(write=True) as session:
        save_run(session, RunRow(id="r1", config={"client": "dynamic"}, versions={}))
        for number in range(15):
            row = SessionRow(
                id=f"s{number}", run_id="r1", ordinal=number, profile_id="c", counselor="plain", language="en",
                theme="career", resistance=1, risk="none", repeat=number, seed=1, status="finished", profile=card,
            )  # fmt: skip
            turns = [
                TurnRow(session_id=row.id, index=at, round=1, speaker=speaker, stage="diagnosis", text=text)
                for at, (speaker, text) in enumerate([("client", "Hello."), ("counselor", f"{number} {words}")])
            ]
            replace_session(session, row, turns, [], [])


def unfinished(folder: Path) -> list[Path]:
    return list(folder.glob(".out.*.part"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_stopped_leaves_nothing_and_says_that_it_begins_anew(tmp_path: Path, number: signal.Signals) -> None:
    long_talks(tmp_path / "arena.db")
    words = ["export", "r1", "--format", "crisp", "--db", str(tmp_path / "arena.db"), "--out", str(tmp_path / "out")]
    process = subprocess.Popen(
        [sys.executable, "-m", "ui.cli.main", *words], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 60
    while not list(tmp_path.glob(".out.*.part/spool/*")) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines()[-1] == "arena: stopped; nothing was written, and the same command begins anew"
    assert not unfinished(tmp_path) and not (tmp_path / "out").exists()
