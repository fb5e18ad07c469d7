"""Weighs what an answer says about one variable: yes, no, or not clear and why. It knows the words and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from agents.counselors.magi.answer_clauses import clauses_of
from agents.counselors.magi.answer_signs import Answer, Hit, Often, Reader, Why
from agents.counselors.magi.answer_spans import DAYS, Span, spans_in
from agents.counselors.magi.answer_words import load_words
from profiles.interviews import Threshold
from profiles.screening import risk_level
from profiles.vocabulary import Language

__all__ = ["Answer", "Read", "asks_back", "declines", "distress_in", "read_answer", "spans_of"]

_GRAVE = ("high", "immediate")
_DOUBTS = ("hedge_strong", "hedge_soft", "minimise", "past", "seldom", "some", "openers")
_KINDS = 2  # so many different ones make "several"


@dataclass(frozen=True)
class Read:
    """What an answer comes to. ``start`` and ``end``: the sentence that says so, in the answer.

    why: what keeps an unclear answer unclear. signs: the verdict rests on more than a plain yes or no.
    span: the span of time that decides a duration.
    """

    verdict: Literal["met", "not_met", "unclear"]
    why: Why = ""
    start: int = 0
    end: int = 0
    often: Often = ""
    signs: bool = False
    span: Span | None = None


@lru_cache(maxsize=8192)
def read_answer(answer: Answer) -> Read:
    """What an answer says about a variable; without a question, what it says of its own accord, by firm signs alone."""
    reader = Reader(answer, load_words(answer.language))
    if answer.threshold is not None:
        return _duration(reader, answer.threshold)
    signs = [*reader.sign_hits(), *_kinds(reader)]
    answers = reader.answer_hits(signs)
    read = _weighed(reader, signs, answers)
    return _with_risk(reader, read, signs, answers) if answer.risk else read


def _weighed(reader: Reader, signs: Sequence[Hit], answers: Sequence[Hit]) -> Read:
    firm = [hit for hit in signs if hit.firm]
    if len({hit.says for hit in answers}) == 1:
        firm = [hit for hit in firm if hit.says == answers[0].says or not reader.far(hit, answers)]
    said = {hit.says for hit in (*firm, *answers)}
    both = len(said) > 1
    if reader.anywhere("contradiction"):
        both = both or len({hit.says for hit in (*signs, *answers) if hit.why in ("", "hedged")}) > 1
    if both:
        return _unclear(reader, "contradiction", (*firm, *answers, *signs))
    if firm:
        return _settled(reader, firm[0], signs=True)
    if answers:
        return _by_answer(reader, answers[-1])
    if reader.answer.question and (only := reader.only_often()):
        return _by_frequency(reader, *only)
    if signs:
        return _unclear(reader, next((hit.why for hit in signs if hit.why), "hedged"), signs)
    doubt = any(reader.anywhere(name) for name in ("hedge_strong", "hedge_soft", "openers", "minimise"))
    return Read("unclear", "hedged" if doubt else "nothing")


def _unclear(reader: Reader, why: Why, hits: Sequence[Hit]) -> Read:
    start, end = reader.sentence(hits[0])
    return Read("unclear", why, start, end, reader.often_of(hits[0]), any(not hit.plain for hit in hits))


def _settled(reader: Reader, hit: Hit, *, signs: bool) -> Read:
    """Met or not met, unless it is too seldom to count."""
    often = reader.often_of(hit)
    start, end = reader.sentence(hit)
    if hit.says and reader.words.signs(reader.answer.variable).often and often in ("some", "seldom"):
        if reader.answer.again:
            return Read("not_met", "", start, end, often, signs)
        return Read("unclear", "frequency", start, end, often, signs)
    return Read("met" if hit.says else "not_met", "", start, end, often, signs)


def _by_answer(reader: Reader, hit: Hit) -> Read:
    clause = reader.clauses[hit.clause]
    lifetime = reader.words.signs(reader.answer.variable).lifetime
    often = reader.often_of(hit)
    if reader.near("hedge_strong", hit) or reader.near("hedge_soft", hit):
        return _unclear(reader, "hedged", [hit])
    if lifetime and not hit.says and reader.has("over", clause):
        return _unclear(reader, "timeframe", [hit])
    gone = reader.near("over", hit) or (reader.near("past", hit) and not reader.near("now", hit))
    if hit.says and not lifetime and gone:
        return _unclear(reader, "timeframe", [hit])
    if hit.says and reader.near("minimise", hit) and often != "often":
        return _unclear(reader, "hedged", [hit])
    if hit.says and often == "" and reader.words.lists["asks_either"].search(reader.asked):
        return _unclear(reader, "hedged", [hit])
    return _settled(reader, hit, signs=False)


def _by_frequency(reader: Reader, place: int, often: Often) -> Read:
    signs = reader.words.signs(reader.answer.variable)
    hit = Hit(often != "seldom", True, place, 0, 0)
    if any(reader.anywhere(name) for name in ("hedge_strong", "hedge_soft")):
        return _unclear(reader, "hedged", [hit])
    if signs.lifetime and not reader.words.lists["asks_how"].search(reader.answer.question.lower()):
        return Read("unclear", "nothing")  # "most nights" answers no question about a whole life
    if often == "often" or signs.often or (often == "some" and reader.answer.risk):
        return _settled(reader, hit, signs=False)
    if often == "seldom" and not signs.lifetime and not reader.answer.risk:
        return _settled(reader, hit, signs=False)
    return _unclear(reader, "frequency", [hit])


def _kinds(reader: Reader) -> list[Hit]:
    """ "Several" is met where things of several kinds are named, and open where it is one."""
    found: dict[str, Hit] = {}
    for kind, pattern in reader.words.signs(reader.answer.variable).kinds.items():
        for place, clause in enumerate(reader.clauses):
            for hit in pattern.finditer(clause.text):
                if reader.negations(clause.text, hit.start())[0] % 2 == 0:
                    found.setdefault(kind, Hit(True, False, place, hit.start(), hit.end(), "count"))
    hits = list(found.values())
    return [replace(hit, firm=True, why="") for hit in hits] if len(hits) >= _KINDS else hits


def _duration(reader: Reader, threshold: Threshold) -> Read:
    found: list[tuple[bool | None, Span, int]] = []
    line = threshold.at_least * DAYS[threshold.unit]
    for place, clause in enumerate(reader.clauses):
        doubt = reader.in_sentence("hedge_strong", clause)
        for span in spans_in(clause.text, reader.words):
            if not reader.has("hypothetical", clause) and reader.own(place, span.start, ""):
                far = span.least >= 2 * line or span.most * 2 < line
                found.append((span.against(threshold) if far or not doubt else None, span, place))
    if len({reached for reached, _, _ in found}) != 1 or found[0][0] is None:
        return Read("unclear", "duration")
    reached, span, place = found[0]
    start, end = reader.sentence(Hit(True, True, place, 0, 0))
    return Read("met" if reached else "not_met", "", start, end, signs=True, span=span)


def _with_risk(reader: Reader, read: Read, signs: Sequence[Hit], answers: Sequence[Hit]) -> Read:
    """Of danger, a doubt is never a no; and what the safety lists take for grave is a yes where anything says so."""
    grave = risk_level(reader.answer.text, reader.answer.language)
    if read.verdict == "not_met":
        doubted = grave != "none" or any(hit.says and hit.why != "another_person" for hit in signs)
        deciding = next((hit for hit in (*signs, *answers) if not hit.says and hit.firm), None)
        if deciding is not None:
            doubts = [*_DOUBTS, *([] if read.signs else ["no_soft", "over"])]
            doubted = doubted or any(reader.near(name, deciding) for name in doubts)
        return replace(read, verdict="unclear", why="hedged") if doubted else read
    if read.verdict == "unclear" and grave in _GRAVE and read.why != "contradiction":
        others = any(hit.why in ("another_person", "timeframe") for hit in signs) or any(
            not hit.says for hit in answers
        )
        said = any(hit.says for hit in (*signs, *answers))
        if not others and (said or reader.words.signs(reader.answer.variable).risk_is_yes):
            whole = (0, len(reader.answer.text)) if read.end == 0 else (read.start, read.end)
            return replace(read, verdict="met", why="", start=whole[0], end=whole[1], signs=True)
    return read


def spans_of(text: str, language: Language) -> list[Span]:
    """All spans of time that a text names; their places count within its clauses."""
    words = load_words(language)
    return [span for clause in clauses_of(text, language) for span in spans_in(clause.text, words)]


def distress_in(text: str, language: Language) -> int:
    """How heavy a client's words are, 0-3: the heaviest word about the client that no negation takes back."""
    words = load_words(language)
    reader = Reader(Answer(text, "", language), words)
    levels = [
        level
        for place, clause in enumerate(reader.clauses)
        for level, pattern in words.distress.items()
        for hit in pattern.finditer(clause.text)
        if reader.negations(clause.text, hit.start())[0] % 2 == 0 and reader.own(place, hit.start(), hit[0])
    ]
    if risk_level(text, language) in _GRAVE:
        levels.append(3)
    return max(levels, default=0)


def declines(text: str, language: Language) -> bool:
    """Whether the client would rather not answer."""
    return Reader(Answer(text, "", language), load_words(language)).anywhere("refuse")


def asks_back(text: str, language: Language) -> bool:
    """Whether the client asks what is meant."""
    return Reader(Answer(text, "", language), load_words(language)).anywhere("asks_back")
