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
    return getattr(importlib.import_module(_HOMES[name]), name)
