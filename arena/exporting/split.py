"""Splits by client: each client's sessions go into one split, always the same for the same clients and seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

from profiles.errors import UserError

__all__ = ["SPLITS", "parse_shares", "splits_of"]

SPLITS: Final = ("train", "validation", "test")


def parse_shares(text: str) -> tuple[int, ...]:
    """``80/10/10`` as shares of train, validation and test.

    Raises:
        UserError: not three whole numbers of 0 or more, with a sum above 0.
    """
    parts = text.split("/")
    if len(parts) != len(SPLITS) or not all(part.strip().isdecimal() for part in parts) or not any(map(int, parts)):
        raise UserError(f"--split {text}: write three whole numbers for {'/'.join(SPLITS)}, such as 80/10/10")
    return tuple(int(part) for part in parts)


def splits_of(clients: Iterable[str], shares: tuple[int, ...], seed: int = 0) -> Mapping[str, str]:
    """Client -> split. Sizes by largest remainder; no split with a share stays empty while there are clients enough.

    Clients stand in the order of a hash with ``seed``, so neither the order they come in nor their names matter.
    """
    order = sorted(set(clients), key=lambda client: (_hash(client, seed), client))
    sizes = _sizes(len(order), shares)
    names = [name for name, size in zip(SPLITS, sizes, strict=True) for _ in range(size)]
    return dict(zip(order, names, strict=True))


def _hash(client: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}\x1f{client}".encode()).hexdigest()


def _sizes(number: int, shares: tuple[int, ...]) -> list[int]:
    whole = sum(shares)
    sizes = [number * share // whole for share in shares]
    rest = sorted(range(len(shares)), key=lambda place: (-(number * shares[place] % whole), place))
    for place in rest[: number - sum(sizes)]:
        sizes[place] += 1
    for place in sorted(range(len(shares)), key=lambda place: (-shares[place], place)):
        if shares[place] and not sizes[place] and max(sizes) > 1:
            sizes[sizes.index(max(sizes))] -= 1
            sizes[place] += 1
    return sizes
