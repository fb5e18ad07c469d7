"""Interview trees as versioned data: what must be known, how it is asked, and which rules decide.

An instrument is a folder of YAML files that a clinician can edit: ``interview.yaml`` names the modules in order, and
``<module>.yaml`` holds the variables and rules of one. What must be known (a variable) stands apart from how it is
asked. There are no hand-drawn edges: a module is left as soon as its label can no longer hold, so the skips follow
from the rules and cannot contradict them.

Counts and thresholds are facts and carry their source; every sentence is ours. Structure after MAGI (arXiv 2504.18260):
a branching interview with module gates; three-valued rules and shared exclusions as in ``docs/interview.md``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from profiles.errors import UserError
from profiles.localize import localize
from profiles.located import Located, read_yaml, validate
from profiles.schema import Record
from profiles.vocabulary import LANGUAGES, Language

__all__ = [
    "ASKED",
    "Ending",
    "Instrument",
    "Kind",
    "Module",
    "Rule",
    "Threshold",
    "Variable",
    "Verdict",
    "load_instrument",
]

Verdict = Literal["met", "not_met", "unknown", "refused"]
"""What is known of a variable. One that nobody has asked about has no verdict."""

ASKED: tuple[Verdict, ...] = ("met", "not_met", "unknown", "refused")
Kind = Literal["screen", "symptom", "duration", "impairment", "exclusion", "risk", "specifier"]
Unit = Literal["days", "weeks", "months"]
Operator = Literal["all", "any", "none", "count", "alarm"]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z]+\.[a-z_]+$")]


class Threshold(Record):
    """A span of time that decides a variable: met from ``at_least`` of its unit on."""

    unit: Unit
    at_least: float = Field(gt=0)


class Variable(Record):
    """One thing that must be known.

    criterion: the short name that traces print, such as ``DEP-1``. timeframe: what the question must be about.
    topic: a few words that can stand in "about ...". intent: what has to be learned, for the model that asks.
    ask, clarify, confirm: our own wordings; the first time, when an answer was unclear, and when the client spoke of
    it already. explain: what is meant, for a client who asks. statement: the answer yes as a sentence about the client.
    threshold: for durations. when: a rule that must not be ruled out for this to be asked (an alarm must have rung).
    known_from: a rule whose outcome is this variable's verdict, so that it is not asked twice.
    echoes: a variable whose quote is handed back when this one is asked.
    base_rate: share (0-1) of adults who come for help to whom this applies; for the adaptive order only.
    """

    id: Name
    criterion: Text
    kind: Kind
    timeframe: Text
    topic: Text
    intent: Text
    ask: tuple[Text, ...] = Field(min_length=1)
    clarify: tuple[Text, ...] = Field(min_length=1)
    confirm: tuple[Text, ...] = Field(min_length=1)
    explain: Text
    statement: Text
    threshold: Threshold | None = None
    when: Name | None = None
    known_from: Name | None = None
    echoes: Name | None = None
    base_rate: float = Field(gt=0, lt=1)
    source: Text
    licence: Text
    provenance: Text


class Rule(Record):
    """A three-valued rule over variables and earlier rules (``profiles.interview_rules`` evaluates it).

    all, any, none: as in logic. count: at least ``at_least`` of ``args``.
    alarm: any of ``args`` is met, unknown or refused: not knowing counts as danger.
    """

    id: Name
    op: Operator
    args: tuple[Name, ...] = Field(min_length=1)
    at_least: int | None = None
    text: Text
    source: Text


class Ending(Record):
    """What a module may come to: the first ending whose rule is met is printed."""

    id: Name
    when: Name
    title: Text


class Module(Record):
    """A part of the interview with one question to settle.

    gate: a rule over its screens; ruled out, the module is left. label: the rule that its main ending stands for;
    ruled out, the module is left too. Both are None where everything is asked whatever the answers (suicidality).
    variables: in tree order, shared ones included. endings: gravest first.
    """

    id: str = Field(pattern=r"^[a-z]+$")
    title: Text
    gate: Name | None = None
    label: Name | None = None
    variables: tuple[Name, ...] = Field(min_length=1)
    endings: tuple[Ending, ...] = Field(min_length=1)
    source: Text


class Instrument(Record):
    """An interview in one language.

    risk_gate_round: the round by which the modules named in ``risk_modules`` are asked at the latest.
    clarifications: how often an unclear answer is asked about again before it stays unknown; of risk: ``risk_...``.
    hash: first 12 hex digits of SHA-256 over its files, the same for both languages.
    """

    id: str
    version: Text
    licence: Text
    title: Text
    language: Language
    risk_gate_round: int = Field(ge=1)
    risk_modules: tuple[str, ...]
    clarifications: int = Field(ge=0)
    risk_clarifications: int = Field(ge=0)
    modules: tuple[Module, ...]
    variables: dict[str, Variable]
    rules: dict[str, Rule]
    hash: str

    @cached_property
    def by_module(self) -> Mapping[str, Module]:
        """The modules by id."""
        return {module.id: module for module in self.modules}

    def module_of(self, variable: str) -> Module:
        """The first module that asks for a variable."""
        return next(module for module in self.modules if variable in module.variables)

    @cached_property
    def risk_variables(self) -> tuple[str, ...]:
        """The variables of kind ``risk``, in tree order."""
        ordered = (name for module in self.modules for name in module.variables)
        return tuple(dict.fromkeys(name for name in ordered if self.variables[name].kind == "risk"))


_TOP = "interview.yaml"
_PARTS = ("variables", "rules")


def load_instrument(language: Language, folder: Path | None = None) -> Instrument:
    """The shipped instrument, or a person's own.

    Args:
        language: the language of the texts.
        folder: holds ``interview.yaml`` and one file a module, as ``profiles/data/interviews`` does.

    Raises:
        UserError: a file is missing or malformed, names something that does not exist, or differs between languages.
    """
    if folder is not None:
        return _read(folder, f"{folder}/", language)
    return _shipped(language)


@lru_cache(maxsize=2)
def _shipped(language: Language) -> Instrument:
    return _read(Path(str(files("profiles") / "data" / "interviews")), "profiles/data/interviews/", language)


def _read(folder: Path, shown: str, language: Language) -> Instrument:
    top = read_yaml(folder / _TOP, f"{shown}{_TOP}")
    if not isinstance(top.value, dict) or not isinstance(top.value.get("modules"), list):
        raise top.fault(("modules",), "list the modules of the interview, such as [sui, dep]")
    names = [str(name) for name in [*(top.value.get("shared") or []), *top.value["modules"]]]
    parts = [read_yaml(folder / f"{name}.yaml", f"{shown}{name}.yaml") for name in names]
    paths = [folder / _TOP, *(folder / f"{name}.yaml" for name in names)]
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()[:12]
    sides = {side: _one_language(top, parts, side, digest) for side in LANGUAGES}
    if len({_skeleton(side) for side in sides.values()}) > 1:
        raise top.fault((), "ids, rules or thresholds differ between the languages; make them alike")
    return sides[language]


def _one_language(top: Located, parts: list[Located], language: Language, digest: str) -> Instrument:
    variables: dict[str, Any] = {}
    rules: dict[str, Any] = {}
    modules: list[Any] = []
    for part in parts:
        plain = _plain(part, language)
        for place, item in _items(plain, part, "variables"):
            _add(variables, validate(Variable, item, part.part(*place)), part, place)
        for place, item in _items(plain, part, "rules"):
            _add(rules, validate(Rule, item, part.part(*place)), part, place)
        if "module" in plain:
            modules.append(validate(Module, plain["module"], part.part("module")))
    head = {key: value for key, value in _plain(top, language).items() if key not in ("shared", "modules")}
    whole = {**head, "language": language, "hash": digest}
    return validate(Instrument, {**whole, "modules": modules, "variables": variables, "rules": rules}, top)


def _plain(part: Located, language: Language) -> dict[str, Any]:
    try:
        plain = localize(part.value, language)
    except UserError as error:
        raise UserError(f"{part.source}: {error}") from None
    if not isinstance(plain, dict):
        raise part.fault((), "the file must hold fields such as 'module', 'variables' and 'rules'")
    return plain


def _items(plain: dict[str, Any], part: Located, name: str) -> Iterator[tuple[tuple[str, int], Any]]:
    found = plain.get(name, [])
    if not isinstance(found, list):
        raise part.fault((name,), "must be a list")
    yield from (((name, number), item) for number, item in enumerate(found))


def _add(known: dict[str, Any], item: Variable | Rule, part: Located, place: tuple[str, int]) -> None:
    if item.id in known:
        raise part.fault((*place, "id"), f"id '{item.id}' stands twice; give each its own")
    known[item.id] = item


def _skeleton(instrument: Instrument) -> tuple[object, ...]:
    """What must not depend on the language."""
    variables = tuple((v.id, v.kind, v.threshold, v.when, v.known_from) for v in instrument.variables.values())
    rules = tuple((rule.id, rule.op, rule.args, rule.at_least) for rule in instrument.rules.values())
    modules = tuple((m.id, m.gate, m.label, m.variables, tuple(e.when for e in m.endings)) for m in instrument.modules)
    return variables, rules, modules
