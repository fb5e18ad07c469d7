"""Finds the speakers by name: a scan of our own folders, and entry points for strangers' packages."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import lru_cache

from agents.roles import Plugin
from profiles.plugins import by_name, find_named, offered_at
from profiles.vocabulary import Role

_PACKAGES: Mapping[Role, str] = {"client": "agents.clients", "counselor": "agents.counselors"}
ENTRY_POINTS: Mapping[Role, str] = {"client": "counsel_arena.clients", "counselor": "counsel_arena.counselors"}


@lru_cache(maxsize=2)
def plugins(role: Role) -> Mapping[str, Plugin]:
    """All speakers of a role, by name.

    A folder (or an entry point's object) offers them as ``PLUGINS``, a sequence of ``Plugin``.

    Raises:
        UserError: a plug-in cannot be imported, or two claim one name; it is named.
    """
    return by_name(role, [*_ours(role), *offered_at(ENTRY_POINTS[role], Plugin)])


def find_plugin(role: Role, name: str) -> Plugin:
    """The speaker of this name.

    Raises:
        UserError: there is none; the nearest name, or all names, are shown.
    """
    return find_named(role, plugins(role), name)


def _ours(role: Role) -> list[tuple[str, tuple[Plugin, ...]]]:
    package = importlib.import_module(_PACKAGES[role])
    names = [info.name for info in pkgutil.iter_modules(package.__path__, f"{_PACKAGES[role]}.") if info.ispkg]
    return [(name, tuple(importlib.import_module(name).PLUGINS)) for name in sorted(names)]
