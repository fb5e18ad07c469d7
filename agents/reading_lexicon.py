"""Loads the counselor-move lexicons (``profiles/data/moves/<language>.yaml``) and compiles them once.

Patterns are lower-case and every repeat in them is bounded, so each search is linear in the text. ``<3>``
stands for "up to three words between" in English, "up to three characters between" in Chinese; ``<name>`` for
the piece of that name under ``parts``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import Field, ValidationError

from profiles.errors import UserError
from profiles.prefilter import Sieve
from profiles.schema import Record
from profiles.vocabulary import Language, Move

__all__ = ["Lexicon", "LexiconText", "Rule", "load_lexicon", "parse_lexicon"]

Need = Literal["question", "statement", "leave", "no_leave", "tied", "untied"]
Guard = Literal["negation", "reported"]
Patterns = tuple[str, ...]

_CLASS = re.compile(r"\[[^\]]*\]")
_CLAUSE_END = re.compile(r"[,;，；]")
_GAP = re.compile(r"<(\d+)>")
_PART = re.compile(r"<([a-z_]+)>")
_BETWEEN = {"en": r"(?: [^\\s]{1,20}){0,\1}", "zh": r".{0,\1}"}
_FAULTS = (
    (re.compile(r"(?<!\\)[A-Z]"), "has a capital letter; texts are read in lower case, write it so"),
    (re.compile(r"(?<!\\)[*+]|(?<!\\)\{\d+,\}"), "has an unbounded repeat; write {0,9} or <3>"),
)
# A guard looks back this many characters, so that many hits in one long sentence stay cheap.
_WINDOW = 80


class Thresholds(Record):
    """Where the rules draw their lines. Shares are 0-1; the rest are counts.

    reflection_overlap: least share of a sentence with a reflective stem that is the client's last turn's.
    feeling_overlap: the same for a sentence with a feeling word but no stem.
    paraphrase_overlap, paraphrase_units: the same for a sentence to the client that has neither; as a count.
    thin_turn: a client turn of fewer content units ("I don't know") need not be found in a reflection of it.
    verbatim: copied share from which a sentence is only the client's own words and shows no move.
    echo_turn, echo_body: copied share of the whole turn; of what stands behind a stem.
    echo_client: share of the client's turn that an echo hands back.
    run: length of a copied run, in words (en) or characters (zh).
    carried: share of a turn that a summary carries from earlier client turns.
    ignored_overlap: share of a turn, below which it does not speak of what the client just confided.
    off_topic_units: fewest content units of a turn that can be off topic.
    repeat, repeat_units: likeness (Jaccard) from which a sentence of so many units repeats an earlier one.
    """

    reflection_overlap: float = Field(ge=0, le=1)
    feeling_overlap: float = Field(ge=0, le=1)
    paraphrase_overlap: float = Field(ge=0, le=1)
    paraphrase_units: int = Field(ge=1)
    thin_turn: int = Field(ge=0)
    verbatim: float = Field(ge=0, le=1)
    echo_turn: float = Field(ge=0, le=1)
    echo_body: float = Field(ge=0, le=1)
    echo_client: float = Field(ge=0, le=1)
    run: int = Field(ge=2)
    carried: float = Field(ge=0, le=1)
    ignored_overlap: float = Field(ge=0, le=1)
    off_topic_units: int = Field(ge=1)
    repeat: float = Field(ge=0, le=1)
    repeat_units: int = Field(ge=1)


class RuleText(Record):
    """One way to show a move: one of ``any`` in a sentence that holds none of ``unless`` and meets ``needs``.

    needs: ``leave`` / ``no_leave`` = the sentence or the next one asks the client's leave, or not;
        ``tied`` / ``untied`` = it shares content with the client's turns, or not.
    guards: a hit does not count behind a negation, or inside what somebody else says or fears.
    """

    any: Patterns = Field(min_length=1)
    unless: Patterns = ()
    needs: tuple[Need, ...] = ()
    guards: tuple[Guard, ...] = ()


class PatternsText(Record):
    """The named lists of patterns outside the moves; each is explained in the lexicon file."""

    reflective_stems: Patterns = Field(min_length=1)
    statement_stems: Patterns = Field(min_length=1)
    addressed: Patterns = Field(min_length=1)
    summary_stems: Patterns = Field(min_length=1)
    echo_prefixes: Patterns = Field(min_length=1)
    asked_without_mark: Patterns = Field(min_length=1)
    question_forms: Patterns = Field(min_length=1)
    leave: Patterns = Field(min_length=1)
    negators: Patterns = Field(min_length=1)
    reported: Patterns = Field(min_length=1)
    session_words: Patterns = Field(min_length=1)
    list_sequence: Patterns = Field(min_length=1)
    list_lines: Patterns = Field(min_length=1)


class LexiconText(Record):
    """A lexicon file. Word lists are plain text: ``stop`` parted by spaces, the families by commas."""

    version: str
    thresholds: Thresholds
    replacements: dict[str, str]
    persons: dict[str, str]
    stop: str
    abbreviations: str = ""
    irregular: dict[str, str] = Field(default_factory=dict)
    suffixes: dict[str, str] = Field(default_factory=dict)
    feelings: dict[str, str]
    topics: dict[str, str]
    parts: dict[str, str] = Field(default_factory=dict)
    patterns: PatternsText
    moves: dict[Move, tuple[RuleText, ...]]


@dataclass(frozen=True, eq=False)
class Rule:
    """A compiled ``RuleText`` of a move."""

    move: Move
    any: re.Pattern[str]
    unless: re.Pattern[str] | None
    needs: frozenset[Need]
    guards: tuple[re.Pattern[str], ...]

    def found_in(self, norm: str) -> bool:
        """Whether a normalised sentence holds a pattern that no guard and no exception takes back."""
        if self.unless is not None and self.unless.search(norm):
            return False
        hits = (norm[max(0, hit.start() - _WINDOW) : hit.start()] for hit in self.any.finditer(norm))
        return any(not self._taken_back(before) for before in hits)

    def _taken_back(self, before: str) -> bool:
        """Whether a guard stands in the clause before a hit; a comma right behind the guard still belongs to it."""
        ends = (hit.end() for guard in self.guards for hit in guard.finditer(before))
        return any(_CLAUSE_END.search(before, end + 1) is None for end in ends)


@dataclass(frozen=True, eq=False)
class Lexicon:
    """One language's words and patterns, compiled.

    families: word (stem in en) or phrase -> its family of feelings or topics.
    phrases: finds the families' words that are not single stems.
    """

    language: Language
    source: LexiconText
    patterns: Mapping[str, re.Pattern[str]]
    moves: Mapping[Move, tuple[Rule, ...]]
    stop: frozenset[str]
    stop_runs: re.Pattern[str] | None
    abbreviations: frozenset[str]
    families: Mapping[str, str]
    phrases: re.Pattern[str]

    @property
    def thresholds(self) -> Thresholds:
        """Where the rules draw their lines."""
        return self.source.thresholds

    def stem(self, word: str) -> str:
        """A word without its ending: enough to match ``worried`` with ``worrying``, no more."""
        return _stem_of(word, self)

    def found(self, name: str, norm: str) -> re.Match[str] | None:
        """The first hit of a named list of patterns in a normalised text."""
        return next(self.every(name, norm), None)

    def every(self, name: str, norm: str) -> Iterator[re.Match[str]]:
        """All hits of a named list of patterns in a normalised text."""
        return self.patterns[name].finditer(norm) if name in _promising(norm, self) else iter(())

    def holding(self, norm: str) -> frozenset[Rule]:
        """The rules that a normalised sentence fulfils, but for what they need of its context."""
        return _holding(norm, self)

    @cached_property
    def sieved(self) -> tuple[Sequence[str | Rule], Sieve]:
        """All that is looked for in sentences (named lists, rules), and the sieve of its patterns in this order."""
        items: list[str | Rule] = [*self.patterns]
        items += [rule for rules in self.moves.values() for rule in rules]
        return items, Sieve([item.any if isinstance(item, Rule) else self.patterns[item] for item in items])


# A sentence is read again with every later turn, by the client who hears it and by the judges.
@lru_cache(maxsize=2048)
def _promising(norm: str, lexicon: Lexicon) -> frozenset[str | Rule]:
    items, sieve = lexicon.sieved
    return frozenset(items[place] for place in sieve.passing(norm))


@lru_cache(maxsize=2048)
def _holding(norm: str, lexicon: Lexicon) -> frozenset[Rule]:
    return frozenset(item for item in _promising(norm, lexicon) if isinstance(item, Rule) and item.found_in(norm))


@lru_cache(maxsize=4096)
def _stem_of(word: str, lexicon: Lexicon) -> str:
    return _stem(word, lexicon.source)


@lru_cache(maxsize=4)
def load_lexicon(language: Language) -> Lexicon:
    """The compiled lexicon of a language, read once.

    Raises:
        UserError: the file is missing, is not YAML, lacks a field or holds a pattern that cannot be used.
    """
    name = f"profiles/data/moves/{language}.yaml"
    path = files("profiles") / "data" / "moves" / f"{language}.yaml"
    if not path.is_file():
        raise UserError(f"{name}: no such file; add the move lexicon for language '{language}'")
    return parse_lexicon(path.read_text(encoding="utf-8"), language, name)


def parse_lexicon(text: str, language: Language, name: str) -> Lexicon:
    """Compile the text of a lexicon file; ``name`` is how messages call the file.

    Raises:
        UserError: not YAML, a field lacks or is wrong, or a pattern cannot be used.
    """
    try:
        source = LexiconText.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise UserError(f"{name}: not valid YAML ({' '.join(str(error).split())}); mend that line") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UserError(f"{name}: {place}: {first['msg']}; mend that field") from error
    return _Compiler(language, name, source).lexicon()


@dataclass(frozen=True)
class _Compiler:
    language: Language
    name: str
    source: LexiconText

    def lexicon(self) -> Lexicon:
        stop = frozenset(self.source.stop.split())
        lists = self.source.patterns.model_dump()
        families = self._families()
        phrases = families if self.language == "zh" else [words for words in families if " " in words]
        return Lexicon(
            language=self.language,
            source=self.source,
            patterns={field: self._pattern(field, patterns) for field, patterns in lists.items()},
            moves={move: self._rules(move, rules) for move, rules in self.source.moves.items()},
            stop=stop,
            stop_runs=_literals(stop) if self.language == "zh" else None,
            abbreviations=frozenset(self.source.abbreviations.split()),
            families=families,
            phrases=_literals(phrases, word=self.language == "en"),
        )

    def _families(self) -> dict[str, str]:
        families: dict[str, str] = {}
        for family, words in {**self.source.topics, **self.source.feelings}.items():
            for word in (part.strip() for part in words.split(",")):
                single = self.language == "en" and " " not in word
                families[_stem(word, self.source) if single else word] = family
        return families

    def _rules(self, move: Move, rules: tuple[RuleText, ...]) -> tuple[Rule, ...]:
        lists = self.source.patterns
        guards = {
            "negation": self._pattern("negators", lists.negators),
            "reported": self._pattern("reported", lists.reported),
        }
        return tuple(
            Rule(
                move=move,
                any=self._pattern(move, rule.any),
                unless=self._pattern(move, rule.unless) if rule.unless else None,
                needs=frozenset(rule.needs),
                guards=tuple(guards[guard] for guard in rule.guards),
            )
            for rule in rules
        )

    def _pattern(self, field: str, patterns: Patterns) -> re.Pattern[str]:
        """All patterns of a list as one; a list of lines stands at lines' begins, which need not be words'."""
        lines = field == "list_lines"
        start = r"\b" if self.language == "en" and not lines else ""
        joined = "|".join(self._spelled(field, pattern) for pattern in patterns)
        try:
            return re.compile(f"{start}(?:{joined})", re.MULTILINE if lines else 0)
        except re.error as error:
            raise self._fault(field, self._broken(field, patterns), f"is not well formed ({error.msg})") from error

    def _spelled(self, field: str, pattern: str) -> str:
        """A pattern with its parts and gaps written out."""
        try:
            whole = _PART.sub(lambda hit: self.source.parts[hit[1]], pattern)
        except KeyError as error:
            raise self._fault(field, pattern, f"names the part {error}; add it under 'parts'") from error
        bare = _CLASS.sub("", whole)
        for fault, remedy in _FAULTS:
            if fault.search(bare):
                raise self._fault(field, pattern, remedy)
        return _GAP.sub(_BETWEEN[self.language], whole)

    def _broken(self, field: str, patterns: Patterns) -> str:
        for pattern in patterns:
            try:
                re.compile(self._spelled(field, pattern))
            except re.error:
                return pattern
        return patterns[0]

    def _fault(self, field: str, pattern: str, fault: str) -> UserError:
        return UserError(f"{self.name}: {field}: the pattern '{pattern}' {fault}")


def _literals(words: Iterable[str], word: bool = False) -> re.Pattern[str]:
    longest_first = sorted(words, key=lambda text: (-len(text), text))
    joined = "|".join(re.escape(text) for text in longest_first) or "(?!)"
    return re.compile(rf"\b(?:{joined})\b" if word else joined)


def _stem(word: str, source: LexiconText) -> str:
    if word in source.irregular:
        return source.irregular[word]
    for _ in range(3):  # "closeness" has more endings than "close": only the last stem of both is the same
        ending = next((end for end in source.suffixes if word.endswith(end) and len(word) - len(end) >= 3), "")
        word = word.removesuffix(ending) + source.suffixes.get(ending, "")
    doubled = len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiouls"
    return word[:-1] if doubled else word
