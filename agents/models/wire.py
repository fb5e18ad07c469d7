"""What an OpenAI-compatible server sends, as far as we read it; all else in an answer is passed over."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from agents.dialogue import Usage

__all__ = ["Completion", "Listing", "Message"]


class Part(BaseModel):
    """A piece of a message that comes in pieces."""

    text: str | None = None


class Message(BaseModel):
    """The message of a completion; servers put hidden thought into one field or another."""

    content: str | list[Part] | None = None
    refusal: str | None = None
    reasoning_content: Any = None
    reasoning: Any = None

    def said(self) -> str:
        """What was said aloud, hidden thought in tags included."""
        if isinstance(self.content, list):
            return "".join(part.text or "" for part in self.content)
        return self.content or ""

    def thought(self) -> str | None:
        """The hidden thought that has a field of its own."""
        words = (self.reasoning_content, self.reasoning)
        return next((text for text in words if isinstance(text, str) and text.strip()), None)


class Choice(BaseModel):
    """One answer of several; we ask for one."""

    message: Message | None = None  # some servers leave it out where a filter has stepped in
    finish_reason: str | None = None


class PromptDetails(BaseModel):
    """How much of a prompt the server had at hand already."""

    cached_tokens: int | None = None


class Tokens(BaseModel):
    """What was counted."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None


class Completion(BaseModel):
    """The answer to a chat completion request."""

    choices: list[Choice] = Field(min_length=1)
    usage: Tokens | None = None

    def spent(self) -> Usage:
        """Its tokens; a count that the server does not give is None."""
        tokens = self.usage or Tokens()
        cached = tokens.prompt_tokens_details.cached_tokens if tokens.prompt_tokens_details else None
        return Usage(
            prompt_tokens=tokens.prompt_tokens, completion_tokens=tokens.completion_tokens, cached_tokens=cached
        )


class Listed(BaseModel):
    """A model in a list."""

    id: str


class Listing(BaseModel):
    """The server's models."""

    data: list[Listed]
