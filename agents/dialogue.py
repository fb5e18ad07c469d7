"""The records of a dialogue: turns, what a speaker may see of them, and what a speaker says."""

from __future__ import annotations

from dataclasses import field, replace
from typing import Any, Self

from pydantic import Field
from pydantic.dataclasses import dataclass

from profiles.schema import STRICT, Record
from profiles.vocabulary import Language, Role, Stage


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Usage:
    """Tokens of one call. ``None`` means that the server did not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None

    @property
    def total(self) -> int | None:
        """In and out together."""
        if self.prompt_tokens is None or self.completion_tokens is None:
            return None
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class CallRecord:
    """Which call made an utterance or judgment. ``latency`` in seconds; ``asked`` counts a repair too."""

    purpose: str
    prompt_hash: str
    prompt_version: str
    model: str
    usage: Usage = Usage()
    latency: float = 0.0
    finish: str = "stop"
    asked: int = 1


class SentenceLabel(Record):
    """One sentence of a counselor turn with its strategy; sentences joined equal the turn's text."""

    text: str
    strategy: str


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Turn:
    """One utterance. ``index`` counts from 0 without gaps; ``round`` from 1, 0 for a greeting.

    ``reasoning``, ``notes`` and ``call`` belong to the speaker and the record: no other speaker sees them.
    """

    index: int = Field(ge=0)
    round: int = Field(ge=0)
    speaker: Role
    stage: Stage
    text: str
    reasoning: str | None = None
    sentences: tuple[SentenceLabel, ...] = ()
    notes: dict[str, Any] = field(default_factory=dict)
    call: CallRecord | None = None

    def public(self) -> Self:
        """The turn as the other party hears it."""
        return replace(self, reasoning=None, notes={}, call=None, sentences=())


class End(Record):
    """Why a session ends: a structured field, never a word searched for in prose.

    reason: ``rounds`` (all rounds used), ``client_left``, ``counselor_closed``, ``safety_stop``, ``person_left``.
    """

    by: str
    reason: str


class Utterance(Record):
    """What a speaker says, with what it leaves for the record.

    ready: the speaker would now move on to the next stage; a client's is read in ``earned`` mode, a counselor's in
    ``led``.
    """

    text: str
    reasoning: str | None = None
    sentences: tuple[SentenceLabel, ...] = ()
    notes: dict[str, Any] = {}
    call: CallRecord | None = None
    ready: bool = False
    end: End | None = None


class DialogueView(Record):
    """All that a speaker may see: public turns, and where the session stands. Holds no profile text."""

    turns: tuple[Turn, ...]
    stage: Stage
    round: int
    rounds_left: int
    language: Language

    def last(self, speaker: Role) -> str:
        """The last words of a speaker, or an empty string."""
        return next((turn.text for turn in reversed(self.turns) if turn.speaker == speaker), "")

    def texts(self, speaker: Role) -> tuple[str, ...]:
        """All words of a speaker in order."""
        return tuple(turn.text for turn in self.turns if turn.speaker == speaker)
