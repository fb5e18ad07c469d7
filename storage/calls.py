"""The call journal: each finished model call, kept before anyone acts on it, so never paid for twice."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import bindparam, delete, insert, update
from sqlmodel import Session, SQLModel, col, select

from storage.tables import CallRow
from storage.writer import Bulk, Writer

_TABLE = SQLModel.metadata.tables["call"]
# To remove and insert is what every database can do; the upsert of SQLite's dialect gains a sixth.
_KEEP = Bulk(
    (
        delete(_TABLE).where(*(_TABLE.c[name] == bindparam(name) for name in ("session_id", "channel", "ordinal"))),
        insert(_TABLE),
    )
)
_ASIDE = "~"  # behind the channel of a call that was set aside
_AT_ONCE = 500  # keys in one statement; databases bound the number of parameters

Key = tuple[str, int]  # channel, ordinal
Kept = tuple[str, dict[str, Any]]  # request hash, reply


class CallStore:
    """Keeps and finds the calls of sessions. A reply is a JSON object; its texts pass ``engine.clean``."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def put(self, session_id: str, channel: str, ordinal: int, request_hash: str, reply: dict[str, Any]) -> None:
        """Keep one call in place of any earlier one with its key. Once this returns it survives a kill -9.

        Raises:
            StorageError: nothing was kept.
        """
        row = {
            "session_id": session_id,
            "channel": channel,
            "ordinal": ordinal,
            "request_hash": request_hash,
            "reply": reply,
        }
        await self._writer.add(_KEEP, row)

    def load(self, session_id: str) -> dict[Key, Kept]:
        """The calls of a session by channel and ordinal, in that order; empty for an unknown session."""
        with self._writer.database.session() as session:
            rows = session.exec(
                select(CallRow.channel, CallRow.ordinal, CallRow.request_hash, CallRow.reply)
                .where(CallRow.session_id == session_id, ~col(CallRow.channel).contains(_ASIDE))
                .order_by(CallRow.channel, col(CallRow.ordinal))
            )
            return {(channel, ordinal): (hashed, dict(reply)) for channel, ordinal, hashed, reply in rows}

    def begun(self, session_ids: Iterable[str]) -> set[str]:
        """Which of these sessions have calls to load."""
        found: set[str] = set()
        with self._writer.database.session() as session:
            for ids in _parts(session_ids):
                found.update(
                    session.exec(select(CallRow.session_id).where(col(CallRow.session_id).in_(ids)).distinct())
                )
        return found

    def spent(self, session_ids: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Model and usage of each call kept for these sessions; those that cost nothing then are left out."""
        with self._writer.database.session() as session:
            for ids in _parts(session_ids):
                for reply in session.exec(select(CallRow.reply).where(col(CallRow.session_id).in_(ids))):
                    if not reply.get("reused"):
                        yield reply.get("model", ""), reply.get("usage") or {}

    async def set_aside(self, session_ids: Iterable[str]) -> None:
        """Let these sessions be asked anew: their calls are no longer found, but still count as spent.

        Raises:
            StorageError: none was set aside.
        """
        parts = _parts(session_ids)
        mark = _ASIDE + secrets.token_hex(4)  # another each time, so that no two tries have one key

        def move(session: Session) -> None:
            for part in parts:
                mine = (_TABLE.c.session_id.in_(part), ~_TABLE.c.channel.contains(_ASIDE))
                session.connection().execute(update(_TABLE).where(*mine).values(channel=_TABLE.c.channel + mark))

        await self._writer.write(move)


def _parts(session_ids: Iterable[str]) -> list[list[str]]:
    ids = sorted(set(session_ids))
    return [ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE)]
