"""Finds what a turn gives to the restructuring: the answer to what was asked, and what is unmistakable unasked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import cast

from agents.counselors.crdial.course import Kind, Step
from agents.counselors.crdial.reading import ReadingInputs, Said
from agents.counselors.crdial.reading_pieces import distortion_of
from agents.counselors.crdial.reading_ratings import ratings_in
from agents.counselors.crdial.reading_roles import Turned, repeats, restates, roles_of
from agents.counselors.crdial.reading_words import load_words
from agents.reading import content_units
from profiles.vocabulary import Language

__all__ = ["Turned", "answer", "emotion_said", "turned", "volunteered"]

_THOUGHTS: tuple[Kind, ...] = ("automatic_thought", "intermediate_belief", "core_belief")
_EVIDENCE: tuple[Kind, ...] = ("evidence_for", "evidence_against")
_RATED: tuple[Kind, ...] = ("belief_before", "belief_after", "emotion_before", "emotion_after")
_IDENTIFYING: tuple[Step | None, ...] = (None, "automatic_thoughts", "intermediate_beliefs", "core_beliefs")
_OF_STEP: dict[Step | None, Kind] = {
    "automatic_thoughts": "automatic_thought",
    "intermediate_beliefs": "intermediate_belief",
    "core_beliefs": "core_belief",
    "defense": "evidence_for",
    "prosecution": "evidence_against",
    "verdict": "balanced_thought",
}
_TELLING = ("labeling", "catastrophizing", "emotional_reasoning", "personalization")
_MOST_FEELINGS = 3
_NAMED = 2  # content units of a feeling that no list knows


def turned(inputs: ReadingInputs, language: Language) -> tuple[Turned, ...]:
    """The sentences of the reply with their parts in it."""
    return roles_of(inputs.reply, inputs.asks, language)


def answer(inputs: ReadingInputs, pieces: Sequence[Turned], language: Language) -> Iterator[Said]:
    """What was asked for, where the reply gives it."""
    asks = inputs.asks
    if asks == "situation":
        told = [piece for piece in pieces if piece.role in ("content", "event", "feeling")]
        yield from _situation(inputs, pieces, told)
    elif asks in _EVIDENCE:
        yield from _evidence(inputs, pieces, asks, language)
    elif asks == "balanced_thought":
        runs = _runs([p for p in pieces if p.role in ("content", "event") and not _same(p, inputs, language)], pieces)
        yield from (_said("balanced_thought", run, inputs, language) for run in runs[-1:])
    elif asks in _THOUGHTS:
        yield from _thoughts(inputs, pieces, asks, language)
    elif asks == "residual":
        yield from _thoughts(inputs, pieces, "automatic_thought", language)
    elif asks == "confirm":
        yield from _corrected(inputs, pieces, language)


def _situation(inputs: ReadingInputs, pieces: Sequence[Turned], told: Sequence[Turned]) -> Iterator[Said]:
    runs = _runs(told, pieces)
    if runs:
        longest = max(runs, key=lambda run: run[-1].piece.end - run[0].piece.start)
        yield Said(kind="situation", quote=_quote(longest, inputs))


def _evidence(inputs: ReadingInputs, pieces: Sequence[Turned], asked: Kind, language: Language) -> Iterator[Said]:
    """What is offered, each run of sentences one item; what turns to the other side begins an item of that side."""
    words = load_words(language).lists
    other: Kind = "evidence_against" if asked == "evidence_for" else "evidence_for"
    turning = words["against_signs" if asked == "evidence_for" else "for_signs"]
    kept = [p for p in pieces if p.role in ("content", "event") and not _echo(p, inputs, language)]
    for run in _runs(kept, pieces):
        cut = next((place for place, piece in enumerate(run) if turning.search(piece.piece.text)), len(run))
        for kind, part in ((asked, run[:cut]), (other, run[cut:])):
            if part:
                yield _said(kind, part, inputs, language)


def _echo(piece: Turned, inputs: ReadingInputs, language: Language) -> bool:
    return repeats(piece.quote, inputs.belief, language)


def _same(piece: Turned, inputs: ReadingInputs, language: Language) -> bool:
    return restates(piece.quote, inputs.belief, language)


def _thoughts(inputs: ReadingInputs, pieces: Sequence[Turned], kind: Kind, language: Language) -> Iterator[Said]:
    """The thought, from the first sentence that shows one to the end of what is said on."""
    signs = load_words(language).lists["thought_signs"]
    for run in _runs([piece for piece in pieces if piece.role == "content"], pieces)[:3]:
        shown = next((place for place, each in enumerate(run) if _shows(each, signs, language)), 0)
        while shown and not _tells(run[shown - 1], language):
            shown -= 1
        yield _said(kind, run[shown:], inputs, language)


def _shows(piece: Turned, signs: re.Pattern[str], language: Language) -> bool:
    return bool(signs.search(piece.piece.text) or distortion_of(piece.quote, language))


def _tells(piece: Turned, language: Language) -> bool:
    words = load_words(language).lists
    return bool(words["happened"].search(piece.piece.text) or words["event"].search(piece.piece.text))


def _corrected(inputs: ReadingInputs, pieces: Sequence[Turned], language: Language) -> Iterator[Said]:
    """What the client says instead of what was to be confirmed."""
    kind = _OF_STEP.get(inputs.step)
    first = next((piece for piece in pieces if piece.role not in ("opener", "rating")), None)
    if kind is None or first is None:
        return
    words = load_words(language).lists
    if words["disagrees"].match(first.piece.text) or words["unsure"].match(first.piece.text):
        yield from answer(inputs.model_copy(update={"asks": kind}), pieces, language)


def volunteered(inputs: ReadingInputs, pieces: Sequence[Turned], language: Language) -> Iterator[Said]:
    """What nobody asked for and nobody can mistake."""
    words = load_words(language).lists
    if inputs.asks == "" and inputs.step is None:
        told = [p for p in pieces if p.role in ("event", "content") and words["happened"].search(p.piece.text)]
        yield from _situation(inputs, pieces, told)
    if inputs.step not in _IDENTIFYING and inputs.asks != "residual":
        yield from _balanced(inputs, pieces, language)
        return
    if inputs.asks in _EVIDENCE or inputs.asks == "balanced_thought":
        return
    if inputs.asks in ("intermediate_belief", "core_belief"):
        return
    leveled = [(piece, _level(piece, inputs, language)) for piece in pieces if piece.role == "content"]
    for kind in _THOUGHTS:
        for run in _runs([piece for piece, level in leveled if level == kind and not piece.piece.asks], pieces):
            yield _said(kind, run, inputs, language)


def _level(piece: Turned, inputs: ReadingInputs, language: Language) -> Kind | None:
    words = load_words(language).lists
    if words["rule_signs"].search(piece.piece.text):
        return "intermediate_belief"
    firm = distortion_of(piece.quote, language, firm=True)
    if words["core_signs"].search(piece.piece.text) and firm != "mind_reading":
        return "core_belief"
    if inputs.asks in (*_THOUGHTS, "residual", "confirm"):
        return None
    told = firm in _TELLING or (firm and words["thought_signs"].search(piece.piece.text))
    return "automatic_thought" if told else None


def _balanced(inputs: ReadingInputs, pieces: Sequence[Turned], language: Language) -> Iterator[Said]:
    signs = load_words(language).lists["balanced_signs"]
    if inputs.belief and inputs.asks != "balanced_thought":
        for piece in pieces:
            fits = piece.role == "content" and signs.search(piece.piece.text)
            if fits and not _same(piece, inputs, language):
                yield _said("balanced_thought", [piece], inputs, language)


# -- feelings


def emotion_said(inputs: ReadingInputs, pieces: Sequence[Turned], language: Language) -> Iterator[Said]:
    """The feelings that are named: all where they were asked for, else what a sentence is about."""
    asked = inputs.asks in ("emotion_before", "emotion_after")
    after = inputs.asks.endswith("_after") or (inputs.step == "verdict" and not asked)
    kind: Kind = cast(Kind, inputs.asks) if asked else "emotion_after" if after else "emotion_before"
    found = [(piece, word) for piece in pieces if _feels(piece, inputs, language) for word in _named(piece, language)]
    if not found and asked:
        found = [(piece, _plain(piece.quote)) for piece in pieces if _short(piece, language)]
    for piece, word in found[:_MOST_FEELINGS]:
        yield Said(kind=kind, quote=piece.quote, emotion=word)


def _feels(piece: Turned, inputs: ReadingInputs, language: Language) -> bool:
    if piece.role in ("opener", "asks", "rupture", "declines", "none", "stance"):
        return False
    if inputs.asks in ("emotion_before", "emotion_after") or piece.role == "feeling":
        return True
    rated = any(each.of == "emotion" for each in ratings_in(piece.quote, language))
    return rated and (inputs.asks in _RATED or piece.role == "rating")


def _named(piece: Turned, language: Language) -> Iterator[str]:
    words = load_words(language).lists
    low = piece.quote.lower()
    if len(low) != len(piece.quote):
        return
    hits = [hit for name in ("feeling_nouns", "feelings") for hit in words[name].finditer(low)]
    end = 0
    for hit in sorted(hits, key=lambda hit: (hit.start(), -hit.end())):
        if hit.start() >= end and not words["denied"].search(low[max(0, hit.start() - 24) : hit.start()]):
            end = hit.end()
            yield piece.quote[hit.start() : hit.end()]


def _short(piece: Turned, language: Language) -> bool:
    named = 1 <= len(content_units(piece.quote, language)) <= _NAMED
    return piece.role == "content" and named and not ratings_in(piece.quote, language)


def _plain(quote: str) -> str:
    return quote.strip(" \t\n.,;:!?…。，；：！？～~")


# -- quotes


def _runs(kept: Sequence[Turned], pieces: Sequence[Turned]) -> list[list[Turned]]:
    """The kept sentences, those that follow each other together."""
    runs: list[list[Turned]] = []
    last = -2
    for place in (pieces.index(piece) for piece in kept):
        if place != last + 1:
            runs.append([])
        runs[-1].append(pieces[place])
        last = place
    return runs


def _quote(run: Sequence[Turned], inputs: ReadingInputs) -> str:
    return inputs.reply[run[0].piece.start : run[-1].piece.end]


def _said(kind: Kind, run: Sequence[Turned], inputs: ReadingInputs, language: Language) -> Said:
    quote = _quote(run, inputs)
    thought = kind in _THOUGHTS
    return Said(kind=kind, quote=quote, distortion=distortion_of(quote, language) if thought else "")
