"""All tables of the first release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables, parents first."""
    _run()
    _session()
    _turn()
    _judgment()
    _score()
    _safety_event()
    _interview_answer()
    _thought_record()
    _candidate()
    _rating()
    _call()
    _reply()


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null)


def _word(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=null)


def _number(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=null)


def _real(name: str, *, null: bool = True) -> sa.Column[float]:
    return sa.Column(name, sa.Float(), nullable=null)


def _json(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.JSON(), nullable=null)


def _flag(name: str, *, null: bool = False) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=null)


def _time(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(), nullable=null)


def _parent(name: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([name], [target], ondelete="CASCADE")


def _run() -> None:
    op.create_table(
        "run",
        _word("id"),
        _word("name"),
        _word("status"),
        _flag("offline"),
        _json("config"),
        _json("versions"),
        _json("faults"),
        _number("planned"),
        _time("created_at"),
        _time("finished_at", null=True),
        sa.PrimaryKeyConstraint("id"),
    )


def _session() -> None:
    op.create_table(
        "session",
        _word("id"),
        _word("run_id"),
        _number("ordinal"),
        _word("counselor"),
        _word("profile_id"),
        _word("theme"),
        _number("resistance"),
        _word("risk"),
        _word("language"),
        _number("repeat"),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        _word("status"),
        _word("error_kind", null=True),
        _text("error", null=True),
        _word("end_by", null=True),
        _word("end_reason", null=True),
        _number("rounds"),
        _word("gate"),
        _word("fidelity"),
        _json("fidelity_flags"),
        _json("outcome"),
        _json("profile"),
        _json("usage"),
        _real("seconds", null=False),
        _time("created_at"),
        _parent("run_id", "run.id"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("run_id", "counselor", "profile_id", "repeat"),
    )
    op.create_index("ix_session_run_id", "session", ["run_id"])
    op.create_index("ix_session_profile_id", "session", ["profile_id"])


def _turn() -> None:
    op.create_table(
        "turn",
        _word("session_id"),
        _number("index"),
        _number("round"),
        _word("speaker"),
        _word("stage"),
        _text("text"),
        _text("reasoning", null=True),
        _json("sentences"),
        _json("notes"),
        _json("call", null=True),
        _parent("session_id", "session.id"),
        sa.PrimaryKeyConstraint("session_id", "index"),
    )


def _judgment() -> None:
    op.create_table(
        "judgment",
        _number("id"),
        _word("session_id"),
        _word("party"),
        _word("judge"),
        _word("model"),
        _word("rubric_version"),
        _word("prompt_hash"),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        _word("status"),
        _text("reason", null=True),
        _real("total"),
        _real("item_mean"),
        _real("share"),
        _flag("passed", null=True),
        _number("scored"),
        _number("items"),
        _json("call", null=True),
        _time("created_at"),
        _parent("session_id", "session.id"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_judgment_session_id", "judgment", ["session_id"])
    op.create_index("ix_judgment_session_party", "judgment", ["session_id", "party", "judge"])


def _score() -> None:
    op.create_table(
        "score",
        _number("judgment_id"),
        _word("dimension"),
        _word("status"),
        _real("value"),
        _text("reason"),
        _json("evidence"),
        _parent("judgment_id", "judgment.id"),
        sa.PrimaryKeyConstraint("judgment_id", "dimension"),
    )


def _safety_event() -> None:
    op.create_table(
        "safety_event",
        _number("id"),
        _word("session_id"),
        _number("turn"),
        _word("speaker"),
        _word("kind"),
        _word("level"),
        _text("quote"),
        _word("rule"),
        _word("source"),
        _flag("failed_gate"),
        _parent("session_id", "session.id"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_safety_event_session_id", "safety_event", ["session_id"])


def _interview_answer() -> None:
    op.create_table(
        "interview_answer",
        _number("id"),
        _word("session_id"),
        _word("instrument"),
        _word("node"),
        _word("criterion"),
        _word("verdict"),
        _number("asked_turn", null=True),
        _number("turn", null=True),
        _text("quote", null=True),
        _json("span", null=True),
        _json("slots"),
        _number("asks"),
        _flag("derived"),
        _json("counter"),
        _json("faults"),
        _json("override", null=True),
        _parent("session_id", "session.id"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_interview_answer_session_id", "interview_answer", ["session_id"])


def _thought_record() -> None:
    op.create_table(
        "thought_record",
        _number("id"),
        _word("session_id"),
        _number("loop"),
        _number("channel"),
        _text("situation"),
        _text("thought"),
        _number("turn", null=True),
        _word("distortion", null=True),
        _real("belief_before"),
        _real("belief_after"),
        _real("belief_end"),
        _text("emotion"),
        _real("emotion_before"),
        _real("emotion_after"),
        _json("evidence_for"),
        _json("evidence_against"),
        _text("balanced_thought", null=True),
        _flag("effective", null=True),
        _number("rounds"),
        _word("status"),
        _parent("session_id", "session.id"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_thought_record_session_id", "thought_record", ["session_id"])


def _candidate() -> None:
    op.create_table(
        "candidate",
        _word("id"),
        _word("run_id"),
        _word("parent_id", null=True),
        _word("counselor"),
        _json("guidance"),
        _json("scores"),
        _word("status"),
        _text("reason"),
        _time("created_at"),
        _parent("run_id", "run.id"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_candidate_run_id", "candidate", ["run_id"])


def _rating() -> None:
    op.create_table(
        "rating",
        _number("id"),
        _word("session_id"),
        _word("rater"),
        _word("party"),
        _word("dimension"),
        _word("rubric_version"),
        _real("value"),
        _word("status"),
        _text("comment"),
        _time("created_at"),
        _parent("session_id", "session.id"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("session_id", "rater", "party", "dimension"),
    )
    op.create_index("ix_rating_session_id", "rating", ["session_id"])


def _call() -> None:
    op.create_table(
        "call",
        _word("session_id"),
        _word("channel"),
        _number("ordinal"),
        _word("request_hash"),
        _json("reply"),
        sa.PrimaryKeyConstraint("session_id", "channel", "ordinal"),
    )


def _reply() -> None:
    op.create_table(
        "reply",
        _word("key"),
        _word("model"),
        _json("reply"),
        _time("created_at"),
        sa.PrimaryKeyConstraint("key"),
    )
