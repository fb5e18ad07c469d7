"""The one door to every model: a request with a named purpose goes in, a reply comes out."""

from __future__ import annotations

from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, SerializeAsAny
from pydantic.dataclasses import dataclass

from agents.dialogue import Usage
from profiles.schema import STRICT, Record
from profiles.vocabulary import Language

OFFLINE = "offline"
"""The address of the rule-based engine."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Message:
    """One chat message as providers know it."""

    role: Literal["system", "user", "assistant"]
    content: str


class Sampling(Record):
    """Sampling wishes; ``None`` leaves the provider's default. ``seed`` is sent only where it is set."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None


class ChatRequest(BaseModel):
    """One call.

    purpose: the prompt's name; the offline engine finds its rule by it.
    inputs: the typed values that filled the prompt.
    seed: the session's randomness for this call, used by the offline engine, never sent to a server.
    repair: whether this asks again because an answer could not be read.
    """

    model_config = ConfigDict(frozen=True)

    purpose: str
    inputs: SerializeAsAny[BaseModel]
    messages: tuple[Message, ...]
    output_schema: type[BaseModel] | None = None
    sampling: Sampling = Sampling()
    language: Language = "en"
    seed: int = 0
    repair: bool = False


class ChatReply(Record):
    """One answer. ``reasoning`` is hidden thought, kept apart from ``text``; ``latency`` in seconds.

    ``reused``: it answered the same request in an earlier run.
    """

    text: str
    reasoning: str | None = None
    usage: Usage = Usage()
    model: str = ""
    latency: float = 0.0
    finish: str = "stop"
    reused: bool = False


class ChatModel(Protocol):
    """Anything that can answer a ``ChatRequest``. ``spec`` is its address, such as ``openai/gpt-x``."""

    @property
    def spec(self) -> str:
        """The model's address as the user wrote it."""
        ...

    async def generate(self, request: ChatRequest) -> ChatReply:
        """Answer.

        Raises:
            ModelError: no usable answer, after the provider's own retries.
        """
        ...
