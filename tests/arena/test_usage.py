"""Usage by role: nothing is lost, nothing is counted twice, and silence is not zero."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.usage import ALL, ROLES, RoleUsage, usage_as_json, usage_by_role
from tests.arena.runs import play
from tests.servers import LoopbackServer
from ui.cli.results import as_dict, show_result

CHANNELS = ("client", "counselor", "judge.client", "judge.supervisor", "judge.counselor", "self", "fidelity", "safety")
TOKENS = ("prompt_tokens", "cached_tokens", "completion_tokens")


def counts(calls: int = 1, prompt: int | None = 100, cached: int | None = 40, **more: int) -> dict[str, Any]:
    tokens = {"prompt_tokens": prompt, "cached_tokens": cached, "completion_tokens": 7}
    return {"calls": calls, "replayed": 0, "failed": 0, **tokens, **more}


def test_judges_and_the_fidelity_check_are_one_role() -> None:
    found = usage_by_role([dict.fromkeys(CHANNELS, counts())] * 2)
    assert list(found) == [*ROLES, ALL]
    assert {role: use.calls for role, use in found.items()} == {
        "client": 2,
        "counselor": 2,
        "judge": 8,
        "self": 2,
        "safety": 2,
        ALL: 16,
    }
    assert found["judge"].prompt_tokens == 800 and found["judge"].cached_share == pytest.approx(0.4)


def test_silence_is_not_zero_and_a_share_needs_a_report() -> None:
    silent = {"calls": 3, "replayed": 1, "failed": 1, **dict.fromkeys(TOKENS)}
    found = usage_by_role([{"client": silent, "counselor": counts(cached=None), "self": counts(prompt=0, cached=0)}])
    assert found["client"] == RoleUsage(calls=3, replayed=1, failed=1, repaired=0, **dict.fromkeys(TOKENS))
    assert found["counselor"].prompt_tokens == 100
    assert [found[role].cached_share for role in ("client", "counselor", "self", "safety")] == [None] * 4
    assert found["safety"].calls == 0 and found["safety"].prompt_tokens is None
    assert found[ALL].prompt_tokens == 100 and found[ALL].cached_tokens == 0


def test_a_channel_that_nobody_planned_keeps_its_name() -> None:
    found = usage_by_role([{"observer.notes": counts(), "counselor.planner": counts(), "counselor": counts()}])
    assert list(found) == [*ROLES, "observer", ALL]
    assert (found["observer"].calls, found["counselor"].calls, found[ALL].calls) == (1, 2, 3)


def test_a_sum_of_two_keeps_what_only_one_knows() -> None:
    told = usage_by_role([{"client": counts()}])["client"]
    silent = usage_by_role([{"client": counts(prompt=None, cached=None)}])["client"]
    both = told + silent
    assert (both.calls, both.prompt_tokens, both.cached_tokens, both.completion_tokens) == (2, 100, 40, 14)
    assert (silent + silent).prompt_tokens is None


def test_nothing_at_all() -> None:
    assert usage_by_role([])[ALL] == usage_by_role([{}])["client"]
    assert usage_by_role([])[ALL].calls == 0


def test_json_has_the_share_and_null_for_silence() -> None:
    told = json.loads(json.dumps(usage_as_json(usage_by_role([{"client": counts(repaired=2)}]))))
    assert told["client"] == {**counts(repaired=2), "cached_share": 0.4}
    assert told["self"]["prompt_tokens"] is None and told["self"]["cached_share"] is None


_number = st.one_of(st.none(), st.integers(0, 10_000))
_count = st.fixed_dictionaries(
    {"calls": st.integers(0, 9), "replayed": st.integers(0, 9), "failed": st.integers(0, 9)}
    | dict.fromkeys(TOKENS, _number),
    optional={"repaired": st.integers(0, 9)},
)


@given(st.lists(st.dictionaries(st.sampled_from([*CHANNELS, "other"]), _count), max_size=4))
def test_the_roles_add_up_to_all(usages: list[dict[str, Any]]) -> None:
    found = usage_by_role(usages)
    roles = [use for role, use in found.items() if role != ALL]
    for name in ("calls", "replayed", "failed", "repaired", *TOKENS):
        told = [value for use in roles if (value := getattr(use, name)) is not None]
        assert getattr(found[ALL], name) == (sum(told) if told else None)
        given_counts = [part.get(name) for usage in usages for part in usage.values()]
        assert sum(told) == sum(value or 0 for value in given_counts)


def test_a_run_over_http_tells_its_tokens_by_role(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with LoopbackServer() as server:
        settings = {"counselors": ("plain",), "clients": "1", "rounds": 2, "model": "openai/test-model"}
        result = play(tmp_path, base_url=server.url, **settings)
        sent = [len(json.dumps(visit.body["messages"])) // 4 for visit in server.completions]
    whole = result.usage[ALL]
    assert (whole.calls, whole.prompt_tokens) == (len(sent), sum(sent))
    assert whole.cached_tokens == sum(count // 2 for count in sent)
    assert {role: use.calls for role, use in result.usage.items()} == {
        "client": 2,
        "counselor": 2,
        "judge": 4,
        "self": 1,
        "safety": 0,
        ALL: 9,
    }
    told = json.loads(json.dumps(as_dict(result)))["usage"]
    assert told["judge"]["prompt_tokens"] == result.usage["judge"].prompt_tokens
    show_result(result, None)
    words = f"tokens: {sum(sent):,} in (50 % cached) + {whole.completion_tokens:,} out"
    assert words in capsys.readouterr().out


def test_an_offline_run_has_calls_and_no_word_of_tokens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = play(tmp_path, counselors=("plain",), clients="1", rounds=2)
    assert result.usage["judge"].calls == 4 and result.usage[ALL].prompt_tokens is None
    show_result(result, None)
    assert "tokens:" not in capsys.readouterr().out
