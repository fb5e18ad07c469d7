"""The offline answer of the judgment prompt: reads the client's words with the lists in ``words``, and nothing else."""

from __future__ import annotations

import random
from typing import Any

from agents.counselors.magi.answer_reading import Read, asks_back, declines, distress_in, read_answer
from agents.counselors.magi.answer_signs import Answer
from agents.counselors.magi.answer_spans import DAYS, Span
from agents.counselors.magi.answer_words import load_words
from agents.counselors.magi.judgment_checks import JudgmentInputs, Missing, Reading, Unit, Volunteered
from agents.reading import content_units, said_in
from profiles.interviews import Variable
from profiles.vocabulary import Language

__all__ = ["judgment"]

_MISSING: dict[str, Missing] = {
    "frequency": "frequency",
    "timeframe": "timeframe",
    "duration": "duration",
    "count": "count",
}
_LONG = 6  # content units from which an answer that touches on nothing is about something else
_FOREIGN = 0.15  # share of the question and topic that such an answer holds at most


def judgment(inputs: JudgmentInputs, chance: random.Random, language: Language) -> Reading:
    """Judge a reply by rule; ``chance`` is not used."""
    read = read_answer(_answer(inputs, language))
    extra = {
        "distress": distress_in(inputs.reply, language),
        "volunteered": _volunteered(inputs, language),
    }
    if read.verdict != "unclear" and not (not read.signs and _says_no_more(inputs.reply, language)):
        quote = inputs.reply[read.start : read.end]
        return Reading(reason="read by rule", verdict=read.verdict, quote=quote, **_amount(read.span), **extra)
    return _open(inputs, read, language).model_copy(update=extra)


def _answer(inputs: JudgmentInputs, language: Language) -> Answer:
    variable = inputs.variable
    return Answer(
        text=inputs.reply,
        variable=variable.id,
        language=language,
        question=inputs.question,
        risk=variable.kind == "risk",
        again=bool(inputs.earlier),
        threshold=variable.threshold,
    )


def _says_no_more(reply: str, language: Language) -> bool:
    """ "No, I'd rather not say" is no no, and "Yes? What do you mean?" no yes."""
    return declines(reply, language) or asks_back(reply, language)


def _open(inputs: JudgmentInputs, read: Read, language: Language) -> Reading:
    """An answer that settles nothing: asked back, declined, about something else, or not clear."""
    reply = inputs.reply
    if asks_back(reply, language):
        return Reading(reason="asks what is meant", verdict="unclear", asks_back=True)
    if declines(reply, language):
        return Reading(reason="would rather not say", verdict="refused", quote=reply.strip())
    if read.why in ("nothing", "duration") and _elsewhere(inputs, language):
        return Reading(reason="speaks of something else", verdict="off_topic")
    quote = reply[read.start : read.end]
    return Reading(
        reason=f"not clear: {read.why}", verdict="unclear", quote=quote, missing=_MISSING.get(read.why, "none")
    )


def _elsewhere(inputs: JudgmentInputs, language: Language) -> bool:
    asked = f"{inputs.question} {inputs.variable.topic} {inputs.variable.statement}"
    long = len(content_units(inputs.reply, language)) >= _LONG
    return long and said_in(inputs.reply, asked, language) <= _FOREIGN


def _amount(span: Span | None) -> dict[str, Any]:
    """A span as one figure in the largest unit that it fills, so that it stands on the right side of the threshold."""
    if span is None:
        return {}
    days = span.least or span.most
    units: tuple[Unit, ...] = ("years", "months", "weeks", "days")
    unit = next((unit for unit in units if days >= DAYS[unit]), "days")
    return {"amount": round(days / DAYS[unit], 4), "unit": unit}


def _volunteered(inputs: JudgmentInputs, language: Language) -> list[Volunteered]:
    return [found for variable in inputs.about if (found := _told(variable, inputs, language))]


def _told(variable: Variable, inputs: JudgmentInputs, language: Language) -> Volunteered | None:
    """What a reply says by firm signs about a variable that it was not asked about; of danger only a yes."""
    if variable.threshold is not None or load_words(language).signs(variable.id).asked_only:
        return None
    risk = variable.kind == "risk"
    read = read_answer(Answer(inputs.reply, variable.id, language, risk=risk))
    if read.verdict == "unclear" or (risk and read.verdict == "not_met"):
        return None
    quote = inputs.reply[read.start : read.end]
    return Volunteered(variable=variable.id, verdict=read.verdict, quote=quote)
