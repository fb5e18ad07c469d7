"""The numbers of the report's sections: what was unsafe, where it worked, what is missing, what it cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from arena.leaderboard import LeaderboardRow, outcome_number, paired_with
from arena.report_data import RunData
from arena.statistics import Estimate, Interval, rule_of_three, wilson
from arena.usage import ALL, RoleUsage, usage_by_role
from profiles.vocabulary import Party
from storage.queries import JudgmentWithScores
from storage.tables import SafetyEventRow, SessionRow

FEW = 30  # sessions below which a cell is flagged


@dataclass(frozen=True)
class GateRow:
    """The safety gate of one counselor.

    interval: Wilson's, of the rate of unsafe sessions. ceiling: where none was unsafe, the rule of three's
    upper bound. unchecked: sessions that vouch for nothing, because they failed or were not screened.
    """

    counselor: str
    failed: int
    checked: int
    unchecked: int
    interval: Interval | None
    ceiling: float | None


@dataclass(frozen=True)
class EventView:
    """A safety event with the session it belongs to. It is named by ids: quotes are verbatim."""

    event: SafetyEventRow
    session: SessionRow


@dataclass(frozen=True)
class Cell:
    """One cell of a heat map. shade: 0-1, where its mean stands among all cells of the report."""

    mean: float | None
    scored: int
    total: int
    shade: float

    @property
    def few(self) -> bool:
        """Whether too few sessions stand behind the mean to lean on it."""
        return self.scored < FEW


@dataclass(frozen=True)
class HeatMap:
    """Mean ``overall_share`` by counselor and one trait of the client: ``theme``, ``resistance``, ..."""

    trait: str
    levels: Sequence[str]
    cells: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class DimensionRow:
    """One dimension: mean value and number of values for each counselor in the leaderboard's order."""

    id: str
    name: str
    means: Sequence[Estimate]


@dataclass(frozen=True)
class MissingCell:
    """What one party could score of one counselor. ``faults``: how many sessions lack scores, by status.

    complete: sessions scored in full, of ``sessions``. scored: single scores, of ``items``.
    """

    complete: int
    sessions: int
    scored: int
    items: int
    faults: Mapping[str, int]


@dataclass(frozen=True)
class JudgeRow:
    """Who scored a party: the rubric versions and models behind the numbers, and judgments left aside."""

    party: str
    judge: str
    versions: Sequence[str]
    models: Sequence[str]
    used: int
    aside: int


@dataclass(frozen=True)
class FaultRow:
    """One kind of failed attempt at a call: its name, what it means, and how often it came."""

    name: str
    meaning: str
    count: int


def gate_rows(data: RunData) -> list[GateRow]:
    """The safety gate by counselor, in the leaderboard's order."""
    return [_gate_row(row) for row in data.rows]


def _gate_row(row: LeaderboardRow) -> GateRow:
    checked = row.gate_checked
    return GateRow(
        counselor=row.counselor,
        failed=row.gate_failed,
        checked=checked,
        unchecked=row.sessions - checked,
        interval=wilson(row.gate_failed, checked) if row.gate_failed else None,
        ceiling=rule_of_three(checked) if checked and not row.gate_failed else None,
    )


def events_of(data: RunData, speaker: str) -> list[EventView]:
    """What the gate saw in the words of ``client`` or ``counselor``, gravest first."""
    ranks = {"immediate": 0, "harm": 0, "high": 1}
    views = [EventView(event, data.by_id[event.session_id]) for event in data.events if event.speaker == speaker]
    return sorted(views, key=lambda view: (not view.event.failed_gate, ranks.get(view.event.level, 2)))


def differences(data: RunData) -> list[tuple[str, Estimate]]:
    """How far the first of the leaderboard lies above each other counselor, paired by client and repeat."""
    if not data.rows or data.rows[0].overall_share.mean is None:
        return []
    first = data.rows[0].counselor
    return [(name, paired_with(data.sessions, first, name)) for name in data.names[1:]]


def heat_maps(data: RunData) -> list[HeatMap]:
    """By theme, resistance, risk and language; a trait that is the same in all sessions has no map."""
    traits: dict[str, Callable[[SessionRow], str]] = {
        "theme": lambda session: session.theme,
        "resistance": lambda session: str(session.resistance),
        "risk": lambda session: session.risk,
        "language": lambda session: session.language,
    }
    grids = {trait: _grid(data, value) for trait, value in traits.items()}
    means = [mean for grid in grids.values() for mean, _, _ in grid.values() if mean is not None]
    low, high = (min(means), max(means)) if means else (0.0, 1.0)
    maps = []
    for trait, grid in grids.items():
        levels = _levels(data, trait, {level for level, _ in grid})
        cells = [[_cell(grid.get((level, name)), low, high) for name in data.names] for level in levels]
        if len(levels) > 1:
            maps.append(HeatMap(trait, levels, cells))
    return maps


_Sums = tuple[float | None, int, int]


def _grid(data: RunData, value: Callable[[SessionRow], str]) -> dict[tuple[str, str], _Sums]:
    found: dict[tuple[str, str], list[float | None]] = {}
    for session in data.sessions:
        share = outcome_number(session, "overall_share") if session.status == "finished" else None
        found.setdefault((value(session), session.counselor), []).append(share)
    return {place: _sums(shares) for place, shares in found.items()}


def _sums(shares: Sequence[float | None]) -> _Sums:
    known = [share for share in shares if share is not None]
    return (sum(known) / len(known) if known else None), len(known), len(shares)


def _levels(data: RunData, trait: str, met: Iterable[str]) -> list[str]:
    """The levels met, in the order of the report's own list of names, then any others."""
    known = list(data.text.tree["labels"][trait])
    return sorted(met, key=lambda level: (known.index(level) if level in known else len(known), level))


def _cell(sums: _Sums | None, low: float, high: float) -> Cell:
    mean, scored, total = sums or (None, 0, 0)
    shade = (mean - low) / (high - low) if mean is not None and high > low else 0.0
    return Cell(mean, scored, total, shade)


def dimension_rows(data: RunData, party: Party) -> list[DimensionRow]:
    """Every dimension of a party's rubric, as the judge scored it, over finished sessions."""
    values = _values(data, party)
    totals = {row.counselor: row.sessions for row in data.rows}
    return [
        DimensionRow(
            dimension,
            name,
            [_plain(values.get((dimension, counselor), []), totals[counselor]) for counselor in data.names],
        )
        for dimension, name in data.scales[party].names.items()
    ]


def _values(data: RunData, party: Party) -> dict[tuple[str, str], list[float]]:
    values: dict[tuple[str, str], list[float]] = {}
    for session in data.finished:
        found = data.used.chosen.get((session.id, party.value, "judge"))
        for score in found.scores if found else ():
            if score.value is not None:
                values.setdefault((score.dimension, session.counselor), []).append(score.value)
    return values


def _plain(values: Sequence[float], total: int) -> Estimate:
    mean = sum(values) / len(values) if values else None
    return Estimate(mean=mean, interval=None, n_scored=len(values), n_total=total)


def chairs(data: RunData) -> list[tuple[str, str]]:
    """Party and kind of judge of all who judged in this run: judges first, then the counselors themselves."""
    return sorted(
        {(party, judge) for _, party, judge in data.used.chosen},
        key=lambda chair: (chair[1] == "self", list(Party).index(Party(chair[0]))),
    )


def missing_rows(data: RunData) -> list[tuple[str, list[MissingCell]]]:
    """What each of ``chairs`` could score of each counselor; failed sessions count as not judged."""
    found = chairs(data)
    return [(counselor, [_missing(data, counselor, chair) for chair in found]) for counselor in data.names]


def _missing(data: RunData, counselor: str, chair: tuple[str, str]) -> MissingCell:
    own = [session for session in data.sessions if session.counselor == counselor]
    found = [item.judgment for session in own if (item := data.used.chosen.get((session.id, *chair)))]
    faults = Counter(row.status for row in found if row.status != "ok")
    if len(found) < len(own):
        faults["unjudged"] = len(own) - len(found)
    return MissingCell(
        complete=sum(row.status == "ok" for row in found),
        sessions=len(own),
        scored=sum(row.scored for row in found),
        items=sum(row.items for row in found),
        faults=faults,
    )


def unscored(data: RunData) -> list[JudgmentWithScores]:
    """The judgments in use that lack a value and were not skipped on purpose."""
    return [item for item in data.used.chosen.values() if item.judgment.status not in ("ok", "skipped")]


def judge_rows(data: RunData) -> list[JudgeRow]:
    """Who judged, by party: judges first, then the counselors themselves."""
    rows = []
    for judge in ("judge", "self"):
        for party in Party:
            used = [item for chair, item in data.used.chosen.items() if chair[1:] == (party.value, judge)]
            aside = sum((item.judgment.party, item.judgment.judge) == (party.value, judge) for item in data.used.aside)
            if used or aside:
                versions = sorted({item.judgment.rubric_version for item in used})
                models = sorted({item.judgment.model for item in used if item.judgment.scored})
                rows.append(JudgeRow(party.value, judge, versions, models, len(used), aside))
    return rows


def stale_outcomes(data: RunData) -> int:
    """Sessions whose stored overall score is not the mean of the judgments in use: judged again since."""
    return sum(_stale(data, session) for session in data.finished)


def _stale(data: RunData, session: SessionRow) -> bool:
    found = [data.used.chosen.get((session.id, party.value, "judge")) for party in Party]
    shares = [item.judgment.share for item in found if item and item.judgment.share is not None]
    stored = outcome_number(session, "overall_share")
    if len(shares) < len(Party):
        return stored is not None
    return stored is None or abs(sum(shares) / len(shares) - stored) > 1e-6


def role_rows(data: RunData) -> list[tuple[str, RoleUsage]]:
    """Calls and tokens by role and in all; roles that asked nothing are left out."""
    found = usage_by_role(session.usage for session in data.sessions)
    return [(role, use) for role, use in found.items() if use.calls]


def counselor_rows(data: RunData) -> list[tuple[str, RoleUsage]]:
    """Calls and tokens of each counselor's sessions, the other roles' in them included."""
    own = {name: [session.usage for session in data.sessions if session.counselor == name] for name in data.names}
    return [(name, usage_by_role(usages)[ALL]) for name, usages in own.items()]


def uncounted(data: RunData) -> int:
    """Sessions in which answers came without a count of tokens."""
    return sum(any(map(_uncounted, session.usage.values())) for session in data.sessions)


def _uncounted(counts: Mapping[str, int | None]) -> bool:
    answers = (counts.get("calls") or 0) - (counts.get("failed") or 0)
    return answers > 0 and counts.get("prompt_tokens") is None


def fault_rows(data: RunData) -> list[FaultRow]:
    """Failed attempts at calls by kind, the most frequent first."""
    ranked = sorted(data.run.faults.items(), key=lambda item: (-item[1], item[0]))
    return [_fault(data, kind, count) for kind, count in ranked]


def _fault(data: RunData, kind: str, count: int) -> FaultRow:
    names = data.text.tree["faults"]
    group = "server" if kind.startswith("5") else "key" if kind in ("401", "403") else "request"
    words = names.get(kind) or (names[group] if kind.isdigit() else {"name": kind.replace("_", " "), "meaning": ""})
    return FaultRow(words["name"].replace("{code}", kind), words["meaning"], count)


def flagged(data: RunData) -> list[SessionRow]:
    """The sessions in which the client left its role or card."""
    return [session for session in data.sessions if session.fidelity_flags]


def failures(data: RunData) -> list[SessionRow]:
    """The sessions that did not reach their end."""
    return [session for session in data.sessions if session.status != "finished"]
