"""How well interviews agree with what is true of their clients: held over clients with known truth, side by side.

A *system* is a way to interview: ``adaptive`` and ``fixed`` are the tree in its two orders, ``no_judgment`` is the
fixed tree whose answers are taken at their first word and never asked about again, and ``plain`` is the plain
counselor, whose talk the judgment agent reads afterwards. All systems meet the same clients with the same luck.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

from langgraph.graph.state import CompiledStateGraph

from agents.counselors.magi.diagnosis import faults_in
from agents.counselors.magi.flow import acuity
from agents.counselors.magi.state import Answer
from agents.dialogue import Turn
from agents.models.base import ChatModel
from agents.registry import find_plugin
from agents.roles import Setup
from agents.seeds import derive_seed
from arena.build import greeting
from arena.interview.answers import answers_in, findings_in, titles, trace_from_turns
from arena.interview.baselines import first_word_counselor, read_afterwards
from arena.safety import SafetyFinding
from arena.session import SessionSpec, Transcript, build_graph, cast, run_session
from profiles.interview_rules import Outcome, Verdicts, ending_of, evaluate, within
from profiles.interviews import Instrument, Verdict, load_instrument
from profiles.schema import Profile, Record
from profiles.vocabulary import Language

__all__ = ["SYSTEMS", "Held", "System", "hold", "hold_all", "skip_violations", "true_label", "truth_of"]

System = Literal["adaptive", "fixed", "no_judgment", "plain"]
SYSTEMS: tuple[System, ...] = get_args(System)
_TREE: tuple[System, ...] = ("adaptive", "fixed", "no_judgment")
ROUNDS = 90


class Held(Record):
    """One interview beside the truth.

    truth, found: variable -> verdict; of ``found`` what was never asked is absent. labels: module -> (true, found), the
    ending's id, ``not_met`` or ``unresolved``. rounds: until it ended. questions: turns that asked about a variable.
    clarifications: those of them that asked again. reasks: asked although it was settled and nothing spoke against it.
    risk_shown, risk_flagged: first round in which the client showed risk, and in which it was flagged; None for never.
    risk_gate: the round in which the risk gate began; None where it never did.
    stopped: questions ended for safety before the interview was through.
    quotes, good_quotes: verdicts with a quote, and those that stand where they should. replayed: the labels recomputed
    from the verdicts equal the printed ones.
    """

    profile: str
    system: System
    truth: dict[str, Verdict]
    found: dict[str, Verdict]
    labels: dict[str, tuple[str, str]]
    rounds: int
    questions: int
    clarifications: int
    reasks: int
    skip_violations: int
    risk_true: bool
    risk_shown: int | None
    risk_flagged: int | None
    risk_gate: int | None
    stopped: bool = False
    quotes: int
    good_quotes: int
    replayed: bool


def truth_of(profile: Profile, instrument: Instrument) -> dict[str, Verdict]:
    """What is true of a client, as far as the card says; what the client does not know is ``unknown``."""
    return {name: each.truth for name, each in profile.criteria.items() if name in instrument.variables}


def true_label(instrument: Instrument, module: str, truth: Verdicts) -> str:
    """The ending's id that a module comes to when everything is known, ``not_met``, or ``unresolved``."""
    outcome, ending = ending_of(instrument, instrument.by_module[module], truth)
    return ending or outcome.value


async def hold_all(
    profiles: Sequence[Profile],
    system: System,
    model: ChatModel,
    *,
    client: str = "interviewee",
    rounds: int = ROUNDS,
    at_once: int = 8,
    done: Callable[[int], None] = lambda number: None,
) -> list[Held]:
    """One interview a client, some at a time; results in the clients' order. ``done`` hears how many are over."""
    graph, places = build_graph(), asyncio.Semaphore(at_once)
    over = 0

    async def one(profile: Profile) -> Held:
        nonlocal over
        async with places:
            held = await hold(profile, system, model, graph, client=client, rounds=rounds)
        over += 1
        done(over)
        return held

    return list(await asyncio.gather(*(one(profile) for profile in profiles)))


async def hold(
    profile: Profile,
    system: System,
    model: ChatModel,
    graph: CompiledStateGraph[Any, Any, Any, Any],
    *,
    client: str = "interviewee",
    rounds: int = ROUNDS,
) -> Held:
    """One interview.

    Raises:
        ModelError: a model gave no usable answer.
    """
    language = profile.lang
    spec = SessionSpec(
        id=f"{profile.id}-{system}",
        profile=profile,
        language=language,
        rounds=rounds,
        seed=derive_seed(1, profile.id),
        stage_mode="led" if system in _TREE else "paced",
        greeting=greeting(language),
        leave_early=system in _TREE,
    )
    speaker = find_plugin("client", client).build(Setup(language=language, model=model))
    players = cast(spec, speaker, _counselor(system, language, model))
    dialogue = await run_session(players, graph)
    if system == "plain":
        found = await read_afterwards(dialogue.turns, language, model, spec.seed)
        return _measured(profile, system, dialogue, found)
    return _measured(profile, system, dialogue, None)


def _counselor(system: System, language: Language, model: ChatModel) -> Any:  # noqa: ANN401  (a Speaker of any state)
    if system == "no_judgment":
        return first_word_counselor(language, model)
    name, variant = ("plain", "psycho") if system == "plain" else ("magi", system)
    return find_plugin("counselor", name).build(Setup(language=language, model=model, variant=variant))


def _measured(profile: Profile, system: System, dialogue: Transcript, read: tuple[Answer, ...] | None) -> Held:
    instrument = load_instrument(profile.lang)
    trace = trace_from_turns(dialogue.turns, profile.lang)
    faults = faults_in(trace, instrument, dialogue.turns, titles(profile.lang)) if read is None else []
    answers = answers_in(dialogue.turns) if read is None else read
    found: dict[str, Verdict] = {answer.variable: answer.verdict for answer in answers}
    if read is None:
        found = {line.node: line.verdict for line in trace.criteria}
    truth = truth_of(profile, instrument)
    acts = _acts(dialogue.turns)
    quoted = [answer for answer in answers if answer.quote]
    bad = sum("P1" in fault for fault in faults)
    asked = [act for act in acts if act["kind"] == "ask" and act["variable"] in instrument.variables]
    return Held(
        profile=profile.id,
        system=system,
        truth=truth,
        found=found,
        labels={
            m.id: (true_label(instrument, m.id, truth), true_label(instrument, m.id, found)) for m in instrument.modules
        },
        rounds=dialogue.rounds,
        questions=len(asked) + sum(act["kind"] == "alert" for act in acts),
        clarifications=sum(act.get("mode", "probe") in ("clarify", "explain") for act in asked),
        reasks=_reasks(dialogue.turns, instrument),
        skip_violations=skip_violations(dialogue.turns, instrument),
        risk_true=any(truth.get(name) == "met" for name in instrument.risk_variables),
        risk_shown=_first_shown(dialogue.turns),
        risk_flagged=_first_flagged(dialogue, profile.lang),
        risk_gate=_gate_round(dialogue.turns, instrument),
        stopped=any(act["kind"] == "stop" for act in acts),
        quotes=len(quoted),
        good_quotes=len(quoted) - bad,
        replayed=not any(fault.startswith("P6") for fault in faults),
    )


def _acts(turns: Iterable[Turn]) -> list[dict[str, Any]]:
    return [act for _, act in _acted(turns)]


def _acted(turns: Iterable[Turn]) -> list[tuple[Turn, dict[str, Any]]]:
    return [(turn, turn.notes["interview"]["act"]) for turn in turns if "interview" in turn.notes]


def _known_before(turns: Sequence[Turn]) -> list[tuple[dict[str, Any], dict[str, Verdict]]]:
    """Each act with what was settled when it was chosen."""
    found: list[tuple[dict[str, Any], dict[str, Verdict]]] = []
    known: dict[str, Verdict] = {}
    for turn, act in _acted(turns):
        note = turn.notes["interview"]
        for name in note["withdrawn"]:
            known.pop(name, None)
        known.update({each["variable"]: each["verdict"] for each in note["settled"]})
        found.append((act, dict(known)))
    return found


def _reasks(turns: Sequence[Turn], instrument: Instrument) -> int:
    return sum(act.get("variable") in known for act, known in _known_before(turns) if act["kind"] == "ask")


def skip_violations(turns: Sequence[Turn], instrument: Instrument) -> int:
    """Questions that the rules had ruled out when they were asked: computed from the record, not by the navigation."""
    count = 0
    for act, known in _known_before(turns):
        name = act.get("variable")
        if act["kind"] != "ask" or name not in instrument.variables or act.get("mode") in ("clarify", "explain"):
            continue
        count += not any(_wanted(instrument, module.id, name, known) for module in instrument.modules)
    return count


def _wanted(instrument: Instrument, module: str, name: str, known: Mapping[str, Verdict]) -> bool:
    part = instrument.by_module[module]
    if name not in part.variables:
        return False
    closed = any(rule and evaluate(instrument, rule, known) is Outcome.NOT_MET for rule in (part.gate, part.label))
    when = instrument.variables[name].when
    barred = bool(when) and evaluate(instrument, str(when), known) is Outcome.NOT_MET and name != acuity(instrument)
    return not closed and not barred


def _first_shown(turns: Iterable[Turn]) -> int | None:
    shown = (turn.round for turn in turns if turn.notes.get("interviewee", {}).get("risk_shown"))
    return next(shown, None)


def _first_flagged(dialogue: Transcript, language: Language) -> int | None:
    rounds = {turn.index: turn.round for turn in dialogue.turns}
    seen: list[SafetyFinding] = [*dialogue.findings, *findings_in(dialogue.turns, language)]
    flagged = [rounds.get(each.turn) for each in seen if each.speaker == "client"]
    return min((number for number in flagged if number is not None), default=None)


def _gate_round(turns: Sequence[Turn], instrument: Instrument) -> int | None:
    risky = set(within(instrument, "sui.alarm")) | set(instrument.risk_variables)
    return next((turn.round for turn, act in _acted(turns) if act.get("variable") in risky), None)
