"""Finished calls are kept and handed out again only to the very same question."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest
from pydantic import BaseModel, create_model

from agents.dialogue import Usage
from agents.models.base import ChatReply, ChatRequest, Message, Sampling
from agents.models.connection import Connection
from agents.models.journal import CallEvent, SessionJournal, request_hash
from agents.models.labels import label_headers, request_label
from agents.models.limits import Patience
from agents.models.openai import OpenAIModel
from profiles.errors import ModelError, Unavailable
from tests.servers import Behaviour, LoopbackServer


class Nothing(BaseModel):
    pass


class Memory:
    """A journal in memory, which keeps JSON text as a database does."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, int], tuple[str, str]] = {}
        self.puts = 0

    async def put(self, session_id: str, channel: str, ordinal: int, request_hash: str, reply: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        self.puts += 1
        self.rows[session_id, channel, ordinal] = (request_hash, json.dumps(reply))

    def earlier(self) -> dict[tuple[str, int], tuple[str, dict[str, Any]]]:
        return {(row[1], row[2]): (kept[0], json.loads(kept[1])) for row, kept in self.rows.items()}


def ask(text: str, **changes: Any) -> ChatRequest:
    values = {"purpose": "p.turn", "inputs": Nothing(), "messages": (Message(role="user", content=text),)}
    return ChatRequest(**{**values, **changes})


async def talk(session: SessionJournal, model: OpenAIModel, words: list[str]) -> list[ChatReply]:
    client, counselor = session.model(model, "client"), session.model(model, "counselor")
    return [await (client if i % 2 == 0 else counselor).generate(ask(word)) for i, word in enumerate(words)]


WORDS = ["one", "two", "three", "four", "five", "六"]


async def test_a_replayed_session_asks_the_server_nothing() -> None:
    memory, events = Memory(), list[CallEvent]()
    async with LoopbackServer() as server, Connection(server.url) as connection:
        model = OpenAIModel("test-model", connection)
        first = await talk(SessionJournal("s1", sink=memory), model, WORDS)
        asked = len(server.completions)
        again = SessionJournal("s1", memory.earlier(), Memory(), events.append)
        second = await talk(again, model, WORDS)
        assert len(server.completions) == asked == 6
    assert second == first
    assert len({reply.text for reply in first}) > 1
    assert [event.replayed for event in events] == [True] * 6
    assert [event.latency for event in events] == [reply.latency for reply in first]
    assert again.sink is not None and not again.sink.rows  # type: ignore[attr-defined]


async def test_a_killed_session_pays_only_for_what_it_had_not_finished() -> None:
    memory = Memory()
    async with LoopbackServer() as server, Connection(server.url) as connection:
        model = OpenAIModel("test-model", connection)
        await talk(SessionJournal("s1", sink=memory), model, WORDS[:3])
        whole = await talk(SessionJournal("s1", memory.earlier(), memory), model, WORDS)
        assert server.asked == {f"s1:client:{i}": 1 for i in range(3)} | {f"s1:counselor:{i}": 1 for i in range(3)}
    assert [row[1:] for row in sorted(memory.rows)] == [
        ("client", 0), ("client", 1), ("client", 2), ("counselor", 0), ("counselor", 1), ("counselor", 2)
    ]  # fmt: skip
    assert len(whole) == 6


async def test_another_question_parts_its_channel_from_the_past_and_no_other() -> None:
    memory, events = Memory(), list[CallEvent]()
    async with LoopbackServer() as server, Connection(server.url) as connection:
        model = OpenAIModel("test-model", connection)
        await talk(SessionJournal("s1", sink=memory), model, WORDS)
        changed = ["one", "two", "THREE", "four", "five", "六"]
        await talk(SessionJournal("s1", memory.earlier(), memory, events.append), model, changed)
    assert [(event.channel, event.replayed) for event in events] == [
        ("client", True),
        ("counselor", True),
        ("client", False),
        ("counselor", True),
        ("client", False),  # the same words as before, but after another talk
        ("counselor", True),
    ]


async def test_a_failed_call_is_told_and_not_kept_and_the_next_run_asks_it_again() -> None:
    memory, events = Memory(), list[CallEvent]()
    once = Patience(attempts=1)
    fails_once = LoopbackServer(lambda visit: Behaviour("500") if visit.number == 0 else None)
    async with fails_once as server, Connection(server.url, patience=once) as connection:
        model = OpenAIModel("test-model", connection)
        broken = SessionJournal("s1", sink=memory, on_call=events.append).model(model, "client")
        with pytest.raises(Unavailable):
            await broken.generate(ask("one"))
        assert not memory.rows
        resumed = SessionJournal("s1", memory.earlier(), memory, events.append).model(model, "client")
        await resumed.generate(ask("one"))
    assert [(event.failed, event.replayed) for event in events] == [("unavailable", False), (None, False)]
    assert events[0].usage == Usage()
    assert events[1].usage.prompt_tokens is not None
    assert events[1].purpose == "p.turn"
    assert events[1].model == "openai/test-model"
    assert list(memory.rows) == [("s1", "client", 0)]


async def test_models_of_one_channel_share_its_numbers() -> None:
    memory = Memory()
    async with LoopbackServer() as server, Connection(server.url) as connection:
        session = SessionJournal("s1", sink=memory)
        one = session.model(OpenAIModel("test-model", connection), "judge")
        other = session.model(OpenAIModel("test-judge", connection), "judge")
        await one.generate(ask("a"))
        await other.generate(ask("b"))
        assert one.spec == "openai/test-model"
        assert other.spec == "openai/test-judge"
    assert sorted(memory.rows) == [("s1", "judge", 0), ("s1", "judge", 1)]


async def test_calls_made_at_once_keep_their_numbers_on_replay() -> None:
    memory = Memory()
    async with LoopbackServer(lambda visit: Behaviour(seconds=0.05 - visit.number * 0.01)) as server:
        async with Connection(server.url) as connection:
            model = OpenAIModel("test-model", connection)
            journaled = SessionJournal("s1", sink=memory).model(model, "judge")
            first = await asyncio.gather(*(journaled.generate(ask(word)) for word in WORDS[:4]))
            journaled = SessionJournal("s1", memory.earlier()).model(model, "judge")
            second = await asyncio.gather(*(journaled.generate(ask(word)) for word in WORDS[:4]))
        assert second == first
        assert len(server.completions) == 4


async def test_the_label_is_set_for_the_call_only() -> None:
    async with LoopbackServer() as server, Connection(server.url) as connection:
        model = OpenAIModel("test-model", connection)
        await SessionJournal("session-7").model(model, "judge.supervisor").generate(ask("a"))
        assert request_label.get() == ""
        await model.generate(ask("b"))
        assert [visit.label for visit in server.completions] == ["session-7:judge.supervisor:0", ""]


async def test_a_label_is_made_safe_for_a_header() -> None:
    async with LoopbackServer() as server, Connection(server.url) as connection:
        await SessionJournal("会话\r\nX-Evil: 1").model(OpenAIModel("test-model", connection), "c").generate(ask("a"))
        [visit] = server.completions
        assert visit.label == "????X-Evil: 1:c:0"
        assert "x-evil" not in visit.headers


def test_a_long_label_is_cut() -> None:
    token = request_label.set("x" * 2000)
    assert len(label_headers()["X-Client-Request-Id"]) == 512
    request_label.reset(token)


BASE = ask("one")
OTHERS = {
    "spec": (BASE, "openai/b"),
    "purpose": (ask("one", purpose="q"), "openai/a"),
    "words": (ask("two"), "openai/a"),
    "role": (ask("one", messages=(Message(role="system", content="one"),)), "openai/a"),
    "split": (
        ask("one", messages=(Message(role="user", content="o"), Message(role="user", content="ne"))),
        "openai/a",
    ),
    "schema": (ask("one", output_schema=create_model("A", x=(int, ...))), "openai/a"),
    "schema name": (ask("one", output_schema=create_model("B", x=(int, ...))), "openai/a"),
    "schema field": (ask("one", output_schema=create_model("A", y=(int, ...))), "openai/a"),
    "sampling": (ask("one", sampling=Sampling(temperature=0.1)), "openai/a"),
    "language": (ask("one", language="zh"), "openai/a"),
    "seed": (ask("one", seed=1), "openai/a"),
}


def test_all_that_shapes_a_reply_is_in_the_hash() -> None:
    hashes = {request_hash(BASE, "openai/a"), *(request_hash(*other) for other in OTHERS.values())}
    assert len(hashes) == 1 + len(OTHERS)
    assert request_hash(ask("one"), "openai/a") == request_hash(BASE, "openai/a")


def test_the_hash_is_the_same_in_another_process() -> None:
    code = (
        "from tests.agents.test_journal import BASE, OTHERS, request_hash\n"
        "import sys; sys.stdout.write(request_hash(*OTHERS['schema']) + request_hash(BASE, 'openai/a'))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == request_hash(*OTHERS["schema"]) + request_hash(BASE, "openai/a")


async def test_a_journal_that_cannot_keep_a_call_stops_the_session() -> None:
    class Full(Memory):
        async def put(self, *row: Any) -> None:
            raise ModelError("the disk is full")

    async with LoopbackServer() as server, Connection(server.url) as connection:
        with pytest.raises(ModelError, match="disk is full"):
            await SessionJournal("s1", sink=Full()).model(OpenAIModel("test-model", connection), "c").generate(ask("a"))
