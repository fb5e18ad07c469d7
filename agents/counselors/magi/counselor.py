"""The interview counselor: judge what was said, navigate, then speak, as a LangGraph of its own in one turn.

Four agents after MAGI (arXiv 2504.18260): judgment reads the reply, navigation decides, question or closing speaks, and
diagnosis computes the trace. Only navigation moves the interview, and it is a pure function.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal, TypedDict

from agents.counselors.magi.closing import ClosingAgent, TalkInputs, summary_inputs
from agents.counselors.magi.flow import Act, heard, next_act
from agents.counselors.magi.judgment import Found, Judged, JudgmentInputs, judge
from agents.counselors.magi.navigation import Order, next_step
from agents.counselors.magi.question import Asked, QuestionAgent, QuestionInputs, feels, wording
from agents.counselors.magi.state import RESUME, Answer, MagiState, Mode, known
from agents.dialogue import CallRecord, DialogueView, End, Utterance
from agents.models.base import ChatModel
from agents.phrases import load_phrases
from agents.roles import Brief, Guidance, Plugin, Setup
from agents.seeds import derive_seed
from profiles.crisis import crisis_text
from profiles.interviews import Instrument, Variable, load_instrument
from profiles.screening import risk_level
from profiles.vocabulary import Language, Stage

__all__ = ["COUNSELOR", "VARIANTS", "MagiCounselor"]

VARIANTS: tuple[Order, ...] = ("adaptive", "fixed")
_LAST_ROUNDS = 1  # before the last round the summary is given, so that the client can put it right


Judge = Callable[[ChatModel, Language, JudgmentInputs, int], Awaitable[tuple[Judged, CallRecord | None]]]
"""What reads an answer: (model, language, inputs, seed) -> the reading and the call that made it."""


@dataclass(frozen=True)
class _Desk:
    """What the steps of one turn share."""

    language: Language
    instrument: Instrument
    model: ChatModel
    judge: Judge
    question: QuestionAgent
    closing: ClosingAgent


class _Turn(TypedDict):
    """The graph's state within one turn. before: the answers that stood before it."""

    view: DialogueView
    state: MagiState
    before: tuple[Answer, ...]
    judgment: dict[str, Any] | None
    act: Act | None
    said: Asked | None


class MagiCounselor:
    """A judgment call and a question call a turn; in danger fixed words and no question call."""

    def __init__(
        self, model: ChatModel, language: Language, order: Order, guidance: Guidance, judge: Judge = judge
    ) -> None:
        instrument = load_instrument(language)
        self._order = order
        self._desk = _Desk(
            language,
            instrument,
            model,
            judge,
            QuestionAgent(model, language, guidance),
            ClosingAgent(model, language, guidance),
        )

    def begin(self, brief: Brief) -> MagiState:
        """Nothing asked yet."""
        return MagiState(seed=brief.seed, rounds=brief.rounds, order=self._order, intake=brief.intake)

    async def reply(self, view: DialogueView, state: MagiState) -> tuple[Utterance, MagiState]:
        """The next counselor turn."""
        turn = _Turn(view=view, state=state, before=state.answers, judgment=None, act=None, said=None)
        done = await _graph().ainvoke(turn, context=self._desk)
        return _utterance(done, self._desk), done["state"]


@lru_cache(maxsize=1)
def _graph() -> Any:  # noqa: ANN401  (a compiled graph; its type has four parameters of its own)
    from langgraph.graph import END, START, StateGraph  # heavy, and the registry imports this module

    graph: Any = StateGraph(_Turn, context_schema=_Desk)
    steps = {"judgment": _judge, "navigation": _navigate, "question": _ask, "closing": _close, "crisis": _in_danger}
    for name, step in steps.items():
        graph.add_node(name, step)
    graph.add_edge(START, "judgment")
    graph.add_edge("judgment", "navigation")
    graph.add_conditional_edges("navigation", _speaker, ["question", "closing", "crisis"])
    for name in ("question", "closing", "crisis"):
        graph.add_edge(name, END)
    return graph.compile()


async def _judge(turn: _Turn, runtime: Any) -> dict[str, Any]:  # noqa: ANN401
    desk: _Desk = runtime.context
    view, state = turn["view"], turn["state"]
    reply = view.last("client")
    variable = _judged_variable(state, desk)
    if state.concluded or state.crisis == "ended" or variable is None or not reply:
        cue = risk_level(reply, desk.language)
        return {"state": state.model_copy(update={"cue": cue, "judged": {}, "distress": 0})}
    facts = known(state, desk.instrument)
    inputs = JudgmentInputs(
        variable=variable,
        question=view.last("counselor") if state.pending else "",
        reply=reply,
        earlier=state.pending.replies if state.pending else (),
        about=tuple(v for v in desk.instrument.variables.values() if v.id not in facts and v.id != variable.id),
        turns=view.turns,
    )
    judged, call = await desk.judge(desk.model, desk.language, inputs, derive_seed(state.seed, "judgment", view.round))
    if state.pending is None:
        judged = _as_volunteered(judged, variable)
    after = heard(state, desk.instrument, judged, reply, risk_level(reply, desk.language))
    return {"state": after, "judgment": _judgment_note(judged, variable, call)}


def _judged_variable(state: MagiState, desk: _Desk) -> Variable | None:
    if state.pending and state.pending.variable == RESUME:
        return _resume(desk.language)
    if state.pending:
        return desk.instrument.variables[state.pending.variable]
    if state.answers:
        return None
    first = next_step(desk.instrument, {}, order=state.order)
    return desk.instrument.variables[first.variable] if first.variable else None


def _as_volunteered(judged: Judged, variable: Variable) -> Judged:
    """What the client says before anything was asked settles nothing: it is taken up when its question comes."""
    if judged.verdict not in ("met", "not_met") or judged.turn is None or judged.span is None:
        return judged
    said = Found(variable=variable.id, verdict=judged.verdict, quote=judged.quote, turn=judged.turn, span=judged.span)
    return judged.model_copy(update={"volunteered": (said, *judged.volunteered)})


def _navigate(turn: _Turn, runtime: Any) -> dict[str, Any]:  # noqa: ANN401
    desk: _Desk = runtime.context
    view = turn["view"]
    over = view.stage is Stage.SOLUTION_EXPLORATION or view.rounds_left <= _LAST_ROUNDS
    gate = desk.instrument.risk_gate_round
    round_ = max(view.round, gate) if view.round >= min(gate, max(2, turn["state"].rounds // 4)) else view.round
    act, state = next_act(turn["state"], desk.instrument, round_=round_, must_conclude=over)
    if state.pending:
        state = state.model_copy(update={"pending": state.pending.model_copy(update={"asked_turn": len(view.turns)})})
    return {"act": act, "state": state}


def _speaker(turn: _Turn) -> Literal["question", "closing", "crisis"]:
    act = turn["act"]
    kind = act.kind if act else "talk"
    if kind == "ask":
        return "question"
    return "closing" if kind in ("summary", "talk") else "crisis"


async def _ask(turn: _Turn, runtime: Any) -> dict[str, Any]:  # noqa: ANN401
    desk: _Desk = runtime.context
    view, state, act = turn["view"], turn["state"], turn["act"]
    pending = state.pending
    if act is None or pending is None:
        raise ValueError("nothing to ask")
    variable = _resume(desk.language) if act.variable == RESUME else desk.instrument.variables[pending.variable]
    mode: Mode = act.mode
    denied = act.mention is not None and act.mention.verdict == "not_met"
    worded: Mode = "probe" if denied and mode == "confirm" else mode  # the confirming wordings take up a yes
    inputs = QuestionInputs(
        intake=state.intake,
        turns=view.turns,
        variable=variable,
        mode=mode,
        missing=act.missing,
        quote=act.mention.quote if act.mention else "",
        opens=act.opens,
        first=not any(t.speaker == "counselor" and t.round for t in view.turns),
        again=pending.asks - 1,
        distress=state.distress,
        feeling=feels(state.distress),
        declined=state.judged.get("verdict") == "refused",
        wording=wording(variable, worded, _luck(state, variable, worded, pending.asks)),
    )
    return {"said": await desk.question.word(inputs, derive_seed(state.seed, "question", view.round))}


def _luck(state: MagiState, variable: Variable, mode: Mode, asks: int) -> int:
    """Which wording is used: by chance at first, then one after the other."""
    return asks + derive_seed(state.seed, variable.id) % 7 if mode == "probe" else asks


async def _close(turn: _Turn, runtime: Any) -> dict[str, Any]:  # noqa: ANN401
    desk: _Desk = runtime.context
    view, state, act = turn["view"], turn["state"], turn["act"]
    seed = derive_seed(state.seed, "closing", view.round)
    if act and act.kind == "summary":
        return {"said": await desk.closing.sum_up(summary_inputs(state, desk.instrument, view.turns), seed)}
    inputs = TalkInputs(
        intake=state.intake,
        turns=view.turns,
        stage=view.stage,
        round=view.round,
        rounds=state.rounds,
        rounds_left=view.rounds_left,
    )
    return {"said": await desk.closing.talk(inputs, seed)}


def _in_danger(turn: _Turn, runtime: Any) -> dict[str, Any]:  # noqa: ANN401
    """Fixed words: they work when every model is away."""
    desk: _Desk = runtime.context
    view, act = turn["view"], turn["act"]
    phrases = load_phrases("agents.counselors.magi", desk.language)
    kind = act.kind if act else "stop"
    said = "\n".join(t.text for t in view.turns if t.speaker == "counselor")
    first = phrases.nth(kind, 0)
    if kind == "stop":
        again = first in said
        number = sum(line in said for line in phrases.lines("support"))
        text = phrases.nth("support", number) if again else "\n\n".join([first, crisis_text(desk.language)])
    elif kind == "alert":
        asked = wording(desk.instrument.variables[act.variable or ""], "probe", 0) if act else ""
        text = "\n\n".join([first, crisis_text(desk.language), asked])
    else:
        text = phrases.join([first, wording(_resume(desk.language), "probe", 0)])
    return {"said": Asked(text)}


@lru_cache(maxsize=2)
def _resume(language: Language) -> Variable:
    """The question whether to go on after a crisis, read like any other."""
    phrases = load_phrases("agents.counselors.magi", language)
    own = "written for Counsel Arena"
    names = ("topic", "intent", "timeframe", "explain", "statement")
    texts = {name: phrases.nth(f"resume.{name}", 0) for name in names}
    return Variable(
        id=RESUME,
        criterion="GO-ON",
        kind="specifier",
        ask=phrases.lines("resume.ask"),
        clarify=phrases.lines("resume.clarify"),
        confirm=phrases.lines("resume.ask"),
        base_rate=0.5,
        source=own,
        licence="MIT",
        provenance=own,
        **texts,
    )


def _judgment_note(judged: Judged, variable: Variable, call: CallRecord | None) -> dict[str, Any]:
    kept = judged.model_dump(mode="json", exclude_defaults=True)
    return {"variable": variable.id, **kept, "call": asdict(call) if call else None}


def _utterance(turn: _Turn, desk: _Desk) -> Utterance:
    state, act, said = turn["state"], turn["act"], turn["said"]
    if act is None or said is None:
        raise ValueError("a turn without words")
    fresh = [answer for answer in state.answers if answer not in turn["before"]]
    interview: dict[str, Any] = {
        "instrument": f"{desk.instrument.id} {desk.instrument.version}",
        "hash": desk.instrument.hash,
        "act": act.model_dump(mode="json", exclude_defaults=True),
        "phase": _phase(act),
        "crisis": state.crisis,
        "settled": [answer.model_dump(mode="json") for answer in fresh],
        "withdrawn": [a.variable for a in turn["before"] if state.answer(a.variable) is None],
    }
    if said.fallback:
        interview["fallback"] = said.fallback
    if turn["judgment"]:
        interview["judgment"] = turn["judgment"]
    over = act.kind == "stop" or (act.kind == "talk" and state.concluded)
    return Utterance(
        text=said.text,
        reasoning=said.reasoning,
        call=said.call,
        ready=_goes_on(_phase(act), turn["view"].stage),
        end=End(by="counselor", reason="counselor_closed") if over else None,
        notes={"interview": interview},
    )


def _phase(act: Act) -> Stage:
    """The stage that a step belongs to: screens build the ground, depth is diagnosis, the summary looks ahead."""
    if act.kind in ("summary", "talk"):
        return Stage.SOLUTION_EXPLORATION
    return Stage.TRUST_BUILDING if act.why == "gate" else Stage.DIAGNOSIS


def _goes_on(phase: Stage, stage: Stage) -> bool:
    return stage.successor is not None and phase.reached(stage.successor)


def _build(setup: Setup) -> MagiCounselor:
    if setup.model is None:
        raise ValueError("the interview counselor needs a model")
    order: Order = "fixed" if setup.variant == "fixed" else "adaptive"
    return MagiCounselor(setup.model, setup.language, order, setup.guidance)


COUNSELOR = Plugin(
    name="magi",
    role="counselor",
    summary="an interview tree in conversation, after MAGI: magi:adaptive (default) and magi:fixed question order",
    build=_build,
    variants=VARIANTS,
)
