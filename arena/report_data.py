"""What the report of one run is made of: its rows, what follows from them, a colour for each counselor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from agents.registry import plugins
from arena.labels import short_names
from arena.leaderboard import InUse, LeaderboardRow, in_use, load_leaderboard
from arena.report_text import ReportText, load_text
from profiles.errors import UserError
from profiles.rubrics import Rubric, load_rubric
from profiles.vocabulary import LANGUAGES, Language, Party
from storage.database import Database
from storage.lock import standing
from storage.queries import (
    JudgmentWithScores,
    find_run,
    load_all_turns,
    load_events,
    load_judgments,
    load_sessions,
)
from storage.tables import JudgmentRow, RunRow, SafetyEventRow, SessionRow, TurnRow

# Muted, of about one lightness, apart from each other for colour-blind eyes; controls stay in the background.
_COLOURS: Final = ("#23707a", "#bb7125", "#6a5a9c", "#5d7d33", "#a64f4a", "#3e6ba6", "#8a6a44", "#a25480")
_GREYS: Final = ("#6d7276", "#9a9fa3", "#82878b", "#b3b7ba")
_DASHES: Final = ("solid", "dash", "dot", "dashdot")


@dataclass(frozen=True)
class Paint:
    """How one counselor looks in every chart and table. ``css`` is its class, ``name`` its label without folders."""

    name: str
    css: str
    colour: str
    dash: str
    control: bool


@dataclass(frozen=True)
class Scale:
    """One party's dimensions in the order of its rubric: names, and the range of a value.

    high: None when no judgment shows it. changed: today's rubric file is not the one that was judged with.
    """

    party: Party
    names: Mapping[str, str]
    low: float
    high: float | None
    changed: bool

    def fraction(self, value: float) -> float | None:
        """Where a value stands between the range's ends, 0-1."""
        return None if self.high is None else (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class RunData:
    """One run as the report sees it. ``anchors``: where in the page each session stands.

    standing: the run's status, or ``interrupted``.
    """

    run: RunRow
    text: ReportText
    sessions: Sequence[SessionRow]
    turns: Mapping[str, Sequence[TurnRow]]
    used: InUse[JudgmentWithScores]
    events: Sequence[SafetyEventRow]
    rows: Sequence[LeaderboardRow]
    paints: Mapping[str, Paint]
    scales: Mapping[Party, Scale]
    anchors: Mapping[str, str]
    standing: str

    @property
    def finished(self) -> list[SessionRow]:
        """The sessions that reached their end."""
        return [session for session in self.sessions if session.status == "finished"]

    @property
    def names(self) -> list[str]:
        """The counselors in the order of the leaderboard."""
        return [row.counselor for row in self.rows]

    @cached_property
    def by_id(self) -> dict[str, SessionRow]:
        """The sessions by their ids."""
        return {session.id: session for session in self.sessions}


def load_run(db: Database, run_id: str) -> RunData:
    """Everything about a run, read in a fixed number of statements.

    Raises:
        UserError: there is no such run.
        StorageError: the database cannot be read.
    """
    run = find_run(db, run_id)
    sessions = load_sessions(db, run.id)
    rows = load_leaderboard(db, run.id)
    used = in_use(load_judgments(db, run.id), lambda item: item.judgment)
    text = load_text(_language(run, sessions))
    return RunData(
        run=run,
        text=text,
        sessions=sessions,
        turns=load_all_turns(db, run.id),
        used=used,
        standing=standing(db, run),
        events=load_events(db, run.id),
        rows=rows,
        paints=_paints([row.counselor for row in rows]),
        scales={party: _scale(party, text.language, used) for party in Party},
        anchors={session.id: f"s{number}" for number, session in enumerate(sessions, start=1)},
    )


def _language(run: RunRow, sessions: Iterable[SessionRow]) -> Language:
    """The language that most sessions were held in; without sessions, that of the configuration."""
    spoken = Counter(session.language for session in sessions).most_common(1)
    wanted = spoken[0][0] if spoken else run.config.get("lang")
    return next((language for language in LANGUAGES if language == wanted), LANGUAGES[0])


def _paints(names: Iterable[str]) -> dict[str, Paint]:
    controls = _controls()
    paints: dict[str, Paint] = {}
    used = Counter[bool]()
    for place, (name, short) in enumerate(short_names(names).items()):
        control = name.partition("@")[0].partition(":")[0] in controls
        shades = _GREYS if control else _COLOURS
        number = used[control]
        used[control] += 1
        dash = _DASHES[(number if control else number // len(shades)) % len(_DASHES)]
        paints[name] = Paint(short, f"k{place}", shades[number % len(shades)], dash, control)
    return paints


def _controls() -> frozenset[str]:
    try:
        return frozenset(name for name, plugin in plugins("counselor").items() if plugin.control)
    except UserError:
        return frozenset()  # a plug-in that broke since the run takes the greys away, not the report


def _scale(party: Party, language: Language, used: InUse[JudgmentWithScores]) -> Scale:
    judged = [
        item
        for (_, whose, kind), item in used.chosen.items()
        if whose == party.value and kind == "judge" and item.judgment.items
    ]
    rubric = load_rubric(party, language)
    names = {dimension.id: dimension.name for dimension in rubric.dimensions}
    versions = {item.judgment.rubric_version for item in judged}
    if not versions or versions == {f"{rubric.version}+{rubric.hash}"}:
        return Scale(party, names, rubric.low, rubric.high, changed=False)
    met = dict.fromkeys(score.dimension for item in judged for score in item.scores)
    order = [*(each for each in names if each in met), *(each for each in met if each not in names)]
    high = _top(rubric, [item.judgment for item in judged])
    return Scale(party, {each: names.get(each, "") for each in order}, rubric.low, high, changed=True)


def _top(rubric: Rubric, judgments: Iterable[JudgmentRow]) -> float | None:
    """The highest value of a dimension, from a total and its share of the maximum."""
    for row in judgments:
        if row.total and row.share:
            return round(row.total / row.share / row.items, 6)
    return None
