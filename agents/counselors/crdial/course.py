"""The course of a restructuring: what each counselor turn notes of it, and the whole as it is read back from the turns.

Steps and gates follow CRDial (Crisp, arXiv 2504.17238): two stages, six steps, channels and loops. Fields are named
neutrally (evidence for and against the thought), because sources disagree which side is the "defense".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

from agents.dialogue import Turn
from profiles.schema import Record

__all__ = [
    "EXITS",
    "MOST_CHANNELS",
    "MOST_LOOPS",
    "NOTE",
    "STEPS",
    "Channel",
    "Course",
    "Entry",
    "Exit",
    "Gate",
    "Kind",
    "Note",
    "Step",
    "course_of",
]

Step = Literal["automatic_thoughts", "intermediate_beliefs", "core_beliefs", "defense", "prosecution", "verdict"]
STEPS: tuple[Step, ...] = get_args(Step)
MOST_CHANNELS = 3  # in one loop (paper)
MOST_LOOPS = 3  # project default: the paper gives a mean of 2.28 and no maximum
NOTE = "restructuring"

Kind = Literal[
    "situation",
    "automatic_thought",
    "intermediate_belief",
    "core_belief",
    "belief_before",
    "belief_after",
    "belief_end",
    "emotion_before",
    "emotion_after",
    "evidence_for",
    "evidence_against",
    "balanced_thought",
]
Status = Literal["filled", "none", "unfilled", "declined"]
Exit = Literal[
    "crisis", "abuse_or_neglect", "psychosis_mania_intoxication", "medical", "realistic_problem", "distress_rising",
    "declines", "cap",
]  # fmt: skip
EXITS: tuple[Exit, ...] = get_args(Exit)


class Entry(Record):
    """One slot as it was settled.

    channel: 1-3 within its loop; None for what belongs to the whole loop or session.
    status: ``filled``; ``none`` (the client says there is nothing); ``unfilled`` (tries used up); ``declined``.
    quote, turn, span: the client's words, the index of the turn and the place in it; empty unless filled by words.
    value: 0-100 for beliefs and emotions; ``belief_end`` is a channel's belief, asked again at the close.
    name: the distortion's id (core_belief), or the emotion in the client's word.
    """

    kind: Kind
    loop: int
    channel: int | None = None
    status: Status = "filled"
    quote: str = ""
    turn: int | None = None
    span: tuple[int, int] | None = None
    value: float | None = None
    name: str = ""


class Gate(Record):
    """One decision whether to go on. gate: ``leave`` (a step), ``verdict`` (did it work) or ``residual`` (once more).

    turn: index of the client turn that decided. evidence_*: the client's words it rests on, where there are any.
    """

    gate: Literal["leave", "verdict", "residual"]
    step: Step
    loop: int
    channel: int | None = None
    turn: int
    passed: bool
    evidence_quote: str = ""
    evidence_turn: int | None = None
    reason: str = ""


class Note(Record):
    """What a counselor turn notes under ``notes["restructuring"]``.

    step: the step that the turn belongs to; None before the first and after the last (greeting, crisis, close).
    asks: what the turn asks for: a ``Kind``, ``confirm``, ``residual``, ``agree`` (next step), or empty.
    entries, gates: settled or decided by the client turn before this one. exit: set from the turn on that leaves.
    """

    version: str = "1"
    step: Step | None
    loop: int = 1
    channel: int | None = None
    asks: str = ""
    entries: tuple[Entry, ...] = ()
    gates: tuple[Gate, ...] = ()
    exit: Exit | None = None


class Channel(Record):
    """One distorted belief with its own defense, prosecution and verdict.

    belief: the thought as the client says it, ``turn`` where. before, after: belief strength 0-100; end: asked again at
    the session's close.
    rounds: passes through defense and prosecution (1-2). effective: whether the restructuring worked; None while open
    or where nothing was weighed.
    """

    loop: int
    channel: int
    belief: str
    turn: int | None = None
    distortion: str | None = None
    before: float | None = None
    after: float | None = None
    end: float | None = None
    emotion: str = ""
    emotion_before: float | None = None
    emotion_after: float | None = None
    evidence_for: tuple[str, ...] = ()
    evidence_against: tuple[str, ...] = ()
    balanced_thought: str | None = None
    effective: bool | None = None
    rounds: int = 1


class Course(Record):
    """A restructuring as a whole. ``steps``: (loop, channel, step) in the order walked, each once a visit."""

    situation: str = ""
    automatic_thoughts: tuple[str, ...] = ()
    intermediate_beliefs: tuple[str, ...] = ()
    channels: tuple[Channel, ...] = ()
    loops: int = 0
    emotions_before: tuple[tuple[str, float], ...] = ()
    emotions_after: tuple[tuple[str, float], ...] = ()
    steps: tuple[tuple[int, int | None, Step], ...] = ()
    gates: tuple[Gate, ...] = ()
    entries: tuple[Entry, ...] = ()
    exit: Exit | None = None


def course_of(turns: Iterable[Turn]) -> Course | None:
    """The course that a dialogue's turns tell of; None where no restructuring was held."""
    notes = [Note.model_validate(turn.notes[NOTE]) for turn in turns if NOTE in turn.notes]
    if not notes:
        return None
    entries = tuple(entry for note in notes for entry in note.entries)
    gates = tuple(gate for note in notes for gate in note.gates)
    walked = [(note.loop, note.channel, note.step) for note in notes if note.step]
    whole = _named([entry for entry in entries if entry.channel is None and entry.status == "filled"])
    return Course(
        situation=next((entry.quote for entry in entries if entry.kind == "situation" and entry.quote), ""),
        automatic_thoughts=_quotes(entries, "automatic_thought"),
        intermediate_beliefs=_quotes(entries, "intermediate_belief"),
        channels=_channels(entries, gates),
        loops=max((loop for loop, _, _ in walked), default=0),
        emotions_before=_emotions(whole, "emotion_before"),
        emotions_after=_emotions(whole, "emotion_after"),
        steps=tuple(step for place, step in enumerate(walked) if place == 0 or walked[place - 1] != step),
        gates=gates,
        entries=entries,
        exit=next((note.exit for note in reversed(notes) if note.exit), None),
    )


def _quotes(entries: Iterable[Entry], kind: Kind) -> tuple[str, ...]:
    return tuple(dict.fromkeys(entry.quote for entry in entries if entry.kind == kind and entry.quote))


def _emotions(entries: Iterable[Entry], kind: Kind) -> tuple[tuple[str, float], ...]:
    return tuple((e.name, e.value) for e in entries if e.kind == kind and e.value is not None)


def _named(entries: list[Entry]) -> list[Entry]:
    """A feeling that was rated before it was named is the one named next."""
    rated = [entry for entry in entries if entry.kind in ("emotion_before", "emotion_after")]
    name = next((entry.name for entry in rated if entry.name), "")
    return [
        entry.model_copy(update={"name": name}) if entry in rated and not entry.name else entry for entry in entries
    ]


def _channels(entries: tuple[Entry, ...], gates: tuple[Gate, ...]) -> tuple[Channel, ...]:
    opened = {
        (entry.loop, entry.channel): entry
        for entry in reversed(entries)  # the first of a channel stays
        if entry.kind == "core_belief" and entry.channel is not None and entry.status == "filled"
    }
    return tuple(_channel(opened[place], entries, gates) for place in sorted(opened))


def _channel(opened: Entry, entries: tuple[Entry, ...], gates: tuple[Gate, ...]) -> Channel:
    loop, channel = opened.loop, opened.channel or 0
    own = [e for e in entries if (e.loop, e.channel) == (loop, channel) and e.status == "filled"]
    verdicts = [gate for gate in gates if gate.gate == "verdict" and (gate.loop, gate.channel) == (loop, channel)]
    feeling = next((e.name for e in own if e.kind in ("emotion_before", "emotion_after") and e.name), "")
    return Channel(
        loop=loop,
        channel=channel,
        belief=opened.quote,
        turn=opened.turn,
        distortion=opened.name or None,
        before=_last_value(own, "belief_before"),
        after=_last_value(own, "belief_after"),
        end=_last_value(own, "belief_end"),
        emotion=feeling,
        emotion_before=_last_value(own, "emotion_before"),
        emotion_after=_last_value(own, "emotion_after"),
        evidence_for=_quotes(own, "evidence_for"),
        evidence_against=_quotes(own, "evidence_against"),
        balanced_thought=next((e.quote for e in reversed(own) if e.kind == "balanced_thought"), None),
        effective=verdicts[-1].passed if verdicts else None,
        rounds=max(1, len(verdicts)),
    )


def _last_value(entries: list[Entry], kind: Kind) -> float | None:
    return next((e.value for e in reversed(entries) if e.kind == kind and e.value is not None), None)
