"""Reads an interview's answers out of a session's turns, for storage, for the safety gate and for the trace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from agents.counselors.magi.diagnosis import CriterionLine, Override, Trace, trace_of
from agents.counselors.magi.flow import acuity
from agents.counselors.magi.state import Answer, Mention
from agents.dialogue import Turn
from agents.phrases import load_phrases
from arena.safety import FindingLevel, SafetyFinding
from profiles.errors import UserError
from profiles.interviews import Instrument, load_instrument
from profiles.vocabulary import Language
from storage.tables import InterviewAnswerRow

__all__ = ["answer_rows", "answers_in", "findings_in", "titles", "trace_from_rows", "trace_from_turns"]

_NOTE = "interview"
_LONGEST_QUOTE = 240


def answers_in(turns: Iterable[Turn]) -> tuple[Answer, ...]:
    """The answers that stand at the end of a dialogue, in the order in which they were settled; none without one."""
    found: dict[str, Answer] = {}
    for note in _notes(turns):
        for name in note.get("withdrawn", ()):
            found.pop(name, None)
        for settled in note.get("settled", ()):
            answer = Answer.model_validate(settled)
            found.pop(answer.variable, None)
            found[answer.variable] = answer
    return tuple(found.values())


def findings_in(turns: Sequence[Turn], language: Language) -> tuple[SafetyFinding, ...]:
    """What a safety event must be written for: every risk question that was not answered with a plain no.

    A yes about danger right now, or no answer to that, is ``immediate``; another yes is ``high``; what was refused
    or unclear is ``low``: to be asked about by a person. An unclear answer is flagged at once, though it is asked
    about again and may turn out to be a no.
    """
    if not any(True for _ in _notes(turns)):
        return ()
    instrument = load_instrument(language)
    risky = [answer for answer in answers_in(turns) if answer.variable in instrument.risk_variables]
    spoken = {turn.index: turn for turn in turns}
    positive = [answer for answer in risky if answer.verdict != "not_met"]
    settled = [_finding(answer, spoken, acuity(instrument)) for answer in positive]
    places = {each.turn for each in settled}
    unclear = [each for each in _unclear(turns, instrument) if each.turn not in places]
    return tuple(sorted((*settled, *unclear), key=lambda each: each.turn))


def _unclear(turns: Sequence[Turn], instrument: Instrument) -> Iterator[SafetyFinding]:
    for before, turn in pairwise(turns):
        judged = turn.notes.get(_NOTE, {}).get("judgment") or {}
        if judged.get("variable") in instrument.risk_variables and judged.get("verdict") in ("unclear", "off_topic"):
            yield _flag(before.index, "low", before.text, f"{judged['variable']}:unclear")


def _finding(answer: Answer, spoken: dict[int, Turn], acute: str) -> SafetyFinding:
    level: FindingLevel = "low"
    if answer.variable == acute:
        level = "immediate"
    elif answer.verdict == "met":
        level = "high"
    place = answer.turn if answer.turn is not None else (answer.asked_turn or 0) + 1
    said = spoken.get(place)
    return _flag(place, level, answer.quote or (said.text if said else ""), f"{answer.variable}:{answer.verdict}")


def _flag(turn: int, level: FindingLevel, quote: str, rule: str) -> SafetyFinding:
    return SafetyFinding(
        turn=turn,
        speaker="client",
        kind="risk_answer",
        level=level,
        quote=quote[:_LONGEST_QUOTE],
        rule=rule,
        failed_gate=False,
        source="interview",
    )


def answer_rows(turns: Sequence[Turn], language: Language) -> list[InterviewAnswerRow]:
    """One row a settled variable, those that follow from others among them; none where nobody interviewed."""
    if not any(True for _ in _notes(turns)):
        return []
    trace = trace_from_turns(turns, language)
    name = f"{trace.instrument} {trace.version} {trace.hash}"
    return [_row(line, name) for line in trace.criteria]


def trace_from_turns(turns: Sequence[Turn], language: Language) -> Trace:
    """The trace of a dialogue that has just been held."""
    return trace_of(load_instrument(language), answers_in(turns), titles(language))


def trace_from_rows(rows: Sequence[InterviewAnswerRow], language: Language) -> Trace:
    """The trace of a stored interview, with the clinicians' overrides.

    Raises:
        UserError: the interview was held with another instrument than the one here.
    """
    instrument = load_instrument(language)
    _refuse_another(rows, instrument)
    answers = [_answer(row) for row in rows if not row.derived]
    overrides = {row.node: Override.model_validate(row.override) for row in rows if row.override}
    return trace_of(instrument, answers, titles(language), overrides)


def titles(language: Language) -> dict[str, str]:
    """What is printed for a module that is ruled out, or cannot be decided."""
    return load_phrases("arena", language).mapping("interview.results")


def _refuse_another(rows: Sequence[InterviewAnswerRow], instrument: Instrument) -> None:
    held = {row.instrument for row in rows}
    here = f"{instrument.id} {instrument.version} {instrument.hash}"
    if held and held != {here}:
        raise UserError(
            f"this interview was held with instrument {', '.join(sorted(held))}, here is {here}: put its files back"
        )


def _notes(turns: Iterable[Turn]) -> Iterator[dict[str, Any]]:
    yield from (turn.notes[_NOTE] for turn in turns if turn.speaker == "counselor" and _NOTE in turn.notes)


def _row(line: CriterionLine, instrument: str) -> InterviewAnswerRow:
    return InterviewAnswerRow(
        session_id="",
        instrument=instrument,
        node=line.node,
        criterion=line.criterion,
        verdict=line.verdict,
        asked_turn=line.asked_turn,
        turn=line.reply_turn,
        quote=line.quote or None,
        span=list(line.span) if line.span else None,
        slots=dict(line.slots),
        asks=line.asks,
        derived=line.derived,
        counter=[each.model_dump(mode="json") for each in line.counter_evidence],
        faults=list(line.faults),
    )


def _answer(row: InterviewAnswerRow) -> Answer:
    return Answer.model_validate(
        {
            "variable": row.node,
            "verdict": row.verdict,
            "asked_turn": row.asked_turn,
            "turn": row.turn,
            "quote": row.quote or "",
            "span": tuple(row.span) if row.span else None,
            "slots": row.slots,
            "asks": row.asks,
            "counter": tuple(Mention.model_validate(each) for each in row.counter),
            "faults": tuple(row.faults),
        }
    )
