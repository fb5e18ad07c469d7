"""The tables, top-down: run > session > turn, judgment > score; beside them events, records, the journal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, DateTime, ForeignKey, Index, String, Text, UniqueConstraint
from sqlmodel import Field, SQLModel


def now() -> datetime:
    """The time as it is stored: UTC, without a zone, as every database can hold it."""
    return datetime.now(UTC).replace(tzinfo=None)


def _session_key() -> Any:  # noqa: ANN401  (a column, which SQLAlchemy types as Any)
    return Column(String, ForeignKey("session.id", ondelete="CASCADE"), nullable=False, index=True)


def _json_or_null() -> Any:  # noqa: ANN401  (as above)
    return Column(JSON(none_as_null=True))  # else None becomes the JSON text "null", for SQL a value


class RunRow(SQLModel, table=True):
    """A set of sessions from one resolved configuration; ``id`` is the hash of that configuration."""

    __tablename__ = "run"

    id: str = Field(primary_key=True)
    name: str = ""
    status: str = "running"  # running | finished | stopped
    offline: bool = False  # every model of the run was the rule-based engine
    config: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    versions: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    faults: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))  # kind -> attempts
    planned: int = 0
    created_at: datetime = Field(default_factory=now, sa_type=DateTime)
    finished_at: datetime | None = Field(default=None, sa_type=DateTime)


class SessionRow(SQLModel, table=True):
    """One dialogue of one counselor with one client."""

    __tablename__ = "session"
    __table_args__ = (UniqueConstraint("run_id", "counselor", "profile_id", "repeat"),)

    id: str = Field(primary_key=True)
    run_id: str = Field(foreign_key="run.id", ondelete="CASCADE", index=True)
    ordinal: int
    counselor: str  # the name shown: plain:psycho@openai/x
    profile_id: str = Field(index=True)
    theme: str
    resistance: int
    risk: str
    language: str
    repeat: int
    seed: int = Field(sa_type=BigInteger)
    status: str  # finished | failed
    error_kind: str | None = None
    error: str | None = Field(default=None, sa_column=Column(Text))
    end_by: str | None = None
    end_reason: str | None = None
    rounds: int = 0
    gate: str = "not_checked"  # passed | failed | not_checked
    fidelity: str = "not_checked"  # ok | flagged | not_checked
    fidelity_flags: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    outcome: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    profile: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    usage: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    seconds: float = 0.0
    created_at: datetime = Field(default_factory=now, sa_type=DateTime)


class TurnRow(SQLModel, table=True):
    """One utterance with what its speaker left for the record."""

    __tablename__ = "turn"

    session_id: str = Field(foreign_key="session.id", ondelete="CASCADE", primary_key=True)
    index: int = Field(primary_key=True)
    round: int
    speaker: str
    stage: str
    text: str = Field(sa_column=Column(Text, nullable=False))
    reasoning: str | None = Field(default=None, sa_column=Column(Text))
    sentences: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    notes: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    call: dict[str, Any] | None = Field(default=None, sa_column=_json_or_null())


class JudgmentRow(SQLModel, table=True):
    """One party's scoring of one transcript by one judge. A re-judgment is a new row."""

    __tablename__ = "judgment"
    __table_args__ = (Index("ix_judgment_session_party", "session_id", "party", "judge"),)

    id: int | None = Field(default=None, primary_key=True)
    session_id: str = Field(sa_column=_session_key())
    party: str  # client | supervisor | counselor
    judge: str  # judge (a judge model takes the party's chair) | self (the counselor's own model)
    model: str
    rubric_version: str
    prompt_hash: str
    seed: int = Field(sa_type=BigInteger)
    status: str  # ok | refused | invalid | missing | skipped
    reason: str | None = Field(default=None, sa_column=Column(Text))
    total: float | None = None
    item_mean: float | None = None
    share: float | None = None  # total as a fraction of the party's maximum, 0-1
    passed: bool | None = None
    scored: int = 0
    items: int = 0
    call: dict[str, Any] | None = Field(default=None, sa_column=_json_or_null())
    created_at: datetime = Field(default_factory=now, sa_type=DateTime)


class ScoreRow(SQLModel, table=True):
    """One dimension of one judgment: a value or null, and a status that says which and why."""

    __tablename__ = "score"

    judgment_id: int | None = Field(default=None, foreign_key="judgment.id", ondelete="CASCADE", primary_key=True)
    dimension: str = Field(primary_key=True)
    status: str  # ok | missing | refused | invalid | skipped
    value: float | None = None
    reason: str = Field(default="", sa_column=Column(Text, nullable=False))
    evidence: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))


class SafetyEventRow(SQLModel, table=True):
    """Something the safety gate saw in one turn."""

    __tablename__ = "safety_event"

    id: int | None = Field(default=None, primary_key=True)
    session_id: str = Field(sa_column=_session_key())
    turn: int
    speaker: str
    kind: str  # client: risk kind; counselor: harm class
    level: str  # client: low | high | immediate; counselor: harm
    quote: str = Field(sa_column=Column(Text, nullable=False))
    rule: str
    source: str = "rules"  # rules | model spec
    failed_gate: bool = False


class InterviewAnswerRow(SQLModel, table=True):
    """One settled node of a structured interview.

    instrument: its id, version and hash. asked_turn: of the question, turn: of the reply; null where nobody asked or
    nothing usable was said. span: where the quote stands in the reply. derived: it follows from other nodes by a rule.
    counter: what the client said against it. override: a clinician's verdict with a reason, beside the machine's.
    """

    __tablename__ = "interview_answer"

    id: int | None = Field(default=None, primary_key=True)
    session_id: str = Field(sa_column=_session_key())
    instrument: str
    node: str
    criterion: str
    verdict: str  # met | not_met | unknown | refused
    asked_turn: int | None = None
    turn: int | None = None
    quote: str | None = Field(default=None, sa_column=Column(Text))
    span: list[int] | None = Field(default=None, sa_column=_json_or_null())
    slots: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    asks: int = 0
    derived: bool = False
    counter: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    faults: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    override: dict[str, Any] | None = Field(default=None, sa_column=_json_or_null())


class ThoughtRecordRow(SQLModel, table=True):
    """One channel of cognitive restructuring: a thought record. Strengths of belief and emotion are 0-100.

    turn: of the client's turn that says the thought; null where none does. emotion: in the client's word. rounds: how
    often both kinds of evidence were weighed, 1-2. effective: the last verdict; null where there was none. status:
    ``closed`` (it worked), ``unresolved`` (weighed, and the thought held), ``open`` (not weighed to the end).
    """

    __tablename__ = "thought_record"

    id: int | None = Field(default=None, primary_key=True)
    session_id: str = Field(sa_column=_session_key())
    loop: int
    channel: int
    situation: str = Field(default="", sa_column=Column(Text, nullable=False))
    thought: str = Field(default="", sa_column=Column(Text, nullable=False))
    turn: int | None = None
    distortion: str | None = None
    belief_before: float | None = None
    belief_after: float | None = None
    belief_end: float | None = None
    emotion: str = Field(default="", sa_column=Column(Text, nullable=False))
    emotion_before: float | None = None
    emotion_after: float | None = None
    evidence_for: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    evidence_against: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    balanced_thought: str | None = Field(default=None, sa_column=Column(Text))
    effective: bool | None = None
    rounds: int = 1
    status: str = "open"  # closed | unresolved | open


class CandidateRow(SQLModel, table=True):
    """One guidance of an optimisation with its scores; rejected ones are kept."""

    __tablename__ = "candidate"

    id: str = Field(primary_key=True)
    run_id: str = Field(foreign_key="run.id", ondelete="CASCADE", index=True)
    parent_id: str | None = None
    counselor: str
    guidance: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    scores: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    status: str = "proposed"  # proposed | accepted | rejected
    reason: str = Field(default="", sa_column=Column(Text, nullable=False))
    created_at: datetime = Field(default_factory=now, sa_type=DateTime)


class RatingRow(SQLModel, table=True):
    """A person's rating of one dimension of one session."""

    __tablename__ = "rating"
    __table_args__ = (UniqueConstraint("session_id", "rater", "party", "dimension"),)

    id: int | None = Field(default=None, primary_key=True)
    session_id: str = Field(sa_column=_session_key())
    rater: str
    party: str
    dimension: str
    rubric_version: str
    value: float | None = None
    status: str = "ok"
    comment: str = Field(default="", sa_column=Column(Text, nullable=False))
    created_at: datetime = Field(default_factory=now, sa_type=DateTime)


class ReplyRow(SQLModel, table=True):
    """An answer at temperature 0, kept for identical requests of later runs (``--cache``)."""

    __tablename__ = "reply"

    key: str = Field(primary_key=True)  # SHA-256 over all that was sent
    model: str
    reply: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    created_at: datetime = Field(default_factory=now, sa_type=DateTime)


class CallRow(SQLModel, table=True):
    """The journal: one finished model call, kept so that it is never paid for twice.

    ``channel`` is who asks (``client``, ``counselor``, ``judge.supervisor``, ...); its calls are numbered.
    """

    __tablename__ = "call"

    session_id: str = Field(primary_key=True)  # no foreign key: calls are kept before their session's row
    channel: str = Field(primary_key=True)
    ordinal: int = Field(primary_key=True)
    request_hash: str
    reply: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
