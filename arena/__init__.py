"""The rules of play, and the door for scripts: ``from arena import run, RunConfig``.

The names are looked up when they are used, so that ``import arena`` stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arena.api import RunResult, arun, run
    from arena.config import RunConfig
    from profiles.errors import ArenaError, ModelError, StorageError, UserError

__all__ = ["ArenaError", "ModelError", "RunConfig", "RunResult", "StorageError", "UserError", "arun", "run"]

_HOMES = {
    "RunConfig": "arena.config",
    "RunResult": "arena.api",
    "arun": "arena.api",
    "run": "arena.api",
    "ArenaError": "profiles.errors",
    "ModelError": "profiles.errors",
    "StorageError": "profiles.errors",
    "UserError": "profiles.errors",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  (whatever the home module holds)
    if name not in _HOMES:
        raise AttributeError(f"module 'arena' has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        raise _explained(error) from None


def _explained(error: ModuleNotFoundError) -> ModuleNotFoundError:
    """The error itself, or what to do about it when another distribution has taken one of our package names."""
    root, _, rest = (error.name or "").partition(".")
    if root in ("agents", "profiles", "storage", "ui") and rest:
        return ModuleNotFoundError(
            f"the package '{root}' found here is not counsel-arena's: another distribution has taken the name; "
            "install counsel-arena in an environment of its own ('arena doctor' names the other)",
            name=error.name,
        )
    return error
