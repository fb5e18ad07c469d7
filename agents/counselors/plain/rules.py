"""The offline answers of the plain counselor: explores, reflects, summarises and plans by stage."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from agents.counselors.listening import Manners, feeling, snippet
from agents.counselors.plain.counselor import PlainInputs
from agents.phrases import Phrases, load_phrases
from agents.reading import content_units
from profiles.screening import risk_level
from profiles.vocabulary import Language, Stage

_SUMMARY_EVERY = 6
_RISK_ROUND = 6  # safety is asked about by this round even where nothing pointed to danger


@dataclass
class _Desk:
    """What the rule has before it for one turn."""

    inputs: PlainInputs
    chance: random.Random
    language: Language
    phrases: Phrases = field(init=False)
    client: tuple[str, ...] = field(init=False)
    said: str = field(init=False)

    def __post_init__(self) -> None:
        self.phrases = load_phrases("agents.counselors.plain", self.language)
        self.client = tuple(turn.text for turn in self.inputs.turns if turn.speaker == "client")
        self.said = "\n".join(turn.text for turn in self.inputs.turns if turn.speaker == "counselor")

    @property
    def last(self) -> str:
        return self.client[-1] if self.client else ""

    def line(self, name: str) -> str:
        """A line not yet used; where all are used, any."""
        return self.phrases.unused(name, self.said, self.chance) or self.chance.choice(self.phrases.lines(name))

    def fresh(self, name: str) -> str | None:
        return self.phrases.unused(name, self.said, self.chance)

    @property
    def manners(self) -> Manners:
        lists = ("second_person", "lead", "fragment_starts", "fragment_ends", "feel", "keep_capital")
        named = {name: self.phrases.lines(f"listening.{name}") for name in lists}
        return Manners(swap=self.phrases.mapping("listening.swap"), **named)

    def earlier_pieces(self) -> list[str]:
        """Pieces of earlier client turns, the weightiest first, that were not summed up before."""
        pieces = []
        for text in self.client[:-1]:
            piece = snippet(text, self.language, self.manners)
            if piece and piece not in self.said and piece not in pieces:
                pieces.append(piece)
        return sorted(pieces, key=lambda piece: -len(content_units(piece, self.language)))


def psycho(inputs: PlainInputs, chance: random.Random, language: Language) -> str:
    """One counselor turn: danger first, then a hurt, then the end, a summary, or the stage's ordinary work."""
    desk = _Desk(inputs, chance, language)
    parts = _danger(desk) or _after_coldness(desk) or _ending(desk) or _summary(desk) or _work(desk)
    if inputs.round == 1:
        parts = [desk.line("intro"), *parts]
    return desk.phrases.join(parts)


def _danger(desk: _Desk) -> list[str] | None:
    if risk_level(desk.last, desk.language) != "none":
        return [desk.line("confided"), desk.line("risk_support")]
    if desk.inputs.round in _risk_rounds(desk):
        return [_reflection(desk), desk.line("risk_ask")]
    return None


def _risk_rounds(desk: _Desk) -> set[int]:
    """Once early; and again later when the first answer was neither a yes nor a no."""
    first = min(_RISK_ROUND, desk.inputs.rounds)
    answer = desk.client[first] if len(desk.client) > first else ""
    words = desk.phrases.lines("denial")
    denied = any(word in answer.casefold() for word in words)
    told = risk_level(answer, desk.language) != "none"
    again = first * 3
    return {first} if denied or told or not answer else {first, again}


def _after_coldness(desk: _Desk) -> list[str] | None:
    cold = load_phrases("agents.clients", desk.language).tree("reactions")
    if any(line in desk.last for lines in cold.values() for line in lines):
        line = desk.fresh("met_coldly")
        return [line] if line else None
    return None


def _ending(desk: _Desk) -> list[str] | None:
    if desk.inputs.rounds_left > 0:
        return None
    pieces = desk.earlier_pieces()
    return [desk.line("close").replace("{a}", pieces[0])] if pieces else [desk.line("affirm"), desk.line("collaborate")]


def _summary(desk: _Desk) -> list[str] | None:
    pieces = desk.earlier_pieces()
    frame = desk.fresh("summary")
    if desk.inputs.round % _SUMMARY_EVERY or len(pieces) < 2 or frame is None:
        return None
    return [frame.replace("{a}", pieces[0]).replace("{b}", pieces[1])]


def _work(desk: _Desk) -> list[str]:
    stage = desk.inputs.stage
    confide = load_phrases("agents.clients", desk.language).lines("confide")
    if any(line in desk.last for line in confide):
        return [desk.line("confided"), _reflection(desk), _question(desk, stage)]
    middle = desk.fresh("validate") if desk.chance.random() < 0.35 else None
    parts = [_reflection(desk), middle]
    if stage is Stage.SOLUTION_EXPLORATION:
        parts += _ways_forward(desk)
    else:
        parts.append(_question(desk, stage))
    return [part for part in parts if part]


def _ways_forward(desk: _Desk) -> list[str | None]:
    draw = desk.chance.random()
    if draw < 0.25:
        return [desk.fresh("affirm"), desk.fresh("plan") or _question(desk, Stage.SOLUTION_EXPLORATION)]
    if draw < 0.5:
        return [desk.fresh("collaborate") or _question(desk, Stage.SOLUTION_EXPLORATION)]
    return [_question(desk, Stage.SOLUTION_EXPLORATION)]


def _question(desk: _Desk, stage: Stage) -> str:
    ahead = [stage, Stage.DIAGNOSIS, Stage.SOLUTION_EXPLORATION, Stage.TRUST_BUILDING]
    fresh = (desk.fresh(f"questions.{name.value}") for name in ahead if name is not Stage.CLOSED)
    return next((line for line in fresh if line), desk.line("questions.diagnosis"))


def _reflection(desk: _Desk) -> str:
    piece = snippet(desk.last, desk.language, desk.manners)
    named = feeling(desk.last, desk.language, desk.manners)
    if piece and desk.inputs.stage is Stage.SOLUTION_EXPLORATION:
        return desk.chance.choice(_unused_frames(desk, "forward")).replace("{snippet}", piece)
    kind = {(True, True): "both", (True, False): "snippet", (False, True): "feeling", (False, False): "plain"}
    frame = desk.chance.choice(_unused_frames(desk, kind[piece is not None, named is not None]))
    return frame.replace("{snippet}", piece or "").replace("{feeling}", named or "")


def _unused_frames(desk: _Desk, kind: str) -> list[str]:
    frames = desk.phrases.lines(f"reflect.{kind}")
    counts = [desk.said.count(frame.partition("{")[0]) if "{" in frame[1:] else desk.said.count(frame) for frame in frames]
    least = min(counts)
    return [frame for frame, count in zip(frames, counts, strict=True) if count == least]


def vanilla(inputs: PlainInputs, chance: random.Random, language: Language) -> str:
    """A generic helpful assistant: kind, quick with tips, asks now and then."""
    desk = _Desk(inputs, chance, language)
    if risk_level(desk.last, language) != "none":
        return desk.phrases.join([desk.line("vanilla.acknowledge"), desk.line("risk_support")])
    parts: list[str | None] = [_reflection(desk) if chance.random() < 0.4 else desk.line("vanilla.acknowledge")]
    if chance.random() < 0.45:
        parts.append(desk.line("vanilla.advice"))
    elif chance.random() < 0.3:
        parts.append(desk.line("vanilla.information"))
    if chance.random() < 0.75:
        asks = "vanilla.ask" if chance.random() < 0.6 else f"questions.{inputs.stage.value}"
        parts.append(desk.line(asks))
    return desk.phrases.join(parts)


RULES = {"counselors.plain.psycho": psycho, "counselors.plain.vanilla": vanilla}
