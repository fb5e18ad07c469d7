"""How a structured answer is asked for: a narrow JSON schema, and simpler forms for servers that refuse it.

OpenAI's strict mode wants every object closed and every property required, and refuses keywords such as
``default`` or ``minLength``; vLLM's grammar backends refuse others (``multipleOf``, ``uniqueItems``). What
both take is kept; the rest is checked by pydantic when the answer is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

from agents.models.limits import Fault
from agents.prompts import load_prompt
from profiles.schema import Record
from profiles.vocabulary import Language

if TYPE_CHECKING:
    from openai.types.shared_params import ResponseFormatJSONSchema

__all__ = ["AnswerSchema", "Form", "SchemaInputs", "Style", "answer_schema", "ask_in_words"]

Schema = dict[str, Any]

_RANGES = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems"}
_KEPT = {"type", "description", "enum", "const"} | _RANGES
_FORM_WORDS = re.compile(
    r"response_format|json_|json mode|structured|guided|grammar|schema|unsupported|not support", re.IGNORECASE
)
_OTHER_WISHES = re.compile(r"temperature|top_p|\bseed\b|max_(?:completion_)?tokens", re.IGNORECASE)
_LONGEST_NAME = 64  # of a response format, at OpenAI


class Form(IntEnum):
    """How a structured answer is asked for, from the surest way to the one that any server takes."""

    SCHEMA = 0
    OBJECT = 1
    TEXT = 2


@dataclass(frozen=True)
class Style:
    """How one server wants the requests for one model. ``length`` names the field for ``max_tokens``."""

    form: Form = Form.SCHEMA
    length: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"

    def after(self, fault: Fault, structured: bool) -> Style | None:
        """A style that avoids what the server objected to; ``None`` where the style is not at fault."""
        if fault.too_long or fault.kind not in {"400", "404", "422"}:
            return None
        if self.length == "max_tokens" and "max_completion_tokens" in fault.words:
            return replace(self, length="max_completion_tokens")
        if _OTHER_WISHES.search(fault.words):
            return None
        if structured and self.form < Form.TEXT and _FORM_WORDS.search(fault.words):
            return replace(self, form=Form(self.form + 1))
        return None


@dataclass(frozen=True)
class AnswerSchema:
    """A schema as it is sent.

    Args:
        name: letters, digits, ``_`` and ``-``, at most 64 characters.
        strict: False where a part is open (a dict with free keys, ``Any``), which strict mode cannot express.
    """

    name: str
    schema: Schema
    strict: bool

    def response_format(self) -> ResponseFormatJSONSchema:
        """The ``response_format`` of a chat completion request."""
        return {
            "type": "json_schema",
            "json_schema": {"name": self.name, "schema": self.schema, "strict": self.strict},
        }


@lru_cache(maxsize=256)
def answer_schema(model: type[BaseModel]) -> AnswerSchema:
    """The schema of ``model`` as servers take it; treat it as read-only, it is shared."""
    full = model.model_json_schema()
    shared = full.get("$defs", {})
    root = shared[full["$ref"].rpartition("/")[2]] if "$ref" in full else full  # a model that holds itself
    narrow = _narrow(root)
    if shared:
        narrow["$defs"] = {name: _narrow(part) for name, part in shared.items()}
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", model.__name__).strip("_")[:_LONGEST_NAME]
    return AnswerSchema(name or "answer", narrow, strict=not _is_open(narrow))


class SchemaInputs(Record):
    """What the schema instruction says: the shape of the answer, as JSON schema text."""

    shape: str


def ask_in_words(messages: list[dict[str, str]], model: type[BaseModel], language: Language) -> None:
    """Add words that ask for ``model`` to the messages of a request, for a server that takes no schema."""
    text = _instruction(model, language)
    # Many chat templates want the roles to alternate, so the last user message grows and gets no twin.
    if messages and messages[-1]["role"] == "user":
        messages[-1]["content"] += f"\n\n{text}"
    else:
        messages.append({"role": "user", "content": text})


@lru_cache(maxsize=256)
def _instruction(model: type[BaseModel], language: Language) -> str:
    shape = json.dumps(answer_schema(model).schema, ensure_ascii=False)
    prompt = load_prompt("agents.models", "schema", language, SchemaInputs, str)
    return prompt.render(SchemaInputs(shape=shape))[0].content


def _narrow(schema: Mapping[str, Any]) -> Schema:
    if "$ref" in schema:
        return _reference(schema)
    if len(schema.get("allOf", ())) == 1:
        return _narrow({**schema["allOf"][0], **{key: schema[key] for key in schema if key != "allOf"}})
    narrow = {key: value for key, value in schema.items() if key in _KEPT}
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        narrow["anyOf"] = [_narrow(choice) for choice in choices]
    if schema.get("type") == "object" or "properties" in schema:
        narrow.update(_object(schema))
    if schema.get("type") == "array":
        narrow["items"] = _items(schema)
    return narrow


def _reference(schema: Mapping[str, Any]) -> Schema:
    # A reference may have no neighbours, so a description needs a shell round it.
    reference = {"$ref": schema["$ref"]}
    if "description" not in schema:
        return reference
    return {"description": schema["description"], "anyOf": [reference]}


def _object(schema: Mapping[str, Any]) -> Schema:
    properties = schema.get("properties", {})
    free = schema.get("additionalProperties", False)
    if not properties and free:
        return {"additionalProperties": _narrow(free) if isinstance(free, Mapping) else True}
    return {
        "properties": {name: _narrow(part) for name, part in properties.items()},
        "required": list(properties),
        "additionalProperties": False,
    }


def _items(schema: Mapping[str, Any]) -> Schema:
    places = schema.get("prefixItems")
    if not places:
        return _narrow(schema.get("items", {}))
    kinds: list[Schema] = []
    for place in map(_narrow, places):
        if place not in kinds:
            kinds.append(place)
    return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


def _is_open(schema: Schema) -> bool:
    if not schema or (schema.get("type") == "object" and schema["additionalProperties"] is not False):
        return True
    parts = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
    parts += [*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else [])]
    return any(_is_open(part) for part in parts)
