"""Navigation: whatever is answered, it never loops, never asks what is known or ruled out, and always ends."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.counselors.magi.information import chance_of, expected_information
from agents.counselors.magi.navigation import ORDERS, Order, Step, next_step, settled
from profiles.interview_rules import Outcome, evaluate, within
from profiles.interviews import ASKED, Instrument, Verdict, load_instrument

TREE = load_instrument("en")
SYMPTOMS = tuple(name for name, variable in TREE.variables.items() if variable.known_from is None)
verdicts = st.dictionaries(st.sampled_from(SYMPTOMS), st.sampled_from(ASKED))


def walk(answers: dict[str, Verdict], order: Order, rounds: int = 200) -> list[Step]:
    """An interview whose client answers as told, and no where nothing is told."""
    known: dict[str, Verdict] = {}
    steps: list[Step] = []
    for round_ in range(1, rounds + 1):
        step = next_step(TREE, known, order=order, round_=round_)
        steps.append(step)
        if step.variable is None:
            return steps
        known[step.variable] = answers.get(step.variable, "not_met")
    raise AssertionError("the interview does not end")


@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=300, deadline=None)
@given(answers=verdicts)
def test_it_asks_nothing_twice_nothing_known_and_always_ends(order: Order, answers: dict[str, Verdict]) -> None:
    asked = [step.variable for step in walk(answers, order)]
    assert asked[-1] is None and None not in asked[:-1]
    assert len(asked) == len(set(asked)) <= len(TREE.variables) + 1
    assert not set(asked) & {name for name, variable in TREE.variables.items() if variable.known_from}


@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=300, deadline=None)
@given(answers=verdicts)
def test_nothing_is_asked_in_a_module_that_is_ruled_out(order: Order, answers: dict[str, Verdict]) -> None:
    known: dict[str, Verdict] = {}
    for step in walk(answers, order)[:-1]:
        facts = settled(TREE, known)
        live = [
            module
            for module in TREE.modules
            if step.variable in module.variables
            and all(evaluate(TREE, rule, facts) is not Outcome.NOT_MET for rule in (module.gate, module.label) if rule)
        ]
        assert live, f"{step.variable} was asked though every module that wants it is ruled out"
        when = TREE.variables[str(step.variable)].when
        if when:
            assert evaluate(TREE, when, facts) is not Outcome.NOT_MET
            assert all(name in facts for name in within(TREE, when)) or evaluate(TREE, when, facts) is Outcome.MET
        known[str(step.variable)] = answers.get(str(step.variable), "not_met")


@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=200, deadline=None)
@given(answers=verdicts)
def test_every_module_is_decided_or_all_that_it_wants_was_asked(order: Order, answers: dict[str, Verdict]) -> None:
    asked = {step.variable for step in walk(answers, order)}
    facts = settled(TREE, {str(name): answers.get(str(name), "not_met") for name in asked if name})
    for module in TREE.modules:
        if module.label and evaluate(TREE, module.label, facts) is Outcome.UNRESOLVED:
            assert any(facts.get(name) in ("unknown", "refused") for name in within(TREE, module.label))


@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=200, deadline=None)
@given(answers=verdicts)
def test_the_risk_gate_opens_by_its_round_and_stays_in_order(order: Order, answers: dict[str, Verdict]) -> None:
    asked = [step.variable for step in walk(answers, order)]
    risk = [name for name in asked if name in TREE.risk_variables]
    gate = [name for name in TREE.risk_variables if TREE.variables[name].when is None]
    assert set(gate) <= set(risk)
    assert asked.index(risk[0]) + 1 <= TREE.risk_gate_round
    assert [name for name in risk if name in gate] == gate
    first = asked.index(risk[0])
    assert asked[first : first + len(risk)] == risk, "a risk ladder is never interrupted"


@settings(max_examples=200, deadline=None)
@given(answers=verdicts)
def test_both_orders_come_to_the_same_where_everything_can_be_answered(answers: dict[str, Verdict]) -> None:
    plain = {name: verdict for name, verdict in answers.items() if verdict in ("met", "not_met")}
    ends = []
    for order in ORDERS:
        asked = [step.variable for step in walk(plain, order)]
        facts = settled(TREE, {str(name): plain.get(str(name), "not_met") for name in asked if name})
        ends.append([evaluate(TREE, m.endings[-1].when, facts) for m in TREE.modules])
    assert ends[0] == ends[1]


def test_after_an_alarm_acuity_is_next_and_nothing_else_is_asked_before_risk_is_through() -> None:
    known: dict[str, Verdict] = {"dep.mood": "met", "sui.passive": "refused"}
    step = next_step(TREE, known, round_=2, alarmed=True)
    assert (step.variable, step.why) == ("sui.now", "risk")
    known["sui.now"] = "not_met"
    after = []
    while (step := next_step(TREE, known, round_=3, alarmed=True)).why == "risk":
        after.append(step.variable)
        known[str(step.variable)] = "not_met"
    assert after == ["sui.burden", "sui.active", "sui.attempt"]
    assert step.variable is not None and not step.variable.startswith("sui.")


def test_what_follows_from_other_answers_is_filled_in_and_left_open_where_they_are() -> None:
    assert settled(TREE, {"sui.passive": "met"})["dep.death_suicide"] == "met"
    assert settled(TREE, {"sui.passive": "not_met", "sui.active": "not_met"})["dep.death_suicide"] == "not_met"
    assert settled(TREE, {"sui.passive": "refused", "sui.active": "not_met"})["dep.death_suicide"] == "unknown"
    assert "dep.death_suicide" not in settled(TREE, {"sui.passive": "not_met"})


@settings(max_examples=200, deadline=None)
@given(answers=verdicts)
def test_information_is_never_negative_and_at_most_a_bit_a_rule(answers: dict[str, Verdict]) -> None:
    for module in TREE.modules:
        names = [name for name in module.variables if name not in answers]
        gains = expected_information(TREE, module, names, answers)
        assert set(gains) == set(names) and all(0.0 <= gain <= 1 + len(module.endings) for gain in gains.values())


def by_hand(tree: Instrument, rule: str, chances: dict[str, float], samples: int) -> float:
    dice = random.Random(7)
    hits = 0
    for _ in range(samples):
        drawn: dict[str, Verdict] = {n: "met" if dice.random() < p else "not_met" for n, p in chances.items()}
        hits += evaluate(tree, rule, drawn) is Outcome.MET
    return hits / samples


def test_the_chance_of_a_count_is_that_of_throwing_the_dice() -> None:
    for rule in ("dep.count", "gad.body"):
        chances = {name: 0.2 + 0.05 * place for place, name in enumerate(within(TREE, rule))}
        assert chance_of(TREE, rule, {}, chances) == pytest.approx(by_hand(TREE, rule, chances, 20_000), abs=0.015)


def test_the_adaptive_order_asks_what_is_worth_most_and_other_explanations_last() -> None:
    yes: dict[str, Verdict] = {name: "met" for name in SYMPTOMS if name.startswith("dep.")}
    yes |= {"dep.duration": "met", "dep.impairment": "met"}
    steps = walk(yes, "adaptive")
    asked = [step.variable for step in steps]
    own = [str(name) for name in asked if str(name).startswith(("dep.", "shared."))]
    excluding = [TREE.variables[name].kind == "exclusion" for name in own]
    assert asked[0] == "dep.mood"
    assert any(excluding) and excluding == sorted(excluding)
    chosen = [step for step in steps if step.candidates]
    assert chosen
    for step in chosen:
        worth = dict(step.candidates)
        assert worth[str(step.variable)] == max(worth.values())


def test_the_adaptive_order_leaves_what_changes_nothing_and_is_probably_not_there() -> None:
    low: dict[str, Verdict] = dict.fromkeys(("dep.mood", "dep.sleep", "dep.fatigue", "dep.concentration"), "met")
    low |= {"dep.anhedonia": "not_met", "dep.worth_guilt": "met", "dep.appetite_weight": "not_met"}
    low |= {"dep.duration": "met", "dep.impairment": "met"}
    assert "dep.psychomotor" not in {step.variable for step in walk(low, "adaptive")}
    assert "dep.psychomotor" in {step.variable for step in walk(low, "fixed")}
    four: dict[str, Verdict] = {**low, "dep.worth_guilt": "not_met"}
    assert "dep.psychomotor" in {step.variable for step in walk(four, "adaptive")}  # it decides the count


def test_the_adaptive_order_drops_other_explanations_of_what_can_no_longer_be_shown() -> None:
    ill: dict[str, Verdict] = dict.fromkeys(TREE.by_module["dep"].variables, "met")
    ill |= dict.fromkeys(["dep.impairment", "gad.excessive_worry", "sad.scrutiny"], "unknown")
    excluded = {name for name, variable in TREE.variables.items() if variable.kind == "exclusion"}
    told = walk(ill, "adaptive")
    assert not excluded & {step.variable for step in told}
    probable = set(within(TREE, "dep.count")) - {"dep.death_suicide", "dep.psychomotor"}
    assert probable <= {step.variable for step in told}
    assert excluded & {step.variable for step in walk(ill, "fixed")}
