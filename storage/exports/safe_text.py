"""File names and JSON within text that whoever writes the file can take as they are."""

from __future__ import annotations

import json
import unicodedata
from urllib.parse import quote

__all__ = ["file_name", "json_text"]


def file_name(record_id: str, ending: str) -> str:
    """A name that holds the id and leads into no other folder: letters, digits, ``_ - %`` and the ending's point."""
    stem = quote(record_id, safe="").replace(".", "%2E").replace("~", "%7E")
    return f"{stem}.{ending}"


def json_text(value: object, indent: int | None = None) -> str:
    """The value as JSON that stays the same value when the text is brought into NFC.

    A line end before an accent would not: its escape ends with a letter, which the accent would join.
    """
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return text if unicodedata.is_normalized("NFC", text) else json.dumps(value, indent=indent)
