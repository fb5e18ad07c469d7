"""Finds the faults of an interview tree before a client meets them.

Every check has a code. What rules can come to is not guessed from samples: the records that an interview could
leave are gone through, each only as far as the rules leave it open.

L01 the files do not load. L02 a name stands for nothing. L03 rules rest on themselves. L04 a variable is never asked
about. L05 a rule always comes to the same. L06 an ending is never printed, or never decided. L07 a text is missing in a
language. L08 an impossible count, or an argument twice. L09 a tree or an unclear answer could hide risk. L10 a label
lacks what labels need. L11 no licence, source or origin, or a name that is not ours. L12 one count over different
spans of time. L13 how a question is worded.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from profiles.errors import UserError
from profiles.interview_rules import Outcome, Verdicts, ending_of, evaluate, within
from profiles.interviews import Instrument, Module, Verdict, load_instrument
from profiles.localize import script_of
from profiles.located import Place, read_yaml, validate
from profiles.schema import Record
from profiles.vocabulary import LANGUAGES, Language

__all__ = ["Fault", "lint"]

_FOLDER = Path(str(files("profiles") / "data" / "interviews"))
_SHOWN = "profiles/data/interviews/"
_QUESTIONS = ("ask", "clarify", "confirm")
_SPOKEN = ("topic", "intent", *_QUESTIONS, "explain", "statement")
_DEPRESSIVE, _MANIA, _LASTING = "dep", "mania", ("gad", "sad")
_CLEAR: tuple[Verdict, ...] = ("met", "not_met")
_Test = Callable[[Verdicts], bool | None]
_UNLOADED = {
    "L07": re.compile(r"no '\w\w' text"),
    "L11": re.compile(r"(?:^|\.)(?:source|licence|provenance): "),
}


class Fault(Record):
    """One thing to mend. code: L01-L13. where: file, line and id. message: what is wrong, and the remedy."""

    code: str
    where: str
    message: str
    level: Literal["error", "warning"] = "error"


class _Name(Record):
    name: str
    case: bool = False

    def stands_in(self, text: str) -> bool:
        whole = rf"(?<![A-Za-z0-9]){re.escape(self.name)}(?![A-Za-z0-9])"
        return re.search(whole, text, re.NOFLAG if self.case else re.IGNORECASE) is not None


class _Denied(Record):
    licensed: tuple[_Name, ...]
    named: tuple[_Name, ...]
    identifiers: tuple[str, ...]


@lru_cache(maxsize=1)
def _denied() -> _Denied:
    located = read_yaml(_FOLDER / "deny.yaml", f"{_SHOWN}deny.yaml")
    return validate(_Denied, located.value, located)


@dataclass(frozen=True)
class _Tree:
    """An instrument in both languages, and the file and line of each id in it."""

    sides: Mapping[Language, Instrument]
    places: Mapping[str, str]

    @cached_property
    def plain(self) -> Instrument:
        """The side that is looked at where the language is of no matter."""
        return self.sides[LANGUAGES[0]]

    def fault(self, code: str, name: str, message: str, level: Literal["error", "warning"] = "error") -> Fault:
        return Fault(code=code, where=f"{self.places.get(name, '')} ({name})".strip(), message=message, level=level)


def lint(instrument_folder: Path | None = None) -> tuple[Fault, ...]:
    """All faults of the instrument in a folder, or of the shipped one; empty where there are none.

    Files that do not load are one fault. Where names stand for nothing or rules go in circles, nothing more is asked of
    the rules.
    """
    try:
        sides = {language: load_instrument(language, instrument_folder) for language in LANGUAGES}
        places = _places(instrument_folder or _FOLDER, f"{instrument_folder}/" if instrument_folder else _SHOWN)
    except UserError as error:
        where, _, message = str(error).partition(": ")
        code = next((code for code, sign in _UNLOADED.items() if sign.search(message)), "L01")
        return (Fault(code=code, where=where, message=message),)
    tree = _Tree(sides, places)
    broken = tuple(fault for check in (_doubled, _dangling, _circles) for fault in check(tree))
    return (*broken, *(fault for check in (_WORDING if broken else _WORDING + _LOGIC) for fault in check(tree)))


def _places(folder: Path, shown: str) -> dict[str, str]:
    """File and line of every module, ending, variable and rule."""
    top = read_yaml(folder / "interview.yaml", f"{shown}interview.yaml")
    places = {str(top.value["id"]): f"{top.source}, line {top.line(('id',))}"}
    for name in (*top.value.get("shared", ()), *top.value["modules"]):
        part = read_yaml(folder / f"{name}.yaml", f"{shown}{name}.yaml")
        places |= {str(found): f"{part.source}, line {part.line(place)}" for found, place in _ids(part.value, ())}
    return places


def _ids(value: Any, place: Place) -> Iterator[tuple[object, Place]]:  # noqa: ANN401
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if key == "id":
            yield item, place
        yield from _ids(item, (*place, key))


# Names


def _doubled(tree: _Tree) -> Iterator[Fault]:
    """What the loader lets pass: the ids of modules and endings, and a variable that a module lists twice."""
    modules = tree.plain.modules
    ids = [name for module in modules for name in (module.id, *(ending.id for ending in module.endings))]
    yield from (tree.fault("L01", name, "this id stands twice; give each its own") for name in _twice(ids))
    listed = [(module.id, name) for module in modules for name in _twice(module.variables)]
    yield from (tree.fault("L01", module, f"lists {name} twice under 'variables'; keep one") for module, name in listed)


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]


def _dangling(tree: _Tree) -> Iterator[Fault]:
    for name, wanted, known in _references(tree.plain):
        if wanted not in known:
            near = difflib.get_close_matches(wanted, known, n=1, cutoff=0)
            yield tree.fault("L02", name, f"'{wanted}' stands for nothing here; did you mean {', '.join(near)}?")


def _references(plain: Instrument) -> Iterator[tuple[str, str, Mapping[str, object]]]:
    """Who names what, and among what it should be found."""
    either = {**plain.variables, **plain.rules}
    for rule in plain.rules.values():
        yield from ((rule.id, arg, plain.variables if rule.op == "alarm" else either) for arg in rule.args)
    for variable in plain.variables.values():
        yield from ((variable.id, name, plain.rules) for name in (variable.when, variable.known_from) if name)
        yield from ((variable.id, name, plain.variables) for name in (variable.echoes,) if name)
    for module in plain.modules:
        decided = (module.gate, module.label, *(ending.when for ending in module.endings))
        yield from ((module.id, name, plain.rules) for name in decided if name)
        yield from ((module.id, name, plain.variables) for name in module.variables)
    yield from ((plain.id, name, plain.by_module) for name in plain.risk_modules)


def _circles(tree: _Tree) -> Iterator[Fault]:
    plain = tree.plain
    rests: dict[str, tuple[str, ...]] = {rule.id: rule.args for rule in plain.rules.values()}
    for variable in plain.variables.values():
        rests[variable.id] = tuple(name for name in (variable.when, variable.known_from) if name)
    for name in rests:
        below, ahead = set[str](), list(rests[name])
        while ahead:
            each = ahead.pop()
            if each not in below:
                below.add(each)
                ahead.extend(rests.get(each, ()))
        if name in below:
            yield tree.fault("L03", name, "rests on itself by way of its rules; break the circle")


# What rules can come to


def _comes_about(plain: Instrument, names: Iterable[str], test: _Test, at_end: bool = False) -> bool:
    """Whether clear answers to these variables can pass a test; every record is tried that still may.

    test: says None where it cannot tell yet. at_end: what counts where it cannot tell with everything answered.
    """
    order = _order(plain, names)
    asked = {name for module in plain.modules for name in module.variables}

    def search(known: dict[str, Verdict], place: int) -> bool:
        passed = test(known)
        if passed is not None or place == len(order):
            return at_end if passed is None else passed
        name = order[place]
        when = plain.variables[name].when
        if name not in asked or (when and evaluate(plain, when, known) is Outcome.NOT_MET):
            return search(known, place + 1)
        return any(search({**known, name: answer}, place + 1) for answer in _CLEAR)

    return search({}, 0)


def _order(plain: Instrument, names: Iterable[str]) -> tuple[str, ...]:
    """The variables, each after those that decide whether it is asked."""
    found: dict[str, None] = {}
    for name in names:
        when = plain.variables[name].when
        found |= dict.fromkeys((*(_order(plain, within(plain, when)) if when else ()), name))
    return tuple(found)


def _can_be(plain: Instrument, name: str, wanted: Outcome, before: tuple[str, ...] = ()) -> bool:
    """Whether a rule can come to an outcome while those before it are ruled out."""

    def test(known: Verdicts) -> bool | None:
        found = [evaluate(plain, each, known) for each in (*before, name)]
        hopes = [*([Outcome.NOT_MET] * len(before)), wanted]
        if any(each not in (hope, Outcome.UNRESOLVED) for each, hope in zip(found, hopes, strict=True)):
            return False
        return True if found == hopes else None

    return _comes_about(plain, (each for rule in (*before, name) for each in within(plain, rule)), test)


def _unreachable(tree: _Tree) -> Iterator[Fault]:
    plain = tree.plain
    listed = {name for module in plain.modules for name in module.variables}
    for name, variable in plain.variables.items():
        if name not in listed:
            yield tree.fault("L04", name, "no module lists it, so it is never asked; list it under 'variables'")
        elif variable.when and not _can_be(plain, variable.when, Outcome.MET):
            yield tree.fault("L04", name, f"its 'when' ({variable.when}) can never be met; mend the rule")
    for module in plain.modules:
        if module.gate and not _can_be(plain, module.gate, Outcome.MET):
            for name in (name for name in module.variables if name not in within(plain, module.gate or "")):
                yield tree.fault("L04", name, f"behind {module.gate}, which can never be met; mend the gate")


def _constant(tree: _Tree) -> Iterator[Fault]:
    for name in tree.plain.rules:
        for wanted, words in ((Outcome.MET, "be met"), (Outcome.NOT_MET, "be ruled out")):
            if not _can_be(tree.plain, name, wanted):
                yield tree.fault("L05", name, f"can never {words}, whatever is answered; mend its 'op' or 'args'")


def _endings(tree: _Tree) -> Iterator[Fault]:
    plain = tree.plain
    for module in plain.modules:
        rules = tuple(ending.when for ending in module.endings)
        for place, ending in enumerate(module.endings):
            if not _can_be(plain, ending.when, Outcome.MET, rules[:place]):
                yield tree.fault("L06", ending.id, "is never printed; mend its rule, or put it before a wider one")
        if _comes_about(plain, module.variables, partial(_undecided, plain, module), at_end=True):
            others = {name for rule in rules for name in within(plain, rule)} - set(module.variables)
            rest = f"add to its 'variables': {', '.join(sorted(others))}" if others else "mend the rules of its endings"
            yield tree.fault("L06", module.id, f"can stay undecided with all of it answered; {rest}")
        for name in filter(None, (module.gate, module.label)):
            if _comes_about(plain, module.variables, partial(_left_open, plain, module, name)):
                yield tree.fault("L06", module.id, f"endings stay open where {name} ends it; let them rest on {name}")


def _undecided(plain: Instrument, module: Module, known: Verdicts) -> bool | None:
    return None if ending_of(plain, module, known)[0] is Outcome.UNRESOLVED else False


def _left_open(plain: Instrument, module: Module, name: str, known: Verdicts) -> bool | None:
    """A module is left where its gate or label is ruled out, and must then have come to nothing."""
    left = evaluate(plain, name, known)
    if left is Outcome.UNRESOLVED:
        return None
    return left is Outcome.NOT_MET and ending_of(plain, module, known)[0] is not Outcome.NOT_MET


def _counts(tree: _Tree) -> Iterator[Fault]:
    for rule in tree.plain.rules.values():
        fits = rule.at_least is not None and 1 <= rule.at_least <= len(rule.args)
        if (rule.op == "count") != fits:
            yield tree.fault("L08", rule.id, f"'at_least' is 1 to {len(rule.args)} in a count, absent elsewhere")
        for arg in _twice(rule.args):
            yield tree.fault("L08", rule.id, f"{arg} stands twice in 'args'; keep one")


def _risk(tree: _Tree) -> Iterator[Fault]:
    plain = tree.plain
    named = [plain.by_module[name] for name in plain.risk_modules]
    if not named:
        yield tree.fault("L09", plain.id, "'risk_modules' is empty; name the module that asks about suicide")
    for module in named:
        if module.gate or module.label:
            yield tree.fault("L09", module.id, "must be asked whatever is answered; take out 'gate' and 'label'")
    alarms = {arg for rule in plain.rules.values() if rule.op == "alarm" for arg in rule.args}
    for name in plain.risk_variables:
        homes = [module for module in named if name in module.variables]
        when = plain.variables[name].when
        if not homes or (when and not set(within(plain, when)) <= set(homes[0].variables)):
            yield tree.fault("L09", name, "reached only through another module; let a risk module ask it by itself")
        elif name not in alarms or (not when and not _rings(plain, homes[0], name)):
            yield tree.fault("L09", name, "an unclear answer brings no ending; put it into an 'alarm' that has one")


def _rings(plain: Instrument, module: Module, name: str) -> bool:
    known: dict[str, Verdict] = {other: "not_met" for other in module.variables if not plain.variables[other].when}
    known[name] = "unknown"
    return any(evaluate(plain, ending.when, known) is Outcome.MET for ending in module.endings)


def _needs(tree: _Tree) -> Iterator[Fault]:
    plain = tree.plain
    for module in (module for module in plain.modules if module.label):
        kinds = {plain.variables[name].kind for name in within(plain, str(module.label))}
        wanted = ("impairment", "exclusion", *(["duration"] if module.id.startswith(_LASTING) else []))
        yield from (
            tree.fault("L10", module.id, f"its label asks for no {kind}; add one")
            for kind in wanted
            if kind not in kinds
        )
    for module in (module for module in plain.modules if module.id.startswith(_DEPRESSIVE)):
        rests = {name for ending in module.endings for name in within(plain, ending.when)}
        if not any(_MANIA in name for name in rests):
            yield tree.fault("L10", module.id, f"no ending rests on a '{_MANIA}' variable; let one")
    for variable in plain.variables.values():
        if (variable.kind == "duration") != (variable.threshold is not None):
            yield tree.fault("L10", variable.id, "a 'threshold' belongs to a duration, and to nothing else")


def _timeframes(tree: _Tree) -> Iterator[Fault]:
    for side in tree.sides.values():
        for rule in (rule for rule in side.rules.values() if rule.op == "count"):
            spans = dict.fromkeys(side.variables[name].timeframe for name in within(side, rule.id))
            if len(spans) > 1:
                yield tree.fault("L12", rule.id, f"counts over several spans of time: {'; '.join(spans)}; keep one")


# What is said


def _texts(side: Instrument) -> Iterator[tuple[str, str, str]]:
    """Owner, field and text of all that a person reads."""
    for variable in side.variables.values():
        for name in _SPOKEN:
            value = getattr(variable, name)
            yield from ((variable.id, name, text) for text in ((value,) if isinstance(value, str) else value))
    yield from ((rule.id, "text", rule.text) for rule in side.rules.values())
    yield side.id, "title", side.title
    for module in side.modules:
        yield module.id, "title", module.title
        yield from ((ending.id, "title", ending.title) for ending in module.endings)


def _languages(tree: _Tree) -> Iterator[Fault]:
    for language, side in tree.sides.items():
        for name, what, text in _texts(side):
            if any(each.isalpha() for each in text) and script_of(text) != language:
                yield tree.fault("L07", name, f"'{what}' is not in '{language}': {text}; write it in that language")


def _questions(tree: _Tree) -> Iterator[Fault]:
    for side in tree.sides.values():
        before: dict[str, str] = {}
        for name, what, text in _texts(side):
            if what in _QUESTIONS:
                yield from _question(tree, name, what, text)
            bare = "".join(each for each in text.casefold() if each.isalnum())
            if what in (*_QUESTIONS, "explain", "statement"):
                if bare in before:
                    yield tree.fault("L13", name, f"'{what}' says the same as {before[bare]}: {text}; word one anew")
                before[bare] = f"'{what}' of {name}"


def _question(tree: _Tree, name: str, what: str, text: str) -> Iterator[Fault]:
    marks = sum(text.count(mark) for mark in "?？")
    if marks == 0:
        yield tree.fault("L13", name, f"'{what}' asks nothing: {text}; end it with a question mark")
    if marks > 1:
        yield tree.fault("L13", name, f"'{what}' asks two things: {text}; keep one question", "warning")


def _ours(tree: _Tree) -> Iterator[Fault]:
    denied = _denied()
    for side in tree.sides.values():
        said = [(name, text) for name, _, text in _texts(side)]
        origins = [(rule.id, rule.source) for rule in side.rules.values()]
        origins += [(module.id, module.source) for module in side.modules]
        origins += [(each.id, f"{each.source} {each.licence} {each.provenance}") for each in side.variables.values()]
        found = {(name, each.name) for name, text in said + origins for each in denied.licensed if each.stands_in(text)}
        found |= {(name, each.name) for name, text in said for each in denied.named if each.stands_in(text)}
        for name, word in sorted(found):
            yield tree.fault("L11", name, f"names '{word}', which is not ours to use; take it out and word it yourself")
    for name in tree.places:
        if parts := set(re.split(r"[._]", name)) & set(denied.identifiers):
            yield tree.fault("L11", name, f"the id points at '{parts.pop()}', which is not ours to use; rename it")


_Check = Callable[[_Tree], Iterable[Fault]]
_WORDING: tuple[_Check, ...] = (_languages, _questions, _ours)
_LOGIC: tuple[_Check, ...] = (_unreachable, _constant, _endings, _counts, _risk, _needs, _timeframes)
