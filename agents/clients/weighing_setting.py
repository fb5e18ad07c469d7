"""What an offline client has before it when its thoughts are weighed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from agents.phrases import Phrases
from profiles.schema import Profile
from profiles.vocabulary import Language, Stage

__all__ = ["Manner", "Setting", "Weighed"]


class Setting(Protocol):
    """What is known in the talk; ``agents.clients.voice.Scene`` says what each part is."""

    @property
    def profile(self) -> Profile: ...
    @property
    def own(self) -> tuple[str, ...]: ...
    @property
    def heard(self) -> str: ...
    @property
    def stage(self) -> Stage: ...
    @property
    def levels(self) -> Mapping[str, float]: ...
    @property
    def beliefs(self) -> Mapping[str, float]: ...
    @property
    def language(self) -> Language: ...
    @property
    def phrases(self) -> Phrases: ...
    @property
    def said(self) -> str: ...


@dataclass(frozen=True)
class Manner:
    """How this client talks just now: chances (0-1) of putting a question off, and of saying more than one thing."""

    reluctance: float
    talkative: float


@dataclass(frozen=True)
class Weighed:
    """An answer in parts. bare: it stands by itself, with nothing of the client's usual talk around it."""

    parts: tuple[str, ...]
    lead: str | None = None
    bare: bool = False
