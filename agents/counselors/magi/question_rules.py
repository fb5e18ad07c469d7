"""The offline question agent: an acknowledgement in the client's own words, a bridge, and the instrument's wording."""

from __future__ import annotations

import random

from agents.counselors.listening import pieces
from agents.counselors.magi.question import QuestionInputs
from agents.counselors.plain.rules import manners
from agents.phrases import Phrases, load_phrases
from profiles.vocabulary import Language

__all__ = ["question"]

_QUOTES = 0.45  # how often the client's words are handed back where something fit is there
_SILENT = 0.25  # how often a plain answer gets no acknowledgement but the next question


def question(inputs: QuestionInputs, chance: random.Random, language: Language) -> str:
    """One turn: at most one acknowledgement, then the question."""
    phrases = load_phrases("agents.counselors.magi", language)
    said = "\n".join(turn.text for turn in inputs.turns if turn.speaker == "counselor")
    parts = [phrases.nth("first", 0) if inputs.first else _ack(inputs, phrases, said, chance, language)]
    if inputs.mode == "explain":
        parts.append(inputs.variable.explain)
    elif inputs.mode == "confirm":
        parts.append(phrases.nth("mention", len(inputs.turns)).replace("{quote}", _short(inputs.quote, language)))
    elif inputs.opens and not inputs.first:
        parts.append(_fresh(phrases, "turn", said, chance).replace("{topic}", inputs.variable.topic))
    return phrases.join([*parts, inputs.wording])


def _ack(inputs: QuestionInputs, phrases: Phrases, said: str, chance: random.Random, language: Language) -> str | None:
    last = next((turn.text for turn in reversed(inputs.turns) if turn.speaker == "client"), "")
    if inputs.mode == "clarify":
        if inputs.quote:
            return phrases.nth("ack.disputed", 0).replace("{quote}", _short(inputs.quote, language))
        return _fresh(phrases, "ack.unclear", said, chance)
    if inputs.declined:
        return _fresh(phrases, "ack.declined", said, chance)
    if inputs.feeling:
        return _fresh(phrases, "ack.heavy", said, chance)
    found = pieces(last, language, manners(language))
    piece = found.quoted or found.step
    if piece and not set("?？") & set(piece) and chance.random() < _QUOTES:
        return _fresh(phrases, "ack.quote", said, chance).replace("{quote}", piece)
    return None if chance.random() < _SILENT else _fresh(phrases, "ack.plain", said, chance)


def _fresh(phrases: Phrases, name: str, said: str, chance: random.Random) -> str:
    return phrases.unused(name, said, chance) or chance.choice(phrases.lines(name))


def _short(quote: str, language: Language) -> str:
    """A quotation without question marks, so that the turn asks one thing, and of a length that one can say."""
    bare = quote.replace("?", "").replace("？", "").strip(" \n。.，,")
    longest = 60 if language == "zh" else 160
    return bare if len(bare) <= longest else bare[:longest].rsplit(" ", 1)[0] + "..."
