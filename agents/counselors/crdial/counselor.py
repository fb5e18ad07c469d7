"""The restructuring counselor: read what was said, decide, then speak, as a LangGraph of its own in one turn.

Steps, channels and loops after CRDial (Crisp, arXiv 2504.17238). Only the decision moves the course, and it is a pure
function; a model reads and words, and code checks both.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal, TypedDict

from agents.counselors.crdial import reader
from agents.counselors.crdial.course import NOTE, Kind
from agents.counselors.crdial.flow import Aside, Decision, decide
from agents.counselors.crdial.plan import FIXED, Plan, SayInputs
from agents.counselors.crdial.policy import load_policy, may_of, must_of
from agents.counselors.crdial.reading import Reading, ReadingInputs
from agents.counselors.crdial.reading_checks import checked, strays
from agents.counselors.crdial.reading_rules import read
from agents.counselors.crdial.saying import SayAgent, Worded
from agents.counselors.crdial.state import CrdialState
from agents.dialogue import CallRecord, DialogueView, End, Utterance
from agents.models.base import ChatModel
from agents.roles import Brief, Guidance, Plugin, Setup
from agents.seeds import derive_seed
from profiles.distortions import distortions
from profiles.screening import risk_level
from profiles.vocabulary import Language, Stage

__all__ = ["COUNSELOR", "VARIANTS", "CrdialCounselor"]

VARIANTS = ("full",)
_READ = 4000  # characters of a turn that the patterns are held against
_SIDES: tuple[Kind, ...] = ("evidence_for", "evidence_against")
_BY_PATTERN: tuple[Literal["privacy", "puts_off"], ...] = ("privacy", "puts_off")
_LOOKS = ("automatic_thoughts", "intermediate_beliefs", "core_beliefs")  # steps of the stage ``diagnosis``


@dataclass(frozen=True)
class _Desk:
    """What the steps of one turn share."""

    language: Language
    model: ChatModel
    agent: SayAgent


class _Turn(TypedDict):
    """The graph's state within one turn. unread: why the model's reading was not used."""

    view: DialogueView
    state: CrdialState
    reading: Reading | None
    call: CallRecord | None
    unread: str
    decision: Decision | None
    worded: Worded | None


class CrdialCounselor:
    """A reading call and a saying call a turn; in danger fixed words and no saying call."""

    def __init__(self, model: ChatModel, language: Language, guidance: Guidance) -> None:
        self._desk = _Desk(language, model, SayAgent(model, language, guidance))

    def begin(self, brief: Brief) -> CrdialState:
        """Nothing heard yet but the intake line."""
        return CrdialState(seed=brief.seed, rounds=brief.rounds, intake=brief.intake)

    async def reply(self, view: DialogueView, state: CrdialState) -> tuple[Utterance, CrdialState]:
        """The next counselor turn."""
        turn = _Turn(view=view, state=state, reading=None, call=None, unread="", decision=None, worded=None)
        done = await _graph().ainvoke(turn, context=self._desk)
        return _utterance(done), done["state"]


@lru_cache(maxsize=1)
def _graph() -> Any:  # noqa: ANN401  (a compiled graph; its type has four parameters of its own)
    from langgraph.graph import END, START, StateGraph  # heavy, and the registry imports this module

    graph: Any = StateGraph(_Turn, context_schema=_Desk)
    for name, step in {"read": _read, "decide": _decide, "say": _say, "crisis": _say, "close": _say}.items():
        graph.add_node(name, step)
    graph.add_edge(START, "read")
    graph.add_edge("read", "decide")
    graph.add_conditional_edges("decide", _speaker, ["say", "crisis", "close"])
    for name in ("say", "crisis", "close"):
        graph.add_edge(name, END)
    return graph.compile()


async def _read(turn: _Turn, runtime: Any) -> dict[str, Any]:  # noqa: ANN401
    """What the reply says; where the model cannot say it readably, the rules read it."""
    desk: _Desk = runtime.context
    view, state = turn["view"], turn["state"]
    heard = view.last("client")
    if not heard:
        return {"reading": Reading()}
    inputs = _reading_inputs(view, state, heard)
    seed = derive_seed(state.seed, "read", view.round)
    reading, call = await reader.read(desk.model, desk.language, inputs, seed)
    if call is not None:
        return {"reading": reading, "call": call}
    by_rule = read(inputs, random.Random(seed), desk.language)
    return {"reading": checked(by_rule, inputs, desk.language), "unread": reading.reason}


def _reading_inputs(view: DialogueView, state: CrdialState, heard: str) -> ReadingInputs:
    return ReadingInputs(
        step=state.step,
        asks=state.asks,
        belief=_looked_at(state),
        evidence=tuple(e.quote for kind in _SIDES for e in state.own(kind)) if state.active else (),
        around=tuple(e.quote for e in state.settled if e.loop == state.loop and e.channel is None),
        others=tuple(_beside(state)),
        question=view.last("counselor"),
        reply=heard,
        turns=view.turns,
    )


def _looked_at(state: CrdialState) -> str:
    """The thought that the last question was about, in the client's words."""
    if state.active:
        return state.active.quote
    opened = (e for e in state.settled if e.kind == "core_belief" and (e.loop, e.channel) == state.ending)
    return next((e.quote for e in opened if e.quote), "") if state.ending else ""


def _beside(state: CrdialState) -> Iterator[str]:
    """The other thoughts that are or were weighed, and what was found on them."""
    here = (state.loop, state.channel)
    yield from (e.quote for e in state.settled if e.channel is not None and e.quote and (e.loop, e.channel) != here)


def _decide(turn: _Turn, runtime: Any) -> dict[str, Any]:  # noqa: ANN401
    desk: _Desk = runtime.context
    view = turn["view"]
    heard = next((each for each in reversed(view.turns) if each.speaker == "client"), None)
    decision, state = decide(
        turn["state"],
        turn["reading"] or Reading(),
        reply=heard.text if heard else "",
        turn=heard.index if heard else 0,
        rounds_left=view.rounds_left,
        risk=risk_level(heard.text, desk.language) if heard else "none",
        heard=_heard(turn, heard.text, desk.language) if heard else frozenset(),
    )
    return {"decision": decision, "state": state}


def _heard(turn: _Turn, text: str, language: Language) -> frozenset[Aside]:
    """What the words do besides, by the policy's patterns and by what they have in common with the thought."""
    low, policy = text[:_READ].casefold().replace("’", "'"), load_policy(language)
    found: set[Aside] = {name for name in _BY_PATTERN if policy.pattern(name).search(low)}
    inputs = _reading_inputs(turn["view"], turn["state"], text)
    if turn["reading"] is not None and strays(turn["reading"], inputs, language):
        found.add("strays")
    return frozenset(found)


def _plan(turn: _Turn) -> Plan:
    if turn["decision"] is None:
        raise ValueError("nothing was decided")
    return turn["decision"].plan


def _speaker(turn: _Turn) -> Literal["say", "crisis", "close"]:
    plan = _plan(turn)
    if plan.goal in FIXED:
        return "crisis"
    return "close" if plan.ends or plan.goal in ("rate_end", "belief_end", "emotion_after", "agree") else "say"


async def _say(turn: _Turn, runtime: Any) -> dict[str, Any]:  # noqa: ANN401
    desk: _Desk = runtime.context
    view, state, plan = turn["view"], turn["state"], _plan(turn)
    kind = distortions(desk.language).get(plan.distortion)
    inputs = SayInputs(
        plan=plan,
        intake=state.intake,
        turns=view.turns,
        stage=view.stage,
        label=kind.name if kind else "",
        means=kind.means if kind else "",
        must=must_of(plan),
        may=may_of(plan, desk.language),
    )
    return {"worded": await desk.agent.word(inputs, derive_seed(state.seed, "say", view.round))}


def _utterance(turn: _Turn) -> Utterance:
    plan, worded, decision = _plan(turn), turn["worded"], turn["decision"]
    if worded is None or decision is None:
        raise ValueError("a turn without words")
    notes: dict[str, Any] = {NOTE: decision.note.model_dump(mode="json"), "goal": plan.goal}
    if turn["reading"]:
        notes["reading"] = turn["reading"].model_dump(mode="json", exclude_defaults=True)
    if turn["call"]:
        notes["reading_call"] = asdict(turn["call"])
    if turn["unread"]:
        notes["reading_fallback"] = turn["unread"]
    if worded.fallback:
        notes["fallback"] = worded.fallback
    return Utterance(
        text=worded.text,
        sentences=worded.sentences,
        reasoning=worded.reasoning,
        call=worded.call,
        ready=_goes_on(_phase(plan), turn["view"].stage),
        end=End(by="counselor", reason="counselor_closed") if plan.ends else None,
        notes=notes,
    )


def _phase(plan: Plan) -> Stage:
    """The stage that a turn belongs to: the opening builds trust, steps 1 to 3 look closely, the rest looks ahead."""
    if plan.step in _LOOKS:
        return Stage.DIAGNOSIS
    return Stage.TRUST_BUILDING if plan.goal == "situation" else Stage.SOLUTION_EXPLORATION


def _goes_on(phase: Stage, stage: Stage) -> bool:
    return stage.successor is not None and phase.reached(stage.successor)


def _build(setup: Setup) -> CrdialCounselor:
    if setup.model is None:
        raise ValueError("the restructuring counselor needs a model")
    return CrdialCounselor(setup.model, setup.language, setup.guidance)


COUNSELOR = Plugin(
    name="crdial",
    role="counselor",
    summary="cognitive restructuring in six steps with channels and loops, after CRDial; strategies on every sentence",
    build=_build,
    variants=VARIANTS,
)
