"""What an offline client has to say: the texts of its card as chunks, in the order a session needs them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agents.phrases import Phrases
from agents.reading import split_sentences
from profiles.schema import Profile
from profiles.vocabulary import Stage


@dataclass(frozen=True)
class Chunk:
    """One thing to say. ``core`` is the card's own text, ``text`` the same in a frame; weight says how timely it is."""

    kind: str
    core: str
    text: str
    weight: float

    @property
    def group(self) -> str:
        """What belongs together too closely to be told in one breath: of a thought and all around it, one thing."""
        return "thought" if self.kind in _AROUND_THOUGHTS else self.kind


_BREATH, LONGEST = 240, 600  # characters
_AROUND_THOUGHTS = {"automatic", "intermediate", "core", "balanced"}
_WEIGHTS: dict[str, dict[Stage, float]] = {
    # kind: how timely in trust_building, diagnosis, solution_exploration; 0 keeps it for another stage
    kind: dict(zip((Stage.TRUST_BUILDING, Stage.DIAGNOSIS, Stage.SOLUTION_EXPLORATION), weights, strict=True))
    for kind, weights in {
        "fact": (1.0, 0.6, 0.3),
        "feeling": (0.5, 0.4, 0.0),
        "goal": (0.3, 0.2, 0.9),
        "automatic": (0.4, 0.9, 0.2),
        "intermediate": (0.0, 0.8, 0.2),
        "core": (0.0, 0.7, 0.0),
        "evidence_for": (0.0, 0.6, 0.1),
        "criterion": (0.4, 0.9, 0.1),
        "coping": (0.3, 0.6, 0.5),
        "strength": (0.0, 0.1, 0.9),
        "evidence_against": (0.0, 0.0, 0.8),
        "next_step": (0.0, 0.0, 1.0),
        "balanced": (0.0, 0.0, 0.7),
        "story": (0.8, 0.6, 0.2),
    }.items()
}


def stock(profile: Profile, stage: Stage, phrases: Phrases) -> list[Chunk]:
    """Everything the client could say in this stage, hidden facts and risk apart."""
    return [
        Chunk(kind, core, text, weight)
        for kind, core, text in _all(profile, phrases)
        if core and (weight := _WEIGHTS[kind].get(stage, 0.0)) > 0
    ]


def _all(profile: Profile, phrases: Phrases) -> Iterator[tuple[str, str, str]]:
    thought_frames = phrases.lines("frames.thought")
    for fact in profile.facts:
        frame = phrases.pick("frames.other", fact.id) if fact.told_by == "other" else "{text}"
        yield from (("fact", text, frame.replace("{text}", text)) for text in _sayable(fact.text, profile))
    for number, feeling in enumerate(profile.feelings):
        text = phrases.nth("frames.feeling", number).replace("{feeling}", feeling)
        yield "feeling", text, text
    for number, thought in enumerate(profile.thoughts):
        yield thought.level, thought.text, thought_frames[number % len(thought_frames)].replace("{text}", thought.text)
        yield from (("evidence_for", text, text) for text in thought.evidence_for)
        yield from (("evidence_against", text, text) for text in thought.evidence_against)
        yield "balanced", thought.balanced, thought.balanced
    for criterion_id, criterion in profile.criteria.items():
        if not criterion_id.startswith("sui.") and criterion_id != "dep.death_suicide":  # told only when asked
            yield "criterion", criterion.text, criterion.text
    for kind in ("goal", "strength", "coping", "next_step"):
        field = kind if kind == "coping" else f"{kind}s"
        yield from ((kind, text, text) for text in getattr(profile, field))
    if not profile.facts:
        for whole in (profile.current_distress, profile.detailed_distress):
            for text in _sayable(whole, profile):
                yield "story", text, phrases.pick("frames.other", text).replace("{text}", text)


def _sayable(text: str, profile: Profile) -> list[str]:
    """A text as pieces that one would say in one breath: nobody recites a page."""
    pieces: list[str] = []
    for sentence in split_sentences(text.strip(), profile.lang):
        if pieces and len(pieces[-1]) + len(sentence) < _BREATH:
            pieces[-1] = f"{pieces[-1]}{' ' if profile.lang == 'en' else ''}{sentence}"
        else:
            pieces.append(sentence[:LONGEST])
    return [text.strip()] if len(text) <= _BREATH else pieces
