"""How an offline client speaks: picks what to tell from its card, and never says the same twice."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from agents.clients.dynamic.permission import RISK_FACT, Permission
from agents.clients.interviewee.hearing import quoted_variable
from agents.clients.stock import LONGEST, Chunk, stock
from agents.clients.weighing import Manner, asks_openly, weigh
from agents.phrases import Phrases, load_phrases
from agents.reading import Reading
from agents.reading_text import words_of
from profiles.interviews import load_instrument
from profiles.schema import HiddenFact, Profile
from profiles.vocabulary import Language, Move, Stage

_COLD = (
    Move.IGNORED_DISCLOSURE,
    Move.MINIMISING,
    Move.CONFRONTATION,
    Move.ECHO,
    Move.PREMATURE_REASSURANCE,
    Move.FLATTERY,
    Move.ADVICE,
    Move.OFF_TOPIC,
)
_OPENERS = (
    Move.SUMMARY,
    Move.CANDOR,
    Move.AFFIRMATION,
    Move.REFLECTION,
    Move.VALIDATION,
    Move.PLANNING,
    Move.COLLABORATION,
    Move.INFORMATION,
    Move.OPEN_QUESTION,
    Move.CLOSED_QUESTION,
)
_RECEIVED = (Move.SUMMARY, Move.CANDOR, Move.AFFIRMATION, Move.REFLECTION, Move.VALIDATION)
_SAYS_IT_OPENLY = 0.5  # a round, for a client who does not hide the risk
_STUNG = frozenset({Move.CONFRONTATION, Move.MINIMISING, Move.IGNORED_DISCLOSURE})  # after these nothing more is told
_ANSWERS = frozenset({"criterion"})  # these sound like answers, so they wait for a question that they fit
_QUESTIONS = frozenset({Move.OPEN_QUESTION, Move.CLOSED_QUESTION})
_WARM = frozenset({Move.REFLECTION, Move.VALIDATION, Move.SUMMARY})


@dataclass(frozen=True)
class Scene:
    """All that an offline client knows when it opens its mouth. ``levels`` as in ``ClientState.numbers``.

    beliefs: 0-100 by thought id. yielding: whatever it is asked about its thoughts, it answers.
    """

    profile: Profile
    own: tuple[str, ...]
    heard: str
    reading: Reading
    stage: Stage
    permission: Permission
    disclosed: tuple[str, ...]
    levels: dict[str, float]
    language: Language
    beliefs: dict[str, float] = field(default_factory=dict)
    yielding: bool = False
    phrases: Phrases = field(init=False)
    said: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "phrases", load_phrases("agents.clients", self.language))
        object.__setattr__(self, "said", "\n".join(self.own))


@dataclass(frozen=True)
class Speech:
    """What is said, and which hidden facts it tells."""

    text: str
    told: tuple[str, ...] = ()


def speak(scene: Scene, chance: random.Random) -> Speech:
    """The client's next words; never equal to an earlier utterance of the session."""
    if not scene.own:
        return Speech(scene.profile.opening.strip() or _greet(scene, chance).strip())
    asked = _on_criterion(scene, chance)
    pressing = asked or _on_risk(scene, chance) or _on_coldness(scene, chance)
    speech = pressing or _on_thoughts(scene, chance) or _content(scene, chance)
    text = speech.text.strip()
    return Speech(text if text and text not in scene.own else _never_said(scene), speech.told)


def _greet(scene: Scene, chance: random.Random) -> str:
    frame = chance.choice(scene.phrases.lines("greeting_answer"))
    chunks = stock(scene.profile, Stage.TRUST_BUILDING, scene.phrases)
    return frame.replace("{text}", chunks[0].text if chunks else scene.profile.current_distress[:LONGEST])


def _on_criterion(scene: Scene, chance: random.Random) -> Speech | None:
    """To a question of the interview tree the card's own answer, as soon as the client cares to give it."""
    name = quoted_variable(scene.heard, scene.language)
    criterion = scene.profile.criteria.get(name) if name else None
    if criterion is None or not criterion.text or criterion.text in scene.said:
        return None
    risky = criterion.truth == "met" and load_instrument(scene.language).variables[str(name)].kind == "risk"
    if risky or (chance.random() < _reluctance(scene) and not _just_deflected(scene)):
        return None  # of danger it speaks as it has decided to, see below
    return Speech(criterion.text)


def _on_risk(scene: Scene, chance: random.Random) -> Speech | None:
    moves, profile = scene.reading.moves, scene.profile
    if Move.RISK_ENQUIRY in moves:
        tellable = [fact for move, fact in scene.permission.if_asked if move is Move.RISK_ENQUIRY]
        if tellable:
            return Speech(tellable[0].text, (tellable[0].id,))
        return _answer_risk(scene, chance, profile)
    unasked = next((fact for fact in scene.permission.free if fact.id == RISK_FACT), None)
    if unasked and chance.random() < _SAYS_IT_OPENLY:
        return Speech(unasked.text, (unasked.id,))
    if Move.SAFETY_SUPPORT in moves and not _WARM & set(moves):
        name = "risk.help" if RISK_FACT in scene.disclosed else "risk.no_help"
        line = scene.phrases.unused(name, scene.said, chance)
        return Speech(scene.phrases.join([line, _one_more(scene, chance, 0.4)])) if line else None
    return None


def _answer_risk(scene: Scene, chance: random.Random, profile: Profile) -> Speech | None:
    if profile.risk.level == "none":
        own_words = [c.text for key, c in profile.criteria.items() if key.startswith("sui.") and c.truth == "not_met"]
        fresh = [text for text in own_words if text and text not in scene.said]
        line = fresh[0] if fresh else _next_line(scene, "risk.none")
    else:
        name = "risk.told" if RISK_FACT in scene.disclosed else "risk.closed"
        line = scene.phrases.unused(name, scene.said, chance)
    return Speech(line) if line else None


def _next_line(scene: Scene, name: str) -> str | None:
    """The first unused line, for lists whose later lines look back on the earlier ones."""
    return next((line for line in scene.phrases.lines(name) if line not in scene.said), None)


def _on_coldness(scene: Scene, chance: random.Random) -> Speech | None:
    cold = next((move for move in _COLD if move in scene.reading.moves), None)
    late_advice = cold is Move.ADVICE and scene.stage is Stage.SOLUTION_EXPLORATION
    if cold is None or late_advice or (_WARM & set(scene.reading.moves) and cold is Move.ADVICE):
        return None
    line = scene.phrases.unused(f"reactions.{cold.value}", scene.said, chance) or _deflection(scene, chance)
    if line is None:
        return None
    odds = 0.0 if cold in _STUNG else 0.25 + scene.levels["openness"] / 12
    return Speech(scene.phrases.join([line, _one_more(scene, chance, odds)]))


def _on_thoughts(scene: Scene, chance: random.Random) -> Speech | None:
    """To a question about its thoughts the client's own; what it keeps back goes before what is asked openly."""
    hidden = _confided(scene, chance) if asks_openly(scene) else None
    reluctance = 0.0 if scene.yielding or _just_deflected(scene) else _reluctance(scene)
    weighed = None if hidden else weigh(scene, Manner(reluctance, _talkativeness(scene)), chance)
    if weighed is None or weighed.bare:
        return Speech(scene.phrases.join(weighed.parts)) if weighed else hidden
    opener = _opener(scene, chance, _RECEIVED) or weighed.lead
    return Speech(scene.phrases.join([opener, *weighed.parts, _closer(scene, chance)]))


def _confided(scene: Scene, chance: random.Random) -> Speech | None:
    hidden = _to_confide(scene, chance)
    if hidden is None:
        return None
    preface = scene.phrases.unused("confide", scene.said, chance)
    return Speech(scene.phrases.join([preface, hidden.text]), (hidden.id,))


def _content(scene: Scene, chance: random.Random) -> Speech:
    hidden = None if asks_openly(scene) else _confided(scene, chance)
    if hidden:
        return hidden
    if chance.random() < _reluctance(scene) and not _just_deflected(scene):
        line = _deflection(scene, chance)
        if line:
            return Speech(line)
    count = 2 if chance.random() < _talkativeness(scene) else 1
    chunks = _choose(scene, chance, count)
    parts = [_opener(scene, chance), *(chunk.text for chunk in chunks), _closer(scene, chance)]
    return Speech(scene.phrases.join(parts) if chunks else "")


def _to_confide(scene: Scene, chance: random.Random) -> HiddenFact | None:
    asked = [fact for move, fact in scene.permission.if_asked if move in scene.reading.moves and fact.id != RISK_FACT]
    candidates = [*asked, *scene.permission.free]
    inviting = {Move.REFLECTION, Move.VALIDATION, Move.SUMMARY, Move.OPEN_QUESTION, Move.RISK_ENQUIRY}
    if not candidates or not inviting & set(scene.reading.moves):
        return None
    return candidates[0] if chance.random() < 0.4 + scene.levels["openness"] / 20 else None


def _reluctance(scene: Scene) -> float:
    style = {"guarded": 0.08, "terse": 0.05, "denying": 0.08}.get(scene.profile.response_style, 0.0)
    return max(0.0, (4.5 - scene.levels["openness"]) / 9) + 0.05 * scene.levels["resistance"] + style


def _talkativeness(scene: Scene) -> float:
    style = {"terse": -0.6, "guarded": -0.3, "rambling": 0.35}.get(scene.profile.response_style, 0.0)
    return scene.levels["openness"] / 12 + style


def _deflection(scene: Scene, chance: random.Random) -> str | None:
    return scene.phrases.unused("deflect", scene.said, chance)


def _just_deflected(scene: Scene) -> bool:
    """Whether the last words were a mere deflection; even a guarded client gives something after one."""
    return scene.own[-1] in scene.phrases.lines("deflect")


def _one_more(scene: Scene, chance: random.Random, odds: float) -> str | None:
    if chance.random() >= odds:
        return None
    chosen = _choose(scene, chance, 1)
    return chosen[0].text if chosen else None


def _choose(scene: Scene, chance: random.Random, count: int) -> list[Chunk]:
    """The chunks that answer best what was heard, with some chance; nothing that was said before, no kind twice."""
    heard = words_of(scene.heard, scene.language)
    ranked = []
    for chunk in stock(scene.profile, scene.stage, scene.phrases):
        if chunk.core in scene.said:
            continue
        words = words_of(chunk.core, scene.language)
        tie = min(words.common(heard), 3) + min(len(words.families & heard.families), 2)
        timely = chunk.weight * (0.3 if chunk.kind in _ANSWERS and not tie else 1.0)
        ranked.append((timely + 0.6 * tie + chance.random(), chunk))
    ranked.sort(key=lambda pair: -pair[0])
    chosen: list[Chunk] = []
    for _, chunk in ranked:
        if len(chosen) < count and all(chunk.group != other.group for other in chosen):
            chosen.append(chunk)
    return chosen


def _opener(scene: Scene, chance: random.Random, of: tuple[Move, ...] = _OPENERS) -> str | None:
    named = [move for move in of if move in scene.reading.moves]
    if not named or scene.profile.response_style == "terse" or chance.random() > 0.5:
        return None
    asked = named[-1] in _QUESTIONS and chance.random() < 0.4  # the question came last, so it is often answered first
    return scene.phrases.unused(f"openers.{(named[-1] if asked else named[0]).value}", scene.said, chance)


def _closer(scene: Scene, chance: random.Random) -> str | None:
    style = scene.profile.response_style
    name = style if scene.phrases.has(f"closers.{style}") else "doubt"
    if style == "terse" or chance.random() > (0.4 if name == style else 0.12):
        return None
    return scene.phrases.unused(f"closers.{name}", scene.said, chance)


def _never_said(scene: Scene) -> str:
    """A sentence for when the card has run dry: known content in a combination not heard before."""
    return next(text for text in map(str.strip, _combinations(scene)) if text not in scene.own)


def _combinations(scene: Scene) -> Iterator[str]:
    join, lines = scene.phrases.join, scene.phrases.lines("fallback")
    told = [chunk.text for stage in list(Stage)[:3] for chunk in stock(scene.profile, stage, scene.phrases)]
    told = list(dict.fromkeys(told)) or [scene.profile.current_distress[:LONGEST]]
    start = len(scene.own)
    for number in range(len(lines) * len(told)):
        place = start + number
        yield join([lines[place % len(lines)], told[(place // len(lines) + place) % len(told)]])
    for size in itertools.count(2):
        some_of = itertools.permutations(lines, min(size, len(lines)))
        yield from (join([*some, told[start % len(told)]]) for some in some_of)
