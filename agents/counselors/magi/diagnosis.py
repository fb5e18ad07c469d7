"""The diagnosis agent: rules decide, and a trace shows every step from the client's words to the printed pattern.

The trace ("PsyCoT" in MAGI, arXiv 2504.18260: an explicit mapping of symptoms to criteria; its format is not public, so
this one is ours) has one line a criterion and one a module. Nothing in it is written by a model. What cannot be decided
is printed as unresolved with what is missing, never guessed. It is screening for review by a clinician, no diagnosis.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from agents.counselors.magi.state import Answer, Mention
from agents.dialogue import Turn
from profiles.interview_rules import Outcome, Verdicts, ending_of, evaluate, missing, within
from profiles.interviews import Instrument, Module, Verdict
from profiles.schema import Record

__all__ = ["CriterionLine", "ModuleLine", "Override", "Trace", "faults_in", "trace_of"]


class Override(Record):
    """A clinician's verdict beside the machine's; it never replaces it. at: ISO date and time."""

    verdict: Verdict
    reason: str
    by: str = ""
    at: str = ""


class CriterionLine(Record):
    """One variable: where it was asked, what was said, what it counts for.

    rules: the rules of the instrument that rest on it directly. asked_turn: None where it follows from others.
    """

    criterion: str
    node: str
    statement: str
    rules: tuple[str, ...]
    verdict: Verdict
    asked_turn: int | None
    reply_turn: int | None
    quote: str
    span: tuple[int, int] | None
    slots: dict[str, float | str]
    asks: int
    counter_evidence: tuple[Mention, ...]
    derived: bool
    faults: tuple[str, ...]
    override: Override | None = None


class ModuleLine(Record):
    """What a module came to. result: of its endings; label: what is printed; because: what is missing for more.

    counts: of each counting rule, how many are met, how many unsettled, and how many it takes.
    """

    module: str
    title: str
    result: Outcome
    ending: str | None
    label: str
    because: tuple[str, ...]
    rules: dict[str, Outcome]
    counts: dict[str, tuple[int, int, int]]


class Trace(Record):
    """An interview's whole reasoning. reviewed: the modules with the clinician's verdicts, where there are any."""

    instrument: str
    version: str
    hash: str
    criteria: tuple[CriterionLine, ...]
    modules: tuple[ModuleLine, ...]
    reviewed: tuple[ModuleLine, ...] = ()


def trace_of(
    instrument: Instrument,
    answers: Sequence[Answer],
    titles: Mapping[str, str],
    overrides: Mapping[str, Override] | None = None,
) -> Trace:
    """The trace of an interview, computed from its answers alone.

    Args:
        answers: settled variables, derived ones among them or not.
        titles: what is printed for ``not_met`` and ``unresolved`` (with ``{because}``).
        overrides: variable id -> a clinician's verdict.
    """
    given = overrides or {}
    whole = [*answers, *_derived(instrument, answers)]
    by_machine: dict[str, Verdict] = {answer.variable: answer.verdict for answer in whole}
    reviewed = {**by_machine, **{name: override.verdict for name, override in given.items()}}
    order = {name: place for place, name in enumerate(instrument.variables)}
    lines = (_line(instrument, answer, given.get(answer.variable)) for answer in whole)
    return Trace(
        instrument=instrument.id,
        version=instrument.version,
        hash=instrument.hash,
        criteria=tuple(sorted(lines, key=lambda line: order[line.node])),
        modules=tuple(_module(instrument, module, by_machine, titles) for module in instrument.modules),
        reviewed=tuple(_module(instrument, module, reviewed, titles) for module in instrument.modules) if given else (),
    )


def _derived(instrument: Instrument, answers: Sequence[Answer]) -> Iterator[Answer]:
    from agents.counselors.magi.navigation import settled

    found: dict[str, Verdict] = {answer.variable: answer.verdict for answer in answers}
    for name, verdict in settled(instrument, found).items():
        rule = instrument.variables[name].known_from
        if name not in found and rule:
            source = _source(instrument, answers, within(instrument, rule), verdict)
            yield Answer(
                variable=name,
                verdict=verdict,
                turn=source.turn if source else None,
                quote=source.quote if source else "",
                span=source.span if source else None,
                derived=True,
            )


def _source(instrument: Instrument, answers: Iterable[Answer], names: Sequence[str], verdict: Verdict) -> Answer | None:
    return next((a for a in answers if a.variable in names and a.verdict == verdict and a.quote), None)


def _line(instrument: Instrument, answer: Answer, override: Override | None) -> CriterionLine:
    variable = instrument.variables[answer.variable]
    return CriterionLine(
        criterion=variable.criterion,
        node=variable.id,
        statement=variable.statement,
        rules=tuple(rule.id for rule in instrument.rules.values() if variable.id in rule.args),
        verdict=answer.verdict,
        asked_turn=answer.asked_turn,
        reply_turn=answer.turn,
        quote=answer.quote,
        span=answer.span,
        slots=answer.slots,
        asks=answer.asks,
        counter_evidence=answer.counter,
        derived=answer.derived,
        faults=answer.faults,
        override=override,
    )


def _module(instrument: Instrument, module: Module, known: Verdicts, titles: Mapping[str, str]) -> ModuleLine:
    result, ending = ending_of(instrument, module, known)
    rules = [name for name in _rules_under(instrument, module) if name in instrument.rules]
    open_ending = next(
        (e.when for e in module.endings if evaluate(instrument, e.when, known) is Outcome.UNRESOLVED), None
    )
    lacking = missing(instrument, open_ending, known) if result is Outcome.UNRESOLVED and open_ending else ()
    title = next((each.title for each in module.endings if each.id == ending), titles[result.value])
    because = ", ".join(instrument.variables[name].criterion for name in lacking)
    return ModuleLine(
        module=module.id,
        title=module.title,
        result=result,
        ending=ending,
        label=title.replace("{because}", because),
        because=lacking,
        rules={name: evaluate(instrument, name, known) for name in rules},
        counts={name: _count(instrument, name, known) for name in rules if instrument.rules[name].op == "count"},
    )


def _rules_under(instrument: Instrument, module: Module) -> tuple[str, ...]:
    names: dict[str, None] = {}

    def add(name: str) -> None:
        if name in instrument.rules and name not in names:
            for arg in instrument.rules[name].args:
                add(arg)
            names[name] = None

    for name in (module.gate, module.label, *(ending.when for ending in module.endings)):
        if name:
            add(name)
    return tuple(names)


def _count(instrument: Instrument, name: str, known: Verdicts) -> tuple[int, int, int]:
    rule = instrument.rules[name]
    found = [evaluate(instrument, arg, known) for arg in rule.args]
    return found.count(Outcome.MET), found.count(Outcome.UNRESOLVED), rule.at_least or 1


def faults_in(trace: Trace, instrument: Instrument, turns: Sequence[Turn], titles: Mapping[str, str]) -> list[str]:
    """What is wrong with a trace, one line each; an empty list where every step can be checked.

    P1 quotes stand in the client's turns at their span. P2 a yes has a quote. P3 a verdict has an asking turn before
    its reply. P4 names exist in this version of the instrument. P6, P7 the modules follow from the verdicts alone.
    P8 what was left open is never printed as a no. P9 contradicting words are listed with theirs.
    """
    found = [f"P4: instrument {trace.hash} is not {instrument.hash}"] if trace.hash != instrument.hash else []
    spoken = {turn.index: turn for turn in turns}
    for line in trace.criteria:
        found += [f"{line.node}: {fault}" for fault in _line_faults(line, instrument, spoken)]
    answers = [_answer(line) for line in trace.criteria if not line.derived]
    replayed = trace_of(instrument, answers, titles)
    if replayed.modules != trace.modules:
        found.append("P6: the modules do not follow from the verdicts")
    for module in trace.modules:
        open_ones = [line for line in trace.criteria if line.node in module.because and line.verdict == "not_met"]
        found += [f"{module.module}: P8: {line.node} is both missing and a no" for line in open_ones]
    return found


def _line_faults(line: CriterionLine, instrument: Instrument, spoken: Mapping[int, Turn]) -> Iterator[str]:
    if line.node not in instrument.variables or any(rule not in instrument.rules for rule in line.rules):
        yield "P4: not in this instrument"
    for quote, turn, span in [(line.quote, line.reply_turn, line.span), *_counters(line)]:
        if quote and not _stands(quote, turn, span, spoken):
            yield "P1: the quote does not stand in the client's words"
    if line.verdict == "met" and not line.quote:
        yield "P2: a yes without a quote"
    if line.derived:
        return
    asked = spoken.get(line.asked_turn) if line.asked_turn is not None else None
    if asked is None or asked.speaker != "counselor":
        yield "P3: nobody asked"
    elif line.reply_turn is not None and line.reply_turn <= asked.index - 2 * (line.asks + 1):
        yield "P3: the reply came long before the question"


def _counters(line: CriterionLine) -> list[tuple[str, int | None, tuple[int, int] | None]]:
    return [(each.quote, each.turn, each.span) for each in line.counter_evidence]


def _stands(quote: str, turn: int | None, span: tuple[int, int] | None, spoken: Mapping[int, Turn]) -> bool:
    said = spoken.get(turn) if turn is not None else None
    return bool(said and span and said.speaker == "client" and said.text[span[0] : span[1]] == quote)


def _answer(line: CriterionLine) -> Answer:
    values: dict[str, Any] = {
        "variable": line.node,
        "verdict": line.verdict,
        "asked_turn": line.asked_turn,
        "turn": line.reply_turn,
        "quote": line.quote,
        "span": line.span,
        "slots": line.slots,
        "asks": line.asks,
        "counter": line.counter_evidence,
    }
    return Answer(**values)
