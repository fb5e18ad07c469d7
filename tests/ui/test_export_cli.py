"""``arena export`` at the keyboard: what it writes and tells, and one line for every mistake."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

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
