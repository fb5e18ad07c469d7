"""Transcripts as plain text: a role and a colon at the start of a line, whatever follows until the next one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from profiles.vocabulary import Role
from storage.imports.roles import Party, party_of

__all__ = ["dialogues_in_text", "prefixed_lines"]

_TIME = r"(?:[\[(（]?\d{1,2}:\d{2}(?::\d{2})?[\])）]?\s*)?"
_PREFIX = re.compile(
    rf"^\s*{_TIME}[*_#\[【<]{{0,3}}([^\s:：*\]】>][^:：\n]{{0,24}}?)[*_\]】>]{{0,3}}\s{{0,8}}\d{{0,3}}\s{{0,8}}[:：][*_]{{0,2}}\s?(.*)$"
)
_BETWEEN = re.compile(r"^\s*(?:-{3,}|={3,}|\*{3,}|#{1,6}\s.*)\s*$")


def prefixed_lines(text: str, own: Mapping[str, Role] | None = None) -> list[tuple[str, str]]:
    """(role's name, text) in order. A line without a role goes on with the one before it.

    Before the first role everything is a heading and left out. What stands before a colon twice or more is taken for
    a role, known or not, so that an unknown one can be named as a fault; once, it is part of what was said. So is an
    unknown one that stands within one single turn of the client, where the dialogue has known roles of both parties:
    the client goes through a list.
    """
    hits = [(line, _PREFIX.match(line)) for line in text.splitlines()]
    counts = Counter(hit[1] for _, hit in hits if hit)
    names = frozenset(counts)
    parties = {name: party_of(name, names, own) for name in counts}
    listed = _listed([hit[1] for _, hit in hits if hit], parties)
    roles = {name for name in counts if parties[name] or (counts[name] > 1 and name not in listed)}
    found: list[tuple[str, list[str]]] = []
    for line, hit in hits:
        if hit and hit[1] in roles:
            found.append((hit[1], [hit[2]]))
        elif found and line.strip():
            found[-1][1].append(line.strip())
    return [(role, "\n".join(part for part in said if part).strip()) for role, said in found]


def _listed(names: Sequence[str], parties: Mapping[str, Party | None]) -> frozenset[str]:
    """The unknown ones that all stand within one turn of the client.

    Args:
        names: what stands before a colon, in the order of lines.
    """
    if not {"client", "counselor"} <= set(parties.values()):
        return frozenset()
    turns: dict[str, set[tuple[int, Party | None]]] = {}
    turn: tuple[int, Party | None] = (0, None)
    for name in names:
        if parties[name]:
            turn = (turn[0] + 1, parties[name])
        else:
            turns.setdefault(name, set()).add(turn)
    return frozenset(name for name, within in turns.items() if len(within) == 1 and next(iter(within))[1] == "client")


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
