"""The scripts' door: run a configuration and get typed results and a pandas frame."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from agents.models.budget import Budget
from agents.models.providers import ModelBench, ProviderSettings
from arena.build import RunPlan, plan_run
from arena.config import RunConfig
from arena.events import Notice, Observer, ignore
from arena.settings import Settings
from profiles.errors import UserError
from storage.database import Database
from storage.lock import hold_run
from storage.queries import counts, each_session, find_run, load_sessions, session_values
from storage.tables import SessionRow

if TYPE_CHECKING:
    import pandas as pd

    from arena.leaderboard import LeaderboardRow
    from arena.usage import RoleUsage

# The floors whose rules the offline engine may use.
RULE_PACKAGES = ("agents", "arena.scoring", "arena.fidelity")

_FRAME = ("id", "counselor", "profile_id", "theme", "resistance", "repeat", "status", "gate", "fidelity", "rounds")


@dataclass(frozen=True)
class RunResult:
    """What a run left, in numbers. All else is in the database at ``db`` under ``run_id``, and read when asked for.

    statuses: how many sessions ended how. failures: those that failed, by the kind of their error.
    unjudged: those that finished but lack scores, because a judge's server was away.
    faults: failed attempts at calls by kind, those among them that a retry mended.
    notes: one line for each card that could not be mapped whole.
    usage: calls and tokens by role (``client``, ``judge``, ...) and of ``all``.
    stopped: why the run ended before its end, such as a spent budget; the same configuration goes on.
    """

    run_id: str
    db: str
    offline: bool
    statuses: Mapping[str, int]
    failures: Mapping[str, int]
    unjudged: int
    leaderboard: tuple[LeaderboardRow, ...]
    faults: Mapping[str, int]
    notes: tuple[str, ...]
    usage: Mapping[str, RoleUsage]
    stopped: str | None = None

    @cached_property
    def sessions(self) -> tuple[SessionRow, ...]:
        """The sessions whole, cards among them, as they stand in the database when this is first asked for.

        Raises:
            UserError, StorageError: the database is no longer there, or cannot be read.
        """
        with Database.open(self.db, upgrade=False) as database:
            return tuple(load_sessions(database, self.run_id))

    def frame(self) -> pd.DataFrame:
        """One row a session, as it stands in the database: who met whom, how it ended, and the combined scores.

        Raises:
            UserError, StorageError: as for ``sessions``.
        """
        import pandas as pd

        with Database.open(self.db, upgrade=False) as database:
            found = session_values(database, self.run_id, (*_FRAME, "outcome"))
            return pd.DataFrame([{**dict(zip(_FRAME, row, strict=False)), **_flat(row[-1])} for row in found])


def run(config: RunConfig, observe: Observer = ignore, retry_failed: bool = False) -> RunResult:
    """Run from a plain script. See ``arun``."""
    if _loop_runs():
        raise UserError("run() cannot be called where an event loop runs, as in a notebook: use await arun(...)")
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(arun(config, observe, retry_failed))


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The event loop of runs: uvloop's, where it can be had (not on Windows), as its sockets cost half as much."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    import uvloop

    return uvloop.new_event_loop


def _loop_runs() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def arun(config: RunConfig, observe: Observer = ignore, retry_failed: bool = False) -> RunResult:
    """Run, or go on with, the run that this configuration names.

    Args:
        observe: is told of every event; it looks and must not raise.
        retry_failed: try failed sessions again even where the model, not the server, was at fault.

    Raises:
        UserError: the configuration names something that is not there, or a server cannot be asked.
        StorageError: the database cannot be written.
    """
    from arena.batch import run_batch

    plan = plan_run(config)
    with Database.open(config.db) as database, hold_run(database, plan.id):
        async with ModelBench(provider_settings(config, observe)) as bench:
            for spec in sorted(plan.model_specs()):
                bench.model(spec)
            await bench.check()
            stopped = await run_batch(plan, bench, database, observe, retry_failed)
        return load_result(database, plan, stopped)


def check_models(plan: RunPlan) -> None:
    """Make sure, without asking any server, that a plan's models and servers are named rightly and its budget holds.

    Raises:
        UserError: an address that names no model, a server for a model that nobody uses, a cost that cannot be counted.
    """
    bench = ModelBench(provider_settings(plan.config))
    for spec in sorted(plan.model_specs()):
        bench.model(spec)
    bench.check_servers()
    Budget(plan.config.max_calls, plan.config.max_cost).check(plan.model_specs())


async def list_models(base_url: str) -> list[str]:
    """The models that a server lists; empty where it does not tell.

    Raises:
        UserError: no server answers there, or it refuses the key.
    """
    from agents.models.connection import Connection

    async with Connection(base_url, Settings().openai_api_key) as connection:
        return await connection.models() or []


def provider_settings(config: RunConfig, observe: Observer = ignore) -> ProviderSettings:
    """What the providers need: keys from the environment, the rest from the configuration."""
    settings = Settings()
    named = config.base_urls  # one for all stands above the environment
    return ProviderSettings(
        base_urls=named if "" in named else {**settings.base_urls, **named},
        api_keys=settings.api_keys,
        notify=lambda line: observe(Notice(line=line)),
        max_connections=config.max_connections,
        max_rpm=config.max_rpm,
        max_tpm=config.max_tpm,
        timeout=config.timeout,
        deadline=config.deadline,
        rule_packages=RULE_PACKAGES,
    )


def load_result(database: Database, plan: RunPlan, stopped: str | None = None) -> RunResult:
    """What the stored sessions of a plan come to. ``stopped``: why the run ended before its end."""
    from arena.leaderboard import load_leaderboard
    from arena.usage import usage_by_role

    ended = counts(database, plan.id)
    return RunResult(
        run_id=plan.id,
        db=plan.config.db,
        offline=plan.offline,
        statuses={"finished": ended.finished, "failed": ended.failed},
        failures=ended.failures,
        unjudged=ended.unjudged,
        leaderboard=tuple(load_leaderboard(database, plan.id)),
        faults=find_run(database, plan.id).faults,
        notes=plan.notes,
        usage=usage_by_role(session.usage for session in each_session(database, plan.id)),
        stopped=stopped,
    )


def _flat(outcome: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in outcome.items() if not isinstance(value, dict)}
