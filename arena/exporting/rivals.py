"""The other counselor's sessions, for pairs of two: the same client with the same luck, answered less well.

They wait in a file of lines; memory holds where each begins.
"""

from __future__ import annotations

from pathlib import Path

from storage.exports.record import DialogueRecord
from storage.tables import SessionRow

__all__ = ["Rivals"]

Key = tuple[str, str, int, int]


class Rivals:
    """Records of one counselor by client, language, repeat and seed."""

    def __init__(self, path: Path, counselor: str) -> None:
        self._path, self._counselor = path, counselor
        self._places: dict[Key, int] = {}
        self._keys: dict[str, Key] = {}

    def __len__(self) -> int:
        return len(self._places)

    def plays(self, label: str) -> bool:
        """Whether a counselor's label is the other one's: its label, its name, or its name and variant."""
        named = label.split("@")[0]
        return bool(self._counselor) and self._counselor in (label, named, named.split(":")[0])

    def keep(self, session: SessionRow, record: DialogueRecord) -> None:
        """Put a record of the other counselor aside."""
        with self._path.open("ab") as lines:
            self._places[_key(session)] = lines.tell()
            lines.write(record.model_dump_json().encode("utf-8") + b"\n")

    def remember(self, session: SessionRow) -> None:
        """Note whom a kept session met, so that its rival is found later."""
        if self._counselor:
            self._keys[session.id] = _key(session)

    def of(self, record: DialogueRecord) -> DialogueRecord | None:
        """The rival of a kept record, or None. Of the paths of a session only the first has one."""
        if (record.loop_index, record.channel_index) not in ((None, None), (1, 1)):
            return None
        place = self._places.get(self._keys.get(record.session_id, ("", "", 0, 0)))
        if place is None:
            return None
        with self._path.open("rb") as lines:
            lines.seek(place)
            return DialogueRecord.model_validate_json(lines.readline())


def _key(session: SessionRow) -> Key:
    return session.profile_id, session.language, session.repeat, session.seed
