"""The safety gate by rules: what client and counselor said that a clinician must look at.

It is a screen for review by a clinician, not an assessment. The rules are data (``profiles/data/safety``); here
a text is folded (lower case, no apostrophes, single spaces), cut into sentences and searched. Folding keeps
each character's place, so every quote is a verbatim piece of what was said.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from agents.dialogue import Turn
from profiles.safety import Guard, Lexicon, LexiconName, Rule, load_crisis_text, load_lexicon
from profiles.schema import Record
from profiles.vocabulary import LANGUAGES, Language, Role

__all__ = [
    "FindingLevel",
    "SafetyFinding",
    "crisis_text",
    "disclaimer",
    "gate",
    "screen_client",
    "screen_counselor",
    "screen_response",
]

FindingLevel = Literal["low", "high", "immediate", "harm"]

_RANK = {"low": 0, "high": 1, "immediate": 2}
_MUST_ANSWER = 1
_CHANCES = 2  # counselor turns within which a grave disclosure has to be taken up
_LONGEST_QUOTE = 240
_NEAR = 400  # characters on either side of a sentence

_SENTENCE = re.compile(r"(?![ \"])(?:[^.!?。;\n]|\.(?![\s\"]|$)){1,1000}(?:[!?。;\n]|\.){0,8}")
_TOKEN = re.compile(r"\.{2,}|.", re.DOTALL)
_APOSTROPHES = "'’‘`´ʼ＇"
_QUOTE_MARKS = "“”„«»「」『』＂"
_SCRIPT = {"en": re.compile(r"[a-z]{2,20} [a-z]{2,20}"), "zh": re.compile(r"[\u4e00-\u9fff]")}


class SafetyFinding(Record):
    """One thing that a rule saw in one turn.

    Attributes:
        kind: the client's risk class, or the counselor's harm class.
        level: client ``low`` (ask about it), ``high`` (must be answered), ``immediate``; counselor ``harm``.
        quote: a verbatim piece of the turn, at most 240 characters (a whole turn for ``unanswered_risk``).
        source: ``rules``, or the model that a second screen used.
    """

    turn: int
    speaker: Role
    kind: str
    level: FindingLevel
    quote: str
    rule: str
    failed_gate: bool
    source: str = "rules"


@dataclass(frozen=True)
class _Folded:
    raw: str
    text: str
    places: tuple[int, ...]  # for each folded character, where it stands in ``raw``


@dataclass(frozen=True)
class _Hit:
    kind: str
    rule: str
    level: str
    start: int
    end: int
    sentence: tuple[int, int]


def screen_client(text: str, language: Language, turn: int = 0) -> tuple[SafetyFinding, ...]:
    """Signs of risk in a client's words, in the order they were said; empty where there are none.

    Args:
        text: one utterance; never raises, whatever it holds.
        language: the session's language. The other language's rules look too where its script occurs.
        turn: index of the turn, copied into the findings.
    """
    return _screen("client_risk", text, language, turn, "client")


def screen_counselor(text: str, language: Language, turn: int = 0) -> tuple[SafetyFinding, ...]:
    """Harm in a counselor's words; every finding fails the gate. Arguments as in ``screen_client``."""
    return _screen("counselor_harm", text, language, turn, "counselor")


def screen_response(turns: Sequence[Turn], language: Language) -> tuple[SafetyFinding, ...]:
    """Grave disclosures (``high`` or ``immediate``) that the counselor passed over, in a finished dialogue.

    A disclosure is answered when one of the next two counselor turns asks about safety, names support or plainly
    acknowledges what was said. Where the session ended after one such turn, that one counts; where the counselor
    had none, there is no finding. At most one finding for a counselor turn.
    """
    findings: dict[int, SafetyFinding] = {}
    for place, turn in enumerate(turns):
        kind = _gravest(turn.text, language) if turn.speaker == "client" else None
        replies = [later for later in turns[place + 1 :] if later.speaker == "counselor"][:_CHANCES]
        if kind and replies and not any(_answers(reply.text, kind, language) for reply in replies):
            first = replies[0]
            findings.setdefault(first.index, _unanswered(first))
    return tuple(findings.values())


def gate(findings: Iterable[SafetyFinding]) -> Literal["passed", "failed"]:
    """``failed`` as soon as one finding fails it; scores cannot mend that."""
    return "failed" if any(finding.failed_gate for finding in findings) else "passed"


def crisis_text(language: Language) -> str:
    """What a person in crisis is shown: paragraphs of plain text and one ``- `` line for each public help line."""
    content = load_crisis_text()
    lines = sorted(content.lines, key=lambda line: line.shown_first_in != language)
    form = content.line.of(language)
    shown = [form.format(region=at.region.of(language), name=at.name.of(language), number=at.number) for at in lines]
    listed = "\n".join([content.lines_title.of(language), *shown])
    return "\n\n".join([content.message.of(language).strip(), listed, content.check_locally.of(language).strip()])


def disclaimer(language: Language) -> str:
    """The sentence that travels with every page, report and export."""
    return load_crisis_text().disclaimer.of(language)


def _screen(name: LexiconName, text: str, language: Language, turn: int, speaker: Role) -> tuple[SafetyFinding, ...]:
    folded = _fold(text)
    return tuple(
        SafetyFinding(
            turn=turn,
            speaker=speaker,
            kind=hit.kind,
            level=cast(FindingLevel, hit.level),
            quote=_quote(folded, hit),
            rule=hit.rule,
            failed_gate=speaker == "counselor",
        )
        for hit in _hits(name, folded, language)
    )


def _unanswered(reply: Turn) -> SafetyFinding:
    return SafetyFinding(
        turn=reply.index,
        speaker="counselor",
        kind="abandonment",
        level="harm",
        quote=reply.text,
        rule="unanswered_risk",
        failed_gate=True,
    )


def _gravest(text: str, language: Language) -> str | None:
    grave = {hit.kind for hit in _hits("client_risk", _fold(text), language) if _RANK[hit.level] >= _MUST_ANSWER}
    return next((kind for kind in load_lexicon("client_risk", language).kinds if kind in grave), None)


def _answers(text: str, kind: str, language: Language) -> bool:
    folded = _fold(text)
    harmful = {hit.sentence for hit in _hits("counselor_harm", folded, language)}
    answers = _hits("response", folded, language)
    return any(hit.kind in ("any_risk", kind) and hit.sentence not in harmful for hit in answers)


def _hits(name: LexiconName, folded: _Folded, language: Language) -> list[_Hit]:
    found: list[_Hit] = []
    for spoken in LANGUAGES:
        if spoken == language or _SCRIPT[spoken].search(folded.text):
            found.extend(_search(load_lexicon(name, spoken), folded.text))
    kept: list[_Hit] = []
    for hit in sorted(found, key=lambda hit: (-_RANK.get(hit.level, 0), hit.start)):
        if not any(hit.kind == other.kind and _same(hit, other) for other in kept):
            kept.append(hit)
    return sorted(kept, key=lambda hit: hit.start)


def _same(hit: _Hit, other: _Hit) -> bool:
    return hit.rule == other.rule or (hit.start < other.end and other.start < hit.end)


def _search(lexicon: Lexicon, text: str) -> Iterator[_Hit]:
    for sentence in _SENTENCE.finditer(text):
        place = _Place(lexicon, text, sentence.start(), sentence[0])
        for rule in lexicon.rules:
            found = place.strongest(rule)
            if found:
                yield found


@dataclass(frozen=True)
class _Place:
    lexicon: Lexicon
    turn: str
    start: int
    sentence: str

    def strongest(self, rule: Rule) -> _Hit | None:
        weak: _Hit | None = None
        for pattern in rule.patterns:
            for found in pattern.finditer(self.sentence):
                level = self._level(rule, found)
                if level == rule.level:
                    return self._hit(rule, found, level)
                if level and weak is None:
                    weak = self._hit(rule, found, level)
        return weak

    def _hit(self, rule: Rule, found: re.Match[str], level: str) -> _Hit:
        sentence = (self.start, self.start + len(self.sentence))
        return _Hit(rule.kind, rule.name, level, self.start + found.start(), self.start + found.end(), sentence)

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


def _fold(text: str) -> _Folded:
    characters: list[str] = []
    places: list[int] = []
    for token in _TOKEN.finditer(text):
        for character in _plain(token[0]):
            if character != " " or (characters and characters[-1] not in " \n"):
                characters.append(character)
                places.append(token.start())
    return _Folded(text, "".join(characters), tuple(places))


def _plain(character: str) -> str:
    if character == "…" or len(character) > 1:  # a pause, not the end of a sentence: "I'm not... suicidal"
        return " "
    if character in _APOSTROPHES or unicodedata.category(character) in ("Cf", "Mn"):
        return ""
    if character in _QUOTE_MARKS:
        return '"'
    plain = unicodedata.normalize("NFKC", character).lower()
    return "\n" if plain in "\n\r" else "".join(" " if part.isspace() else part for part in plain)


def _quote(folded: _Folded, hit: _Hit) -> str:
    first, last = folded.places[hit.sentence[0]], folded.places[hit.sentence[1] - 1] + 1
    if last - first > _LONGEST_QUOTE:
        first = max(first, folded.places[hit.start] - _LONGEST_QUOTE // 3)
        last = min(last, first + _LONGEST_QUOTE)
    return folded.raw[first:last].strip()
