"""Turns as chat messages, seen from one speaker's chair."""

from __future__ import annotations

from collections.abc import Iterable

from agents.dialogue import Turn
from agents.models.base import Message
from profiles.vocabulary import Role


def as_messages(turns: Iterable[Turn], speaker: Role) -> tuple[Message, ...]:
    """The history for ``speaker``: its own turns are the assistant's, the other's are the user's."""
    return tuple(Message(role="assistant" if turn.speaker == speaker else "user", content=turn.text) for turn in turns)
