"""Transcripts as plain text: a role and a colon at the start of a line, whatever follows until the next one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from profiles.vocabulary import Role
from storage.imports.roles import party_of

__all__ = ["dialogues_in_text", "prefixed_lines"]

_TIME = r"(?:[\[(（]?\d{1,2}:\d{2}(?::\d{2})?[\])）]?\s*)?"
_PREFIX = re.compile(
    rf"^\s*{_TIME}[*_#\[【<]{{0,3}}([^\s:：*\]】>][^:：\n]{{0,24}}?)[*_\]】>]{{0,3}}\s{{0,8}}\d{{0,3}}\s{{0,8}}[:：][*_]{{0,2}}\s?(.*)$"
)
_BETWEEN = re.compile(r"^\s*(?:-{3,}|={3,}|\*{3,}|#{1,6}\s.*)\s*$")


def prefixed_lines(text: str, own: Mapping[str, Role] | None = None) -> list[tuple[str, str]]:
    """(role's name, text) in order. A line without a role goes on with the one before it.

    Before the first role everything is a heading and left out. What stands before a colon twice or more is taken for
    a role, known or not, so that an unknown one can be named as a fault; once, it is part of what was said.
    """
    counts = Counter(hit[1] for line in text.splitlines() if (hit := _PREFIX.match(line)))
    names = frozenset(counts)
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        hit = _PREFIX.match(line)
        if hit and (party_of(hit[1], names, own) or counts[hit[1]] > 1):
            found.append((hit[1], [hit[2]]))
        elif found and line.strip():
            found[-1][1].append(line.strip())
    return [(role, "\n".join(part for part in said if part).strip()) for role, said in found]


def dialogues_in_text(text: str) -> Iterator[tuple[int, str]]:
    """(first line from 1, text) of each dialogue in a file: parted by a rule (``---``) or a heading (``# ...``)."""
    start, held = 1, list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        if _BETWEEN.match(line):
            if any(part.strip() for part in held):
                yield start, "\n".join(held)
            start, held = number + 1, []
        else:
            held.append(line)
    if any(part.strip() for part in held):
        yield start, "\n".join(held)
