"""Says of each sentence of a turn what it does there: it opens, agrees, refuses, rates, feels, tells or thinks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agents.counselors.crdial.reading_pieces import Piece, distortion_of, pieces_of
from agents.counselors.crdial.reading_ratings import only_rates, ratings_in
from agents.counselors.crdial.reading_words import ReadingWords, load_words
from agents.reading import content_units, said_in
from agents.reading_text import length
from profiles.vocabulary import Language

__all__ = ["Role", "Turned", "repeats", "restates", "roles_of", "says_nothing"]

Role = Literal[
    "opener", "asks", "rupture", "declines", "none", "rating", "stance", "by_feeling", "feeling", "event", "content"
]
_ASKED_RATING = ("belief_", "emotion_")
_SAME = 0.8  # share of content from which a sentence says the same as another
_SHORT = 6  # words (en) or characters (zh) that may follow a bare yes, no or doubt
_RATING = 9  # words (en) or characters (zh) of a sentence that only rates
_COMMA = re.compile(r"[,，、.。!！;；…~～—]")
_MORE = ("evidence_for", "evidence_against", "residual")


@dataclass(frozen=True)
class Turned:
    """A sentence with its part in the turn; ``quote`` is verbatim, without what leads into it."""

    piece: Piece
    role: Role
    quote: str


def roles_of(reply: str, asks: str, language: Language) -> tuple[Turned, ...]:
    """All sentences of a turn, as an answer to what was asked (a kind, ``confirm``, ``residual``, ``agree``, empty)."""
    return tuple(
        Turned(piece, _role(piece, reply[piece.start : piece.end], asks, language), reply[piece.start : piece.end])
        for piece in pieces_of(reply, language)
    )


def says_nothing(text: str, language: Language) -> bool:
    """Whether a text is only noise: openings, yes and no, numbers, a refusal, "nothing"."""
    empty: Sequence[Role] = ("opener", "asks", "rupture", "declines", "none", "stance")
    return all(
        each.role in empty or (each.role == "rating" and length(each.quote, language) <= _RATING)
        for each in roles_of(text, "belief_before", language)
    )


def repeats(text: str, belief: str, language: Language) -> bool:
    """Whether what a text says stands in the belief already."""
    if not belief.strip():
        return False
    return said_in(text, belief, language) >= _SAME


def restates(text: str, belief: str, language: Language) -> bool:
    """Whether a text is the belief itself, perhaps with a yes before it; its denial is not."""
    one, other = (_letters(each) for each in (text, belief))
    inside = bool(other) and other in one and repeats(text, belief, language)
    return inside or (bool(one) and one in other)


def _letters(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())


def _role(piece: Piece, quote: str, asks: str, language: Language) -> Role:
    words = load_words(language).lists
    if words["openers"].fullmatch(piece.bare):
        return "opener"
    if words["rupture"].search(piece.text):
        return "rupture"
    if words["declines"].search(piece.text):
        return "declines"
    if piece.asks and (words["asks_back"].match(piece.text) or words["asks_back"].match(piece.core)):
        return "asks"
    if _is_none(piece, words) and not (asks in ("confirm", "agree") and _is_stance(piece, language)):
        return "none"
    if asks in _MORE and words["by_feeling"].fullmatch(piece.bare):
        return "by_feeling"
    return _telling(piece, quote, asks, language)


def _telling(piece: Piece, quote: str, asks: str, language: Language) -> Role:
    words = load_words(language)
    numbers = ratings_in(quote, language)
    rated = asks.startswith(_ASKED_RATING) or any(each.sure or asks not in _MORE for each in numbers)
    if rated and only_rates(quote, language):
        return "rating"
    if _is_stance(piece, language):
        return "stance"
    if _is_feeling(piece, words):
        return "feeling"
    return "event" if _is_event(piece, quote, words, language) else "content"


def _is_feeling(piece: Piece, words: ReadingWords) -> bool:
    plain = piece.core.rstrip(" .,!?…。，！？~～")
    return any(words.lists["feeling_only"].fullmatch(text) for text in (piece.bare, plain))


def _is_event(piece: Piece, quote: str, words: ReadingWords, language: Language) -> bool:
    """A time and a deed, or a deed that begins the sentence; and nothing made of it."""
    thinks = any(words.lists[name].search(piece.text) for name in ("thought_signs", "rule_signs", "core_signs"))
    if thinks or distortion_of(quote, language):
        return False
    happened = words.lists["happened"]
    return bool(happened.match(piece.core) or (words.lists["event"].search(piece.text) and happened.search(piece.text)))


def _is_stance(piece: Piece, language: Language) -> bool:
    """Whether a sentence is a yes, a no or a doubt, and hardly anything else."""
    words, text, found = load_words(language).lists, piece.text, False
    for _ in range(4):
        hit = next((hit for name in ("unsure", "agrees", "disagrees") if (hit := words[name].match(text))), None)
        found = found or hit is not None
        hit = hit or words["fillers"].match(text)
        if hit is None:
            break
        text = text[hit.end() :].lstrip(" ,.;:!?，。；：！？、…—-")
    short = length(text, language) <= _SHORT and len(content_units(text, language)) <= 1
    return found and short and not distortion_of(text, language)


def _is_none(piece: Piece, words: Mapping[str, re.Pattern[str]]) -> bool:
    """Whether all that stands between the commas says that there is nothing."""
    parts = [part.strip() for part in _COMMA.split(piece.text) if any(char.isalnum() for char in part)]
    told = [bool(words["none_left"].fullmatch(part)) for part in parts]
    rest = [part for part, none in zip(parts, told, strict=True) if not none]
    return any(told) and all(
        words["openers"].fullmatch(part) or words["unsure"].fullmatch(part) or words["disagrees"].fullmatch(part)
        for part in rest
    )
