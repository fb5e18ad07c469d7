"""The protocol that client and counselor share, and what is needed to build one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from pydantic import BaseModel

from agents.dialogue import DialogueView, Utterance
from agents.models.base import ChatModel
from profiles.schema import Profile, Record
from profiles.vocabulary import Language, Role

Guidance = Mapping[str, str]
"""The optimisable part of a counselor: prompt name -> text laid over that prompt's system part."""


class Brief(Record):
    """What a speaker is told before the session. A counselor's brief holds no profile."""

    language: Language
    rounds: int
    seed: int
    intake: str = ""
    profile: Profile | None = None


State = TypeVar("State", bound=BaseModel)


class Speaker(Protocol[State]):
    """A client or a counselor. All memory goes in and out as a pydantic value, none hides in ``self``."""

    def begin(self, brief: Brief) -> State:
        """The state before the first word."""
        ...

    async def reply(self, view: DialogueView, state: State) -> tuple[Utterance, State]:
        """The next utterance and the state after it.

        Raises:
            ModelError: the model gave no usable answer.
        """
        ...


@dataclass(frozen=True)
class Setup:
    """What a plug-in gets to build a speaker for one session."""

    language: Language
    model: ChatModel | None = None
    variant: str = ""
    guidance: Guidance = field(default_factory=dict)


@dataclass(frozen=True)
class Plugin:
    """A named way to build a speaker.

    variants: names allowed after a colon (``plain:vanilla``); the first is the default.
    control: a negative control, built to be beaten.
    needs_model: whether ``@MODEL`` means anything for it.
    """

    name: str
    role: Role
    summary: str
    build: Callable[[Setup], Speaker]  # type: ignore[type-arg]  # each plug-in has a state type of its own
    variants: tuple[str, ...] = ()
    needs_model: bool = True
    control: bool = False
    human: bool = False
