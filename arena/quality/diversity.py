"""How varied the words of a text are: MTLD (McCarthy and Jarvis 2010) and distinct n-grams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

__all__ = ["LEAST_TOKENS", "distinct", "mtld"]

LEAST_TOKENS: Final = 100
"""Shorter texts have no MTLD."""
_FLOOR: Final = 0.72


def mtld(tokens: Sequence[str], least: int = LEAST_TOKENS) -> float | None:
    """How many tokens, on average, keep the share of different ones above 0.72; forward and backward, their mean.

    None below ``least`` tokens. Where no token comes twice there is no factor, and it is the number of tokens.
    """
    if len(tokens) < max(1, least):
        return None
    return (_one_way(tokens) + _one_way(tokens[::-1])) / 2


def _one_way(tokens: Sequence[str]) -> float:
    factors, count = 0.0, 0
    seen: set[str] = set()
    for token in tokens:
        count += 1
        seen.add(token)
        if len(seen) <= _FLOOR * count:
            factors += 1
            count = 0
            seen.clear()
    if count:
        factors += (1 - len(seen) / count) / (1 - _FLOOR)
    return len(tokens) / factors if factors else float(len(tokens))


def distinct(tokens: Sequence[str], size: int) -> float | None:
    """Different n-grams of this size (1 or 2) over all of them, 0-1; None where there are none."""
    grams: Iterable[object] = tokens if size == 1 else pairwise(tokens)
    total = len(tokens) - size + 1
    return len(set(grams)) / total if total > 0 else None
