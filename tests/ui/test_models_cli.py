"""``arena models`` at the keyboard: try a model, serve one, and one clear line for every mistake."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fake_vllm import StandIn, install, lives
from tests.servers import Behaviour, LoopbackServer, Script, Visit, heed_ctrl_c
from tests.ui.commands import Outcome, arena

Arena = Callable[..., Outcome]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "config.json").write_text("{}", encoding="ascii")
    return install(monkeypatch, tmp_path)


@pytest.fixture
def at(fake: StandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Arena:
    """The command, in a folder with a model in it and with vLLM at hand."""
    return lambda *words: arena(list(words), monkeypatch, capsys)


def structured(kind: str) -> Script:
    def script(visit: Visit) -> Behaviour | None:
        return Behaviour(kind) if "response_format" in visit.body else None

    return script


# arena models ping


SERVERS: dict[str, tuple[Script, list[str]]] = {
    "enforces": (lambda _: None, ["schemas     enforced", "fits the schema", "none to be seen"]),
    "ignores": (structured("prose"), ["taken, but the answer did not keep to it", "does not fit the schema"]),
    "refuses": (structured("no_schema"), ["schemas     not taken: asked for in words", ", fits the schema"]),
    "thinks": (lambda _: Behaviour("reasoning"), ["reasoning   visible"]),
    "cuts": (structured("cut_short"), ["not known", "cut short"]),
}


@pytest.mark.parametrize("kind", SERVERS)
def test_ping_says_in_five_lines_what_a_model_does(kind: str, at: Arena) -> None:
    script, expected = SERVERS[kind]
    with LoopbackServer(script) as server:
        told = at("models", "ping", "vllm/test-model", "--base-url", server.url)
        assert told.out.splitlines()[0] == f"vllm/test-model at {server.url}"
    assert told.code == ("does not fit" in told.out) and told.err == ""
    assert told.out.count("\n") == 5
    assert "tokens in (" in told.out and "cached)" in told.out and "tokens out" in told.out and " s, " in told.out
    assert all(words in told.out for words in expected), told.out


def test_ping_as_json_is_one_object(at: Arena) -> None:
    with LoopbackServer(structured("no_schema")) as server:
        told = at("models", "ping", "openai/test-model", "--base-url", f"openai={server.url}", "--json", "--lang", "zh")
        assert "lantern" in str(server.completions[0].body["messages"])
    found = json.loads(told.out)
    assert told.out.count("\n") == 1
    assert (found["model"], found["server"]) == ("openai/test-model", server.url)
    assert found["schemas"] == "in_words" and found["fits"] is True and found["text"]["reasoning"] is False
    assert found["text"]["usage"]["prompt_tokens"] > 0 and found["structured"]["latency"] > 0


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_ping_works_offline(at: Arena, lang: str) -> None:
    told = at("models", "ping", "offline", "--lang", lang)
    assert told.code == 0 and told.out.startswith("offline\n") and "not applicable" in told.out
    assert "tokens" not in told.out


def test_ping_starts_a_server_where_none_is_named_and_tells_so(at: Arena, fake: StandIn) -> None:
    told = at("models", "ping", "vllm/./tiny", "--json")
    assert json.loads(told.out)["schemas"] == "enforced"
    assert [line.split(":")[0] for line in told.err.splitlines()] == ["vllm/./tiny"] * 2
    assert not any(map(lives, fake.pids)) and not fake.kept_logs


MISTAKES: dict[str, tuple[list[str], int, list[str]]] = {
    "no server": (["ping", "vllm/x", "--base-url", "http://127.0.0.1:9/v1"], 2, ["127.0.0.1:9"]),
    "no such provider": (["ping", "vlm/x"], 2, ["vlm/x", "vllm/<id>"]),
    "no model": (["ping", "vllm"], 2, ["vllm/<folder>"]),
    "no such folder": (["ping", "vllm/./nowhere"], 2, ["./nowhere", "no folder"]),
    "no spec": (["ping"], 2, ["spec", "arena models ping --help"]),
    "twice the same": (["ping", "vllm/x", "--base-url", "a=1", "--base-url", "a=2"], 2, ["two addresses for 'a'"]),
    "serve what is not there": (["serve", "./nowhere"], 2, ["no folder"]),
    "serve an empty folder": (["serve", "./empty"], 2, ["config.json"]),
    "serve two": (["serve", "./tiny", "./other"], 2, ["./other", "--"]),
    "a flag of vLLM's before the mark": (
        ["serve", "./tiny", "--max-model-len", "64"],
        2,
        ["arena models serve --help"],
    ),
    "our flag behind the mark": (["serve", "./tiny", "--", "--port", "9"], 2, ["--port"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_every_mistake_is_one_clear_line(mistake: str, at: Arena, fake: StandIn, tmp_path: Path) -> None:
    words, code, expected = MISTAKES[mistake]
    (tmp_path / "empty").mkdir()
    told = at("models", *words)
    assert told.code == code and told.out == ""
    assert told.err.count("\n") == 1 and told.err.startswith("arena: ")
    assert all(part in told.err for part in expected), told.err
    assert not fake.started


def test_without_vllm_the_remedy_is_named(at: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH")
    for words in (("ping", "vllm/./tiny"), ("serve", "./tiny")):
        told = at("models", *words)
        assert told.code == 2 and told.err.count("\n") == 1
        assert "pip install 'counsel-arena[vllm]'" in told.err and "--base-url" in told.err


def test_a_server_that_fails_ends_ping_with_1(at: Arena) -> None:
    with LoopbackServer(lambda visit: Behaviour("400") if visit.body else None) as server:
        told = at("models", "ping", "vllm/test-model", "--base-url", server.url)
    assert told.code == 1 and told.err.count("\n") == 1 and told.out == ""


# arena models serve


def test_print_shows_a_command_that_works_and_starts_nothing(at: Arena, fake: StandIn) -> None:
    told = at("models", "serve", "vllm/./tiny", "--print", "--port", "8123", "--", "--max-model-len", "64")
    assert told.code == 0 and told.err == "" and not fake.started
    words = shlex.split(told.out)
    assert "VLLM_NO_USAGE_STATS=1" in words and words[-2:] == ["--max-model-len", "64"]
    assert words[words.index("--served-model-name") + 1] == "./tiny"
    assert words[words.index("--port") + 1] == "8123"
    done = subprocess.run(
        ["sh", "-c", f"{told.out.strip()} --no-such-flag"], capture_output=True, text=True, check=False
    )
    assert "unrecognized arguments: --no-such-flag" in done.stderr


def serve(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "ui.cli.main", "models", "serve", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, start_new_session=True, preexec_fn=heed_ctrl_c
    )


def ended(process: subprocess.Popen[str]) -> int:
    """Its exit code; one that does not end in time is killed, so that leaving ``with`` does not wait for ever."""
    try:
        return process.wait(20)
    finally:
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_says_what_to_do_next_and_ends_cleanly(at: Arena, fake: StandIn, number: int) -> None:
    fake.behave("children")
    with serve("./tiny", "--", "--max-model-len", "64") as process:
        assert process.stdout is not None and process.stderr is not None
        said = [process.stdout.readline() for _ in range(3)]
        (page,) = fake.pages
        assert page["max_model_len"] == 64
        assert said[0].startswith(f"http://127.0.0.1:{page['port']}/v1 serves ./tiny")
        words = shlex.split(said[1])
        assert words[:3] == ["arena", "models", "ping"]
        assert at(*words[1:]).code == 0
        assert shlex.split(said[2])[:4] == ["arena", "run", "--model", "vllm/./tiny"]
        assert at(*shlex.split(said[2])[1:], "--clients", "1", "--rounds", "1").code == 0
        os.killpg(process.pid, number)
        assert ended(process) == 0
        assert process.stderr.read().splitlines()[-1] == "stopped"
    assert len(fake.pids) == 4 and not any(map(lives, fake.pids)) and not fake.kept_logs


def test_a_server_that_dies_later_ends_serve_with_1(fake: StandIn) -> None:
    with serve("./tiny") as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        os.kill(fake.pages[0]["pids"][0], signal.SIGKILL)
        assert ended(process) == 1
        last = process.stderr.read().splitlines()[-1]
    assert last.startswith("arena: ") and "killed" in last and str(fake.kept_logs[0]) in last


def test_a_server_that_dies_at_once_ends_serve_with_2_and_its_last_lines(fake: StandIn) -> None:
    fake.behave("die")
    with serve("./tiny", "--", "--api-key", "canary-77aa") as process:
        out, err = process.communicate(timeout=30)
    assert process.returncode == 2 and out == ""
    assert "MemoryError" in err.splitlines()[-1] and "Traceback" in err
    assert "canary-77aa" not in err and "canary-77aa" in fake.kept_logs[0].read_text(encoding="utf-8")


def test_a_start_that_takes_too_long_is_ended(fake: StandIn) -> None:
    fake.behave("never")
    with serve("./tiny", "--wait", "2") as process:
        _, err = process.communicate(timeout=30)
    assert process.returncode == 2 and "did not answer within 2 s" in err.splitlines()[-1]
    assert not any(map(lives, fake.pids))
