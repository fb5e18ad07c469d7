"""Live sessions: a person in one chair, the graph paused at each of their turns, nothing lost on the way."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.types import Command

from agents.dialogue import CallRecord, End, SentenceLabel, Turn, Usage
from agents.models.base import OFFLINE, ChatModel, ChatReply
from agents.models.journal import CallEvent, SessionJournal
from agents.models.providers import ModelBench
from agents.models.sampled import SampledModel
from arena.api import provider_settings
from arena.batch import run_row, wishes
from arena.build import RunPlan, plan_run
from arena.config import HOW_NOT_WHAT, RunConfig
from arena.events import Observer, ignore
from arena.play import SessionResult, assess, cast_for
from arena.record import store
from arena.safety import SafetyFinding, crisis_text, screen_client
from arena.session import Cast, build_graph, opening_state, transcript
from arena.tally import Tally
from profiles.errors import UserError
from profiles.vocabulary import Move, Party, Role, Stage, Theme
from storage.calls import CallStore
from storage.database import Database
from storage.queries import ended_sessions, find_run
from storage.records import finish_run, save_run
from storage.writer import Writer

_SPEAKERS = ("client", "counselor")


@dataclass(frozen=True)
class Scene:
    """Where a live session stands. ``over``: nobody is waited for. ``scored``: and it was scored and stored before."""

    turns: tuple[Turn, ...]
    stage: Stage
    round: int
    rounds: int
    over: bool
    scored: bool = False


class LiveSession:
    """One session with a person in a chair. Use ``open_live``; then ``scene``, ``say`` and ``finish``."""

    def __init__(self, plan: RunPlan, chair: Role, players: Cast, graph: Any, hall: _Hall) -> None:  # noqa: ANN401
        self.plan = plan
        self.chair = chair
        self._players = players
        self._graph = graph
        self._hall = hall
        self._config = {"configurable": {"thread_id": plan.id}, "recursion_limit": 2 * plan.config.rounds + 10}

    @property
    def id(self) -> str:
        """By this a live session is opened again."""
        return self.plan.id

    async def scene(self) -> Scene:
        """Begin, or find the session where it was left."""
        snapshot = await self._graph.aget_state(self._config)
        if not snapshot.values:
            await self._graph.ainvoke(opening_state(self._players), self._config, context=self._players)
            snapshot = await self._graph.aget_state(self._config)
        elif snapshot.next and not snapshot.interrupts:  # it stopped inside a model's turn: go on with that turn
            await self._graph.ainvoke(None, self._config, context=self._players)
            snapshot = await self._graph.aget_state(self._config)
        return self._scene(snapshot)

    def crisis(self, text: str) -> str | None:
        """The hand-off text to show at once, before anything else, when a person in the client's chair is at risk."""
        if self.chair != "client":
            return None
        language = self.plan.config.lang
        grave = any(finding.level != "low" for finding in screen_client(text, language))
        return crisis_text(language) if grave else None

    async def say(self, text: str, leaves: bool = False) -> Scene:
        """The person's turn; the other speaker answers.

        Raises:
            ModelError: the other speaker's model failed. The turn is kept: ``scene`` tries again.
        """
        command: Command[Any] = Command(resume={"text": text, "leaves": leaves})
        await self._graph.ainvoke(command, self._config, context=self._players)
        return self._scene(await self._graph.aget_state(self._config))

    async def finish(self) -> SessionResult:
        """Score and store the session."""
        snapshot = await self._graph.aget_state(self._config)
        result = SessionResult(self.plan.sessions[0])
        await assess(result, transcript(snapshot.values), self.plan, self._hall.model_for)
        result.usage = self._hall.tally.channels
        await self._hall.writer.write(lambda session: store(session, result, self.plan.id))
        await self._hall.writer.write(lambda session: finish_run(session, self.plan.id))
        return result

    def _scene(self, snapshot: Any) -> Scene:  # noqa: ANN401  (a LangGraph snapshot)
        values = snapshot.values
        over = not snapshot.next
        rounds = self.plan.config.rounds
        return Scene(values["turns"], values["stage"], values["round"], rounds, over, over and self._hall.scored)


@dataclass
class _Hall:
    bench: ModelBench
    writer: Writer
    journal: SessionJournal
    tally: Tally
    config: RunConfig
    scored: bool

    def model_for(self, spec: str, channel: str) -> ChatModel:
        model = self.bench.model(spec)
        if spec == OFFLINE:
            return model
        return SampledModel(self.journal.model(model, channel), wishes(self.config, channel), self.config.send_seed)


@asynccontextmanager
async def open_live(
    config: RunConfig, chair: Role, resume: str | None = None, observe: Observer = ignore
) -> AsyncIterator[LiveSession]:
    """Open a live session with a person in ``chair``, or with ``resume`` one that was left.

    ``observe`` is told of what takes long at the start, such as a model that loads.

    Raises:
        UserError: the other chair's speaker does not exist, or there is no such session to go on with.
    """
    with Database.open(config.db) as database:
        plan = _plan(config, chair) if resume is None else _left(database, config, resume)
        chair = "client" if plan.client.human else "counselor"
        async with ModelBench(provider_settings(plan.config, observe)) as bench, Writer(database) as writer:
            for spec in sorted(plan.model_specs() - {""}):
                bench.model(spec)
            await bench.check()
            await writer.write(lambda session: save_run(session, run_row(plan)))
            hall = _open_hall(plan, bench, writer)
            players = cast_for(plan, plan.sessions[0], hall.model_for)
            async with AsyncSqliteSaver.from_conn_string(str(_checkpoints(database))) as saver:
                saver.serde = JsonPlusSerializer(allowed_msgpack_modules=_kept_types(players))
                yield LiveSession(plan, chair, players, build_graph(saver), hall)


def _plan(config: RunConfig, chair: Role) -> RunPlan:
    seated = {"counselors": ("human",)} if chair == "counselor" else {"client": "human", "clients": "person"}
    settings = config.model_copy(update={**seated, "repeats": 1, "self_score": chair == "client"})
    plan = plan_run(settings, live=secrets.token_hex(8))
    if len(plan.sessions) != 1:
        raise UserError("a live session has one client and one counselor; name one of each")
    return plan


def _left(database: Database, config: RunConfig, text: str) -> RunPlan:
    run = find_run(database, text)
    token = run.config.get("live")
    if not token:
        raise UserError(f"run {run.id} is no live session; 'arena runs' lists what there is")
    known = {name: value for name, value in run.config.items() if name in RunConfig.model_fields}
    known |= {"counselors": tuple(run.config["counselors"]), "clients": run.config["selector"]}
    known |= {f"{role}_model": spec for role, spec in run.config["models"].items()}
    settings = config.model_copy(update=RunConfig.model_validate(known).model_dump(exclude=set(HOW_NOT_WHAT)))
    plan = plan_run(settings, live=token)
    if plan.id != run.id:
        raise UserError(f"live session {run.id} was begun with other cards or prompts; begin a new one")
    return plan


def _open_hall(plan: RunPlan, bench: ModelBench, writer: Writer) -> _Hall:
    calls, tally, session_id = CallStore(writer), Tally(), plan.sessions[0].spec.id
    kept = calls.load(session_id)
    spoken = [(key, ChatReply.model_validate(reply)) for key, (_, reply) in kept.items() if key[0] in _SPEAKERS]
    for (channel, _), reply in spoken:  # the dialogue goes on from its checkpoint: these calls are not asked again
        tally.add(CallEvent(channel, "", reply.model, reply.usage, reply.latency))
    begin_at = {channel: sum(key[0] == channel for key, _ in spoken) for channel in _SPEAKERS}
    journal = SessionJournal(session_id, kept, calls, tally.add, begin_at)
    ending = ended_sessions(writer.database, plan.id).get(session_id)
    scored = ending is not None and ending.status == "finished"
    return _Hall(bench, writer, journal, tally, plan.config, scored)


def _kept_types(players: Cast) -> list[tuple[str, str]]:
    """The types that a checkpoint may hold: ours, and the states of these two speakers."""
    state = opening_state(players)
    said = (Turn, SentenceLabel, CallRecord, Usage, End)
    kept = (*said, Stage, Move, Theme, Party, SafetyFinding, type(state["client"]), type(state["counselor"]))
    return [(kind.__module__, kind.__qualname__) for kind in kept]


def _checkpoints(database: Database) -> Path:
    """Live sessions keep their checkpoints in a file beside the database, so that its tables stay ours."""
    file = database.file
    return file.with_name(f"{file.stem}.live{file.suffix}") if file else Path("arena.live.db")
