"""The call journal: a finished call is kept, so that a killed session goes on without paying for it again.

A session's calls are numbered per *channel* (who asks: ``client``, ``counselor``, ``judge.supervisor``). A
session that is run again asks the same things in the same order, as all its chance comes from its seed; so a
kept reply is handed out where number and request agree, and the server is not asked.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

from pydantic import BaseModel

from agents.dialogue import Usage
from agents.models.base import ChatModel, ChatReply, ChatRequest
from agents.models.labels import request_label
from profiles.errors import ModelError
from profiles.text import clean

__all__ = ["CallEvent", "Journal", "KeptCalls", "SessionJournal", "request_hash", "schema_digest"]

KeptCalls = Mapping[tuple[str, int], tuple[str, dict[str, Any]]]
"""(channel, ordinal) -> (request hash, reply as JSON values)."""


class Journal(Protocol):
    """Where finished calls are kept."""

    async def put(self, session_id: str, channel: str, ordinal: int, request_hash: str, reply: dict[str, Any]) -> None:
        """Keep one finished call. A call that is already there under this number is replaced.

        Raises:
            StorageError: it could not be kept.
        """
        ...


@dataclass(frozen=True)
class CallEvent:
    """One call, for whoever counts and shows them.

    Args:
        model: the model's spec.
        latency: seconds; of a replayed call, those that it took at the time.
        replayed: whether the answer was there already, in the journal or from an earlier run.
        repair: whether it was asked because the answer before could not be read.
        failed: the error's ``kind``, or ``None``.
    """

    channel: str
    purpose: str
    model: str
    usage: Usage
    latency: float
    replayed: bool = False
    repair: bool = False
    failed: str | None = None


def request_hash(request: ChatRequest, spec: str) -> str:
    """SHA-256, in hex, over all that shapes the reply of the model ``spec``."""
    form = request.output_schema and schema_digest(request.output_schema)
    digest = hashlib.sha256(
        repr((spec, request.purpose, form, request.sampling, request.language, request.seed)).encode()
    )
    for message in request.messages:
        content = message.content.encode("utf-8", "surrogatepass")
        digest.update(f"\0{message.role} {len(content)}\0".encode())  # the length keeps two messages apart from one
        digest.update(content)
    return digest.hexdigest()


@lru_cache(maxsize=256)
def schema_digest(schema: type[BaseModel]) -> str:
    """SHA-256, in hex, of the form that an answer shall have."""
    text = json.dumps([schema.__name__, schema.model_json_schema()])
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class SessionJournal:
    """The journal of one session.

    Args:
        session_id: goes to the sink and, with channel and number, to the server as the call's label.
        earlier: the calls kept by an earlier, unfinished run of this session.
        sink: keeps each new call; ``None`` keeps nothing.
        begin_at: channel -> number of its next call, for a dialogue that goes on in the middle.
        on_call: told of each call, replayed and failed ones too. It looks and must not raise.
    """

    session_id: str
    earlier: KeptCalls = field(default_factory=dict)
    sink: Journal | None = None
    on_call: Callable[[CallEvent], None] | None = None
    begin_at: Mapping[str, int] = field(default_factory=dict)
    _calls: dict[str, int] = field(default_factory=dict, init=False, repr=False)
    _departed: set[str] = field(default_factory=set, init=False, repr=False)

    def model(self, inner: ChatModel, channel: str) -> ChatModel:
        """``inner``, journaled: its calls are numbered in ``channel``, together with other models' there."""
        return _Journaled(self, inner, channel)

    async def _answer(self, inner: ChatModel, channel: str, request: ChatRequest) -> ChatReply:
        ordinal = self._calls.get(channel, self.begin_at.get(channel, 0))
        self._calls[channel] = ordinal + 1
        digest = request_hash(request, inner.spec)
        kept = self._kept(channel, ordinal, digest)
        if kept is not None:
            self._tell(channel, request, inner, kept, replayed=True)
            return kept
        reply = _storable(await self._ask(inner, channel, ordinal, request))
        if self.sink is not None:
            await self.sink.put(self.session_id, channel, ordinal, digest, reply.model_dump(mode="json"))
        self._tell(channel, request, inner, reply, replayed=False)
        return reply

    def _kept(self, channel: str, ordinal: int, digest: str) -> ChatReply | None:
        kept = self.earlier.get((channel, ordinal))
        if kept is None or channel in self._departed:
            return None
        if kept[0] != digest:
            self._departed.add(channel)  # what follows another question is an answer to another talk
            return None
        return ChatReply.model_validate(kept[1])

    async def _ask(self, inner: ChatModel, channel: str, ordinal: int, request: ChatRequest) -> ChatReply:
        label = request_label.set(f"{self.session_id}:{channel}:{ordinal}")
        started = time.monotonic()
        try:
            return await inner.generate(request)
        except ModelError as error:
            if self.on_call is not None:
                seconds = time.monotonic() - started
                self.on_call(
                    CallEvent(
                        channel, request.purpose, inner.spec, Usage(), seconds, repair=request.repair, failed=error.kind
                    )
                )
            raise
        finally:
            request_label.reset(label)

    def _tell(self, channel: str, request: ChatRequest, inner: ChatModel, reply: ChatReply, *, replayed: bool) -> None:
        if self.on_call is not None:
            again = replayed or reply.reused
            about = (channel, request.purpose, inner.spec, reply.usage, reply.latency)
            self.on_call(CallEvent(*about, replayed=again, repair=request.repair))


def _storable(reply: ChatReply) -> ChatReply:
    """The reply as it would come back from the journal, so that a resumed session asks the very same things."""
    reasoning = None if reply.reasoning is None else clean(reply.reasoning)
    return reply.model_copy(update={"text": clean(reply.text), "reasoning": reasoning})


@dataclass(frozen=True)
class _Journaled:
    journal: SessionJournal
    inner: ChatModel
    channel: str

    @property
    def spec(self) -> str:
        return self.inner.spec

    async def generate(self, request: ChatRequest) -> ChatReply:
        return await self.journal._answer(self.inner, self.channel, request)
