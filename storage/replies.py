"""Answers kept across runs: for the same request at temperature 0 an old answer is as good as a new one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, delete, insert
from sqlmodel import SQLModel

from storage.tables import ReplyRow, now
from storage.writer import Bulk, Writer

_TABLE = SQLModel.metadata.tables[str(ReplyRow.__tablename__)]
_KEEP = Bulk((delete(_TABLE).where(_TABLE.c.key == bindparam("key")), insert(_TABLE)))


class ReplyStore:
    """Finds and keeps replies by the hash of their request."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def find(self, key: str) -> dict[str, Any] | None:
        """The reply kept under ``key``, as JSON values.

        Raises:
            StorageError: the database cannot be read.
        """
        with self._writer.database.session() as session:
            found = session.get(ReplyRow, key)
            return None if found is None else dict(found.reply)

    async def keep(self, key: str, spec: str, reply: dict[str, Any]) -> None:
        """Keep a reply, in place of an earlier one.

        Raises:
            StorageError: it was not kept.
        """
        await self._writer.add(_KEEP, {"key": key, "model": spec, "reply": reply, "created_at": now()})
