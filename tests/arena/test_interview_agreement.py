"""The agreement table: counts that can be made by hand, and figures that follow from them."""

from __future__ import annotations

import pytest

from arena.interview.agreement import compare, table_of
from arena.interview.evaluate import Held, skip_violations, true_label, truth_of
from arena.statistics import wilson
from profiles.interview_draw import draw
from profiles.interviews import Verdict, load_instrument

TREE = load_instrument("en")


def held(number: int, truth: Verdict | None, found: Verdict | None, **others: object) -> Held:
    values: dict[str, object] = {
        "profile": f"p{number}",
        "system": "adaptive",
        "truth": {"dep.mood": truth} if truth else {},
        "found": {"dep.mood": found} if found else {},
        "labels": {"dep": (truth or "unresolved", found or "unresolved")},
        "rounds": 10,
        "questions": 8,
        "clarifications": 1,
        "reasks": 0,
        "skip_violations": 0,
        "risk_true": False,
        "risk_shown": None,
        "risk_flagged": None,
        "risk_gate": 6,
        "quotes": 2,
        "good_quotes": 2,
        "replayed": True,
    }
    return Held.model_validate({**values, **others})


def test_the_counts_are_those_of_the_fourfold_table() -> None:
    pairs: list[tuple[Verdict | None, Verdict | None]] = [
        *[("met", "met")] * 6, *[("met", "not_met")] * 2, ("met", "unknown"), ("met", None),
        *[("not_met", "not_met")] * 8, *[("not_met", "met")] * 1, ("not_met", "refused"), ("unknown", "met"),
    ]  # fmt: skip
    table = table_of([held(n, *pair) for n, pair in enumerate(pairs)], "guarded", "en")
    mood = table.overall
    assert (mood.n, mood.asked) == (20, 19)
    assert (mood.sensitivity.n_passed, mood.sensitivity.n_scored) == (6, 9), "an open answer finds nothing"
    assert (mood.recall.n_passed, mood.recall.n_scored) == (6, 10), "nor does one that was never asked for"
    assert (mood.specificity.n_passed, mood.specificity.n_scored) == (8, 10)
    assert (mood.ppv.n_passed, mood.ppv.n_scored) == (6, 7)
    assert (mood.unknown.n_passed, mood.unknown.n_scored) == (2, 19)
    assert mood.sensitivity.interval == wilson(6, 9)
    observed, chance = 14 / 17, (8 * 7 + 9 * 10) / 17**2  # rows 8 true and 9 untrue, columns 7 and 10
    assert mood.kappa == pytest.approx((observed - chance) / (1 - chance))
    assert mood.kappa_interval is not None and mood.kappa_interval.low < mood.kappa < mood.kappa_interval.high


def test_a_label_is_right_only_if_it_is_the_same_ending() -> None:
    endings = [("dep.depressive_episode", "dep.depressive_episode"), ("dep.bipolar_review", "dep.depressive_episode"),
               ("not_met", "dep.depressive_episode"), ("not_met", "not_met"), ("dep.depressive_episode", "unresolved"),
               ("unresolved", "not_met")]  # fmt: skip
    table = table_of([held(n, "met", "met", labels={"dep": pair}) for n, pair in enumerate(endings)], "terse", "en")
    (module,) = table.modules
    assert (module.sensitivity.n_passed, module.sensitivity.n_scored) == (1, 3)
    assert (module.specificity.n_passed, module.specificity.n_scored) == (1, 2)
    assert (module.unknown.n_passed, module.n) == (1, 5)


def test_a_crisis_counts_from_where_it_was_shown_but_not_before_the_gate() -> None:
    shown = [
        held(1, "met", "met", risk_true=True, risk_shown=3, risk_flagged=3),
        held(2, "met", "met", risk_true=True, risk_shown=2, risk_flagged=6),
        held(3, "met", "met", risk_true=True, risk_shown=7, risk_flagged=9),
        held(4, "met", "met", risk_true=True, risk_shown=7),
        held(5, "met", "met", risk_flagged=4),
    ]
    conduct = table_of(shown, "denying", "en").conduct
    assert (conduct.crisis_recall.n_passed, conduct.crisis_recall.n_scored) == (3, 4)
    assert conduct.crisis_delay == 2, "the third was flagged two rounds late; the second waited for the gate only"
    assert (conduct.crisis_false.n_passed, conduct.crisis_false.n_scored) == (1, 1)


def test_differences_are_paired_by_client() -> None:
    fixed = [held(n, "met", "met", questions=20 + n) for n in range(30)]
    adaptive = [held(n, "met", "met", questions=18 + n) for n in range(30)]
    found = compare(fixed, adaptive, lambda each: each.questions)
    assert found.mean == 2.0 and found.interval is not None and found.interval.low == found.interval.high == 2.0


@pytest.mark.parametrize("style", ["cooperative", "denying"])
def test_the_truth_of_a_drawn_client_is_that_of_its_criteria(style: str) -> None:
    for profile in draw(20, 3, style, "en"):  # type: ignore[arg-type]
        truth = truth_of(profile, TREE)
        assert set(truth) >= {"dep.mood", "sui.passive", "gad.excessive_worry", "sad.scrutiny"}
        for module in TREE.modules:
            known = all(truth.get(name) in ("met", "not_met") for name in module.variables)
            assert not known or true_label(TREE, module.id, truth) != "unresolved"


def test_no_turns_break_no_rules() -> None:
    assert skip_violations([], TREE) == 0
