"""The text of a file of transcripts, whole or line by line, refused where it is too large or no text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from profiles.errors import UserError
from profiles.located import read_text
from storage.imports.limits import MOST_BYTES

__all__ = ["file_lines", "file_text"]

_NUL = "\0"
_MARK = "\ufeff"


def file_text(path: Path) -> str:
    """The whole text.

    Raises:
        UserError: the file cannot be read, is too large, or is not UTF-8.
    """
    _refuse_large(path)
    text = read_text(path)
    if _NUL in text:
        raise _no_text(path, text.count("\n", 0, text.index(_NUL)) + 1)
    return text


def file_lines(path: Path) -> Iterator[tuple[int, str]]:
    """(number from 1, line with its end) one by one: no more than a line is in memory.

    Raises:
        UserError: as ``file_text``, when the place is reached.
    """
    _refuse_large(path)
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                if b"\0" in raw:
                    raise _no_text(path, number)
                line = raw.decode("utf-8")
                yield number, line.removeprefix(_MARK) if number == 1 else line
    except (OSError, UnicodeDecodeError):
        read_text(path)  # says what is wrong with it
        raise


def _refuse_large(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError:
        size = 0  # what is wrong with it is told by reading it
    if size > MOST_BYTES:
        raise UserError(f"{path}: larger than {MOST_BYTES // 1024**2} MB; split it into several files")


def _no_text(path: Path, line: int) -> UserError:
    return UserError(
        f"{path}, line {line}: NUL characters, as in UTF-16 text or a file that is no text; save it as UTF-8"
    )
