"""Measures a stream of dialogues in one pass; of each it keeps a signature and counts, no text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from arena.exporting.dedupe import Seen
from arena.exporting.imported import origin_told
from arena.exporting.settings import export_settings
from arena.quality.diversity import distinct, mtld
from arena.quality.personal import Place, found_in
from arena.quality.phrases import Phrase, Phrases
from arena.quality.tokens import han_share, words
from profiles.schema import Record
from profiles.vocabulary import LANGUAGES, Language
from storage.exports.figures import FigureCounter, Figures
from storage.exports.record import DialogueRecord, DialogueTurn

__all__ = ["Mean", "Measured", "Quality", "measure"]

_MOST_PLACES: Final = 100
_MOST_IDS: Final = 20
_HAN: Final[dict[Language, tuple[float, float]]] = {"en": (0.0, 0.1), "zh": (0.6, 1.0)}


class Mean(Record):
    """A mean over the n values that could be measured; None where n is 0."""

    mean: float | None = None
    n: int = 0
    low: float | None = None
    high: float | None = None


class Measured(Figures):
    """The figures of all dialogues, or of those in one language.

    mtld_*, distinct_*: by dialogue; text of the counselor, and all text. distinct_2: of neighbouring pairs. script:
    share of Han characters among letters. near_duplicates, exact_duplicates: dialogues that repeat an earlier one.
    unknown_origin: dialogues of which no source or licence is told.
    """

    turns: Mean = Mean()
    exits: dict[str, int] = {}
    distinct_1: Mean = Mean()
    distinct_2: Mean = Mean()
    distinct_1_counselor: Mean = Mean()
    distinct_2_counselor: Mean = Mean()
    mtld: Mean = Mean()
    mtld_counselor: Mean = Mean()
    script: Mean = Mean()
    wrong_script: int = 0
    wrong_script_ids: tuple[str, ...] = ()
    exact_duplicates: int = 0
    near_duplicates: int = 0
    unknown_origin: int = 0
    personal: dict[str, int] = {}


class Quality(Record):
    """What was measured. places: of personal data, the first hundred; phrases by language, the most frequent first."""

    source: str
    all: Measured
    by_language: dict[Language, Measured]
    phrases: dict[Language, tuple[Phrase, ...]] = {}
    places: tuple[Place, ...] = ()


def measure(records: Iterable[DialogueRecord], source: str = "") -> Quality:
    """Measure dialogues one after another; each is read once and not kept.

    Args:
        records: sessions or paths, in any order.
        source: a name for the report: the file, or the run.
    """
    whole, parts = _Counts(), {language: _Counts() for language in LANGUAGES}
    phrases = {language: Phrases(language) for language in LANGUAGES}
    seen = Seen(export_settings().dedupe)
    places: list[Place] = []
    for record in records:
        facts = _Facts(record, seen.add(record))
        whole.add(facts)
        parts[record.language].add(facts)
        phrases[record.language].add((turn.speaker, tokens) for turn, tokens in facts.tokens)
        places += facts.places[: _MOST_PLACES - len(places)]
    measured = {language: part.measured() for language, part in parts.items()}
    spoken = [language for language in LANGUAGES if measured[language].dialogues]
    return Quality(
        source=source,
        all=whole.measured(),
        by_language={language: measured[language] for language in spoken},
        phrases={language: phrases[language].top() for language in spoken},
        places=tuple(places),
    )


class _Facts:
    """What is read of one dialogue, once for its language and for the whole."""

    def __init__(self, record: DialogueRecord, double: str | None) -> None:
        self.record, self.double = record, double
        self.tokens = [(turn, words(turn.content)) for turn in record.dialog]
        spoken = [token for _, tokens in self.tokens for token in tokens]
        counselor = [token for turn, tokens in self.tokens if turn.speaker == "therapist" for token in tokens]
        self.means: dict[str, float | None] = {
            "turns": float(len(record.dialog)),
            "distinct_1": distinct(spoken, 1),
            "distinct_2": distinct(spoken, 2),
            "distinct_1_counselor": distinct(counselor, 1),
            "distinct_2_counselor": distinct(counselor, 2),
            "mtld": mtld(spoken),
            "mtld_counselor": mtld(counselor),
            "script": han_share(" ".join(turn.content for turn in record.dialog)),
        }
        low, high = _HAN[record.language]
        script = self.means["script"]
        self.wrong_script = script is not None and not low <= script <= high
        self.places = list(_places(record.id, record.dialog))


def _places(dialogue: str, turns: Iterable[DialogueTurn]) -> Iterable[Place]:
    for turn in turns:
        for kind, shown in found_in(turn.content):
            yield Place(dialogue=dialogue, turn=turn.turn, kind=kind, shown=shown)


class _Average:
    """A running mean with its ends."""

    def __init__(self) -> None:
        self._sum, self._n = 0.0, 0
        self._low: float | None = None
        self._high: float | None = None

    def add(self, value: float | None) -> None:
        if value is None:
            return
        self._sum, self._n = self._sum + value, self._n + 1
        self._low = value if self._low is None else min(self._low, value)
        self._high = value if self._high is None else max(self._high, value)

    def mean(self) -> Mean:
        return Mean(mean=self._sum / self._n if self._n else None, n=self._n, low=self._low, high=self._high)


class _Counts:
    """Running counts of all dialogues, or of those in one language."""

    def __init__(self) -> None:
        self._figures = FigureCounter()
        self._averages: dict[str, _Average] = {}
        self._numbers: Counter[str] = Counter()
        self._groups: dict[str, Counter[str]] = {name: Counter() for name in ("exits", "personal")}
        self._wrong: list[str] = []

    def add(self, facts: _Facts) -> None:
        record = facts.record
        self._figures.add(record)
        for name, value in facts.means.items():
            self._averages.setdefault(name, _Average()).add(value)
        self._numbers["unknown_origin"] += not origin_told(record.provenance)
        self._groups["exits"][record.exit or "none"] += 1
        self._groups["personal"].update(place.kind for place in facts.places)
        self._count_doubles(facts)

    def _count_doubles(self, facts: _Facts) -> None:
        self._numbers["exact_duplicates"] += facts.double == "exact_duplicate"
        self._numbers["near_duplicates"] += facts.double is not None
        self._numbers["wrong_script"] += facts.wrong_script
        if facts.wrong_script and len(self._wrong) < _MOST_IDS:
            self._wrong.append(facts.record.id)

    def measured(self) -> Measured:
        return Measured(
            **self._figures.figures().model_dump(),
            **{name: average.mean() for name, average in self._averages.items()},
            **self._numbers,
            **{name: dict(counter.most_common()) for name, counter in self._groups.items()},
            wrong_script_ids=tuple(self._wrong),
        )
