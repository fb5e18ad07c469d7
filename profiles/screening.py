"""Searching what was said with the safety lists: folding, sentences, rules and their guards.

A text is folded (lower case, no apostrophes, single spaces), cut into sentences and searched. Folding keeps
each character's place, so every quote is a verbatim piece of what was said.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal, get_args

from profiles.safety import Guard, Lexicon, LexiconName, Rule, load_lexicon
from profiles.vocabulary import LANGUAGES, Language

__all__ = ["RANK", "Folded", "Hit", "RiskSeen", "fold", "hits", "quote", "risk_level", "search"]

RiskSeen = Literal["none", "low", "high", "immediate"]

RANK = {"low": 0, "high": 1, "immediate": 2}
_LONGEST_QUOTE = 240
_NEAR = 400  # characters on either side of a sentence

_SENTENCE = re.compile(r"(?![ \"])(?:[^.!?。;\n]|\.(?![\s\"]|$)){1,1000}(?:[!?。;\n]|\.){0,8}")
_TOKEN = re.compile(r"\.{2,}|.", re.DOTALL)
_PAUSE = re.compile(r"\.{2,}")
_NEEDLESS_SPACE = re.compile(r"^ +|(?<=[ \n]) +")
_LONGEST_REMEMBERED = 4000  # characters
_MOST_CHARACTERS = 20_000  # more different ones are not remembered
_APOSTROPHES = "'’‘`´ʼ＇"
_QUOTE_MARKS = "“”„«»「」『』＂"
_SCRIPT = {"en": re.compile(r"[a-z]{2,20} [a-z]{2,20}"), "zh": re.compile(r"[\u4e00-\u9fff]")}


@dataclass(frozen=True)
class Folded:
    """A text as it is searched, and as it was said."""

    raw: str
    text: str

    @cached_property
    def places(self) -> tuple[int, ...]:
        """For each folded character, where it stands in ``raw``; counted out only when something is quoted."""
        places: list[int] = []
        last = "\n"
        for token in _TOKEN.finditer(self.raw):
            for character in " " if len(token[0]) > 1 else _plain(token[0]):
                if character != " " or last not in " \n":
                    places.append(token.start())
                    last = character
        return tuple(places)


@dataclass(frozen=True)
class Hit:
    """Where a rule found something; places count characters of the folded text."""

    kind: str
    rule: str
    level: str
    start: int
    end: int
    sentence: tuple[int, int]


def risk_level(text: str, language: Language) -> RiskSeen:
    """The gravest sign of risk in a client's words."""
    seen = {hit.level for hit in hits("client_risk", fold(text), language)}
    return next((level for level in reversed(get_args(RiskSeen)) if level in seen), "none")


def hits(name: LexiconName, folded: Folded, language: Language) -> list[Hit]:
    """What the rules of a list find, in the order it was said.

    The other language's rules look too where its script occurs.
    """
    look = _remembered if len(folded.text) <= _LONGEST_REMEMBERED else _hits
    return list(look(name, folded.text, language))


def _hits(name: LexiconName, text: str, language: Language) -> tuple[Hit, ...]:
    found: list[Hit] = []
    for spoken in LANGUAGES:
        if spoken == language or _SCRIPT[spoken].search(text):
            found.extend(search(load_lexicon(name, spoken), text))
    kept: list[Hit] = []
    for hit in sorted(found, key=lambda hit: (-RANK.get(hit.level, 0), hit.start)):
        if not any(hit.kind == other.kind and _same(hit, other) for other in kept):
            kept.append(hit)
    return tuple(sorted(kept, key=lambda hit: hit.start))


# A turn is screened as it is said and again by speakers and judges.
_remembered = lru_cache(maxsize=2048)(_hits)


def _same(hit: Hit, other: Hit) -> bool:
    return hit.rule == other.rule or (hit.start < other.end and other.start < hit.end)


def search(lexicon: Lexicon, text: str) -> Iterator[Hit]:
    """What the rules of one lexicon find in a folded text, sentence by sentence: of each rule the gravest."""
    if not lexicon.worth_trying(text):
        return
    for sentence in _SENTENCE.finditer(text):
        place = _Place(lexicon, text, sentence.start(), sentence[0])
        for rule, patterns in lexicon.worth_trying(sentence[0]):
            found = place.strongest(rule, patterns)
            if found:
                yield found


@dataclass(frozen=True)
class _Place:
    lexicon: Lexicon
    turn: str
    start: int
    sentence: str

    def strongest(self, rule: Rule, patterns: Iterable[re.Pattern[str]]) -> Hit | None:
        weak: Hit | None = None
        for pattern in patterns:
            for found in pattern.finditer(self.sentence):
                level = self._level(rule, found)
                if level == rule.level:
                    return self._hit(rule, found, level)
                if level and weak is None:
                    weak = self._hit(rule, found, level)
        return weak

    def _hit(self, rule: Rule, found: re.Match[str], level: str) -> Hit:
        sentence = (self.start, self.start + len(self.sentence))
        return Hit(rule.kind, rule.name, level, self.start + found.start(), self.start + found.end(), sentence)

    def _level(self, rule: Rule, found: re.Match[str]) -> str | None:
        level: str = rule.level
        for guard in rule.guards:
            if self._holds(guard, found) and not any(lift.search(self.sentence) for lift in guard.but):
                if guard.effect == "drop":
                    return None
                level = guard.effect
        return level

    def _holds(self, guard: Guard, found: re.Match[str]) -> bool:
        if guard.where == "over":
            spans = (span for pattern in guard.patterns for span in pattern.finditer(self.sentence))
            return any(span.start() < found.end() and found.start() < span.end() for span in spans)
        scope = self._scope(guard, found)
        return any(pattern.search(scope) for pattern in guard.patterns)

    def _scope(self, guard: Guard, found: re.Match[str]) -> str:
        before = self.sentence[: found.start()]
        match guard.where:
            case "clause":
                return self.lexicon.breaks.split(before)[-1]
            case "after":
                return self.sentence[found.end() :]
            case "sentence":
                return self.sentence
            case "near":
                return self.turn[max(0, self.start - _NEAR) : self.start + len(self.sentence) + _NEAR]
            case _:
                return before


def fold(text: str) -> Folded:
    """The text made ready for searching."""
    plain = (_PAUSE.sub(" ", text) if ".." in text else text).translate(_TABLE)
    if plain.startswith(" ") or "  " in plain or "\n " in plain:
        plain = _NEEDLESS_SPACE.sub("", plain)
    return Folded(text, plain)


def _plain(character: str) -> str:
    if character == "…":  # a pause, not the end of a sentence: "I'm not... suicidal"
        return " "
    if character in _APOSTROPHES or unicodedata.category(character) in ("Cf", "Mn"):
        return ""
    if character in _QUOTE_MARKS:
        return '"'
    plain = unicodedata.normalize("NFKC", character).lower()
    return "\n" if plain in "\n\r" else "".join(" " if part.isspace() else part for part in plain)


class _Table(dict[int, str | None]):
    """``_plain`` for ``str.translate``, each character worked out once; None is how it drops one quickly."""

    def __missing__(self, code: int) -> str | None:
        plain = _plain(chr(code)) or None
        if len(self) < _MOST_CHARACTERS:
            self[code] = plain
        return plain


_TABLE = _Table()


def quote(folded: Folded, hit: Hit) -> str:
    """The sentence around a hit, verbatim; at most 240 characters of a long one."""
    first, last = folded.places[hit.sentence[0]], folded.places[hit.sentence[1] - 1] + 1
    if last - first > _LONGEST_QUOTE:
        first = max(first, folded.places[hit.start] - _LONGEST_QUOTE // 3)
        last = min(last, first + _LONGEST_QUOTE)
    return folded.raw[first:last].strip()
