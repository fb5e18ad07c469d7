"""The call journal: durable when put returns, idempotent, and true to any reply."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import storage
from profiles.errors import StorageError
from profiles.text import clean
from storage.calls import CallStore
from storage.database import Database
from storage.writer import Writer

ROOT = Path(storage.__file__).parents[1]
REPLY = {"text": "我最近总是睡不好。", "usage": {"prompt_tokens": 12, "cached_tokens": None}, "latency": 0.25}


@pytest.fixture
async def store(db: Database) -> AsyncIterator[CallStore]:
    async with Writer(db) as writer:
        yield CallStore(writer)


async def test_calls_come_back_by_channel_and_ordinal(store: CallStore):
    await asyncio.gather(
        store.put("s1", "counselor", 0, "h2", {"text": "b"}),
        store.put("s1", "client", 1, "h1", {"text": "c"}),
        store.put("s1", "client", 0, "h0", REPLY),
        store.put("s2", "client", 0, "h9", {}),
    )
    assert store.load("s1") == {
        ("client", 0): ("h0", REPLY),
        ("client", 1): ("h1", {"text": "c"}),
        ("counselor", 0): ("h2", {"text": "b"}),
    }
    assert list(store.load("s1")) == [("client", 0), ("client", 1), ("counselor", 0)]
    assert store.load("unknown") == {}


async def test_the_same_key_replaces(store: CallStore):
    await store.put("s1", "client", 0, "old", {"text": "old"})
    await store.put("s1", "client", 0, "new", REPLY)
    assert store.load("s1") == {("client", 0): ("new", REPLY)}


async def test_what_is_set_aside_is_no_longer_found_but_counts(store: CallStore):
    reply = {"model": "openai/x", "usage": {"prompt_tokens": 3}}
    await asyncio.gather(*(store.put(f"s{n}", "client", 0, "h", reply) for n in range(1200)))
    await store.set_aside(f"s{n}" for n in range(1100))
    await store.set_aside([])
    assert store.load("s0") == store.load("s1099") == {}
    assert store.load("s1100") == {("client", 0): ("h", reply)}
    await store.put("s0", "client", 0, "again", reply)
    assert store.load("s0") == {("client", 0): ("again", reply)}
    await store.set_aside(["s0"])
    assert store.load("s0") == {}
    assert list(store.spent(["s0", "s1100"])) == [("openai/x", {"prompt_tokens": 3})] * 3


async def test_chinese_is_readable_in_the_file(store: CallStore, path: Path):
    await store.put("s1", "client", 0, "h", REPLY)
    raw = sqlite3.connect(path)
    query = "SELECT json_extract(reply, '$.text') FROM call WHERE reply LIKE '%睡不好%'"
    assert raw.execute(query).fetchone() == (REPLY["text"],)
    raw.close()


async def test_a_lone_surrogate_becomes_the_replacement_character(store: CallStore):
    await store.put("s1", "client", 0, "h", {"text": "好\ud83d", "notes": {"\udc00": ["\ud83d\ude00"]}})
    assert store.load("s1") == {("client", 0): ("h", {"text": "好\ufffd", "notes": {"\ufffd": ["😀"]}})}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", ""),
        ("plain", "plain"),
        ("你好 😀", "你好 😀"),
        ("a\ud800b", "a\ufffdb"),
        ("\udfff\ud800", "\ufffd\ufffd"),
        ("\ud83d\ude00", "😀"),
        ("a\0b", "a\ufffdb"),
        ("\0\ud800", "\ufffd\ufffd"),
    ],
)
def test_what_the_border_makes_of_a_text(text: str, kept: str):
    assert clean(text) == kept


@given(st.text(st.characters()))
def test_the_border_makes_any_text_fit_and_then_leaves_it(text: str):
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert cleaned.encode().decode() == cleaned


@pytest.mark.parametrize("reply", [{"score": float("nan")}, {"set": {1}}], ids=["nan", "set"])
async def test_what_is_no_json_is_refused_and_the_writer_goes_on(store: CallStore, reply: dict[str, Any]):
    with pytest.raises(StorageError):
        await store.put("s1", "client", 0, "h", reply)
    await store.put("s1", "client", 1, "h", REPLY)
    assert store.load("s1") == {("client", 1): ("h", REPLY)}


storable = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | storable,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(storable, inner, max_size=4),
    max_leaves=12,
)
names = count()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory):
    with Database.open(str(tmp_path_factory.mktemp("calls") / "arena.db")) as database:
        yield database


@settings(deadline=None, max_examples=60)
@given(st.lists(st.dictionaries(storable, values, max_size=4), max_size=6))
def test_any_reply_comes_back_as_it_was(shared: Database, replies: list[dict[str, Any]]):
    session_id = f"session {next(names)}"

    async def keep() -> dict[tuple[str, int], tuple[str, dict[str, Any]]]:
        async with Writer(shared) as writer:
            store = CallStore(writer)
            await asyncio.gather(*(store.put(session_id, "c", n, "h", one) for n, one in enumerate(replies)))
            return store.load(session_id)

    assert asyncio.run(keep()) == {("c", n): ("h", one) for n, one in enumerate(replies)}


WORKER = """
import asyncio, sys
from storage.calls import CallStore
from storage.database import Database
from storage.writer import Writer

async def talk(store, session):
    for ordinal in range(100_000):
        await store.put(session, "client", ordinal, f"hash {ordinal}", {"text": f"{session} {ordinal}"})
        sys.stdout.write(f"{session} {ordinal}\\n")
        sys.stdout.flush()

async def main():
    async with Writer(Database.open(sys.argv[1])) as writer:
        await asyncio.gather(*(talk(CallStore(writer), f"s{number}") for number in range(4)))

asyncio.run(main())
"""


def test_every_acknowledged_call_survives_kill_9(path: Path):
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert worker.stdout
    said = [worker.stdout.readline() for _ in range(400)]
    os.kill(worker.pid, signal.SIGKILL)
    said += worker.stdout.read().splitlines(keepends=True)
    worker.stdout.close()
    assert worker.wait(30) == -signal.SIGKILL
    acknowledged = [line.split() for line in said if line.endswith("\n")]
    assert len(acknowledged) >= 400
    with Database.open(str(path)) as db:
        store = CallStore(Writer(db))
        kept = {f"s{number}": store.load(f"s{number}") for number in range(4)}
    for session, ordinal in acknowledged:
        reply = {"text": f"{session} {ordinal}"}
        assert kept[session]["client", int(ordinal)] == (f"hash {ordinal}", reply)
