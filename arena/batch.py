"""Many sessions: concurrency, resume and progress. A session that fails is data; the others go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from agents.dialogue import Turn, Usage
from agents.models.base import OFFLINE, ChatModel, Sampling
from agents.models.budget import Budget
from agents.models.journal import CallEvent, SessionJournal
from agents.models.paid import PaidModel
from agents.models.providers import ModelBench
from agents.models.sampled import SampledModel
from arena.build import RunPlan, SessionPlan
from arena.collector import fewer_collections
from arena.config import RunConfig
from arena.events import (
    CallFinished,
    Observer,
    RunEnded,
    RunPlanned,
    SessionEnded,
    SessionPaused,
    SessionStarted,
    TurnTaken,
)
from arena.play import AWAY, SessionResult, play
from arena.record import store
from arena.session import build_graph
from arena.tally import UNREADABLE, Tally, left_unreadable
from profiles.errors import ArenaError, BudgetSpent
from storage.calls import CallStore
from storage.database import Database
from storage.queries import ended_sessions
from storage.records import finish_run, save_run
from storage.replies import ReplyStore
from storage.tables import RunRow
from storage.writer import Writer

_AWAY_LIMIT = 4
_JUDGES = 4  # calls that scoring a session sends out at once, at the least


@dataclass
class _Hall:
    """What all sessions of a batch share.

    begun: sessions with calls of an earlier try. anew: sessions that failed and are to be asked anew.
    away: sessions in a row that an absent server cost.
    unreadable: answers that were not what was asked for. stopped: why no more sessions are begun.
    """

    plan: RunPlan
    bench: ModelBench
    writer: Writer
    calls: CallStore
    graph: Any
    observe: Observer
    budget: Budget
    cache: ReplyStore | None
    judging: asyncio.Semaphore
    begun: set[str] = field(default_factory=set)
    anew: frozenset[str] = frozenset()
    away: int = 0
    unreadable: int = 0
    stopped: str | None = None

    @property
    def faults(self) -> dict[str, int]:
        return self.bench.faults | ({UNREADABLE: self.unreadable} if self.unreadable else {})


# The server was at fault, not the talk: the same command tries these again. A refusal or an unreadable answer is a
# result, kept until a person asks for another try.
TRIED_AGAIN = AWAY | {"too_late"}


async def run_batch(
    plan: RunPlan, bench: ModelBench, database: Database, observe: Observer, retry_failed: bool = False
) -> str | None:
    """Play every session of the plan that has not ended yet.

    Finished sessions are left alone. Sessions that failed, or lack a judgment, because a server was away are tried
    again, and calls that an earlier try finished are taken from the journal.

    Args:
        retry_failed: try all failed sessions again, and ask their models anew.

    Returns:
        Why the run stopped before its end; None if it did not.

    Raises:
        UserError: the budget cannot be kept, or a server has gone and stays away.
    """
    ended = ended_sessions(database, plan.id)
    failed_before = {row_id for row_id, end in ended.items() if end.status == "failed"}
    again = {row_id for row_id, end in ended.items() if end.error_kind in TRIED_AGAIN}
    again |= failed_before if retry_failed else set()
    waiting = [item for item in plan.sessions if item.spec.id not in ended or item.spec.id in again]
    kept_failures = len(failed_before - again)
    done = len(plan.sessions) - len(waiting) - kept_failures
    budget = Budget(plan.config.max_calls, plan.config.max_cost)
    budget.check(plan.model_specs())
    observe(RunPlanned(run_id=plan.id, planned=len(plan.sessions), done=done, failed=kept_failures))
    async with Writer(database) as writer:
        await writer.write(lambda session: save_run(session, run_row(plan)))
        calls = CallStore(writer)
        cache = ReplyStore(writer) if plan.config.cache else None
        judging = asyncio.Semaphore(max(1, plan.config.max_connections // _JUDGES))
        hall = _Hall(plan, bench, writer, calls, build_graph(), observe, budget, cache, judging)
        _spent_before(plan, budget, calls)
        if retry_failed and budget.refusal is None:
            hall.anew = frozenset(failed_before)
            await calls.set_aside(hall.anew)
        hall.begun = calls.begun(item.spec.id for item in waiting)
        queue = iter(waiting)
        workers = [_work(hall, queue) for _ in range(min(plan.config.max_connections, len(waiting)))]
        try:
            with fewer_collections():
                failed = kept_failures + sum(await _all(workers))
        except BaseException:  # a person's Ctrl-C among them: what was finished is stored, and the run says so
            await writer.write(lambda session: finish_run(session, plan.id, "stopped", hall.faults))
            raise
        status: Literal["finished", "stopped"] = "stopped" if hall.stopped else "finished"
        await writer.write(lambda session: finish_run(session, plan.id, status, hall.faults))
    finished = sum(end.status == "finished" for end in ended_sessions(database, plan.id).values())
    observe(RunEnded(run_id=plan.id, finished=finished, failed=failed, stopped=hall.stopped))
    return hall.stopped


def _spent_before(plan: RunPlan, budget: Budget, calls: CallStore) -> None:
    if budget.set:
        spent = calls.spent(item.spec.id for item in plan.sessions)
        budget.spent_before((spec, Usage(**usage)) for spec, usage in spent)


async def _all(workers: list[Any]) -> list[int]:
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(worker) for worker in workers]
    except BaseExceptionGroup as group:
        ours = group.subgroup(ArenaError)
        raise (ours or group).exceptions[0] from None
    return [task.result() for task in tasks]


async def _work(hall: _Hall, queue: Any) -> int:  # noqa: ANN401  (an iterator shared by all workers)
    failed = 0
    for item in queue:
        if hall.stopped:
            break
        try:
            result = await _one(hall, item)
        except BudgetSpent as spent:
            hall.stopped = str(spent)
            hall.observe(SessionPaused(session_id=item.spec.id))
            break
        failed += result.failure is not None
        await _still_there(hall, result)
        await asyncio.sleep(0)  # offline sessions never wait, so the display would starve
    return failed


async def _still_there(hall: _Hall, result: SessionResult) -> None:
    """After several sessions in a row lost to an absent server, ask for it once more before losing the rest too.

    Raises:
        UserError: it does not answer; the sessions not yet played wait for the same command.
    """
    trouble = result.failure or result.unjudged
    away = trouble is not None and trouble.kind in AWAY
    hall.away = hall.away + 1 if away else 0
    if hall.away >= _AWAY_LIMIT:
        await hall.bench.check()
        hall.away = 0


async def _one(hall: _Hall, item: SessionPlan) -> SessionResult:
    spec, label = item.spec, item.counselor.label
    hall.observe(SessionStarted(session_id=spec.id, counselor=label, profile_id=spec.profile.id))
    tally = Tally()
    model_for = _journaled(hall, item, tally)
    on_turn = _turn_teller(hall.observe, spec.id)
    result = await play(hall.plan, item, model_for, hall.graph, on_turn, hall.judging)
    result.usage = tally.channels
    hall.unreadable += left_unreadable(result, tally)
    await hall.writer.write(lambda session: store(session, result, hall.plan.id))
    hall.observe(
        SessionEnded(
            session_id=spec.id,
            counselor=label,
            profile_id=spec.profile.id,
            status="failed" if result.failure else "finished",
            error=f"{result.failure.kind}: {result.failure.message}" if result.failure else None,
        )
    )
    return result


def _journaled(hall: _Hall, item: SessionPlan, tally: Tally) -> Callable[[str, str], ChatModel]:
    """Models for one session. Offline answers cost nothing and are not journaled."""
    session_id = item.spec.id

    def told(event: CallEvent) -> None:
        tally.add(event)
        hall.unreadable += event.repair and not event.replayed
        hall.observe(
            CallFinished(
                session_id=session_id,
                channel=event.channel,
                model=event.model,
                usage=event.usage,
                replayed=event.replayed,
                failed=event.failed,
            )
        )

    config = hall.plan.config
    kept = hall.calls.load(session_id) if session_id in hall.begun else {}
    paid = SessionJournal(session_id, kept, hall.calls, told)
    free = SessionJournal(session_id, on_call=told)

    def model_for(spec: str, channel: str) -> ChatModel:
        model = hall.bench.model(spec)
        if spec == OFFLINE:
            return free.model(model, channel)
        costly = PaidModel(
            model, hall.budget, hall.cache, hall.bench.settings.url_for(spec) or "", session_id in hall.anew
        )
        return SampledModel(paid.model(costly, channel), wishes(config, channel), config.send_seed)

    return model_for


def wishes(config: RunConfig, channel: str) -> Sampling:
    """What a run asks of the models on a channel; only what is spoken is kept short."""
    spoken = channel in ("client", "counselor")
    return Sampling(temperature=config.temperature, max_tokens=config.max_tokens if spoken else None)


def _turn_teller(observe: Observer, session_id: str) -> Callable[[Turn], None]:
    return lambda turn: observe(TurnTaken(session_id=session_id, turn=turn))


def run_row(plan: RunPlan) -> RunRow:
    """The row of a run that is about to start, or to go on."""
    return RunRow(
        id=plan.id,
        name=plan.config.name,
        status="running",
        offline=plan.offline,
        config=plan.identity,
        versions=plan.versions,
        planned=len(plan.sessions),
    )
