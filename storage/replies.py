"""Answers kept across runs: for the same request at temperature 0 an old answer is as good as a new one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, insert, literal, select
from sqlmodel import SQLModel

from storage.tables import ReplyRow, now
from storage.writer import Bulk, Writer

_TABLE = SQLModel.metadata.tables[str(ReplyRow.__tablename__)]
_COLUMNS = [column.name for column in _TABLE.columns]
_VALUES = select(*(bindparam(column.name, type_=column.type) for column in _TABLE.columns))
_ABSENT = ~select(literal(1)).select_from(_TABLE).where(_TABLE.c.key == bindparam("key")).exists()
_KEEP = Bulk((insert(_TABLE).from_select(_COLUMNS, _VALUES.where(_ABSENT)),))
_FIND = select(_TABLE.c.reply).where(_TABLE.c.key == bindparam("key"))


class ReplyStore:
    """Finds and keeps replies by the hash of their request."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def find(self, key: str) -> dict[str, Any] | None:
        """The reply kept under ``key``, as JSON values."""
        with self._writer.database.engine.connect() as connection:
            found = connection.execute(_FIND, {"key": key}).scalar()
        return None if found is None else dict(found)

    async def keep(self, key: str, spec: str, reply: dict[str, Any]) -> None:
        """Keep a reply; one that is there stays.

        Raises:
            StorageError: it could not be kept.
        """
        await self._writer.add(_KEEP, {"key": key, "model": spec, "reply": reply, "created_at": now()})
