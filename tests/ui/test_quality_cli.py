"""``arena quality`` at the keyboard: files, folders and runs, as a table, as JSON and as a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from profiles.vocabulary import LANGUAGES, Language, Stage
from storage.exports.format import ExportOptions, find_format
from storage.exports.record import DialogueRecord, DialogueTurn, LabelledSentence
from tests.ui.commands import Outcome, arena

Arena = Callable[..., Outcome]


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Arena:
    monkeypatch.chdir(tmp_path)
    return lambda *words: arena(list(words), monkeypatch, capsys)


_SAID: dict[Language, tuple[str, str]] = {
    "en": ("I cannot sleep.", "How long has it been like this?"),
    "zh": ("我睡不着。", "这样有多久了？"),
}


def dialogue(number: int, language: Language) -> DialogueRecord:
    client, counselor = _SAID[language]
    place = {"round": 1, "stage": Stage.DIAGNOSIS}
    said = LabelledSentence(text=counselor, strategy="question", category="description")
    return DialogueRecord(
        id=f"d{number}",
        session_id=f"s{number}",
        run_id="r",
        situation_id=f"c{number}",
        language=language,
        domain="health",
        counselor="crdial",
        dialog=(
            DialogueTurn(turn=0, speaker="help_seeker", content=f"{client} {number}", **place),
            DialogueTurn(turn=1, speaker="therapist", content=counselor, sentences=(said,), **place),
        ),
    )


def export(path: Path, *records: DialogueRecord) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [row for each in records for row in find_format("crisp").rows(each, ExportOptions())]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_file_is_measured_beside_the_published_figures(at: Arena, tmp_path: Path) -> None:
    export(tmp_path / "x.jsonl", *(dialogue(number, LANGUAGES[number % 2]) for number in range(4)))
    done = at("quality", "x.jsonl")
    assert done.code == 0, done.err
    assert "x.jsonl: 4 dialogues of 4 clients in 4 sessions" in done.out
    assert "36.48" in done.out and "second-hand, unverified" in done.out and "2 !" in done.out
    assert "nothing fails by them" in done.out
    assert "Template phrases" in done.out and "Personal data: nothing found" in done.out


def test_a_folder_is_measured_by_all_its_splits(at: Arena, tmp_path: Path) -> None:
    export(tmp_path / "out" / "crisp" / "train.jsonl", dialogue(1, "en"), dialogue(2, "en"))
    export(tmp_path / "out" / "set.crisp.test.jsonl", dialogue(3, "en"))
    (tmp_path / "out" / "openai-chat.jsonl").write_text('{"messages": []}\n', encoding="utf-8")
    found = json.loads(at("quality", "out", "--json").out)
    assert found["quality"]["all"]["dialogues"] == 3 and found["quality"]["source"] == "out"
    assert [row["id"] for row in found["comparison"]["rows"]][:2] == ["turns_per_dialogue", "dialogues_per_client"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_is_written(at: Arena, tmp_path: Path, language: Language) -> None:
    export(tmp_path / "x.jsonl", dialogue(1, language))
    done = at("quality", "x.jsonl", "--out", "pages/x.html", "--lang", language)
    assert done.code == 0 and done.out.endswith("wrote pages/x.html, in the new folder pages\n")
    again = at("quality", "x.jsonl", "--out", "pages/x.html", "--json")
    assert json.loads(again.out) and again.err == "wrote pages/x.html\n"
    page = (tmp_path / "pages" / "x.html").read_text(encoding="utf-8")
    assert page.lstrip().startswith("<!doctype html>")


def test_a_run_is_measured_without_an_export(at: Arena) -> None:
    assert at("run", "--counselor", "plain", "--clients", "2", "--rounds", "3").code == 0
    found = json.loads(at("quality", "last", "--json").out)
    assert found["quality"]["all"]["dialogues"] == 2 and found["quality"]["all"]["counselor_turns"] >= 6


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["missing.jsonl"], "missing.jsonl: no such file or folder"),
        (["empty"], "no crisp file"),
        (["broken.jsonl"], "broken.jsonl, line 2"),
        (["other.jsonl"], "other.jsonl, line 1"),
        (["half.jsonl"], "half.jsonl, line 1"),
        (["torn.jsonl"], "torn.jsonl: cannot be read as UTF-8"),
        (["good.jsonl", "--out", "good.jsonl/x.html"], "cannot be written"),
        (["no-such-run"], "no-such-run"),
    ],
)
def test_mistakes_are_told_in_one_line(at: Arena, tmp_path: Path, words: list[str], told: str) -> None:
    (tmp_path / "empty").mkdir()
    good = export(tmp_path / "good.jsonl", dialogue(1, "en")).read_text(encoding="utf-8")
    (tmp_path / "broken.jsonl").write_text(good + "{no json\n", encoding="utf-8")
    (tmp_path / "other.jsonl").write_text('{"messages": []}\n', encoding="utf-8")
    (tmp_path / "half.jsonl").write_text(good.replace("I cannot", "\\ud83d cannot"), encoding="utf-8")
    (tmp_path / "torn.jsonl").write_bytes(b'{"id": "\xff"}\n')
    if words == ["no-such-run"]:
        assert at("run", "--counselor", "plain", "--clients", "1", "--rounds", "1").code == 0
    done = at("quality", *words)
    assert done.code == 2 and told in done.err and len(done.err.strip().splitlines()) == 1, done.err
