"""JSON values as they stand in a file of transcripts, and what in them no reader of JSON could take."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Final

from storage.imports.limits import MOST_LEVELS

__all__ = ["TOO_DEEP", "Broken", "parsed", "text_fault", "torn", "value_fault"]

TOO_DEEP: Final = f"nested too deeply: more than {MOST_LEVELS} levels"
_NUL = "\0"


@dataclass(frozen=True)
class Broken:
    """What stands where a JSON value should. line: from 1 within the text that was read, 0 where none is to blame."""

    fault: str
    line: int = 0


def parsed(text: str) -> Any:  # noqa: ANN401  (JSON, or Broken)
    """The value, or why there is none. NaN and the infinities are read, to be named by ``value_fault``."""
    try:
        return json.loads(text)
    except RecursionError:
        return Broken(TOO_DEEP)
    except json.JSONDecodeError as error:
        return Broken(f"not JSON ({error.msg})", error.lineno)
    except ValueError:  # a number of thousands of digits
        return Broken("not JSON (a number is too long)")


def value_fault(value: Any) -> str | None:  # noqa: ANN401
    """What in a value is no JSON, by its place: too many levels, or a number that is none. None where all is well."""
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while waiting:
        place, each = waiting.pop()
        if isinstance(each, float) and not math.isfinite(each):
            return f"{_dotted(place)}: {'NaN' if math.isnan(each) else 'Infinity'} is no number in JSON; write null"
        if isinstance(each, dict | list):
            if len(place) >= MOST_LEVELS:
                return TOO_DEEP
            inside = each.items() if isinstance(each, dict) else enumerate(each)
            waiting += [((*place, key), part) for key, part in inside]
    return None


def torn(value: Any) -> str | None:  # noqa: ANN401
    """Which text in a value of few levels no file or database can hold, and why. None where all can be kept."""
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while waiting:
        place, each = waiting.pop()
        if isinstance(each, str):
            if fault := text_fault(each):
                return f"{_dotted(place)}: {fault}"
        elif isinstance(each, dict):
            for key, part in each.items():
                if fault := text_fault(key):
                    return f"{_dotted(place)}: {fault} in the name of a field"
                waiting.append(((*place, key), part))
        elif isinstance(each, list):
            waiting += [((*place, number), part) for number, part in enumerate(each)]
    return None


def text_fault(text: str) -> str | None:
    """Why a text cannot be kept: JSON escapes may hold half of a character, or NUL."""
    if not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text):
        return "half a character (a lone surrogate); save the file anew from its source"
    return "a NUL character; save the file anew from its source" if _NUL in text else None


def _dotted(place: tuple[str | int, ...]) -> str:
    return ".".join(map(str, place)).encode("utf-8", "replace").decode() or "value"
