"""``arena profiles``: what the commands print, write and refuse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from profiles.errors import UserError
from profiles.importers import read_cards
from profiles.library import shipped_cards
from ui.cli.profiles import app

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "profiles" / "data" / "clients"

CARD = {"id": "a-1", "lang": "en", "theme": "family", "current_distress": "Sleeps [badly] :smile:"}
BOTH = {
    "id": "b-1",
    "theme": "family",
    "current_distress": {"en": "Sleeps badly.", "zh": "睡不好。"},
    "opening": {"en": "I can't sleep.", "zh": "我睡不着。"},
    "hidden_facts": [
        {
            "id": "h1",
            "text": {"en": "I sold the ring.", "zh": "戒指我卖了。"},
            "stage_min": "diagnosis",
            "condition": {"trust": 5.5, "openness": 4, "after": ["reflection", "validation"], "asks": "open_question"},
        }
    ],
    "risk": {"level": "low", "kind": "suicide", "disclosure": "hidden", "text": {"en": "Not now.", "zh": "先不说。"}},
}
PERSONA = {"Name": "Iris", "Background": "Teaches the cello; lives by the harbour", "Current Risk Level": "None"}


def call(*arguments: str | Path) -> Result:
    return CliRunner(env={"COLUMNS": "100"}).invoke(app, [str(argument) for argument in arguments])


def fine(*arguments: str | Path) -> str:
    result = call(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: str | Path) -> str:
    error = call(*arguments).exception
    assert isinstance(error, UserError)
    assert "\n" not in str(error)
    return str(error)


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture
def card_file(tmp_path: Path) -> Path:
    path = tmp_path / "both.yaml"
    path.write_text(yaml.safe_dump(BOTH, allow_unicode=True), encoding="utf-8")
    return path


def write(path: Path, data: Any) -> Path:
    path.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    return path


def personas(folder: Path, **changes: str) -> Path:
    row = PERSONA | changes
    path = folder / "personas.tsv"
    path.write_text("\t".join(row) + "\n" + "\t".join(row.values()) + "\n", encoding="utf-8")
    return path


# list


def test_list_shows_every_shipped_card() -> None:
    shown = fine("list")
    assert all(card.id in shown for card in shipped_cards())
    assert "languages" in shown and "en zh" in shown


def test_list_as_json_gives_the_figures_of_each_card() -> None:
    rows = json.loads(fine("list", "--json"))
    by_id = {row["id"]: row for row in rows}
    for card in shipped_cards():
        profile = card.read("en")
        row = by_id[profile.id]
        assert (row["theme"], row["topic"], row["languages"]) == (profile.theme, profile.topic, ["en", "zh"])
        assert (row["facts"], row["hidden_facts"]) == (len(profile.facts), len(profile.hidden_facts))
        assert (row["resistance"], row["risk"]) == (profile.resistance, profile.risk.level)


def test_list_can_be_narrowed() -> None:
    rows = json.loads(fine("list", "--theme", "family", "--lang", "zh", "--json"))
    assert {row["theme"] for row in rows} == {"family"}
    assert "did you mean 'family'?" in refused("list", "--theme", "famly")


def test_an_unknown_language_is_a_usage_error() -> None:
    assert call("list", "--lang", "fr").exit_code == 2


# show


def test_show_parts_what_is_given_from_what_is_hidden() -> None:
    profile = next(card for card in shipped_cards() if card.id == "love-01").read("en")
    shown = flat(fine("show", "love-01"))
    assert flat(profile.intake) in shown
    assert flat(profile.opening) in shown
    given, hidden = shown.split("Hidden (")
    for fact in profile.hidden_facts:
        assert flat(fact.text) in hidden
        assert flat(fact.text) not in given


def test_show_tells_the_conditions_of_hidden_facts_and_the_risk(card_file: Path) -> None:
    shown = flat(fine("show", card_file))
    assert (
        "told when: from stage diagnosis on, trust 5.5 of 10, openness 4 of 10, after reflection or validation, "
        "in answer to open_question"
    ) in shown
    assert "low (suicide); says so when asked plainly by a counselor who is trusted: Not now." in shown


def test_show_reads_the_language_asked_for(card_file: Path) -> None:
    assert "戒指我卖了。" in fine("show", card_file, "--lang", "zh")
    assert "I sold the ring." in fine("show", card_file)
    assert "罗桂芬" in fine("show", "career-01", "--lang", "zh")


def test_show_takes_the_only_language_of_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "zh.json", {"id": "z", "theme": "other", "current_distress": "睡不好。"})
    assert "睡不好。" in fine("show", path)
    assert "run it with --lang zh" in refused("show", path, "--lang", "en")


def test_show_leaves_brackets_and_colons_as_they_are(tmp_path: Path) -> None:
    assert "Sleeps [badly] :smile:" in fine("show", write(tmp_path / "a.json", CARD))


def test_show_of_a_foreign_file_ends_with_its_notes(tmp_path: Path) -> None:
    shown = flat(fine("show", personas(tmp_path)))
    assert "Teaches the cello. (told by another)" in shown
    assert "card iris: " in shown


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["lov-01"], "no client card 'lov-01'; did you mean 'love-01'?"),
        (["absent.yaml"], "absent.yaml: no such file"),
        (["love-01", "--format", "own"], "love-01: no such file"),
    ],
)
def test_show_refuses_what_is_not_there(arguments: list[str], says: str) -> None:
    assert refused("show", *arguments).startswith(says)


# validate


def test_validate_counts_fine_cards_of_all_formats(card_file: Path, tmp_path: Path) -> None:
    files = [card_file, write(tmp_path / "a.json", CARD), personas(tmp_path)]
    assert fine("validate", *files) == "3 cards fine, 0 faults\n"


def test_every_shipped_file_is_valid() -> None:
    files = sorted(SHIPPED.glob("*/*.yaml"))
    assert fine("validate", *files) == f"{len(files)} cards fine, 0 faults\n"


def test_validate_tells_each_fault_in_one_line_and_exits_with_2(tmp_path: Path) -> None:
    cards = [CARD, CARD | {"id": "a-2", "openning": "x", "resistance": 9}, BOTH | {"opening": {"zh": "你好。"}}]
    bad, gone, broken = write(tmp_path / "bad.json", cards), tmp_path / "gone.yaml", tmp_path / "broken.yaml"
    broken.write_text("a: 1\na: 2\n", encoding="utf-8")
    result = call("validate", bad, gone, broken)
    assert result.exit_code == 2
    *faults, summary = result.stdout.splitlines()
    assert summary == "1 card fine, 5 faults"
    assert [fault.split(": ")[0].removeprefix(f"{tmp_path}{os.sep}") for fault in faults] == [
        "bad.json, line 1",
        "bad.json, line 1",
        "bad.json, line 1",
        "gone.yaml",
        "broken.yaml, line 2",
    ]
    assert "did you mean 'opening'?" in faults[0]
    assert "no 'en' text" in faults[2]


def test_validate_checks_both_languages(tmp_path: Path) -> None:
    card = BOTH | {"feelings": {"en": ["tired"], "zh": ["累", 7]}}
    result = call("validate", write(tmp_path / "b.json", card))
    assert result.exit_code == 2
    assert "feelings.1" in result.stdout
    assert "0 cards fine, 1 fault" in result.stdout


def test_validate_tells_a_fault_of_both_languages_once(tmp_path: Path) -> None:
    result = call("validate", write(tmp_path / "b.json", BOTH | {"resistance": 9}))
    assert result.stdout.splitlines()[-1] == "0 cards fine, 1 fault"


def test_validate_knows_a_card_in_an_unknown_language(tmp_path: Path) -> None:
    result = call("validate", write(tmp_path / "a.json", CARD | {"lang": "fr"}))
    assert result.exit_code == 2
    assert "unknown language 'fr'" in result.stdout


# import


def test_import_writes_cards_that_read_back_the_same(tmp_path: Path) -> None:
    source, out = personas(tmp_path, **{"Sample Prompts": "Hello \u2028 there: #1; - yes"}), tmp_path / "out.yaml"
    shown = fine("import", source, "--out", out)
    assert read_cards(out, "en").profiles == read_cards(source, "en").profiles
    first, last = shown.splitlines()
    assert first.startswith("card iris: ")
    assert last == f"wrote 1 card to {out}"


def test_import_of_our_own_cards_says_what_language_was_left_out(card_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.yml"
    assert "card b-1: mapped whole; its zh texts were left out, --lang zh takes them" in fine(
        "import", card_file, "--out", out
    )
    assert read_cards(out, "en").profiles[0].opening == "I can't sleep."
    fine("import", card_file, "--out", out, "--lang", "zh", "--force")
    assert read_cards(out, "zh").profiles == read_cards(card_file, "zh").profiles
    assert "我睡不着。" in out.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["\x85", "\u2028", "\ufeff", "\x07", "a\nb ", "😀", "'\"", "# x", "no", "null"])
def test_import_keeps_every_character(tmp_path: Path, text: str) -> None:
    source, out = write(tmp_path / "a.json", CARD | {"opening": text}), tmp_path / "out.yaml"
    fine("import", source, "--out", out)
    assert read_cards(out, "en").profiles[0].opening == text


def test_the_same_file_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "1.yaml", tmp_path / "2.yaml"
    source = personas(tmp_path)
    fine("import", source, "--out", first)
    fine("import", source, "--out", second)
    assert first.read_bytes() == second.read_bytes()


def test_import_overwrites_only_when_told_to(tmp_path: Path) -> None:
    source, out = write(tmp_path / "a.json", CARD), tmp_path / "out.yaml"
    out.write_text("mine", encoding="utf-8")
    assert "this file exists; name another or add --force" in refused("import", source, "--out", out)
    assert out.read_text(encoding="utf-8") == "mine"
    fine("import", source, "--out", out, "--force")
    assert read_cards(out, "en").profiles[0].id == "a-1"


def test_import_refuses_what_it_cannot_read_or_write(tmp_path: Path) -> None:
    source = write(tmp_path / "a.json", CARD)
    assert "name a file that ends with .yaml" in refused("import", source, "--out", tmp_path / "out.json")
    assert "cannot be written" in refused("import", source, "--out", tmp_path / "absent" / "out.yaml")
    assert "run it with --lang en" in refused("import", source, "--out", tmp_path / "o.yaml", "--lang", "zh")
    assert "did you mean 'own'?" in refused("import", source, "--out", tmp_path / "o.yaml", "--format", "owm")
    assert not (tmp_path / "o.yaml").exists()


def test_the_module_is_light_to_import() -> None:
    code = "import sys, ui.cli.profiles; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(found.stdout.split())
    assert "typer" in loaded
    assert not loaded & {"yaml", "pydantic", "pandas", "gradio", "torch", "langgraph", "profiles.library"}
