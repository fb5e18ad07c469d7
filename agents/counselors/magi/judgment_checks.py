"""Checks a judgment in code: the model is never trusted on what was said, how long it lasted, or that it was certain.

A verdict stands only on words that the client said. Where a check fails the verdict becomes ``unclear``, which is asked
about again, and the fault is named:

quote_missing, quote_not_said, quote_of_counselor: there is no quote, nobody said it, or not the client.
against_quote: the quote says the opposite. another_person: it tells of somebody else. timeframe: of long ago.
hedged, frequency: the client was not sure, or it is now and then where more is needed.
contradiction: within the answer, or with an earlier answer. duration, amount_not_in_quote: no span of time in the
quote, or another one. risk_doubt: a no about danger that is not plainly a no. volunteered_...: a fact that was dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, Field

from agents.counselors.magi.answer_clauses import sentence_at
from agents.counselors.magi.answer_reading import Answer, Read, read_answer, spans_of
from agents.counselors.magi.answer_spans import DAYS, Span
from agents.dialogue import Turn
from profiles.interviews import Threshold, Variable
from profiles.schema import Record
from profiles.vocabulary import Language

__all__ = ["Found", "Judged", "JudgmentInputs", "Reading", "Volunteered", "checked"]

RawVerdict = Literal["met", "not_met", "unclear", "refused", "off_topic"]
Missing = Literal["none", "duration", "frequency", "impairment", "timeframe", "cause", "count"]
Unit = Literal["days", "weeks", "months", "years"]
Settled = Literal["met", "not_met"]

_EDGES = " \t\n\"'“”‘’「」『』«»…."
_WORD = re.compile(r"[a-z0-9]")
_MISSING: dict[str, Missing] = {
    "frequency": "frequency",
    "timeframe": "timeframe",
    "duration": "duration",
    "amount_not_in_quote": "duration",
    "count": "count",
}


class Volunteered(BaseModel):
    """What the client told of a variable that was not asked about."""

    variable: str
    verdict: Settled
    quote: str


class Reading(BaseModel):
    """What the judging model says. ``distress`` 0-3; ``amount`` and ``unit`` for spans of time."""

    reason: str
    verdict: RawVerdict
    quote: str = ""
    missing: Missing = "none"
    amount: float | None = None
    unit: Unit | None = None
    distress: int = Field(0, ge=0, le=3)
    asks_back: bool = False
    volunteered: list[Volunteered] = []


class JudgmentInputs(Record):
    """What a judgment is made from. There is no profile among it, by type.

    question: what the counselor asked, empty where nothing was. earlier: what the client said when asked about this
    before, oldest first. about: variables not yet known, of which a fact may be volunteered.
    """

    variable: Variable
    question: str
    reply: str
    earlier: tuple[str, ...] = ()
    about: tuple[Variable, ...] = ()
    turns: tuple[Turn, ...] = ()


class Found(Record):
    """A volunteered fact that passed the checks; ``span`` is the quote's place in turn ``turn``."""

    variable: str
    verdict: Settled
    quote: str
    turn: int
    span: tuple[int, int]


class Judged(Record):
    """A judgment after the checks. ``turn``, ``span``: the quote's place; ``slots``: amount, unit and frequency."""

    verdict: RawVerdict
    quote: str = ""
    turn: int | None = None
    span: tuple[int, int] | None = None
    missing: Missing = "none"
    slots: dict[str, float | str] = {}
    distress: int = 0
    asks_back: bool = False
    volunteered: tuple[Found, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Place:
    """Where a quote stands: the whole text, its place there, and the turn (None: only in the reply as handed in)."""

    text: str
    start: int
    end: int
    turn: int | None


def checked(reading: Reading, inputs: JudgmentInputs, language: Language) -> Judged:
    """What is left of a judgment after all checks. Pure; the same for every model."""
    facts, dropped = _facts(reading, inputs, language)
    plain = Judged(
        verdict=reading.verdict,
        missing=reading.missing,
        distress=reading.distress,
        asks_back=reading.asks_back,
        volunteered=facts,
        faults=dropped,
    )
    place = _located(reading.quote, inputs)
    if reading.verdict not in ("met", "not_met"):
        return plain if place is None else plain.model_copy(update=_placed(place))
    fault, read = _fault(reading, place, inputs, language)
    if fault is not None or place is None or read is None:
        fault = fault or "quote_not_said"
        missing = _MISSING.get(fault, "none" if fault == "contradiction" else reading.missing)
        update = {"verdict": "unclear", "missing": missing, "faults": (fault, *dropped)}
        return plain.model_copy(update={**update, **(_placed(place) if place else {})})
    verdict = read.verdict if inputs.variable.threshold else reading.verdict
    return plain.model_copy(
        update={"verdict": verdict, "missing": "none", **_placed(place), "slots": _slots(reading, read)}
    )


def _placed(place: _Place) -> dict[str, object]:
    return {"quote": place.text[place.start : place.end], "turn": place.turn, "span": (place.start, place.end)}


def _slots(reading: Reading, read: Read) -> dict[str, float | str]:
    slots: dict[str, float | str] = {}
    if reading.amount is not None and reading.unit is not None:
        slots.update(amount=reading.amount, unit=reading.unit)
    if read.often:
        slots["frequency"] = read.often
    return slots


# -- where it was said


def _located(quote: str, inputs: JudgmentInputs) -> _Place | None:
    """Where the client said it; the latest turn that holds it."""
    wanted = quote.strip(_EDGES)
    if not any(char.isalnum() for char in wanted):
        return None
    for text, turn in _said(inputs):
        start = _find(wanted, text)
        if start is not None:
            return _Place(text, start, start + len(wanted), turn)
    return None


def _said(inputs: JudgmentInputs) -> Iterator[tuple[str, int | None]]:
    client = [turn for turn in inputs.turns if turn.speaker == "client"]
    for turn in reversed(client):
        yield turn.text, turn.index
    if inputs.reply and all(turn.text != inputs.reply for turn in client):
        yield inputs.reply, None


def _find(wanted: str, text: str) -> int | None:
    """An exact place between whole words: "no" is not said in "I know"."""
    start = text.find(wanted)
    while start >= 0:
        end = start + len(wanted)
        if not (_joined(text, start) or _joined(text, end)):
            return start
        start = text.find(wanted, start + 1)
    return None


def _joined(text: str, place: int) -> bool:
    if place <= 0 or place >= len(text):
        return False
    return all(_WORD.fullmatch(char.lower()) for char in text[place - 1 : place + 1])


def _by_counselor(quote: str, inputs: JudgmentInputs) -> bool:
    wanted = quote.strip(_EDGES)
    return any(turn.speaker == "counselor" and _find(wanted, turn.text) is not None for turn in inputs.turns)


# -- what it says


def _fault(
    reading: Reading, place: _Place | None, inputs: JudgmentInputs, language: Language
) -> tuple[str | None, Read | None]:
    """The first check that fails, and what the quote's sentence reads as."""
    if not reading.quote.strip(_EDGES):
        return "quote_missing", None
    if place is None:
        return ("quote_of_counselor" if _by_counselor(reading.quote, inputs) else "quote_not_said"), None
    if inputs.variable.threshold is not None:
        fault, read = _amount_fault(reading, place, inputs.variable.threshold, language)
        return fault or _earlier_fault(read.verdict, inputs, language), read
    whole, read = _readings(place, inputs, language)
    fault = _reading_fault(reading.verdict, whole, read, inputs)
    return fault or _earlier_fault(reading.verdict, inputs, language), read


def _readings(place: _Place, inputs: JudgmentInputs, language: Language) -> tuple[Read, Read]:
    """How the whole answer reads, and the sentence around the quote."""
    start, end = sentence_at(place.text, place.start, place.end, language)
    own = place.text[start:end]
    return _read(inputs.reply, inputs, language), _read(own, inputs, language)


def _read(text: str, inputs: JudgmentInputs, language: Language) -> Read:
    variable = inputs.variable
    return read_answer(
        Answer(
            text=text,
            variable=variable.id,
            language=language,
            question=inputs.question or "",
            risk=variable.kind == "risk",
            again=bool(inputs.earlier),
            threshold=variable.threshold,
        )
    )


def _reading_fault(verdict: str, whole: Read, own: Read, inputs: JudgmentInputs) -> str | None:
    opposite = "not_met" if verdict == "met" else "met"
    if own.verdict == opposite:
        return "against_quote"
    if whole.why == "contradiction" or own.why == "contradiction":
        return "contradiction"
    if whole.verdict == opposite:
        return "against_quote"
    doubt = own.why or (whole.why if whole.verdict == "unclear" and own.verdict == "unclear" else "")
    if own.verdict == "unclear" and doubt in ("another_person", "timeframe", "frequency", "hedged", "count"):
        return "risk_doubt" if inputs.variable.kind == "risk" and verdict == "not_met" else doubt
    if inputs.variable.kind == "risk" and verdict == "not_met" and whole.verdict != "not_met":
        return "risk_doubt"
    return None


def _amount_fault(reading: Reading, place: _Place, threshold: Threshold, language: Language) -> tuple[str | None, Read]:
    """The verdict on a span of time comes from the words of the quote; the model's amount must be among them."""
    unclear = Read("unclear", "duration")
    if reading.amount is None or reading.unit is None:
        return "duration", unclear
    quoted = place.text[place.start : place.end]
    days = reading.amount * DAYS[reading.unit]
    held = [span for span in spans_of(quoted, language) if span.holds(days)]
    if not held:
        return "amount_not_in_quote", unclear
    reached = _reached(held, days, threshold)
    if reached is None:
        return "duration", unclear
    start, end = sentence_at(place.text, place.start, place.end, language)
    around = read_answer(Answer(place.text[start:end], "", language, threshold=threshold))
    if around.verdict == ("not_met" if reached else "met"):
        return "against_quote", unclear  # "less than" was left out of the quote
    if around.verdict == "unclear":
        return "duration", unclear
    return None, Read("met" if reached else "not_met", signs=True)


def _reached(held: list[Span], days: float, threshold: Threshold) -> bool | None:
    """Whether the threshold is reached by all that the words can mean; an exact span goes by the model's figure."""
    found = {span.against(threshold) for span in held}
    return found.pop() if len(found) == 1 else None


def _earlier_fault(verdict: str, inputs: JudgmentInputs, language: Language) -> str | None:
    """The latest clear answer that was given before must not say the opposite."""
    for text in reversed(inputs.earlier):
        said = _read(text, inputs.model_copy(update={"earlier": ()}), language)
        if said.verdict != "unclear":
            return "contradiction" if verdict != said.verdict and verdict != "unclear" else None
    return None


# -- what was not asked


def _facts(reading: Reading, inputs: JudgmentInputs, language: Language) -> tuple[tuple[Found, ...], tuple[str, ...]]:
    known = {variable.id: variable for variable in inputs.about}
    found: dict[str, Found] = {}
    faults: list[str] = []
    for entry in reading.volunteered:
        variable = known.get(entry.variable)
        place = _located(entry.quote, inputs)
        if variable is None or entry.variable == inputs.variable.id:
            faults.append("volunteered_unknown")
        elif place is None or place.turn is None:
            faults.append("volunteered_quote")
        elif not _holds(entry, variable, place, inputs, language):
            faults.append("volunteered_polarity")
        else:
            quoted = _placed(place)
            found.setdefault(
                variable.id,
                Found(variable=variable.id, verdict=entry.verdict, **quoted),
            )
    return tuple(found.values()), tuple(dict.fromkeys(faults))


def _holds(entry: Volunteered, variable: Variable, place: _Place, inputs: JudgmentInputs, language: Language) -> bool:
    """Whether the words around a volunteered quote do not speak against its verdict."""
    risk = variable.kind == "risk"
    if risk and entry.verdict == "not_met":
        return False
    start, end = sentence_at(place.text, place.start, place.end, language)
    own = read_answer(Answer(place.text[start:end], variable.id, language, risk=risk, threshold=variable.threshold))
    if variable.threshold is not None:
        return own.verdict == entry.verdict
    return own.verdict == entry.verdict or (own.verdict == "unclear" and own.why == "nothing")
