"""A model that costs something: earlier answers to the same question first, then the budget, then the server."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Protocol

from agents.models.base import ChatModel, ChatReply, ChatRequest
from agents.models.budget import Budget
from agents.models.journal import schema_digest

__all__ = ["PaidModel", "ReplyCache"]


class ReplyCache(Protocol):
    """Answers of earlier runs by the hash of what was sent."""

    def find(self, key: str) -> dict[str, Any] | None:
        """The reply as JSON values, if there is one."""
        ...

    async def keep(self, key: str, spec: str, reply: dict[str, Any]) -> None:
        """Keep a reply for later runs, in place of an earlier one.

        Raises:
            StorageError: it could not be kept.
        """
        ...


@dataclass(frozen=True)
class PaidModel:
    """``inner`` within a budget, and with a cache where there is one.

    Args:
        server: the address as the person gave it, so that two servers' models of one name stay apart.
        anew: whether kept answers are replaced and not taken, as those of a session that failed.
    """

    inner: ChatModel
    budget: Budget
    cache: ReplyCache | None = None
    server: str = ""
    anew: bool = False

    @property
    def spec(self) -> str:
        """The inner model's address."""
        return self.inner.spec

    async def generate(self, request: ChatRequest) -> ChatReply:
        """Answer, from the cache if it can be.

        Only requests at temperature 0 are looked for and kept: others want a new answer each time.

        Raises:
            BudgetSpent: the run may ask no more.
            ModelError: as the inner model.
        """
        cache = self.cache if request.sampling.temperature == 0 else None
        key = self._key(request) if cache else ""
        found = cache.find(key) if cache and not self.anew else None
        if found is not None:
            return ChatReply.model_validate({**found, "reused": True})
        self.budget.admit()
        reply = await self.inner.generate(request)
        self.budget.paid(self.spec, reply.usage)
        if cache:
            await cache.keep(key, self.spec, reply.model_dump(mode="json"))
        return reply

    def _key(self, request: ChatRequest) -> str:
        """SHA-256, in hex, over all that goes to the server; the session's own seed does not."""
        schema = request.output_schema and schema_digest(request.output_schema)
        messages = [(message.role, message.content) for message in request.messages]
        parts = (self.spec, self.server, messages, schema, request.language, request.sampling.model_dump())
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
