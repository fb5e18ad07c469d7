"""The dynamic client's state: trust is earned, resistance damps, facts wait for their condition."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agents.clients.dynamic.permission import RISK_FACT, permitted
from agents.clients.dynamic.state import Appraisal, ClientState, gives_up, moved, ready, start
from profiles.library import select
from profiles.schema import Condition, HiddenFact, Profile, Risk
from profiles.vocabulary import Move, Stage, Theme

WARM = (Move.REFLECTION, Move.OPEN_QUESTION)
COLD = (Move.ADVICE, Move.MINIMISING)
moves = st.lists(st.sampled_from(list(Move)), max_size=6).map(tuple)
stages = st.sampled_from(list(Stage)[:3])


def profile(resistance: int = 1, **changes: object) -> Profile:
    facts = (
        HiddenFact(id="a", text="the first secret", condition=Condition(trust=4)),
        HiddenFact(
            id="b",
            text="the second secret",
            stage_min=Stage.DIAGNOSIS,
            condition=Condition(trust=5, after=(Move.VALIDATION,)),
        ),
        HiddenFact(id="c", text="the third secret", condition=Condition(asks=Move.OPEN_QUESTION)),
    )
    values = {"hidden_facts": facts, "resistance": resistance, **changes}
    return Profile(id="x", lang="en", theme=Theme.EMOTION, current_distress="tired", **values)  # type: ignore[arg-type]


def after(state: ClientState, turns: int, *said: Move, stage: Stage = Stage.TRUST_BUILDING) -> ClientState:
    for _ in range(turns):
        state = moved(state, Appraisal(moves=said), stage)
    return state


@given(st.integers(0, 3), st.lists(st.tuples(moves, stages), max_size=60))
def test_levels_stay_on_their_scales_whatever_is_said(
    resistance: int, talk: list[tuple[tuple[Move, ...], Stage]]
) -> None:
    state = start(profile(resistance), seed=1)
    for said, stage in talk:
        state = moved(state, Appraisal(moves=said), stage)
        assert all(0 <= getattr(state, name) <= 10 for name in ("trust", "openness", "distress", "hope"))
        assert 0 <= state.resistance <= 3
        assert all(0 <= value <= 100 for value in state.beliefs.values())


@given(moves, stages)
def test_the_same_turn_moves_the_same_state_the_same_way(said: tuple[Move, ...], stage: Stage) -> None:
    state = start(profile(), seed=1)
    assert moved(state, Appraisal(moves=said), stage) == moved(state, Appraisal(moves=tuple(reversed(said))), stage)


@given(moves)
def test_resistance_falls_only_with_empathy_and_exploration(said: tuple[Move, ...]) -> None:
    gentle = {Move.REFLECTION, Move.VALIDATION, Move.SUMMARY, Move.OPEN_QUESTION, Move.COLLABORATION}
    state = start(profile(2), seed=1)
    if not gentle & set(said):
        assert moved(state, Appraisal(moves=said), Stage.DIAGNOSIS).resistance >= state.resistance


def test_resistance_slows_trust() -> None:
    open_client, closed_client = (after(start(profile(level), 1), 6, *WARM) for level in (0, 3))
    assert open_client.trust - start(profile(0), 1).trust > closed_client.trust - start(profile(3), 1).trust


def test_early_advice_costs_more_than_late_advice() -> None:
    state = start(profile(), 1)
    early = moved(state, Appraisal(moves=(Move.ADVICE,)), Stage.TRUST_BUILDING)
    late = moved(state, Appraisal(moves=(Move.ADVICE,)), Stage.SOLUTION_EXPLORATION)
    assert early.trust < late.trust < state.trust


def test_doing_the_same_again_and_again_wears_out() -> None:
    state = after(start(profile(), 1), 3, *WARM)
    worn = moved(state, Appraisal(moves=WARM), Stage.TRUST_BUILDING).trust - state.trust
    fresh = moved(state, Appraisal(moves=(*WARM, Move.VALIDATION)), Stage.TRUST_BUILDING).trust - state.trust
    assert 0 < worn < fresh


def test_a_passed_over_confidence_hurts() -> None:
    state = start(profile(), 1)
    assert moved(state, Appraisal(moves=(Move.IGNORED_DISCLOSURE,)), Stage.DIAGNOSIS).trust < state.trust - 0.5


def test_hidden_facts_open_one_after_the_other() -> None:
    state = start(profile(2), 1)
    assert permitted(state, Stage.TRUST_BUILDING).free == ()
    warmed = after(state, 25, Move.VALIDATION, *WARM)
    assert {fact.id for fact in permitted(warmed, Stage.TRUST_BUILDING).free} == {"a"}
    assert {fact.id for fact in permitted(warmed, Stage.DIAGNOSIS).free} == {"a", "b"}


def test_a_fact_that_must_be_asked_for_is_allowed_only_then() -> None:
    permission = permitted(start(profile(), 1), Stage.TRUST_BUILDING)
    assert permission.allows("c", (Move.OPEN_QUESTION,))
    assert not permission.allows("c", (Move.REFLECTION,))
    assert not permission.allows("nothing", (Move.OPEN_QUESTION,))


def test_a_told_fact_is_not_offered_again() -> None:
    warmed = after(start(profile(0), 1), 12, Move.VALIDATION, *WARM)
    assert permitted(warmed, Stage.TRUST_BUILDING).allows("a", ())
    assert not permitted(warmed.model_copy(update={"disclosed": ("a",)}), Stage.TRUST_BUILDING).allows("a", ())


def test_risk_is_told_by_its_own_rule() -> None:
    def risky(disclosure: str) -> ClientState:
        risk = Risk(level="high", kind="suicide", disclosure=disclosure, text="Some nights I wish I were gone.")  # type: ignore[arg-type]
        return start(profile(3, risk=risk), 1)

    asked = (Move.RISK_ENQUIRY,)
    assert permitted(risky("open"), Stage.TRUST_BUILDING).allows(RISK_FACT, ())
    assert permitted(risky("asked"), Stage.TRUST_BUILDING).allows(RISK_FACT, asked)
    assert not permitted(risky("hidden"), Stage.TRUST_BUILDING).allows(RISK_FACT, asked)
    trusting = risky("hidden").model_copy(update={"trust": 6.0})
    assert permitted(trusting, Stage.TRUST_BUILDING).allows(RISK_FACT, asked)


def test_readiness_and_giving_up() -> None:
    state = start(profile(1), 1)
    assert not ready(state, Stage.TRUST_BUILDING)
    assert ready(after(state, 12, Move.VALIDATION, *WARM), Stage.TRUST_BUILDING)
    assert not ready(after(state, 12, Move.VALIDATION, *WARM), Stage.DIAGNOSIS)  # nothing told yet
    assert gives_up(after(start(profile(3), 1), 10, *COLD))
    assert not gives_up(state)


def test_shipped_cards_need_work_before_they_tell_everything() -> None:
    for card in select("all", "en"):
        state = start(card, 1)
        assert len(permitted(state, Stage.TRUST_BUILDING).free) <= 1, card.id
        warmed = after(state, 25, Move.VALIDATION, Move.SUMMARY, *WARM, stage=Stage.DIAGNOSIS)
        reachable = permitted(warmed, Stage.SOLUTION_EXPLORATION)
        assert len(reachable.free) + len(reachable.if_asked) >= len(card.hidden_facts) - 1, card.id
