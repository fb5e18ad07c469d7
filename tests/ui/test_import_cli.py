"""``arena import-dialogues`` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from profiles.errors import UserError
from ui.cli.main import app

TALK = "Client: I lie awake every night.\nTherapist: What goes through your mind then?\nClient: That I will fail.\n"


def call(*words: str | Path) -> str:
    result = CliRunner().invoke(app, ["import-dialogues", *map(str, words)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout


def test_it_says_what_was_taken_and_what_was_not(tmp_path: Path) -> None:
    path, db = tmp_path / "talks.txt", tmp_path / "a.db"
    path.write_text(f"{TALK}---\nBob: hm\nBob: hm\n---\n{TALK}", encoding="utf-8")
    said = call(path, "--db", db)
    assert "3 dialogues: 2 well-formed, 2 scored, 1 malformed" in said
    assert "line 5: turn 1: unknown role 'Bob'" in said
    told = json.loads(call(path, "--db", db, "--json", "--no-score"))
    assert (told["sessions"], told["scored"], len(told["faults"])) == (3, 0, 1)


def test_a_run_of_transcripts_has_a_report_like_any_other(tmp_path: Path) -> None:
    path, db, page = tmp_path / "talks.txt", tmp_path / "a.db", tmp_path / "r.html"
    path.write_text(TALK, encoding="utf-8")
    call(path, "--db", db)
    result = CliRunner().invoke(app, ["report", "last", "--db", str(db), "--out", str(page)])
    assert result.exit_code == 0
    shown = page.read_text(encoding="utf-8")
    assert "I lie awake every night." in shown and "talks.txt" in shown
    assert "Made offline." not in shown  # rules made the scores, not the dialogues


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("none.txt",), "no such file"),
        (("talks.txt", "--role", "Bob"), "SPELLING=client"),
        (("talks.txt", "--role", "Bob=wizard"), "SPELLING=client"),
        (("empty.txt",), "no dialogue"),
    ],
)
def test_mistakes_are_one_line(words: tuple[str, ...], fault: str, tmp_path: Path) -> None:
    (tmp_path / "talks.txt").write_text(TALK, encoding="utf-8")
    (tmp_path / "empty.txt").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match=fault) as raised:
        call(tmp_path / words[0], *words[1:], "--db", tmp_path / "a.db")
    assert "\n" not in str(raised.value)
