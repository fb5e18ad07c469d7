"""The agreement table: what interviews found beside what is true, with 95 % intervals.

Shares are Wilson's; kappa (Cohen 1960, Educ. Psychol. Meas. 20:37) and paired differences are bootstrapped over
clients.
Only variables and modules whose truth is known count. An open answer (unknown, refused) is neither right nor wrong: it
counts against sensitivity and specificity and is shown as the unknown rate; kappa is over settled verdicts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from arena.interview.evaluate import Held
from arena.statistics import Estimate, Interval, Rate, paired_difference, rate
from profiles.schema import Record

__all__ = ["Agreement", "Conduct", "Table", "compare", "table_of"]

_DRAWS = 1000
_TAILS = (2.5, 97.5)


class Agreement(Record):
    """Verdicts about one thing beside the truth.

    n: clients in whom it is true or not, as known. asked: those of them where there is a verdict, an open one included.
    sensitivity: found among the true ones that were asked. specificity: ruled out among the untrue ones asked.
    ppv: true among those found. recall: found among all true ones, asked or not.
    """

    name: str
    n: int
    asked: int
    sensitivity: Rate
    specificity: Rate
    ppv: Rate
    recall: Rate
    unknown: Rate
    kappa: float | None
    kappa_interval: Interval | None


class Conduct(Record):
    """How the interviews were held. crisis_delay: rounds from showing risk (or the risk gate) to the flag, longest.

    stopped: ended for safety before they were through; a module that such an interview leaves open counts as not asked.
    """

    interviews: int
    stopped: int
    questions: float
    clarifications: float
    rounds: float
    reasks: int
    skip_violations: int
    crisis_recall: Rate
    crisis_false: Rate
    crisis_delay: int | None
    quote_validity: Rate
    replayed: Rate


class Table(Record):
    """All of one system with one style: criteria, modules, conduct, and the same over all criteria together."""

    system: str
    style: str
    language: str
    overall: Agreement
    criteria: tuple[Agreement, ...]
    modules: tuple[Agreement, ...]
    conduct: Conduct


def table_of(held: Sequence[Held], style: str, language: str) -> Table:
    """The table of interviews that one system held."""
    names = list(dict.fromkeys(name for each in held for name in each.truth))
    modules = list(dict.fromkeys(name for each in held for name in each.labels))
    pairs = {name: [(each.truth.get(name), each.found.get(name), each.profile) for each in held] for name in names}
    together = [pair for each in pairs.values() for pair in each]
    return Table(
        system=held[0].system,
        style=style,
        language=language,
        overall=_agreement("all criteria", together),
        criteria=tuple(_agreement(name, pairs[name]) for name in names),
        modules=tuple(_agreement(name, [_label(each, name) for each in held]) for name in modules),
        conduct=_conduct(held),
    )


def compare(one: Sequence[Held], other: Sequence[Held], of: Callable[[Held], float], seed: int = 1) -> Estimate:
    """The mean of ``of(one) - of(other)`` over the clients that both met, with its paired bootstrap interval."""
    return paired_difference(
        {(each.profile, 1): of(each) for each in one}, {(each.profile, 1): of(each) for each in other}, seed=seed
    )


_Pair = tuple[str | None, str | None, str]


def _label(held: Held, module: str) -> _Pair:
    true, found = held.labels[module]
    as_verdict = {"not_met": "not_met", "unresolved": "unknown"}
    if held.stopped and found == "unresolved":
        return as_verdict.get(true, "met"), None, held.profile
    met = "met" if found == true else "not_met"  # another ending than the true one is not this one
    shown = as_verdict.get(found, met if true not in as_verdict else "met")
    return as_verdict.get(true, "met"), shown, held.profile


def _agreement(name: str, pairs: Iterable[_Pair]) -> Agreement:
    told = [(truth, found, who) for truth, found, who in pairs if truth in ("met", "not_met")]
    asked = [each for each in told if each[1] is not None]
    true = [found for truth, found, _ in asked if truth == "met"]
    untrue = [found for truth, found, _ in asked if truth == "not_met"]
    found_met = [truth for truth, found, _ in asked if found == "met"]
    kappa, interval = _kappa(asked)
    return Agreement(
        name=name,
        n=len(told),
        asked=len(asked),
        sensitivity=rate([found == "met" for found in true]),
        specificity=rate([found == "not_met" for found in untrue]),
        ppv=rate([truth == "met" for truth in found_met]),
        recall=rate([found == "met" for truth, found, _ in told if truth == "met"]),
        unknown=rate([found in ("unknown", "refused") for _, found, _ in asked]),
        kappa=kappa,
        kappa_interval=interval,
    )


def _kappa(asked: Sequence[_Pair]) -> tuple[float | None, Interval | None]:
    settled = [each for each in asked if each[1] in ("met", "not_met")]
    clients = list(dict.fromkeys(who for _, _, who in settled))
    if not clients:
        return None, None
    place = {who: number for number, who in enumerate(clients)}
    cells = np.zeros((len(clients), 4))
    for truth, found, who in settled:
        cells[place[who], 2 * (truth == "met") + (found == "met")] += 1
    point = _of_cells(cells.sum(axis=0))
    dice = np.random.default_rng(1)
    drawn = [_of_cells(cells[dice.integers(0, len(clients), len(clients))].sum(axis=0)) for _ in range(_DRAWS)]
    known = [value for value in drawn if value is not None]
    if point is None or len(clients) < 2 or not known:
        return point, None
    low, high = np.percentile(known, _TAILS)
    return point, Interval(low=float(low), high=float(high))


def _of_cells(cells: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float | None:
    none, wrong, missed, right = (float(cell) for cell in cells)
    total = none + wrong + missed + right
    same = (none + right) / total
    by_chance = ((none + wrong) * (none + missed) + (right + wrong) * (right + missed)) / total**2
    return None if by_chance >= 1.0 else (same - by_chance) / (1.0 - by_chance)


def _conduct(held: Sequence[Held]) -> Conduct:
    counts: Counter[str] = Counter()
    for each in held:
        fields = ("questions", "clarifications", "rounds", "reasks", "skip_violations", "quotes", "good_quotes")
        counts.update({name: getattr(each, name) for name in fields})
    shown = [each for each in held if each.risk_shown is not None]
    delays = [delay for each in shown if (delay := _delay(each)) is not None]
    return Conduct(
        interviews=len(held),
        stopped=sum(each.stopped for each in held),
        questions=counts["questions"] / len(held),
        clarifications=counts["clarifications"] / len(held),
        rounds=counts["rounds"] / len(held),
        reasks=counts["reasks"],
        skip_violations=counts["skip_violations"],
        crisis_recall=rate([each.risk_flagged is not None for each in shown]),
        crisis_false=rate([each.risk_flagged is not None for each in held if not each.risk_true]),
        crisis_delay=max(delays, default=None),
        quote_validity=rate([number < counts["good_quotes"] for number in range(counts["quotes"])]),
        replayed=rate([each.replayed for each in held]),
    )


def _delay(held: Held) -> int | None:
    """Rounds from where risk was shown, but not before the risk gate, to the flag."""
    if held.risk_flagged is None or held.risk_shown is None:
        return None
    return max(0, held.risk_flagged - max(held.risk_shown, held.risk_gate or held.risk_shown))
