"""What asking is expected to bring: the adaptive order's measure, of what is probably found and what is learned.

For a label R and a variable i with the chances p (met), n (not met) and q (no usable answer):
``IG(i) = H(R) - [p H(R|met) + n H(R|not met) + q H(R)]``. The chance of R follows from the rules' tree by taking the
arguments of each rule as independent; counts by Poisson-binomial dynamic programming. Both are approximations that
only order questions and never decide anything. To choose questions by falling entropy has precedent (arXiv 2502.07143).
By information alone, what is probably there is asked late and often never, since nobody learns much from it; so a
finding counts in itself. What each counts for was set on drawn clients (seeds 1 to 24), not on those that confirm it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, log, log2, prod

from profiles.interview_rules import Verdicts
from profiles.interviews import Instrument, Module, Verdict

__all__ = ["chance_of", "expected_information", "may_be_left", "worth_of_asking"]

_NO_ANSWER = 0.12  # chance that an answer settles nothing
_STEP = 0.4  # log-odds that one symptom met, or not, adds to the chance of the module's others
_MOST_STEPS = 3
_NOTHING = 1e-9  # bits; less is a rounding error
_BIT = 0.1  # what a bit about the rules is worth beside a criterion that is found
_LATER = 0.2  # taken off what can close a module before its symptoms are told: durations and consequences
_LATE = ("duration", "impairment")
_TOGETHER = ("screen", "symptom", "impairment")  # kinds that seldom come alone
_PROBABLE = 0.5  # below it, what can change no rule any more is not looked for


def worth_of_asking(instrument: Instrument, module: Module, names: Sequence[str], known: Verdicts) -> dict[str, float]:
    """The chance to find a criterion (0-1) and a tenth for each bit expected about the module's rules.

    Durations and consequences count a fifth less: they close a module, and what is not yet told of it is lost then.
    """
    chances = _chances(instrument, module, known)
    bits = expected_information(instrument, module, names, known)
    return {
        name: chances[name] + _BIT * bits[name] - _LATER * (instrument.variables[name].kind in _LATE) for name in names
    }


def may_be_left(instrument: Instrument, module: Module, names: Sequence[str], known: Verdicts) -> frozenset[str]:
    """The symptoms that can change none of the module's rules any more and are probably not there."""
    symptoms = [name for name in names if instrument.variables[name].kind == "symptom"]
    chances = _chances(instrument, module, known)
    bits = expected_information(instrument, module, symptoms, known)
    return frozenset(name for name in symptoms if bits[name] < _NOTHING and chances[name] < _PROBABLE)


def expected_information(
    instrument: Instrument, module: Module, names: Sequence[str], known: Verdicts
) -> dict[str, float]:
    """Bits that asking about each variable is expected to tell about the module's rules together, never below 0."""
    chances = _chances(instrument, module, known)
    gains = dict.fromkeys(names, 0.0)
    for rule in dict.fromkeys([module.label, *(ending.when for ending in module.endings)]):
        if rule:
            before = _entropy(chance_of(instrument, rule, known, chances))
            gains = {name: gain + _gain(instrument, rule, name, known, chances, before) for name, gain in gains.items()}
    return gains


def chance_of(instrument: Instrument, name: str, known: Verdicts, chances: Mapping[str, float]) -> float:
    """The chance (0-1) that a rule or variable is met. ``chances``: of the variables that are not settled."""
    if name not in instrument.rules:
        verdict = known.get(name)
        return {"met": 1.0, "not_met": 0.0}.get(verdict or "", chances.get(name, 0.5))
    rule = instrument.rules[name]
    parts = [chance_of(instrument, arg, known, chances) for arg in rule.args]
    if rule.op in ("any", "alarm"):
        return 1.0 - prod(1.0 - part for part in parts)
    if rule.op == "none":
        return prod(1.0 - part for part in parts)
    return prod(parts) if rule.op == "all" else _at_least(parts, rule.at_least or 1)


def _gain(
    instrument: Instrument, label: str, name: str, known: Verdicts, chances: Mapping[str, float], before: float
) -> float:
    def after(verdict: Verdict) -> float:
        return _entropy(chance_of(instrument, label, {**known, name: verdict}, chances))

    met = (1.0 - _NO_ANSWER) * chances[name]
    not_met = 1.0 - _NO_ANSWER - met
    return max(0.0, before - met * after("met") - not_met * after("not_met") - _NO_ANSWER * before)


def _chances(instrument: Instrument, module: Module, known: Verdicts) -> dict[str, float]:
    """Base rates, moved by what was said of the module's other symptoms: trouble seldom comes alone."""
    symptoms = [name for name in module.variables if instrument.variables[name].kind in ("screen", "symptom")]
    met = sum(known.get(name) == "met" for name in symptoms)
    not_met = sum(known.get(name) == "not_met" for name in symptoms)
    shift = _STEP * max(-_MOST_STEPS, min(_MOST_STEPS, met - not_met))
    return {
        name: _moved(variable.base_rate, shift if variable.kind in _TOGETHER else 0.0)
        for name, variable in instrument.variables.items()
    }


def _moved(chance: float, shift: float) -> float:
    return 1.0 / (1.0 + exp(-(log(chance / (1.0 - chance)) + shift)))


def _at_least(parts: Sequence[float], least: int) -> float:
    counts = [1.0]
    for part in parts:
        shifted = [0.0, *(part * count for count in counts)]
        counts = [here + (1.0 - part) * stays for here, stays in zip(shifted, [*counts, 0.0], strict=True)]
    return sum(counts[least:])


def _entropy(chance: float) -> float:
    if chance <= 0.0 or chance >= 1.0:
        return 0.0
    return -chance * log2(chance) - (1.0 - chance) * log2(1.0 - chance)
