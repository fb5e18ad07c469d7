"""A session's result as the rows of the database."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, cast

from sqlmodel import Session

from agents.dialogue import Turn
from arena.interview.answers import answer_rows
from arena.play import SessionResult
from arena.restructuring.rows import thought_rows as rows_of
from arena.scoring.judgment import Judgment
from profiles.vocabulary import Role, Stage
from storage.records import Values, replace_session
from storage.tables import InterviewAnswerRow, JudgmentRow, SafetyEventRow, SessionRow, ThoughtRecordRow, TurnRow


def store(session: Session, result: SessionResult, run_id: str) -> None:
    """Write a session with all that it left, in place of an earlier try.

    Rows are made here, when it is their turn to be written: hundreds of sessions may wait for the writer.
    """
    rows = session_row(result, run_id), turn_rows(result), judgment_rows(result), event_rows(result)
    replace_session(session, *rows, interview_rows(result), thought_rows(result))


def session_row(result: SessionResult, run_id: str) -> SessionRow:
    """The session's own row."""
    plan, spec = result.plan, result.plan.spec
    fidelity = result.fidelity
    trouble = result.failure or result.unjudged
    return SessionRow(
        id=spec.id,
        run_id=run_id,
        ordinal=plan.ordinal,
        counselor=plan.counselor.label,
        profile_id=spec.profile.id,
        theme=spec.profile.theme.value,
        resistance=spec.profile.resistance,
        risk=spec.profile.risk.level,
        language=spec.language,
        repeat=plan.repeat,
        seed=spec.seed,
        status="failed" if result.failure else "finished",
        error_kind=trouble.kind if trouble else None,
        error=trouble.message if trouble else None,
        end_by=result.end.by if result.end else None,
        end_reason=result.end.reason if result.end else None,
        rounds=result.rounds,
        gate=result.gate,
        fidelity=("not_checked" if fidelity is None or fidelity.status == "unchecked" else fidelity.status),
        fidelity_flags=[flag.model_dump(mode="json") for flag in fidelity.flags] if fidelity else [],
        outcome=_outcome(result),
        profile=spec.profile.model_dump(mode="json"),
        usage=result.usage,
        seconds=round(result.seconds, 3),
    )


def turn_rows(result: SessionResult) -> list[Values]:
    """One row of ``turn`` a turn."""
    return [
        {
            "index": turn.index,
            "round": turn.round,
            "speaker": turn.speaker,
            "stage": turn.stage.value,
            "text": turn.text,
            "reasoning": turn.reasoning,
            "sentences": [label.model_dump(mode="json") for label in turn.sentences],
            "notes": turn.notes,
            "call": asdict(turn.call) if turn.call else None,
        }
        for turn in result.turns
    ]


def interview_rows(result: SessionResult) -> list[InterviewAnswerRow]:
    """One row a settled variable of an interview; none where the counselor held none."""
    return answer_rows(result.turns, result.plan.spec.language)


def thought_rows(result: SessionResult) -> list[ThoughtRecordRow]:
    """One row a channel of a restructuring; none where the counselor held none."""
    return rows_of(result.turns)


def judgment_rows(result: SessionResult) -> list[tuple[JudgmentRow, list[Values]]]:
    """One row a judgment with one row a dimension."""
    return [_judgment(judgment, result.plan.spec.id) for judgment in result.judgments]


def event_rows(result: SessionResult) -> list[SafetyEventRow]:
    """One row a safety finding."""
    fields = ("turn", "speaker", "kind", "level", "quote", "rule", "source", "failed_gate")
    return [
        SafetyEventRow(session_id=result.plan.spec.id, **{name: getattr(finding, name) for name in fields})
        for finding in result.findings
    ]


def _judgment(judgment: Judgment, session_id: str) -> tuple[JudgmentRow, list[Values]]:
    row = JudgmentRow(
        session_id=session_id,
        party=judgment.party.value,
        judge=judgment.judge,
        model=judgment.model,
        rubric_version=judgment.rubric_version,
        prompt_hash=judgment.prompt_hash,
        seed=judgment.seed,
        status=judgment.status,
        reason=judgment.reason or None,
        total=judgment.total,
        item_mean=judgment.item_mean,
        share=judgment.share,
        passed=judgment.passed,
        scored=judgment.scored,
        items=len(judgment.scores),
        call=asdict(judgment.call) if judgment.call else None,
    )
    scores: list[Values] = [
        {
            "dimension": score.dimension,
            "status": score.status,
            "value": score.value,
            "reason": score.reason,
            "evidence": [item.model_dump(mode="json") for item in score.evidence],
        }
        for score in judgment.scores
    ]
    return row, scores


def _outcome(result: SessionResult) -> dict[str, Any]:
    states = [turn.notes["state"] for turn in result.turns if "state" in turn.notes]
    told = _told(result.turns)
    return {
        **(result.outcome.model_dump(mode="json") if result.outcome else {}),
        "safety_reader": result.reader,
        "fidelity_fault": result.fidelity.reason or None if result.fidelity else None,
        "disclosed": len(told),
        "hidden": len(result.plan.spec.profile.hidden_facts),
        "state_start": states[0] if states else None,
        "state_end": states[-1] if states else None,
        **result.extra,
    }


def _told(turns: tuple[Turn, ...]) -> set[str]:
    """Ids of the hidden facts told; a client's risk is no hidden fact and is not counted."""
    return {fact for turn in turns for fact in turn.notes.get("told", ()) if fact != "risk"}


def turn_of(row: TurnRow) -> Turn:
    """A stored turn as it was said, with its notes; what it cost is left behind."""
    return Turn(
        index=row.index,
        round=row.round,
        speaker=cast(Role, row.speaker),
        stage=Stage(row.stage),
        text=row.text,
        notes=row.notes,
    )
