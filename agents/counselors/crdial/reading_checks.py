"""Checks a reading in code, the same for every model: what is not in the client's words is dropped, danger is not.

A quote stands only where the client said it, between whole words; a rating only where its number is in the reply;
evidence only where it is more than a feeling and more than the belief said again; a balanced thought only where it is
a sentence of its own. A distortion is taken by any of its known names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.counselors.crdial.reading import Danger, Reading, ReadingInputs, Said, Stance
from agents.counselors.crdial.reading_danger import asked_of_danger, denies_danger
from agents.counselors.crdial.reading_pieces import ready
from agents.counselors.crdial.reading_ratings import ratings_in, strength_in
from agents.counselors.crdial.reading_roles import repeats, restates, roles_of, says_nothing
from agents.counselors.crdial.reading_rules import danger_in
from agents.counselors.crdial.reading_words import load_words
from agents.reading import content_units, said_in
from profiles.distortions import distortion_in
from profiles.screening import RANK, risk_level
from profiles.vocabulary import Language

__all__ = ["checked", "strays"]

_EDGES = " \t\n\"'“”‘’「」『』«»…"
_WORD = re.compile(r"[a-z0-9]")
_THOUGHTS = ("automatic_thought", "intermediate_belief", "core_belief")
_EVIDENCE = ("evidence_for", "evidence_against")
_FEELINGS = ("emotion_before", "emotion_after")
_RATINGS = ("belief_before", "belief_after")
_ELSEWHERE = 0.33  # share of content that a fairer thought may have in common with other thoughts alone
_PARTICULAR = 6  # content units from which it tells particulars, though nothing was found that it could rest on
_WAYS_OUT = 0.5  # a number said in words may be read this far from it and no farther


def checked(reading: Reading, inputs: ReadingInputs, language: Language) -> Reading:
    """What is left of a reading after all checks; ``reason`` is kept as it was given. Pure."""
    said: list[Said] = []
    felt = False
    for each in reading.said:
        kept = _kept(each, inputs, language)
        felt = felt or (kept is None and _only_felt(each, inputs, language))
        if kept is not None and kept not in said:
            said.append(kept)
    asked = inputs.asks in _EVIDENCE
    offered = any(each.kind == inputs.asks for each in said)
    return reading.model_copy(
        update={
            "said": said,
            "belief": _rated(reading.belief, inputs, language),
            "emotion": _rated(reading.emotion, inputs, language),
            "by_feeling": asked and (felt or reading.by_feeling) and not (felt and offered),
            "none_left": reading.none_left and not offered,
            "danger": _danger(reading.danger, inputs, language),
            "stance": _stance(reading.stance, inputs, language),
        }
    )


def _stance(stance: Stance, inputs: ReadingInputs, language: Language) -> Stance:
    """To the plain question about danger a no is one only where the words are."""
    taken_for_no = stance == "disagrees" and asked_of_danger(inputs, language)
    return "unsure" if taken_for_no and not denies_danger(inputs.reply, language) else stance


def _danger(danger: Danger, inputs: ReadingInputs, language: Language) -> Danger:
    """A model may see more danger than the safety lists, never less."""
    if danger != "none":
        return danger
    found = danger_in(inputs.reply, language)
    grave = RANK.get(risk_level(inputs.reply, language), -1) >= RANK["high"]
    return "crisis" if grave and found in ("none", "medical") else found


def _rated(value: int | None, inputs: ReadingInputs, language: Language) -> int | None:
    """A rating, where the reply has its number; a strength in words ("completely") must be the list's."""
    if value is None:
        return None
    found = ratings_in(inputs.reply, language)
    if found:
        return value if any(each.holds(value) for each in found) else None
    strength = strength_in(inputs.reply, language)
    return value if strength is not None and abs(strength - value) <= 100 * _WAYS_OUT / 5 else None


def strays(reading: Reading, inputs: ReadingInputs, language: Language) -> bool:
    """Whether the fairer thought that was asked for holds nothing of what is weighed, and much of something else."""
    given = [each.quote for each in reading.said if each.kind == "balanced_thought"]
    if inputs.asks != "balanced_thought" or not inputs.belief or not given:
        return False
    own = "\n".join((inputs.belief, *inputs.evidence, *inputs.around))
    before = [turn.text for turn in inputs.turns[:-1] if turn.speaker == "client"][-1:]
    beside = "\n".join((*inputs.others, *before))
    if any(said_in(quote, own, language) for quote in given):
        return False
    particular = not inputs.evidence and any(len(content_units(quote, language)) >= _PARTICULAR for quote in given)
    return particular or any(said_in(quote, beside, language) >= _ELSEWHERE for quote in given)


# -- one thing said


def _kept(said: Said, inputs: ReadingInputs, language: Language) -> Said | None:
    quote = _found(said.quote, inputs)
    if quote is None or said.kind in _RATINGS:
        return None
    if said.kind in _FEELINGS:
        word = _find(said.emotion.strip(_EDGES), quote)
        return said.model_copy(update={"quote": quote, "distortion": "", "emotion": word}) if word else None
    if says_nothing(quote, language) or not _stands(said, quote, inputs, language):
        return None
    ident = distortion_in(said.distortion) if said.kind in _THOUGHTS and said.distortion else None
    return said.model_copy(update={"quote": quote, "distortion": ident or "", "emotion": ""})


def _stands(said: Said, quote: str, inputs: ReadingInputs, language: Language) -> bool:
    if said.kind in _EVIDENCE:
        return not repeats(quote, inputs.belief, language) and not _only_felt(said, inputs, language)
    if said.kind == "balanced_thought":
        words = load_words(language)
        assents = words.lists["bare_agreement"].fullmatch(ready(quote, words))
        return not assents and not restates(quote, inputs.belief, language)
    if said.kind in _THOUGHTS:
        return any(each.role not in ("feeling", "event") for each in roles_of(quote, said.kind, language))
    return True


def _only_felt(said: Said, inputs: ReadingInputs, language: Language) -> bool:
    """Whether what is offered as evidence is a feeling and nothing more."""
    quote = _found(said.quote, inputs)
    if said.kind not in _EVIDENCE or quote is None:
        return False
    roles = [each.role for each in roles_of(quote, said.kind, language)]
    return bool(roles) and all(role in ("feeling", "by_feeling") for role in roles)


# -- where it was said


def _found(quote: str, inputs: ReadingInputs) -> str | None:
    """The quote as the client said it, in the reply or else in an earlier turn."""
    for text in _texts(inputs):
        if held := _find(quote.strip(), text) or _find(quote.strip(_EDGES), text):
            return held
    return None


def _texts(inputs: ReadingInputs) -> Iterator[str]:
    yield inputs.reply
    yield from (turn.text for turn in reversed(inputs.turns) if turn.speaker == "client")


def _find(wanted: str, text: str) -> str:
    """The words, where they stand in a text between whole words ("no" is not said in "I know"); else nothing."""
    if not any(char.isalnum() for char in wanted):
        return ""
    start = text.find(wanted)
    while start >= 0:
        end = start + len(wanted)
        if not (_joined(text, start) or _joined(text, end)):
            return wanted
        start = text.find(wanted, start + 1)
    return ""


def _joined(text: str, place: int) -> bool:
    if place <= 0 or place >= len(text):
        return False
    return all(_WORD.fullmatch(char.lower()) for char in text[place - 1 : place + 1])
