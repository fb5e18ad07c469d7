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
    "opener", "asks", "aside", "rupture", "declines", "stands", "none", "rating", "stance", "by_feeling", "feeling",
    "event", "content",
]  # fmt: skip
_ASKED_RATING = ("belief_", "emotion_")
_SAME = 0.8  # share of content from which a sentence says the same as another
_SHORT = 6  # words (en) or characters (zh) that may follow a bare yes, no or doubt
_RATING = 9  # words (en) or characters (zh) of a sentence that only rates
_COMMA = re.compile(r"[,，、.。!！;；…~～—]")
_LITTLE = 2  # content units that may stand beside "what I said before"
_QUOTES = re.compile(r"[“”\"「」『』‘]|(?:^|[\s:])'(?=\w)")
_EVIDENCE = ("evidence_for", "evidence_against")
_MORE = (*_EVIDENCE, "residual")
_THOUGHTS = ("automatic_thought", "intermediate_belief", "core_belief")


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
    empty: Sequence[Role] = ("opener", "asks", "aside", "rupture", "declines", "stands", "none", "stance")
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
    if _stands_by(piece, words, language):
        return "stands"
    if words["declines"].search(piece.text):
        return "declines"
    if _asks(piece, quote, asks, words):
        return "asks"
    if _is_none(piece, words) and not (asks in ("confirm", "agree") and _is_stance(piece, language)):
        return "none"
    if asks in _MORE and words["by_feeling"].fullmatch(piece.bare):
        return "by_feeling"
    if _is_aside(piece, quote, asks, language):
        return "aside"
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
    deed = words.lists["happened"].match(piece.core)
    if thinks or distortion_of(quote, language, firm=bool(deed)):  # "everyone" in what was done makes no thought of it
        return False
    return bool(deed or (words.lists["event"].search(piece.text) and words.lists["happened"].search(piece.text)))


def _asks(piece: Piece, quote: str, asks: str, words: Mapping[str, re.Pattern[str]]) -> bool:
    """Whether a question is put to the counselor; "who would want me?" is put to nobody."""
    if not piece.asks:
        return False
    back = words["asks_back"].match(piece.text) or words["asks_back"].match(piece.core)
    told = _QUOTES.search(quote)  # a question of somebody else's, in the telling
    if back or (not told and words["asks_you"].search(piece.text)):
        return True
    return asks in (*_MORE, *_THOUGHTS) and not told and not words["rhetorical"].search(piece.text)


def _stands_by(piece: Piece, words: Mapping[str, re.Pattern[str]], language: Language) -> bool:
    """Whether a sentence says that an earlier one holds, and hardly anything else."""
    rest = words["stands_by"].sub(" ", piece.text)
    return rest != piece.text and len(content_units(rest, language)) <= _LITTLE


def _is_aside(piece: Piece, quote: str, asks: str, language: Language) -> bool:
    """About the talk, the room or the weather; a wish; where facts are asked for, a plan. No belief of oneself is."""
    words = load_words(language).lists
    if words["core_signs"].search(piece.text):
        return False
    if words["wishes"].match(piece.text) or (asks in _EVIDENCE and words["plans"].search(piece.text)):
        return True
    if asks in _EVIDENCE and words["of_you"].search(piece.text):
        return True
    return bool(words["asides"].search(piece.text)) and not distortion_of(quote, language, firm=True)


def _is_stance(piece: Piece, language: Language) -> bool:
    """Whether a sentence is a yes, a no or a doubt, and hardly anything else."""
    words, text, found = load_words(language).lists, piece.text, False
    if words["bare_agreement"].fullmatch(text):
        return True
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
