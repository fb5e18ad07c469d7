"""What an offline counselor takes from the client's words: a piece to hand back, a feeling, a sign of danger."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents.reading import content_units
from agents.reading_lexicon import load_lexicon
from agents.reading_text import words_of
from profiles.vocabulary import Language

_SENTENCE = {"en": re.compile(r"[.!?…\n]+"), "zh": re.compile(r"[。！？…!?\n]+")}
_CLAUSE = {"en": re.compile(r"[;:]|, | - "), "zh": re.compile(r"[；：，,;:]+")}
_SIZE = {"en": (4, 18), "zh": (5, 28)}  # words, characters
_LEAST_UNITS = 2


@dataclass(frozen=True)
class Manners:
    """How a piece is chosen and turned round; the lists stand in the counselor's phrase file under ``listening``.

    swap: "my" -> "your". second_person: words that make a clause unfit. lead: words cut off its beginning.
    fragment: a clause that begins or ends with one of these is no whole thought. feel: what marks a feeling as said.
    keep_capital: words that stay as they are at the beginning of a piece.
    """

    swap: Mapping[str, str]
    second_person: Sequence[str]
    lead: Sequence[str]
    fragment_starts: Sequence[str]
    fragment_ends: Sequence[str]
    feel: Sequence[str]
    keep_capital: Sequence[str]


def snippet(text: str, language: Language, manners: Manners) -> str | None:
    """The clause of ``text`` that says most, turned from "I" to "you"; None when no clause is fit for it."""
    best: tuple[float, str] | None = None
    for sentence in _SENTENCE[language].split(text):
        whole = sentence.strip("“”\"' ")
        for clause in (whole, *_CLAUSE[language].split(whole)):
            trimmed = _without_lead(clause.strip("“”\"' "), language, manners)
            if not _fit(trimmed, language, manners):
                continue
            units = len(content_units(trimmed, language))
            weight = units + (1.5 if clause is whole else 0)
            if units >= _LEAST_UNITS and (best is None or weight > best[0]):
                best = (weight, turned(trimmed, language, manners))
    return best[1] if best else None


def _fit(clause: str, language: Language, manners: Manners) -> bool:
    low, high = _SIZE[language]
    folded = clause.casefold()
    if not low <= _length(clause, language) <= high or any(mark in clause for mark in "“”\"「」:："):
        return False
    if language == "zh":
        words_fit = not any(word in folded for word in manners.second_person)
        return words_fit and not folded.startswith(tuple(manners.fragment_starts)) and not folded.endswith(
            tuple(manners.fragment_ends)
        )
    words = re.findall(r"[a-z']+", folded)
    return bool(words) and not (
        set(words) & set(manners.second_person)
        or words[0] in manners.fragment_starts
        or words[-1] in manners.fragment_ends
    )


def _without_lead(clause: str, language: Language, manners: Manners) -> str:
    gap = "[ ,]+" if language == "en" else ""
    pattern = f"^(?:{'|'.join(map(re.escape, manners.lead))}){gap}"
    return re.sub(pattern, "", re.sub(pattern, "", clause, flags=re.IGNORECASE), flags=re.IGNORECASE)


def turned(text: str, language: Language, manners: Manners) -> str:
    """``text`` said of the listener: "My boss" becomes "your boss"."""
    swap = manners.swap
    if language == "zh":
        for mine, yours in swap.items():
            text = text.replace(mine, yours)
        return text
    keys = "|".join(re.escape(key) for key in sorted(swap, key=len, reverse=True))
    said = re.sub(rf"\b(?:{keys})\b(?!')", lambda match: swap[match.group(0).lower()], text, flags=re.IGNORECASE)
    kept = said.split(" ", 1)[0].casefold() in manners.keep_capital
    return said if kept else said[:1].lower() + said[1:]


def feeling(text: str, language: Language, manners: Manners) -> str | None:
    """The family of a feeling that the client said to have, as a word that can follow "feel"; None without one."""
    feelings = load_lexicon(language).source.feelings
    for sentence in _SENTENCE[language].split(text):
        if any(marker in sentence.casefold() for marker in manners.feel):
            touched = words_of(sentence, language).families
            for family in feelings:
                if family in touched:
                    return family
    return None


def _length(text: str, language: Language) -> int:
    return len(text.split()) if language == "en" else len(text)
