"""What a party's scoring of one transcript is made of: scores with reasons and checked evidence."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, Protocol

from agents.dialogue import CallRecord, Turn
from profiles.schema import Profile, Record
from profiles.vocabulary import Party

ScoreStatus = Literal["ok", "missing", "refused", "invalid", "skipped"]
JudgeKind = Literal["judge", "self"]


class Evidence(Record):
    """A quote and whether it really stands in that turn, as checked in code."""

    turn: int
    quote: str
    found: bool


class Score(Record):
    """One dimension: a value on the rubric's range, or None with a status that says why."""

    dimension: str
    status: ScoreStatus
    value: float | None = None
    reason: str = ""
    evidence: tuple[Evidence, ...] = ()


class Judgment(Record):
    """One party's scoring by one judge.

    total, item_mean, share (0-1) and passed are None as soon as one dimension has no value: nothing is defaulted.
    ``judge`` is ``judge`` where a judge model takes the party's chair, ``self`` where the counselor's own model does.
    """

    party: Party
    judge: JudgeKind
    model: str
    rubric_version: str
    prompt_hash: str
    seed: int
    status: ScoreStatus
    reason: str = ""
    scores: tuple[Score, ...] = ()
    total: float | None = None
    item_mean: float | None = None
    share: float | None = None
    passed: bool | None = None
    call: CallRecord | None = None

    @property
    def scored(self) -> int:
        """How many dimensions have a value."""
        return sum(score.value is not None for score in self.scores)


class Scorer(Protocol):
    """Scores one transcript from one party's side."""

    @property
    def party(self) -> Party:
        """Whose side."""
        ...

    @property
    def version(self) -> str:
        """The rubric's version."""
        ...

    async def judge(self, turns: Sequence[Turn], profile: Profile | None, seed: int) -> Judgment:
        """The judgment; a failure of the model is a judgment with a status, never an exception."""
        ...


_SPACE = re.compile(r"\s+")
_MARKS = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "…": "..."})


def check_evidence(turn: int, quote: str, turns: Sequence[Turn]) -> Evidence:
    """The quote with the verdict of looking it up in its turn (case, spacing and quotation marks apart)."""
    text = next((item.text for item in turns if item.index == turn), None)
    sought = _plain(quote)
    found = bool(sought) and text is not None and sought in _plain(text)
    return Evidence(turn=turn, quote=quote, found=found)


@lru_cache(maxsize=1024)  # a turn is quoted many times, by several judges
def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text.translate(_MARKS)).translate(_MARKS)
    return _SPACE.sub(" ", folded).strip().strip("\"'").casefold()
