"""Preference pairs: one context, a counselor turn that fits it, and a reply with one named fault.

No rejected reply quotes what the client has not said yet, which would be a second fault and easier to learn; but for
the new thought offered too early, whose very fault it is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, Literal, get_args

from pydantic import Field

from profiles.schema import Record
from profiles.strategies import strategies
from profiles.vocabulary import Language
from storage.exports.dialogue import Talk, merged, opened, texts
from storage.exports.format import ExportOptions
from storage.exports.record import DialogueChannel, DialogueRecord, DialogueTurn
from storage.exports.strategy_runs import JOINTS
from storage.exports.unsaid import quotes_unsaid

__all__ = ["FAULTS", "WEAKER", "Fault", "Pair", "PairOptions", "pair_rows", "pairs", "pairs_between"]

Fault = Literal["strategy_stripped", "step_skip", "premature_reframe", "wrong_channel"]
FAULTS: tuple[Fault, ...] = get_args(Fault)
_QUOTING: tuple[Fault, ...] = ("step_skip", "wrong_channel")  # whose replies were made for another place in the talk
WEAKER = "weaker_counselor"

_STEPS = ("automatic_thoughts", "intermediate_beliefs", "core_beliefs", "defense", "prosecution", "verdict")
_EARLY, _WEIGHING = frozenset(_STEPS[:4]), frozenset(_STEPS[3:5])
_PIECE = re.compile(r"[^\W\d_]{4,}")
_HAN_PIECE = re.compile(r"(?=([\u3400-\u9fff]{3}))")


class PairOptions(Record):
    """Which pairs are made.

    most: at most so many a record. shortest, longest: length of the rejected text, as a share of the chosen one's.
    """

    most: int = Field(4, ge=0)
    shortest: float = Field(0.5, gt=0)
    longest: float = Field(2.0, gt=0)
    faults: tuple[Fault, ...] = FAULTS

    def fits(self, chosen: str, rejected: str) -> bool:
        """Whether the two differ, hold something, and are of like length, so that length is not what is learned."""
        if not rejected.strip() or chosen.strip() == rejected.strip():
            return False
        return self.shortest <= len(rejected) / len(chosen) <= self.longest


_USUAL = PairOptions()
_Channel = tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two replies to one talk that ends with the help-seeker.

    record_id, turn: whose turn was chosen. fault: a ``Fault``, or ``weaker_counselor`` for a pair of two records.
    """

    record_id: str
    turn: int
    fault: str
    prompt: Talk
    chosen: str
    rejected: str


@dataclass(frozen=True, slots=True)
class _Place:
    """A trainable counselor turn with the talk before it."""

    turn: DialogueTurn
    prompt: Talk


def pairs(record: DialogueRecord, options: ExportOptions, wanted: PairOptions = _USUAL) -> tuple[Pair, ...]:
    """The pairs of one record, the kinds of faults taken in turns and no counselor turn chosen twice.

    The same record and options always give the same pairs. A record that failed the safety gate, or left the chain for
    another need, gives none. Rejected replies are trainable turns as well: nobody may learn to shun a crisis text.
    """
    if record.gate == "failed" or record.left_the_chain:
        return ()
    places = tuple(_places(record, options))
    kinds = [sorted(_with_fault(record, places, fault, wanted), key=_order) for fault in wanted.faults]
    queues = [iter(kind) for kind in sorted(kinds, key=len)]  # the rarest first, while its turns are free
    found: dict[int, Pair] = {}
    while queues and len(found) < wanted.most:
        queue = queues.pop(0)
        pair = next((each for each in queue if each.turn not in found), None)
        if pair:
            found[pair.turn] = pair
            queues.append(queue)
    return tuple(sorted(found.values(), key=lambda pair: pair.turn))


def pairs_between(
    better: DialogueRecord, worse: DialogueRecord, options: ExportOptions, wanted: PairOptions = _USUAL
) -> tuple[Pair, ...]:
    """At most one pair of two sessions with one client and seed: their first differing counselor turn.

    Whatever comes later answers to different talks. None where the talks differ before, where the better one failed the
    safety gate, or where either turn is not trainable. Which counselor is better, and that seeds are equal, the caller
    knows.
    """
    same = (better.situation_id, better.language) == (worse.situation_id, worse.language)
    if not same or better.gate == "failed":
        return ()
    talk, other = (opened(merged(record.dialog), record.language, options) for record in (better, worse))
    if talk.system != other.system:
        return ()
    for place, (one, two) in enumerate(zip(talk.messages, other.messages, strict=False)):
        if one.content == two.content:
            continue
        before = talk.messages[:place]
        if not (one.train and two.train and before[-1].turns and wanted.fits(one.content, two.content)):
            return ()
        if quotes_unsaid(two.content, (each.content for each in before), (), better.language):
            return ()
        return (Pair(better.id, one.turns[0], WEAKER, Talk(talk.system, before), one.content, two.content),)
    return ()


def pair_rows(
    row: Callable[[Pair], dict[str, Any]],
) -> Callable[[DialogueRecord, ExportOptions], Iterator[dict[str, Any]]]:
    """The ``rows`` of a preference format that writes a pair as ``row`` does."""

    def rows(record: DialogueRecord, options: ExportOptions) -> Iterator[dict[str, Any]]:
        return (row(pair) for pair in pairs(record, options))

    return rows


def _places(record: DialogueRecord, options: ExportOptions) -> Iterator[_Place]:
    talk = opened(merged(record.dialog), record.language, options)
    by_number = {turn.turn: turn for turn in record.dialog}
    for place, message in enumerate(talk.messages):
        if message.train and len(message.turns) == 1 and talk.messages[place - 1].turns:
            turn = by_number[message.turns[0]]
            if not turn.sentences or _supports(turn, record.language):
                yield _Place(turn, Talk(talk.system, talk.messages[:place]))


def _supports(turn: DialogueTurn, language: Language) -> bool:
    known = strategies(language)
    return any(each.strategy in known and known[each.strategy].supports for each in turn.sentences)


def _with_fault(record: DialogueRecord, places: Iterable[_Place], fault: Fault, wanted: PairOptions) -> Iterator[Pair]:
    for place in places:
        chosen = place.turn.content
        fitting = (text for text in _FAULTY[fault](record, place.turn) if wanted.fits(chosen, text))
        rejected = next((text for text in fitting if not _early(record, place, fault, text)), None)
        if rejected is not None:
            yield Pair(record.id, place.turn.turn, fault, place.prompt, chosen, rejected)


def _early(record: DialogueRecord, place: _Place, fault: Fault, text: str) -> bool:
    """Whether a reply speaks of what the client says only later, where that is not what it is rejected for."""
    if fault not in _QUOTING:
        return False
    said = (each.content for each in place.prompt.messages)
    told = [each.content for each in record.dialog if each.turn > place.turn.turn and each.speaker == "help_seeker"]
    kept = [text for each in record.channels for text in (*_words(each), each.balanced_thought or "")]
    return quotes_unsaid(text, said, (*told, *kept), record.language)


def _order(pair: Pair) -> str:
    # By chance, yet always alike: else every record would give its first turns, and never the end of a talk.
    return _chance(pair.record_id, pair.fault, pair.turn)


def _chance(*parts: object) -> str:
    return hashlib.sha256("\n".join(str(part) for part in parts).encode("utf-8", "surrogatepass")).hexdigest()


def _stripped(record: DialogueRecord, turn: DialogueTurn) -> Iterator[str]:
    known = strategies(record.language)
    blank = JOINTS[record.language]
    if not all(each.strategy in known for each in turn.sentences):
        return
    bare = [each.text for each in turn.sentences if not known[each.strategy].supports]
    if bare and len(bare) < len(turn.sentences) and blank.join(e.text for e in turn.sentences) == turn.content:
        yield blank.join(bare)


def _skipping(record: DialogueRecord, turn: DialogueTurn) -> Iterator[str]:
    if turn.step not in _STEPS:
        return
    for later in _trainable(record):
        ahead = later.turn > turn.turn and later.loop == turn.loop and turn.channel in (None, later.channel)
        if ahead and later.step in _STEPS and _STEPS.index(later.step) >= _STEPS.index(turn.step) + 2:
            yield later.content


def _premature(record: DialogueRecord, turn: DialogueTurn) -> Iterator[str]:
    if turn.step not in _EARLY:
        return
    templates = sorted(texts(record.language).premature, key=lambda text: _chance(record.id, turn.turn, text))
    for channel in record.channels:
        thought = (channel.balanced_thought or "").strip()
        # What stands under a verdict that did not work is often that there is no other thought yet.
        found = thought and channel.effective
        if found and channel.loop == turn.loop and turn.channel in (None, channel.channel):
            yield from (template.replace("{thought}", thought) for template in templates)


def _elsewhere(record: DialogueRecord, turn: DialogueTurn) -> Iterator[str]:
    if turn.step not in _WEIGHING or turn.channel is None:
        return
    own = (turn.loop, turn.channel)
    others = [each for each in record.channels if _at(each) != own]
    for other in sorted(others, key=lambda each: (each.loop != turn.loop, _at(each))):
        telling = _telling(record, own, other)
        for each in _trainable(record):
            if each.step == turn.step and _at(each) == _at(other) and telling & _pieces(each.content):
                yield each.content


def _telling(record: DialogueRecord, own: _Channel, other: DialogueChannel) -> frozenset[str]:
    """Words by which a turn is known to speak of the other belief: most questions about facts would fit any belief.

    They are the belief's and its evidence's, less all that is said in the own channel and what the counselor says
    anywhere else (but in step 3, where all beliefs are named).
    """
    common = [each.content for each in record.dialog if _at(each) == own or _elsewhere_said(each, other)]
    ours = [text for each in record.channels if _at(each) == own for text in _words(each)]
    return _all_pieces(_words(other)) - _all_pieces([*common, *ours])


def _elsewhere_said(turn: DialogueTurn, other: DialogueChannel) -> bool:
    return turn.speaker == "therapist" and turn.step != "core_beliefs" and _at(turn) != _at(other)


def _at(place: DialogueTurn | DialogueChannel) -> _Channel:
    return place.loop, place.channel


def _trainable(record: DialogueRecord) -> Iterator[DialogueTurn]:
    return (turn for turn in record.dialog if turn.speaker == "therapist" and turn.train)


def _words(channel: DialogueChannel) -> tuple[str, ...]:
    return (channel.belief, *channel.evidence_for, *channel.evidence_against)


def _all_pieces(said: Iterable[str]) -> frozenset[str]:
    return frozenset(chain.from_iterable(map(_pieces, said)))


@lru_cache(maxsize=512)  # the turns of the record at hand are asked for again and again
def _pieces(text: str) -> frozenset[str]:
    folded = text.casefold()
    return frozenset(chain(_PIECE.findall(folded), _HAN_PIECE.findall(folded)))


_FAULTY: Mapping[Fault, Callable[[DialogueRecord, DialogueTurn], Iterator[str]]] = {
    "strategy_stripped": _stripped,
    "step_skip": _skipping,
    "premature_reframe": _premature,
    "wrong_channel": _elsewhere,
}
