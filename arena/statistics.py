"""Means, differences and rates with 95 % intervals, for sessions that come in clusters of one client each.

Sessions of one client are alike, so intervals of means come from a bootstrap that draws whole clients
(Field & Welsh 2007, J. R. Stat. Soc. B 69:369-390). A missing value is counted, never replaced by a number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from profiles.schema import Record

__all__ = [
    "Estimate",
    "Interval",
    "Rate",
    "cluster_bootstrap_mean",
    "paired_difference",
    "rate",
    "rule_of_three",
    "wilson",
]

Pair = tuple[str, int]
"""``(profile_id, repeat)``: what two counselors must share for their sessions to be compared."""

_Floats = npt.NDArray[np.float64]
_TAILS: Final = (2.5, 97.5)
_Z: Final = 1.959963984540054  # the 97.5 % point of the normal distribution
_CELLS: Final = 4_000_000  # numbers held at once while drawing


class Interval(Record):
    """A 95 % interval, both ends included."""

    low: float
    high: float


class Estimate(Record):
    """A mean over ``n_scored`` of ``n_total`` values; the other values are missing.

    mean: None when nothing was scored.
    interval: None when fewer than two clients were scored, for then nothing is known about the spread.
    """

    mean: float | None
    interval: Interval | None
    n_scored: int
    n_total: int


class Rate(Record):
    """``n_passed`` of ``n_scored`` verdicts, of ``n_total``; Wilson's interval, None without a verdict."""

    n_passed: int
    n_scored: int
    n_total: int
    interval: Interval | None

    @property
    def share(self) -> float | None:
        """The rate among those with a verdict, 0-1."""
        return self.n_passed / self.n_scored if self.n_scored else None


def cluster_bootstrap_mean(
    values: Sequence[float | None], clusters: Sequence[str], *, seed: int, draws: int = 2000
) -> Estimate:
    """The mean of ``values`` with the percentile interval of a bootstrap that draws clusters.

    Args:
        values: one a session; None is missing.
        clusters: the client of each value, of the same length.
        seed: the same seed and the same data give the same interval, whatever their order.
        draws: how many resamples.

    Raises:
        ValueError: the lengths differ.
    """
    known = [(cluster, value) for value, cluster in zip(values, clusters, strict=True) if value is not None]
    if not known:
        return Estimate(mean=None, interval=None, n_scored=0, n_total=len(values))
    mean = math.fsum(value for _, value in known) / len(known)
    sums, sizes = _cluster_sums(known, mean)
    interval = None
    if len(sums) > 1:
        low, high = np.percentile(_resampled(sums, sizes, seed, draws), _TAILS)
        interval = Interval(low=mean + float(low), high=mean + float(high))
    return Estimate(mean=mean, interval=interval, n_scored=len(known), n_total=len(values))


def _cluster_sums(known: Iterable[tuple[str, float]], mean: float) -> tuple[_Floats, _Floats]:
    """Each cluster's summed deviation from ``mean`` and its size, in the order of the clusters' names."""
    groups: dict[str, list[float]] = {}
    for cluster, value in known:
        groups.setdefault(cluster, []).append(value - mean)
    ordered = [groups[cluster] for cluster in sorted(groups)]
    sums = np.array([math.fsum(group) for group in ordered])  # exact, so the order within does not matter
    return sums, np.array([float(len(group)) for group in ordered])


def _resampled(sums: _Floats, sizes: _Floats, seed: int, draws: int) -> _Floats:
    """The mean deviation in each of ``draws`` resamples of as many clusters as there are."""
    rng = np.random.default_rng(seed)
    count = len(sums)
    evenly = np.full(count, 1 / count)
    at_once = max(1, _CELLS // count)
    means = []
    for begun in range(0, draws, at_once):
        times = rng.multinomial(count, evenly, size=min(at_once, draws - begun))
        means.append((times @ sums) / (times @ sizes))
    return np.concatenate(means)


def paired_difference(
    a: Mapping[Pair, float | None], b: Mapping[Pair, float | None], *, seed: int, draws: int = 2000
) -> Estimate:
    """The mean of ``a - b`` over the pairs scored on both sides, clustered by client.

    ``n_total`` counts all pairs that either side has.
    """
    pairs = sorted(a.keys() | b.keys())
    differences = [_difference(a.get(pair), b.get(pair)) for pair in pairs]
    return cluster_bootstrap_mean(differences, [client for client, _ in pairs], seed=seed, draws=draws)


def _difference(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def rate(verdicts: Iterable[bool | None]) -> Rate:
    """How many of the verdicts are True; None is no verdict."""
    given = list(verdicts)
    known = [verdict for verdict in given if verdict is not None]
    passed = sum(known)
    interval = wilson(passed, len(known)) if known else None
    return Rate(n_passed=passed, n_scored=len(known), n_total=len(given), interval=interval)


def wilson(passed: int, n: int) -> Interval:
    """Wilson's score interval of a rate (Wilson 1927, J. Am. Stat. Assoc. 22:209-212), within 0-1.

    With ``n`` = 0 nothing is known: 0 to 1.

    Raises:
        ValueError: ``passed`` is not between 0 and ``n``.
    """
    if not 0 <= passed <= n:
        raise ValueError(f"{passed} of {n} is no rate")
    if n == 0:
        return Interval(low=0.0, high=1.0)
    share = passed / n
    spread = _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    low = (share + _Z**2 / (2 * n) - spread) / (1 + _Z**2 / n)
    high = (share + _Z**2 / (2 * n) + spread) / (1 + _Z**2 / n)
    # At the ends the formula is exact, but its rounding is not.
    return Interval(low=0.0 if passed == 0 else max(0.0, low), high=1.0 if passed == n else min(1.0, high))


def rule_of_three(n: int) -> float:
    """The highest rate that 0 of ``n`` leaves likely at 95 % (Hanley & Lippman-Hand 1983, JAMA 249:1743)."""
    return min(1.0, 3 / n) if n > 0 else 1.0
