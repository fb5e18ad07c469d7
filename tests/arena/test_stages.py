"""Stages: the legal order, budgets that scale, and when a session moves on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.stages import plan_stages
from profiles.vocabulary import Stage


def walk(rounds: int, mode: str, ready: list[bool]) -> list[Stage]:
    """The stage of every round."""
    plan = plan_stages(rounds, mode)  # type: ignore[arg-type]
    stage, since, seen = Stage.TRUST_BUILDING, 1, []
    for round_ in range(1, rounds + 1):
        seen.append(stage)
        following = plan.advance(stage, round_, since, ready[round_ - 1])
        if following is not stage:
            since = round_ + 1
        stage = following
    return seen


def test_the_paper_s_25_rounds_are_split_7_9_9() -> None:
    seen = walk(25, "paced", [False] * 25)
    assert [seen.count(stage) for stage in list(Stage)[:3]] == [7, 9, 9]


@pytest.mark.parametrize("rounds", [3, 4, 5, 10, 40])
def test_every_stage_gets_a_round_when_there_are_enough(rounds: int) -> None:
    assert set(walk(rounds, "paced", [False] * rounds)) == set(list(Stage)[:3])


@given(st.integers(1, 200), st.sampled_from(["paced", "earned"]), st.data())
def test_stages_only_ever_move_to_their_successor(rounds: int, mode: str, data: st.DataObject) -> None:
    ready = data.draw(st.lists(st.booleans(), min_size=rounds, max_size=rounds))
    seen = walk(rounds, mode, ready)
    for before, after in zip(seen, seen[1:], strict=False):
        assert after in (before, before.successor)
    assert Stage.CLOSED not in seen


def test_earned_mode_moves_as_soon_as_the_client_is_ready_and_paced_mode_does_not() -> None:
    ready = [True] * 25
    assert walk(25, "earned", ready).count(Stage.TRUST_BUILDING) == 2
    assert walk(25, "paced", ready).count(Stage.TRUST_BUILDING) == 7


def test_an_unready_client_is_moved_on_by_the_latest_round() -> None:
    assert walk(25, "earned", [False] * 25) == walk(25, "paced", [False] * 25)


def test_closed_has_no_successor() -> None:
    assert Stage.CLOSED.successor is None
    assert Stage.SOLUTION_EXPLORATION.successor is Stage.CLOSED
    assert Stage.DIAGNOSIS.reached(Stage.TRUST_BUILDING)
    assert not Stage.TRUST_BUILDING.reached(Stage.DIAGNOSIS)
