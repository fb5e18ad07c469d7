"""YAML that remembers where each value stood, so that a fault can be named by file, line and field."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from profiles.errors import UserError

Place = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Located:
    """A value read from a YAML file with the line (from 1) of each of its parts."""

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
        return UserError(f"{self.source}, line {self.line(place)}: {dotted + ': ' if dotted else ''}{message}")

    def part(self, *place: str | int) -> Located:
        """A part of the value with its own lines."""
        value = self.value
        for key in place:
            value = value[key]
        size = len(place)
        lines = {key[size:]: line for key, line in self.lines.items() if key[:size] == place}
        return Located(self.source, value, lines)


def read_yaml(path: Path, name: str | None = None) -> Located:
    """Read a YAML file.

    Raises:
        UserError: the file is missing, not text, or not YAML; the line is named where there is one.
    """
    source = name or str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{source}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{source}: cannot be read as UTF-8 text ({error.__class__.__name__})") from None
    return parse_yaml(text, source)


def parse_yaml(text: str, source: str) -> Located:
    """As ``read_yaml``, from text."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or "not YAML"
        raise UserError(f"{source}, line {line}: {problem}; check indentation and quotes there") from None
    lines: dict[Place, int] = {}
    if node is not None:
        _walk(node, (), lines)
    return Located(source, value, lines)


def _walk(node: yaml.Node, place: Place, lines: dict[Place, int]) -> None:
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            below = (*place, str(key.value))
            lines[below] = key.start_mark.line + 1
            _walk(child, below, lines)
    elif isinstance(node, yaml.SequenceNode):
        for number, child in enumerate(node.value):
            _walk(child, (*place, number), lines)


def validate(model: type[Model], value: Any, located: Located) -> Model:  # noqa: ANN401
    """``value`` as ``model``, or one clear line about its first fault (with the nearest right field name).

    Args:
        value: what to validate, e.g. the localised value of ``located``.
        located: where it was read from, for lines.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = tuple(part for part in first["loc"] if isinstance(part, str | int))
        raise located.fault(place, _explain(model, first["type"], first["msg"], place)) from None


def _explain(model: type[BaseModel], kind: str, message: str, place: Place) -> str:
    if kind == "extra_forbidden":
        known = _fields_at(model, place[:-1])
        near = difflib.get_close_matches(str(place[-1]), known, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else f"known fields: {', '.join(known)}"
        return f"unknown field; {hint}"
    if kind == "missing":
        return "this field is missing; add it"
    return message.removeprefix("Value error, ")


def _fields_at(model: type[BaseModel], place: Place) -> list[str]:
    """The field names of the model that stands at a place below ``model``."""
    current: Any = model
    for part in place:
        if isinstance(part, int) or not hasattr(current, "model_fields"):
            continue
        field = current.model_fields.get(part)
        inner = _models_in(field.annotation) if field else []
        if not inner:
            return []
        current = inner[0]
    return sorted(current.model_fields)


def _models_in(annotation: Any) -> list[type[BaseModel]]:  # noqa: ANN401
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for arg in getattr(annotation, "__args__", ()) for model in _models_in(arg)]
