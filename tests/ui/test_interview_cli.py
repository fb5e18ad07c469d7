"""``arena interview`` at the keyboard: look, hold one, read, correct, export, measure; one line for every mistake."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from tests.ui.commands import Outcome, arena

Arena = Callable[..., Outcome]


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Arena:
    monkeypatch.chdir(tmp_path)
    return lambda *words: arena(list(words), monkeypatch, capsys)


@pytest.fixture
def held(at: Arena) -> Arena:
    """The command, with one interview in ``arena.db``."""
    done = at("interview", "run", "--client", "career-01", "--report", "trace.html")
    assert done.code == 0, done.err
    return at


def instrument(folder: Path) -> Path:
    shutil.copytree(str(files("profiles") / "data" / "interviews"), folder)
    return folder


def test_the_shipped_instrument_is_without_fault(at: Arena) -> None:
    done = at("interview", "lint")
    assert (done.code, done.out) == (0, "0 errors, 0 warnings\n")


def test_a_fault_is_named_by_file_and_line(at: Arena, tmp_path: Path) -> None:
    mine = instrument(tmp_path / "mine")
    text = (mine / "gad.yaml").read_text(encoding="utf-8")
    (mine / "gad.yaml").write_text(text.replace("at_least: 3", "at_least: 9"), encoding="utf-8")
    done = at("interview", "lint", "--instrument", str(mine))
    assert done.code == 2 and "gad.yaml, line" in done.out and "L08" in done.out


@pytest.mark.parametrize(("lang", "word"), [("en", "Low mood"), ("zh", "情绪低落")])
def test_the_tree_is_drawn(at: Arena, lang: str, word: str) -> None:
    assert word in at("interview", "show", "--lang", lang).out
    chart = at("interview", "show", "--lang", lang, "--mermaid").out
    assert chart.startswith("flowchart") and word in chart


def test_one_interview_is_held_printed_and_written(held: Arena, tmp_path: Path) -> None:
    page = (tmp_path / "trace.html").read_text(encoding="utf-8")
    assert "not a medical device" in page and "DEP-1" in page
    again = held("interview", "trace", "last")
    assert "not an LLM" in again.out and "DEP-1" in again.out and "Thoughts of death and suicide:" in again.out
    assert "fault in the trace" not in again.out
    trace = json.loads(held("interview", "trace", "last", "--json").out)
    assert {module["module"] for module in trace["modules"]} == {"dep", "sui", "gad", "sad"}


def test_a_clinicians_verdict_stands_beside_the_machines(held: Arena) -> None:
    line = next(
        each for each in json.loads(held("interview", "trace", "--json").out)["criteria"] if not each["derived"]
    )
    other = "met" if line["verdict"] != "met" else "not_met"
    done = held(
        "interview", "override", "last", line["node"], other, "--reason", "seen in person", "--by", "a clinician"
    )
    assert done.code == 0 and "With the clinician's verdicts" in done.out
    kept = json.loads(held("interview", "trace", "--json").out)
    found = next(each for each in kept["criteria"] if each["node"] == line["node"])
    assert (found["verdict"], found["override"]["verdict"]) == (line["verdict"], other)
    assert found["override"]["reason"] == "seen in person" and kept["reviewed"]


def test_it_is_exported(held: Arena, tmp_path: Path) -> None:
    done = held("interview", "export", "last", "--no-check", "--out", "out/interview.json")
    assert done.code == 0, done.err
    bundle = json.loads((tmp_path / "out" / "interview.json").read_text(encoding="utf-8"))
    assert bundle["resourceType"] == "Bundle"
    kinds = {entry["resource"]["resourceType"] for entry in bundle["entry"]}
    assert {"Questionnaire", "QuestionnaireResponse"} <= kinds
    assert json.loads(held("interview", "export", "--format", "json").out)["criteria"]


def test_a_session_without_interview_says_so(at: Arena) -> None:
    assert at("run", "--clients", "1", "--rounds", "2").code == 0
    done = at("interview", "trace", "last")
    assert done.code == 2 and "holds no interview" in done.err


MISTAKES = {
    "order": (["run", "--order", "random"], "--order random: write fixed or adaptive"),
    "style": (["eval", "--style", "sleepy"], "--style sleepy: write cooperative"),
    "system": (["eval", "--order", "worst"], "--order worst: write adaptive"),
    "both": (["eval", "--clients", "2", "--draw", "3"], "not both"),
    "no folder": (["lint", "--instrument", "nowhere"], "no such file"),
    "no database": (["trace", "last"], "arena.db"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_gets_one_line(at: Arena, name: str) -> None:
    words, said = MISTAKES[name]
    done = at("interview", *words)
    assert done.code == 2
    assert said in (done.err + done.out) and (done.err + done.out).count("\n") <= 2


def test_a_mistaken_override_changes_nothing(held: Arena) -> None:
    for words, said in (
        (("dep.mood", "perhaps", "--reason", "x"), "verdict 'perhaps'"),
        (("dep.moot", "met", "--reason", "x"), "was not asked"),
        (("dep.mood", "met", "--reason", " "), "needs a reason"),
    ):
        done = held("interview", "override", "last", *words)
        assert done.code == 2 and said in done.err
    assert not json.loads(held("interview", "trace", "--json").out)["reviewed"]


def test_agreement_is_measured(at: Arena, tmp_path: Path) -> None:
    done = at("interview", "eval", "--draw", "4", "--order", "adaptive", "--order", "fixed", "--out", "eval.json")
    assert done.code == 0, done.err
    assert "all criteria" in done.out and "against the skip rules 0" in done.out
    assert "questions, fixed - adaptive" in done.out
    payload = json.loads((tmp_path / "eval.json").read_text(encoding="utf-8"))
    (result,) = payload["results"]
    assert [table["system"] for table in result["tables"]] == ["adaptive", "fixed"]
    assert all(table["conduct"]["interviews"] == 4 for table in result["tables"])
    again = json.loads(at("interview", "eval", "--draw", "4", "--order", "all", "--json").out)
    assert len(again["results"][0]["tables"]) == 4
    assert again["results"][0]["tables"][0] == result["tables"][0], "the same clients, the same luck"
