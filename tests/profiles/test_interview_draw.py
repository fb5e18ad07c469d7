"""Drawn interviewees: complete and consistent truths, the same in every style and language, at the stated rates."""

from __future__ import annotations

from typing import get_args

import pytest

from profiles.errors import UserError
from profiles.interview_draw import draw, load_draw_table
from profiles.interview_rules import Outcome, ending_of, evaluate
from profiles.interviews import load_instrument
from profiles.schema import Profile, ResponseStyle, Truth
from profiles.vocabulary import LANGUAGES

INSTRUMENT = load_instrument("en")
STYLES = get_args(ResponseStyle)


@pytest.fixture(scope="module")
def many() -> tuple[Profile, ...]:
    return draw(1500, 7, "cooperative", "en")


def truths(profile: Profile) -> dict[str, Truth]:
    return {name: criterion.truth for name, criterion in profile.criteria.items()}


def of_kind(profiles: tuple[Profile, ...], *kinds: str) -> list[dict[str, Truth]]:
    return [truths(profile) for profile in profiles if profile.topic in kinds]


def ending(profile: Profile, module: str) -> tuple[Outcome, str | None]:
    return ending_of(INSTRUMENT, INSTRUMENT.by_module[module], truths(profile))


def test_every_client_has_a_truth_for_every_variable(many: tuple[Profile, ...]) -> None:
    assert all(set(profile.criteria) == set(INSTRUMENT.variables) for profile in many)
    assert len({profile.id for profile in many}) == len(many)
    assert many[7].id == "drawn-0007"


def test_the_same_draw_again_is_the_same_and_a_longer_one_begins_alike(many: tuple[Profile, ...]) -> None:
    assert draw(40, 7, "cooperative", "en") == many[:40]
    assert [truths(p) for p in draw(40, 8, "cooperative", "en")] != [truths(p) for p in many[:40]]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_style_and_language_change_the_speech_only(style: ResponseStyle, language: str) -> None:
    plain, other = draw(60, 3, "cooperative", "en"), draw(60, 3, style, language)  # type: ignore[arg-type]
    assert [p.criteria for p in other] == [p.criteria for p in plain]
    assert [(p.id, p.topic, p.risk.level) for p in other] == [(p.id, p.topic, p.risk.level) for p in plain]
    assert {(p.response_style, p.lang) for p in other} == {(style, language)}


def test_a_duration_is_met_from_its_threshold_on(many: tuple[Profile, ...]) -> None:
    for name, variable in INSTRUMENT.variables.items():
        if variable.threshold:
            spans = [(p.criteria[name].slots[variable.threshold.unit], p.criteria[name].truth) for p in many]
            assert all((truth == "met") == (float(span) >= variable.threshold.at_least) for span, truth in spans)
            just_below = 1 if variable.threshold.unit == "weeks" else 5
            assert {just_below, int(variable.threshold.at_least)} <= {span for span, _ in spans}


def test_what_is_asked_only_after_something_else_never_applies_without_it(many: tuple[Profile, ...]) -> None:
    for profile in many:
        known = truths(profile)
        for variable in INSTRUMENT.variables.values():
            if variable.when and evaluate(INSTRUMENT, variable.when, known) is Outcome.NOT_MET:
                assert known[variable.id] == "not_met"
            if variable.known_from:
                derived = evaluate(INSTRUMENT, variable.known_from, known)
                assert known[variable.id] == derived.value


def test_risk_on_the_card_agrees_with_the_truths(many: tuple[Profile, ...]) -> None:
    levels = set()
    for profile in many:
        met = {name for name in INSTRUMENT.risk_variables if profile.criteria[name].truth == "met"}
        expected = "low" if met else "none"
        if "sui.active" in met or "sui.plan" in met:
            expected = "high"
        if "sui.now" in met:
            expected = "immediate"
        assert profile.risk.level == expected
        assert bool(profile.risk.text) == bool(profile.risk.kind) == bool(met)
        levels.add(expected)
    assert levels == {"none", "low", "high", "immediate"}
    pictures = {tuple(n for n in INSTRUMENT.risk_variables if p.criteria[n].truth == "met") for p in many}
    assert {("sui.passive",), ("sui.burden",), ("sui.attempt",), ("sui.passive", "sui.active")} <= pictures


def test_kinds_of_clients_come_as_often_as_the_table_says(many: tuple[Profile, ...]) -> None:
    for kind in load_draw_table("en").classes:
        share = sum(p.topic == kind.id for p in many) / len(many)
        spread = 4 * (kind.share * (1 - kind.share) / len(many)) ** 0.5
        assert abs(share - kind.share) < spread, kind.id


def test_suicidality_comes_as_often_as_the_table_says(many: tuple[Profile, ...]) -> None:
    table = load_draw_table("en")
    depressed = [p for p in many if p.topic == "depressive_episode"]
    expected = 1 - table.mixes["frequent"]["none"]
    share = sum(p.risk.level != "none" for p in depressed) / len(depressed)
    assert abs(share - expected) < 4 * (expected * (1 - expected) / len(depressed)) ** 0.5


def test_kinds_are_what_they_are_called(many: tuple[Profile, ...]) -> None:
    nine = INSTRUMENT.rules["dep.count"].args
    body = INSTRUMENT.rules["gad.body"].args

    def counts(kind: str, names: tuple[str, ...]) -> set[int]:
        return {sum(known[name] == "met" for name in names) for known in of_kind(many, kind)}

    assert counts("four_of_nine", nine) == {4}
    assert counts("five_of_nine", nine) == {5}
    assert counts("worry_two_of_body", body) == {2}
    assert counts("worry_three_of_body", body) == {3}
    met = (Outcome.MET, "dep.depressive_episode")
    assert {ending(p, "dep") for p in many if p.topic in ("five_of_nine", "two_weeks")} == {met}
    none = (Outcome.NOT_MET, None)
    near = ("four_of_nine", "one_week", "low_without_consequences", "substance", "medical", "none")
    assert {ending(p, "dep") for p in many if p.topic in near} == {none}
    assert {ending(p, "gad") for p in many if p.topic == "worry_five_months"} == {none}
    assert {ending(p, "gad")[0] for p in many if p.topic == "worry_six_months"} == {Outcome.MET}
    assert {ending(p, "sad") for p in many if p.topic in ("fear_five_months", "fear_other_cause")} == {none}
    assert {ending(p, "sad")[0] for p in many if p.topic == "fear_six_months"} == {Outcome.MET}
    assert {known["shared.mania_energy"] for known in of_kind(many, "bipolar")} <= {"met", "unknown", "not_met"}
    assert (Outcome.MET, "dep.bipolar_review") in {ending(p, "dep") for p in many if p.topic == "bipolar"}


def test_a_few_truths_are_unknown_and_none_of_risk_or_time(many: tuple[Profile, ...]) -> None:
    unknown = [name for p in many for name, criterion in p.criteria.items() if criterion.truth == "unknown"]
    assert 0.002 < len(unknown) / (len(many) * len(INSTRUMENT.variables)) < 0.03
    assert {INSTRUMENT.variables[name].kind for name in unknown} == set(load_draw_table("en").unknown_kinds)


def test_at_least_one_client_must_be_drawn() -> None:
    with pytest.raises(UserError, match="at least one"):
        draw(0, 1, "terse", "en")
