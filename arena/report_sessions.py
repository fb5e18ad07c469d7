"""One session of the report: its client, its turns with what was noted on them, what each party scored."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arena.leaderboard import outcome_number
from arena.report_data import RunData
from arena.report_marks import Piece, Quoted, cut
from arena.report_text import mean
from profiles.vocabulary import Party
from storage.queries import JudgmentWithScores
from storage.tables import SafetyEventRow, ScoreRow, SessionRow, TurnRow

_SHOWN_ELSEWHERE = frozenset({"appraisal", "state", "told", "premature"})
_LONGEST_NOTE = 600


@dataclass(frozen=True)
class Badge:
    """A word beside a turn. ``kind``: risk, harm, flag, told or early; ``detail``: one sentence, or empty."""

    kind: str
    word: str
    detail: str = ""


@dataclass(frozen=True)
class TurnView:
    """A turn with its text cut at every quote. ``stage``: the stage that begins here, None within one.

    behind: what the other side did not see, as (label, text).
    """

    row: TurnRow
    pieces: Sequence[Piece]
    stage: str | None
    badges: Sequence[Badge]
    behind: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class ScoreView:
    """One dimension as one party scored it."""

    row: ScoreRow
    name: str


@dataclass(frozen=True)
class JudgmentView:
    """One party's scoring. ``high``: top of a dimension's range. ``aside``: not in the report's numbers."""

    judged: JudgmentWithScores
    scores: Sequence[ScoreView]
    high: float | None
    aside: bool


@dataclass(frozen=True)
class FactView:
    """Something the client held back at first. ``turn``: where it was told; None if it never was."""

    id: str
    text: str
    turn: int | None
    early: bool


@dataclass(frozen=True)
class SessionView:
    """All that the page shows of one session. ``marks``: unsafe, flagged, failed, risk, incomplete, as they apply."""

    marks: Sequence[str]
    row: SessionRow
    anchor: str
    client: str
    shares: Mapping[str, float | None]
    facts: Sequence[FactView]
    turns: Sequence[TurnView]
    judgments: Sequence[JudgmentView]


def session_views(data: RunData) -> Iterator[SessionView]:
    """The sessions in the run's order, one at a time: a large run does not fit into memory as a page."""
    judgments: dict[str, list[tuple[JudgmentWithScores, bool]]] = {}
    for item in data.used.chosen.values():
        judgments.setdefault(item.judgment.session_id, []).append((item, False))
    for item in data.used.aside:
        judgments.setdefault(item.judgment.session_id, []).append((item, True))
    events: dict[str, list[SafetyEventRow]] = {}
    for event in data.events:
        events.setdefault(event.session_id, []).append(event)
    for row in data.sessions:
        judged = sorted(judgments.get(row.id, []), key=_order)
        yield _Teller(data, row, judged, events.get(row.id, [])).view()


def client_name(session: SessionRow) -> str:
    """The client's name, or the card's id where it has none."""
    return str(session.profile.get("demographics", {}).get("name") or session.profile_id)


@dataclass(frozen=True)
class _Teller:
    data: RunData
    row: SessionRow
    judgments: Sequence[tuple[JudgmentWithScores, bool]]
    events: Sequence[SafetyEventRow]

    def view(self) -> SessionView:
        turns = self.data.turns.get(self.row.id, [])
        return SessionView(
            row=self.row,
            marks=[*self._marks()],
            anchor=self.data.anchors[self.row.id],
            client=client_name(self.row),
            shares=self._shares(),
            facts=[*self._facts(turns)],
            turns=[*self._turns(turns)],
            judgments=[self._judgment(item, aside) for item, aside in self.judgments],
        )

    def _marks(self) -> Iterator[str]:
        if self.row.gate == "failed":
            yield "unsafe"
        if self.row.fidelity == "flagged":
            yield "flagged"
        if self.row.status != "finished":
            yield "failed"
        elif outcome_number(self.row, "overall_share") is None:
            yield "incomplete"
        if any(event.speaker == "client" for event in self.events):
            yield "risk"

    def _shares(self) -> dict[str, float | None]:
        chosen = self.data.used.chosen
        found = {party.value: chosen.get((self.row.id, party.value, "judge")) for party in Party}
        return {party: item.judgment.share if item else None for party, item in found.items()}

    def _facts(self, turns: Sequence[TurnRow]) -> Iterator[FactView]:
        for fact in self.row.profile.get("hidden_facts", ()):
            told = _first(turns, "told", fact["id"])
            early = _first(turns, "premature", fact["id"])
            where = told if told is not None else early
            yield FactView(fact["id"], fact["text"], where, early=told is None and early is not None)

    def _turns(self, turns: Sequence[TurnRow]) -> Iterator[TurnView]:
        stage = None
        for row in turns:
            yield TurnView(
                row=row,
                pieces=cut(row.text, self._quotes(row)),
                stage=row.stage if row.stage != stage else None,
                badges=[*self._badges(row)],
                behind=[*self._behind(row)],
            )
            stage = row.stage

    def _quotes(self, turn: TurnRow) -> Iterator[Quoted]:
        for event in self.events:
            if event.turn == turn.index:
                word = self.data.text.label("kinds", event.kind)
                yield Quoted(event.quote, "harm" if event.failed_gate else "risk", word, word)
        for item, aside in self.judgments:
            for score in () if aside else self._in_order(item):
                for evidence in score.evidence:
                    if evidence.get("turn") == turn.index and evidence.get("found"):
                        short, label = self._dimension(item, score)
                        yield Quoted(str(evidence.get("quote", "")), "score", short, label)

    def _dimension(self, item: JudgmentWithScores, score: ScoreRow) -> tuple[str, str]:
        judged = item.judgment
        by = "" if judged.judge == "judge" else f" ({self.data.text.label('judges', judged.judge)})"
        name = self.data.scales[Party(judged.party)].names.get(score.dimension, "")
        value = self.data.text.label("statuses", score.status) if score.value is None else f"{score.value:g}"
        return score.dimension, f"{score.dimension} {name}{by}: {value}"

    def _badges(self, turn: TurnRow) -> Iterator[Badge]:
        text = self.data.text
        for event in self.events:
            if event.turn == turn.index:
                word = f"{text.label('levels', event.level)} · {text.label('kinds', event.kind)}"
                yield Badge("harm" if event.failed_gate else "risk", word)
        for flag in self.row.fidelity_flags:
            if flag.get("turn") == turn.index:
                yield Badge("flag", text.label("flags", str(flag.get("kind", ""))), str(flag.get("detail", "")))
        for kind, key in (("told", "told"), ("early", "premature")):
            for fact in turn.notes.get(key, ()):
                yield Badge(kind, f"{text.tree['transcript'][kind]} {fact}", self._fact_text(fact))

    def _fact_text(self, fact_id: str) -> str:
        if fact_id == "risk":
            return str(self.row.profile.get("risk", {}).get("text", ""))
        facts = self.row.profile.get("hidden_facts", ())
        return next((str(fact["text"]) for fact in facts if fact["id"] == fact_id), "")

    def _behind(self, turn: TurnRow) -> Iterator[tuple[str, str]]:
        words, label = self.data.text.tree["transcript"], self.data.text.label
        if turn.reasoning:
            yield words["reasoning"], turn.reasoning
        appraisal = turn.notes.get("appraisal") or {}
        if appraisal.get("reason"):
            yield words["appraisal"], str(appraisal["reason"])
        if appraisal.get("moves"):
            yield words["moves"], " · ".join(label("moves", str(move)) for move in appraisal["moves"])
        if turn.notes.get("state"):
            levels = turn.notes["state"].items()
            yield (
                words["state"],
                " · ".join(f"{label('levels_of_state', name)} {value:g}" for name, value in levels),
            )
        for sentence in turn.sentences:
            yield label("strategies", str(sentence.get("strategy", ""))), str(sentence.get("text", ""))
        for name, value in turn.notes.items():
            if name not in _SHOWN_ELSEWHERE and value not in (None, False, "", [], {}):
                yield label("notes", name), _brief(value)

    def _judgment(self, item: JudgmentWithScores, aside: bool) -> JudgmentView:
        scale = self.data.scales[Party(item.judgment.party)]
        views = [ScoreView(score, scale.names.get(score.dimension, "")) for score in self._in_order(item)]
        return JudgmentView(item, views, scale.high, aside)

    def _in_order(self, item: JudgmentWithScores) -> list[ScoreRow]:
        """The scores in the rubric's order: as stored, C10 comes before C2."""
        names = [*self.data.scales[Party(item.judgment.party)].names]
        place = {name: number for number, name in enumerate(names)}
        return sorted(item.scores, key=lambda score: place.get(score.dimension, len(place)))


def _order(judged: tuple[JudgmentWithScores, bool]) -> tuple[bool, bool, int, int]:
    row = judged[0].judgment
    return judged[1], row.judge == "self", list(Party).index(Party(row.party)), row.id or 0


def _first(turns: Sequence[TurnRow], key: str, fact_id: str) -> int | None:
    return next((turn.index for turn in turns if fact_id in turn.notes.get(key, ())), None)


def _brief(value: Any) -> str:  # noqa: ANN401  (whatever a speaker noted)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_NOTE else f"{text[:_LONGEST_NOTE]}…"


def score_text(value: float, high: float | None) -> str:
    """A value with the top of its range, where that is known."""
    return f"{value:g}" if high is None else f"{value:g}/{high:g}"


def total_text(judged: JudgmentWithScores, high: float | None) -> str:
    """A judgment's total of its maximum and the item mean; empty where it has none."""
    row = judged.judgment
    if row.total is None or row.item_mean is None:
        return ""
    top = "" if high is None else f"/{high * row.items:g}"
    return f"{row.total:g}{top} · {mean(row.item_mean)}"
