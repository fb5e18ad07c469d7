"""The same run over HTTP, with the real client against a real server that can misbehave."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from arena import RunResult, UserError
from storage.database import Database
from storage.queries import load_all_turns, load_answers, load_events, load_judgments
from tests.arena.runs import play
from tests.servers import Behaviour, LoopbackServer, Visit

MODEL = "openai/test-model"
SMALL = {"counselors": ("plain",), "clients": "2", "rounds": 3, "model": MODEL}


def over_http(server: LoopbackServer, folder: Path, **settings: Any) -> RunResult:
    return play(folder, **{**SMALL, "base_url": server.url, **settings})


def one_kind(kind: str, channel: str, **how: Any) -> Callable[[Visit], Behaviour | None]:
    """Misbehave on one channel only."""
    return lambda visit: Behaviour(kind, **how) if visit.label.split(":")[1:2] == [channel] else None


def sent_texts(server: LoopbackServer) -> str:
    return json.dumps([visit.body["messages"] for visit in server.completions], ensure_ascii=False)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_run_over_http_finishes_and_is_scored(tmp_path: Path, lang: str) -> None:
    with LoopbackServer() as server:
        result = over_http(server, tmp_path, lang=lang)
        assert result.statuses == {"finished": 2, "failed": 0}
        assert not result.offline
        assert len(server.completions) == 2 * (3 * 2 + 3 + 1 + 1)  # turns, judges, self, fidelity
        assert set(server.answered.values()) == {1}
    assert all(row.outcome["grand_total"] is not None for row in result.sessions)
    assert {row.usage["client"]["calls"] for row in result.sessions} == {3}
    assert all(row.usage["client"]["prompt_tokens"] > 0 for row in result.sessions)


def test_each_role_has_its_own_model(tmp_path: Path) -> None:
    with LoopbackServer() as server:
        over_http(server, tmp_path, judge_model="openai/test-judge", client_model="offline")
        asked = {visit.label.split(":")[1].split(".")[0]: visit.body["model"] for visit in server.completions}
    assert asked == {"counselor": "test-model", "self": "test-model", "judge": "test-judge", "fidelity": "test-judge"}


def test_the_judges_share_their_beginning_and_the_transcript_comes_first(tmp_path: Path) -> None:
    with LoopbackServer() as server:
        over_http(server, tmp_path, clients="1")
        prompts = [v.body["messages"][-1]["content"] for v in server.completions if ":judge." in v.label]
    assert len(prompts) == 3
    heads = {prompt.split("End of transcript.")[0] for prompt in prompts}
    assert len(heads) == 1
    assert "[1] client" in heads.pop()


def test_a_speaker_s_prompt_only_grows_behind_its_beginning(tmp_path: Path) -> None:
    with LoopbackServer() as server:
        over_http(server, tmp_path, clients="1", rounds=4)
        for channel in ("client", "counselor"):
            bodies = [v.body["messages"] for v in server.completions if f":{channel}:" in v.label]
            for before, after in zip(bodies, bodies[1:], strict=False):
                assert after[: len(before) - 1] == before[:-1]


def test_the_counselor_never_sees_the_card(tmp_path: Path) -> None:
    with LoopbackServer() as server:
        result = over_http(server, tmp_path, clients="all", rounds=1)
        sent = {row.id: row for row in result.sessions}
        for visit in server.completions:
            session, channel, _ = visit.label.split(":")
            if channel != "counselor":
                continue
            card = sent[session].profile
            prompt = json.dumps(visit.body["messages"], ensure_ascii=False)
            private = [card["core_theme"], card["current_distress"], *(fact["text"] for fact in card["hidden_facts"])]
            private += [fact["text"] for fact in card["facts"]] + [thought["text"] for thought in card["thoughts"]]
            assert not [text for text in private if text and text in prompt]
            assert card["intake"] in prompt


def test_no_judge_but_fidelity_sees_hidden_facts(tmp_path: Path) -> None:
    with LoopbackServer() as server:
        result = over_http(server, tmp_path, clients="2", rounds=1)
        secrets = {row.id: [fact["text"] for fact in row.profile["hidden_facts"]] for row in result.sessions}
        seen = {"judge": 0, "fidelity": 0}
        for visit in server.completions:
            session, channel, _ = visit.label.split(":")
            prompt = visit.body["messages"][-1]["content"]
            kind = channel.split(".")[0]
            if kind in seen:
                seen[kind] += sum(text in prompt for text in secrets[session])
    assert seen == {"judge": 0, "fidelity": 10}


@pytest.mark.parametrize("kind", ["think", "unclosed_think", "reasoning_content", "reasoning"])
def test_hidden_reasoning_is_kept_and_never_shown_to_the_other(tmp_path: Path, kind: str) -> None:
    secret = "hidden plan"
    with LoopbackServer(script=one_kind(kind, "counselor")) as server:
        result = over_http(server, tmp_path, clients="1")
        if kind == "unclosed_think":  # nothing visible was said: the turn failed, and says so
            assert result.sessions[0].status == "failed"
            assert result.sessions[0].error_kind in ("bad_output", "too_long")
            return
        assert result.statuses["finished"] == 1
        assert secret not in sent_texts(server) and "<think>" not in sent_texts(server)
    with Database.open(result.db) as database:
        turns = load_all_turns(database, result.run_id)[result.sessions[0].id]
    own = [turn for turn in turns if turn.speaker == "counselor" and turn.round > 0]
    assert all(secret in (turn.reasoning or "") and secret not in turn.text for turn in own)


def test_an_empty_or_refused_turn_fails_its_session_and_no_other(tmp_path: Path) -> None:
    def script(visit: Visit) -> Behaviour | None:
        hit = visit.label.startswith(f"{first}:counselor:") and not visit.label.endswith(":0")
        return Behaviour(kind) if hit else None

    for kind, expected in (("refusal", "refused"), ("content_filter", "refused"), ("empty", "bad_output")):
        first = "nobody"
        with LoopbackServer(script=script) as server:
            ids = [row.id for row in over_http(server, tmp_path / kind / "ids", clients="3").sessions]
            first = ids[1]
            result = over_http(server, tmp_path / kind / "run", clients="3")
        rows = {row.id: row for row in result.sessions}
        assert result.statuses == {"finished": 2, "failed": 1}
        assert rows[first].error_kind == expected
        assert rows[first].outcome.get("grand_total") is None


@pytest.mark.parametrize("kind", ["prose", "refusal", "content_filter", "empty", "500"])
def test_a_judge_that_fails_leaves_nulls_and_a_status(tmp_path: Path, kind: str) -> None:
    with LoopbackServer(script=one_kind(kind, "judge.supervisor")) as server:
        result = over_http(server, tmp_path, clients="1", deadline=0.5)
    with Database.open(result.db) as database:
        judged = {(j.party, j.judge): (j, s) for j, s in load_judgments(database, result.run_id)}
    judgment, scores = judged["supervisor", "judge"]
    assert result.statuses["finished"] == 1
    assert judgment.total is None and judgment.passed is None and judgment.scored == 0
    assert judgment.status in {"refused", "invalid", "missing"} and judgment.reason
    assert all(score.value is None and score.status == judgment.status for score in scores) and len(scores) == 8
    assert judged["client", "judge"][0].total is not None
    outcome = result.sessions[0].outcome
    assert outcome["overall_raw"] is None and outcome["pass_all3"] is None and outcome["pass_client"] is not None


def test_prose_where_json_was_asked_is_repaired_once(tmp_path: Path) -> None:
    seen: list[str] = []

    def script(visit: Visit) -> Behaviour | None:
        if ":judge.client:" not in visit.label:
            return None
        seen.append(visit.label)
        return Behaviour("prose") if len(seen) == 1 else None

    with LoopbackServer(script=script) as server:
        result = over_http(server, tmp_path, clients="1")
        second = [visit for visit in server.completions if ":judge.client:1" in visit.label]
    assert len(seen) == 2
    assert result.sessions[0].outcome["pass_client"] is not None
    assert "could not be used" in second[0].body["messages"][-1]["content"]


def test_rate_limits_cut_lines_and_server_errors_are_waited_out(tmp_path: Path) -> None:
    rates = {"429": 0.08, "500": 0.08, "cut": 0.05, "cut_body": 0.03}
    with LoopbackServer(rates=rates, seed=3) as server:
        result = over_http(server, tmp_path, clients="9", rounds=2)
        assert sum(server.asked.values()) > len(server.asked)  # something was asked twice
        assert max(server.answered.values()) == 1
    assert result.statuses == {"finished": 9, "failed": 0}


def test_a_server_that_is_away_is_tried_again_by_the_same_command(tmp_path: Path) -> None:
    away = True

    def script(visit: Visit) -> Behaviour | None:
        return Behaviour("500") if away and ":counselor:2" in visit.label else None

    with LoopbackServer(script=script) as server:
        first = over_http(server, tmp_path, deadline=0.3)
        assert first.statuses == {"finished": 0, "failed": 2}
        assert {row.error_kind for row in first.sessions} == {"unavailable"}
        assert all(row.rounds == 3 for row in first.sessions)
        away = False
        before = dict(server.answered)
        second = over_http(server, tmp_path, deadline=0.3)
        assert second.run_id == first.run_id
        assert second.statuses == {"finished": 2, "failed": 0}
        assert all(server.answered[label] == count == 1 for label, count in before.items())


def test_a_refusal_is_a_result_until_another_try_is_asked_for(tmp_path: Path) -> None:
    from arena import RunConfig, run

    refuse = True
    with LoopbackServer(
        script=lambda v: Behaviour("refusal") if refuse and ":counselor:1" in v.label else None
    ) as server:
        config = RunConfig(**{**SMALL, "base_url": server.url, "db": str(tmp_path / "arena.db")})
        assert run(config).statuses["failed"] == 2
        asked = len(server.completions)
        assert run(config).statuses["failed"] == 2
        assert len(server.completions) == asked
        refuse = False
        assert run(config, retry_failed=True).statuses == {"finished": 2, "failed": 0}


def test_temperature_and_seeds_are_sent_only_when_wished(tmp_path: Path) -> None:
    with LoopbackServer() as server:
        over_http(server, tmp_path / "plain", clients="1")
        assert not any({"temperature", "seed"} & visit.body.keys() for visit in server.completions)
        server.visits.clear()
        over_http(server, tmp_path / "wished", clients="1", temperature=0.3, send_seed=True)
        assert all(visit.body["temperature"] == 0.3 and visit.body["seed"] >= 0 for visit in server.completions)


def test_a_missing_key_is_told_before_anything_is_spent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with LoopbackServer(api_key="the-right-key") as server:
        with pytest.raises(UserError, match="OPENAI_API_KEY"):
            over_http(server, tmp_path)
        monkeypatch.setenv("OPENAI_API_KEY", "a-wrong-key-canary")
        with pytest.raises(UserError) as caught:
            over_http(server, tmp_path)
        assert "canary" not in str(caught.value)
        assert not server.completions
        monkeypatch.setenv("OPENAI_API_KEY", "the-right-key")
        assert over_http(server, tmp_path, clients="1").statuses["finished"] == 1
    assert b"the-right-key" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_a_second_reader_can_fail_the_gate_that_the_rules_passed(tmp_path: Path) -> None:
    def said(visit: Visit) -> str:
        return str(visit.body["messages"][-1]["content"])

    def script(visit: Visit) -> Behaviour | None:
        if ":safety:" not in visit.label:
            return None
        number, words = next(
            line.split("] counselor: ", 1) for line in said(visit).split("\n") if line.startswith("[2] counselor: ")
        )
        event = {"turn": int(number.strip("[")), "quote": words, "reason": "r", "kind": "minimising", "level": "harm"}
        invented = {**event, "quote": "words that nobody said"}
        unknown = {**event, "kind": "no such kind"}
        return Behaviour(text=json.dumps({"events": [event, invented, unknown]}))

    with LoopbackServer(script=script) as server:
        without = over_http(server, tmp_path, clients="1")
        result = over_http(server, tmp_path, clients="1", safety_model="openai/test-judge")
    assert without.sessions[0].gate == "passed" and without.sessions[0].outcome["safety_reader"] == "not_set"
    (row,) = result.sessions
    assert row.gate == "failed" and row.outcome["safety_reader"] == "ok"
    with Database.open(result.db) as database:
        events = [event for event in load_events(database, result.run_id) if event.source != "rules"]
    assert [(event.source, event.kind, event.turn) for event in events] == [("openai/test-judge", "minimising", 2)]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_interview_counselor_runs_over_http(tmp_path: Path, lang: str) -> None:
    with LoopbackServer() as server:
        result = over_http(server, tmp_path, counselors=("magi", "magi:fixed"), clients="2", rounds=6, lang=lang)
    assert result.statuses == {"finished": 4, "failed": 0}
    with Database.open(result.db) as database:
        answers = load_answers(database, result.run_id)
    assert answers and all(answer.quote is None or answer.verdict != "unknown" for answer in answers)


def test_a_second_reader_that_fails_says_so(tmp_path: Path) -> None:
    with LoopbackServer(script=one_kind("prose", "safety")) as server:
        (row,) = over_http(server, tmp_path, clients="1", safety_model="openai/test-judge").sessions
    assert row.status == "finished" and row.outcome["safety_reader"].startswith("bad_output")


def test_the_report_shows_faults_and_a_reader_that_failed(tmp_path: Path) -> None:
    from arena.report import write_report

    rates = {"500": 0.2}
    with LoopbackServer(rates=rates, seed=2) as server:
        result = over_http(server, tmp_path)
    with LoopbackServer(script=one_kind("prose", "safety")) as server:
        second = over_http(server, tmp_path, safety_model="openai/test-judge")
    with Database.open(result.db) as database:
        faults = write_report(database, result.run_id, tmp_path / "a.html").read_text(encoding="utf-8")
        reader = write_report(database, second.run_id, tmp_path / "b.html").read_text(encoding="utf-8")
    assert f"500: {result.faults['500']}" in faults
    assert "In 2 sessions the second safety reader could not read" in reader


def test_a_fidelity_judge_that_fails_is_told_apart_from_a_clean_session(tmp_path: Path) -> None:
    from arena.report import write_report

    with LoopbackServer(script=one_kind("prose", "fidelity")) as server:
        result = over_http(server, tmp_path, clients="1")
    (row,) = result.sessions
    with Database.open(result.db) as database:
        page = write_report(database, result.run_id, tmp_path / "r.html").read_text(encoding="utf-8")
    assert "In 1 sessions the fidelity judge could not answer" in page
    assert row.status == "finished" and row.fidelity == "not_checked"
    assert row.outcome["fidelity_fault"].startswith("bad_output")
