"""Cuts a counselor turn into runs of neighbouring sentences with one strategy, for formats that label utterances."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby

from profiles.vocabulary import LANGUAGES, Language
from storage.exports.counseling_text import labels
from storage.exports.record import DialogueTurn, LabelledSentence

__all__ = ["JOINTS", "runs"]

JOINTS: dict[Language, str] = dict(zip(LANGUAGES, (" ", ""), strict=True))
"""What stands between two sentences of a turn."""


def runs(
    turn: DialogueTurn, language: Language, name: Callable[[LabelledSentence], str | None]
) -> Iterator[tuple[str, str]]:
    """The runs of a turn in order, as (name of the strategy, text); no sentence is dropped or moved.

    Args:
        turn: a counselor turn. One without sentences is a single run without a strategy.
        language: of the text; joined by its joint the runs equal the turn's content.
        name: the data set's name of a sentence's strategy; where it has none, the run is called ``unlabelled``.
    """
    other = labels().unlabelled
    if not turn.sentences:
        yield other, turn.content
    for found, group in groupby(turn.sentences, key=lambda sentence: name(sentence) or other):
        yield found, JOINTS[language].join(sentence.text for sentence in group)
