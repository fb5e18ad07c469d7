"""The one record that every export format is derived from: a dialogue with its labels and its provenance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from profiles.schema import Record
from profiles.vocabulary import Language, Stage

__all__ = [
    "GATES",
    "UNKNOWN_DOMAIN",
    "Belief",
    "DialogueChannel",
    "DialogueRecord",
    "DialogueTurn",
    "LabelledSentence",
    "Scales",
    "paths",
]

SCHEMA_VERSION = "1.0"
GATES = ("passed", "not_checked", "failed")  # what the safety gate may say, from good to bad
UNKNOWN_DOMAIN = "unknown"  # of an imported dialogue whose file tells of none


class LabelledSentence(Record):
    """One counselor sentence. Joined (a space in English, nothing in Chinese) a turn's sentences equal its content."""

    text: str
    strategy: str
    category: str


class DialogueTurn(Record):
    """One turn. ``turn`` counts from 0 without gaps. step, loop, channel: of a restructuring, else None.

    train: whether the text may be a training target: a counselor turn that a speaker made (no greeting, no crisis text,
    nothing that the safety gate flagged).
    """

    turn: int = Field(ge=0)
    round: int = Field(ge=0)
    speaker: Literal["help_seeker", "therapist"]
    stage: Stage
    step: str | None = None
    loop: int | None = None
    channel: int | None = None
    content: str
    sentences: tuple[LabelledSentence, ...] = ()
    train: bool = False


class Belief(Record):
    """A core belief as a channel of a loop. distortion: an id of the registry, or None where none was named."""

    loop: int
    channel: int
    distortion: str | None
    belief: str


class DialogueChannel(Record):
    """What was weighed in one channel; belief strengths and emotions 0-100.

    belief_end: asked once more at the session's close, of one or two channels.
    """

    loop: int
    channel: int
    distortion: str | None = None
    belief: str = ""
    belief_before: float | None = None
    belief_after: float | None = None
    belief_end: float | None = None
    emotion: str = ""
    emotion_before: float | None = None
    emotion_after: float | None = None
    evidence_for: tuple[str, ...] = ()
    evidence_against: tuple[str, ...] = ()
    balanced_thought: str | None = None
    effective: bool | None = None
    rounds: int = 1


class Scales(Record):
    """Ratings before and after the session: mean belief strength over channels, emotions by name (all 0-100).

    rater: who gave them; ``unknown`` in a transcript that does not say. affect_*: ``{pa, na, n_items, instrument}``
    where a licensed questionnaire was given, else None; never imputed.
    """

    belief_pre: float | None = None
    belief_post: float | None = None
    emotions_pre: tuple[tuple[str, float], ...] = ()
    emotions_post: tuple[tuple[str, float], ...] = ()
    affect_pre: dict[str, Any] | None = None
    affect_post: dict[str, Any] | None = None
    rater: Literal["simulated", "person", "unknown"] = "simulated"


class DialogueRecord(Record):
    """One session, or with ``unit path`` one loop and channel of it.

    situation_id: id of the client card, by which data sets are split. parent_dialogue_id: the session's record where
    this one is a path of it. scores: party -> {total, share, passed, item_mean}. gate, fidelity: as in ``session``.
    """

    schema_version: str = SCHEMA_VERSION
    id: str
    session_id: str
    run_id: str
    situation_id: str
    parent_dialogue_id: str | None = None
    language: Language
    domain: str
    sub_domain: str = ""
    situation: str = ""
    counselor: str
    loop_index: int | None = None
    channel_index: int | None = None
    automatic_thoughts: tuple[str, ...] = ()
    intermediate_beliefs: tuple[str, ...] = ()
    core_beliefs: tuple[Belief, ...] = ()
    channels: tuple[DialogueChannel, ...] = ()
    loops: int = 0
    commonsense: tuple[dict[str, str], ...] = ()
    dialog: tuple[DialogueTurn, ...] = ()
    scales: Scales = Scales()
    scores: dict[str, dict[str, Any]] = {}
    gate: str = "not_checked"
    fidelity: str = "not_checked"
    exit: str | None = None
    provenance: dict[str, Any] = {}
    privacy: dict[str, Any] = {}

    @property
    def left_the_chain(self) -> bool:
        """Whether the talk left the restructuring for another need; that its time was up (``cap``) is no such exit."""
        return self.exit not in (None, "cap")


def paths(record: DialogueRecord) -> Iterator[DialogueRecord]:
    """A session's record cut into paths: for each channel the identification of its loop and the channel's own turns.

    A record without channels is its own only path.
    """
    if not record.channels:
        yield record
    for channel in record.channels:
        place = (channel.loop, channel.channel)
        kept = [turn for turn in record.dialog if turn.loop == channel.loop and turn.channel in (None, channel.channel)]
        yield record.model_copy(
            update={
                "id": f"{record.id}_l{place[0]}_c{place[1]}",
                "parent_dialogue_id": record.id,
                "loop_index": place[0],
                "channel_index": place[1],
                "core_beliefs": tuple(each for each in record.core_beliefs if each.loop == channel.loop),
                "channels": (channel,),
                "dialog": tuple(turn.model_copy(update={"turn": number}) for number, turn in enumerate(kept)),
            }
        )
