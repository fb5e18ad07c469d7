"""Evaluates an interview's rules on what is known: three values, exact bounds, and what is still missing.

Met, not met, unresolved. ``all``, ``any`` and ``none`` follow Kleene's strong logic; ``count`` compares the number met,
and that number with all that is not settled, with its threshold. A variable that was asked without result (unknown,
refused) and one that was never asked are alike here: neither is ever taken for a no.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from profiles.interviews import Instrument, Module, Rule, Verdict

__all__ = ["Outcome", "Verdicts", "attainable", "ending_of", "evaluate", "missing", "within"]

Verdicts = Mapping[str, Verdict]
"""Variable id -> verdict; a variable that is not in it has not been asked."""


class Outcome(StrEnum):
    """What a rule or variable comes to."""

    MET = "met"
    NOT_MET = "not_met"
    UNRESOLVED = "unresolved"


_FLIPPED = {Outcome.MET: Outcome.NOT_MET, Outcome.NOT_MET: Outcome.MET, Outcome.UNRESOLVED: Outcome.UNRESOLVED}


def evaluate(instrument: Instrument, name: str, known: Verdicts) -> Outcome:
    """What a rule or a variable comes to on these verdicts.

    Raises:
        KeyError: the instrument has neither a rule nor a variable of this name.
    """
    if name not in instrument.rules:
        return _of_variable(instrument.variables[name].id, known)
    rule = instrument.rules[name]
    if rule.op == "alarm":
        return _alarm(rule, known)
    found = [evaluate(instrument, arg, known) for arg in rule.args]
    if rule.op == "none":
        found = [_FLIPPED[each] for each in found]
    met = found.count(Outcome.MET)
    possible = met + found.count(Outcome.UNRESOLVED)
    least = _least(rule)
    if met >= least:
        return Outcome.MET
    return Outcome.NOT_MET if possible < least else Outcome.UNRESOLVED


def _least(rule: Rule) -> int:
    if rule.op == "count":
        return rule.at_least or 1
    return 1 if rule.op == "any" else len(rule.args)


def _of_variable(name: str, known: Verdicts) -> Outcome:
    verdict = known.get(name)
    return Outcome(verdict) if verdict in ("met", "not_met") else Outcome.UNRESOLVED


def _alarm(rule: Rule, known: Verdicts) -> Outcome:
    """Not knowing is danger: after an ASQ-like rule, by which a refusal counts as a positive answer (NIMH ASQ)."""
    if any(known.get(arg) in ("met", "unknown", "refused") for arg in rule.args):
        return Outcome.MET
    return Outcome.NOT_MET if all(known.get(arg) == "not_met" for arg in rule.args) else Outcome.UNRESOLVED


def attainable(instrument: Instrument, name: str, known: Verdicts) -> bool:
    """Whether a rule or variable can still be met: what has not been asked may turn out well, what stayed open not."""
    return _may_be(instrument, name, known)[0]


def _may_be(instrument: Instrument, name: str, known: Verdicts) -> tuple[bool, bool]:
    """Whether it may still be met, and whether it may still be ruled out."""
    if name not in instrument.rules:
        verdict = known.get(name)
        return verdict in (None, "met"), verdict in (None, "not_met")
    rule = instrument.rules[name]
    if rule.op == "alarm":
        outcome = _alarm(rule, known)
        return outcome is not Outcome.NOT_MET, outcome is not Outcome.MET
    found = [_may_be(instrument, arg, known) for arg in rule.args]
    if rule.op == "none":
        found = [(no, yes) for yes, no in found]
    least = _least(rule)
    return sum(yes for yes, _ in found) >= least, sum(no for _, no in found) > len(found) - least


def within(instrument: Instrument, name: str) -> tuple[str, ...]:
    """The variables that a rule rests on, directly or through other rules, in order, each once."""
    if name not in instrument.rules:
        return (name,)
    nested = (within(instrument, arg) for arg in instrument.rules[name].args)
    return tuple(dict.fromkeys(variable for part in nested for variable in part))


def missing(instrument: Instrument, name: str, known: Verdicts) -> tuple[str, ...]:
    """The variables without a settled verdict that keep an unresolved rule unresolved; empty for a decided one."""
    if evaluate(instrument, name, known) is not Outcome.UNRESOLVED:
        return ()
    if name not in instrument.rules:
        return (name,)
    nested = (missing(instrument, arg, known) for arg in instrument.rules[name].args)
    return tuple(dict.fromkeys(variable for part in nested for variable in part))


def ending_of(instrument: Instrument, module: Module, known: Verdicts) -> tuple[Outcome, str | None]:
    """How a module ends: the first ending that is met; else whether all are ruled out.

    Returns:
        ``(MET, ending id)``, ``(NOT_MET, None)``, or ``(UNRESOLVED, None)`` where an ending that stands before
        every met one cannot be decided: a graver ending must be ruled out before a lesser one is printed.
    """
    for ending in module.endings:
        outcome = evaluate(instrument, ending.when, known)
        if outcome is Outcome.MET:
            return outcome, ending.id
        if outcome is Outcome.UNRESOLVED:
            return outcome, None
    return Outcome.NOT_MET, None
