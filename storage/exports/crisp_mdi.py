"""The format ``crisp-mdi``: which distorted beliefs a talk has shown, and replies that hold one of them in view.

Kind ``channels``: the talk up to the client's last turn in a loop's identification steps -> a JSON list of up to three
``{distortion, belief}``, distortions by id. Kind ``reply``: the talk with the active channel in the system message ->
the counselor's turn. A channel whose distortion nobody named is never filled in: its replies, and the list that would
lack it, make no row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from profiles.distortions import distortion_in, distortions
from storage.exports.counseling_text import texts
from storage.exports.dialogue import Message, Talk, chat, merged, opened
from storage.exports.format import ExportFormat, ExportOptions
from storage.exports.record import Belief, DialogueRecord
from storage.exports.safe_text import json_text

__all__ = ["FORMATS", "rows"]

_IDENTIFICATION = ("automatic_thoughts", "intermediate_beliefs", "core_beliefs")
_MOST = 3  # channels in one loop (paper)
_Place = tuple[int, int]


def rows(record: DialogueRecord, options: ExportOptions) -> Iterator[dict[str, Any]]:
    """The rows of kind ``channels`` loop by loop, then those of kind ``reply`` in the order of the dialogue."""
    yield from _lists(record, options)
    yield from _replies(record, options)


def _lists(record: DialogueRecord, options: ExportOptions) -> Iterator[dict[str, Any]]:
    task = texts(record.language).find_channels.format(ids=", ".join(distortions(record.language)))
    for loop in sorted({belief.loop for belief in record.core_beliefs}):
        named = sorted((each for each in record.core_beliefs if each.loop == loop), key=lambda each: each.channel)
        # The paths of one loop share their identification; only the first of them tells it.
        if record.channel_index not in (None, named[0].channel):
            continue
        answer = [{"distortion": _known(each), "belief": each.belief} for each in named[:_MOST]]
        context = _identified(record, loop)
        if context and all(item["distortion"] for item in answer):
            yield _row("channels", (loop, None), _chat(context, record, options, task), json_text(answer))


def _replies(record: DialogueRecord, options: ExportOptions) -> Iterator[dict[str, Any]]:
    beliefs = {(each.loop, each.channel): each for each in record.core_beliefs}
    found = merged(record.dialog)
    for place, message in enumerate(found):
        belief = beliefs.get(_channel(message, record) or (0, 0))
        if place == 0 or not message.train or belief is None:
            continue
        if distortion := _known(belief):
            name = distortions(record.language)[distortion].name
            task = texts(record.language).hold_channel.format(distortion=name, belief=belief.belief)
            context = _chat(found[:place], record, options, task)
            yield _row("reply", (belief.loop, belief.channel), context, message.content)


def _row(kind: str, place: tuple[int, int | None], context: list[dict[str, str]], said: str) -> dict[str, Any]:
    messages = [*context, {"role": "assistant", "content": said}]
    return {"kind": kind, "loop": place[0], "channel": place[1], "messages": messages}


def _chat(
    context: tuple[Message, ...], record: DialogueRecord, options: ExportOptions, task: str
) -> list[dict[str, str]]:
    talk = opened(context, record.language, options)
    system = f"{talk.system}\n\n{task}" if talk.system else task
    return list(chat(Talk(system, talk.messages)))


def _identified(record: DialogueRecord, loop: int) -> tuple[Message, ...]:
    """The talk up to the client's last words in a loop's identification; empty where there are none."""
    own = [
        turn.turn
        for turn in record.dialog
        if turn.loop == loop and turn.step in _IDENTIFICATION and turn.speaker == "help_seeker"
    ]
    return merged(record.dialog[: own[-1] + 1]) if own else ()


def _channel(message: Message, record: DialogueRecord) -> _Place | None:
    """The one channel that all turns of a message belong to."""
    loop, channel = None, None
    places = {(record.dialog[turn].loop, record.dialog[turn].channel) for turn in message.turns}
    if len(places) == 1:
        loop, channel = places.pop()
    return None if loop is None or channel is None else (loop, channel)


def _known(belief: Belief) -> str | None:
    return distortion_in(belief.distortion) if belief.distortion else None


FORMATS = (
    ExportFormat(
        name="crisp-mdi",
        kind="jsonl",
        summary="talk -> its distorted beliefs, and talk with one of them in view -> reply, told apart by 'kind'",
        unit="identification, or counselor turn with its context",
        rows=rows,
        fields=("kind", "loop", "channel", "messages"),
    ),
)
