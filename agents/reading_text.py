"""Cuts English and Chinese text into sentences and content units, and measures what two texts share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from operator import add

from agents.reading_lexicon import Lexicon, load_lexicon
from profiles.vocabulary import Language

__all__ = ["Words", "content_units", "copied_share", "length", "said_in", "split_sentences", "words_of"]

_BREAK = re.compile(r"(?P<mark>[.!?。！？；…]+)(?P<tail>[\"'”’»)\]）」』*_]*)|\n+")
_HAN = re.compile(r"[\u3400-\u9fff]+")
_SPACED_HAN = re.compile(r"(?<=[\u3400-\u9fff]) | (?=[\u3400-\u9fff])")
_TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_NUMBER = re.compile(r"(?:^|\s)\(?\d{1,2}$")
_LEAD = re.compile(r"^(?:[-•·–—>\s\"“‘「『(（]|\d{1,2}[.)、]|[①-⑳])+")
_QUOTES = {"’": "'", "‘": "'", "ʼ": "'", "“": '"', "”": '"'}
_PLAIN = str.maketrans({**_QUOTES, "*": "", "#": "", "`": "", "_": " "})


@dataclass(frozen=True)
class Words:
    """A text's content: its units, the families of feelings and topics it touches, and its Han characters."""

    units: frozenset[str]
    families: frozenset[str]
    characters: frozenset[str]

    def holds(self, unit: str) -> bool:
        """Whether the text says a unit; a lone character counts wherever it stands."""
        return unit in self.units or (len(unit) == 1 and unit in self.characters)

    def common(self, other: Words) -> int:
        """How many of this text's units ``other`` has too."""
        left = self.units - other.units
        return len(self.units) - len(left) + len(left & other.characters)

    def shared(self, other: Words) -> float:
        """Share (0-1) of this text's content that ``other`` has too, kindred words counted as the same."""
        kindred = len(self.families & other.families)
        return min(1.0, max(self.common(other), kindred) / len(self.units)) if self.units else 0.0


@lru_cache(maxsize=2048)
def normalise(text: str, lexicon: Lexicon) -> str:
    """A sentence as patterns read it: lower case, straight quotes, no mark-up, one form per contraction."""
    norm = _SPACED_HAN.sub("", _LEAD.sub("", " ".join(text.lower().translate(_PLAIN).split())))
    for old, new in lexicon.source.replacements.items():
        norm = norm.replace(old, new)
    return norm


def content_units(text: str, language: Language) -> frozenset[str]:
    """What a text is about: stems of words, bigrams of Han characters; stop words and characters left out."""
    return words_of(text, language).units


@lru_cache(maxsize=2048)
def words_of(text: str, language: Language) -> Words:
    """The content of a text, remembered because a client's turn is compared with every later one."""
    lexicon = load_lexicon(language)
    norm = normalise(text, lexicon)
    tokens = (token.removesuffix("'s") for token in _TOKEN.findall(_HAN.sub(" ", norm)))
    stems = {lexicon.stem(token) for token in tokens if token not in lexicon.stop}
    units = stems - lexicon.stop
    for run in _HAN.findall(norm):
        units.update(_pairs(run, lexicon))
    found = [lexicon.families[hit] for hit in lexicon.phrases.findall(norm)]
    families = {*found, *(lexicon.families[unit] for unit in units if unit in lexicon.families)}
    return Words(frozenset(units), frozenset(families), frozenset("".join(_HAN.findall(norm))))


def _pairs(run: str, lexicon: Lexicon) -> Iterator[str]:
    for piece in lexicon.stop_runs.split(run) if lexicon.stop_runs else [run]:
        if len(piece) == 1:
            yield piece
        yield from map(add, piece, piece[1:])


def said_in(fragment: str, text: str, language: Language) -> float:
    """Share (0-1) of a fragment's content units that a text holds; 0 for a fragment without content."""
    wanted = words_of(fragment, language)
    heard = words_of(text, language)
    return wanted.common(heard) / len(wanted.units) if wanted.units else 0.0


def length(text: str, language: Language) -> int:
    """How long a text is: words (en), or characters without spaces and punctuation (zh)."""
    return len(_TOKEN.findall(text)) if language == "en" else sum(char.isalnum() for char in text)


@lru_cache(maxsize=2048)
def split_sentences(text: str, language: Language) -> tuple[str, ...]:
    """The sentences of a text in order, each a verbatim substring that holds at least one letter or digit."""
    lexicon = load_lexicon(language)
    pieces: list[str] = []
    start = 0
    for hit in _BREAK.finditer(text):
        if hit["mark"] is None or _ends(text, start, hit, lexicon):
            pieces.append(text[start : hit.end()])
            start = hit.end()
    pieces.append(text[start:])
    return tuple(piece.strip() for piece in pieces if any(char.isalnum() for char in piece))


def _ends(text: str, start: int, hit: re.Match[str], lexicon: Lexicon) -> bool:
    """Whether a run of marks ends the sentence that began at ``start``."""
    mark, after = hit["mark"], text[hit.end() : hit.end() + 2]
    if not after or after[0] == "\n" or set(mark) & set("。！？；"):
        return True
    if not (after[0].isspace() or _HAN.match(after)):
        return False
    if mark != "." and not mark.strip(".…"):
        return after.strip().isupper()
    if hit["tail"] and after.strip().islower():
        return False
    if mark != ".":
        return True
    before = text[max(start, hit.start() - 12) : hit.start()]
    return not _NUMBER.search(before) and before.split(" ")[-1].lower() not in lexicon.abbreviations


@lru_cache(maxsize=2048)
def copied_share(text: str, source: str, language: Language) -> float:
    """Share (0-1) of a text that consists of runs of words (zh: characters) taken over from ``source``.

    ``I`` and ``you`` count as the same, so that "You are tired" copies "I am tired". Runs shorter than the
    lexicon's ``run`` do not count, unless the whole source is shorter.
    """
    mine, theirs = _sequence(text, language), _sequence(source, language)
    size = min(load_lexicon(language).thresholds.run, len(mine), len(theirs))
    if size < 2:
        return float(bool(mine) and mine == theirs)
    runs = {theirs[i : i + size] for i in range(len(theirs) - size + 1)}
    covered = [False] * len(mine)
    for i in range(len(mine) - size + 1):
        if mine[i : i + size] in runs:
            covered[i : i + size] = [True] * size
    return sum(covered) / len(covered)


@lru_cache(maxsize=512)
def _sequence(text: str, language: Language) -> tuple[str, ...]:
    lexicon = load_lexicon(language)
    tokens: list[str] = []
    for token in _TOKEN.findall(normalise(text, lexicon)):
        tokens.extend(token if _HAN.match(token) else [token])
    return tuple(lexicon.source.persons.get(token, token) for token in tokens)
