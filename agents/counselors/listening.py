"""What an offline counselor takes from the client's words: a piece to hand back, a feeling, a sign of danger."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from agents.reading import content_units, feelings_in
from profiles.vocabulary import Language

_CLAUSE = {"en": re.compile(r"[.!?;:…\n]+|, | - "), "zh": re.compile(r"[。！？；：…，,.!?;:\n]+")}
_SIZE = {"en": (4, 13), "zh": (5, 24)}  # words, characters
_SECOND_PERSON = {"en": re.compile(r"\b(you|your|yours)\b", re.IGNORECASE), "zh": re.compile("[你您]")}
_LEADING = {"en": re.compile(r"^(and|but|so|or|well|because|then|although|yes|no|okay)\b[ ,]*", re.IGNORECASE),
            "zh": re.compile("^(然后|可是|但是|不过|所以|因为|而且|就是|反正|嗯|对)")}  # fmt: skip


def snippet(text: str, language: Language, swap: Mapping[str, str], avoid: Sequence[str] = ()) -> str | None:
    """The clause of ``text`` that says most, turned from "I" to "you"; None when no clause is fit for it."""
    best: tuple[int, str] | None = None
    for clause in _CLAUSE[language].split(text):
        trimmed = _LEADING[language].sub("", clause.strip()).strip("“”\"' ")
        low, high = _SIZE[language]
        if not low <= _length(trimmed, language) <= high or _SECOND_PERSON[language].search(trimmed):
            continue
        said = turned(trimmed, language, swap)
        weight = len(content_units(trimmed, language))
        if said not in avoid and (best is None or weight > best[0]):
            best = (weight, said)
    return best[1] if best else None


def turned(text: str, language: Language, swap: Mapping[str, str]) -> str:
    """``text`` said of the listener: "my boss" becomes "your boss"."""
    if language == "zh":
        for mine, yours in swap.items():
            text = text.replace(mine, yours)
        return text
    keys = "|".join(re.escape(key) for key in sorted(swap, key=len, reverse=True))
    said = re.sub(rf"\b(?:{keys})\b(?!')", lambda match: swap[match.group(0).lower()], text, flags=re.IGNORECASE)
    first = said.split(" ", 1)[0]
    return said if first.isupper() and len(first) > 1 else said[:1].lower() + said[1:]


def feeling(text: str, language: Language) -> str | None:
    """The last feeling word in ``text``, or None."""
    found = feelings_in(text, language)
    return found[-1] if found else None


def _length(text: str, language: Language) -> int:
    return len(text.split()) if language == "en" else len(text)
