"""Writes the one file that a command was asked for, and says what was made for it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["write_file"]


def write_file(out: Path, text: str) -> str:
    """Write text as UTF-8, make the folders that are missing, and return a line that names all that was made.

    Raises:
        OSError: it cannot be written there.
    """
    missing = [folder for folder in out.parents if not folder.exists()]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8", newline="\n")
    return f"wrote {out}" + (f", in the new folder {missing[0]}" if missing else "")
