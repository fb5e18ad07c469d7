"""Calls and tokens by role: who asked how much of the models, and how much of it the servers had at hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from profiles.schema import Record

__all__ = ["ALL", "NO_USAGE", "ROLES", "RoleUsage", "usage_as_json", "usage_by_role", "whole_usage"]

ROLES: Final = ("client", "counselor", "judge", "self", "safety")
ALL: Final = "all"

_ROLE_OF: Final = {"fidelity": "judge"}  # the judge's model, with the whole transcript before it
_CALLS: Final = ("calls", "replayed", "failed", "repaired")
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

    def __add__(self, other: RoleUsage) -> RoleUsage:
        """Both together; a number that only one of them knows is the sum."""
        both = {name: (getattr(self, name), getattr(other, name)) for name in RoleUsage.model_fields}
        return RoleUsage(**{name: _sum(pair) for name, pair in both.items()})


NO_USAGE: Final = RoleUsage(**dict.fromkeys(_CALLS, 0), **dict.fromkeys(_TOKENS))


def whole_usage(usage: Mapping[str, Any]) -> RoleUsage:
    """All channels of one session's ``usage`` (channel -> counts) together."""
    return sum(map(_read, usage.values()), NO_USAGE)


def usage_by_role(usages: Iterable[Mapping[str, Any]]) -> dict[str, RoleUsage]:
    """Sum the ``usage`` of sessions (channel -> counts) by role.

    A channel's role is its name up to the first dot, so that ``judge.supervisor`` is the judge's; ``fidelity`` is too.

    Returns:
        Every one of ``ROLES``, zeros where it made no call; then channels with a role of their own, by name; then
        ``ALL``.
    """
    sums = dict.fromkeys(ROLES, NO_USAGE)
    for usage in usages:
        for channel, counts in usage.items():
            role = channel.partition(".")[0]
            role = _ROLE_OF.get(role, role)
            sums[role] = sums.get(role, NO_USAGE) + _read(counts)
    own = {role: sums.pop(role) for role in ROLES}
    found = {**own, **dict(sorted(sums.items()))}
    return {**found, ALL: sum(found.values(), NO_USAGE)}


def usage_as_json(usage: Mapping[str, RoleUsage]) -> dict[str, dict[str, Any]]:
    """Role -> its counts and its ``cached_share``, ready for JSON."""
    return {role: {**use.model_dump(mode="json"), "cached_share": use.cached_share} for role, use in usage.items()}


def _read(counts: Mapping[str, int | None]) -> RoleUsage:
    calls = {name: counts.get(name) or 0 for name in _CALLS}
    return RoleUsage(**calls, **{name: counts.get(name) for name in _TOKENS})


def _sum(counts: Iterable[int | None]) -> int | None:
    told = [count for count in counts if count is not None]
    return sum(told) if told else None
