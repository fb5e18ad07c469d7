"""Reads a restructuring's thought records out of a session's turns, for storage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from agents.counselors.crdial.course import Channel, Course, course_of
from agents.dialogue import Turn
from storage.tables import ThoughtRecordRow

__all__ = ["Standing", "thought_rows"]

Standing = Literal["closed", "unresolved", "open"]


def thought_rows(turns: Iterable[Turn]) -> list[ThoughtRecordRow]:
    """One row a channel in the order in which they were opened; none where no restructuring was held.

    The rows have no session's id yet: ``storage.records.replace_session`` gives it.
    """
    course = course_of(turns)
    return [_row(channel, course) for channel in course.channels] if course else []


def _row(channel: Channel, course: Course) -> ThoughtRecordRow:
    return ThoughtRecordRow(
        session_id="",
        loop=channel.loop,
        channel=channel.channel,
        situation=_situation(channel, course),
        thought=channel.belief,
        turn=channel.turn,
        distortion=channel.distortion,
        belief_before=channel.before,
        belief_after=channel.after,
        belief_end=channel.end,
        emotion=channel.emotion,
        emotion_before=channel.emotion_before,
        emotion_after=channel.emotion_after,
        evidence_for=list(channel.evidence_for),
        evidence_against=list(channel.evidence_against),
        balanced_thought=channel.balanced_thought,
        effective=channel.effective,
        rounds=channel.rounds,
        status=_standing(channel, course),
    )


def _situation(channel: Channel, course: Course) -> str:
    """Of the channel's own loop, else of the nearest loop before it: a later loop may begin with another event."""
    told = [e for e in course.entries if e.kind == "situation" and e.quote and e.loop <= channel.loop]
    nearest = max((entry.loop for entry in told), default=0)
    return next((entry.quote for entry in told if entry.loop == nearest), "")


def _standing(channel: Channel, course: Course) -> Standing:
    if channel.effective:
        return "closed"
    walked = [step for loop, number, step in course.steps if (loop, number) == (channel.loop, channel.channel)]
    weighed_again = bool(walked) and walked[-1] != "verdict"  # a second round that came to no verdict
    return "open" if channel.effective is None or weighed_again else "unresolved"
