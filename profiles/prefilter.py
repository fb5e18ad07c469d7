"""Tells which patterns of a list are worth running on a text, by literals that their matches cannot do without.

A search with a regular expression costs microseconds, a list holds hundreds, and nearly none of them matches. From a
pattern's parse tree are read sets of strings of which every match holds at least one; where the text holds none, the
pattern is not run. Only what is certain counts (a lookaround, a wildcard or ignored case tells nothing), so no match
is ever hidden.
"""

from __future__ import annotations

import importlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

__all__ = ["Sieve", "Way", "ways"]

# The parse trees of ``re`` have no public door; what is unknown in one is taken to say nothing.
_parser = importlib.import_module("re._parser")
_op = importlib.import_module("re._constants")
_WIDTHLESS = (_op.AT, _op.ASSERT, _op.ASSERT_NOT)
_REPEATS = (_op.MAX_REPEAT, _op.MIN_REPEAT, _op.POSSESSIVE_REPEAT)

Strings = frozenset[str]
Way = tuple[Strings, ...]
"""What one way of matching needs: of each set at least one string. Without any set, nothing is known of it."""
_Nodes = Iterable[tuple[Any, Any]]

_MOST_STRINGS = 48  # a piece of a pattern that can be written in more ways is not written out
_MOST_SETS = 3
_EMPTY: Strings = frozenset({""})
# How often a word of 1, 2 .. 6 and more letters stands in a text, roughly; and a character of another script.
_WORDS = (0.05, 0.03, 0.025, 0.01, 0.003, 0.001)
_OTHER = 0.01
_FEW = 100  # so many strings may be looked for one by one
_GRAMS = (4, 3, 2, 1)


def ways(pattern: re.Pattern[str]) -> tuple[Way, ...]:
    """The ways in which a pattern can match: every match, in any text, fulfils at least one of them."""
    if pattern.flags & re.IGNORECASE:
        return ((),)
    return tuple(_ways(_parser.parse(pattern.pattern, pattern.flags).data))


class Sieve:
    """Chooses from a list of patterns those that may match a text.

    It looks for the rarest set of each way by pieces of equal length ("grams"), so that its time grows with the text
    and hardly with the list.
    """

    def __init__(self, patterns: Sequence[re.Pattern[str]]) -> None:
        self._always: list[int] = []
        uses: defaultdict[str, list[tuple[int, Way]]] = defaultdict(list)
        for place, pattern in enumerate(patterns):
            for way in ways(pattern):
                if not way:
                    self._always.append(place)
                for string in way[0] if way else ():
                    uses[string].append((place, way[1:]))
        self._size = next(size for size in _GRAMS if sum(len(string) < size for string in uses) <= _FEW)
        self._short = [(string, uses[string]) for string in uses if len(string) < self._size]
        self._by_gram: defaultdict[str, list[tuple[str, list[tuple[int, Way]]]]] = defaultdict(list)
        common = Counter(gram for string in uses for gram in self._grams(string))
        for string in uses:
            gram = min(self._grams(string), key=common.__getitem__, default=None)
            if gram is not None:
                self._by_gram[gram].append((string, uses[string]))

    def passing(self, text: str) -> list[int]:
        """The places in the list, in order, of all patterns that match somewhere in the text, and of few others."""
        found = set(self._always)
        grams = self._by_gram.keys() & self._grams(text)
        looked_for = chain(self._short, *map(self._by_gram.__getitem__, grams))
        for place, rest in chain.from_iterable(uses for string, uses in looked_for if string in text):
            if place not in found and all(any(map(text.__contains__, strings)) for strings in rest):
                found.add(place)
        return sorted(found)

    def _grams(self, text: str) -> set[str]:
        size = self._size
        return {text[start : start + size] for start in range(len(text) - size + 1)}


@dataclass(frozen=True)
class _Piece:
    """What a part of a pattern matches: one of ``whole``, or else something that fulfils ``needs``."""

    whole: Strings | None = None
    needs: Way = ()

    def told(self) -> Way:
        if self.whole is None:
            return self.needs
        return () if "" in self.whole else (self.whole,)


_ANYTHING = _Piece()


def _ways(nodes: _Nodes) -> Iterator[Way]:
    """The alternatives at the top of a pattern stay apart; what stands deeper is one way."""
    wide = [node for node in nodes if not _without_width(*node)]
    only: tuple[Any, Any] = wide[0] if len(wide) == 1 else (None, None)
    operator, argument = only
    if operator is _op.SUBPATTERN and not argument[1] & re.IGNORECASE:
        yield from _ways(argument[3].data)
    elif operator is _op.BRANCH:
        for way in argument[1]:
            yield from _ways(way.data)
    else:
        yield tuple(sorted(set(_row(wide).told()), key=_frequency)[:_MOST_SETS])


def _without_width(operator: Any, argument: Any) -> bool:  # noqa: ANN401  (what the parser gives)
    if operator is _op.SUBPATTERN:
        return all(_without_width(*node) for node in argument[3].data)
    if operator is _op.BRANCH:
        return all(_without_width(*node) for way in argument[1] for node in way.data)
    return operator in _WIDTHLESS


def _frequency(strings: Strings) -> float:
    total = 0.0
    for string in strings:
        share = 1.0
        for word in string.split():
            share *= _WORDS[min(len(word), len(_WORDS)) - 1] if word.isascii() else _OTHER ** len(word)
        total += share
    return total


def _row(nodes: _Nodes) -> _Piece:
    """Pieces one behind the other; neighbours that can be written out grow together."""
    needs: list[Strings] = []
    run, letters, entire = _EMPTY, "", True
    for operator, argument in nodes:
        if operator is _op.LITERAL:
            letters += chr(argument)
            continue
        if operator in _WIDTHLESS:
            continue
        piece = _piece(operator, argument)
        if piece.whole is not None and len(run) * len(piece.whole) <= _MOST_STRINGS:
            run = frozenset([first + letters + second for first in run for second in piece.whole])
        else:
            needs += [*_Piece(frozenset([first + letters for first in run])).told(), *piece.needs]
            run, entire = piece.whole or _EMPTY, False
        letters = ""
    last = _Piece(frozenset([first + letters for first in run]) if letters else run)
    return last if entire else _Piece(needs=(*needs, *last.told()))


def _piece(operator: Any, argument: Any) -> _Piece:  # noqa: ANN401  (what the parser gives)
    if operator is _op.IN:
        return _characters(argument)
    if operator is _op.SUBPATTERN and not argument[1] & re.IGNORECASE:
        return _row(argument[3].data)
    if operator is _op.ATOMIC_GROUP:
        return _row(argument.data)
    if operator is _op.BRANCH:
        return _either([_row(way.data) for way in argument[1]])
    if operator in _REPEATS:
        return _repeated(argument[0], argument[1], argument[2].data)
    return _ANYTHING


def _characters(items: _Nodes) -> _Piece:
    found: list[str] = []
    for operator, argument in items:
        if operator is _op.LITERAL:
            found.append(chr(argument))
        elif operator is _op.RANGE and argument[1] - argument[0] < _MOST_STRINGS:
            found.extend(map(chr, range(argument[0], argument[1] + 1)))
        else:
            return _ANYTHING
    return _Piece(frozenset(found))


def _either(choices: Sequence[_Piece]) -> _Piece:
    wholes = [choice.whole for choice in choices if choice.whole is not None]
    if len(wholes) == len(choices):
        return _Piece(frozenset().union(*wholes))
    told = [choice.told() for choice in choices]
    if not all(told):
        return _ANYTHING
    return _Piece(needs=(frozenset().union(*(min(way, key=_frequency) for way in told)),))


def _repeated(least: int, most: int, nodes: _Nodes) -> _Piece:
    if not least and most > 1:
        return _ANYTHING
    piece = _row(nodes)
    if most == 1 and piece.whole is not None:
        return piece if least else _Piece(piece.whole | _EMPTY)
    return _Piece(needs=piece.told()) if least else _ANYTHING
