"""Tells what a client says from how offline clients get to it: their set phrases tell nothing that could be quoted.

A simulated client made of rules has lines for putting off, for having nothing left, for hesitating. A reader that took
them for thoughts or facts would restructure "Ask me again later".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from agents.phrases import load_phrases
from profiles.vocabulary import Language

__all__ = ["NOTHING", "parted"]

NOTHING = ("weighing.nothing_left", "weighing.none_left", "weighing.told_already", "weighing.balanced_said")
_LISTS = (
    *NOTHING, "weighing.no_other_view", "weighing.half_believed", "weighing.fits", "weighing.does_not_fit",
    "deflect", "confide", "fallback",
)  # fmt: skip
_TREES = ("reactions", "openers", "closers", "frames", "risk", "weighing.leads", "weighing.frames")
_LEAST = 4  # characters of a line, or of a part of a frame, that are taken for one
_SLOTS = re.compile(r"\{\w+\}")
_BEGINS = r"(?:^|(?<=[\n.!?…。！？”\"]))\s{0,3}"  # only whole sentences, never the end of one


def parted(reply: str, language: Language) -> tuple[str, frozenset[str]]:
    """What is left of a turn without set phrases, and the names of the lists they stand in.

    What is left is always a part of the reply, or several with a line break between; empty where nothing was told.
    """
    heard: set[str] = set()
    for name, line in _lines(language):
        if line in reply:
            left = re.sub(rf"{_BEGINS}{re.escape(line)}", "\n", reply)  # what stands beside it was said apart
            if left != reply:
                heard.add(name)
                reply = left
    return reply.strip() if heard else reply, frozenset(heard)


@lru_cache(maxsize=2)
def _lines(language: Language) -> tuple[tuple[str, str], ...]:
    """(list's name, line), the longest first, of frames what stands around the client's own words."""
    named = [(name, line) for name, line in _all(language) if len(line) >= _LEAST]
    return tuple(sorted(named, key=lambda each: -len(each[1])))


def _all(language: Language) -> Iterator[tuple[str, str]]:
    phrases = load_phrases("agents.clients", language)
    for name in _LISTS:
        yield from ((name, line) for line in phrases.lines(name))
    for name in _TREES:
        for lines in phrases.tree(name).values():
            yield from ((name, part.strip()) for line in lines for part in _SLOTS.split(line))
