"""The three parties' judgments put together: overall scores and both pass rules (Ψ-Arena, AAAI-26, scoring)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from arena.scoring.judgment import Judgment
from profiles.schema import Record
from profiles.vocabulary import Party

# The paper writes "all three cuts passed" but its printed rates fit a cut near 98 of 141 on the grand total
# (our reconstruction), so both rules are computed, each under its own name.
TOTAL_CUT = 98


class Outcome(Record):
    """A session's combined scores; each is None when a party it needs has no total.

    overall_raw: mean of the parties' item means (0-4, 0-4, 0-5 mixed, as in the paper's table).
    overall_share: mean of the parties' totals as fractions of their maxima, 0-1 (ours).
    grand_total: sum of totals, 0-141. pass_all3: the rule as written. pass_total: the rule as apparently computed.
    """

    overall_raw: float | None
    overall_share: float | None
    grand_total: float | None
    pass_client: bool | None
    pass_supervisor: bool | None
    pass_counselor: bool | None
    pass_all3: bool | None
    pass_total: bool | None


def combine(judgments: Iterable[Judgment]) -> Outcome:
    """The outcome of one session from its judges' (not the self-) judgments."""
    by_party = {judgment.party: judgment for judgment in judgments if judgment.judge == "judge"}
    totals = [_total(by_party, party) for party in Party]
    whole = [value for value in totals if value is not None]
    complete = len(whole) == len(Party)
    passes = {party: by_party[party].passed if party in by_party else None for party in Party}
    grand = sum(whole) if complete else None
    return Outcome(
        overall_raw=_mean([by_party[party].item_mean for party in Party]) if complete else None,
        overall_share=_mean([by_party[party].share for party in Party]) if complete else None,
        grand_total=grand,
        pass_client=passes[Party.CLIENT],
        pass_supervisor=passes[Party.SUPERVISOR],
        pass_counselor=passes[Party.COUNSELOR],
        pass_all3=all(passes.values()) if complete else None,
        pass_total=None if grand is None else grand >= TOTAL_CUT,
    )


def _total(by_party: Mapping[Party, Judgment], party: Party) -> float | None:
    return by_party[party].total if party in by_party else None


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None
