"""``arena run`` at the keyboard: results, dry runs, files, and one clear line for every mistake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from storage.database import Database
from storage.queries import list_runs
from tests.servers import Behaviour, LoopbackServer, Visit
from tests.ui.commands import Outcome, arena

Arena = Callable[..., Outcome]
CARD = "id: mine\ntheme: emotion\nlang: en\ncurrent_distress: I cannot sleep.\n"


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Arena:
    """The command, in an empty folder and with no keys in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ARENA_DB"):
        monkeypatch.delenv(name, raising=False)
    return lambda *words: arena(list(words), monkeypatch, capsys)


def test_a_small_run_prints_a_leaderboard_and_who_made_it(at: Arena) -> None:
    done = at("run", "--clients", "2", "--rounds", "3", "--counselor", "plain", "--counselor", "echo")
    assert done.code == 0
    assert "Offline rules, not an LLM" in done.out
    assert "plain:psycho@offline" in done.out and "echo" in done.out and "Simulation and training only" in done.out
    assert "4 of 4 sessions finished" in done.err


def test_json_is_one_object_and_nothing_else(at: Arena) -> None:
    done = at("run", "--clients", "2", "--rounds", "3", "--json")
    told = json.loads(done.out)
    assert done.err == ""
    assert told["sessions"] == {"finished": 2, "failed": 0}
    assert told["leaderboard"][0]["counselor"] == "plain:psycho@offline"
    assert len(told["run_id"]) == 12 and "offline rules" in told["made_by"]


def test_the_same_command_again_says_that_all_is_done(at: Arena) -> None:
    words = ("run", "--clients", "2", "--rounds", "2")
    at(*words)
    assert "2 of 2 sessions are done already" in at(*words).err


def test_a_run_file_and_the_flags_make_the_same_run(at: Arena, tmp_path: Path) -> None:
    settings = {"counselors": ["plain", "echo"], "clients": "2", "rounds": 3, "seed": 4}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    by_file = json.loads(at("run", "--config", "run.yaml", "--json").out)
    flags = ("--counselor", "plain", "--counselor", "echo", "--clients", "2", "--rounds", "3", "--seed", "4")
    assert json.loads(at("run", *flags, "--json").out)["run_id"] == by_file["run_id"]


def test_print_config_is_a_run_file(at: Arena, tmp_path: Path) -> None:
    shown = at("run", "--clients", "2", "--rounds", "3", "--print-config")
    (tmp_path / "shown.yaml").write_text(shown.out, encoding="utf-8")
    told = json.loads(at("run", "--config", "shown.yaml", "--json").out)
    assert told["run_id"] in shown.out


def test_a_dry_run_counts_and_asks_nothing(at: Arena, tmp_path: Path) -> None:
    with LoopbackServer() as server:
        words = ("run", "--clients", "3", "--rounds", "5", "--model", "openai/test-model", "--base-url", server.url)
        told = json.loads(at(*words, "--dry-run", "--json").out)
        assert "unknown" in at(*words, "--dry-run").out  # nobody knows this model's price
        assert not server.visits and not list(tmp_path.glob("*.db"))
        at(*words, "--json")
        assert len(server.completions) == told["calls"]
    assert told["sessions"] == 3 and told["models"][0]["cost"] is None
    priced = json.loads(at("run", "--model", "openai/gpt-4o", "--dry-run", "--json").out)
    assert float(priced["models"][0]["cost"]) > 0


MISTAKES: dict[str, tuple[list[str], list[str]]] = {
    "unknown counselor": (["--counselor", "plian"], ["--counselor", "plian", "'plain'"]),
    "unknown variant": (["--counselor", "plain:psych"], ["plain:psycho"]),
    "a model for a script": (["--counselor", "echo@offline"], ["echo", "needs no model"]),
    "counselor named twice": (["--counselor", "plain", "--counselor", "plain:psycho"], ["named twice"]),
    "unknown provider": (["--counselor", "plain@opnai/x"], ["opnai/x", "openai/<id>"]),
    "unknown theme": (["--clients", "theme=emotions"], ["emotions", "'emotion'"]),
    "unknown client": (["--clients", "emotoin-01"], ["emotoin-01", "'emotion-01'"]),
    "too many clients": (["--clients", "99"], ["between 1 and"]),
    "no such file": (["--clients", "nowhere.yaml"], ["nowhere.yaml", "no such file"]),
    "0 rounds": (["--rounds", "0"], ["--rounds", "greater than or equal to 1"]),
    "rounds in words": (["--rounds", "many"], ["--rounds", "integer"]),
    "unknown language": (["--lang", "fr"], ["fr", "zh"]),
    "unknown flag": (["--cleints", "2"], ["--cleints", "--clients"]),
    "missing key": (["--model", "openai/gpt-4o"], ["OPENAI_API_KEY"]),
    "dead server": (["--model", "openai/x", "--base-url", "http://127.0.0.1:9/v1"], ["127.0.0.1:9", "--base-url"]),
    "no address": (["--model", "openai/x", "--base-url", "not an address"], ["--base-url"]),
    "a name that means another run": (["--name", "last"], ["--name", "'last'", "newest run", "another name"]),
    "a person in a batch": (["--counselor", "human"], ["arena chat"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_every_mistake_is_one_clear_line(mistake: str, at: Arena) -> None:
    words, expected = MISTAKES[mistake]
    told = at("run", *words)
    assert told.code == 2
    assert told.out == ""
    assert told.err.count("\n") == 1 and told.err.startswith("arena: ")
    assert all(part in told.err for part in expected), told.err


FILES: dict[str, tuple[str, str, list[str]]] = {
    "wrong key": ("run.yaml", "counselors: [plain]\nround: 3\n", ["run.yaml, line 2", "round", "'rounds'"]),
    "value out of range": ("run.yaml", "clients: '2'\nrounds: 0\n", ["run.yaml, line 2", "rounds"]),
    "reserved name": ("run.yaml", "rounds: 2\nname: last\n", ["run.yaml, line 2", "name", "newest run"]),
    "not YAML": ("run.yaml", "counselors: [plain\nrounds: 3\n", ["run.yaml, line 2"]),
    "not a mapping": ("run.yaml", "- plain\n", ["run.yaml, line 1"]),
    "malformed card": ("card.yaml", CARD + "resistance: 9\n", ["card.yaml, line 5", "resistance", "3"]),
    "wrong card key": ("card.yaml", CARD + "resistence: 2\n", ["card.yaml, line 5", "resistence", "'resistance'"]),
    "nested wrong key": ("card.yaml", CARD + "risk:\n  levle: low\n", ["card.yaml, line 6", "levle", "'level'"]),
    "missing field": ("card.yaml", "id: x\ntheme: emotion\nlang: en\n", ["card.yaml", "current_distress"]),
    "two ids alike": (
        "card.yaml",
        "- {%s}\n- {%s}\n" % ((CARD.strip().replace("\n", ", "),) * 2),
        ["line 2", "line 1"],
    ),
    "wrong language": ("card.yaml", CARD.replace("lang: en", "lang: zh"), ["--lang zh"]),
    "empty file": ("card.yaml", "", ["card.yaml"]),
}


@pytest.mark.parametrize("fault", FILES)
def test_every_faulty_file_is_named_with_line_and_field(fault: str, at: Arena, tmp_path: Path) -> None:
    name, text, expected = FILES[fault]
    (tmp_path / name).write_text(text, encoding="utf-8")
    told = at("run", "--config" if name == "run.yaml" else "--clients", name)
    assert told.code == 2 and told.out == ""
    assert told.err.count("\n") == 1
    assert all(part in told.err for part in expected), told.err


def test_a_name_beside_a_file_is_held_to_the_same_rule(at: Arena, tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("rounds: 2\nclients: '1'\n", encoding="utf-8")
    told = at("run", "--config", "run.yaml", "--name", " last ")
    assert told.code == 2 and told.err.count("\n") == 1 and "--name" in told.err
    assert not list(tmp_path.glob("*.db"))
    assert at("run", "--config", "run.yaml", "--name", "last week").code == 0
    assert at("report", "last", "--out", "r.html").code == 0


def test_file_and_flags_are_never_mixed(at: Arena, tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("rounds: 2\n", encoding="utf-8")
    told = at("run", "--config", "run.yaml", "--rounds", "3", "--seed", "2")
    assert told.code == 2 and "--rounds, --seed" in told.err


def test_a_read_only_database_is_told_before_anything_is_spent(at: Arena, tmp_path: Path) -> None:
    at("run", "--clients", "1", "--rounds", "1", "--db", "kept.db")
    (tmp_path / "kept.db").chmod(0o444)
    with LoopbackServer() as server:
        words = ("--clients", "1", "--db", "kept.db", "--model", "openai/test-model", "--base-url", server.url)
        told = at("run", *words)
        assert not server.visits
    assert told.code == 2 and "kept.db" in told.err and "read-only" in told.err
    (tmp_path / "kept.db").chmod(0o644)
    with Database.open(str(tmp_path / "kept.db")) as database:
        assert len(list_runs(database)) == 1


def test_a_failed_session_ends_the_command_with_1_and_its_reason(at: Arena) -> None:
    with LoopbackServer(script=lambda v: Behaviour("refusal") if ":counselor:" in v.label else None) as server:
        words = ("--clients", "2", "--rounds", "2", "--model", "openai/test-model", "--base-url", server.url)
        told = at("run", *words)
    assert told.code == 1
    assert "2 failed" in told.err and "refused" in told.err


def test_a_key_is_never_shown(at: Arena, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-1234567890")
    with LoopbackServer(api_key="sk-canary-1234567890") as server:
        words = ("--clients", "1", "--rounds", "1", "--model", "openai/test-model", "--base-url", server.url)
        told = [at("run", *words), at("run", *words, "--print-config"), at("doctor", "--base-url", server.url)]
    assert all("canary" not in one.out + one.err for one in told)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"canary" in path.read_bytes()]


def test_help_is_light_and_complete() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; import ui.cli.main as m;"
        "done = CliRunner().invoke(m.app, ['--help']); assert done.exit_code == 0, done.output;"
        "assert all(w in done.output for w in ('run', 'report', 'chat', 'doctor', 'profiles', 'db'));"
        "print([n for n in ('gradio', 'torch', 'pandas', 'langgraph', 'openai', 'plotly') if n in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert found.stdout.strip() == "[]"


def test_bare_arena_shows_the_help(at: Arena) -> None:
    assert "Commands:" in at().out


@pytest.mark.parametrize("words", [("db", "info"), ("db", "upgrade"), ("runs",), ("doctor",)])
def test_the_small_verbs_work_on_a_used_database(words: tuple[str, ...], at: Arena) -> None:
    at("run", "--clients", "1", "--rounds", "1")
    told = at(*words)
    assert told.code == 0, told.err
    assert told.out.strip()


def test_a_report_can_be_asked_for_by_name_or_as_json(at: Arena, tmp_path: Path) -> None:
    at("run", "--clients", "1", "--rounds", "1", "--name", "first try")
    assert at("report", "first try", "--out", "r.html").code == 0
    assert (tmp_path / "r.html").stat().st_size > 100_000
    assert json.loads(at("report", "last", "--json").out)["leaderboard"]
    assert at("report", "nosuch").code == 2


@pytest.mark.parametrize("columns", ["40", "60", "80", "200"])
def test_no_figure_is_cut_in_a_narrow_window(columns: str, at: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    told = at("run", "--clients", "3", "--rounds", "2", "--counselor", "plain:vanilla", "--counselor", "hotline_only")
    assert "…" not in told.out
    assert "plain:vanilla@offline" in told.out and "pass_total" in told.out
    runs = at("runs").out
    assert "…" not in runs and "offline rules" in runs


def test_brackets_in_a_name_are_a_name(at: Arena) -> None:
    at("run", "--clients", "1", "--rounds", "1", "--name", "pilot [/x] [bold]b[/bold]")
    assert "pilot [/x] [bold]b[/bold]" in at("runs").out


@pytest.mark.parametrize("words", [("runs",), ("report", "last"), ("db", "info")])
def test_looking_makes_no_database(words: tuple[str, ...], at: Arena, tmp_path: Path) -> None:
    told = at(*words, "--db", "nope.db")
    assert told.code == 2 and "nope.db" in told.err and told.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_failure_says_whose_turn_it_was_and_how_to_go_on(at: Arena) -> None:
    with LoopbackServer(script=lambda v: Behaviour("refusal") if ":counselor:1" in v.label else None) as server:
        words = ("--clients", "1", "--rounds", "3", "--model", "openai/test-model", "--base-url", server.url)
        told = at("run", *words)
        assert "counselor (openai/test-model) in round 2" in told.err
        assert "--retry-failed" in told.out
        again = at("run", *words)
    assert "0 of 1 sessions are done already, 1 failed" in again.err


def test_faults_that_were_waited_out_are_shown(at: Arena) -> None:
    with LoopbackServer(rates={"500": 0.2}, seed=2) as server:
        words = ("--clients", "2", "--rounds", "2", "--model", "openai/test-model", "--base-url", server.url)
        told = json.loads(at("run", *words, "--json").out)
        assert told["sessions"]["finished"] == 2 and told["faults"]["500"] > 0
        assert f"faults on the way: 500 {told['faults']['500']}" in at("run", *words).out


def test_a_server_that_dies_stops_the_run_and_the_same_command_finishes_it(at: Arena, tmp_path: Path) -> None:
    def die_at_the_hundredth(visit: Visit) -> None:
        if visit.number == 100:
            threading.Thread(target=server.__exit__, args=(None, None, None)).start()

    words = ("run", "--clients", "9", "--repeats", "6", "--rounds", "2", "--model", "openai/test-model")
    with LoopbackServer(script=die_at_the_hundredth, delay=0.02) as server:
        port = server.port
        told = at(*words, "--base-url", server.url, "--deadline", "1")
    assert told.code == 2 and "no server answers" in told.err
    with LoopbackServer(port=port) as server:
        again = json.loads(at(*words, "--base-url", server.url, "--json").out)
    assert again["sessions"] == {"finished": 54, "failed": 0}


def test_natural_ways_to_write_clients_and_counselors(tmp_path: Path) -> None:
    from arena import RunConfig

    assert RunConfig(clients=2).clients == "2"  # type: ignore[arg-type]
    assert RunConfig(clients=["a", "b"]).clients == "a,b"  # type: ignore[arg-type]
    assert RunConfig(counselors="plain").counselors == ("plain",)  # type: ignore[arg-type]
