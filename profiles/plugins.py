"""Finds what bears a name: modules of our own, and what strangers' packages offer at an entry point."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import entry_points
from typing import Protocol, TypeVar

from profiles.errors import UserError

__all__ = ["by_name", "find_named", "offered_at"]


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_Item = TypeVar("_Item", bound=_Named)
Offers = Iterable[tuple[str, tuple[_Item, ...]]]
"""Who offers, as it is named in a message, and what."""


def by_name(kind: str, offers: Offers[_Item]) -> Mapping[str, _Item]:
    """All that is offered, by name, in the order of the offers. kind: what it is, for messages.

    Raises:
        UserError: two claim one name.
    """
    found: dict[str, _Item] = {}
    for source, offered in offers:
        for each in offered:
            if each.name in found:
                raise UserError(f"plug-in {source}: a {kind} '{each.name}' exists already; rename it")
            found[each.name] = each
    return found


def offered_at(group: str, schema: type[_Item]) -> Iterator[tuple[str, tuple[_Item, ...]]]:
    """What is offered at an entry point: one of ``schema``, or several.

    Raises:
        UserError: it cannot be loaded; the plug-in is named.
    """
    for point in entry_points(group=group):
        try:
            offered = point.load()
        except Exception as error:
            raise UserError(
                f"plug-in '{point.name}' ({point.value}) cannot be loaded: {error!r}; uninstall or mend it"
            ) from error
        yield point.value, (offered,) if isinstance(offered, schema) else tuple(offered)


def find_named(kind: str, known: Mapping[str, _Item], name: str) -> _Item:
    """The one of this name. kind: what it is, which is also the name of its option.

    Raises:
        UserError: there is none; the nearest name, or all names, are shown.
    """
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(sorted(known))}"
    raise UserError(f"--{kind}: unknown {kind} '{name}'; {hint}")
