import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from arena.statistics import (
    Estimate,
    Interval,
    cluster_bootstrap_mean,
    paired_difference,
    rate,
    rule_of_three,
    wilson,
)

values = st.floats(-100, 100, allow_nan=False).map(lambda value: round(value, 3))
samples = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.none() | values), min_size=1, max_size=40)


def estimate(sample: list[tuple[str, float | None]], seed: int = 1, draws: int = 300) -> Estimate:
    clusters = [cluster for cluster, _ in sample]
    return cluster_bootstrap_mean([value for _, value in sample], clusters, seed=seed, draws=draws)


def test_the_mean_leaves_missing_values_out_and_counts_them() -> None:
    found = cluster_bootstrap_mean([1.0, None, 3.0, None], ["a", "a", "b", "c"], seed=1)

    assert (found.mean, found.n_scored, found.n_total) == (2.0, 2, 4)


def test_nothing_scored_is_no_mean_and_not_zero() -> None:
    found = cluster_bootstrap_mean([None, None], ["a", "b"], seed=1)

    assert found == Estimate(mean=None, interval=None, n_scored=0, n_total=2)


@pytest.mark.parametrize("clusters", [["a", "a", "a"], ["a", "a", "b"]])
def test_one_scored_client_gives_no_interval(clusters: list[str]) -> None:
    found = cluster_bootstrap_mean([1.0, 2.0, None], clusters, seed=1)

    assert found.mean == 1.5
    assert found.interval is None


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        cluster_bootstrap_mean([1.0, 2.0], ["a"], seed=1)


@given(samples)
@settings(max_examples=60, deadline=None)
def test_the_order_of_sessions_does_not_matter(sample: list[tuple[str, float | None]]) -> None:
    shuffled = random.Random(3).sample(sample, len(sample))

    assert estimate(shuffled) == estimate(sample)


@given(st.lists(values, min_size=2, max_size=30))
@settings(max_examples=60, deadline=None)
def test_the_interval_holds_the_mean_of_symmetrical_data(half: list[float]) -> None:
    sample = [(f"c{place}", sign * value) for place, value in enumerate(half) for sign in (1, -1)]
    spread = [(f"{name}{place}", value) for place, (name, value) in enumerate(sample)]

    found = estimate(spread)

    assert found.interval is not None
    assert found.interval.low - 1e-9 <= (found.mean or 0.0) <= found.interval.high + 1e-9


@given(samples)
@settings(max_examples=60, deadline=None)
def test_the_interval_stays_within_the_data(sample: list[tuple[str, float | None]]) -> None:
    found = estimate(sample)
    known = [value for _, value in sample if value is not None]

    if found.interval:
        assert min(known) - 1e-9 <= found.interval.low <= found.interval.high <= max(known) + 1e-9


@given(st.integers(0, 2**32), values, st.integers(2, 12))
@settings(max_examples=40, deadline=None)
def test_values_that_are_all_alike_have_no_spread(seed: int, value: float, clients: int) -> None:
    found = estimate([(f"c{place}", value) for place in range(clients)], seed=seed)

    assert found.interval is not None
    assert math.isclose(found.interval.low, value, abs_tol=1e-9)
    assert math.isclose(found.interval.high, value, abs_tol=1e-9)


def normal(clients: int, seed: int = 5) -> list[float]:
    return [float(value) for value in np.random.default_rng(seed).normal(0.7, 0.1, clients)]


def width(found: Estimate) -> float:
    assert found.interval is not None
    return found.interval.high - found.interval.low


def test_more_clients_make_a_narrower_interval_in_proportion_to_the_root() -> None:
    few = estimate([(f"c{place}", value) for place, value in enumerate(normal(50))], draws=2000)
    many = estimate([(f"c{place}", value) for place, value in enumerate(normal(800))], draws=2000)

    assert 0.15 < width(many) / width(few) < 0.4  # the root of 50/800 is a quarter


def test_repeats_of_one_client_count_as_one_client_not_as_many() -> None:
    sessions = [(f"c{place}", value) for place, value in enumerate(normal(30)) for _ in range(10)]
    apart = [(f"{name}-{place}", value) for place, (name, value) in enumerate(sessions)]

    assert width(estimate(sessions)) > 2.5 * width(estimate(apart))


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    covered = 0
    for trial in range(200):
        found = estimate([(f"c{place}", v) for place, v in enumerate(normal(40, seed=trial))], draws=400)
        assert found.interval is not None
        covered += found.interval.low <= 0.7 <= found.interval.high

    assert 0.88 <= covered / 200 <= 0.99


def test_the_seed_decides_and_nothing_else() -> None:
    sample = [(f"c{place}", value) for place, value in enumerate(normal(20))]

    assert estimate(sample, seed=1) == estimate(sample, seed=1)
    assert estimate(sample, seed=1).interval != estimate(sample, seed=2).interval


def test_many_clients_are_drawn_in_parts() -> None:
    found = estimate([(f"c{place}", float(place % 2)) for place in range(30_000)], draws=300)

    assert found.mean == 0.5
    assert width(found) == pytest.approx(2 * 1.96 * 0.5 / math.sqrt(30_000), rel=0.25)


def test_a_paired_difference_is_taken_pair_by_pair() -> None:
    a = {("ann", 1): 0.9, ("ann", 2): 0.7, ("ben", 1): 0.5}
    b = {("ann", 1): 0.8, ("ann", 2): 0.6, ("ben", 1): 0.4}

    found = paired_difference(a, b, seed=1)

    assert found.mean == pytest.approx(0.1)
    assert (found.n_scored, found.n_total) == (3, 3)
    assert found.interval is not None
    assert found.interval.low == pytest.approx(0.1)


def test_a_pair_without_its_partner_is_missing() -> None:
    found = paired_difference({("ann", 1): 0.9, ("ben", 1): None}, {("ann", 1): 0.5, ("cy", 1): 0.1}, seed=1)

    assert found.mean == pytest.approx(0.4)
    assert (found.n_scored, found.n_total) == (1, 3)
    assert found.interval is None


def test_pairing_takes_the_clients_own_difficulty_out() -> None:
    hard = dict(enumerate(normal(40)))
    a = {(f"c{place}", 1): value + 0.02 for place, value in hard.items()}
    b = {(f"c{place}", 1): value for place, value in hard.items()}

    assert width(paired_difference(a, b, seed=1)) < 1e-6


@given(st.dictionaries(st.tuples(st.sampled_from("abcd"), st.integers(1, 3)), st.none() | values, max_size=12))
@settings(max_examples=40, deadline=None)
def test_a_difference_turns_its_sign_with_its_sides(a: dict[tuple[str, int], float | None]) -> None:
    b = dict.fromkeys(a, 1.0)
    one, other = paired_difference(a, b, seed=1), paired_difference(b, a, seed=1)

    assert (one.mean is None) == (other.mean is None)
    assert (one.mean or 0.0) == pytest.approx(-(other.mean or 0.0))


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@settings(max_examples=200, deadline=None)
def test_wilson_agrees_with_scipy(pair: tuple[int, int]) -> None:
    passed, n = pair
    found = wilson(passed, n)
    reference = binomtest(passed, n).proportion_ci(0.95, method="wilson")

    assert found.low == pytest.approx(reference.low, abs=1e-9)
    assert found.high == pytest.approx(reference.high, abs=1e-9)
    assert 0 <= found.low <= passed / n <= found.high <= 1


def test_wilson_shrinks_with_n_and_knows_nothing_of_nothing() -> None:
    assert wilson(0, 0) == Interval(low=0.0, high=1.0)
    assert wilson(50, 100).high - wilson(50, 100).low < wilson(5, 10).high - wilson(5, 10).low


@pytest.mark.parametrize(("passed", "n"), [(3, 2), (-1, 5), (1, -1)])
def test_impossible_rates_are_refused(passed: int, n: int) -> None:
    with pytest.raises(ValueError, match="no rate"):
        wilson(passed, n)


@given(st.integers(1, 10_000))
def test_the_rule_of_three_is_never_below_the_exact_bound(n: int) -> None:
    assert 1 - 0.05 ** (1 / n) <= rule_of_three(n) <= 1


def test_no_observation_rules_nothing_out() -> None:
    assert rule_of_three(0) == 1.0
    assert rule_of_three(300) == pytest.approx(0.01)


def test_a_rate_counts_only_verdicts_and_says_of_how_many() -> None:
    found = rate([True, None, False, True])

    assert (found.n_passed, found.n_scored, found.n_total) == (2, 3, 4)
    assert found.share == pytest.approx(2 / 3)
    assert found.interval == wilson(2, 3)
    assert rate([None]).share is None
    assert rate([None]).interval is None
