"""Finds the speakers by name: a scan of our own folders, and entry points for strangers' packages."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import entry_points

from agents.roles import Plugin
from profiles.errors import UserError
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
    found: dict[str, Plugin] = {}
    for source, offered in [*_ours(role), *_strangers(role)]:
        for plugin in offered:
            if plugin.name in found:
                raise UserError(f"plug-in {source}: a {role} '{plugin.name}' exists already; rename it")
            found[plugin.name] = plugin
    return found


def find_plugin(role: Role, name: str) -> Plugin:
    """The speaker of this name.

    Raises:
        UserError: there is none; the nearest name, or all names, are shown.
    """
    known = plugins(role)
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(sorted(known))}"
    raise UserError(f"--{role}: unknown {role} '{name}'; {hint}")


def _ours(role: Role) -> list[tuple[str, tuple[Plugin, ...]]]:
    package = importlib.import_module(_PACKAGES[role])
    names = [info.name for info in pkgutil.iter_modules(package.__path__, f"{_PACKAGES[role]}.") if info.ispkg]
    return [(name, tuple(importlib.import_module(name).PLUGINS)) for name in sorted(names)]


def _strangers(role: Role) -> list[tuple[str, tuple[Plugin, ...]]]:
    found = []
    for point in entry_points(group=ENTRY_POINTS[role]):
        try:
            offered = point.load()
        except Exception as error:
            raise UserError(
                f"plug-in '{point.name}' ({point.value}) cannot be loaded: {error!r}; uninstall or mend it"
            ) from error
        found.append((point.value, (offered,) if isinstance(offered, Plugin) else tuple(offered)))
    return found
