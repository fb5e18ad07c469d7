"""The format ``cpsycoun``: a text file a case, a line a turn with a blank line between.

Turns begin with the names of roles in the record's language (``counseling_texts``). Line breaks within a turn become
blanks, and role names in somebody's words are guarded (``plain_lines``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from storage.exports.format import ExportFormat, ExportOptions
from storage.exports.plain_lines import plain_lines
from storage.exports.record import DialogueRecord
from storage.exports.safe_text import file_name

__all__ = ["FORMATS", "rows"]


def rows(record: DialogueRecord, options: ExportOptions) -> Iterator[dict[str, Any]]:
    """One file, named by the record's id, in which signs that no file name may hold are percent-encoded."""
    if record.dialog:
        text = "\n\n".join(plain_lines(record, record.language)) + "\n"
        yield {"name": file_name(record.id, "txt"), "text": text}


FORMATS = (
    ExportFormat(
        name="cpsycoun",
        kind="text",
        summary="a text file a case, as in CPsyCoun, turns led by the role's name; line breaks in a turn become blanks",
        unit="dialogue",
        rows=rows,
        fields=("name", "text"),
    ),
)
