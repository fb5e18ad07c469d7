"""A stand-in for vLLM in this folder, for processes that find it on ``PYTHONPATH``, and what its tests share."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

__all__ = ["StandIn", "install", "lives", "until"]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


@dataclass(frozen=True)
class StandIn:
    """The stand-in as one test has it. ``book``: what its servers write down; ``logs``: where their logs stand."""

    book: Path
    logs: Path
    environment: pytest.MonkeyPatch

    def behave(self, *how: str) -> None:
        """How servers started from now on go wrong, see ``vllm/entrypoints/openai/api_server.py``."""
        self.environment.setenv("FAKE_VLLM", ",".join(how))

    @property
    def started(self) -> bool:
        """Whether any server has been started."""
        return self.book.exists()

    @property
    def pages(self) -> list[dict[str, Any]]:
        """What each server wrote: its arguments, ``pids`` of its processes and ``keeper``."""
        return [json.loads(line) for line in self.book.read_text(encoding="utf-8").splitlines()]

    @property
    def pids(self) -> list[int]:
        """All processes of all servers, their keepers too."""
        return [pid for page in self.pages for pid in (*page["pids"], page["keeper"])]

    @property
    def kept_logs(self) -> list[Path]:
        """Logs that have not been removed."""
        return sorted(self.logs.glob("arena-vllm-*/server.log"))


def install(environment: pytest.MonkeyPatch, folder: Path, package: Path = HERE) -> StandIn:
    """Put the stand-in within reach of the children of this process, and nothing else in its way."""
    names = ("FAKE_VLLM", "VLLM_CPU_KVCACHE_SPACE", "VLLM_NO_USAGE_STATS", "CUDA_VISIBLE_DEVICES", "ARENA_DB")
    for name in (*names, "OPENAI_API_KEY", "OPENAI_BASE_URL", "VLLM_API_KEY", "VLLM_BASE_URL"):
        environment.delenv(name, raising=False)
    logs = folder / "logs"
    logs.mkdir()
    environment.setattr(tempfile, "tempdir", str(logs))
    environment.setenv("TMPDIR", str(logs))
    environment.setenv("PYTHONPATH", os.pathsep.join([str(package), str(ROOT)]))
    environment.setenv("FAKE_VLLM_BOOK", str(folder / "book"))
    return StandIn(folder / "book", logs, environment)


def lives(pid: int) -> bool:
    """Whether the process is there and is no mere entry for its parent."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def until(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Wait until the condition holds; False where it did not within so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
