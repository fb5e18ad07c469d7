"""Finds faults in exported FHIR R4 resources that ``fhir.resources`` lets pass.

Observed with ``fhir.resources`` 8.3.0: any operator passes, as do an ``enableWhen`` that points nowhere and several
without ``enableBehavior``. The rules are those of R4 Questionnaire and QuestionnaireResponse (hl7.org/fhir/R4).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

__all__ = ["bundle_faults", "enabled", "questionnaire_faults", "response_faults", "value_of"]

Json = dict[str, Any]
Answers = Mapping[str, Sequence[Json]]
"""linkId -> the answers that an item has."""

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_OPERATORS = ("exists", "=", "!=", *_ORDERS)
_EXPRESSION = "sdc-questionnaire-enableWhenExpression"
_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_TARGET = "http://hl7.org/fhir/StructureDefinition/targetElement"
_VALUES = {
    "boolean": "valueBoolean",
    "integer": "valueInteger",
    "decimal": "valueDecimal",
    "quantity": "valueQuantity",
    "choice": "valueCoding",
    "string": "valueString",
    "text": "valueString",
}


def bundle_faults(bundle: Json) -> list[str]:
    """What is wrong with an exported bundle, one line each: its form, its answers, and where its provenance points."""
    resources = [entry["resource"] for entry in bundle.get("entry", ())]
    forms = [each for each in resources if each["resourceType"] == "Questionnaire"]
    filled = [each for each in resources if each["resourceType"] == "QuestionnaireResponse"]
    if len(forms) != 1 or len(filled) != 1:
        return ["bundle: must hold one Questionnaire and one QuestionnaireResponse"]
    found = [*questionnaire_faults(forms[0]), *response_faults(forms[0], filled[0])]
    canonical = f"{forms[0].get('url')}|{forms[0].get('version')}"
    if filled[0].get("questionnaire") != canonical:
        found.append(f"bundle: the answers belong to {filled[0].get('questionnaire')}, not to {canonical}")
    urls = {entry.get("fullUrl") for entry in bundle["entry"]}
    elements = {answer.get("id") for item in _walk(filled[0].get("item", ())) for answer in item.get("answer", ())}
    for proof in (each for each in resources if each["resourceType"] == "Provenance"):
        found += [f"{proof.get('id')}: {fault}" for fault in _provenance_faults(proof, urls, elements)]
    return found


def _provenance_faults(proof: Json, urls: set[str], elements: set[str]) -> Iterator[str]:
    for target in proof.get("target", ()):
        if target.get("reference") not in urls:
            yield f"target {target.get('reference')} is not in the bundle"
        for extension in target.get("extension", ()):
            if extension["url"] == _TARGET and extension.get("valueUri") not in elements:
                yield f"element {extension.get('valueUri')} is not in the answers"


def questionnaire_faults(questionnaire: Json) -> list[str]:
    """What is wrong with a Questionnaire, one line each, with the linkId; an empty list where nothing is."""
    found: list[str] = []
    types: dict[str, str] = {}
    for item in _walk(questionnaire.get("item", ())):
        name = str(item.get("linkId", "?"))
        if name in types:
            found.append(f"{name}: linkId stands twice")
        faults = (*_shape_faults(item), *_enabling_faults(item, types))
        found += [f"{name}: {fault}" for fault in faults]
        types[name] = str(item.get("type"))
    return found


def _shape_faults(item: Json) -> Iterator[str]:
    kind, children = item.get("type"), item.get("item")
    if kind == "group" and not children:
        yield "a group without items"
    if kind == "display" and children:
        yield "a display with items"
    if kind == "display" and any(key in item for key in ("required", "repeats", "readOnly")):
        yield "a display can be neither required, repeated nor read-only"
    if kind == "choice" and not (item.get("answerOption") or item.get("answerValueSet")):
        yield "a choice without options"


def _enabling_faults(item: Json, earlier: Mapping[str, str]) -> Iterator[str]:
    conditions = item.get("enableWhen", ())
    if len(conditions) > 1 and item.get("enableBehavior") not in ("all", "any"):
        yield "several enableWhen need an enableBehavior"
    if conditions and any(each["url"].endswith(_EXPRESSION) for each in item.get("extension", ())):
        yield "enableWhen together with enableWhenExpression"
    for condition in conditions:
        asked, sign = condition.get("question"), condition.get("operator")
        expected = _expected(condition)
        if asked not in earlier:
            yield f"enableWhen points to {asked}, which does not come before"
        if sign not in _OPERATORS:
            yield f"enableWhen has the operator {sign}"
        if expected is None:
            yield f"enableWhen on {asked} has no answer"
        elif sign == "exists" and not isinstance(expected, bool):
            yield "exists needs a boolean answer"
        elif sign != "exists" and asked in earlier and _VALUES.get(earlier[asked], "")[5:] != _kind(condition):
            yield f"enableWhen compares {asked} with an answer of another type"


def response_faults(questionnaire: Json, response: Json) -> list[str]:
    """What is wrong with the answers to a Questionnaire, one line each."""
    known = {item["linkId"]: item for item in _walk(questionnaire.get("item", ()))}
    given = list(_walk(response.get("item", ())))
    names = [str(item.get("linkId", "?")) for item in given]
    found = [f"{name}: not in the questionnaire" for name in names if name not in known]
    found += [f"{name}: stands twice" for name in sorted({name for name in names if names.count(name) > 1})]
    found += _misplaced(questionnaire.get("item", ()), response.get("item", ()))
    answers = {item["linkId"]: item["answer"] for item in given if item.get("answer")}
    open_ones = enabled(questionnaire, answers)
    found += [f"{name}: has an answer but is disabled" for name in answers if name in known and name not in open_ones]
    found += [f"{name}: {fault}" for name in answers if name in known for fault in _value_faults(known[name], answers)]
    if response.get("status") == "completed":
        wanted = [name for name in known if known[name].get("required") and name in open_ones]
        found += [f"{name}: completed without this answer" for name in wanted if not answers.get(name)]
    return found


def _misplaced(form: Sequence[Json], filled: Sequence[Json]) -> Iterator[str]:
    """Answers outside of their group, or out of order."""
    places = {item["linkId"]: place for place, item in enumerate(form)}
    last = -1
    for item in filled:
        place = places.get(item.get("linkId", "?"), -1)
        if place < 0:
            yield f"{item.get('linkId')}: not in its group"
            continue
        if place < last:
            yield f"{item['linkId']}: out of order"
        last = place
        yield from _misplaced(form[place].get("item", ()), item.get("item", ()))


def _value_faults(item: Json, answers: Answers) -> Iterator[str]:
    for answer in answers[item["linkId"]]:
        keys = [key for key in answer if key.startswith("value")]
        absent = any(each["url"] == _ABSENT for each in answer.get("extension", ()))
        if not keys and not absent:
            yield "neither a value nor a reason why there is none"
        if keys and absent:
            yield "a value, and a reason why there is none"
        if keys and keys != [_VALUES.get(item["type"])]:
            yield f"{', '.join(keys)} in an item of type {item['type']}"
        codes = [option.get("valueCoding", {}).get("code") for option in item.get("answerOption", ())]
        if codes and keys and answer.get("valueCoding", {}).get("code") not in codes:
            yield "an answer that is not among the options"


def enabled(questionnaire: Json, answers: Answers) -> set[str]:
    """The linkIds that are enabled with these answers.

    An item of a disabled group is disabled; what a disabled item was answered counts as no answer.
    """
    found: set[str] = set()

    def visit(items: Sequence[Json]) -> None:
        for item in items:
            if _is_enabled(item, {name: answers[name] for name in found if name in answers}):
                found.add(item["linkId"])
                visit(item.get("item", ()))

    visit(questionnaire.get("item", ()))
    return found


def _is_enabled(item: Json, answers: Answers) -> bool:
    conditions = item.get("enableWhen", ())
    if not conditions:
        return True
    held = [_holds(condition, answers.get(condition["question"], ())) for condition in conditions]
    return all(held) if item.get("enableBehavior") == "all" else any(held)


def _holds(condition: Json, answers: Sequence[Json]) -> bool:
    """R4: ``=`` some answer equals, ``!=`` no answer equals; an answer without a value equals nothing."""
    expected, sign = _expected(condition), condition["operator"]
    values = [value for value in map(value_of, answers) if value is not None]
    if sign == "exists":
        return bool(values) is expected
    same = any(_same(value, expected) for value in values)
    if sign in ("=", "!="):
        return same is (sign == "=")
    return any(_ordered(value, expected, _ORDERS[sign]) for value in values)


def _same(value: object, expected: object) -> bool:
    if isinstance(value, dict) and isinstance(expected, dict):
        keys = ("system", "code", "value")
        return [value.get(key) for key in keys] == [expected.get(key) for key in keys]
    return value == expected


def _ordered(value: Any, expected: Any, compare: Callable[[Any, Any], bool]) -> bool:  # noqa: ANN401  (any JSON value)
    if isinstance(value, dict) and isinstance(expected, dict):
        return value.get("code") == expected.get("code") and compare(value["value"], expected["value"])
    return compare(value, expected)


def value_of(answer: Json) -> Any:  # noqa: ANN401  (any JSON value)
    """The value of an answer; None where it has none."""
    return next((answer[key] for key in answer if key.startswith("value")), None)


def _expected(condition: Json) -> Any:  # noqa: ANN401  (any JSON value)
    return next((condition[key] for key in condition if key.startswith("answer")), None)


def _kind(condition: Json) -> str:
    return next((key.removeprefix("answer") for key in condition if key.startswith("answer")), "")


def _walk(items: Sequence[Json]) -> Iterator[Json]:
    for item in items:
        yield item
        yield from _walk(item.get("item", ()))
