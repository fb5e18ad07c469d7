"""How an interview goes on: pure steps from what was heard to what is to be said.

Danger comes before everything: a positive risk answer, one that leaves the risk open, or words that sound like it stop
the tree at once. Then only acuity and, where it is not imminent, the other questions about risk may follow, and the
client is asked whether to go on.
"""

from __future__ import annotations

from typing import Literal

from agents.counselors.magi.judgment import Judged
from agents.counselors.magi.navigation import is_open, next_step
from agents.counselors.magi.state import RESUME, Answer, MagiState, Mention, Mode, Pending, known, positive
from profiles.interviews import Instrument, Variable
from profiles.schema import Record
from profiles.screening import RiskSeen

__all__ = ["Act", "acuity", "heard", "next_act"]

_GRAVE = ("high", "immediate")


class Act(Record):
    """What the counselor does now.

    ask: a question about ``variable``. alert: help, and the question about acuity. offer: go on or stop here.
    stop: help and no more questions. summary: what was heard. talk: what is left of the session.
    opens: the question begins another module. why, candidates: as in ``navigation.Step``.
    """

    kind: Literal["ask", "alert", "offer", "stop", "summary", "talk"]
    variable: str | None = None
    mode: Mode = "probe"
    missing: str = "none"
    module: str | None = None
    opens: bool = False
    why: str = ""
    candidates: tuple[tuple[str, float], ...] = ()
    mention: Mention | None = None


def acuity(instrument: Instrument) -> str:
    """The variable that asks about danger right now: the first of kind risk that waits for an alarm."""
    waiting = (name for name in instrument.risk_variables if instrument.variables[name].when)
    return next(waiting, instrument.risk_variables[0])


def heard(state: MagiState, instrument: Instrument, judged: Judged, reply: str, cue: RiskSeen) -> MagiState:
    """The state after the client's reply to what was pending."""
    after = state.model_copy(update={"cue": cue, "distress": judged.distress, "judged": judged.model_dump(mode="json")})
    pending = state.pending
    if pending is None:
        return _mentioned(after, instrument, judged)
    if pending.variable == RESUME:
        return _resumed(after, pending, judged)
    variable = instrument.variables[pending.variable]
    verdict = judged.verdict
    if verdict in ("met", "not_met", "refused") or pending.asks > _clarifications(instrument, variable):
        answers = after.with_answer(_settled(pending, judged))
        after = after.model_copy(update={"answers": answers, "pending": None})
        return _mentioned(after, instrument, judged)
    again = pending.model_copy(
        update={
            "mode": "explain" if judged.asks_back else "clarify",
            "missing": judged.missing,
            "replies": (*pending.replies, reply),
            "faults": (*pending.faults, *judged.faults),
        }
    )
    return _mentioned(after.model_copy(update={"pending": again}), instrument, judged)


def next_act(state: MagiState, instrument: Instrument, *, round_: int, must_conclude: bool) -> tuple[Act, MagiState]:
    """What to do now, and the state with it. ``must_conclude``: the session's time for questions is over."""
    if state.crisis == "ended":
        return Act(kind="stop", why="risk"), state.model_copy(update={"pending": None})
    if state.crisis != "none" or _dangerous(state, instrument):
        found = _in_crisis(state, instrument, round_)
        if found:
            return found
    if must_conclude or state.concluded:
        return _conclude(state)
    if state.pending and _worth_asking_again(state, instrument):
        return _again(state, instrument)
    if state.pending:  # no longer worth it: what was said settles nothing
        state = state.model_copy(update={"answers": state.with_answer(_given_up(state.pending)), "pending": None})
    return _next(state, instrument, round_, alarmed=state.cue == "low")


def _settled(pending: Pending, judged: Judged) -> Answer:
    settles = judged.verdict in ("met", "not_met", "refused")
    quoted = settles and judged.turn is not None
    return Answer(
        variable=pending.variable,
        verdict=judged.verdict if settles else "unknown",
        asked_turn=pending.asked_turn,
        turn=judged.turn if quoted else None,
        quote=judged.quote if quoted else "",
        span=judged.span if quoted else None,
        slots=judged.slots,
        asks=pending.asks,
        counter=_counter(pending),
        faults=tuple(dict.fromkeys((*pending.faults, *judged.faults))),
    )


def _counter(pending: Pending) -> tuple[Mention, ...]:
    old = pending.against
    if old is None:
        return ()
    if old.verdict not in ("met", "not_met") or old.turn is None or old.span is None:
        return old.counter
    said = Mention(variable=old.variable, verdict=old.verdict, quote=old.quote, turn=old.turn, span=old.span)
    return (*old.counter, said)


def _given_up(pending: Pending) -> Answer:
    return Answer(
        variable=pending.variable,
        verdict="unknown",
        asked_turn=pending.asked_turn,
        asks=pending.asks,
        counter=_counter(pending),
        faults=pending.faults,
    )


def _mentioned(state: MagiState, instrument: Instrument, judged: Judged) -> MagiState:
    """Keeps what was volunteered: for later, or as a contradiction that is asked about once."""
    for found in judged.volunteered:
        mention = Mention(
            variable=found.variable, verdict=found.verdict, quote=found.quote, turn=found.turn, span=found.span
        )
        old = state.answer(found.variable)
        if old is None:
            others = tuple(each for each in state.mentions if each.variable != found.variable)
            state = state.model_copy(update={"mentions": (*others, mention)})
        elif old.verdict in ("met", "not_met") and old.verdict != found.verdict and not old.counter:
            state = _contradicted(state, instrument, old, mention)
    return state


def _contradicted(state: MagiState, instrument: Instrument, old: Answer, mention: Mention) -> MagiState:
    disputed = old.model_copy(update={"counter": (mention,)})
    limit = _clarifications(instrument, instrument.variables[old.variable])
    if state.pending is not None or old.asks > limit:
        return state.model_copy(update={"answers": state.with_answer(disputed)})
    reopened = Pending(
        variable=old.variable, asked_turn=old.asked_turn or 0, asks=old.asks, mode="clarify", against=disputed
    )
    answers = tuple(answer for answer in state.answers if answer.variable != old.variable)
    return state.model_copy(update={"answers": answers, "pending": reopened})


def _resumed(state: MagiState, pending: Pending, judged: Judged) -> MagiState:
    if judged.verdict == "met":
        return state.model_copy(update={"crisis": "resumed", "pending": None})
    if judged.verdict in ("unclear", "off_topic") and pending.asks < 2:
        return state
    return state.model_copy(update={"crisis": "ended", "pending": None})


def _clarifications(instrument: Instrument, variable: Variable) -> int:
    return instrument.risk_clarifications if variable.kind == "risk" else instrument.clarifications


def _dangerous(state: MagiState, instrument: Instrument) -> bool:
    return state.cue in _GRAVE or bool(positive(state, instrument))


def _in_crisis(state: MagiState, instrument: Instrument, round_: int) -> tuple[Act, MagiState] | None:
    asked = acuity(instrument)
    if state.crisis == "none":
        alerted = state.model_copy(update={"crisis": "alerted"})
        return _pending(Act(kind="alert", variable=asked, why="risk"), alerted)
    if state.crisis == "resumed":
        if state.cue not in _GRAVE:
            return None
        return Act(kind="stop", why="risk"), state.model_copy(update={"crisis": "ended", "pending": None})
    if state.pending is not None and state.pending.variable != RESUME:
        return _again(state, instrument)
    if state.crisis == "offered":
        return _again(state, instrument)
    answer = state.answer(asked)
    if answer is None or answer.verdict != "not_met":  # not knowing counts as danger
        return Act(kind="stop", why="risk"), state.model_copy(update={"crisis": "ended", "pending": None})
    step = next_step(instrument, known(state, instrument), round_=round_, alarmed=True)
    if step.why == "risk":
        return _pending(Act(kind="ask", variable=step.variable, module=step.module, why="risk"), state)
    return _pending(Act(kind="offer", variable=RESUME, why="risk"), state.model_copy(update={"crisis": "offered"}))


def _conclude(state: MagiState) -> tuple[Act, MagiState]:
    kind: Literal["summary", "talk"] = "talk" if state.concluded else "summary"
    pending = state.pending
    answers = state.with_answer(_given_up(pending)) if pending and pending.variable != RESUME else state.answers
    return Act(kind=kind, why="end"), state.model_copy(update={"concluded": True, "pending": None, "answers": answers})


def _worth_asking_again(state: MagiState, instrument: Instrument) -> bool:
    """Whether a module that wants the answer is still open; risk is always cleared up."""
    pending = state.pending
    if pending is None:
        return False
    if pending.variable == RESUME or pending.variable in instrument.risk_variables:
        return True
    facts = known(state, instrument)
    modules = [module for module in instrument.modules if pending.variable in module.variables]
    return any(is_open(instrument, module, facts) for module in modules)


def _again(state: MagiState, instrument: Instrument) -> tuple[Act, MagiState]:
    pending = state.pending
    if pending is None:
        raise ValueError("nothing is pending")
    act = Act(
        kind="ask",
        variable=pending.variable,
        mode=pending.mode,
        missing=pending.missing,
        module=state.module,
        why="clarification",
        mention=_counter(pending)[-1] if _counter(pending) else None,
    )
    return act, state.model_copy(update={"pending": pending.model_copy(update={"asks": pending.asks + 1})})


def _next(state: MagiState, instrument: Instrument, round_: int, alarmed: bool) -> tuple[Act, MagiState]:
    facts = known(state, instrument)
    step = next_step(instrument, facts, order=state.order, round_=round_, alarmed=alarmed)
    if step.variable is None:
        return _conclude(state)
    mention = next((each for each in state.mentions if each.variable == step.variable), None)
    act = Act(
        kind="ask",
        variable=step.variable,
        mode="confirm" if mention else "probe",
        module=step.module,
        opens=step.module != state.module,
        why=step.why,
        candidates=step.candidates,
        mention=mention or _echo(state, instrument.variables[step.variable]),
    )
    return _pending(act, state)


def _echo(state: MagiState, variable: Variable) -> Mention | None:
    """What the client said of the like in another module, so that it is taken up and not asked from the start."""
    old = state.answer(variable.echoes) if variable.echoes else None
    if old is None or old.verdict != "met" or old.turn is None or old.span is None:
        return None
    return Mention(variable=old.variable, verdict="met", quote=old.quote, turn=old.turn, span=old.span)


def _pending(act: Act, state: MagiState) -> tuple[Act, MagiState]:
    asks = state.pending.asks + 1 if state.pending and state.pending.variable == act.variable else 1
    pending = Pending(variable=act.variable or "", asked_turn=-1, asks=asks, mode=act.mode)  # the turn is not said yet
    return act, state.model_copy(update={"pending": pending, "module": act.module or state.module})
