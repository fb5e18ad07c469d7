"""The leaderboard of a run: one row a counselor, every mean with its interval and with n scored of n.

Means are over finished sessions, those that the fidelity check flagged among them; ``overall_share_clean``
leaves the flagged ones out. Failed sessions have no scores: they count in ``n_total`` only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, NamedTuple, TypeVar

from arena.statistics import Estimate, Rate, cluster_bootstrap_mean, paired_difference, rate
from arena.usage import NO_USAGE, RoleUsage, whole_usage
from profiles.schema import Record
from profiles.vocabulary import Party
from storage.database import Database
from storage.queries import JudgmentFacts, SessionFacts, each_judgment, each_session
from storage.tables import JudgmentRow, SessionRow

__all__ = [
    "InUse",
    "LeaderboardRow",
    "PartyScores",
    "in_use",
    "leaderboard",
    "load_leaderboard",
    "outcome_number",
    "paired_with",
    "session_passes",
]

Chair = tuple[str, str, str]
"""``(session id, party, judge kind)``."""

Judged = JudgmentFacts | JudgmentRow
Item = TypeVar("Item")

_OUTCOME = ("overall_raw", "overall_share", "pass_all3", "pass_total", "disclosed", "hidden")
_READ = frozenset((*_OUTCOME, *(f"pass_{party.value}" for party in Party)))


class PartyScores(Record):
    """One party's view of a counselor. item_mean is on the rubric's range, share is 0-1 of the maximum.

    passed: sessions whose total reached this party's cut, whatever the safety gate said.
    """

    item_mean: Estimate
    share: Estimate
    passed: Rate


class LeaderboardRow(Record):
    """One counselor of a run.

    gate_failed: finished sessions with an unsafe counselor turn, of ``gate_checked``; these pass nothing.
    parties: by party (``client``, ``supervisor``, ``counselor``), scored by the judge.
    self_mean, self_gap: the counselor's own item mean, and how far it lies above the judge's in a session.
    overall_raw, overall_share, overall_share_clean, pass_all3, pass_total: see ``arena.scoring.combine``.
    disclosed, hidden: facts that the client told, of those that it held back at first.
    tokens: calls and tokens of all sessions, the other roles' in them included.
    """

    counselor: str
    sessions: int
    finished: int
    failed: int
    fidelity_flagged: int
    gate_failed: int
    gate_checked: int
    parties: dict[str, PartyScores]
    self_mean: Estimate
    self_gap: Estimate
    overall_raw: Estimate
    overall_share: Estimate
    overall_share_clean: Estimate
    pass_all3: Rate
    pass_total: Rate
    disclosed: Estimate
    hidden: Estimate
    tokens: RoleUsage


class InUse(NamedTuple, Generic[Item]):
    """The judgments that numbers are made of, by (session, party, judge kind), and those left aside."""

    chosen: Mapping[Chair, Item]
    aside: Sequence[Item]


def in_use(judgments: Iterable[Item], row_of: Callable[[Item], Judged]) -> InUse[Item]:
    """One judgment for each chair of each session, never pooling two rubric versions or two judge models.

    For a party and kind of judge, the rubric version and model with the most sessions scored are taken, the
    newer ones at a tie; among several judgments of one session the newest. Where a session has only judgments
    that failed, one of these stands for it, with its status and without values. Models differ by nature where
    counselors judge themselves.

    Args:
        row_of: the judgment's row in an item that may hold more, such as its scores.
    """
    given = list(judgments)
    best = _best_groups(map(row_of, given))
    ranked = sorted(given, key=lambda item: _preference(row_of(item), best))
    chosen: dict[Chair, Item] = {}
    for item in ranked:  # later ones replace earlier ones, and the sort is stable
        row = row_of(item)
        group = best.get(_seat(row), _group(row))
        if _group(row) == group or (not row.scored and row.rubric_version == group[0]):
            chosen[row.session_id, row.party, row.judge] = item
    taken = {id(item) for item in chosen.values()}
    return InUse(chosen=chosen, aside=[item for item in given if id(item) not in taken])


def _preference(row: Judged, best: Mapping[tuple[str, str], tuple[str, str]]) -> tuple[bool, bool]:
    return bool(row.scored), _group(row) == best.get(_seat(row))


def _seat(row: Judged) -> tuple[str, str]:
    return row.party, row.judge


def _group(row: Judged) -> tuple[str, str]:
    return row.rubric_version, "" if row.judge == "self" else row.model


def _best_groups(rows: Iterable[Judged]) -> dict[tuple[str, str], tuple[str, str]]:
    members: dict[tuple[str, str], dict[tuple[str, str], list[Judged]]] = {}
    for row in rows:
        if row.scored:
            members.setdefault(_seat(row), {}).setdefault(_group(row), []).append(row)
    return {seat: max(groups, key=lambda group: _weight(groups[group])) for seat, groups in members.items()}


def _weight(rows: Sequence[Judged]) -> tuple[int, int]:
    return len({row.session_id for row in rows}), max(row.id or 0 for row in rows)


def load_leaderboard(db: Database, run_id: str) -> list[LeaderboardRow]:
    """The ``leaderboard`` of a stored run."""
    return leaderboard(each_session(db, run_id), each_judgment(db, run_id))


def leaderboard(
    sessions: Iterable[SessionFacts], judgments: Iterable[Judged], *, seed: int = 0
) -> list[LeaderboardRow]:
    """The counselors of a run, the highest mean of ``overall_share`` first, those without one last.

    Args:
        sessions: all sessions of the run, failed ones too.
        judgments: all judgments of the run; ``in_use`` says which of several count.
        seed: of the bootstrap.
    """
    own: dict[str, list[SessionFacts]] = {}
    tokens: dict[str, RoleUsage] = {}
    for session in sessions:
        name = session.counselor
        own.setdefault(name, []).append(_bare(session))
        tokens[name] = tokens.get(name, NO_USAGE) + whole_usage(session.usage)
    chosen = in_use(judgments, lambda row: row).chosen
    rows = [_Record(own[name], chosen, seed).row(name, tokens[name]) for name in own]
    return sorted(rows, key=_standing)


def _bare(session: SessionFacts) -> SessionFacts:
    """The session without what is not read again: a large run has many of them in memory here."""
    outcome = {key: value for key, value in session.outcome.items() if key in _READ}
    return session._replace(outcome=outcome, usage={})


def _standing(row: LeaderboardRow) -> tuple[bool, float, str]:
    mean = row.overall_share.mean
    return mean is None, -(mean or 0.0), row.counselor


@dataclass(frozen=True)
class _Record:
    """All that one counselor did, and how its row is made of it."""

    sessions: Sequence[SessionFacts]
    chosen: Mapping[Chair, Judged]
    seed: int

    def row(self, name: str, tokens: RoleUsage) -> LeaderboardRow:
        finished = [session for session in self.sessions if session.status == "finished"]
        return LeaderboardRow(
            counselor=name,
            sessions=len(self.sessions),
            finished=len(finished),
            failed=len(self.sessions) - len(finished),
            fidelity_flagged=sum(session.fidelity == "flagged" for session in finished),
            gate_failed=sum(session.gate == "failed" for session in finished),
            gate_checked=sum(session.gate in ("passed", "failed") for session in finished),
            parties={party.value: self._party(party) for party in Party},
            self_mean=self._mean(lambda session: self._judged(session, Party.COUNSELOR, "self", "item_mean")),
            self_gap=self._mean(self._gap),
            overall_raw=self._outcome("overall_raw"),
            overall_share=self._outcome("overall_share"),
            overall_share_clean=self._without_flagged()._outcome("overall_share"),
            pass_all3=self._rate(lambda session: session_passes(session, "pass_all3")),
            pass_total=self._rate(lambda session: session_passes(session, "pass_total")),
            disclosed=self._outcome("disclosed"),
            hidden=self._outcome("hidden"),
            tokens=tokens,
        )

    def _without_flagged(self) -> _Record:
        return replace(self, sessions=[session for session in self.sessions if session.fidelity != "flagged"])

    def _party(self, party: Party) -> PartyScores:
        return PartyScores(
            item_mean=self._mean(lambda session: self._judged(session, party, "judge", "item_mean")),
            share=self._mean(lambda session: self._judged(session, party, "judge", "share")),
            passed=self._rate(lambda session: _verdict(session, f"pass_{party.value}")),
        )

    def _outcome(self, key: str) -> Estimate:
        return self._mean(lambda session: outcome_number(session, key))

    def _mean(self, value: Callable[[SessionFacts], float | None]) -> Estimate:
        values = [value(session) if session.status == "finished" else None for session in self.sessions]
        clients = [session.profile_id for session in self.sessions]
        return cluster_bootstrap_mean(values, clients, seed=self.seed)

    def _rate(self, verdict: Callable[[SessionFacts], bool | None]) -> Rate:
        return rate(verdict(session) if session.status == "finished" else None for session in self.sessions)

    def _judged(self, session: SessionFacts, party: Party, kind: str, field: str) -> float | None:
        found = self.chosen.get((session.id, party.value, kind))
        value: float | None = getattr(found, field) if found else None
        return value

    def _gap(self, session: SessionFacts) -> float | None:
        own, judge = (self._judged(session, Party.COUNSELOR, kind, "item_mean") for kind in ("self", "judge"))
        return None if own is None or judge is None else own - judge


def outcome_number(session: SessionFacts | SessionRow, key: str) -> float | None:
    """A number of the session's outcome; None where it is missing."""
    value = session.outcome.get(key)
    return float(value) if isinstance(value, (int, float)) else None


def session_passes(session: SessionFacts | SessionRow, rule: str) -> bool | None:
    """Whether a session passes by ``pass_all3`` or ``pass_total``; None where no verdict is possible.

    A failed safety gate overrides every score, and missing scores too. A failed session has no verdict.
    """
    if session.status != "finished":
        return None
    return False if session.gate == "failed" else _verdict(session, rule)


def _verdict(session: SessionFacts | SessionRow, key: str) -> bool | None:
    value = session.outcome.get(key)
    return value if isinstance(value, bool) else None


def paired_with(sessions: Iterable[SessionRow], counselor: str, other: str, *, seed: int = 0) -> Estimate:
    """How far ``counselor`` lies above ``other`` in ``overall_share``, paired by client and repeat."""
    sides: dict[str, dict[tuple[str, int], float | None]] = {counselor: {}, other: {}}
    for session in sessions:
        if session.counselor in sides:
            value = outcome_number(session, "overall_share") if session.status == "finished" else None
            sides[session.counselor][session.profile_id, session.repeat] = value
    return paired_difference(sides[counselor], sides[other], seed=seed)
