"""What an offline counselor takes from the client's words: pieces to hand back, a feeling, a thought, a burden."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from agents.reading import content_units, split_sentences
from agents.reading_lexicon import load_lexicon
from profiles.vocabulary import Language

_CLAUSE = {"en": re.compile(r"; | - |, "), "zh": re.compile(r"[；，,;]+")}
_COLON = re.compile(r"[:：]\s*")
_MARKS = '“”"「」:：'
_EDGES = " \n.!…。！“”\"'"
_TURNED = {"en": (4, 22), "zh": (6, 32)}  # words, characters
_QUOTED = {"en": (3, 18), "zh": (4, 26)}
_THOUGHT = {"en": (2, 26), "zh": (3, 40)}
_LEAST_UNITS = 2  # of content; twice as much in a piece that does not open its sentence
_WHOLE, _LATER, _HEAVY, _OWN = 1.5, -1.0, 2.0, 0.5  # what is added to a piece's count of content units
_CLEARLY_MORE = 1.0  # by so much a quotation must outweigh a turned piece to be taken instead


@dataclass(frozen=True)
class Manners:
    """How a piece is chosen and turned round; the lists stand in the counselor's phrase file under ``listening``.

    set_phrases: turns of speech that tell nothing and are never handed back.
    swap: "my" -> "your". unfit: words that keep a piece from being handed back. lead: words cut off its beginning.
    starts: with what a piece must begin to be turned (empty: with anything). subjects: with what a later clause must.
    verbs: of these or the subjects at least one stands in a piece that is turned (empty: no matter).
    fragment_starts, fragment_ends: with these a clause is no whole thought (a whole sentence may start with them).
    runs_on: a clause that begins with one of these finishes the one before, so no piece may end between them.
    feel: one pattern for the client's saying that it feels one of {words}, the lexicon's feeling words.
    unfelt: words of a clause that say that the feeling is none, or somebody else's.
    thought_before: what announces a thought behind a colon. thought_after: a sentence that names the one before it so.
    heavy, light: words that speak of a burden, or against one. intent: words of a step that the client means to take.
    """

    set_phrases: tuple[str, ...]
    swap: Mapping[str, str]
    unfit: Sequence[str]
    lead: Sequence[str]
    starts: Sequence[str]
    subjects: Sequence[str]
    verbs: Sequence[str]
    fragment_starts: Sequence[str]
    fragment_ends: Sequence[str]
    runs_on: Sequence[str]
    feel: Sequence[str]
    unfelt: Sequence[str]
    thought_before: Sequence[str]
    thought_after: Sequence[str]
    heavy: Sequence[str]
    light: Sequence[str]
    intent: Sequence[str]


@dataclass(frozen=True)
class Pieces:
    """What can be handed back of one client turn; None where nothing is fit.

    turned: the whole thought that says most, turned from "I" to "you"; None also where the quotation says clearly more.
    quoted: a short piece, word for word. step: one that speaks of a step the client means to take, word for word too,
    because "you could ask him" is advice in the counselor's mouth.
    """

    turned: str | None
    quoted: str | None
    step: str | None


@dataclass(frozen=True)
class _Run:
    """Neighbouring clauses of one sentence. ``first``: they open it; ``whole``: they are all of it."""

    text: str
    first: bool
    whole: bool


def pieces(text: str, language: Language, manners: Manners) -> Pieces:
    """The pieces of a client turn that are worth handing back."""
    weights = {run: _weight(run, language, manners) for run in _runs(text, language, manners)}
    turnable = {run: weight for run, weight in weights.items() if _turnable(run, language, manners)}
    quotable = {run: weight for run, weight in weights.items() if _quotable(run, language, manners)}
    best, quote = _heaviest(turnable), _heaviest(quotable)
    if best and quote and quotable[quote] > turnable[best] + _CLEARLY_MORE:
        best = None
    step = _heaviest({run: weight for run, weight in quotable.items() if _holds(run.text, manners.intent, language)})
    return Pieces(
        turned=turned(best.text, language, manners) if best else None,
        quoted=quote.text[:1].upper() + quote.text[1:] if quote else None,
        step=step.text[:1].upper() + step.text[1:] if step else None,
    )


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
    pattern = _feeling_pattern(language, manners.feel[0])
    for sentence in split_sentences(text, language):
        for clause in _CLAUSE[language].split(sentence):
            found = pattern.search(clause.casefold())
            if found and not any(word in clause.casefold() for word in manners.unfelt):
                return found["feeling"]
    return None


def heavy(text: str, language: Language, manners: Manners) -> bool:
    """Whether ``text`` speaks of a burden."""
    return _holds(text, manners.heavy, language) and not _holds(text, manners.light, language)


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


def _heaviest(weights: Mapping[_Run, float]) -> _Run | None:
    return max(weights, key=weights.__getitem__, default=None)


def _weight(run: _Run, language: Language, manners: Manners) -> float:
    own = _holds(run.text, tuple(manners.swap), language, whole=True)
    place = _WHOLE if run.whole else 0.0 if run.first else _LATER
    return len(content_units(run.text, language)) + place + _HEAVY * heavy(run.text, language, manners) + _OWN * own


def _runs(text: str, language: Language, manners: Manners) -> Iterator[_Run]:
    """Every row of neighbouring clauses of each telling sentence, without the words that only lead into it."""
    for sentence in _telling(text, language, manners.set_phrases):
        breaks = list(_CLAUSE[language].finditer(sentence))
        starts = [0, *(found.end() for found in breaks)]
        ends = [*(found.start() for found in breaks), len(sentence)]
        for i, start in enumerate(starts):
            for j in range(i, len(ends)):
                if starts[j + 1 :] and sentence.startswith(tuple(manners.runs_on), starts[j + 1]):
                    continue
                cut = _without_lead(sentence[start : ends[j]].strip(_EDGES), language, manners)
                if len(content_units(cut, language)) >= _LEAST_UNITS * (1 if i == 0 else 2):
                    yield _Run(cut, first=i == 0, whole=i == 0 and j == len(ends) - 1)


def _telling(text: str, language: Language, set_phrases: tuple[str, ...]) -> list[str]:
    """The sentences that tell something: no questions, no mere turns of speech."""
    bare = _phrase_pattern(set_phrases).sub("\n", text)
    return [piece.strip(_EDGES) for piece in split_sentences(bare, language) if not set(piece[-3:]) & set("?？")]


def _turnable(run: _Run, language: Language, manners: Manners) -> bool:
    if not _within(run.text, _TURNED[language], language) or not _entire(run, language, manners):
        return False
    if language == "zh":
        return not run.text.startswith(tuple(manners.fragment_starts))
    words = re.findall(r"[a-z']+", run.text.casefold())
    return words[0] in {*manners.starts, *manners.subjects} and bool(set(words) & {*manners.subjects, *manners.verbs})


def _quotable(run: _Run, language: Language, manners: Manners) -> bool:
    return _within(run.text, _QUOTED[language], language) and _entire(run, language, manners)


def _entire(run: _Run, language: Language, manners: Manners) -> bool:
    """Whether a row of clauses can stand alone, speaks to nobody and holds no quotation of its own."""
    said = run.text.casefold()
    if set(said) & set(_MARKS) or " '" in f" {said}" or _holds(said, manners.unfit, language, whole=True):
        return False
    loose_start, loose_end = tuple(manners.fragment_starts), tuple(manners.fragment_ends)
    if language == "zh":
        opens = run.first or (said.startswith(tuple(manners.subjects)) and not said.startswith(loose_start))
        return opens and not said.endswith(loose_end)
    words = re.findall(r"[a-z']+", said)
    if not words or words[-1] in loose_end:
        return False
    return run.whole or ((run.first or words[0] in manners.subjects) and words[0] not in loose_start)


def _within(text: str, size: tuple[int, int], language: Language) -> bool:
    return size[0] <= (len(text.split()) if language == "en" else len(text)) <= size[1]


def _without_lead(clause: str, language: Language, manners: Manners) -> str:
    pattern = _lead_pattern(tuple(manners.lead), language)
    return pattern.sub("", pattern.sub("", clause))


@lru_cache(maxsize=8)
def _lead_pattern(words: tuple[str, ...], language: Language) -> re.Pattern[str]:
    gap = "[ ,]+" if language == "en" else ""
    return re.compile(f"^(?:{'|'.join(map(re.escape, words))}){gap}", re.IGNORECASE)


def _holds(text: str, words: Sequence[str], language: Language, *, whole: bool = False) -> bool:
    """Whether one of the words stands in the text; in English at the beginning of a word, or as a ``whole`` one."""
    return _word_pattern(tuple(words), language, whole).search(text.casefold()) is not None


@lru_cache(maxsize=32)
def _word_pattern(words: tuple[str, ...], language: Language, whole: bool) -> re.Pattern[str]:
    joined = "|".join(map(re.escape, words))
    if language == "zh":
        return re.compile(joined)
    return re.compile(rf"\b(?:{joined})" + (r"(?!['\w])" if whole else ""))


@lru_cache(maxsize=8)
def _phrase_pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(phrases, key=len, reverse=True)
    return re.compile(rf"(?:^|(?<=[\s.!?:…。！？：]))(?:{'|'.join(map(re.escape, longest_first))})")


@lru_cache(maxsize=8)
def _feeling_pattern(language: Language, form: str) -> re.Pattern[str]:
    """The form with the lexicon's feeling words in it, the longest first."""
    families = load_lexicon(language).source.feelings.values()
    words = [word.strip() for family in families for word in family.split(",")]
    return re.compile(form.replace("{words}", "|".join(map(re.escape, sorted(words, key=len, reverse=True)))))
