"""The safety word lists: YAML that a clinician can edit, read into checked and compiled lexicons.

The lists stand in ``profiles/data/safety``; how to write a rule is told at the head of ``client_risk.yaml``.
Texts are folded before a pattern sees them (``arena.safety``), and every repeat in a pattern must have an
upper bound: so the time of a search grows with the length of the text and no faster.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import accumulate
from typing import Any, Literal, TypeVar, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError

from profiles.errors import UserError
from profiles.prefilter import Sieve
from profiles.schema import Record
from profiles.vocabulary import Language

__all__ = ["CrisisText", "Guard", "Lexicon", "LexiconName", "Rule", "load_crisis_text", "load_lexicon", "read_lexicon"]

LexiconName = Literal["client_risk", "counselor_harm", "response"]
Level = Literal["low", "high", "immediate", "harm", "answer"]
Where = Literal["clause", "before", "over", "after", "sentence", "near"]
Effect = Literal["drop", "low"]

Model = TypeVar("Model", bound=BaseModel)

_LEVELS: dict[LexiconName, tuple[Level, ...]] = {
    "client_risk": ("low", "high", "immediate"),
    "counselor_harm": ("harm",),
    "response": ("answer",),
}
_LONGEST_REPEAT = 80
_NOT_SYNTAX = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_OPEN_REPEAT = re.compile(r"[*+]|\{\d*,\}|\(\?P")
_REPEAT = re.compile(r"\{(?:\d*,)?(\d+)\}")
_WORD = re.compile(r"<([a-z_]+)>")
_GAP = re.compile(r"<(\d{1,2})>")
_GAPS: dict[Language, str] = {"en": r"(?: [^\s]{1,20}){0,%s}", "zh": r".{0,%s}"}
# English patterns begin and end at the border of a word where they begin and end with a letter.
_WHOLE_WORDS = r"(?:(?<!\w)|(?=\W))(?:%s)(?:(?!\w)|(?<=\W))"


class _Bilingual(Record):
    en: tuple[str, ...] = ()
    zh: tuple[str, ...] = ()

    def of(self, language: Language) -> tuple[str, ...]:
        return self.en if language == "en" else self.zh


class _GuardEntry(_Bilingual):
    where: Where
    effect: Effect = "drop"
    but: _Bilingual = _Bilingual()


class _RuleEntry(_Bilingual):
    rule: str = Field(pattern=r"^[a-z_]+$")
    level: Level
    unless: tuple[str, ...] | None = None


class _ClassEntry(Record):
    unless: tuple[str, ...] = ()
    rules: tuple[_RuleEntry, ...]


class _LexiconFile(Record):
    version: str
    breaks: dict[Language, str]
    words: dict[Language, dict[str, str]] = Field(default_factory=dict)
    guards: dict[str, _GuardEntry] = Field(default_factory=dict)
    classes: dict[str, _ClassEntry]


class Both(Record):
    """One text in both languages."""

    en: str = Field(min_length=1)
    zh: str = Field(min_length=1)

    def of(self, language: Language) -> str:
        """The text in one language."""
        return self.en if language == "en" else self.zh


class HelpLine(Record):
    """One public line; ``shown_first_in`` names the language whose readers most likely need it."""

    region: Both
    name: Both
    number: str = Field(min_length=2)
    shown_first_in: Language


class CrisisText(Record):
    """What a person in crisis is shown, and the sentence that travels with every page and report.

    ``line`` says how one help line is shown, with ``{region}``, ``{name}`` and ``{number}``.
    """

    version: str
    disclaimer: Both
    message: Both
    lines_title: Both
    line: Both
    check_locally: Both
    lines: tuple[HelpLine, ...]


@dataclass(frozen=True)
class Guard:
    """What takes a hit back (``drop``) or weakens it (``low``).

    Args:
        where: where its patterns are looked for, seen from the hit: ``clause`` (the same clause, before it), ``before``
            or ``after`` (the same sentence), ``over`` (overlapping it), ``sentence``, ``near`` (with the
            neighbouring sentences).
        but: patterns that lift the guard when they stand in the same sentence.
    """

    name: str
    where: Where
    effect: Effect
    patterns: tuple[re.Pattern[str], ...]
    but: tuple[re.Pattern[str], ...]


@dataclass(frozen=True)
class Rule:
    """One rule of a class (``kind``) in one language; any of its patterns makes a hit."""

    kind: str
    name: str
    level: Level
    patterns: tuple[re.Pattern[str], ...]
    guards: tuple[Guard, ...]


@dataclass(frozen=True)
class Lexicon:
    """The rules of one file in one language. ``breaks`` finds the borders between clauses."""

    version: str
    language: Language
    breaks: re.Pattern[str]
    rules: tuple[Rule, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The classes in the order of the file: gravest first."""
        return tuple(dict.fromkeys(rule.kind for rule in self.rules))

    def worth_trying(self, text: str) -> list[tuple[Rule, list[re.Pattern[str]]]]:
        """The rules that may find something in a text, in order, each with those of its patterns that may match."""
        chosen: dict[int, list[re.Pattern[str]]] = {}
        for rule, pattern in map(self._listed.__getitem__, self._sieve.passing(text)):
            chosen.setdefault(rule, []).append(pattern)
        return [(self.rules[rule], patterns) for rule, patterns in chosen.items()]

    @cached_property
    def _listed(self) -> list[tuple[int, re.Pattern[str]]]:
        return [(place, pattern) for place, rule in enumerate(self.rules) for pattern in rule.patterns]

    @cached_property
    def _sieve(self) -> Sieve:
        return Sieve([pattern for _, pattern in self._listed])


@lru_cache(maxsize=16)
def load_lexicon(name: LexiconName, language: Language) -> Lexicon:
    """The built-in lexicon of that name in that language, compiled once.

    Raises:
        UserError: the file has been edited into something that cannot be used.
    """
    path = files("profiles") / "data" / "safety" / f"{name}.yaml"
    return read_lexicon(path, language, _LEVELS[name])


@lru_cache(maxsize=1)
def load_crisis_text() -> CrisisText:
    """The crisis text and the disclaimer.

    Raises:
        UserError: the file has been edited into something that cannot be used.
    """
    return _read(files("profiles") / "data" / "safety" / "crisis_text.yaml", CrisisText)


def read_lexicon(path: Traversable, language: Language, levels: tuple[Level, ...] = get_args(Level)) -> Lexicon:
    """Read and check a lexicon file, and compile what it holds for one language.

    Args:
        path: the YAML file; messages give its name only.
        language: whose patterns are compiled; a rule without patterns in it is left out.
        levels: the levels that its rules may have.

    Raises:
        UserError: names file, class, rule and pattern of the first fault.
    """
    source = _read(path, _LexiconFile)
    compiler = _Compiler(path.name, language, levels, source)
    return Lexicon(
        version=source.version,
        language=language,
        breaks=compiler.pattern(source.breaks.get(language, ""), "breaks"),
        rules=tuple(compiler.rules()),
    )


@dataclass(frozen=True)
class _Compiler:
    file: str
    language: Language
    levels: tuple[Level, ...]
    source: _LexiconFile

    def rules(self) -> Iterator[Rule]:
        guards = {name: self._guard(name, entry) for name, entry in self.source.guards.items()}
        for kind, entry in self.source.classes.items():
            for rule in entry.rules:
                place = f"{kind}/{rule.rule}"
                self._check_level(rule.level, place)
                patterns = self._patterns(rule, place)
                unless = entry.unless if rule.unless is None else rule.unless
                chosen = tuple(self._known(name, guards, rule.level, place) for name in unless)
                if patterns:
                    yield Rule(kind, rule.rule, rule.level, patterns, chosen)

    def pattern(self, text: str, place: str) -> re.Pattern[str]:
        named = _WORD.sub(lambda found: self._word(found[1], text, place), text)
        expanded = _GAP.sub(lambda found: _GAPS[self.language] % found[1], named)
        bare = _NOT_SYNTAX.sub("", expanded)
        if _OPEN_REPEAT.search(bare):
            raise self._fault(place, text, "'*', '+', '{n,}' and named groups are not allowed; write {0,20} or so")
        if any(int(most) > _LONGEST_REPEAT for most in _REPEAT.findall(bare)):
            raise self._fault(place, text, f"a repeat may not go beyond {_LONGEST_REPEAT}")
        if min(accumulate((sign == "(") - (sign == ")") for sign in bare), default=0) < 0:
            raise self._fault(place, text, "not a valid regular expression (unbalanced parenthesis)")
        try:
            compiled = re.compile(_WHOLE_WORDS % expanded if self.language == "en" else expanded)
        except re.error as error:
            raise self._fault(place, text, f"not a valid regular expression ({error.msg})") from error
        if not text or compiled.search("") is not None:
            raise self._fault(place, text, "it matches the empty text; make a part of it required")
        return compiled

    def _patterns(self, entry: _Bilingual, place: str) -> tuple[re.Pattern[str], ...]:
        return tuple(self.pattern(text, place) for text in entry.of(self.language))

    def _guard(self, name: str, entry: _GuardEntry) -> Guard:
        place = f"guards/{name}"
        return Guard(name, entry.where, entry.effect, self._patterns(entry, place), self._patterns(entry.but, place))

    def _check_level(self, level: Level, place: str) -> None:
        if level not in self.levels:
            raise UserError(f"{self.file}: {place}: level '{level}' has no place here; use {' or '.join(self.levels)}")

    def _known(self, name: str, guards: Mapping[str, Guard], level: Level, place: str) -> Guard:
        if name not in guards:
            raise UserError(f"{self.file}: {place}: no guard is called '{name}'; there are {', '.join(guards)}")
        if guards[name].effect == "low" and "low" not in self.levels:
            raise UserError(f"{self.file}: {place}: guard '{name}' makes '{level}' low; give it the effect drop")
        return guards[name]

    def _word(self, name: str, text: str, place: str) -> str:
        words = self.source.words.get(self.language, {})
        if name not in words:
            raise self._fault(place, text, f"<{name}> is not among the words; add it there")
        return f"(?:{words[name]})"

    def _fault(self, place: str, text: str, fault: str) -> UserError:
        return UserError(f"{self.file}: {place} ({self.language}): pattern '{text}': {fault}")


def _read(path: Traversable, model: type[Model]) -> Model:
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return model.model_validate(content)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path.name}: cannot be read as UTF-8 text ({error}); put the file back") from error
    except yaml.YAMLError as error:
        fault = " ".join(str(error).split())
        raise UserError(f"{path.name}: not valid YAML ({fault}); mend the file") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = "/".join(str(part) for part in first["loc"]) or "the file"
        raise UserError(f"{path.name}: {place}: {first['msg']}; mend the entry") from error
