"""What an offline counselor takes from the client's words: a piece to hand back, a feeling, a thought, a tone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from agents.reading import content_units, split_sentences
from agents.reading_lexicon import load_lexicon
from agents.reading_text import words_of
from profiles.vocabulary import Language

_CLAUSE = {"en": re.compile(r"; | - |, "), "zh": re.compile(r"[；，,;]+")}
_COLON = re.compile(r"[:：]\s*")
_MARKS = "“”\"「」:："
_EDGES = " \n.!…。！“”\"'"
_TURNED = {"en": (4, 20), "zh": (6, 32)}  # words, characters
_QUOTED = {"en": (3, 14), "zh": (4, 22)}
_THOUGHT = {"en": (2, 26), "zh": (3, 40)}
_LEAST_UNITS = 2
_WHOLE, _HEAVY, _OWN = 1.5, 1.0, 0.5  # what is added to a piece's count of content units


@dataclass(frozen=True)
class Manners:
    """How a piece is chosen and turned round; the lists stand in the counselor's phrase file under ``listening``.

    set_phrases: turns of speech that tell nothing and are never handed back.
    swap: "my" -> "your". second_person: words that make a clause unfit for turning. lead: words cut off its beginning.
    starts: with what a sentence must begin (empty: with anything). subjects: with what a later clause of it must begin.
    verbs: of these or the subjects at least one stands in a whole thought (empty: no matter).
    fragment_starts: with these a clause is no whole thought unless it is the whole sentence; fragment_ends: never one.
    feel: what marks the next word as the client's feeling. others: words that make it somebody else's.
    thought_before: what announces a thought behind a colon. thought_after: a sentence that names the one before a thought.
    heavy, light: words that speak of a burden, or against one. intent: words of a step that the client means to take.
    """

    set_phrases: tuple[str, ...]
    swap: Mapping[str, str]
    second_person: Sequence[str]
    lead: Sequence[str]
    starts: Sequence[str]
    subjects: Sequence[str]
    verbs: Sequence[str]
    fragment_starts: Sequence[str]
    fragment_ends: Sequence[str]
    feel: tuple[str, ...]
    others: Sequence[str]
    thought_before: Sequence[str]
    thought_after: Sequence[str]
    heavy: Sequence[str]
    light: Sequence[str]
    intent: Sequence[str]


@dataclass(frozen=True)
class _Run:
    """Neighbouring clauses of one sentence. ``first``: they open it; ``whole``: they are all of it."""

    text: str
    first: bool
    whole: bool


def snippet(text: str, language: Language, manners: Manners) -> str | None:
    """The whole thought of ``text`` that says most, turned from "I" to "you"; None when none is fit for it."""
    runs = [run for run in _runs(text, language, manners) if _turnable(run, language, manners)]
    best = _weightiest(runs, language, manners)
    return turned(best, language, manners) if best else None


def quotation(text: str, language: Language, manners: Manners) -> str | None:
    """A short piece of ``text``, word for word; fit where a whole thought to turn round is wanting."""
    runs = [run for run in _runs(text, language, manners) if _quotable(run, language, manners)]
    return _weightiest(runs, language, manners)


def thought(text: str, language: Language, manners: Manners) -> str | None:
    """The sentence that the client named as a thought running through the head, word for word."""
    before = ""
    for sentence in split_sentences(text, language):
        said = sentence.casefold()
        found = ""
        if any(mark in said for mark in manners.thought_before) and _COLON.search(sentence):
            found = _COLON.split(sentence, maxsplit=1)[1]
        elif any(mark in said for mark in manners.thought_after):
            found = before
        found = found.strip(_EDGES)
        if _within(found, _THOUGHT[language], language) and not set(found) & set(_MARKS):
            return found
        before = sentence
    return None


def feeling(text: str, language: Language, manners: Manners) -> str | None:
    """The client's own word for a feeling, such as can follow "feel"; None where none was named."""
    pattern = _feeling_pattern(language, manners.feel)
    for sentence in split_sentences(text, language):
        for clause in _CLAUSE[language].split(sentence):
            found = pattern.search(clause.casefold())
            if found and not any(word in clause.casefold() for word in manners.others):
                return found["feeling"]
    return None


def heavy(text: str, language: Language, manners: Manners) -> bool:
    """Whether ``text`` speaks of a burden."""
    said = text.casefold()
    return any(word in said for word in manners.heavy) and not any(word in said for word in manners.light)


def intends(text: str, manners: Manners) -> bool:
    """Whether ``text`` speaks of a step that the client means to take."""
    said = text.casefold()
    return any(word in said for word in manners.intent)


def turned(text: str, language: Language, manners: Manners) -> str:
    """``text`` said of the listener: "My boss" becomes "your boss"."""
    swap = manners.swap
    if language == "zh":
        for mine, yours in swap.items():
            text = text.replace(mine, yours)
        return text
    keys = "|".join(re.escape(key) for key in sorted(swap, key=len, reverse=True))
    said = re.sub(rf"\b(?:{keys})\b(?!')", lambda match: swap[match.group(0).lower()], text, flags=re.IGNORECASE)
    return said[:1].lower() + said[1:]


def _weightiest(runs: Sequence[_Run], language: Language, manners: Manners) -> str | None:
    weights = {run: _weight(run, language, manners) for run in runs}
    best = max(weights, key=weights.__getitem__, default=None)
    return best.text if best else None


def _weight(run: _Run, language: Language, manners: Manners) -> float:
    own = any(mine in f" {run.text.casefold()} " for mine in (f" {key} " if language == "en" else key for key in manners.swap))
    extra = _WHOLE * run.whole + _HEAVY * heavy(run.text, language, manners) + _OWN * own
    return len(content_units(run.text, language)) + extra


def _runs(text: str, language: Language, manners: Manners) -> Iterator[_Run]:
    """Every row of neighbouring clauses of each telling sentence, without the words that only lead into it."""
    for sentence in _telling(text, language, manners.set_phrases):
        breaks = list(_CLAUSE[language].finditer(sentence))
        starts = [0, *(found.end() for found in breaks)]
        ends = [*(found.start() for found in breaks), len(sentence)]
        for i, start in enumerate(starts):
            for j in range(i, len(ends)):
                cut = _without_lead(sentence[start : ends[j]].strip(_EDGES), language, manners)
                run = _Run(cut, i == 0, i == 0 and j == len(ends) - 1)
                if len(content_units(cut, language)) >= _LEAST_UNITS:
                    yield run


def _telling(text: str, language: Language, set_phrases: tuple[str, ...]) -> list[str]:
    """The sentences that tell something: no questions, no mere turns of speech."""
    bare = _phrase_pattern(set_phrases).sub("\n", text)
    return [piece.strip(_EDGES) for piece in split_sentences(bare, language) if not set(piece[-3:]) & set("?？")]


def _turnable(run: _Run, language: Language, manners: Manners) -> bool:
    if not _within(run.text, _TURNED[language], language) or set(run.text) & set(_MARKS):
        return False
    said = run.text.casefold()
    if language == "zh":
        fits = run.first or said.startswith(tuple(manners.subjects))
        loose = said.startswith(tuple(manners.fragment_starts)) or said.endswith(tuple(manners.fragment_ends))
        return fits and not loose and not any(word in said for word in manners.second_person)
    words = re.findall(r"[a-z']+", said)
    if not words or set(words) & set(manners.second_person) or words[-1] in manners.fragment_ends:
        return False
    if words[0] not in (manners.starts if run.first else manners.subjects):
        return False
    loose = words[0] in manners.fragment_starts and not run.whole
    return not loose and bool(set(words) & {*manners.subjects, *manners.verbs})


def _quotable(run: _Run, language: Language, manners: Manners) -> bool:
    said = run.text.casefold()
    words = [said] if language == "zh" else re.findall(r"[a-z']+", said)
    if not words or not _within(run.text, _QUOTED[language], language) or set(run.text) & set(_MARKS):
        return False
    starts, ends = tuple(manners.fragment_starts), tuple(manners.fragment_ends)
    if language == "zh":
        return (run.first or said.startswith(tuple(manners.subjects))) and not said.endswith(ends)
    return (run.whole or (words[0] in manners.subjects or run.first) and words[0] not in starts) and words[-1] not in ends


def _within(text: str, size: tuple[int, int], language: Language) -> bool:
    return size[0] <= (len(text.split()) if language == "en" else len(text)) <= size[1]


def _without_lead(clause: str, language: Language, manners: Manners) -> str:
    gap = "[ ,]+" if language == "en" else ""
    pattern = f"^(?:{'|'.join(map(re.escape, manners.lead))}){gap}"
    return re.sub(pattern, "", re.sub(pattern, "", clause, flags=re.IGNORECASE), flags=re.IGNORECASE)


@lru_cache(maxsize=8)
def _phrase_pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(phrases, key=len, reverse=True)
    return re.compile(rf"(?:^|(?<=[\s.!?:…。！？：]))(?:{'|'.join(map(re.escape, longest_first))})")


@lru_cache(maxsize=8)
def _feeling_pattern(language: Language, feel: tuple[str, ...]) -> re.Pattern[str]:
    """A feeling word of the lexicon right behind a word that says that it is felt."""
    families = load_lexicon(language).source.feelings.values()
    words = {word.strip() for family in families for word in family.split(",")}
    if language == "en":
        fit = [word for word in words if not set(word.split()) & {"my", "your", "for", "too", "of", "in", "at", "by", "and"}]
        between, end = r"\s+(?:(?:so|just|really|very|quite|all|a bit|that)\s+)?", r"\b(?! (?:to|of|for)\b)"
        start = r"\b"
    else:
        fit, start, between, end = list(words), "", "(?:就是|自己|很|特别|挺|有点|都){0,2}", "(?=[。！？…了的得]|$)"
    said = "|".join(re.escape(word) for word in sorted(fit, key=len, reverse=True))
    return re.compile(rf"{start}(?:{'|'.join(map(re.escape, feel))}){between}(?P<feeling>{said}){end}")
