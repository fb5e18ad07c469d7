"""Answer schemas fit the narrow grammar of structured-output servers and still say what pydantic says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, create_model

from agents.models.limits import Fault
from agents.models.schemas import Form, Style, answer_schema
from tests.servers import answer_for


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Quote(BaseModel):
    turn: int = Field(ge=0)
    quote: str = Field(min_length=1, max_length=200, description="verbatim")


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(ge=1, le=9, multiple_of=1)


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


class Tree(BaseModel):
    label: str
    children: list[Tree] = Field(default_factory=list, max_length=2)


class Judgment(BaseModel):
    """A docstring that becomes a description."""

    reason: str = Field(pattern=r"\S", title="Why")
    value: int | None = Field(default=None, ge=0, le=5)
    evidence: list[Quote] = Field(default_factory=list, max_length=3)
    colour: Annotated[Colour, Field(description="the colour of it")] = Colour.RED
    colours: tuple[Colour, ...] = ()
    weight: float = Field(default=0.5, gt=0, lt=1)
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    tags: set[str] = Field(default_factory=set, min_length=1)
    default: str = "a field named like a keyword"
    title: str = "another"
    sure: bool = False


MODELS = [Quote, Tree, Judgment, Cat]
ALLOWED = {
    *("type", "description", "enum", "const", "anyOf", "$ref", "$defs", "items"),
    *("properties", "required", "additionalProperties"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems"),
}


def nodes(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for group in ("properties", "$defs"):
        for part in schema.get(group, {}).values():
            yield from nodes(part)
    for part in [*schema.get("anyOf", []), *([schema["items"]] if "items" in schema else [])]:
        yield from nodes(part)


@pytest.mark.parametrize("model", MODELS)
def test_every_node_is_strict(model: type[BaseModel]) -> None:
    sent = answer_schema(model)
    assert sent.strict
    assert sent.schema["type"] == "object"
    for node in nodes(sent.schema):
        assert set(node) <= ALLOWED
        if node.get("type") == "object":
            assert node["additionalProperties"] is False
            assert node["required"] == list(node["properties"])
        if "$ref" in node:
            assert set(node) == {"$ref"}
            assert node["$ref"].rpartition("/")[2] in sent.schema["$defs"]
        assert "type" in node or "anyOf" in node or "$ref" in node


def test_what_matters_is_kept() -> None:
    properties = answer_schema(Judgment).schema["properties"]
    assert list(properties) == list(Judgment.model_fields)  # reason stays before value
    assert {"maximum": 5, "minimum": 0, "type": "integer"} in properties["value"]["anyOf"]
    assert {"type": "null"} in properties["value"]["anyOf"]
    assert properties["evidence"]["maxItems"] == 3
    assert properties["colour"]["description"] == "the colour of it"
    assert properties["weight"]["exclusiveMaximum"] == 1
    assert answer_schema(Judgment).schema["description"] == "A docstring that becomes a description."


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "talk", ["one", "two", "[4] client: I slept badly. Again.", "[2] 来访者：我睡不好。又是这样。"]
)
def test_an_answer_made_from_the_schema_alone_satisfies_pydantic(model: type[BaseModel], talk: str) -> None:
    body = {
        "messages": [{"role": "user", "content": talk}],
        "response_format": answer_schema(model).response_format(),
    }
    model.model_validate_json(answer_for(body))


def test_a_tuple_becomes_an_array_of_its_kinds() -> None:
    schema = answer_schema(create_model("Pair", pair=(tuple[int, str, int], ...))).schema["properties"]["pair"]
    assert schema["items"] == {"anyOf": [{"type": "integer"}, {"type": "string"}]}
    assert (schema["minItems"], schema["maxItems"]) == (3, 3)


@pytest.mark.parametrize("kind", [dict[str, int], dict[str, Any], Any, list[Any]])
def test_an_open_part_is_sent_but_not_as_strict(kind: Any) -> None:
    model = create_model("Open", free=(kind, ...))
    sent = answer_schema(model).response_format()["json_schema"]
    assert sent["strict"] is False
    assert "free" in sent["schema"]["properties"]


@pytest.mark.parametrize("name", ["Score[int]", "评分", "x" * 90, "Plain_Name-1"])
def test_names_fit_the_servers_grammar(name: str) -> None:
    sent = answer_schema(create_model(name, value=(int, ...)))
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", sent.name)


@pytest.mark.parametrize(
    ("fault", "form"),
    [
        (Fault("400", "response_format.type json_schema is unavailable"), Form.OBJECT),
        (Fault("422", "Invalid schema for response_format 'X'"), Form.OBJECT),
        (Fault("400", "this feature is unsupported"), Form.OBJECT),
        (Fault("400", "Unsupported value: 'temperature' does not support 0 with this model"), None),
        (Fault("400", "messages must alternate"), None),
        (Fault("400", "maximum context length is 10, not supported"), None),
        (Fault("500", "response_format"), None),
    ],
)
def test_a_style_gives_way_only_to_what_it_caused(fault: Fault, form: Form | None) -> None:
    simpler = Style().after(fault, structured=True)
    assert (simpler and simpler.form) == form


def test_a_style_ends_at_plain_text_and_is_left_alone_for_plain_questions() -> None:
    fault = Fault("400", "response_format")
    assert Style(Form.OBJECT).after(fault, structured=True) == Style(Form.TEXT)
    assert Style(Form.TEXT).after(fault, structured=True) is None
    assert Style().after(fault, structured=False) is None
