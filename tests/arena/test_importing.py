"""Imported transcripts as runs: scored by three parties like any other; malformed ones are kept and never scored."""

from __future__ import annotations

import asyncio
import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agents.models.offline import OfflineModel, collect_rules
from arena.api import RULE_PACKAGES, run
from arena.config import RunConfig
from arena.exporting.export import Request, export
from arena.exporting.select import Filters
from arena.importing import ImportResult, import_file
from profiles.errors import UserError
from storage.database import Database
from storage.exports.summary import ExportSummary
from storage.imports.limits import MOST_TURNS
from storage.queries import find_run, load_all_turns, load_events, load_judgments, load_sessions
from ui.cli.main import app

MODEL = OfflineModel(collect_rules(RULE_PACKAGES))
TALK: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "Since the exam I lie awake and think that I am a failure."},
        {"role": "assistant", "content": "It sounds as if the exam still weighs on you. What goes through your mind?"},
        {"role": "user", "content": "That I will never make it. I think of ending my life sometimes."},
        {"role": "assistant", "content": "Thank you for telling me. Are you thinking of ending your life right now?"},
    ]
}


def take(path: Path, db: Path, judge: bool = True, name: str = "") -> ImportResult:
    with Database.open(str(db)) as database:
        model = MODEL if judge else None
        return asyncio.run(import_file(path, database, name=name, judge=model, judge_name="offline" if judge else ""))


def written(folder: Path, *values: object) -> Path:
    path = folder / "talks.jsonl"
    path.write_text("".join(json.dumps(value) + "\n" for value in values), encoding="utf-8")
    return path


def test_well_formed_dialogues_are_screened_and_scored_by_all_three_parties(tmp_path: Path) -> None:
    result = take(written(tmp_path, TALK, TALK), tmp_path / "a.db")
    assert (result.sessions, result.scored, result.faults) == (2, 2, ())
    with Database.open(str(tmp_path / "a.db")) as database:
        assert find_run(database, "last").status == "finished"
        sessions, turns = load_sessions(database, result.run_id), load_all_turns(database, result.run_id)
        judged, events = load_judgments(database, result.run_id), load_events(database, result.run_id)
    for each in sessions:
        assert each.status == "finished" and each.counselor == "imported" and each.gate == "passed"
        assert [turn.text for turn in turns[each.id]] == [line["content"] for line in TALK["messages"]]
        assert [turn.round for turn in turns[each.id]] == [1, 1, 2, 2]
        parties = {found.judgment.party for found in judged if found.judgment.session_id == each.id}
        assert parties == {"client", "counselor", "supervisor"}
        assert any(event.session_id == each.id and event.level in ("high", "immediate") for event in events)


def test_a_malformed_dialogue_is_kept_with_its_reason_and_not_scored(tmp_path: Path) -> None:
    wrong = {"messages": [{"role": "user", "content": "hello"}, {"role": "wizard", "content": "abracadabra"}]}
    result = take(written(tmp_path, wrong, TALK), tmp_path / "a.db")
    assert (result.sessions, result.scored) == (2, 1)
    assert result.faults[0][0] == "line 1" and "wizard" in result.faults[0][1]
    with Database.open(str(tmp_path / "a.db")) as database:
        bad, good = load_sessions(database, result.run_id)
        turns, judged = load_all_turns(database, result.run_id), load_judgments(database, result.run_id)
    assert (bad.status, bad.error_kind) == ("failed", "malformed")
    assert "line 1" in str(bad.error) and good.status == "finished"
    assert [turn.text for turn in turns[bad.id]] == ["hello"]
    assert {found.judgment.session_id for found in judged} == {good.id}


def test_the_same_file_again_is_the_same_run(tmp_path: Path) -> None:
    path = written(tmp_path, TALK)
    first, second = (take(path, tmp_path / "a.db") for _ in range(2))
    assert first == second
    with Database.open(str(tmp_path / "a.db")) as database:
        assert len(load_sessions(database, first.run_id)) == 1


def test_without_a_judge_nothing_is_scored(tmp_path: Path) -> None:
    result = take(written(tmp_path, TALK), tmp_path / "a.db", judge=False)
    assert (result.sessions, result.scored) == (1, 0)


def test_a_dialogue_that_is_too_long_is_kept_unscored_and_the_others_go_on(tmp_path: Path) -> None:
    long = {"messages": TALK["messages"] * MOST_TURNS}
    most = {"messages": TALK["messages"] * (MOST_TURNS // 4)}
    result = take(written(tmp_path, long, TALK, most), tmp_path / "a.db")
    assert (result.sessions, result.scored) == (3, 2)
    assert result.faults == (("line 1", f"too long: {4 * MOST_TURNS:,} turns, at most {MOST_TURNS:,}"),)
    with Database.open(str(tmp_path / "a.db")) as database:
        first, *others = load_sessions(database, result.run_id)
        turns, judged = load_all_turns(database, result.run_id), load_judgments(database, result.run_id)
    assert (first.status, first.error_kind) == ("failed", "malformed") and "too long" in str(first.error)
    assert len(turns[first.id]) == MOST_TURNS
    assert {found.judgment.session_id for found in judged} == {each.id for each in others}


def test_a_run_cannot_be_called_what_means_the_newest_run(tmp_path: Path) -> None:
    path = written(tmp_path, TALK)
    for name in ("last", " last "):
        with pytest.raises(UserError, match=r"--name last: .*newest run; give the run another name"):
            take(path, tmp_path / "a.db", judge=False, name=name)
    called = path.rename(tmp_path / "last.jsonl")
    with pytest.raises(UserError, match=r"the file is named 'last'.*--name"):
        take(called, tmp_path / "a.db", judge=False)
    assert take(called, tmp_path / "a.db", judge=False, name="last week").sessions == 1


@pytest.mark.parametrize("score", ["--score", "--no-score"])
def test_where_no_terminal_is_nothing_goes_to_stderr(score: str, tmp_path: Path) -> None:
    words = ["import-dialogues", str(written(tmp_path, TALK)), score, "--db", str(tmp_path / "a.db")]
    result = CliRunner().invoke(app, words)
    assert (result.exit_code, result.stderr) == (0, "") and "1 dialogues" in result.stdout


# ------------------------------------------------------------------------------------- what came goes out again

TOLD: dict[str, Any] = {
    "provenance": {"licence": "CC-BY-4.0", "seed_source": "our course"},
    "privacy": {"consent": {"status": "informed"}},
}


def send(db: Path, run_id: str, out: Path, *formats: str, **given: Any) -> ExportSummary:
    with Database.open(str(db)) as database:
        request = Request(name="set", formats=formats or ("crisp",), consent=True, **given)
        return export(database, [find_run(database, run_id)], request, out)


def sent(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(out.glob("*.crisp.*")) for line in path.read_bytes().splitlines()]


@pytest.fixture(scope="module", params=["en", "zh"])
def restructured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A database with sessions of the restructuring counselor as it plays, and their run."""
    db = tmp_path_factory.mktemp("played") / "a.db"
    config = RunConfig(counselors=("crdial",), clients="2", rounds=40, lang=request.param, db=str(db), self_score=False)
    return db, run(config).run_id


@pytest.mark.parametrize("unit", ["session", "path"])
def test_what_was_played_exported_and_taken_in_goes_out_again_to_the_byte(
    unit: Any, restructured: tuple[Path, str], tmp_path: Path
) -> None:
    db, run_id = restructured
    filters = Filters(unit=unit, exits=True)
    send(db, run_id, tmp_path / "one", filters=filters)
    files = {path.name: path.read_bytes() for path in sorted((tmp_path / "one").glob("*.crisp.*"))}
    path = tmp_path / f"all-{unit}.jsonl"
    path.write_bytes(b"".join(files.values()))
    result = take(path, db, judge=False)
    assert not result.faults and result.sessions == sum(each.count(b"\n") for each in files.values()) > 1
    send(db, result.run_id, tmp_path / "two", filters=filters)
    assert {path.name: path.read_bytes() for path in sorted((tmp_path / "two").glob("*.crisp.*"))} == files


def test_decomposed_text_goes_out_composed_and_is_otherwise_the_same(
    restructured: tuple[Path, str], tmp_path: Path
) -> None:
    send(*restructured, tmp_path / "one")
    row = sent(tmp_path / "one")[0]
    turn = next(turn for turn in row["dialog"] if turn["speaker"] == "help_seeker")
    turn["content"] += " cafe\u0301"
    path = written(tmp_path, row)
    send(restructured[0], take(path, restructured[0], judge=False).run_id, tmp_path / "two")
    want = json.loads(unicodedata.normalize("NFC", json.dumps(row, ensure_ascii=False)))
    assert sent(tmp_path / "two") == [want] != [row]


def test_a_number_that_is_none_stops_neither_the_file_nor_the_run(tmp_path: Path) -> None:
    path = written(tmp_path, TALK, TALK | {"provenance": {"x": float("nan")}}, TALK)
    result = take(path, tmp_path / "a.db")
    assert (result.sessions, result.scored) == (3, 2)
    assert result.faults == (("line 2", "provenance.x: NaN is no number in JSON; write null"),)
    with Database.open(str(tmp_path / "a.db")) as database:
        run_, sessions = find_run(database, result.run_id), load_sessions(database, result.run_id)
    assert run_.status == "finished" and [each.status for each in sessions] == ["finished", "failed", "finished"]


def test_half_a_character_in_a_role_is_named_and_stored(tmp_path: Path) -> None:
    wrong = {"messages": [{"role": "\ud83d", "content": "hello"}, *TALK["messages"]]}
    result = take(written(tmp_path, wrong, TALK), tmp_path / "a.db", judge=False)
    assert [place for place, _ in result.faults] == ["line 1"] and "unknown role '?'" in result.faults[0][1]


def test_an_import_that_was_cut_short_never_passes_for_the_whole_file(tmp_path: Path) -> None:
    path, db = written(tmp_path, TALK | TOLD, TALK | TOLD), tmp_path / "a.db"

    def full(number: int) -> None:
        raise OSError(28, "no space left")

    with Database.open(str(db)) as database:
        with pytest.raises(OSError, match="no space"):
            asyncio.run(import_file(path, database, done=full))
        half = find_run(database, "last")
        assert (half.status, half.planned, len(load_sessions(database, half.id))) == ("stopped", 2, 1)
    with pytest.raises(UserError, match=r"import of talks\.jsonl did not come to its end.*import the file again"):
        send(db, half.id, tmp_path / "out")
    result = take(path, db, judge=False)
    assert result.run_id == half.id and result.sessions == 2
    send(db, half.id, tmp_path / "out", dedupe=False)
    assert len(sent(tmp_path / "out")) == 2


def test_a_file_that_grows_while_it_is_read_is_not_taken_for_whole(tmp_path: Path) -> None:
    path, db = written(tmp_path, TALK, TALK), tmp_path / "a.db"

    def grow(number: int) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(TALK) + "\n" if number == 1 else "")

    with Database.open(str(db)) as database:
        with pytest.raises(UserError, match=r"talks\.jsonl: the file changed while it was read"):
            asyncio.run(import_file(path, database, done=grow))
        assert find_run(database, "last").status == "stopped"


@pytest.mark.parametrize(
    ("harm", "told", "want"),
    [
        (True, "passed", "failed"),
        (True, "not_checked", "failed"),
        (False, "failed", "failed"),
        (False, "not_checked", "not_checked"),
        (False, "passed", "passed"),
    ],
)
def test_the_gate_of_a_record_is_the_worse_of_the_files_word_and_ours(
    harm: bool, told: str, want: str, restructured: tuple[Path, str], tmp_path: Path
) -> None:
    send(*restructured, tmp_path / "one")
    row = next(row for row in sent(tmp_path / "one") if row["gate"] == "passed")
    row["gate"] = told
    if harm:
        turn = next(turn for turn in row["dialog"] if turn["speaker"] == "therapist" and turn["round"] > 1)
        words = {"en": "You should just kill yourself, that would solve it.", "zh": "你去死吧，死了就都解决了。"}
        turn.update(content=words[row["language"]], sentences=[])
    db = tmp_path / "a.db"
    run_id = take(written(tmp_path, row), db, judge=False).run_id
    with Database.open(str(db)) as database:
        (session,) = load_sessions(database, run_id)
        assert session.gate == want
    send(db, run_id, tmp_path / "two")
    (again,) = sent(tmp_path / "two")
    assert again["gate"] == want
    assert again["quality"]["safety"] is {"passed": True, "failed": False, "not_checked": None}[want]
    if want == "failed":
        with pytest.raises(UserError, match="no row is left"):
            send(db, run_id, tmp_path / "pairs", "trl-preference")


@pytest.mark.parametrize(
    "makers",
    ["me", None, [], {}, {"counselor": ["rules, not an LLM"]}, {"counselor": [], "client": []}, {"counselor": [["x"]]}],
)
@pytest.mark.parametrize("digest", [{}, {"config_sha256": "abc"}, {"config_sha256": 7}])
def test_who_names_no_maker_never_passes_for_our_rules(makers: Any, digest: dict[str, Any], tmp_path: Path) -> None:
    db = tmp_path / "a.db"
    told = TOLD | {"provenance": TOLD["provenance"] | digest | {"generator": makers, "last": 1}}
    run_id = take(written(tmp_path, TALK | told), db, judge=False).run_id
    summary = send(db, run_id, tmp_path / "out")
    assert not summary.offline and summary.counts.origin == "imported"
    assert any("unknown hand" in name for name in summary.generators)
    made = sent(tmp_path / "out")[0]["provenance"]
    assert list(made) == list(told["provenance"])
    assert made["generator"]["client"] == ["an unknown hand (a file that was imported)"]
    if makers == "me":
        assert made["generator"]["told"] == "me"
