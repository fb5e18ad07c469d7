"""What a foreign card's text is about and who speaks in it, told by the words of ``phrases.yaml``."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from profiles.located import read_yaml, validate
from profiles.schema import Record, ResponseStyle, RiskLevel
from profiles.vocabulary import Language

_APOSTROPHES = re.compile("['’‘`´]")
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+(?=[A-Z“\"'(\[])|(?<=[。！？])\s*(?=[^”」』)）\s])")


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a valid pattern ({error})") from None
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]
Disclosure = Literal["open", "asked", "hidden"]


class RiskWords(Record):
    """Patterns and sentences on risk; the file says what each is for."""

    speaks: tuple[Pattern, ...]
    hints: tuple[Pattern, ...]
    notes: tuple[Pattern, ...]
    negated: Pattern
    means: tuple[Pattern, ...]
    sentences: dict[RiskLevel, tuple[str, ...]]
    owning_up: tuple[str, ...]


class Manner(Record):
    """One manner of a PATIENT-Psi card."""

    response_style: ResponseStyle
    resistance: int = Field(ge=0, le=3)
    speech_style: dict[Language, str]


class PatientPsiWords(Record):
    """What the importer of PATIENT-Psi cards needs."""

    opening: dict[Language, str]
    feels: dict[Language, str]
    manners: dict[str, Manner]


class StyleRule(Record):
    """A manner of speaking and the pattern that tells it."""

    find: Pattern
    style: ResponseStyle


class VeraWords(Record):
    """What the importer of VERA-MH personas needs."""

    levels: dict[str, RiskLevel]
    disclosure: dict[str, Disclosure]
    not_applicable: Pattern
    styles: tuple[StyleRule, ...]
    labels: dict[str, int]
    pulls_away: tuple[Pattern, ...]
    leans_in: tuple[Pattern, ...]


class Words(Record):
    """The whole of ``phrases.yaml``."""

    version: str
    first_person: Pattern
    intake: dict[Language, str]
    risk: RiskWords
    patient_psi: PatientPsiWords
    vera_mh: VeraWords


@lru_cache(maxsize=1)
def words() -> Words:
    """The words as shipped.

    Raises:
        UserError: the file has been edited into something that cannot be used.
    """
    path = Path(str(files("profiles.importers") / "phrases.yaml"))
    located = read_yaml(path, f"profiles/importers/{path.name}")
    return validate(Words, located.value, located)


def fold(text: str) -> str:
    """A text as patterns see it: lower case, no apostrophes, single spaces."""
    return " ".join(_APOSTROPHES.sub("", text).casefold().split())


def finds(patterns: Iterable[str], text: str) -> int | None:
    """The place in the list of the first pattern that is found in a text, or None."""
    folded = fold(text)
    return next((place for place, pattern in enumerate(patterns) if re.search(pattern, folded)), None)


def is_first_person(text: str) -> bool:
    """Whether the client speaks in it, rather than somebody about the client."""
    return finds([words().first_person], text) is not None


def speaks_of_risk(text: str) -> bool:
    """Whether a sentence of the client's is about dying or harm, plainly or veiled, or names a means."""
    risk = words().risk
    return finds((*risk.speaks, *risk.hints, *risk.means), text) is not None


def notes_risk(text: str) -> bool:
    """Whether a note about the client touches on risk."""
    risk = words().risk
    return finds((*risk.notes, *risk.speaks, *risk.means), text) is not None


def names_means(text: str) -> bool:
    """Whether a means of harm is named."""
    return finds(words().risk.means, text) is not None


def is_negated(text: str) -> bool:
    """Whether a note says that something is not there."""
    return finds([words().risk.negated], text) is not None


def statement(candidates: Sequence[str], level: RiskLevel, card_id: str) -> str:
    """How the client states a risk: the plainest of own sentences that names no means, else one of ours.

    Args:
        candidates: the client's sentences.
        level: the level that one of ours has to fit; not ``none``.
        card_id: which of ours is taken depends on it alone.
    """
    risk = words().risk
    ranked = {text: finds(risk.speaks, text) for text in candidates if not names_means(text)}
    own = sorted((place, text) for text, place in ranked.items() if place is not None)
    return own[0][1] if own else random.Random(card_id).choice(risk.sentences[level])


def owned_up(note: str, number: int) -> str:
    """A third-person note on risk in the client's mouth."""
    frames = words().risk.owning_up
    return frames[number % len(frames)].replace("{text}", note.rstrip(". "))


def intake(known: Iterable[str | int], language: Language) -> str:
    """The neutral line that a counselor is given, from what a stranger could learn from a form."""
    glue = ", " if language == "en" else "，"
    who = glue.join(str(part) for part in known if str(part).strip())
    return words().intake[language].replace("{who}", who) if who else ""


def provenance(source: str) -> dict[str, str | bool]:
    """Where an imported card comes from, as a card states it. The version is that of these words."""
    return {"source": source, "licence": "see source file", "synthetic": True, "version": words().version}


def slug(*parts: str) -> str:
    """Parts as a profile id: ``slug("#Abe", "1-1")`` is ``abe-1-1``."""
    plain = unicodedata.normalize("NFKD", "-".join(parts)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def ended(text: str, language: Language) -> str:
    """A piece of a list as a sentence: with a full stop where it has no end of its own."""
    whole = text.endswith((".", "!", "?", "…", "。", "！", "？"))
    return text if whole else text + ("." if language == "en" else "。")


def pieces(text: str) -> tuple[str, ...]:
    """A list with semicolons between as its items, each once; semicolons within brackets part nothing."""
    found = (piece.strip() for piece in re.split(r"[;；](?![^(（]*[)）])|\n", text))
    return tuple(dict.fromkeys(piece for piece in found if piece))


def sentences(text: str) -> tuple[str, ...]:
    """A text as its sentences."""
    lines = (line for part in text.splitlines() for line in _SENTENCE_END.split(part))
    return tuple(line.strip() for line in lines if line.strip())
