"""Finds in an answer what bears on one variable: its signs, plain yes and no, and how often.

An answer is cut into clauses. Signs of the variable ("I lie awake till three"), plain answers ("yes", "not at all") and
how often ("most nights") are looked for in each. A sign counts against its meaning behind a negation, and not at all
when it is somebody else's, long past, or only supposed. Doubt softens it, and what is soft decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

from agents.counselors.magi.answer_clauses import Clause, clauses_of, sentence_at
from agents.counselors.magi.answer_words import AnswerWords
from profiles.interviews import Threshold
from profiles.vocabulary import Language

__all__ = ["Answer", "Hit", "Often", "Reader", "Why"]

Why = Literal["", "nothing", "hedged", "frequency", "timeframe", "duration", "count", "contradiction", "another_person"]
Often = Literal["", "often", "some", "seldom"]

_WINDOW = {"en": 6, "zh": 6}  # words, or characters, before a sign in which a negation reaches it
_RESTS = {"en": 0, "zh": 1}  # words, or characters, that may be left in an answer that says only how often
_NEAR = 2  # clauses
_FAR = 3  # clauses
_SHORT = {"en": 4, "zh": 6}  # words, or characters, of a clause that is a remark on the whole answer
_NEAR_WORDS = {"en": 3, "zh": 3}
_SENTENCE_ENDS = ".!?。！？ "
_SENTENCE = re.compile(r"[.!?。！？]")


@dataclass(frozen=True)
class Answer:
    """What was answered to what. ``risk``: the variable is one of danger. ``again``: it was asked before.

    question: empty where nothing was asked; then a plain yes or no says nothing.
    """

    text: str
    variable: str
    language: Language
    question: str = ""
    risk: bool = False
    again: bool = False
    threshold: Threshold | None = None


@dataclass(frozen=True)
class Hit:
    """Something that says yes or no. ``start``, ``end``: in its clause's text. ``why``: what softens it."""

    says: bool
    firm: bool
    clause: int
    start: int
    end: int
    why: Why = ""
    plain: bool = False


@dataclass(frozen=True)
class Reader:
    """One answer on the desk, with all that its reading asks about."""

    answer: Answer
    words: AnswerWords

    @cached_property
    def clauses(self) -> tuple[Clause, ...]:
        return clauses_of(self.answer.text, self.answer.language)

    def has(self, name: str, clause: Clause) -> bool:
        """Whether a clause holds a word of a general list."""
        return self.words.lists[name].search(clause.text) is not None

    @cached_property
    def asked(self) -> str:
        """The question itself: the last sentence of what the counselor said, in lower case."""
        return _SENTENCE.split(self.answer.question.lower().strip().rstrip(_SENTENCE_ENDS))[-1]

    def hedged(self, clause: Clause) -> bool:
        """Whether a clause leaves room; "it depends", where that is the answer, does not."""
        own = [hit.span() for _, pattern in self._promising(clause) for hit in pattern.finditer(clause.text)]
        return any(
            not any(start <= hit.start() and hit.end() <= end for start, end in own) or self.answer.risk
            for hit in self.words.lists["hedge_strong"].finditer(clause.text)
        )

    def anywhere(self, name: str) -> bool:
        """Whether any clause does."""
        return any(self.has(name, clause) for clause in self.clauses)

    def in_sentence(self, name: str, clause: Clause) -> bool:
        """Whether any clause of the same sentence does."""
        return any(self.has(name, each) for each in self.clauses if each.sentence == clause.sentence)

    def far(self, hit: Hit, answers: Sequence[Hit]) -> bool:
        """Whether a sign stands so far from every plain answer that it may belong to a story told beside it."""
        once = not self.answer.risk and self.how_often(self.clauses[hit.clause]) != "often"
        return once and all(abs(hit.clause - answer.clause) > _FAR for answer in answers)

    def near(self, name: str, hit: Hit) -> bool:
        """Whether a word of a list stands near a hit: two clauses to either side, or alone in a short clause."""
        own = self.clauses[hit.clause]
        return any(
            self.has(name, each)
            for place, each in enumerate(self.clauses)
            if (each.sentence == own.sentence and abs(place - hit.clause) <= _NEAR) or self._short(each)
        )

    def _short(self, clause: Clause) -> bool:
        size = len(clause.bare.split()) if self.answer.language == "en" else len(clause.bare)
        return size <= _SHORT[self.answer.language]

    def sign_hits(self) -> list[Hit]:
        """The variable's signs; of two that overlap the longer."""
        found: list[tuple[Hit, int]] = []
        for place, clause in enumerate(self.clauses):
            for says, pattern in self._promising(clause):
                for hit in pattern.finditer(clause.text):
                    read = self._sign(place, clause, hit, says)
                    if read:
                        found.append((read, hit.end() - hit.start()))
        found.sort(key=lambda item: -item[1])
        kept: list[Hit] = []
        for each, _ in found:
            if not any(each.clause == k.clause and each.start < k.end and k.start < each.end for k in kept):
                kept.append(each)
        return [each for each in self._outweighing(kept) if not self._named_only(each)]

    def _outweighing(self, hits: list[Hit]) -> list[Hit]:
        """ "Dropping off is fine, but I wake at four": what stands behind the "but" outweighs what stands before."""
        kept = hits
        for place, clause in enumerate(self.clauses):
            same = [hit for hit in kept if self.clauses[hit.clause].sentence == clause.sentence]
            if self.has("turning", clause):
                strong = [hit for hit in same if hit.clause >= place]
            elif self.has("conceding", clause):
                strong = [hit for hit in same if hit.clause != place]
            else:
                continue
            says = {hit.says for hit in strong if hit.firm}
            if len(says) == 1:
                kept = [hit for hit in kept if hit not in same or hit in strong or hit.says in says]
        return kept

    def _named_only(self, hit: Hit) -> bool:
        """ "Low all day, no": what is named, and denied by the clause behind it, is not said of oneself."""
        clause = self.clauses[hit.clause]
        if clause.asks:
            return True
        after = self.clauses[hit.clause + 1] if hit.clause + 1 < len(self.clauses) else None
        if not hit.says or after is None or after.sentence != clause.sentence:
            return False
        own = self.words.lists["self"].search(clause.text)
        return own is None and self._plain(after) == (False, len(after.bare))

    def _promising(self, clause: Clause) -> Iterator[tuple[bool, re.Pattern[str]]]:
        signs = self.words.signs(self.answer.variable)
        passing = _passing(clause.text, self.words)
        for says, pattern in ((True, signs.met), (False, signs.not_met)):
            if (self.answer.variable, says) in passing:
                yield says, pattern

    def _sign(self, place: int, clause: Clause, hit: re.Match[str], says: bool) -> Hit | None:
        count, soft = self.negations(clause.text, hit.start())
        count += self.words.lists["denied_after"].match(clause.text[hit.end() :].strip()) is not None
        says = says != (count % 2 == 1)
        why: Why = ""
        if not self.own(place, hit.start(), hit[0]):
            why = "another_person"
        elif soft or self._supposed(clause, hit):
            why = "hedged"
        elif self._past(place, hit):
            why = "timeframe"
        elif self._doubted(clause, says):
            why = "hedged"
        return Hit(says, not why, place, hit.start(), hit.end(), why)

    def negations(self, text: str, start: int) -> tuple[int, bool]:
        """How many negations reach a place, and whether that is in doubt: "did not ... and feel", or "hardly"."""
        lists = self.words.lists
        masked = lists["not_negation"].sub(lambda hit: "~" * len(hit[0]), text[:start])
        ends = [hit.end() for hit in lists["scope_ends"].finditer(masked)]
        masked = masked[ends[-1] :] if ends else masked
        size = _WINDOW[self.answer.language]
        window = " ".join(masked.split()[-size:]) if self.answer.language == "en" else masked[-size:]
        soft = [hit.span() for hit in lists["negators_soft"].finditer(window)]
        plain = [hit.start() for hit in lists["negators"].finditer(window)]
        hard = [place for place in plain if not any(first <= place < last for first, last in soft)]
        parted = bool(hard) and lists["scope_soft"].search(window, hard[-1]) is not None
        return len(hard) + len(soft), parted or (bool(soft) and self.answer.risk)

    def own(self, place: int, start: int, said: str) -> bool:
        """Whether what is said at a place of a clause is the client's own: nobody else was named before it."""
        if self.words.lists["self"].search(said):
            return True
        clause = self.clauses[place]
        subject = self._subject(clause.text[:start])
        before = place - 1
        while subject is None and before >= 0 and self.clauses[before].sentence == clause.sentence:
            subject = self._subject(self.clauses[before].text)
            before -= 1
        return subject != "other"

    def _subject(self, text: str) -> Literal["self", "other"] | None:
        named: Literal["self", "other"] | None = None
        place = 0
        both = (("other", self.words.lists["others"]), ("self", self.words.lists["self"]))
        while place < len(text):
            found = [(hit.start(), -hit.end(), who) for who, way in both if (hit := way.search(text, place))]
            if not found:
                return named
            _, end, who = min(found)
            # "I told my sister that ...": a person named after the client is spoken to, not of.
            if who == "self" or named is None:
                named = "self" if who == "self" else "other"
            place = -end
        return named

    def _supposed(self, clause: Clause, hit: re.Match[str]) -> bool:
        before = clause.text[: hit.start()]
        return self.has("hypothetical", clause) or self.words.lists["contrast"].search(before) is not None

    def _past(self, place: int, hit: re.Match[str]) -> bool:
        if self.words.signs(self.answer.variable).lifetime:
            return False
        clause = self.clauses[place]
        if self.has("now", clause):
            return False
        if any(not (past.start() < hit.end() and hit.start() < past.end()) for past in self._pasts(clause)):
            return True
        before = self.clauses[place - 1] if place else clause
        return before.sentence == clause.sentence and bool(self._pasts(before)) and not self.has("now", before)

    def _pasts(self, clause: Clause) -> list[re.Match[str]]:
        return list(self.words.lists["past"].finditer(clause.text))

    def _doubted(self, clause: Clause, says: bool) -> bool:
        often = self.how_often(clause) == "often"
        if self.hedged(clause):
            return True
        if self.has("hedge_soft", clause) and not often:
            return not self.words.lists["yes_start"].match(clause.bare)
        if often:
            return False
        if says and self.in_sentence("minimise", clause):
            return True
        return any(self.hedged(each) for each in self.clauses if each.sentence == clause.sentence)

    def answer_hits(self, signs: Sequence[Hit]) -> list[Hit]:
        """The plain answers; none where nothing was asked."""
        if not self.answer.question:
            return []
        found: list[Hit] = []
        for place, clause in enumerate(self.clauses):
            said = self._plain(clause)
            if said is None:
                continue
            says, length = said
            whole = length >= len(clause.bare)
            fine = self.words.lists["fine"].fullmatch(clause.bare) is not None
            if any(hit.clause == place and (not whole or (fine and hit.firm)) for hit in signs):
                continue  # "no appetite", "never better": the sign has taken the word in
            found.append(Hit(says, True, place, 0, length, plain=True))
        return self._last_of_each_run(found)

    def _plain(self, clause: Clause) -> tuple[bool, int] | None:
        lists, bare = self.words.lists, clause.bare
        if lists["yes_alone"].fullmatch(bare):
            return (True, len(bare)) if len(self.clauses) == 1 else None
        for says, name in ((False, "no"), (True, "yes")):
            if lists[f"{name}_whole"].fullmatch(bare):
                return says, len(bare)
        if lists["fine"].fullmatch(bare) or lists["over"].fullmatch(bare):
            return False, len(bare)
        hits = [
            (hit.end(), says)
            for says, name in ((False, "no"), (True, "yes"))
            if (hit := lists[f"{name}_start"].match(bare))
        ]
        return (hits[0][1], hits[0][0]) if hits else None

    def _last_of_each_run(self, hits: list[Hit]) -> list[Hit]:
        """ "Yeah, no": of plain answers side by side in one sentence the last one counts."""
        kept: list[Hit] = []
        for hit in hits:
            last = kept[-1] if kept else None
            sides = (
                last
                and last.clause == hit.clause - 1
                and self.clauses[last.clause].sentence == self.clauses[hit.clause].sentence
            )
            if last and sides and last.says != hit.says and not self.anywhere("contradiction"):
                kept[-1] = hit
            else:
                kept.append(hit)
        return kept

    def how_often(self, clause: Clause) -> Often:
        """How often by the words of a clause alone."""
        seldom = self.words.lists["seldom"].search(clause.text)
        if seldom:
            return "seldom"
        for hit in self.words.lists["often"].finditer(clause.text):
            before = clause.text[: hit.start()]
            near = " ".join(before.split()[-_NEAR_WORDS["en"] :]) if self.answer.language == "en" else before[-3:]
            masked = self.words.lists["not_negation"].sub("~", near)
            return "some" if self.words.lists["negators"].search(masked) else "often"
        return "some" if self.has("some", clause) else ""

    def often_of(self, hit: Hit) -> Often:
        """How often, for what a hit says: in its clause, else its sentence, else anywhere in the answer."""
        own = self.clauses[hit.clause]
        rings = (
            [own],
            [each for each in self.clauses if each.sentence == own.sentence],
            list(self.clauses),
        )
        for ring in rings:
            found = {often for each in ring if (often := self.how_often(each))}
            if found:
                return "often" if "often" in found else "some" if "some" in found else "seldom"
        return ""

    def only_often(self) -> tuple[int, Often] | None:
        """A clause that says how often and nothing besides."""
        size = _RESTS[self.answer.language]
        for place, clause in enumerate(self.clauses):
            often = self.how_often(clause)
            if often:
                rest = clause.bare
                for name in ("often", "some", "seldom"):
                    rest = self.words.lists[name].sub(" ", rest)
                rest = self.words.lists["frequency_rest"].sub(" ", rest)
                left = rest.split() if self.answer.language == "en" else "".join(rest.split())
                if len(left) <= size:
                    return place, often
        return None

    def sentence(self, hit: Hit) -> tuple[int, int]:
        """The place of the sentence that holds a hit."""
        clause = self.clauses[hit.clause]
        return sentence_at(self.answer.text, clause.start, clause.end, self.answer.language)


@lru_cache(maxsize=4096)
def _passing(text: str, words: AnswerWords) -> frozenset[tuple[str, bool]]:
    return frozenset(words.sieved[place] for place in words.sieve.passing(text))
