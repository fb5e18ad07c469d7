"""Asked about danger, only a plain no that nothing takes back is a no; the same for rules and for models."""

from __future__ import annotations

from agents.counselors.crdial.reading import ReadingInputs
from agents.counselors.crdial.reading_pieces import ready
from agents.counselors.crdial.reading_words import load_words
from agents.reading import read_counselor
from profiles.vocabulary import Language, Move

__all__ = ["asked_of_danger", "denies_danger"]


def asked_of_danger(inputs: ReadingInputs, language: Language) -> bool:
    """Whether the counselor has just asked plainly about danger."""
    return not inputs.asks and Move.RISK_ENQUIRY in read_counselor(inputs.question, (), language).moves


def denies_danger(reply: str, language: Language) -> bool:
    """Whether a reply says no and nothing besides that leaves it open."""
    words = load_words(language)
    text = ready(reply, words)
    return bool(words.lists["denies_danger"].search(text)) and not words.lists["takes_back"].search(text)
