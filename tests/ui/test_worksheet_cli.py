"""``arena worksheet`` at the keyboard: each format and language, to a file and to the screen; mistakes in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.counselors.crdial.course import NOTE, Entry, Gate, Note
from agents.dialogue import Turn
from arena.batch import run_row
from arena.build import plan_run
from arena.config import RunConfig
from arena.play import SessionResult
from arena.record import store
from profiles.vocabulary import Stage
from storage.database import Database
from storage.records import save_run
from tests.ui.commands import Outcome, arena

Arena = Callable[..., Outcome]
THOUGHT = "他肯定是要开掉我了"


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Arena:
    monkeypatch.chdir(tmp_path)
    return lambda *words: arena(list(words), monkeypatch, capsys)


@pytest.fixture
def held(at: Arena, tmp_path: Path) -> str:
    """The id of a session in ``arena.db``, held in Chinese, with one thought record."""
    noted = Note(
        step="verdict",
        entries=(
            Entry(kind="core_belief", loop=1, channel=1, quote=THOUGHT, turn=0, name="catastrophizing"),
            Entry(kind="belief_before", loop=1, channel=1, value=85),
            Entry(kind="evidence_against", loop=1, channel=1, status="declined"),
        ),
        gates=(Gate(gate="verdict", step="verdict", loop=1, channel=1, turn=0, passed=False),),
    )
    said = (
        Turn(index=0, round=1, speaker="client", stage=Stage.DIAGNOSIS, text=THOUGHT),
        Turn(
            index=1,
            round=1,
            speaker="counselor",
            stage=Stage.DIAGNOSIS,
            text="嗯。",
            notes={NOTE: noted.model_dump(mode="json")},
        ),
    )
    plan = plan_run(RunConfig(clients="career-01", lang="zh", db=str(tmp_path / "arena.db")))
    with Database.open(plan.config.db) as database, database.session(write=True) as session:
        save_run(session, run_row(plan))
        store(session, SessionResult(plan.sessions[0], turns=said), plan.id)
    return plan.sessions[0].spec.id


def test_a_page_is_written_in_the_sessions_language(at: Arena, held: str, tmp_path: Path) -> None:
    done = at("worksheet", held, "--out", "out/sheet.html")
    assert (done.code, done.out) == (0, f"wrote {Path('out/sheet.html')}, in the new folder out\n")
    page = (tmp_path / "out" / "sheet.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>") and 'lang="zh-CN"' in page and THOUGHT in page and "灾难化" in page


@pytest.mark.parametrize(
    ("lang", "shown"),
    [((), ("灾难化", "来访者不愿说")), (("--lang", "en"), ("catastrophizing", "The client did not want to say"))],
)
@pytest.mark.parametrize("format", ["html", "markdown"])
def test_the_sheets_own_words_come_in_either_language(
    at: Arena, held: str, format: str, lang: tuple[str, ...], shown: tuple[str, ...]
) -> None:
    done = at("worksheet", held[:8], "--format", format, *lang)
    assert done.code == 0, done.err
    assert all(each in done.out for each in (THOUGHT, *shown))


def test_json_is_for_computing_with(at: Arena, held: str) -> None:
    sheet = json.loads(at("worksheet", "last", "--format", "json").out)
    assert (sheet["session"], sheet["card"], sheet["offline"]) == (held, "career-01", "both")
    (thought,) = sheet["thoughts"]
    assert thought["thought"]["words"] == [THOUGHT] and thought["belief"]["before"]["value"] == 85
    assert (thought["evidence_against"]["missing"], thought["status"]) == ("declined", "unresolved")


def test_an_unknown_session_is_one_clear_line(at: Arena, held: str) -> None:
    done = at("worksheet", "nosuch")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("arena: there is no session 'nosuch', and there is no run 'nosuch': nearest ")
    assert done.err.count("\n") == 1


def test_a_session_without_records_says_so_in_one_line(at: Arena) -> None:
    assert at("run", "--clients", "1", "--rounds", "2").code == 0
    done = at("worksheet", "last")
    assert done.code == 2 and "has no thought records" in done.err and done.err.count("\n") == 1


def test_a_folder_that_is_there_is_not_called_new(at: Arena, held: str, tmp_path: Path) -> None:
    assert at("worksheet", held, "--out", "sheet.html").out == "wrote sheet.html\n"
    assert at("worksheet", held, "--out", "a/b/sheet.html").out.endswith("in the new folder a/b\n")


def test_an_imported_restructuring_says_where_its_channels_stand(at: Arena, tmp_path: Path) -> None:
    words = ("--counselor", "crdial", "--clients", "1", "--rounds", "30", "--stage-mode", "led")
    assert at("run", *words).code == 0 and at("worksheet", "last").code == 0
    assert at("export", "last", "--format", "crisp", "--split", "100/0/0", "--out", "set").code == 0
    (path,) = (tmp_path / "set").glob("*.crisp.train.jsonl")
    assert at("import-dialogues", str(path), "--db", "other.db").code == 0
    done = at("worksheet", "last", "--db", "other.db")
    assert done.code == 2 and done.err.count("\n") == 1
    assert "it was imported" in done.err and "--format crisp" in done.err and "--counselor crdial" not in done.err


def test_a_restructuring_that_weighed_nothing_is_not_denied(at: Arena) -> None:
    words = ("--counselor", "crdial", "--clients", "1", "--rounds", "3", "--stage-mode", "led")
    assert at("run", *words).code == 0
    done = at("worksheet", "last")
    assert done.code == 2 and done.err.count("\n") == 1
    assert "ended before a belief was found to weigh" in done.err and "--counselor crdial" not in done.err


def test_a_mistaken_word_gets_one_line(at: Arena) -> None:
    done = at("worksheet", "--format", "docx")
    assert done.code == 2 and "docx" in done.err and done.err.count("\n") == 1
    done = at("worksheet")
    assert done.code == 2 and "arena.db" in done.err and done.err.count("\n") == 1
