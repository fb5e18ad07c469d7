"""Writes one interview as a single HTML page: results with their reasons, every criterion, the whole transcript.

The page needs no network and runs no script. All that it shows is in the trace and in the turns' notes; nothing is
judged again here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

import yaml
from jinja2 import Environment

from agents.counselors.magi.diagnosis import CriterionLine, ModuleLine, Trace
from agents.dialogue import Turn
from arena.html import page_environment
from arena.labels import without_folder
from profiles.crisis import disclaimer
from profiles.interview_rules import Outcome, Verdicts, evaluate
from profiles.interviews import Instrument, Module, Variable, Verdict
from profiles.vocabulary import Language
from storage.tables import SessionRow

__all__ = ["PageText", "client_of", "interview_page", "load_words", "made_by", "notes_of"]

_NOTE = "interview"
_OFFLINE = "offline"


@dataclass(frozen=True)
class PageText:
    """The text file of one language, ``templates/interview_<language>.yaml``."""

    language: Language
    tree: Mapping[str, Any]

    def label(self, group: str, key: str) -> str:
        """The words for a stored word; an unknown one as it stands, spaced. group: dotted."""
        node: Any = self.tree
        for part in group.split("."):
            node = node[part]
        return str(node.get(key) or key.replace("_", " "))


@lru_cache(maxsize=2)
def load_words(language: Language) -> PageText:
    """The words of the page and of the FHIR export in one language."""
    source = files("arena") / "templates" / f"interview_{language}.yaml"
    return PageText(language, yaml.safe_load(source.read_text(encoding="utf-8")))


def notes_of(turns: Iterable[Turn]) -> Iterator[tuple[Turn, Mapping[str, Any]]]:
    """The interviewer's turns with what the interview noted on them."""
    yield from ((turn, turn.notes[_NOTE]) for turn in turns if turn.speaker == "counselor" and _NOTE in turn.notes)


def made_by(turns: Iterable[Turn], session: SessionRow) -> str:
    """The models that read the answers, in short; ``offline`` where only rules did, empty where nobody noted it."""
    calls = [note.get("judgment", {}).get("call") or {} for _, note in notes_of(turns)]
    models = dict.fromkeys(without_folder(str(call["model"])) for call in calls if call.get("model"))
    return ", ".join(models) or without_folder(session.counselor).partition("@")[2]


def client_of(session: SessionRow) -> str:
    """The client's name, or the card's id where it has none."""
    return str(session.profile.get("demographics", {}).get("name") or session.profile_id)


@dataclass(frozen=True)
class Count:
    """A counting rule: ``met`` and ``open`` of ``total``, ``need`` of them needed."""

    text: str
    met: int
    open: int
    need: int
    total: int


@dataclass(frozen=True)
class Box:
    """A module's result. css: grave, raised, open or clear. program: what it came to before a clinician's changes.

    because: what is missing, and why. against: what ruled it out.
    """

    line: ModuleLine
    css: str
    counts: Sequence[Count]
    because: Sequence[tuple[Variable, str]]
    against: Sequence[tuple[Variable | None, str]]
    program: str


@dataclass(frozen=True)
class Group:
    """The criteria of one module: those with a verdict, and those that nobody asked about."""

    title: str
    risk: bool
    rows: Sequence[CriterionLine]
    unasked: Sequence[Variable]


@dataclass(frozen=True)
class Mark:
    """A quote in a turn. against: it speaks against the verdict."""

    line: CriterionLine
    quote: str
    span: tuple[int, int]
    against: bool = False


@dataclass(frozen=True)
class Piece:
    """A stretch of a turn with the quotes that cover it and those that end with it."""

    text: str
    marks: Sequence[Mark] = ()
    ending: Sequence[Mark] = ()


@dataclass(frozen=True)
class Candidate:
    """What could have been asked. share: of the highest worth (0-1), never below 0."""

    variable: Variable | None
    id: str
    worth: float
    share: float
    taken: bool


@dataclass(frozen=True)
class Chosen:
    """How a turn came about: what was done and why, and how the words before it were read."""

    act: Mapping[str, Any]
    variable: Variable | None
    candidates: Sequence[Candidate]
    judgment: Mapping[str, Any]
    judged: Variable | None


@dataclass(frozen=True)
class Said:
    """A turn as it is shown."""

    turn: Turn
    pieces: Sequence[Piece]
    chosen: Chosen | None


def interview_page(
    instrument: Instrument, trace: Trace, turns: Sequence[Turn], session: SessionRow, language: Language
) -> str:
    """The page as one text, to be stored as UTF-8.

    Args:
        instrument: the one that the interview was held with.
        trace: of this interview, with overrides where there are any.
        turns: all turns with their notes.
        session: the row of the session.
        language: of the page's own words.
    """
    words = load_words(language)
    boxes = [_box(instrument, trace, module) for module in instrument.modules]
    notes = [note for _, note in notes_of(turns)]
    context: dict[str, Any] = {
        "t": words.tree,
        "instrument": instrument,
        "trace": trace,
        "session": session,
        "client": client_of(session),
        "disclaimer": disclaimer(language),
        "made_by": made_by(turns, session),
        "offline": made_by(turns, session) == _OFFLINE,
        "crisis": notes[-1].get("crisis", "none") if notes else "none",
        "risks": [box for box in boxes if box.line.module in instrument.risk_modules],
        "boxes": [box for box in boxes if box.line.module not in instrument.risk_modules],
        "risk_rows": [line for line in trace.criteria if line.node in instrument.risk_variables],
        "groups": list(_groups(instrument, trace)),
        "said": [_said(instrument, trace, turn) for turn in turns],
        "there": {turn.index for turn in turns},
        "overridden": sum(line.override is not None for line in trace.criteria),
        "standing": {(quote, turn.index) for turn in turns for quote in _quotes_in(trace, turn)},
    }
    return _environment(words, instrument).get_template("interview.html.j2").render(context)


def _environment(words: PageText, instrument: Instrument) -> Environment:
    return page_environment(
        label=words.label,
        rule_text=lambda name: instrument.rules[name].text,
        slots=lambda slots: _slots(slots, words),
        short=without_folder,
        check_name=lambda name: words.label("checks", name),
    )


def _slots(slots: Mapping[str, float | str], words: PageText) -> str:
    """What was read out of the answer beside its verdict: "3 weeks", and the rest as it is stored."""
    rest = {key: value for key, value in slots.items() if key not in ("amount", "unit")}
    amount = slots.get("amount")
    span = f"{amount:g} {words.label('units', str(slots.get('unit', '')))}" if isinstance(amount, int | float) else ""
    others = (f"{words.label('slots', key)}: {words.label('slots', str(value))}" for key, value in rest.items())
    return ", ".join(filter(None, [span.strip(), *others]))


def _box(instrument: Instrument, trace: Trace, module: Module) -> Box:
    machine = next(line for line in trace.modules if line.module == module.id)
    line = next((each for each in trace.reviewed if each.module == module.id), machine)
    verdicts: dict[str, Verdict] = {
        each.node: each.override.verdict if each.override else each.verdict for each in trace.criteria
    }
    css = {"not_met": "clear", "unresolved": "open"}.get(line.result.value, "raised")
    if css == "raised" and module.id in instrument.risk_modules and line.ending == module.endings[0].id:
        css = "grave"
    return Box(
        line=line,
        css=css,
        counts=[_count(instrument, name, *numbers) for name, numbers in line.counts.items()],
        because=[(instrument.variables[name], verdicts.get(name, "not_asked")) for name in line.because],
        against=list(_against(instrument, module, verdicts)) if line.result is Outcome.NOT_MET else [],
        program=machine.label if machine.label != line.label else "",
    )


def _against(instrument: Instrument, module: Module, known: Verdicts) -> Iterator[tuple[Variable | None, str]]:
    """What is not so: the gate, or else the parts of the label that are ruled out."""
    rules = instrument.rules
    for name in (module.gate, *(rules[module.label].args if module.label else ())):
        if name and evaluate(instrument, name, known) is Outcome.NOT_MET:
            variable = instrument.variables.get(name)
            yield variable, variable.topic if variable else rules[name].text
            if name == module.gate:
                return


def _count(instrument: Instrument, name: str, met: int, unsettled: int, need: int) -> Count:
    rule = instrument.rules[name]
    return Count(rule.text, met, unsettled, need, len(rule.args))


def _groups(instrument: Instrument, trace: Trace) -> Iterator[Group]:
    lines = {line.node: line for line in trace.criteria}
    for module in instrument.modules:
        names = [name for name in module.variables if instrument.module_of(name) is module]
        rows = [lines[name] for name in names if name in lines]
        unasked = [instrument.variables[name] for name in names if name not in lines]
        yield Group(module.title, module.id in instrument.risk_modules, rows, unasked)


def _said(instrument: Instrument, trace: Trace, turn: Turn) -> Said:
    note = turn.notes.get(_NOTE) if turn.speaker == "counselor" else None
    marks = [mark for mark in _marks(trace, turn.index) if _stands(mark, turn)]
    return Said(turn, list(_pieces(turn.text, marks)), _chosen(instrument, note) if note else None)


def _marks(trace: Trace, index: int) -> Iterator[Mark]:
    for line in trace.criteria:
        if line.quote and line.span and line.reply_turn == index:
            yield Mark(line, line.quote, line.span)
        for mention in line.counter_evidence:
            if mention.turn == index:
                yield Mark(line, mention.quote, mention.span, against=True)


def _quotes_in(trace: Trace, turn: Turn) -> list[str]:
    return [mark.quote for mark in _marks(trace, turn.index) if _stands(mark, turn)]


def _stands(mark: Mark, turn: Turn) -> bool:
    begin, end = mark.span
    return 0 <= begin < end <= len(turn.text) and turn.text[begin:end] == mark.quote


def _pieces(text: str, marks: Sequence[Mark]) -> Iterator[Piece]:
    """The text cut at the ends of all quotes; joined, the pieces equal it."""
    edges = sorted({0, len(text), *(edge for mark in marks for edge in mark.span)})
    for low, high in pairwise(edges):
        over = [mark for mark in marks if mark.span[0] <= low and high <= mark.span[1]]
        yield Piece(text[low:high], over, [mark for mark in over if mark.span[1] == high])


def _chosen(instrument: Instrument, note: Mapping[str, Any]) -> Chosen:
    act, judgment = note.get("act", {}), note.get("judgment", {})
    variables = instrument.variables
    ranked = sorted(act.get("candidates", ()), key=lambda each: -each[1])
    most = max((float(worth) for _, worth in ranked), default=0.0) or 1.0
    return Chosen(
        act=act,
        variable=variables.get(act.get("variable", "")),
        candidates=[
            Candidate(
                variables.get(name), name, float(worth), max(0.0, float(worth) / most), name == act.get("variable")
            )
            for name, worth in ranked
        ],
        judgment=judgment,
        judged=variables.get(judgment.get("variable", "")),
    )
