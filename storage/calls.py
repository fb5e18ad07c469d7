"""The call journal: each finished model call, kept before anyone acts on it, so never paid for twice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import bindparam, delete, insert
from sqlmodel import Session, SQLModel, col, select

from storage.tables import CallRow
from storage.writer import Writer

_TABLE = SQLModel.metadata.tables["call"]
# To remove and insert is what every database can do; the upsert of SQLite's dialect gains a sixth.
_REMOVE = delete(_TABLE).where(
    _TABLE.c.session_id == bindparam("in_session"),
    _TABLE.c.channel == bindparam("in_channel"),
    _TABLE.c.ordinal == bindparam("at"),
)
_INSERT = insert(_TABLE)
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

        def keep(session: Session) -> None:
            connection = session.connection()
            connection.execute(_REMOVE, {"in_session": session_id, "in_channel": channel, "at": ordinal})
            connection.execute(_INSERT, row)

        await self._writer.write(keep)

    def load(self, session_id: str) -> dict[Key, Kept]:
        """The calls of a session by channel and ordinal, in that order; empty for an unknown session."""
        with self._writer.database.session() as session:
            rows = session.exec(
                select(CallRow.channel, CallRow.ordinal, CallRow.request_hash, CallRow.reply)
                .where(CallRow.session_id == session_id)
                .order_by(CallRow.channel, col(CallRow.ordinal))
            )
            return {(channel, ordinal): (hashed, dict(reply)) for channel, ordinal, hashed, reply in rows}

    async def forget(self, session_ids: Iterable[str]) -> None:
        """Remove all calls of these sessions.

        Raises:
            StorageError: none was removed.
        """
        ids = sorted(set(session_ids))
        parts = [ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE)]

        def remove(session: Session) -> None:
            for part in parts:
                session.exec(delete(CallRow).where(col(CallRow.session_id).in_(part)))

        await self._writer.write(remove)
