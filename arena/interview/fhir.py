"""Exports a stored interview as FHIR R4: the questionnaire, its answers, and where each answer comes from.

The project's own record stays the truth. FHIR has no field for evidence, retries or a clinician's second verdict: they
travel as extensions with URNs of our own. Everything is marked as asserted by an AI, or by a clinician from an AI's
report (AI Transparency on FHIR, ballot 1.0.0).
"""

from __future__ import annotations

import importlib
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from agents.counselors.magi.diagnosis import CriterionLine, Trace
from agents.counselors.magi.navigation import next_step
from agents.counselors.magi.state import Mention
from agents.dialogue import Turn
from arena.interview.fhir_form import (
    DUE,
    HL7,
    HOLDS,
    RESULT,
    UCUM,
    UNITS,
    URN,
    canonical,
    identified,
    locale,
    narrative,
    outcome_coding,
    questionnaire,
    type_of,
    verdict_coding,
)
from arena.interview.fhir_lint import enabled, response_faults
from arena.interview.page import PageText, client_of, load_words, made_by, notes_of
from arena.labels import without_folder
from profiles.crisis import disclaimer
from profiles.errors import UserError
from profiles.interview_rules import Outcome, evaluate
from profiles.interviews import Instrument, Threshold, Variable, Verdict
from storage.tables import SessionRow

__all__ = ["bundle", "questionnaire", "response", "validated"]

Json = dict[str, Any]

_OWN = f"{URN}:interview"
_ABSENT = {"unknown": "asked-unknown", "refused": "asked-declined"}
_AI = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "AIAST",
    "display": "Artificial Intelligence asserted",
}
_REVIEWED = {
    "system": "http://hl7.org/fhir/uv/aitransparency/CodeSystem/AddedProvenanceCS",
    "code": "CLINAST_AIRPT",
    "display": "Clinician Asserted from AI Reported",
}
_SIMULATED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_PART = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"


def response(instrument: Instrument, trace: Trace, turns: Sequence[Turn], session: SessionRow) -> Json:
    """The answers of an interview as a QuestionnaireResponse.

    ``completed`` only where the interview came to its own end; one that was stopped by danger, broke off or ran out of
    time is ``stopped``. Where a clinician overrode a verdict, the answer is the clinician's, and the machine's verdict
    stands beside it. What was answered before its question fell away is kept as an extension of the response.

    Args:
        instrument: the one that the interview was held with.
        trace: of this interview, with overrides where there are any.
        turns: all turns with their notes.
        session: the row of the session.
    """
    filled: Json = _clean(_Export(instrument, trace, turns, session).response())
    return filled


def bundle(instrument: Instrument, trace: Trace, turns: Sequence[Turn], session: SessionRow) -> Json:
    """A collection that holds the Questionnaire, the QuestionnaireResponse and a Provenance an answer; plain JSON."""
    export = _Export(instrument, trace, turns, session)
    resources = [questionnaire(instrument), export.response(), *export.provenances()]
    whole: Json = {
        "resourceType": "Bundle",
        "id": identified("bundle", session.id),
        "meta": export.meta(),
        "type": "collection",
        "timestamp": export.time,
        "entry": [{"fullUrl": export.url(each["id"]), "resource": each} for each in resources],
    }
    cleaned: Json = _clean(whole)
    return cleaned


def validated(exported: Json) -> None:
    """Read a bundle with ``fhir.resources`` (R4B, the nearest to R4 that it has).

    Raises:
        UserError: the package is not installed, or the bundle is not valid; the first fault is named.
    """
    try:
        model = importlib.import_module("fhir.resources.R4B.bundle").Bundle
    except ImportError:
        raise UserError("install counsel-arena[fhir] to have FHIR checked, or export without the check") from None
    try:
        model.model_validate(exported)
    except ValueError as error:
        first = error.errors()[0] if hasattr(error, "errors") else {"loc": ("?",), "msg": str(error)}
        place = ".".join(map(str, first["loc"]))
        raise UserError(f"FHIR: {place}: {first['msg']}; mend the instrument's text there") from error


@dataclass
class _Export:
    """One interview on its way out."""

    instrument: Instrument
    trace: Trace
    turns: Sequence[Turn]
    session: SessionRow

    @cached_property
    def words(self) -> PageText:
        return load_words(self.instrument.language)

    def says(self, sentence: str, **values: object) -> str:
        """A sentence of the export in the interview's language."""
        return self.words.label("fhir", sentence).format(**values)

    @cached_property
    def time(self) -> str:
        return _instant(self.session.created_at)

    @cached_property
    def lines(self) -> Mapping[str, CriterionLine]:
        return {line.node: line for line in self.trace.criteria}

    @cached_property
    def known(self) -> dict[str, Verdict]:
        """The verdicts that hold: a clinician's where there is one."""
        return {name: _verdict(line) for name, line in self.lines.items()}

    def url(self, resource: str) -> str:
        """The same for the same session and resource, always."""
        return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{URN}:{self.session.id}:{resource}')}"

    def meta(self) -> Json:
        """Who asserts it, and that nobody real was interviewed."""
        return {"security": [_REVIEWED if self.trace.reviewed else _AI], "tag": [_SIMULATED]}

    def response(self) -> Json:
        form = questionnaire(self.instrument)
        answers = {name: answer for name in _links(form["item"]) if (answer := self._answer(name))}
        open_ones = enabled(form, {name: [answer] for name, answer in answers.items()})
        aside = [self.lines[name] for name in answers if name in self.lines and name not in open_ones]
        url, version = canonical(self.instrument)
        filled: Json = {
            "resourceType": "QuestionnaireResponse",
            "id": self._id,
            "meta": self.meta(),
            "language": locale(self.instrument),
            "text": narrative(self._told()),
            "extension": [self._set_aside(line) for line in aside if not line.derived],
            "identifier": {"system": f"{URN}:session", "value": self.session.id},
            "questionnaire": f"{url}|{version}",
            "status": "completed",
            "subject": {"type": "Patient", "display": self.says("client", name=client_of(self.session))},
            "authored": self.time,
            "author": {"type": "Device", "display": self._device()},
            "item": _filled(form["item"], {name: answers[name] for name in answers if name in open_ones}),
        }
        if not self._came_to_its_end() or response_faults(form, filled):
            filled["status"] = "stopped"
        return {key: value for key, value in filled.items() if value != []}

    @property
    def _id(self) -> str:
        return identified("interview", self.session.id)

    def _told(self) -> list[str]:
        offline = self.says("offline") if made_by(self.turns, self.session) == "offline" else ""
        return [self.says("screening"), disclaimer(self.instrument.language), offline]

    def _device(self, model: str = "") -> str:
        model = without_folder(model) or made_by(self.turns, self.session)
        named = self.says("rules") if model == "offline" else model
        return self.says("device", model=named) if named else self.says("device_unnamed")

    def _came_to_its_end(self) -> bool:
        notes = [note for _, note in notes_of(self.turns)]
        if self.session.status != "finished" or not notes or notes[-1].get("crisis", "none") not in ("none", "resumed"):
            return False
        summed_up = any(note.get("act", {}).get("kind") == "summary" for note in notes)
        asked: dict[str, Verdict] = {line.node: line.verdict for line in self.trace.criteria}
        return summed_up and next_step(self.instrument, asked).variable is None

    def _answer(self, name: str) -> Json | None:
        """The answer to an item: of a variable, of a counting rule, or of one of our read-only items."""
        if name in self.lines:
            return self._variable(self.lines[name])
        value: Json | None = None
        if name in self.instrument.rules:
            value = self._count(name)
        elif name.endswith(RESULT):
            value = self._result(name.removesuffix(RESULT))
        elif name.endswith(DUE) and name.removesuffix(DUE) in self.lines:
            value = {"valueBoolean": True}
        elif name.endswith(HOLDS):
            outcome = evaluate(self.instrument, name.removesuffix(HOLDS), self.known)
            value = None if outcome is Outcome.UNRESOLVED else {"valueBoolean": outcome is Outcome.MET}
        return {"id": f"answer-{name}", **value} if value else None

    def _variable(self, line: CriterionLine) -> Json:
        variable = self.instrument.variables[line.node]
        value = self._value(variable, line)
        absent = [] if value else [{"url": f"{HL7}/data-absent-reason", "valueCode": _ABSENT[_verdict(line)]}]
        return {"id": f"answer-{line.node}", "extension": [*absent, *_extensions(line)], **value}

    def _value(self, variable: Variable, line: CriterionLine) -> Json:
        verdict, kind = _verdict(line), type_of(variable)
        if kind == "choice":
            return {"valueCoding": verdict_coding(verdict, self.words)}
        if verdict in _ABSENT:
            return {}
        if kind == "boolean" or variable.threshold is None:
            return {"valueBoolean": verdict == "met"}
        told = {} if line.override else line.slots
        return {"valueQuantity": _quantity(told, variable.threshold, verdict, self.words)}

    def _count(self, name: str) -> Json | None:
        modules = self.trace.reviewed or self.trace.modules
        counts = next((module.counts[name] for module in modules if name in module.counts), None)
        if counts is None:
            return None
        return {"extension": [{"url": f"{_OWN}:open", "valueInteger": counts[1]}], "valueInteger": counts[0]}

    def _result(self, module: str) -> Json | None:
        line = next((m for m in self.trace.reviewed or self.trace.modules if m.module == module), None)
        return {"valueCoding": outcome_coding(line.ending or line.result.value, line.label)} if line else None

    def _set_aside(self, line: CriterionLine) -> Json:
        inner = [{"url": "linkId", "valueString": line.node}, *_extensions(line)]
        return {"url": f"{_OWN}:set-aside", "extension": inner}

    def provenances(self) -> Iterator[Json]:
        """Where each answer of the response comes from."""
        read = [note["judgment"] for _, note in notes_of(self.turns) if "judgment" in note]
        calls = {judgment["variable"]: judgment.get("call") or {} for judgment in read}
        by_rules = []
        for name, answer in _answers(self.response().get("item", ())):
            line = self.lines.get(name)
            if line is None or (line.derived and line.override is None):
                by_rules.append(answer["id"])
            else:
                yield self._provenance(line, calls.get(name, {}))
        if by_rules:
            agent = self._agent("assembler", self.says("device", model=self.says("rules")))
            yield {**self._proof("rules", by_rules), "agent": [agent]}

    def _provenance(self, line: CriterionLine, call: Mapping[str, Any]) -> Json:
        agents = [] if line.derived else [self._agent("author", self._device(str(call.get("model", ""))))]
        proof = self._proof(line.node, [f"answer-{line.node}"])
        if line.override:
            proof["recorded"] = _read_instant(line.override.at) or self.time
            proof["reason"] = [{"text": line.override.reason or self.says("no_reason")}]
            agents.append(self._agent("verifier", line.override.by or self.says("clinician"), "Practitioner"))
        places = dict.fromkeys(place for place in (line.asked_turn, line.reply_turn) if place is not None)
        entities = [self._entity(turn) for place in places for turn in self.turns if turn.index == place]
        if call.get("prompt_hash"):
            system, prompt = f"{URN}:prompt", str(call["prompt_hash"])
            entities.append({"role": "source", "what": {"identifier": {"system": system, "value": prompt}}})
        return {**proof, "agent": agents, **({"entity": entities} if entities else {})}

    def _proof(self, name: str, elements: Sequence[str]) -> Json:
        about = self.url(self._id)
        targets = [
            {"reference": about, "extension": [{"url": f"{HL7}/targetElement", "valueUri": element}]}
            for element in elements
        ]
        identity = {"resourceType": "Provenance", "id": identified("provenance", name), "meta": self.meta()}
        return {**identity, "target": targets, "recorded": self.time}

    def _agent(self, part: str, who: str, kind: str = "Device") -> Json:
        return {"type": {"coding": [{"system": _PART, "code": part}]}, "who": {"type": kind, "display": who}}

    def _entity(self, turn: Turn) -> Json:
        place = {"system": f"{URN}:turn", "value": f"{self.session.id}#{turn.index}"}
        told = self.says("turn", n=turn.index, text=turn.text)
        return {"role": "source", "what": {"identifier": place, "display": told}}


def _verdict(line: CriterionLine) -> Verdict:
    return line.override.verdict if line.override else line.verdict


def _quantity(told: Mapping[str, float | str], threshold: Threshold, verdict: Verdict, words: PageText) -> Json:
    """The span that was named; where none was, what the verdict says of the threshold."""
    amount, unit = told.get("amount"), str(told.get("unit", ""))
    if isinstance(amount, int | float) and unit in UNITS:
        return _measure(amount, unit, words)
    sign = ">=" if verdict == "met" else "<"
    return {"comparator": sign, **_measure(threshold.at_least, threshold.unit, words)}


def _measure(amount: float, unit: str, words: PageText) -> Json:
    whole = int(amount) if float(amount).is_integer() else float(amount)
    return {"value": whole, "unit": words.label("units", unit), "system": UCUM, "code": UNITS[unit]}


def _extensions(line: CriterionLine) -> list[Json]:
    """What FHIR has no field for, in the order of a trace."""
    found: list[Json] = [{"url": f"{_OWN}:verdict", "valueCode": _verdict(line)}]
    if line.override:
        found.append({"url": f"{_OWN}:machine-verdict", "valueCode": line.verdict})
        found.append({"url": f"{_OWN}:override-reason", "valueString": line.override.reason or "-"})
    if line.quote:
        found.append(_evidence("evidence", line.quote, line.reply_turn, line.span))
    found += [_counter(mention) for mention in line.counter_evidence]
    if line.asks:
        found.append({"url": f"{_OWN}:asks", "valueInteger": line.asks})
    if line.derived:
        found.append({"url": f"{_OWN}:derived", "valueBoolean": True})
    found += [{"url": f"{_OWN}:fault", "valueString": fault} for fault in line.faults]
    return found


def _counter(mention: Mention) -> Json:
    return _evidence("counter-evidence", mention.quote, mention.turn, mention.span)


def _evidence(name: str, quote: str, turn: int | None, span: tuple[int, int] | None) -> Json:
    inner: list[Json] = [{"url": "quote", "valueString": quote}]
    if turn is not None:
        inner.append({"url": "turn", "valueInteger": turn})
    if span:
        inner += [{"url": "start", "valueInteger": span[0]}, {"url": "end", "valueInteger": span[1]}]
    return {"url": f"{_OWN}:{name}", "extension": inner}


def _clean(node: Any) -> Any:  # noqa: ANN401  (any JSON value)
    """Without the control characters that FHIR forbids; each is replaced, so that spans stay true."""
    if isinstance(node, str):
        return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", node)
    if isinstance(node, dict):
        return {key: _clean(value) for key, value in node.items()}
    return [_clean(value) for value in node] if isinstance(node, list) else node


def _links(items: Sequence[Json]) -> Iterator[str]:
    for item in items:
        yield item["linkId"]
        yield from _links(item.get("item", ()))


def _filled(items: Sequence[Json], answers: Mapping[str, Json]) -> list[Json]:
    found = []
    for item in items:
        inside = _filled(item.get("item", ()), answers)
        answer = answers.get(item["linkId"])
        if inside or answer:
            whole = {"linkId": item["linkId"], "text": item.get("text"), "answer": [answer] if answer else None}
            found.append({key: value for key, value in {**whole, "item": inside or None}.items() if value})
    return found


def _answers(items: Sequence[Json]) -> Iterator[tuple[str, Json]]:
    for item in items:
        yield from ((item["linkId"], answer) for answer in item.get("answer", ()))
        yield from _answers(item.get("item", ()))


def _instant(when: datetime) -> str:
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return aware.isoformat(timespec="seconds").replace("+00:00", "Z")


def _read_instant(text: str) -> str | None:
    try:
        return _instant(datetime.fromisoformat(text))
    except ValueError:
        return None
