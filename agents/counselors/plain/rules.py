"""The offline answers of the plain counselor: explores, reflects, summarises and plans by stage."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from agents.counselors.listening import Manners, Pieces, feeling, heavy, pieces, thought
from agents.counselors.plain.counselor import PlainInputs
from agents.dialogue import Turn
from agents.phrases import Phrases, load_phrases
from agents.reading import content_units
from profiles.screening import risk_level
from profiles.vocabulary import Language, Stage

_SUMMARY_EVERY = 6
_RISK_ROUND = 6  # safety is asked about by this round even where nothing pointed to danger
_LEAST_SAID = 3  # content units of a piece worth a place in a summary
_FEW_WORDS = 8  # content units up to which a turn with a refusal in it is nothing but that
_WRAP_UP_FROM = 8  # rounds a session must have for its last but one turn to prepare the end
_RISK_QUESTIONS = ("risk_ask", "risk_again", "risk_low")
_STOCK_ANSWERS = ("nothing_left", "told_already", "none_left", "no_other_view", "balanced_said", "half_believed")
_SLOT = re.compile(r"[“\"]?\{\w+\}[.”\"]*")


@lru_cache(maxsize=4)
def _set_phrases(language: Language) -> dict[str, tuple[str, ...]]:
    """The client's turns of speech by what they do; ``all`` of them tell nothing that could be handed back."""
    client = load_phrases("agents.clients", language)
    named = {name: client.lines(name) for name in ("confide", "deflect", "fallback")}
    named["weighing"] = tuple(line for name in _STOCK_ANSWERS for line in client.lines(f"weighing.{name}"))
    named["cold"] = tuple(line for lines in client.tree("reactions").values() for line in lines)
    around = [line for name in ("openers", "closers", "risk") for lines in client.tree(name).values() for line in lines]
    return {**named, "all": (*around, *(line for lines in named.values() for line in lines))}


@dataclass
class _Desk:
    """What the rule has before it for one turn."""

    inputs: PlainInputs
    chance: random.Random
    language: Language
    phrases: Phrases = field(init=False)
    manners: Manners = field(init=False)
    client: tuple[str, ...] = field(init=False)
    own: tuple[str, ...] = field(init=False)
    said: str = field(init=False)

    def __post_init__(self) -> None:
        self.phrases = load_phrases("agents.counselors.plain", self.language)
        self.client = _spoken(self.inputs.turns, "client")
        self.own = _spoken(self.inputs.turns, "counselor")
        self.said = "\n".join(self.own)
        self.manners = manners(self.language)

    @property
    def last(self) -> str:
        return self.client[-1] if self.client else ""

    def line(self, name: str) -> str:
        """A line not yet used; where all are used, any."""
        return self.fresh(name) or self.chance.choice(self.phrases.lines(name))

    def fresh(self, name: str) -> str | None:
        unused = [line for line in self.phrases.lines(name) if _fixed_part(line) not in self.said]
        return self.chance.choice(unused) if unused else None

    def used(self, *names: str, within: int | None = None) -> bool:
        """Whether a line of these lists stands in the counselor's turns, or in the last ``within`` of them."""
        said = "\n".join(self.own[-within:] if within else self.own)
        return any(_fixed_part(line) in said for name in names for line in self.phrases.lines(name))

    def heard(self, group: str) -> bool:
        """Whether the client's last words hold one of its set phrases, or one of our own list of that name."""
        return any(line in self.last for line in _set_phrases(self.language)[group])

    def dark(self, text: str) -> bool:
        """Whether a text speaks of danger: such words are answered at once and never used as mere material."""
        return risk_level(text, self.language) != "none"

    def thought_in(self, text: str) -> str | None:
        return thought(text, self.language, self.manners)

    def pieces(self, text: str) -> Pieces:
        return pieces(text, self.language, self.manners)

    def gathered(self, newest: int) -> list[str]:
        """Whole thoughts from the ``newest`` client turns before the last, what weighs most first."""
        weights: dict[str, float] = {}
        for text in self.client[-1 - newest : -1]:
            apart = self.thought_in(text) or self.dark(text)
            piece = None if apart else self.pieces(text).turned
            units = len(content_units(piece, self.language)) if piece else 0
            if piece and units >= _LEAST_SAID:
                confided = any(line in text for line in _set_phrases(self.language)["confide"])
                weights[piece] = units + 3 * heavy(piece, self.language, self.manners) + 4 * confided
        return sorted(weights, key=lambda piece: -weights[piece])


@lru_cache(maxsize=2)
def manners(language: Language) -> Manners:
    """How pieces of the client's words are chosen and turned round."""
    phrases = load_phrases("agents.counselors.plain", language)
    lists = [name for name in Manners.__dataclass_fields__ if name not in ("set_phrases", "swap")]
    named = {name: phrases.lines(f"listening.{name}") for name in lists}
    return Manners(set_phrases=_set_phrases(language)["all"], swap=phrases.mapping("listening.swap"), **named)


def psycho(inputs: PlainInputs, chance: random.Random, language: Language) -> str:
    """One counselor turn: danger first, then the end, then what the client's last words call for."""
    desk = _Desk(inputs, chance, language)
    steps = (_danger, _ending, _after_coldness, _about_records, _confided, _declined, _summary)
    parts = next((found for step in steps if (found := step(desk))), None) or _work(desk)
    if inputs.round == 1:
        parts = [desk.line("intro"), *parts]
    return desk.phrases.join(parts)


def _danger(desk: _Desk) -> list[str] | None:
    level = risk_level(desk.last, desk.language)
    asked = desk.used(*_RISK_QUESTIONS, within=1)
    if level in ("high", "immediate") or (level == "low" and asked):
        return [desk.line("risk_support")]
    if level == "low" and (line := desk.fresh("risk_low")):
        return [line]
    if asked:
        return _after_risk_question(desk)
    turns = 1 if desk.heard("confide") or _refuses(desk) else 2
    if desk.used("risk_support", within=turns) and (line := desk.fresh("risk_follow")):
        return [line]
    if _risk_is_due(desk):
        again = desk.used(*_RISK_QUESTIONS) and desk.fresh("risk_again")
        return [_received(desk), again or desk.line("risk_ask")]
    return None


def _after_risk_question(desk: _Desk) -> list[str]:
    if desk.used("risk_support"):  # told before, so this was no refusal
        return [desk.fresh("risk_follow") or f"{desk.line('confided')}{desk.phrases.glue}{_question(desk)}"]
    if _denied(desk, desk.last):
        return [desk.line("risk_denied"), _question(desk)]
    return [desk.line("risk_declined"), desk.line("questions.lighter")]


def _risk_is_due(desk: _Desk) -> bool:
    """Once early; and again later when the first answer was neither a yes nor a no."""
    rounds, first = desk.inputs.rounds, min(_RISK_ROUND, desk.inputs.rounds)
    if desk.used("risk_support") or desk.used(*_RISK_QUESTIONS, within=3):
        return False
    if desk.inputs.round == first:
        return not desk.used(*_RISK_QUESTIONS)
    again = min(3 * first, rounds - 2)
    denied = any(_denied(desk, text) for text in _risk_answers(desk))
    return desk.inputs.round == again and again > first + 2 and not denied


def _risk_answers(desk: _Desk) -> Iterator[str]:
    asked = [line for name in _RISK_QUESTIONS for line in desk.phrases.lines(name)]
    for before, after in zip(desk.inputs.turns, desk.inputs.turns[1:], strict=False):
        if before.speaker == "counselor" and any(line in before.text for line in asked):
            yield after.text


def _denied(desk: _Desk, answer: str) -> bool:
    return any(word in answer.casefold() for word in desk.phrases.lines("denial"))


def _ending(desk: _Desk) -> list[str] | None:
    left, told = desk.inputs.rounds_left, desk.used("risk_support")
    if left == 1 and desk.inputs.rounds >= _WRAP_UP_FROM and not desk.heard("confide"):
        return [_reflection(desk), desk.line("wrap_up_safety" if told else "wrap_up")]
    if left > 0:
        return None
    first = desk.line("confided") if desk.heard("confide") else ""
    unsure = desk.used(*_RISK_QUESTIONS) and not any(_denied(desk, text) for text in _risk_answers(desk))
    last = desk.line("close_safety") if told else desk.line("close_unanswered") if unsure else ""
    return [part for part in (first, _close(desk), last) if part]


def _close(desk: _Desk) -> str:
    """The last words take up a step that the client means to try; where there is none, what weighed most."""
    secrets = _set_phrases(desk.language)["confide"]
    newest_first = [text for text in desk.client[:-_SUMMARY_EVERY:-1] if not any(line in text for line in secrets)]
    step = next((found for text in newest_first if not desk.dark(text) and (found := desk.pieces(text).step)), None)
    if step and _late(desk):
        return desk.line("close_step").replace("{quote}", step)
    told = desk.gathered(len(desk.client))
    return desk.line("close").replace("{a}", told[0]) if told else desk.line("close_bare")


def _after_coldness(desk: _Desk) -> list[str] | None:
    line = desk.fresh("met_coldly") if desk.heard("cold") else None
    return [line] if line else None


def _about_records(desk: _Desk) -> list[str] | None:
    asked = any(word in desk.last.casefold() for word in desk.phrases.lines("listening.privacy"))
    line = desk.fresh("privacy") if asked else None
    return [line] if line else None


def _confided(desk: _Desk) -> list[str] | None:
    if not desk.heard("confide"):
        return None
    handed_back = _reflection(desk) if desk.pieces(desk.last).quoted else ""
    asked = desk.fresh("questions.confided") or _question(desk)
    return [part for part in (desk.line("confided"), handed_back, asked) if part]


def _declined(desk: _Desk) -> list[str] | None:
    if not _refuses(desk):
        return None
    return [desk.line("held"), desk.fresh("questions.lighter") or _question(desk)]


def _refuses(desk: _Desk) -> bool:
    """Whether the client's last words decline to answer and tell nothing else."""
    if desk.heard("deflect"):
        return desk.pieces(desk.last).quoted is None
    short = len(content_units(desk.last, desk.language)) <= _FEW_WORDS
    return short and any(word in desk.last.casefold() for word in desk.phrases.lines("listening.declines"))


def _summary(desk: _Desk) -> list[str] | None:
    wait = _SUMMARY_EVERY + 3 * _burdened(desk, desk.last)  # what was just said may need an answer first
    if len(desk.own) < wait or desk.used("summary", within=wait - 1) or desk.thought_in(desk.last):
        return None
    told, frame = desk.gathered(_SUMMARY_EVERY)[:2], desk.fresh("summary")
    if len(told) < 2 or frame is None:
        return None
    return [frame.replace("{a}", told[0]).replace("{b}", told[1])]


def _work(desk: _Desk) -> list[str]:
    middle = desk.fresh("validate") if _burdened(desk, desk.last) and desk.chance.random() < 0.6 else None
    ways = _ways_forward(desk) if _late(desk) else [_question(desk)]
    return [part for part in (_reflection(desk), middle, *ways) if part]


def _late(desk: _Desk) -> bool:
    return desk.inputs.stage is Stage.SOLUTION_EXPLORATION


def _burdened(desk: _Desk, text: str) -> bool:
    """Whether a text weighs on the client; late in a session, only where a feeling or a confidence says so."""
    if _late(desk) and not desk.heard("confide") and not feeling(desk.last, desk.language, desk.manners):
        return False
    return heavy(text, desk.language, desk.manners)


def _ways_forward(desk: _Desk) -> list[str | None]:
    draw = desk.chance.random()
    if desk.pieces(desk.last).step and not desk.dark(desk.last):
        return [desk.fresh("affirm") if draw < 0.5 else None, desk.fresh("plan") or _question(desk)]
    return [desk.fresh("collaborate") if draw < 0.35 else None, None] if draw < 0.35 else [_question(desk)]


def _question(desk: _Desk) -> str:
    stage = desk.inputs.stage
    if desk.thought_in(desk.last) and (line := desk.fresh("questions.thought")):
        return line
    if stage is Stage.SOLUTION_EXPLORATION and (line := _about_earlier_thought(desk)):
        return line
    ahead = [stage, Stage.DIAGNOSIS, Stage.SOLUTION_EXPLORATION, Stage.TRUST_BUILDING]
    fresh = (desk.fresh(f"questions.{name.value}") for name in ahead if name is not Stage.CLOSED)
    return next((line for line in fresh if line), desk.line("questions.diagnosis"))


def _about_earlier_thought(desk: _Desk) -> str | None:
    known = [found for text in desk.client[:-1] if (found := desk.thought_in(text))]
    line = desk.fresh("questions.earlier_thought")
    if not known or line is None or desk.used("questions.earlier_thought", within=4) or desk.chance.random() > 0.3:
        return None
    return line.replace("{thought}", desk.chance.choice(known))


def _received(desk: _Desk) -> str:
    if desk.heard("confide"):
        return desk.line("confided")
    return desk.line("held") if _refuses(desk) else _reflection(desk)


def _reflection(desk: _Desk) -> str:
    """The client's last words handed back: as a thought, a plan, a feeling, a whole sentence or word for word."""
    said, language, manners = desk.last, desk.language, desk.manners
    idea, word = desk.thought_in(said), feeling(said, language, manners)
    found = desk.pieces(said)
    whole, bit = found.turned, found.quoted
    if idea:
        kind = "thought"
    elif word:
        kind = "both" if whole and word not in whole else "feeling"
    elif _late(desk) and found.step and not desk.dark(said):
        kind, bit = "forward", found.step
    elif whole and (not bit or desk.chance.random() < 0.7):
        kind = "heavy" if _burdened(desk, whole) else "snippet"
    else:
        kind = "quote" if bit else "plain"
    return _framed(desk, f"reflect.{kind}", {"snippet": whole, "quote": bit, "thought": idea, "feeling": word})


def _framed(desk: _Desk, name: str, slots: dict[str, str | None]) -> str:
    frame = desk.chance.choice(_next_frames(desk, name))
    for slot, text in slots.items():
        frame = frame.replace(f"{{{slot}}}", text or "")
    return frame[:1].upper() + frame[1:]


def _next_frames(desk: _Desk, name: str) -> Sequence[str]:
    """The frames used least, without those that begin as the counselor's last turn did."""
    frames = desk.phrases.lines(name)
    latest = desk.own[-1] if desk.own else ""
    counts = {frame: desk.said.count(_fixed_part(frame)) for frame in frames if _stem(desk, frame) not in latest}
    counts = counts or {frame: desk.said.count(_fixed_part(frame)) for frame in frames}
    return [frame for frame, count in counts.items() if count == min(counts.values())]


def _stem(desk: _Desk, frame: str) -> str:
    bare = _SLOT.sub("", frame).strip(" ，,:：.")
    return " ".join(bare.split()[:2]) if desk.language == "en" else bare[:3]


def _fixed_part(line: str) -> str:
    """The longest part of a line that is the same whatever fills its slots."""
    return max(_SLOT.split(line), key=len).strip()


def _spoken(turns: Sequence[Turn], speaker: str) -> tuple[str, ...]:
    return tuple(turn.text for turn in turns if turn.speaker == speaker)


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
