"""Calls and tokens by role: who asked how much of the models, and how much of it the servers had at hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from profiles.schema import Record

__all__ = ["ALL", "ROLES", "RoleUsage", "usage_as_json", "usage_by_role"]

ROLES: Final = ("client", "counselor", "judge", "self", "safety")
ALL: Final = "all"

_ROLE_OF: Final = {"fidelity": "judge"}  # the judge's model, with the whole transcript before it
_TOKENS: Final = ("prompt_tokens", "cached_tokens", "completion_tokens")


class RoleUsage(Record):
    """What one role's calls came to.

    calls: all of them, those among them that the other three count. replayed: answers taken from the journal.
    failed: calls that ended without an answer after all attempts. repaired: answers that could not be read and were
    asked for again.
    prompt_tokens, cached_tokens, completion_tokens: as the servers reported them, None where none did. A replayed
    answer counts with the tokens that it cost at the time. cached_tokens is a part of prompt_tokens.
    """

    calls: int
    replayed: int
    failed: int
    repaired: int
    prompt_tokens: int | None
    cached_tokens: int | None
    completion_tokens: int | None

    @property
    def cached_share(self) -> float | None:
        """Which part of the prompt tokens the servers had at hand, 0-1; None where they report no cached tokens.

        Where one server reports them and another does not, it is the least that can be said.
        """
        if not self.prompt_tokens or self.cached_tokens is None:
            return None
        return self.cached_tokens / self.prompt_tokens


def usage_by_role(usages: Iterable[Mapping[str, Any]]) -> dict[str, RoleUsage]:
    """Sum the ``usage`` of sessions (channel -> counts) by role.

    A channel's role is its name up to the first dot, so that ``judge.supervisor`` is the judge's; ``fidelity`` is too.

    Returns:
        Every one of ``ROLES``, zeros where it made no call; then channels with a role of their own, by name; then
        ``ALL``.
    """
    parts: dict[str, list[Mapping[str, Any]]] = {role: [] for role in ROLES}
    for usage in usages:
        for channel, counts in usage.items():
            role = channel.partition(".")[0]
            parts.setdefault(_ROLE_OF.get(role, role), []).append(counts)
    order = [*ROLES, *sorted(parts.keys() - set(ROLES))]
    every = [counts for role in order for counts in parts[role]]
    return {**{role: _sum(parts[role]) for role in order}, ALL: _sum(every)}


def usage_as_json(usage: Mapping[str, RoleUsage]) -> dict[str, dict[str, Any]]:
    """Role -> its counts and its ``cached_share``, ready for JSON."""
    return {role: {**use.model_dump(mode="json"), "cached_share": use.cached_share} for role, use in usage.items()}


def _sum(parts: Sequence[Mapping[str, Any]]) -> RoleUsage:
    counts = {name: sum(part.get(name) or 0 for part in parts) for name in ("calls", "replayed", "failed", "repaired")}
    return RoleUsage(**counts, **{name: _known(part.get(name) for part in parts) for name in _TOKENS})


def _known(counts: Iterable[int | None]) -> int | None:
    told = [count for count in counts if count is not None]
    return sum(told) if told else None
