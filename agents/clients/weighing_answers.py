"""What an offline client answers when asked about its thoughts: its card's own words, each said once."""

from __future__ import annotations

import random
from collections.abc import Iterable

from agents.clients.stock import stock
from agents.clients.weighing_hearing import Asked, Asks
from agents.clients.weighing_setting import Manner, Setting
from agents.clients.weighing_thoughts import has_voiced, strongest, voiced_in
from agents.reading_text import words_of
from profiles.distortions import distortions
from profiles.schema import Thought, ThoughtLevel
from profiles.vocabulary import Stage

__all__ = ["STAND_ALONE", "answer", "has_answer"]

_TRUST = 3.5  # from which a client can take a fairer view as its own
_DOUBTED = 55.0  # belief in the old thought from which the fairer one is only half believed
_WRONG_NAME, _AT_ODDS = (
    0.6,
    0.08,
)  # chances of correcting a counselor whose name for it is wrong, or is none of the card
STAND_ALONE = (
    "told_already", "none_left", "nothing_left", "no_other_view", "balanced_said", "fits", "does_not_fit",
)  # fmt: skip
"""Lists of phrases that are whole answers."""


def has_answer(setting: Setting, kind: Asks, asked: Asked, thought: Thought | None) -> bool:
    """Whether the card and the talk so far hold something to answer with."""
    profile = setting.profile
    if kind == "confirm":
        return thought is not None and (asked.about_thought or bool(asked.quotes))
    if kind == "feeling":
        return any(_feelings(setting))
    if kind == "situation":
        return bool(_happenings(setting))
    if kind == "next_step":
        weighed = any(name.endswith(".balanced") for name in voiced_in(setting.said, profile))
        far = weighed or setting.stage is Stage.SOLUTION_EXPLORATION
        return far and any(step not in setting.said for step in profile.next_steps)
    return thought is not None


def answer(
    setting: Setting, kind: Asks, asked: Asked, thought: Thought | None, manner: Manner, chance: random.Random
) -> list[str]:
    """The sentences that answer one kind of question; empty where all has been said."""
    if kind == "automatic" or kind == "intermediate" or kind == "core":
        return _thought(setting, kind, chance)
    if kind == "residual":
        return _residual(setting, chance)
    if kind == "situation":
        return _best_happening(setting, chance)
    if kind == "feeling":
        return [next(iter(_feelings(setting)))]
    if kind == "next_step":
        return [next(step for step in setting.profile.next_steps if step not in setting.said)]
    if thought is None:
        return []
    if kind == "confirm":
        return _confirm(setting, asked, thought, chance)
    if kind == "balanced":
        return _balanced(setting, thought, chance)
    pieces = thought.evidence_for if kind == "evidence_for" else thought.evidence_against
    return _evidence(setting, pieces, manner, chance)


def _line(setting: Setting, name: str, chance: random.Random) -> list[str]:
    line = setting.phrases.unused(f"weighing.{name}", setting.said, chance)
    return [line] if line else []


def _thought(setting: Setting, level: ThoughtLevel, chance: random.Random) -> list[str]:
    thoughts = setting.profile.thoughts
    of_level = [thought for thought in thoughts if thought.level == level] or thoughts
    thought = strongest([thought for thought in of_level if not has_voiced(thought, setting.said)])
    return [_framed(setting, thought, thought.level, chance)] if thought else _line(setting, "told_already", chance)


def _residual(setting: Setting, chance: random.Random) -> list[str]:
    fresh = [thought for thought in setting.profile.thoughts if not has_voiced(thought, setting.said)]
    thought = strongest([each for each in fresh if each.level != "intermediate"])
    return [_framed(setting, thought, "residual", chance)] if thought else _line(setting, "none_left", chance)


def _framed(setting: Setting, thought: Thought, name: str, chance: random.Random) -> str:
    if setting.profile.response_style == "terse":
        return thought.text
    return chance.choice(setting.phrases.lines(f"weighing.frames.{name}")).replace("{text}", thought.text)


def _evidence(setting: Setting, pieces: Iterable[str], manner: Manner, chance: random.Random) -> list[str]:
    fresh = [piece for piece in pieces if piece not in setting.said]
    if not fresh:
        return _line(setting, "nothing_left", chance)
    return fresh[: 2 if chance.random() < manner.talkative / 2 else 1]


def _balanced(setting: Setting, thought: Thought, chance: random.Random) -> list[str]:
    if thought.balanced and thought.balanced in setting.said:
        return _line(setting, "balanced_said", chance)
    weighed = f"{thought.id}.against" in voiced_in(setting.said, setting.profile)
    if not thought.balanced or not weighed or setting.levels["trust"] < _TRUST:
        return _line(setting, "no_other_view", chance)
    doubted = setting.beliefs.get(thought.id, float(thought.strength)) >= _DOUBTED and chance.random() < 0.5
    return [thought.balanced, *(_line(setting, "half_believed", chance) if doubted else ())]


def _confirm(setting: Setting, asked: Asked, thought: Thought, chance: random.Random) -> list[str]:
    known = distortions(setting.language)
    heard = setting.heard.lower()
    named = {key for key, each in known.items() if any(name.lower() in heard for name in (each.name, *each.aliases))}
    parents = {known[key].parent for key in named}
    own = thought.distortion
    wrong = bool(named) and own is not None and own not in named | parents and known[own].parent not in named
    odds = 1.0 if _another(setting, asked) else _WRONG_NAME if wrong else _AT_ODDS
    return _line(setting, "does_not_fit" if chance.random() < odds else "fits", chance)


def _another(setting: Setting, asked: Asked) -> bool:
    """Whether what is handed back are words of a told fact or wish, which are taken for a thought."""
    profile = setting.profile
    own = [words for thought in profile.thoughts for words in _words_of(thought)]
    told = [*(fact.text for fact in profile.facts), *profile.goals, *profile.coping, *profile.next_steps]
    return any(
        any(quote in words for words in told) and not any(quote in words or words in quote for words in own)
        for quote in asked.quotes
    )


def _words_of(thought: Thought) -> tuple[str, ...]:
    return (thought.text, thought.balanced or "", *thought.evidence_for, *thought.evidence_against)


def _feelings(setting: Setting) -> Iterable[str]:
    """The feelings not yet named, each in its sentence."""
    said, phrases = setting.said.lower(), setting.phrases
    for number, feeling in enumerate(setting.profile.feelings):
        if feeling.lower() not in said:
            yield phrases.nth("frames.feeling", number).replace("{feeling}", feeling)


def _happenings(setting: Setting) -> list[tuple[str, str]]:
    """What happened, as the card tells it and as it is said; the untold only."""
    chunks = stock(setting.profile, Stage.TRUST_BUILDING, setting.phrases)
    return [(c.core, c.text) for c in chunks if c.kind in ("fact", "story") and c.core not in setting.said]


def _best_happening(setting: Setting, chance: random.Random) -> list[str]:
    talk = words_of("\n".join((*setting.own[-1:], setting.heard)), setting.language)
    told = _happenings(setting)
    ranked = [(words_of(core, setting.language).common(talk) + chance.random(), text) for core, text in told]
    return [max(ranked)[1]]
