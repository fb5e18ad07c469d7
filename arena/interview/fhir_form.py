"""Writes an interview tree as a FHIR R4 Questionnaire.

Plain ``enableWhen`` is used where one level of it can say what the tree says. Other rules stand as read-only items that
hold their outcome, so that no reader has to know our rule language. Sources: hl7.org/fhir/R4, SDC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal

from arena.interview.page import PageText, load_words
from profiles.crisis import disclaimer
from profiles.interview_rules import within
from profiles.interviews import ASKED, Instrument, Module, Variable, Verdict

__all__ = [
    "DUE",
    "HL7",
    "HOLDS",
    "RESULT",
    "UCUM",
    "UNITS",
    "URN",
    "canonical",
    "identified",
    "locale",
    "narrative",
    "outcome_coding",
    "questionnaire",
    "type_of",
    "verdict_coding",
]

Json = dict[str, Any]
Conditions = tuple[Literal["any", "all"], list[Json]]

URN = "urn:counsel-arena"
UNITS = {"days": "d", "weeks": "wk", "months": "mo", "years": "a"}
UCUM = "http://unitsofmeasure.org"
HL7 = "http://hl7.org/fhir/StructureDefinition"
_SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition"
_LONGEST_ID = 64
# Ends of the linkIds of items that are no variables: a hyphen stands in no name of an instrument.
HOLDS, DUE, RESULT = "-holds", "-due", "-result"


def questionnaire(instrument: Instrument) -> Json:
    """The tree as a Questionnaire in the instrument's language; a linkId is a variable's or a counting rule's id."""
    words, (url, version) = load_words(instrument.language), canonical(instrument)
    return {
        "resourceType": "Questionnaire",
        "id": identified(instrument.id, instrument.hash),
        "language": locale(instrument),
        "text": narrative([disclaimer(instrument.language), words.tree["fhir"]["screening"]]),
        "url": url,
        "version": version,
        "name": re.sub(r"\W", "_", instrument.id.title()),
        "title": instrument.title,
        "status": "active",
        "experimental": True,
        "subjectType": ["Patient"],
        "publisher": "Counsel Arena",
        "description": f"{words.tree['fhir']['screening']} {disclaimer(instrument.language)}",
        "copyright": instrument.licence,
        "item": _Form(instrument, words).items(),
    }


@dataclass
class _Form:
    """A questionnaire as it grows. placed: linkIds that stand already; a condition may point to no other."""

    instrument: Instrument
    words: PageText
    placed: set[str] = field(default_factory=set)

    def items(self) -> list[Json]:
        """One group a module, and one for each set of modules that share variables."""
        sharing: dict[tuple[str, ...], list[str]] = {}
        for name in self.instrument.variables:
            asking = tuple(module.id for module in self.instrument.modules if name in module.variables)
            if asking:
                sharing.setdefault(asking, []).append(name)
        groups = [self._module(module, sharing.get((module.id,), [])) for module in self.instrument.modules]
        for asking, names in sharing.items():
            if len(asking) > 1:
                groups += self._shared([self.instrument.by_module[name] for name in asking], names)
        return groups

    def _module(self, module: Module, own: Sequence[str]) -> Json:
        names = [name for name in module.variables if name in own]
        derived = [name for name in names if self._is_derived(self.instrument.variables[name])]
        screens = within(self.instrument, module.gate) if module.gate else names
        first = [name for name in names if name in screens and name not in derived]
        later = [name for name in names if name not in (*first, *derived)]
        items = self._questions(first)
        items += self._body([module], f"{module.id}-body", later) if later else []
        items += self._questions(derived)
        items += [self._count(name) for name in self._counting(module)]
        items.append(self._result(module))
        return {"linkId": module.id, "text": module.title, "type": "group", "item": items}

    def _body(self, modules: Sequence[Module], link: str, names: Sequence[str], text: str = "") -> list[Json]:
        helpers, conditions = self._opening(modules)
        group = {"linkId": link, **({"text": text} if text else {}), "type": "group", **_enabling(conditions)}
        return [*helpers, {**group, "item": self._questions(names)}]

    def _shared(self, modules: Sequence[Module], names: Sequence[str]) -> list[Json]:
        title = " / ".join(module.title for module in modules)
        return self._body(modules, "-".join(module.id for module in modules), names, title)

    def _opening(self, modules: Sequence[Module]) -> tuple[list[Json], Conditions | None]:
        """When any of these modules can still hold: its gate is not ruled out."""
        helpers: list[Json] = []
        found: list[Conditions] = []
        for gate in [module.gate for module in modules]:
            if gate is None:
                return [], None
            plain = self._plain(gate, certain=False)
            if plain is None or (len(modules) > 1 and plain[0] == "all"):
                helpers += self._helper(gate)
                plain = "any", [{"question": gate + HOLDS, "operator": "!=", "answerBoolean": False}]
            found.append(plain)
        if len(found) == 1:
            return helpers, found[0]
        return helpers, ("any", [each for _, conditions in found for each in conditions])

    def _questions(self, names: Sequence[str]) -> list[Json]:
        return [item for name in names for item in self._question(self.instrument.variables[name])]

    def _question(self, variable: Variable) -> list[Json]:
        before: list[Json] = []
        conditions: Conditions | None = None
        if variable.when:
            sure = variable.kind in ("risk", "specifier")  # other questions are asked unless it is ruled out
            conditions = self._plain(variable.when, certain=sure)
            if conditions is None:
                before = self._helper(variable.when)
                sign, value = ("=", True) if sure else ("!=", False)
                conditions = "any", [{"question": variable.when + HOLDS, "operator": sign, "answerBoolean": value}]
            if variable.kind == "risk" and (conditions[0] == "any" or len(conditions[1]) == 1):
                due, text = variable.id + DUE, self.words.tree["fhir"]["due"].format(topic=variable.topic)
                before += self._place({"linkId": due, "text": text, "type": "boolean", "readOnly": True})
                conditions = "any", [*conditions[1], {"question": due, "operator": "=", "answerBoolean": True}]
        return [*before, *self._place(self._asked(variable, conditions))]

    def _asked(self, variable: Variable, conditions: Conditions | None) -> Json:
        item: Json = {
            "linkId": variable.id,
            "code": [{"system": f"{URN}:criterion", "code": variable.criterion, "display": variable.topic}],
            "prefix": variable.criterion,
            "text": variable.ask[0],
            "type": type_of(variable),
            **_enabling(conditions),
        }
        if self._is_derived(variable):
            item["readOnly"] = True
            item["extension"] = self._follows(variable)
        if variable.kind == "risk":
            item["required"] = variable.when is None
            item["answerOption"] = [{"valueCoding": verdict_coding(verdict, self.words)} for verdict in ASKED]
        if item["type"] == "quantity":
            item["extension"] = [
                {"url": f"{HL7}/questionnaire-unitOption", "valueCoding": {"system": UCUM, "code": code}}
                for code in UNITS.values()
            ]
        return {key: value for key, value in item.items() if value != []}

    def _is_derived(self, variable: Variable) -> bool:
        asked = {name for module in self.instrument.modules for name in module.variables}
        return bool(variable.known_from) and set(within(self.instrument, variable.known_from or "")) <= asked

    def _follows(self, variable: Variable) -> list[Json]:
        rule = self.instrument.rules[variable.known_from or ""]
        if rule.op != "any" or not self._countable(rule.args):
            return []
        met, all_no = _counted(rule.args, "met"), f"{_counted(rule.args, 'not_met')} = {len(rule.args)}"
        return [_calculated(f"iif({met} > 0, true, iif({all_no}, false, {{}}))")]

    def _countable(self, names: Sequence[str]) -> bool:
        variables = self.instrument.variables
        return all(name in variables and type_of(variables[name]) in ("boolean", "choice") for name in names)

    def _counting(self, module: Module) -> list[str]:
        ways = [module.gate, module.label, *(ending.when for ending in module.endings)]
        nested = [name for way in ways if way for name in _rules_under(self.instrument, way)]
        counts = [name for name in dict.fromkeys(nested) if self.instrument.rules[name].op == "count"]
        return [name for name in counts if name not in self.placed]

    def _count(self, name: str) -> Json:
        rule = self.instrument.rules[name]
        item = {"linkId": name, "text": rule.text, "type": "integer", "readOnly": True}
        if self._countable(rule.args):
            item["extension"] = [_calculated(_counted(rule.args, "met"))]
        return self._place(item)[0]

    def _result(self, module: Module) -> Json:
        codes = {ending.id: ending.title for ending in module.endings}
        codes |= {name: self.words.label("results.outcomes", name) for name in ("not_met", "unresolved")}
        options = [{"valueCoding": outcome_coding(code, text)} for code, text in codes.items()]
        text = self.words.tree["fhir"]["result"].format(title=module.title)
        link = module.id + RESULT
        return {"linkId": link, "text": text, "type": "choice", "readOnly": True, "answerOption": options}

    def _helper(self, rule: str) -> list[Json]:
        """A read-only item with the outcome of a rule that plain conditions cannot say; once."""
        if rule + HOLDS in self.placed:
            return []
        text = self.instrument.rules[rule].text
        return self._place({"linkId": rule + HOLDS, "text": text, "type": "boolean", "readOnly": True})

    def _place(self, item: Json) -> list[Json]:
        self.placed.add(item["linkId"])
        return [item]

    def _plain(self, name: str, *, certain: bool, negated: bool = False) -> Conditions | None:
        """Conditions for "it holds" (certain) or "it is not ruled out"; None where one level cannot say it."""
        if name in self.instrument.variables:
            says = self._says(name, met=certain != negated, equal=certain)
            return ("any", [says]) if says else None
        rule = self.instrument.rules[name]
        if rule.op == "count" or (rule.op == "none" and any(arg in self.instrument.rules for arg in rule.args)):
            return None
        if rule.op == "alarm":
            return self._alarm(rule.args, certain=certain)
        parts = [self._plain(arg, certain=certain, negated=rule.op == "none") for arg in rule.args]
        if rule.op == "any":
            return _joined("any", parts)
        single = [self._single_alarm(arg) if certain else None for arg in rule.args]
        return _joined("all", [one or part for one, part in zip(single, parts, strict=True)])

    def _says(self, name: str, *, met: bool, equal: bool) -> Json | None:
        """Equal to met (or not met); else: not equal to the opposite."""
        variable = self.instrument.variables[name]
        kind = type_of(variable)
        if name not in self.placed or kind == "quantity":
            return None
        sign = "=" if equal else "!="
        if kind == "boolean":
            return {"question": name, "operator": sign, "answerBoolean": met}
        return {"question": name, "operator": sign, "answerCoding": _code("met" if met else "not_met")}

    def _alarm(self, names: Sequence[str], *, certain: bool) -> Conditions | None:
        if any(name not in self.placed or self.instrument.variables[name].kind != "risk" for name in names):
            return None
        codes: list[Verdict] = [verdict for verdict in ASKED if (verdict != "not_met") == certain]
        sign = "=" if certain else "!="
        pairs = [(name, code) for name in names for code in codes]
        return "any", [{"question": name, "operator": sign, "answerCoding": _code(code)} for name, code in pairs]

    def _single_alarm(self, name: str) -> Conditions | None:
        """An alarm over one variable as something that all conditions can hold together: answered, and not no."""
        rule = self.instrument.rules.get(name)
        if rule is None or rule.op != "alarm" or len(rule.args) > 1 or not self._alarm(rule.args, certain=True):
            return None
        asked = rule.args[0]
        answered = {"question": asked, "operator": "exists", "answerBoolean": True}
        return "all", [answered, {"question": asked, "operator": "!=", "answerCoding": _code("not_met")}]


def _joined(behavior: Literal["any", "all"], parts: Sequence[Conditions | None]) -> Conditions | None:
    found: list[Json] = []
    for part in parts:
        if part is None or (part[0] != behavior and len(part[1]) > 1):
            return None
        found += part[1]
    return behavior, found


def _enabling(conditions: Conditions | None) -> Json:
    if not conditions:
        return {}
    behavior, tests = conditions
    return {"enableWhen": tests, **({"enableBehavior": behavior} if len(tests) > 1 else {})}


def _rules_under(instrument: Instrument, name: str) -> Iterator[str]:
    if name in instrument.rules:
        for arg in instrument.rules[name].args:
            yield from _rules_under(instrument, arg)
        yield name


def type_of(variable: Variable) -> Literal["choice", "quantity", "boolean"]:
    """The type of a variable's item; risk has codes, because a missing answer must not pass for a no."""
    if variable.kind == "risk":
        return "choice"
    return "quantity" if variable.threshold else "boolean"


def _counted(names: Sequence[str], verdict: Literal["met", "not_met"]) -> str:
    """FHIRPath: how many of these items were answered so."""
    links = " or ".join(f"linkId = '{name}'" for name in names)
    told = "true" if verdict == "met" else "false"
    items = f"%resource.descendants().where({links})"
    return f"({items}.answer.where(value = {told}).count() + {items}.answer.where(value.code = '{verdict}').count())"


def _calculated(expression: str) -> Json:
    told = {"language": "text/fhirpath", "expression": expression}
    return {"url": f"{_SDC}/sdc-questionnaire-calculatedExpression", "valueExpression": told}


def _code(verdict: Verdict) -> Json:
    return {"system": f"{URN}:verdict", "code": verdict}


def verdict_coding(verdict: Verdict, words: PageText) -> Json:
    """A verdict as a coding of our own system."""
    return {**_code(verdict), "display": words.label("verdicts", verdict)}


def outcome_coding(code: str, display: str) -> Json:
    """What a module came to: the id of its ending, ``not_met`` or ``unresolved``."""
    return {"system": f"{URN}:result", "code": code, "display": display}


def canonical(instrument: Instrument) -> tuple[str, str]:
    """Address and version of an instrument's Questionnaire; the version holds the hash of its files."""
    return f"{URN}:questionnaire:{instrument.id}", f"{instrument.version}+{instrument.hash}"


def locale(instrument: Instrument) -> str:
    """The language tag of an instrument's texts."""
    return "zh-CN" if instrument.language == "zh" else "en"


def identified(*parts: str) -> str:
    """A resource id: letters, digits, hyphens and points, 64 at most."""
    return re.sub(r"[^A-Za-z0-9.-]", "-", "-".join(parts))[:_LONGEST_ID]


def narrative(paragraphs: Sequence[str]) -> Json:
    """Text that people read whatever their program understands."""
    lines = "".join(f"<p>{escape(text)}</p>" for text in paragraphs if text)
    return {"status": "additional", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{lines}</div>'}
