"""Whole runs through a real vLLM on the CPU: enforced scores, the prefix cache, and servers that die."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from arena import RunConfig, RunResult, UserError, run
from arena.events import CallFinished
from storage.database import Database
from storage.queries import load_all_turns, load_judgments, load_sessions
from tests.vllm.cache import by_channel, total
from tests.vllm.conftest import NAME, Figures, StartServer, VllmServer
from tests.vllm.recorder import Recorder

pytestmark = pytest.mark.vllm

PARTIES = {("client", "judge"), ("counselor", "judge"), ("counselor", "self"), ("supervisor", "judge")}
JUDGES = {"judge.client", "judge.counselor", "judge.supervisor", "self", "fidelity"}
ROOMY = ("--max-num-batched-tokens", "262144")  # no prompt is ever read in pieces
SOCKETS = Path("/proc/net/unix")
HASTY = {"timeout": 20.0, "deadline": 8.0}


def play(
    folder: Path, url: str | None, observe: Callable[[object], None] = lambda event: None, **settings: Any
) -> RunResult:
    """Run the plain counselor on the server at ``url``, or on one of the run's own, in ``folder``'s database."""
    config = {"counselors": ("plain",), "clients": "2", "rounds": 2, "model": f"vllm/{NAME}"}
    config |= {"resistance": 0, **settings}  # a client of little trust might leave for what a random model says
    return run(RunConfig(db=str(folder / "arena.db"), base_url=url, **config), observe)


def is_whole(result: RunResult, sessions: int, rounds: int) -> bool:
    """Whether each planned session is there once, with all its turns and scores."""
    with Database.open(result.db) as database:
        rows = load_sessions(database, result.run_id)
        turns = load_all_turns(database, result.run_id)
        judged = load_judgments(database, result.run_id)
    assert len({row.profile_id for row in rows}) == len(rows) == sessions
    assert [(row.status, row.error) for row in rows] == [("finished", None)] * sessions
    for row in rows:
        assert [turn.index for turn in turns[row.id]] == list(range(1 + 2 * rounds))  # a greeting and the rounds
        assert all(turn.text.strip() for turn in turns[row.id])
        own = [item for item in judged if item.judgment.session_id == row.id]
        assert sorted((item.judgment.party, item.judgment.judge) for item in own) == sorted(PARTIES)
        for item in own:
            assert (item.judgment.status, item.judgment.reason) == ("ok", None)
            assert item.scores and all(score.status == "ok" and score.value is not None for score in item.scores)
    return True


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_run_finishes_and_the_server_s_grammar_holds_every_score(
    server: VllmServer, tmp_path: Path, lang: str
) -> None:
    with Recorder(server.root) as recorder:
        result = play(tmp_path, recorder.url, lang=lang, rounds=3)
    assert is_whole(result, sessions=2, rounds=3)
    assert not result.faults
    formats = {call.channel: call.body.get("response_format", {}).get("type") for call in recorder.calls}
    assert formats == {"counselor": None, **dict.fromkeys({"client", *JUDGES}, "json_schema")}
    assert len(recorder.calls) == 2 * (2 * 3 + len(JUDGES))  # no answer had to be asked for twice
    for row in result.sessions:
        assert row.outcome["grand_total"] is not None
        assert all(counts["cached_tokens"] is not None for counts in row.usage.values())


def test_a_long_session_is_served_from_the_prefix_cache(server: VllmServer, tmp_path: Path, figures: Figures) -> None:
    server.forget()
    began = time.monotonic()
    with Recorder(server.root) as recorder:
        result = play(tmp_path, recorder.url, clients="1", rounds=25)
    seconds = time.monotonic() - began
    assert is_whole(result, sessions=1, rounds=25)
    shares = by_channel(recorder.calls, server)
    whole = total(shares.values())
    written = sum(call.usage["completion_tokens"] for call in recorder.calls)
    figures["25 rounds"] = f"{seconds:.1f} s, {len(recorder.calls)} calls, {written} tokens written"
    figures["25 rounds, cached of what a perfect prefix cache would have served"] = str(whole)
    for channel, share in sorted(shares.items()):
        figures[f"  {channel}"] = str(share)
    assert 0.9 <= whole.of_perfect <= 1, shares
    stored = list(result.sessions[0].usage.values())
    assert sum(row["cached_tokens"] for row in stored) == whole.cached
    assert sum(row["prompt_tokens"] for row in stored) == whole.prompt


def test_the_tiny_model_writes_fast_enough_for_whole_runs(server: VllmServer, figures: Figures) -> None:
    message = {"role": "user", "content": "Tell me a long story."}
    body = {"messages": [message], "max_tokens": 500, "min_tokens": 500, "ignore_eos": True}
    began = time.monotonic()
    answer = server.post("/v1/chat/completions", body)
    rate = answer["usage"]["completion_tokens"] / (time.monotonic() - began)
    figures["one request"] = f"{rate:.0f} tokens a second"
    assert rate > 50


def test_a_server_that_dies_of_a_seed_is_named_and_the_run_goes_on_at_a_new_one(
    start_server: StartServer, tmp_path: Path
) -> None:
    # vLLM's V1 runner winds back the generator of a seeded request after each piece of a prompt but the last, and a
    # generator on the CPU cannot be wound back: any seeded prompt over the batch's size ends the engine.
    frail = start_server("--max-num-batched-tokens", "2048")
    began = time.monotonic()
    first = play(tmp_path, frail.url, send_seed=True, **HASTY)
    assert time.monotonic() - began < 60
    assert frail.process.wait(timeout=30) is not None
    assert "does not use offset" in frail.log.read_text(encoding="utf-8", errors="replace")
    assert first.statuses == {"finished": 0, "failed": 2}
    for row in first.sessions:
        assert row.error_kind == "unavailable"
        assert row.error and "\n" not in row.error and frail.url in row.error
    assert first.faults
    again = start_server(*ROOMY, port=frail.port)
    second = play(tmp_path, again.url, send_seed=True)
    assert second.run_id == first.run_id
    assert is_whole(second, sessions=2, rounds=2)
    assert again.alive


def test_a_run_survives_its_server_s_sudden_death(
    server: VllmServer, start_server: StartServer, tmp_path: Path
) -> None:
    doomed = start_server()
    finished: list[CallFinished] = []

    def kill_in_the_middle(event: object) -> None:
        if isinstance(event, CallFinished) and event.failed is None:
            finished.append(event)
            if len(finished) == 15:
                doomed.kill()

    settings: dict[str, Any] = {"clients": "6", "rounds": 3, **HASTY}
    with pytest.raises(UserError) as told:
        play(tmp_path, doomed.url, kill_in_the_middle, **settings)
    assert doomed.url in str(told.value) and "\n" not in str(told.value)
    assert 15 <= len(finished) < 6 * (2 * 3 + len(JUDGES))
    with Recorder(server.root) as recorder:
        result = play(tmp_path, recorder.url, **{**settings, "deadline": 600.0})
    assert is_whole(result, sessions=6, rounds=3)
    replayed = sum(counts["replayed"] for row in result.sessions for counts in row.usage.values())
    assert replayed == len(finished)
    assert len(recorder.calls) == 6 * (2 * 3 + len(JUDGES)) - len(finished)  # nothing lost, nothing asked twice


def test_a_run_starts_a_server_of_its_own_and_leaves_no_process_behind(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figures: Figures
) -> None:
    seen: set[bool] = set()
    with tempfile.TemporaryDirectory(prefix="own-") as scratch:  # vLLM's processes bind sockets in it
        for name, value in {"TMPDIR": scratch, "HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(tempfile, "tempdir", scratch)
        began = time.monotonic()
        result = play(
            tmp_path,
            None,
            lambda event: seen.add(scratch in SOCKETS.read_text(encoding="utf-8")),
            model=f"vllm/{tiny_model}",
            clients="1",
        )
        figures["a run with a server of its own"] = f"{time.monotonic() - began:.1f} s"
        assert True in seen
        assert scratch not in SOCKETS.read_text(encoding="utf-8")
    assert is_whole(result, sessions=1, rounds=2)
