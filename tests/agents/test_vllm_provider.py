"""Models on vLLM in whole runs: attached, or on servers that come and go with the run."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from agents.models.base import ChatRequest, Message
from agents.models.providers import ModelBench, ProviderSettings
from agents.models.vllm import open_provider
from arena import RunConfig, arun, run
from arena.events import Event, Notice
from profiles.errors import Unavailable, UserError
from tests.fake_vllm import HERE, StandIn, install, lives, until
from tests.servers import LoopbackServer, heed_ctrl_c

SMALL = {"counselors": ("plain",), "clients": "1", "rounds": 2}
WORDS = ["run", "--counselor", "plain", "--clients", "1", "--rounds", "2"]
KEY = "key-canary-31f7"


class Nothing(BaseModel):
    pass


REQUEST = ChatRequest(purpose="p", inputs=Nothing(), messages=(Message(role="user", content="Hello."),))


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    monkeypatch.chdir(tmp_path)
    return install(monkeypatch, tmp_path)


@pytest.fixture
def model(tmp_path: Path) -> str:
    return f"vllm/{folder(tmp_path / 'model')}"


def folder(place: Path, size: int = 1000) -> Path:
    place.mkdir()
    (place / "config.json").write_text("{}", encoding="ascii")
    with (place / "model.safetensors").open("wb") as file:
        file.truncate(size)
    return place


def play(place: Path, **settings: Any) -> Any:
    return run(RunConfig(**{**SMALL, "db": str(place / "arena.db"), **settings}))


def command(*words: str) -> subprocess.Popen[bytes]:
    """``arena WORDS`` as a process in a group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "ui.cli.main", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=heed_ctrl_c,
    )


# A server that runs already


async def test_an_attached_server_is_asked_with_its_own_key() -> None:
    async with LoopbackServer(api_key=KEY) as server:
        settings = ProviderSettings({"vllm": server.url}, {"vllm": SecretStr(KEY), "openai": SecretStr("other-key")})
        async with ModelBench(settings) as bench:
            model = bench.model("vllm/test-model")
            await bench.check()
            reply = await model.generate(REQUEST)
    assert reply.model == model.spec == "vllm/test-model"
    assert server.completions[0].body["model"] == "test-model"


async def test_a_key_that_is_refused_is_called_by_its_name() -> None:
    async with LoopbackServer(api_key=KEY) as server, ModelBench(ProviderSettings({"": server.url})) as bench:
        bench.model("vllm/test-model")
        with pytest.raises(UserError, match="VLLM_API_KEY"):
            await bench.check()


async def test_a_model_that_the_server_does_not_have_brings_the_nearest_names() -> None:
    async with (
        LoopbackServer(models=("Owner/test-model",)) as server,
        ModelBench(ProviderSettings({"": server.url})) as bench,
    ):
        bench.model("vllm/somewhere/test-model")
        with pytest.raises(UserError, match="Owner/test-model"):
            await bench.check()


def test_an_attached_server_is_never_started_by_us(fake: StandIn, model: str, tmp_path: Path) -> None:
    with LoopbackServer(models=(model.partition("/")[2],)) as server:
        result = play(tmp_path, model=model, base_url={"vllm": server.url})
        assert len(server.completions) > 4
    assert result.statuses == {"finished": 1, "failed": 0}
    assert not fake.started


def test_an_address_without_a_model_is_refused() -> None:
    with pytest.raises(UserError, match="vllm/<folder>"):
        open_provider(ProviderSettings()).model("")


# A server of our own


def test_a_run_starts_its_server_and_leaves_no_trace_of_it(fake: StandIn, model: str, tmp_path: Path) -> None:
    fake.behave("children")
    seen: list[Event] = []
    config = RunConfig(**SMALL, model=model, db=str(tmp_path / "arena.db"))
    result = run(config, seen.append)
    assert result.statuses == {"finished": 1, "failed": 0} and not result.offline
    (page,) = fake.pages
    assert page["served_model_name"] == page["model"] == model.partition("/")[2]
    assert page["enable_prompt_tokens_details"] and page["enforce_eager"]
    assert len(fake.pids) == 4 and not any(map(lives, fake.pids))
    assert not fake.kept_logs
    lines = [event.line for event in seen if isinstance(event, Notice)]
    assert "starts, its log is" in lines[0] and f"answers at http://127.0.0.1:{page['port']}/v1" in lines[1]
    assert not isinstance(seen[2], Notice)


def test_a_key_in_the_environment_locks_our_own_server_too(
    fake: StandIn, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLLM_API_KEY", KEY)
    assert play(tmp_path, model=model).statuses["finished"] == 1
    assert fake.pages[0]["api_key"] == KEY


async def test_nothing_is_started_before_the_check(fake: StandIn, model: str) -> None:
    async with ModelBench(ProviderSettings()) as bench:
        chosen = bench.model(model)
        with pytest.raises(Unavailable, match="no server has been started"):
            await chosen.generate(REQUEST)
        assert not fake.started
        await bench.check()
        await bench.check()
        assert (await chosen.generate(REQUEST)).model == model
        assert len(fake.pages) == 1
    assert not any(map(lives, fake.pids))


def test_two_models_have_a_server_each(fake: StandIn, model: str, tmp_path: Path) -> None:
    judge = f"vllm/{folder(tmp_path / 'judge')}"
    assert play(tmp_path, model=model, judge_model=judge).statuses["finished"] == 1
    assert {page["served_model_name"] for page in fake.pages} == {model[5:], judge[5:]}
    assert len({page["port"] for page in fake.pages}) == 2
    assert not any(map(lives, fake.pids))


def on_gpu(tmp_path: Path, free: int = 24000) -> Path:
    """vLLM's build for GPUs and one GPU of 24 GiB, as this process will find them."""
    package = tmp_path / "gpu_build"
    shutil.copytree(HERE / "vllm", package / "vllm")
    (package / "nvidia-smi").write_text(f"#!/bin/sh\necho '0, GPU-1, NVIDIA Test, 24576, {free}'\n", encoding="ascii")
    (package / "nvidia-smi").chmod(0o755)
    return package


def test_two_models_share_the_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = on_gpu(tmp_path)
    fake = install(monkeypatch, tmp_path, package)
    monkeypatch.setenv("PATH", f"{package}{os.pathsep}{os.environ['PATH']}")
    models = {f"{role}model": f"vllm/{folder(tmp_path / role)}" for role in ("", "judge_", "client_") if role}
    assert play(tmp_path, model="offline", **models).statuses["finished"] == 1
    assert [page["gpu_memory_utilization"] for page in fake.pages] == [0.45, 0.45]
    assert not any(page["enforce_eager"] for page in fake.pages)
    large = f"vllm/{folder(tmp_path / 'large', 30 * 2**30)}"
    with pytest.raises(UserError, match=r"30\.0 GiB.*GPU 0 \(NVIDIA Test\)"):
        play(tmp_path, model=large)
    assert len(fake.pages) == 2


# Servers that die


def test_one_that_dies_at_its_start_ends_the_command_with_2_and_the_reason(
    fake: StandIn, model: str, tmp_path: Path
) -> None:
    fake.behave("die", "children")
    with command(*WORDS, "--model", model) as process:
        out, err = (stream.decode() for stream in process.communicate(timeout=60))
    assert process.returncode == 2 and out == ""
    last = err.splitlines()[-1]
    assert last.startswith("arena: ") and "MemoryError: no room for 12 layers" in last
    (log,) = fake.kept_logs
    assert str(log) in last and "arena models serve" in last
    assert "  Traceback (most recent call last):" in err.splitlines()
    assert not any(map(lives, fake.pids))


def test_one_that_dies_in_the_middle_is_told_and_the_run_goes_on_later(
    fake: StandIn, model: str, tmp_path: Path
) -> None:
    fake.behave("die-later")
    settings = {"model": model, "rounds": 6, "timeout": 2, "deadline": 2}
    broken = play(tmp_path, **settings)
    assert broken.statuses == {"finished": 0, "failed": 1}
    (session,) = broken.sessions
    assert session.error_kind == "unavailable" and "RuntimeError: the grammar gave out" in session.error
    assert str(fake.kept_logs[0]) in session.error
    fake.behave()
    mended = play(tmp_path, **settings)
    assert mended.run_id == broken.run_id and mended.statuses == {"finished": 1, "failed": 0}
    assert sum(channel["replayed"] for channel in mended.sessions[0].usage.values()) >= 3
    assert len(fake.pages) == 2 and not any(map(lives, fake.pids))


async def test_a_check_in_the_middle_says_that_the_server_has_gone(fake: StandIn, model: str) -> None:
    async with ModelBench(ProviderSettings()) as bench:
        chosen = bench.model(model)
        await bench.check()
        os.kill(fake.pages[0]["pids"][0], signal.SIGKILL)
        assert await asyncio.to_thread(until, lambda: not lives(fake.pages[0]["keeper"]))
        with pytest.raises(UserError, match=r"has ended: it was killed.*same command"):
            await bench.check()
        with pytest.raises(Unavailable, match="has ended"):
            await chosen.generate(REQUEST)


# Runs that die


def communicated(process: subprocess.Popen[bytes]) -> str:
    """What it still said on stderr, to its end; one that does not end is killed, since waiting would have none."""
    try:
        return process.communicate(timeout=30)[1].decode()
    finally:
        process.kill()


def read_until(words: bytes, process: subprocess.Popen[bytes]) -> None:
    assert process.stderr is not None
    while words not in (line := process.stderr.readline()):
        assert line, words


@pytest.mark.parametrize(
    ("how", "when"), [("", b"answers at"), ("never", b"starts, its log"), ("stubborn", b"answers")]
)
def test_a_killed_run_leaves_no_process_behind(fake: StandIn, model: str, how: str, when: bytes) -> None:
    fake.behave("children", how)
    with command(*WORDS, "--rounds", "200", "--clients", "4", "--model", model) as process:
        read_until(when, process)
        assert until(lambda: fake.started and all(map(lives, fake.pids)))
        process.kill()
        process.wait()
        assert until(lambda: not any(map(lives, fake.pids)), 15 if how == "stubborn" else 8)


def test_ctrl_c_reaches_the_server_only_through_the_run(fake: StandIn, model: str, tmp_path: Path) -> None:
    with command(*WORDS, "--rounds", "200", "--clients", "4", "--model", model) as process:
        read_until(b"answers at", process)
        os.killpg(process.pid, signal.SIGINT)
        err = communicated(process)
        assert process.returncode == 130
    assert err.splitlines()[-1] == "arena: stopped; the same command goes on from here"
    assert not any(map(lives, fake.pids)) and not fake.kept_logs


async def test_a_cancelled_run_ends_its_server(fake: StandIn, model: str, tmp_path: Path) -> None:
    config = RunConfig(**{**SMALL, "rounds": 200}, model=model, db=str(tmp_path / "arena.db"))
    task = asyncio.create_task(arun(config))
    assert await asyncio.to_thread(until, lambda: fake.started)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not any(map(lives, fake.pids))
