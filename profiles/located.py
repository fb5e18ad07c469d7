"""YAML that remembers where each value stood, so that a fault can be named by file, line and field."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from profiles.errors import UserError

Place = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)

_LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MOST_PLACES = 500_000  # a few aliases of aliases can stand for more values than memory holds


@dataclass(frozen=True)
class Located:
    """A value read from a file with the line (from 1) of each of its parts."""

    source: str
    value: Any
    lines: dict[Place, int]

    def line(self, place: Place) -> int:
        """The line of a part, or of its nearest parent that stands in the file."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def fault(self, place: Place, message: str) -> UserError:
        """A one-line error for a part."""
        dotted = ".".join(str(part) for part in place)
        text = f"{self.source}, line {self.line(place)}: {dotted + ': ' if dotted else ''}{message}"
        return UserError(" ".join(text.splitlines()))

    def part(self, *place: str | int) -> Located:
        """A part of the value with its own lines."""
        value = self.value
        for key in place:
            value = value[key]
        size = len(place)
        lines = {key[size:]: line for key, line in self.lines.items() if key[:size] == place}
        return Located(self.source, value, lines)

    def parts(self) -> tuple[Located, ...]:
        """The items of a list, each with its own lines."""
        lines: list[dict[Place, int]] = [{} for _ in self.value]
        for place, line in self.lines.items():
            if place and isinstance(place[0], int):
                lines[place[0]][place[1:]] = line
        return tuple(Located(self.source, *pair) for pair in zip(self.value, lines, strict=True))


def read_text(path: Path, name: str | None = None) -> str:
    """The text of a UTF-8 file, with or without a byte order mark, its line ends as they stand.

    Raises:
        UserError: the file is missing, or not UTF-8 text.
    """
    source = name or str(path)
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{source}: no such file") from None
    except IsADirectoryError:
        raise UserError(f"{source}: this is a folder; name a file in it") from None
    except (OSError, UnicodeDecodeError) as error:
        kind = error.__class__.__name__
        raise UserError(f"{source}: cannot be read as UTF-8 text ({kind}); save it as UTF-8") from None


def read_yaml(path: Path, name: str | None = None) -> Located:
    """Read a YAML file.

    Raises:
        UserError: the file is missing, not text, or not YAML; the line is named where there is one.
    """
    return parse_yaml(read_text(path, name), name or str(path))


def parse_yaml(text: str, source: str) -> Located:
    """As ``read_yaml``, from text."""
    lines: dict[Place, int] = {}
    node = None
    try:
        loader = _LOADER(text)
        node = loader.get_single_node()
        if node is not None:
            _walk(node, (), lines, source, frozenset())
        value = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        line, problem = _problem(error, text)
        raise UserError(f"{source}, line {line}: {problem}; check indentation and quotes there") from None
    except RecursionError:
        raise UserError(f"{source}: nested too deeply; take some levels out") from None
    except ValueError as error:  # a bare word that looks like a date and is none, such as 2024-13-01
        raise UserError(f"{source}: a value cannot be read ({error}); put it in quotes") from None
    return Located(source, value, lines)


def _problem(error: yaml.YAMLError, text: str) -> tuple[int, str]:
    if isinstance(error, yaml.reader.ReaderError):
        return text.count("\n", 0, error.position) + 1, "a character that YAML does not allow"
    mark = getattr(error, "problem_mark", None)
    return (mark.line + 1 if mark else 1), getattr(error, "problem", None) or "not YAML"


def _walk(node: yaml.Node, place: Place, lines: dict[Place, int], source: str, above: frozenset[int]) -> None:
    line = node.start_mark.line + 1
    if id(node) in above or len(lines) > _MOST_PLACES:
        raise UserError(f"{source}, line {line}: an alias holds itself or too many others; write it out")
    lines.setdefault(place, line)
    if isinstance(node, yaml.MappingNode):
        _refuse_double_keys(node, place, source)
        for key, child in node.value:
            lines[(*place, str(key.value))] = key.start_mark.line + 1
            if str(key.value).isdecimal():  # read as a number, and named as one by faults
                lines[(*place, int(key.value))] = key.start_mark.line + 1
            _walk(child, (*place, str(key.value)), lines, source, above | {id(node)})
    elif isinstance(node, yaml.SequenceNode):
        for number, child in enumerate(node.value):
            _walk(child, (*place, number), lines, source, above | {id(node)})


def _refuse_double_keys(node: yaml.MappingNode, place: Place, source: str) -> None:
    seen: dict[tuple[str, str], int] = {}
    for key, _ in node.value:
        name, line = (key.tag, str(key.value)), key.start_mark.line + 1
        if name in seen:
            raise double_key(source, place, name[1], seen[name], line)
        seen[name] = line


def double_key(source: str, place: Place, key: str, first: int, second: int) -> UserError:
    """The fault of a key that stands twice in one mapping, where readers would silently keep the last."""
    dotted = ".".join(str(part) for part in (*place, key))
    fault = f"key '{key}' stands twice (lines {first} and {second}); keep one"
    return UserError(f"{source}, line {second}: {dotted}: {fault}")


def validate(model: type[Model], value: Any, located: Located) -> Model:  # noqa: ANN401
    """``value`` as ``model``, or one clear line about its first fault (with the nearest right field name).

    Args:
        model: what the value should be.
        value: what to validate, e.g. the localised value of ``located``.
        located: where it was read from, for lines.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise next(_faults(model, error, value, located)) from None


def faults(model: type[BaseModel], value: Any, located: Located) -> tuple[UserError, ...]:  # noqa: ANN401
    """Every fault that ``validate`` would find, one line each; empty where there is none."""
    try:
        model.model_validate(value)
    except ValidationError as error:
        return tuple(_faults(model, error, value, located))
    return ()


def _faults(model: type[BaseModel], error: ValidationError, value: object, located: Located) -> Iterator[UserError]:
    # A misspelt field is also a missing one; the hint at the spelling is worth more, so it comes first.
    for fault in sorted(error.errors(), key=lambda each: each["type"] != "extra_forbidden"):
        place: Place = tuple(part for part in fault["loc"] if isinstance(part, str | int))
        message = _explain(model, fault["type"], fault["msg"], fault["input"], place)
        while fault["type"] != "missing" and not _stands(value, place):
            place = place[:-1]  # pydantic also names the member of a union, which stands in no file
        yield located.fault(place, message)


def _stands(value: Any, place: Place) -> bool:  # noqa: ANN401
    for part in place:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _explain(model: type[BaseModel], kind: str, message: str, value: object, place: Place) -> str:
    if kind == "extra_forbidden":
        known = _fields_at(model, place[:-1])
        near = difflib.get_close_matches(str(place[-1]), known, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else f"known fields: {', '.join(known)}"
        return f"unknown field; {hint}"
    if kind == "missing":
        return "this field is missing; add it"
    if kind == "string_type" and value is not None and not isinstance(value, dict | list):
        return f"{plainly(message)}; put it in quotes"
    if kind in ("enum", "literal_error"):
        near = difflib.get_close_matches(str(value), re.findall(r"'([^']+)'", message), n=1, cutoff=0.5)
        return f"{plainly(message)}{f'; did you mean {near[0]!r}?' if near else ''}"
    if kind == "string_pattern_mismatch":
        return f"{value!r} does not fit: letters, digits, '.', '_' and '-', beginning with a letter or digit"
    return plainly(message)


def plainly(message: str) -> str:
    """A validation message in our own manner: "must be greater than 0"."""
    return message.replace("Value error, ", "", 1).replace("Input should be", "must be", 1)


def _fields_at(model: type[BaseModel], place: Place) -> list[str]:
    """The field names of the models that may stand at a place below ``model``."""
    current: list[type[BaseModel]] = [model]
    for part in place:
        found = [field for each in current if (field := each.model_fields.get(str(part)))]
        if found:  # else the key of a mapping or a number in a list: the models below are those of its values
            current = [inner for field in found for inner in _models_in(field.annotation)]
    return sorted({name for each in current for name in each.model_fields})


def _models_in(annotation: Any) -> list[type[BaseModel]]:  # noqa: ANN401
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for arg in getattr(annotation, "__args__", ()) for model in _models_in(arg)]
