"""Play one planned session: the dialogue, then safety, fidelity and the three parties' scores."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langgraph.graph.state import CompiledStateGraph

from agents.dialogue import End, Turn
from agents.models.base import ChatModel
from arena.build import RunPlan, SessionPlan, build_client, build_counselor
from arena.fidelity.check import Fidelity, check_fidelity
from arena.interview.answers import findings_in
from arena.reader.screen import read_again
from arena.safety import SafetyFinding, gate, screen_response
from arena.scoring.combine import Outcome, combine
from arena.scoring.judgment import Judgment
from arena.scoring.parties import views
from arena.session import Cast, Transcript, cast, run_session
from profiles.errors import BudgetSpent, ModelError, RateLimited, StorageError, TooLate, Unavailable, UserError
from profiles.vocabulary import Language

_LOG = logging.getLogger(__name__)

ModelFor = Callable[[str, str], ChatModel]
"""(model address, channel) -> the model to ask, journaled under that channel."""


AWAY = frozenset({Unavailable.kind, RateLimited.kind})
"""Kinds of error that mean the server, not the talk."""


@dataclass(frozen=True)
class Failure:
    """Why a session failed: the error's kind and one line."""

    kind: str
    message: str


@dataclass
class SessionResult:
    """All that one session left. A failed session keeps the turns it got."""

    plan: SessionPlan
    turns: tuple[Turn, ...] = ()
    end: End | None = None
    rounds: int = 0
    findings: tuple[SafetyFinding, ...] = ()
    gate: str = "not_checked"
    fidelity: Fidelity | None = None
    judgments: tuple[Judgment, ...] = ()
    outcome: Outcome | None = None
    failure: Failure | None = None
    seconds: float = 0.0
    usage: dict[str, dict[str, int | None]] = field(default_factory=dict)
    reader: str = "not_set"  # the second safety reader: not_set | ok | why it could not read
    extra: dict[str, Any] = field(default_factory=dict)  # what else the session's outcome should keep

    @property
    def unjudged(self) -> Failure | None:
        """Why a judge or reader could not be asked, where its server was away; the same run asks it again."""
        late = [(f"{judgment.judge} of {judgment.party.value}", judgment.reason) for judgment in self.judgments]
        late += [("fidelity check", self.fidelity.reason if self.fidelity else ""), ("safety reader", self.reader)]
        for who, reason in late:
            kind, _, words = reason.partition(": ")
            if kind in AWAY:
                return Failure(kind, f"{who}: {words}")
        return None


async def play(
    run: RunPlan,
    plan: SessionPlan,
    model_for: ModelFor,
    graph: CompiledStateGraph[Any, Cast, Any, Any],
    on_turn: Callable[[Turn], None],
    judging: AbstractAsyncContextManager[object],
) -> SessionResult:
    """Play and score one session.

    ``judging`` is held while it is scored: only as many sessions as there are places for their judges' calls need to
    hold the prompts for them.

    What goes wrong inside becomes part of the result: the named boundary between one session and its batch. Only what
    would befall every session alike is raised.

    Raises:
        UserError, StorageError: the person's files or the database; the batch should stop.
        BudgetSpent: the run may ask no more; what was asked is kept.
    """
    result = SessionResult(plan)
    spoken: list[Turn] = []

    def heard(turn: Turn) -> None:
        spoken.append(turn)
        on_turn(turn)

    started = time.monotonic()
    try:
        async with _in_time(run.config.session_deadline):
            dialogue = await run_session(cast_for(run, plan, model_for, heard), graph)
            async with judging:
                await assess(result, dialogue, run, model_for)
    except (UserError, StorageError, BudgetSpent):
        raise
    except Exception as error:  # noqa: BLE001  (speakers and scorers may be strangers' code)
        who = "" if result.turns else _who(run, plan, spoken)
        result.failure = _failure(error, who)
        result.turns = result.turns or tuple(spoken)
        result.rounds = result.rounds or (spoken[-1].round if spoken else 0)
    result.seconds = time.monotonic() - started
    return result


@asynccontextmanager
async def _in_time(seconds: float | None) -> AsyncIterator[None]:
    clock = asyncio.timeout(seconds)
    try:
        async with clock:
            yield
    except TimeoutError:
        if clock.expired():
            raise TooLate(f"not over after {seconds:g} s (--session-deadline)") from None
        raise


def _who(run: RunPlan, plan: SessionPlan, spoken: list[Turn]) -> str:
    """Whose turn it was when the dialogue broke, with its model and the round."""
    last = spoken[-1] if spoken else None
    if last is None or last.speaker == "counselor":
        return f"client ({run.config.role_models['client']}) in round {last.round + 1 if last else 1}: "
    return f"counselor ({plan.counselor.model or 'script'}) in round {last.round}: "


def _failure(error: Exception, who: str) -> Failure:
    words = who + " ".join(str(error).split())[:500]
    if isinstance(error, ModelError):
        return Failure(error.kind, words)
    _LOG.debug("a session broke", exc_info=error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).parent.name}/{Path(place.filename).name}:{place.lineno}"
    return Failure("bug", f"{words} ({type(error).__name__} at {where})")


async def assess(result: SessionResult, dialogue: Transcript, run: RunPlan, model_for: ModelFor) -> None:
    """Fill in what the finished dialogue comes to: gate, fidelity, judgments and outcome."""
    language = run.config.lang
    result.turns, result.end, result.rounds = dialogue.turns, dialogue.end, dialogue.rounds
    asked = findings_in(dialogue.turns, language)
    result.findings = (*dialogue.findings, *asked, *screen_response(dialogue.turns, language))
    result.fidelity, _, *judgments = await _all_of(
        _fidelity(result, run, model_for),
        _read_again(result, run, model_for),
        *_judgments(result, run, model_for, language),
    )
    result.gate = gate(result.findings)
    result.judgments = tuple(judgments)
    result.outcome = combine(result.judgments)


async def _all_of(*asked: Awaitable[Any]) -> list[Any]:
    """All results; where one is an error, it is raised when the others are there: calls that are out are paid for."""
    results = await asyncio.gather(*asked, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


def cast_for(
    run: RunPlan, plan: SessionPlan, model_for: ModelFor, on_turn: Callable[[Turn], None] | None = None
) -> Cast:
    """Both speakers of a planned session, built and seated."""
    client = build_client(run, model_for(run.config.role_models["client"], "client"))
    spec = plan.counselor
    own_model = model_for(spec.model, "counselor") if spec.model else None
    return cast(plan.spec, client, build_counselor(spec, run.config.lang, own_model), on_turn)


def _judgments(
    result: SessionResult, run: RunPlan, model_for: ModelFor, language: Language
) -> list[Coroutine[Any, Any, Judgment]]:
    spec, profile = result.plan.spec, result.plan.spec.profile
    judge = run.config.role_models["judge"]
    asked = [
        view.judge(model_for(judge, f"judge.{party.value}"), language).judge(result.turns, profile, spec.seed)
        for party, view in views().items()
    ]
    if run.config.self_score:
        own = result.plan.counselor.model
        for view in (view for view in views().values() if view.looks_back):
            if own:
                asked.append(view.self_judge(model_for(own, "self"), language).judge(result.turns, None, spec.seed))
            else:
                asked.append(_nobody(view.no_self_judgment(language, "a script has no view of itself", spec.seed)))
    return asked


async def _nobody(judgment: Judgment) -> Judgment:
    return judgment


async def _read_again(result: SessionResult, run: RunPlan, model_for: ModelFor) -> None:
    """Let the second reader, where one is set, add what the rules missed."""
    name = run.config.safety_model
    if name is None:
        return
    spec = result.plan.spec
    reading = await read_again(model_for(name, "safety"), result.turns, spec.language, spec.seed)
    seen = {(finding.turn, finding.kind) for finding in result.findings}
    new = (finding for finding in reading.findings if (finding.turn, finding.kind) not in seen)
    result.findings = (*result.findings, *new)
    result.reader = reading.fault or "ok"


async def _fidelity(result: SessionResult, run: RunPlan, model_for: ModelFor) -> Fidelity:
    spec = result.plan.spec
    judge = model_for(run.config.role_models["judge"], "fidelity")
    return await check_fidelity(judge, spec.profile, result.turns, spec.language, spec.seed)
