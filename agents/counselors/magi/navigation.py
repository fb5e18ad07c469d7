"""The navigation agent: a pure function of tree and record that alone decides what is asked next.

It never asks what is known, never enters what the rules have ruled out, and always ends: every step settles one of
finitely many variables, or ends the interview. MAGI's navigation (arXiv 2504.18260) keeps full coverage of the required
nodes; how it does so is not public, so the rules here are ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, get_args

from agents.counselors.magi.information import may_be_left, worth_of_asking
from profiles.interview_rules import Outcome, Verdicts, attainable, evaluate, within
from profiles.interviews import Instrument, Module, Verdict
from profiles.schema import Record

__all__ = ["ORDERS", "Order", "Step", "is_open", "next_step", "reachable", "settled", "undecided"]

Order = Literal["fixed", "adaptive"]
ORDERS: tuple[Order, ...] = get_args(Order)


class Step(Record):
    """Where the interview goes: to a variable, or to its end.

    why: ``risk`` (a sign of danger, or the risk gate's round), ``gate`` (a module's screen), ``open`` (a rule is not
    yet decided), ``rest`` (all is decided and the picture is completed), ``end``.
    candidates: what could have been asked, with what asking was worth (``worth_of_asking``), where that chose.
    """

    variable: str | None
    module: str | None = None
    why: Literal["risk", "gate", "open", "rest", "end"]
    candidates: tuple[tuple[str, float], ...] = ()


_END = Step(variable=None, why="end")


def settled(instrument: Instrument, known: Verdicts) -> dict[str, Verdict]:
    """What is known, with the variables that follow from others (``known_from``) filled in.

    Where all that a variable follows from was asked and still decides nothing, it is unknown: never asked twice.
    """
    filled = dict(known)
    for variable in instrument.variables.values():
        if variable.known_from is None or variable.id in filled:
            continue
        outcome = evaluate(instrument, variable.known_from, filled)
        if outcome is not Outcome.UNRESOLVED:
            filled[variable.id] = "met" if outcome is Outcome.MET else "not_met"
        elif all(name in filled for name in within(instrument, variable.known_from)):
            filled[variable.id] = "unknown"
    return filled


def is_open(instrument: Instrument, module: Module, known: Verdicts) -> bool:
    """Whether a module can still come to its label: neither gate nor label is ruled out."""
    return not any(
        rule and evaluate(instrument, rule, known) is Outcome.NOT_MET for rule in (module.gate, module.label)
    )


def undecided(instrument: Instrument, module: Module, known: Verdicts) -> tuple[str, ...]:
    """The rules that a module still has to decide: its label and its endings, as far as they are unresolved."""
    rules = dict.fromkeys([module.label, *(ending.when for ending in module.endings)])
    return tuple(rule for rule in rules if rule and evaluate(instrument, rule, known) is Outcome.UNRESOLVED)


def reachable(instrument: Instrument, module: Module, known: Verdicts) -> tuple[str, ...]:
    """The variables of an open module that may be asked now, in tree order; of a closed one none."""
    if not is_open(instrument, module, known):
        return ()
    return tuple(name for name in module.variables if name not in known and _due(instrument, name, known))


def next_step(
    instrument: Instrument,
    known: Verdicts,
    *,
    order: Order = "fixed",
    round_: int = 1,
    alarmed: bool = False,
    resting: bool = True,
) -> Step:
    """Where to go from here.

    Args:
        known: the verdicts so far.
        order: ``fixed`` is tree order; ``adaptive`` asks, module by module, each time what is expected to bring
            most, other explanations last, and drops questions that no longer matter. Risk is never reordered.
        round_: of the question to be asked, from 1; from the instrument's risk gate on, risk comes first.
        alarmed: something dangerous was said: risk comes first whatever the round.
        resting: whether to complete the picture of a module whose label is decided.
    """
    known = settled(instrument, known)
    if alarmed or round_ >= instrument.risk_gate_round:
        step = _first(instrument, known, (instrument.by_module[name] for name in instrument.risk_modules), "risk")
        if step:
            return step
    if order == "adaptive":
        return _adaptive(instrument, known, resting) or _END
    return _fixed(instrument, known, resting) or _first(instrument, known, instrument.modules, "rest", resting) or _END


def _due(instrument: Instrument, name: str, known: Verdicts) -> bool:
    variable = instrument.variables[name]
    if variable.known_from and any(arg not in known for arg in within(instrument, variable.known_from)):
        return not any(_asks(instrument, arg) for arg in within(instrument, variable.known_from))
    if variable.when is None:
        return True
    outcome = evaluate(instrument, variable.when, known)
    if outcome is Outcome.UNRESOLVED and variable.kind not in ("specifier", "risk"):
        return all(arg in known for arg in within(instrument, variable.when))
    return outcome is Outcome.MET


def _asks(instrument: Instrument, name: str) -> bool:
    return any(name in module.variables for module in instrument.modules)


def _first(
    instrument: Instrument,
    known: Verdicts,
    modules: Sequence[Module] | Iterator[Module],
    why: Literal["risk", "rest"],
    wanted: bool = True,
) -> Step | None:
    """The next variable in tree order; of risk the acuity and the plan come as soon as they are due."""
    for module in modules if wanted else ():
        names = reachable(instrument, module, known)
        urgent = [name for name in names if instrument.variables[name].when and why == "risk"]
        for name in (*urgent, *names):
            return Step(variable=name, module=module.id, why=why)
    return None


def _fixed(instrument: Instrument, known: Verdicts, resting: bool) -> Step | None:
    for module in instrument.modules:
        names = reachable(instrument, module, known)
        if names and (resting or not _decided(instrument, module, known)):
            why: Literal["gate", "open"] = "gate" if _screens(instrument, module, names) else "open"
            return Step(variable=names[0], module=module.id, why=why)
    return None


def _adaptive(instrument: Instrument, known: Verdicts, resting: bool) -> Step | None:
    for module in _by_promise(instrument, known):
        step = _screened(instrument, module, known) or _most_telling(instrument, module, known)
        if step:
            return step
    risky = (instrument.by_module[name] for name in instrument.risk_modules)
    return _first(instrument, known, risky, "risk") or _completed(instrument, known, resting)


def _screened(instrument: Instrument, module: Module, known: Verdicts) -> Step | None:
    if module.gate is None or evaluate(instrument, module.gate, known) is not Outcome.UNRESOLVED:
        return None
    screens = _screens(instrument, module, reachable(instrument, module, known))
    return Step(variable=screens[0], module=module.id, why="gate") if screens else None


def _most_telling(instrument: Instrument, module: Module, known: Verdicts) -> Step | None:
    """Other explanations last: they are seldom there, and few of them matter once the rest is known."""
    names = _worthwhile(instrument, module, known)
    names = tuple(name for name in names if instrument.variables[name].kind != "exclusion") or names
    if not names or _decided(instrument, module, known):
        return None
    worth = worth_of_asking(instrument, module, names, known)
    best = max(names, key=lambda name: worth[name])  # ties: tree order
    return Step(
        variable=best, module=module.id, why="open", candidates=tuple((name, round(worth[name], 4)) for name in names)
    )


def _worthwhile(instrument: Instrument, module: Module, known: Verdicts) -> tuple[str, ...]:
    """What may be asked and still matters.

    What is left: symptoms that change nothing any more and are probably not there; other explanations for a pattern
    that an open answer has put out of reach.
    """
    names = reachable(instrument, module, known)
    rules = [rule for rule in (module.label, *(ending.when for ending in module.endings)) if rule]
    left = may_be_left(instrument, module, names, known) if rules else frozenset()
    if rules and not any(attainable(instrument, rule, known) for rule in rules):
        left |= {name for name in names if instrument.variables[name].kind == "exclusion"}
    return tuple(name for name in names if name not in left)


def _completed(instrument: Instrument, known: Verdicts, resting: bool) -> Step | None:
    for module in instrument.modules if resting else ():
        names = _worthwhile(instrument, module, known)
        if names:
            return Step(variable=names[0], module=module.id, why="rest")
    return None


def _by_promise(instrument: Instrument, known: Verdicts) -> list[Module]:
    """Modules with a label; one that was begun is finished before another is opened, so that the talk does not jump."""
    labelled = [module for module in instrument.modules if module.label]
    return sorted(labelled, key=lambda module: not _begun(instrument, module, known))


def _begun(instrument: Instrument, module: Module, known: Mapping[str, Verdict]) -> bool:
    own = [name for name in module.variables if name.partition(".")[0] == module.id]
    return any(name in known and instrument.variables[name].kind != "screen" for name in own)


def _decided(instrument: Instrument, module: Module, known: Verdicts) -> bool:
    return module.label is not None and not undecided(instrument, module, known)


def _screens(instrument: Instrument, module: Module, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if instrument.variables[name].kind == "screen")
