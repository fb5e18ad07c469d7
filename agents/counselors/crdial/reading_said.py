"""Finds what a turn gives to the restructuring: the answer to what was asked, and what is unmistakable unasked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from agents.counselors.crdial.course import Kind, Step
from agents.counselors.crdial.reading import ReadingInputs, Said
from agents.counselors.crdial.reading_pieces import distortion_of
from agents.counselors.crdial.reading_ratings import ratings_in
from agents.counselors.crdial.reading_roles import Turned, repeats, restates, roles_of
from agents.counselors.crdial.reading_words import load_words
from agents.reading import content_units, said_in
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
_WORTH = ("labeling", "external_validation", "catastrophizing")
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
        yield from _situation(inputs, pieces, told, language)
    elif asks in _EVIDENCE:
        yield from _evidence(inputs, pieces, asks, language)
    elif asks == "balanced_thought":
        run = _fairer(inputs, pieces, language)
        if run:
            yield _said("balanced_thought", run, inputs, language)
    elif asks in _THOUGHTS:
        yield from _thoughts(inputs, pieces, asks, language)
    elif asks == "residual":
        yield from _thoughts(inputs, pieces, "automatic_thought", language)
    elif asks == "confirm":
        yield from _corrected(inputs, pieces, language)


def _situation(
    inputs: ReadingInputs, pieces: Sequence[Turned], told: Sequence[Turned], language: Language
) -> Iterator[Said]:
    errands = load_words(language).lists["errands"]
    runs = _runs([piece for piece in told if not errands.search(piece.piece.text)], pieces, inputs)
    if runs:
        longest = max(runs, key=lambda run: run[-1].piece.end - run[0].piece.start)
        yield Said(kind="situation", quote=_quote(longest, inputs))


def _evidence(inputs: ReadingInputs, pieces: Sequence[Turned], asked: Kind, language: Language) -> Iterator[Said]:
    """What is offered, each run of sentences one item; what turns to the other side begins an item of that side."""
    words = load_words(language).lists
    other: Kind = "evidence_against" if asked == "evidence_for" else "evidence_for"
    turning = words["against_signs" if asked == "evidence_for" else "for_signs"]
    kept = [p for p in pieces if p.role in ("content", "event") and not _echo(p, inputs, language)]
    kept = [p for p in kept if not (_of_others(p, inputs, language) or _judges(p, language))]
    for run in _runs(kept, pieces, inputs):
        cut = next((place for place, piece in enumerate(run) if turning.search(piece.piece.text)), len(run))
        for kind, part in ((asked, run[:cut]), (other, run[cut:])):
            if part:
                yield _said(kind, part, inputs, language)


def _echo(piece: Turned, inputs: ReadingInputs, language: Language) -> bool:
    return repeats(piece.quote, inputs.belief, language)


def _judges(piece: Turned, language: Language) -> bool:
    """Whether a sentence is another belief, about what one is worth or how it will end, and no fact."""
    worth = distortion_of(piece.quote, language, firm=True) in _WORTH
    return piece.role == "content" and (
        worth or bool(load_words(language).lists["core_signs"].search(piece.piece.text))
    )


def _of_others(piece: Turned, inputs: ReadingInputs, language: Language) -> bool:
    """Whether a sentence tells plain particulars of somebody else, who does not come up in the thought."""
    words = load_words(language).lists
    told = words["others_only"].search(piece.piece.text)
    if told is None or said_in(piece.quote, inputs.belief, language):
        return False
    rest = piece.piece.text[told.end() :]
    return not (words["oneself"].search(rest) or distortion_of(rest, language))


def _fairer(inputs: ReadingInputs, pieces: Sequence[Turned], language: Language) -> list[Turned]:
    """The fairer thought as a whole: a second half that begins with "but" takes the first one with it.

    The old thought itself is left out at the edges; before such a "but" it is the first half.
    """
    joins = load_words(language).lists["joins"]
    runs = _runs([piece for piece in pieces if piece.role in ("content", "event")], pieces, inputs)
    run = runs.pop() if runs else []
    while runs and run and joins.match(run[0].piece.text):
        first, last = pieces.index(runs[-1][0]), pieces.index(run[-1])
        whole = list(pieces[first : last + 1])
        if "\n" in _quote(whole, inputs):  # something between the halves was left out
            break
        run = whole
        runs.pop()
    while run and _same(run[-1], inputs, language):
        run.pop()
    while run and _same(run[0], inputs, language) and not (len(run) > 1 and joins.match(run[1].piece.text)):
        run.pop(0)
    return run


def _same(piece: Turned, inputs: ReadingInputs, language: Language) -> bool:
    return restates(piece.quote, inputs.belief, language)


def _thoughts(inputs: ReadingInputs, pieces: Sequence[Turned], kind: Kind, language: Language) -> Iterator[Said]:
    """The thought, from the first sentence that shows one to the end of what is said on."""
    for run in _runs(_thinking(inputs, pieces, language), pieces, inputs)[:3]:
        if not any(_may_be(kind, each, language) for each in run):
            continue
        shown = next((place for place, each in enumerate(run) if _shows(each, language)), 0)
        while shown and _leads_in(run[shown - 1], run[shown], language):
            shown -= 1
        yield _said(kind, run[shown:], inputs, language)


def _thinking(inputs: ReadingInputs, pieces: Sequence[Turned], language: Language) -> list[Turned]:
    """The sentences that may belong to a thought; a deed does where it goes on with one and is told with its colour."""
    kept: list[Turned] = []
    for before, piece in zip((None, *pieces), pieces, strict=False):
        goes_on = piece.role == "event" and before in kept and bool(distortion_of(piece.quote, language))
        if goes_on or (piece.role == "content" and not _of_others(piece, inputs, language)):
            kept.append(piece)
    return kept


def _shows(piece: Turned, language: Language) -> bool:
    words = load_words(language).lists
    return bool(words["thought_signs"].search(piece.piece.text) or distortion_of(piece.quote, language))


def _may_be(kind: Kind, piece: Turned, language: Language) -> bool:
    """Whether a sentence can be a thought: it shows one, or is about somebody; a belief is more than a deed."""
    words, text = load_words(language).lists, piece.piece.text
    if _is_habit(piece, words):
        return False
    if _shows(piece, language) or any(words[name].search(text) for name in ("core_signs", "rule_signs")):
        return True
    if piece.piece.asks:  # one that nobody is to answer
        return True
    about = {"core_belief": "self_signs", "automatic_thought": "concerns"}.get(kind)
    return about is None or bool(words[about].search(text))


def _is_habit(piece: Turned, words: Mapping[str, re.Pattern[str]]) -> bool:
    """Whether an if-then only tells what one does then."""
    return bool(words["habits"].search(piece.piece.text))


def _leads_in(piece: Turned, following: Turned, language: Language) -> bool:
    """Whether a sentence before the telling one belongs to the thought: it speaks of somebody, or is referred to."""
    words = load_words(language).lists
    belongs = words["concerns"].search(piece.piece.text) or words["refers_back"].search(following.piece.text)
    return bool(belongs) and not _tells(piece, language)


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
        yield from _situation(inputs, pieces, told, language)
    if inputs.asks == "agree" and inputs.step is None:  # at the end the talk is of what to do next
        return
    if inputs.step not in _IDENTIFYING and inputs.asks != "residual":
        yield from _balanced(inputs, pieces, language)
        return
    if inputs.asks in _EVIDENCE or inputs.asks == "balanced_thought":
        return
    if inputs.asks in ("intermediate_belief", "core_belief"):
        return
    leveled = [(piece, _level(piece, inputs, language)) for piece in pieces if piece.role == "content"]
    for kind in _THOUGHTS:
        for run in _runs([piece for piece, level in leveled if level == kind and not piece.piece.asks], pieces, inputs):
            yield _said(kind, run, inputs, language)


def _level(piece: Turned, inputs: ReadingInputs, language: Language) -> Kind | None:
    words = load_words(language).lists
    if _is_habit(piece, words) or words["plans"].search(piece.piece.text) or _of_others(piece, inputs, language):
        return None
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
    if piece.role in ("opener", "asks", "aside", "rupture", "declines", "stands", "none", "stance"):
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
    names = ("feeling_nouns", "feelings", *(("felt_as",) if ratings_in(piece.quote, language) else ()))
    hits = [hit for name in names for hit in words[name].finditer(low)]
    end = 0
    for hit in sorted(hits, key=lambda hit: (hit.start(), -hit.end())):
        if hit.start() >= end and not words["denied"].search(low[max(0, hit.start() - 24) : hit.start()]):
            end = hit.end()
            yield piece.quote[hit.start() : hit.end()]


def _short(piece: Turned, language: Language) -> bool:
    named = 1 <= len(content_units(piece.quote, language)) <= _NAMED
    return piece.role == "content" and named and not ratings_in(piece.quote, language)


def _plain(quote: str) -> str:
    return quote.strip(" \t\n.,;:!?…。，；：！？～~\"'“”‘’「」『』«»")


# -- quotes


def _runs(kept: Sequence[Turned], pieces: Sequence[Turned], inputs: ReadingInputs) -> list[list[Turned]]:
    """The kept sentences, those that follow each other together; a line's end parts them."""
    runs: list[list[Turned]] = []
    last = -2
    for place in (pieces.index(piece) for piece in kept):
        if place != last + 1 or "\n" in inputs.reply[pieces[last].piece.end : pieces[place].piece.start]:
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
