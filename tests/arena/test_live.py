"""A person in a chair: the graph waits, goes on, survives a closed window, and hands off in a crisis."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from arena import ModelError, RunConfig, UserError
from arena.live import open_live
from arena.safety import crisis_text
from profiles.vocabulary import Role
from storage.database import Database
from storage.queries import list_runs, load_judgments, load_sessions, load_turns
from tests.servers import Behaviour, LoopbackServer, heed_ctrl_c

ROOT = Path(__file__).resolve().parents[2]


def config(folder: Path, **settings: object) -> RunConfig:
    return RunConfig(clients="career-01", rounds=3, db=str(folder / "arena.db"), **settings)  # type: ignore[arg-type]


async def test_a_person_as_counselor_talks_to_the_end_and_is_scored(tmp_path: Path) -> None:
    async with open_live(config(tmp_path), "counselor") as live:
        scene = await live.scene()
        assert [turn.speaker for turn in scene.turns] == ["counselor", "client"]
        while not scene.over:
            scene = await live.say(f"That sounds hard. What happened then, in round {scene.round}?")
        result = await live.finish()
    assert len(result.turns) == 7 and result.end is not None and result.end.reason == "rounds"
    with Database.open(str(tmp_path / "arena.db")) as database:
        (run,) = list_runs(database)
        (row,) = load_sessions(database, run.id)
        assert (row.counselor, row.status, run.status) == ("human", "finished", "finished")
        assert len(load_turns(database, row.id)) == 7
        assert len(load_judgments(database, run.id)) == 3


async def test_a_closed_window_loses_nothing(tmp_path: Path) -> None:
    async with open_live(config(tmp_path), "counselor") as live:
        await live.scene()
        scene = await live.say("I hear you. What is the hardest part?")
        begun = live.id
    async with open_live(RunConfig(db=str(tmp_path / "arena.db")), "client", resume=begun) as again:
        assert again.chair == "counselor"
        found = await again.scene()
        assert found.turns == scene.turns  # call records too
        assert any(turn.call and turn.call.prompt_hash for turn in found.turns)
        after = await again.say("And what would you like to be different?")
        assert len(after.turns) == len(scene.turns) + 2


async def test_a_person_as_client_is_answered(tmp_path: Path) -> None:
    async with open_live(config(tmp_path, counselors=("plain",)), "client") as live:
        scene = await live.scene()
        assert [turn.speaker for turn in scene.turns] == ["counselor"]
        scene = await live.say("I cannot sleep since I lost my job.")
        assert [turn.speaker for turn in scene.turns] == ["counselor", "client", "counselor"]
        scene = await live.say("", leaves=True)
        assert scene.over
        result = await live.finish()
    assert result.end is not None and (result.end.by, result.end.reason) == ("client", "person_left")


@pytest.mark.parametrize(("lang", "words"), [("en", "I want to kill myself."), ("zh", "我不想活了，想自杀。")])
async def test_a_crisis_shows_the_hand_off_at_once(tmp_path: Path, lang: str, words: str) -> None:
    async with open_live(config(tmp_path, counselors=("plain",), lang=lang), "client") as live:
        assert live.crisis(words) == crisis_text(lang)  # type: ignore[arg-type]
        assert live.crisis("Hello.") is None
    async with open_live(config(tmp_path, lang=lang), "counselor") as live:
        assert live.crisis(words) is None  # the person is the counselor here


@pytest.mark.parametrize("chair", ["client", "counselor"])
def test_the_terminal_talks_too(tmp_path: Path, chair: Role) -> None:
    command = [sys.executable, "-m", "ui.cli.main", "chat", "--as", chair, "--client", "career-01", "--rounds", "4"]
    said = "Thank you for having me here.\nI think of killing myself some nights.\n/end\n"
    done = subprocess.run(
        [*command, "--db", str(tmp_path / "a.db")], input=said, capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "not an LLM" in done.stdout and "safety gate" in done.stdout and "next: arena report" in done.stdout
    first_line = crisis_text("en").split("\n")[0]
    assert (first_line in done.stdout) == (chair == "client")
    assert "msgpack" not in done.stderr


async def test_what_is_no_live_session_cannot_be_resumed(tmp_path: Path) -> None:
    from tests.arena.runs import play

    result = await __import__("asyncio").to_thread(play, tmp_path, clients="1", rounds=1)
    with pytest.raises(UserError, match="no live session"):
        async with open_live(RunConfig(db=result.db), "counselor", resume=result.run_id):
            pass


async def test_one_client_and_one_counselor_are_needed(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="one of each"):
        async with open_live(RunConfig(clients="2", db=str(tmp_path / "a.db")), "counselor"):
            pass


def test_the_end_of_input_keeps_the_session_and_resuming_a_scored_one_asks_nothing(tmp_path: Path) -> None:
    def chat(said: str, *more: str) -> str:
        words = [sys.executable, "-m", "ui.cli.main", "chat", "--db", str(tmp_path / "a.db"), *more]
        done = subprocess.run(words, input=said, capture_output=True, text=True, cwd=ROOT, check=True)
        return done.stdout

    with LoopbackServer() as server:
        model = ("--client", "career-01", "--rounds", "5", "--model", "openai/test-model", "--base-url", server.url)
        first = chat("What brings you here today?\n", *model)
        begun = first.split("--resume ")[1].split()[0]
        assert "nothing is lost" in first and "scoring" not in first
        second = chat("And what else?\n/end\n", "--resume", begun, "--base-url", server.url)
        assert "you: What brings you here today?" in second and "scoring" in second
        asked = len(server.completions)
        assert set(server.answered.values()) == {1}
        third = chat("/end\n", "--resume", begun, "--base-url", server.url)
        assert "was scored" in third and "you: And what else?" in third and len(server.completions) == asked
    with Database.open(str(tmp_path / "a.db")) as database:
        (run,) = list_runs(database)
        (row,) = load_sessions(database, run.id)
        assert [turn.text for turn in load_turns(database, row.id)][-1] != ""
        assert row.rounds == 3 and row.usage["client"]["calls"] == 3


@pytest.mark.skipif(sys.platform == "win32", reason="a pty is wanted")
def test_ctrl_c_while_writing_ends_at_once(tmp_path: Path) -> None:
    import os
    import pty
    import select
    import signal
    import time

    screen, terminal = pty.openpty()

    def shown_until(words: bytes) -> None:
        shown = b""
        while words not in shown:
            assert select.select([screen], [], [], 20)[0], (words, shown)
            shown += os.read(screen, 4096)

    words = [sys.executable, "-m", "ui.cli.main", "chat", "--client", "career-01", "--db", str(tmp_path / "a.db")]
    talking = subprocess.Popen(
        words,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        cwd=ROOT,
        start_new_session=True,
        preexec_fn=heed_ctrl_c,
    )
    try:
        shown_until(b"you>")
        time.sleep(1)  # a person presses it while the program reads, not in the instant before
        talking.send_signal(signal.SIGINT)
        assert talking.wait(10) == 0
        shown_until(b"nothing is lost")
    finally:
        talking.kill()
        talking.wait()
        os.close(terminal)
        os.close(screen)


async def test_a_card_of_one_s_own_is_found_again(tmp_path: Path) -> None:
    card = tmp_path / "mine.yaml"
    card.write_text("id: mine\ntheme: emotion\nlang: en\ncurrent_distress: I cannot sleep.\n", encoding="utf-8")
    db = str(tmp_path / "arena.db")
    async with open_live(RunConfig(clients=str(card), rounds=3, db=db), "counselor") as live:
        begun = (await live.scene()).turns
    async with open_live(RunConfig(db=db), "counselor", resume=live.id) as again:
        assert (await again.scene()).turns == begun


@pytest.mark.parametrize("chair", ["client", "counselor"])
async def test_a_model_that_fails_loses_nobody_s_words(tmp_path: Path, chair: Role) -> None:
    away = False
    with LoopbackServer(script=lambda visit: Behaviour("500") if away else None) as server:
        settings = {"model": "openai/test-model", "base_url": server.url, "deadline": 0.3, "counselors": ("plain",)}
        async with open_live(config(tmp_path, **settings), chair) as live:
            await live.scene()
            away = True
            with pytest.raises(ModelError):
                await live.say("These are my words.")
        away = False
        async with open_live(RunConfig(db=str(tmp_path / "arena.db"), base_url=server.url), chair, live.id) as again:
            turns = (await again.scene()).turns
    assert [turn.text for turn in turns].count("These are my words.") == 1
    assert turns[-1].speaker != chair and turns[-2].text == "These are my words."
