"""How an interviewee hears a counselor turn: which variable is being asked, in what manner, and how warmly."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log, sqrt
from typing import Literal

from agents.clients.interviewee.state import styles
from agents.phrases import load_phrases
from agents.reading import content_units, read_counselor, split_sentences
from agents.reading_text import length
from profiles.interviews import Instrument, Variable, load_instrument
from profiles.vocabulary import Language, Move

__all__ = ["Heard", "hear", "heard_variable", "quoted_variable"]

Manner = Literal["ask", "clarify", "confirm", "explain", "anything", "further", "check"]
_PLAIN_RISK = "sui.active"
_OPENLY: tuple[Manner, ...] = ("anything", "further", "check")
_LEAD_IN = re.compile("[:：]")
_CLOSING_MARKS = "\"'”’」』)）*_ "


@dataclass(frozen=True)
class Heard:
    """One counselor turn as the interviewee takes it.

    variable: what is asked; None where no question of the instrument was heard.
    bare: a plain yes or no would answer it. warm: more was said than the question. felt: a feeling was acknowledged.
    safety: crisis help was offered. summary: what was said so far was gathered up.
    go_on: the client may choose whether to go on with the questions.
    """

    variable: str | None = None
    bare: bool = True
    warm: bool = False
    felt: bool = False
    safety: bool = False
    summary: bool = False
    go_on: bool = False


@dataclass(frozen=True)
class _Wording:
    """One way to ask; ``variable`` is None for questions about nothing in particular."""

    variable: str | None
    manner: Manner
    of_instrument: bool
    squeezed: str
    content: frozenset[str]
    units: frozenset[str]


def hear(text: str, own: Sequence[str], language: Language, last: str | None = None) -> Heard:
    """Take in one counselor turn.

    Args:
        text: the turn. own: the client's turns before it. last: the variable that was asked before, if any.
    """
    questions = _questions(text, language)
    variable, manner = heard_variable(text, load_instrument(language), last)
    beside = _beside_the_instrument(text, language)
    moves = read_counselor(beside, own, language).moves if beside else ()
    asked = questions[-1] if questions else text
    phrases = load_phrases("agents.clients.interviewee", language)
    irregular = phrases.lines("questions")
    return Heard(
        variable=variable,
        bare=manner != "clarify" and not any(re.search(pattern, asked.lower()) for pattern in irregular),
        warm=_beyond(beside, language) >= styles().hearing.acknowledges[language],
        felt=bool({Move.REFLECTION, Move.VALIDATION} & set(moves)),
        safety=Move.SAFETY_SUPPORT in moves,
        summary=Move.SUMMARY in moves and (not questions or manner == "check"),
        go_on=any(re.search(pattern, asked.lower()) for pattern in phrases.lines("go_on.asked")),
    )


def quoted_variable(text: str, language: Language) -> str | None:
    """The variable whose wording stands in a turn word for word, the last one; None where none does."""
    squeezed = _squeeze(text)
    said = [wording for wording in _wordings(language) if wording.squeezed in squeezed]
    return max(said, key=lambda each: squeezed.rfind(each.squeezed) + len(each.squeezed)).variable if said else None


def heard_variable(text: str, instrument: Instrument, last: str | None = None) -> tuple[str | None, Manner | None]:
    """Which variable a turn asks about, and in which manner.

    A wording that stands in the turn word for word decides, the last one if there are several. Else the last question
    is compared with all wordings by what it is about. One like "How often?" goes on about ``last``. A question of risk
    that resembles none is taken as the plain one, whether there are thoughts of suicide.
    """
    language = instrument.language
    squeezed = _squeeze(text)
    said = [each for each in _wordings(language) if each.of_instrument and each.squeezed in squeezed]
    if said:
        hit = max(said, key=lambda each: (squeezed.rfind(each.squeezed) + len(each.squeezed), len(each.squeezed)))
        return hit.variable, hit.manner
    risky = bool(text) and Move.RISK_ENQUIRY in read_counselor(text, (), language).moves
    sentences = _questions(text, language) or split_sentences(text, language)[-1:]
    last_manner: Manner | None = None
    for sentence in reversed(sentences[-2:]):
        found = _likest(sentence, instrument, risky)
        if found and found.variable:
            return found.variable, "ask"
        last_manner = last_manner or (found.manner if found else None)
    if risky:
        return _PLAIN_RISK, "ask"
    return (last, "clarify") if last and last_manner == "further" else (None, last_manner)


def _likest(sentence: str, instrument: Instrument, risky: bool) -> _Wording | None:
    """The wording that is likest, by content and by all words alike; None below the floor.

    A variable counts only if the sentence shares what the variable is about, not just a word with one of its wordings.
    """
    language, numbers = instrument.language, styles().hearing
    best, found = 0.0, None
    for part in {sentence, _LEAD_IN.split(sentence)[-1]}:
        content, units = content_units(part, language), _units(part, language)
        for wording in _wordings(language):
            if wording.variable and not content & _core(wording.variable, language):
                continue
            if risky and wording.variable not in instrument.risk_variables:
                continue
            weights = _weights(language)
            words = _cosine(units, wording.units, weights)
            empty = not content and not wording.content
            likeness = words if empty else (_cosine(content, wording.content, weights) + words) / 2
            floor = numbers.further if wording.manner == "further" else numbers.floor
            if likeness >= floor and likeness > best:
                best, found = likeness, wording
    return found


@lru_cache(maxsize=256)
def _core(name: str, language: Language) -> frozenset[str]:
    """What a variable is about: the content of its topic, its statement, and of how others ask for it."""
    variable = load_instrument(language).variables[name]
    others = load_phrases("agents.clients.interviewee", language).lines(f"asked.{name}")
    return frozenset().union(*(content_units(text, language) for text in (variable.topic, variable.statement, *others)))


def _cosine(one: frozenset[str], other: frozenset[str], weights: Mapping[str, float]) -> float:
    """Likeness of two sets of units, rare ones counting more; a unit that no wording has counts as a rare one."""
    rare = max(weights.values())
    size = sqrt(sum(weights.get(unit, rare) ** 2 for unit in one) * sum(weights[unit] ** 2 for unit in other))
    return sum(weights[unit] ** 2 for unit in one & other) / size if size else 0.0


@lru_cache(maxsize=2)
def _weights(language: Language) -> dict[str, float]:
    names = [*load_instrument(language).variables, None]
    spread: Counter[str] = Counter()
    for name in names:
        spread.update(frozenset().union(*(each.units for each in _wordings(language) if each.variable == name)))
    return {unit: log(len(names) / count) + 0.1 for unit, count in spread.items()}


@lru_cache(maxsize=1024)
def _units(text: str, language: Language) -> frozenset[str]:
    """Content units, and every word (en) or pair of characters (zh): how rare they are says what they are worth."""
    low = text.lower()
    if language == "en":
        return content_units(text, language) | frozenset(re.findall(r"[a-z]+(?:'[a-z]+)?", low))
    runs = re.findall(r"[\u4e00-\u9fff]+", low)
    return content_units(text, language) | {run[i : i + 2] for run in runs for i in range(len(run) - 1)}


@lru_cache(maxsize=2)
def _wordings(language: Language) -> tuple[_Wording, ...]:
    instrument, phrases = load_instrument(language), load_phrases("agents.clients.interviewee", language)
    found: list[tuple[str | None, Manner, bool, str]] = []
    for variable in instrument.variables.values():
        found += [(variable.id, manner, True, text) for manner, text in _texts(variable)]
        found += [(variable.id, "ask", False, text) for text in phrases.lines(f"asked.{variable.id}")]
    found += [(None, manner, False, text) for manner in _OPENLY for text in phrases.lines(f"asked_openly.{manner}")]
    return tuple(
        _Wording(name, manner, own, _squeeze(text), content_units(text, language), _units(text, language))
        for name, manner, own, text in found
    )


def _texts(variable: Variable) -> Iterator[tuple[Manner, str]]:
    yield from (("ask", text) for text in variable.ask)
    yield from (("clarify", text) for text in variable.clarify)
    yield from (("confirm", text) for text in variable.confirm)
    yield "explain", variable.explain


@lru_cache(maxsize=1024)
def _squeeze(text: str) -> str:
    """Letters and digits only, so that marks and line breaks do not matter."""
    return "".join(char for char in text.lower() if char.isalnum())


def _questions(text: str, language: Language) -> tuple[str, ...]:
    return tuple(each for each in split_sentences(text, language) if each.rstrip(_CLOSING_MARKS).endswith(("?", "？")))


def _beside_the_instrument(text: str, language: Language) -> str:
    """The sentences of a turn that are not the instrument's own: only these show how the client is met."""
    known = [wording.squeezed for wording in _wordings(language) if wording.of_instrument]
    sentences = ((each, _squeeze(each)) for each in split_sentences(text, language))
    return " ".join(each for each, squeezed in sentences if not any(squeezed in wording for wording in known))


def _beyond(text: str, language: Language) -> int:
    """How much is said besides questions: words (en), characters (zh)."""
    asked = set(_questions(text, language))
    return sum(length(each, language) for each in split_sentences(text, language) if each not in asked)
