"""From one JSON value to the lines of a dialogue: each shape that dialogue data sets are commonly kept in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from profiles.vocabulary import Role
from storage.imports.lines import Line
from storage.imports.prefixed import prefixed_lines

__all__ = ["lines_in", "shapes"]

_ROLE_KEYS = ("role", "speaker", "from", "author", "party", "who")
_TEXT_KEYS = ("content", "text", "value", "message", "utterance", "sentence")
_LIST_KEYS = ("messages", "dialog", "dialogue", "conversations", "conversation", "turns", "history", "content")


def lines_in(value: Any, own: Mapping[str, Role] | None = None) -> list[Line] | None:  # noqa: ANN401  (JSON)
    """The lines of one dialogue, or None where the value has no shape that is known.

    Args:
        own: a person's own role spellings, for transcripts in one string.
    """
    for read in shapes(own).values():
        found = read(value)
        if found is not None:
            return found
    return None


def shapes(own: Mapping[str, Role] | None = None) -> Mapping[str, Callable[[Any], list[Line] | None]]:
    """Shape -> its reader, in the order tried."""
    return {
        "question and answer pairs": _alpaca,
        "list of lines": _listed,
        "object with a list of lines": _held,
        "transcript in one string": lambda value: _written(value, own),
    }


def _listed(value: Any) -> list[Line] | None:  # noqa: ANN401
    if not isinstance(value, list) or not value:
        return None
    lines: list[Line] = []
    for item in value:
        found = _line(item)
        if found is None:
            return None
        lines.extend(found)
    return lines


def _line(item: Any) -> list[Line] | None:  # noqa: ANN401
    """A line as an object with role and text, as a pair, or as one key a role (``{"User": ...}``)."""
    if isinstance(item, list) and len(item) == 2 and isinstance(item[0], str):
        return [Line(item[0], item[1])]
    if not isinstance(item, dict):
        return None
    role = next((item[key] for key in _ROLE_KEYS if isinstance(item.get(key), str)), None)
    text_key = next((key for key in _TEXT_KEYS if key in item), None)
    if role is not None and text_key is not None:
        return [Line(role, item[text_key], joins=_has_own_strategy(item))]
    if role is not None or not all(isinstance(each, str) for each in item.values()):
        return None
    told = [key for key in item if "strategy" not in key.lower()]
    named = [Line(key, item[key], joins=len(told) < len(item)) for key in told]
    return named if len(named) == 1 else None


def _has_own_strategy(item: dict[str, Any]) -> bool:
    """As in ESConv, where a turn has an item for each of its strategies."""
    annotation = item.get("annotation")
    return isinstance(annotation, dict) and isinstance(annotation.get("strategy"), str)


def _held(value: Any) -> list[Line] | None:  # noqa: ANN401
    if not isinstance(value, dict):
        return None
    for key in _LIST_KEYS:
        found = _listed(value.get(key))
        if found is not None:
            return [Line("system", value["system"]), *found] if isinstance(value.get("system"), str) else found
    return None


def _alpaca(value: Any) -> list[Line] | None:  # noqa: ANN401
    if not isinstance(value, dict) or not {"instruction", "output"} <= value.keys():
        return None
    pairs = [*_pairs(value.get("history")), (_asked(value), value["output"])]
    return [line for asked, said in pairs for line in (Line("user", asked), Line("assistant", said))]


def _pairs(history: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401
    for pair in history if isinstance(history, list) else ():
        if isinstance(pair, list) and len(pair) == 2:
            yield pair[0], pair[1]


def _asked(value: dict[str, Any]) -> Any:  # noqa: ANN401
    more = value.get("input")
    return f"{value['instruction']}\n{more}" if isinstance(more, str) and more.strip() else value["instruction"]


def _written(value: Any, own: Mapping[str, Role] | None) -> list[Line] | None:  # noqa: ANN401
    text = value
    if isinstance(value, dict):
        keys = (*_LIST_KEYS, "transcript", "text")
        text = next((value[key] for key in keys if isinstance(value.get(key), str)), None)
    if not isinstance(text, str):
        return None
    found = [Line(role, said) for role, said in prefixed_lines(text, own)]
    return found or None
