"""Which thought of the card a talk is about, which has been voiced, and what has been said for and against it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agents.clients.dynamic.state import effects
from agents.reading_text import words_of
from profiles.schema import Profile, Thought, ThoughtLevel

__all__ = ["beliefs_after", "has_voiced", "meant", "strongest", "voiced_in"]

_SAME = 0.5  # share of a thought's content that names it
_SAME_QUOTED = 0.4  # the same for words in quotation marks, which seldom are anything else
_FEWEST = 2  # content units that name a thought; one alone ("look") stands in any question


def meant(profile: Profile, heard: str, quotes: Sequence[str], own: Sequence[str]) -> Thought | None:
    """The thought a question is about: the one quoted, else the one it names, else the one last voiced."""
    for quote in reversed(quotes):
        named = _holding(profile, quote) or _named(profile, quote, _SAME_QUOTED)
        if named:
            return named
    return _named(profile, heard, _SAME) or _last_voiced(profile, own)


def strongest(thoughts: Sequence[Thought], *levels: ThoughtLevel) -> Thought | None:
    """The thought held most firmly on arrival, of the first of these levels that has one; of any without levels."""
    for level in levels or (None,):
        of_level = [thought for thought in thoughts if level in (None, thought.level)]
        if of_level:
            return max(of_level, key=lambda thought: thought.strength)
    return None


def has_voiced(thought: Thought, said: str) -> bool:
    """Whether the client has said a thought itself."""
    return thought.text in said


def voiced_in(text: str, profile: Profile) -> tuple[str, ...]:
    """What a reply from the card says about its thoughts, as ``<id>.for``, ``<id>.against``, ``<id>.balanced``."""
    return tuple(dict.fromkeys(f"{thought.id}.{side}" for thought, side, words in _sides(profile) if words in text))


def beliefs_after(profile: Profile, own: Sequence[str]) -> dict[str, float]:
    """Beliefs (0-100) by thought id of a client without a state: strength on arrival, moved by what it has voiced."""
    beliefs = {thought.id: float(thought.strength) for thought in profile.thoughts}
    points = {str(side): value for side, value in effects().voiced.items()}
    for text in own:
        for name in voiced_in(text, profile):
            thought, _, side = name.rpartition(".")
            beliefs[thought] = min(100.0, max(0.0, beliefs[thought] + points[side]))
    return beliefs


def _sides(profile: Profile) -> Iterator[tuple[Thought, str, str]]:
    for thought in profile.thoughts:
        yield from ((thought, "for", words) for words in thought.evidence_for)
        yield from ((thought, "against", words) for words in thought.evidence_against)
        if thought.balanced:
            yield thought, "balanced", thought.balanced


def _holding(profile: Profile, quote: str) -> Thought | None:
    """The thought that the words stand in, one sentence of it or all."""
    words = _letters(quote)
    return next((each for each in profile.thoughts if words and words in _letters(each.text)), None)


def _letters(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())


def _named(profile: Profile, text: str, least: float) -> Thought | None:
    heard = words_of(text, profile.lang)
    shares = [(_share(thought, heard.units, profile), thought) for thought in profile.thoughts]
    best = max(shares, key=lambda pair: pair[0], default=None)
    return best[1] if best and best[0] >= least else None


def _share(thought: Thought, heard: frozenset[str], profile: Profile) -> float:
    units = words_of(thought.text, profile.lang).units
    shared = len(units & heard)
    return shared / len(units) if shared >= min(_FEWEST, len(units)) and units else 0.0


def _last_voiced(profile: Profile, own: Sequence[str]) -> Thought | None:
    """The thought that the client spoke last, or spoke about last."""
    words = [(thought, thought.text) for thought in profile.thoughts]
    words += [(thought, text) for thought, _, text in _sides(profile)]
    for said in reversed(own):
        places = [(said.rfind(text), thought) for thought, text in words]
        place, thought = max(places, key=lambda pair: pair[0], default=(-1, None))
        if place >= 0:
            return thought
    return None
