"""What a run may spend: calls, dollars, time a session; and answers of earlier runs that need not be bought again."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from arena import RunConfig, RunResult, UserError, run
from storage.database import Database
from storage.queries import find_run
from tests.arena.runs import play, transcripts
from tests.servers import Behaviour, LoopbackServer

MODEL = "openai/test-model"
PRICED = "openai/gpt-4o-mini"
A_SESSION = 3 * 2 + 3 + 1 + 1  # turns, judges, self, fidelity


def over_http(server: LoopbackServer, folder: Path, **settings: Any) -> RunResult:
    return run(RunConfig(**first_settings(server, folder, **settings)))


@pytest.mark.parametrize("most", [0, 1, 13, 20])
def test_a_run_stops_at_its_last_call_and_goes_on_with_more(tmp_path: Path, most: int) -> None:
    with LoopbackServer() as server:
        first = over_http(server, tmp_path, max_calls=most, max_connections=2)
        assert len(server.completions) == most
        assert first.stopped is not None and str(most) in first.stopped
        assert first.statuses["failed"] == 0
        with Database.open(first.db) as database:
            assert find_run(database, first.run_id).status == "stopped"
        again = over_http(server, tmp_path, max_calls=most, max_connections=2)
        assert len(server.completions) == most, "what was spent before counts"
        whole = over_http(server, tmp_path)
        assert set(server.asked.values()) == {1}
        assert len(server.completions) == 3 * A_SESSION
    assert again.run_id == first.run_id == whole.run_id
    assert whole.stopped is None
    assert whole.statuses == {"finished": 3, "failed": 0}


def test_a_stopped_run_leaves_what_an_unbroken_one_leaves(tmp_path: Path) -> None:
    for name in ("broken", "whole"):
        (tmp_path / name).mkdir()
    with LoopbackServer() as server:
        over_http(server, tmp_path / "broken", max_calls=9, max_connections=1)
        broken = transcripts(over_http(server, tmp_path / "broken"))
        assert broken == transcripts(over_http(server, tmp_path / "whole"))


def test_judges_that_are_out_when_the_budget_ends_are_kept(tmp_path: Path) -> None:
    with LoopbackServer(delay=0.05) as server:
        over_http(server, tmp_path, clients="1", max_calls=8)  # six turns, and two of the five that follow at once
        over_http(server, tmp_path, clients="1")
        assert max(server.asked.values()) == 1


def test_a_run_stops_at_its_last_dollar(tmp_path: Path) -> None:
    with LoopbackServer(models=("gpt-4o-mini",)) as server:
        stopped = over_http(server, tmp_path, model=PRICED, max_cost=0.002, max_connections=1)
        assert stopped.stopped is not None and "0.002" in stopped.stopped
        assert 0 < len(server.completions) < 3 * A_SESSION
        whole = over_http(server, tmp_path, model=PRICED, max_cost=100.0)
    assert whole.statuses == {"finished": 3, "failed": 0}


def test_a_cost_that_cannot_be_known_is_no_limit(tmp_path: Path) -> None:
    with LoopbackServer() as server, pytest.raises(UserError, match=r"no price is known.*--max-calls"):
        over_http(server, tmp_path, max_cost=1.0)
    assert not server.completions


def test_a_session_that_takes_too_long_fails_and_is_tried_again(tmp_path: Path) -> None:
    slow = {"clients": "1", "session_deadline": 0.5}
    with LoopbackServer(lambda visit: Behaviour(seconds=0.15)) as server:
        first = over_http(server, tmp_path, **slow)
        assert [row.error_kind for row in first.sessions] == ["too_late"]
        assert "0.5 s" in str(first.sessions[0].error)
        answered = sum(server.answered.values())
        second = over_http(server, tmp_path, clients="1")
    assert answered >= 2
    assert second.statuses == {"finished": 1, "failed": 0}
    assert max(server.answered.values()) == 1, "what was answered in time was not asked again"


def test_requests_a_minute_are_kept(tmp_path: Path) -> None:
    with LoopbackServer() as server:
        started = time.monotonic()
        over_http(server, tmp_path, clients="1", rounds=1, max_rpm=600)
        spent = time.monotonic() - started
        arrivals = sorted(visit.at for visit in server.completions)
    gaps = [later - sooner for sooner, later in zip(arrivals, arrivals[1:], strict=False)]
    assert sum(gaps) / len(gaps) > 0.095
    assert spent > 0.6


def test_tokens_a_minute_are_kept(tmp_path: Path) -> None:
    with LoopbackServer() as server:
        result = over_http(server, tmp_path, clients="1", rounds=1, max_tpm=600_000)
        arrivals = [visit.at for visit in server.completions]
    use = result.usage["all"]
    spent = (use.prompt_tokens or 0) + (use.completion_tokens or 0)
    assert (max(arrivals) - min(arrivals)) >= 0.5 * spent / 10_000


def test_earlier_runs_answer_at_temperature_zero(tmp_path: Path) -> None:
    with LoopbackServer() as server:
        first = over_http(server, tmp_path, temperature=0.0, cache=True)
        asked = len(server.completions)
        second = over_http(server, tmp_path, temperature=0.0, cache=True, seed=2)  # another run, the same requests
        assert len(server.completions) == asked
        assert first.run_id != second.run_id
        assert transcripts(first) == transcripts(second)
        assert second.usage["all"].replayed == second.usage["all"].calls
        over_http(server, tmp_path, temperature=0.0, seed=3)  # who does not ask for the cache gets new answers
        assert len(server.completions) == 2 * asked


def test_the_cache_tells_servers_and_models_apart(tmp_path: Path) -> None:
    with LoopbackServer() as server, LoopbackServer() as other:
        over_http(server, tmp_path, clients="1", temperature=0.0, cache=True)
        over_http(other, tmp_path, clients="1", temperature=0.0, cache=True, seed=2)
        assert len(other.completions) == len(server.completions)
        over_http(server, tmp_path, clients="1", temperature=0.0, cache=True, seed=2, model="openai/test-judge")
        assert len(server.completions) == 2 * len(other.completions)


def test_the_cache_wants_temperature_zero(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="temperature"):
        play(tmp_path, cache=True)


def test_utterances_are_kept_short_and_judges_are_not(tmp_path: Path) -> None:
    with LoopbackServer() as server:
        over_http(server, tmp_path, clients="1", max_tokens=60)
        sent = {(visit.label.split(":")[1], visit.body.get("max_tokens")) for visit in server.completions}
    speakers = {(channel, limit) for channel, limit in sent if channel in ("client", "counselor")}
    assert speakers == {("client", 60), ("counselor", 60)}
    assert {limit for channel, limit in sent if channel not in ("client", "counselor")} == {None}


@pytest.mark.slow
def test_two_hundred_sessions_over_a_server_that_fails_a_quarter_of_the_time(tmp_path: Path) -> None:
    rates = {"429": 0.05, "500": 0.05, "cut": 0.05, "stall": 0.05, "prose": 0.05}
    with LoopbackServer(rates=rates, seed=3) as server:
        result = over_http(
            server, tmp_path, clients="8", repeats=25, rounds=1, max_connections=64, timeout=1.5, deadline=30.0
        )
        done = Counter(server.behaved)
        answered = Counter(server.answered)
    assert sum(result.statuses.values()) == 200
    assert len({(row.profile_id, row.repeat) for row in result.sessions}) == 200, "none lost, none twice"
    assert len({label.split(":")[0] for label in answered}) == 200
    faults = dict(result.faults)
    late = faults.pop("timeout") - done["stall"]  # answers that a busy machine gave too late were faults too
    assert late >= 0
    assert sum(answered.values()) - len(answered) <= late, "nothing was bought twice"
    assert done["prose"] - late <= faults.pop("unreadable") <= done["prose"]
    assert faults == {"429": done["429"], "500": done["500"], "connection": done["cut"]}
    assert min(done[kind] for kind in rates) > 40


def test_a_judge_whose_server_was_away_is_asked_again(tmp_path: Path) -> None:
    away = LoopbackServer(lambda visit: Behaviour("503") if "judge.supervisor" in visit.label else None)
    with away as server:
        first = over_http(server, tmp_path, clients="1", deadline=0.4)
    assert first.statuses == {"finished": 1, "failed": 0}
    assert first.sessions[0].error_kind == "unavailable" and "supervisor" in str(first.sessions[0].error)
    assert first.sessions[0].outcome["grand_total"] is None
    with LoopbackServer() as server:
        second = over_http(server, tmp_path, clients="1")
        assert {label.split(":")[1] for label in server.asked} == {"judge.supervisor"}
    assert second.sessions[0].error_kind is None
    assert second.sessions[0].outcome["grand_total"] is not None


def test_asking_anew_counts_what_was_paid_before(tmp_path: Path) -> None:
    with LoopbackServer(lambda visit: Behaviour("prose") if ":client:" in visit.label else None) as server:
        first = over_http(server, tmp_path, max_calls=4)
        for _ in range(3):
            with_more = run(RunConfig(**first_settings(server, tmp_path), max_calls=4), retry_failed=True)
            assert with_more.stopped
        assert len(server.completions) == 4
    assert first.statuses["failed"] > 0


def test_an_unreadable_answer_in_the_cache_is_asked_anew(tmp_path: Path) -> None:
    bad = LoopbackServer(lambda visit: Behaviour("prose") if ":client:" in visit.label else None)
    settings = {"clients": "1", "temperature": 0.0, "cache": True}
    with bad as server:
        assert over_http(server, tmp_path, **settings).statuses == {"finished": 0, "failed": 1}
        server.script = None
        again = run(RunConfig(**first_settings(server, tmp_path, **settings)), retry_failed=True)
    assert again.statuses == {"finished": 1, "failed": 0}


def test_a_server_that_does_not_count_tokens_cannot_be_kept_within_a_cost(tmp_path: Path) -> None:
    with LoopbackServer(models=("gpt-4o-mini",), counts_tokens=False) as server:
        result = over_http(server, tmp_path, model=PRICED, max_cost=1.0, max_connections=1)
        assert len(server.completions) == 1
    assert result.stopped is not None and "--max-calls" in result.stopped


@pytest.mark.parametrize(
    "servers",
    [{"opneai": "URL"}, {"openai/test-modle": "URL"}, {"vllm/other": "URL"}],
    ids=["provider", "model", "nobody's"],
)
def test_a_server_for_nobody_is_a_mistake_and_nothing_is_sent(tmp_path: Path, servers: dict[str, str]) -> None:
    with LoopbackServer() as server:
        named = {"": server.url, **dict.fromkeys(servers, server.url)}
        with pytest.raises(UserError, match=r"--base-url: '\S+' is no provider and no model in use"):
            over_http(server, tmp_path, base_url=named)
        assert not server.completions


@pytest.mark.parametrize("nothing", ["", {}, {"openai": ""}])
def test_an_empty_address_is_not_openai(tmp_path: Path, nothing: object) -> None:
    with pytest.raises(ValueError, match="address is empty"):
        play(tmp_path, model=MODEL, base_url=nothing)


def test_every_unreadable_answer_is_counted_once_whatever_stops_the_run(tmp_path: Path) -> None:
    once = LoopbackServer(lambda visit: Behaviour("prose") if visit.label.endswith(":client:0") else None)
    with once as server:
        over_http(server, tmp_path, clients="1", max_calls=4)
        whole = over_http(server, tmp_path, clients="1")
    assert whole.faults == {"unreadable": 1}
    assert whole.usage["client"].repaired == 1


def first_settings(server: LoopbackServer, folder: Path, **settings: Any) -> dict[str, Any]:
    common = {"counselors": ("plain",), "clients": "3", "rounds": 3, "model": MODEL, "base_url": server.url}
    return {**common, "db": str(folder / "arena.db"), **settings}
