"""JSON and JSONL that remember the line of each value, as ``profiles.located`` does for YAML."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from typing import Any, NoReturn

from profiles.errors import UserError
from profiles.located import Located, Place, double_key

_SPACE = re.compile(r"[ \t\r\n]*")


def parse_json(text: str, source: str, first_line: int = 1) -> Located:
    """One JSON document.

    Args:
        text: the document.
        source: the file's name for errors.
        first_line: the line of the file on which the document begins.

    Raises:
        UserError: not JSON, a key that stands twice in one object, or NaN and the like.
    """
    try:
        json.loads(text, parse_constant=_refuse)
        return _Reader(text, source, first_line).read()
    except json.JSONDecodeError as error:
        line = error.lineno + first_line - 1
        raise UserError(f"{source}, line {line}: not valid JSON ({error.msg}); mend it there") from None
    except RecursionError:
        raise UserError(f"{source}, line {first_line}: nested too deeply; take some levels out") from None
    except ValueError as error:
        raise UserError(f"{source}, line {first_line}: not valid JSON ({error}); mend it there") from None


def parse_jsonl(text: str, source: str) -> tuple[Located, ...]:
    """One JSON document a line; empty lines are passed over.

    Only a line feed ends a line: U+2028 and its like may stand within a string.
    """
    lines = enumerate(text.split("\n"), start=1)
    return tuple(parse_json(line, source, number) for number, line in lines if line.strip())


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


class _Reader:
    """Walks a document that is known to be valid and notes where each value begins."""

    def __init__(self, text: str, source: str, first_line: int) -> None:
        self._text = text
        self._source = source
        self._first_line = first_line
        self._ends = [found.start() for found in re.finditer("\n", text)]
        self._scalars = json.JSONDecoder()
        self._lines: dict[Place, int] = {}

    def read(self) -> Located:
        value, _ = self._value(self._skip(0), ())
        return Located(self._source, value, self._lines)

    def _value(self, at: int, place: Place) -> tuple[Any, int]:
        self._lines.setdefault(place, self._line(at))
        if self._text[at] == "{":
            return self._object(at + 1, place)
        if self._text[at] == "[":
            return self._array(at + 1, place)
        return self._scalars.raw_decode(self._text, at)

    def _object(self, at: int, place: Place) -> tuple[dict[str, Any], int]:
        found: dict[str, Any] = {}
        at = self._skip(at)
        while self._text[at] != "}":
            key, end = self._scalars.raw_decode(self._text, at)
            line = self._line(at)
            if key in found:
                raise double_key(self._source, place, key, self._lines[(*place, key)], line)
            self._lines[(*place, key)] = line
            colon = self._skip(end)
            found[key], end = self._value(self._skip(colon + 1), (*place, key))
            at = self._next(end)
        return found, at + 1

    def _array(self, at: int, place: Place) -> tuple[list[Any], int]:
        found: list[Any] = []
        at = self._skip(at)
        while self._text[at] != "]":
            item, end = self._value(at, (*place, len(found)))
            found.append(item)
            at = self._next(end)
        return found, at + 1

    def _next(self, at: int) -> int:
        """Where the next item or the closing bracket stands."""
        at = self._skip(at)
        return self._skip(at + 1) if self._text[at] == "," else at

    def _skip(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        return found.end() if found else at

    def _line(self, at: int) -> int:
        return self._first_line + bisect_right(self._ends, at - 1)
