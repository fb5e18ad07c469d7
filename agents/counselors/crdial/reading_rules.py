"""The offline answer of the reading prompt: reads a client's turn with the lists in ``words``, and nothing else."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from typing import get_args

from agents.counselors.crdial.reading import Danger, Reading, ReadingInputs, Said, Stance
from agents.counselors.crdial.reading_danger import asked_of_danger, denies_danger
from agents.counselors.crdial.reading_manners import NOTHING, parted
from agents.counselors.crdial.reading_pieces import LONGEST, Piece, ready
from agents.counselors.crdial.reading_ratings import both
from agents.counselors.crdial.reading_roles import roles_of
from agents.counselors.crdial.reading_said import Turned, answer, emotion_said, turned, volunteered
from agents.counselors.crdial.reading_words import ReadingWords, load_words
from profiles.screening import RANK, fold, hits
from profiles.vocabulary import Language

__all__ = ["danger_in", "read", "stance_in"]

_GRAVE = RANK["high"]
_DANGERS: dict[str, Danger] = {
    "suicide": "crisis",
    "self_harm": "crisis",
    "harm_to_others": "crisis",
    "abuse": "abuse_or_neglect",
    "psychosis_mania": "psychosis_mania_intoxication",
    "severe_substance": "psychosis_mania_intoxication",
}
_HALF = re.compile("[\ud800-\udfff]")
_YES_OR_NO = ("confirm", "agree", "residual")
_THOUGHTS = ("automatic_thought", "intermediate_belief", "core_belief")


def read(inputs: ReadingInputs, chance: random.Random, language: Language) -> Reading:
    """Read a turn by rule; ``chance`` is not used."""
    words = load_words(language)
    told, manners = parted(inputs.reply, language)
    kept = inputs.model_copy(update={"reply": told})
    pieces = turned(kept, language) if told else ()
    said = [*answer(kept, pieces, language), *volunteered(kept, pieces, language)] if told else []
    said += emotion_said(kept, pieces, language) if told else []
    if "confide" in manners:  # what is confided answers no question for a fairer thought
        said = [each for each in said if each.kind != "balanced_thought"]
    belief, emotion = both(told, language, inputs.asks, inputs.question)
    plain = ready(inputs.reply[:LONGEST], words)
    return Reading(
        reason="read by rule",
        said=_once(each for each in said if each.quote in inputs.reply),
        belief=belief,
        emotion=emotion,
        stance=_stance(inputs, manners, said, language),
        none_left=_none_left(inputs, pieces, said) or (bool(manners & _nothing(inputs)) and not said),
        by_feeling=_by_feeling(inputs, pieces, said),
        unconvinced=_unconvinced(pieces, words),
        confides="confide" in manners or any(words.lists["confides"].search(each.piece.text) for each in pieces),
        realistic=bool(words.lists["realistic"].search(plain)),
        danger=danger_in(inputs.reply, language),
        distress=next((level for level in (3, 2, 1) if words.distress[level].search(plain)), 0),
    )


def _stance(inputs: ReadingInputs, manners: frozenset[str], said: Sequence[Said], language: Language) -> Stance:
    """The stance of a set phrase where nothing else was told; else by the words.

    Asked about danger, only a plain no is one.
    """
    if asked_of_danger(inputs, language):
        return "disagrees" if denies_danger(inputs.reply, language) else "unsure"
    if "reactions" in manners and not said:
        return "rupture"
    if "weighing.fits" in manners:
        return "agrees"
    if manners & {"weighing.does_not_fit", "weighing.no_other_view"}:
        return "disagrees"
    if "weighing.balanced_said" in manners and inputs.asks == "balanced_thought":
        return "agrees"
    found = stance_in(inputs.reply, inputs.asks, language)
    vague = "deflect" in manners and not said and found not in ("rupture", "declines")
    return "unsure" if vague else found  # "I'll think about it" is no refusal


def _once(said: Iterable[Said]) -> list[Said]:
    """Each thing once; what JSON cannot carry (half a character) is left out."""
    found = {(each.kind, each.quote, each.emotion): each for each in said if not _HALF.search(each.quote)}
    return list(found.values())


def danger_in(reply: str, language: Language) -> Danger:
    """The gravest danger by the safety lists; then what is for a doctor, by plain words alone."""
    grave = {
        _DANGERS[hit.kind]
        for hit in hits("client_risk", fold(reply), language)
        if hit.kind in _DANGERS and RANK[hit.level] >= _GRAVE
    }
    if not grave:
        words = load_words(language)
        return "medical" if words.lists["medical"].search(ready(reply[:LONGEST], words)) else "none"
    return min(grave, key=get_args(Danger).index)


def stance_in(reply: str, asks: str, language: Language) -> Stance:
    """Where the client stands to what was asked: a break first, then a refusal, then the first yes, no or doubt.

    Unless a yes or a no was asked for, one that only leads into an answer ("Yes, he ...") does not count.
    """
    words, pieces = load_words(language), roles_of(reply, asks, language)
    if any(each.role == "rupture" for each in pieces):
        return "rupture"
    if asks == "balanced_thought" and any(each.role == "stands" for each in pieces):
        return "agrees"
    if any(words.lists["declines"].search(each.piece.text) for each in pieces if each.role != "opener"):
        return "declines"
    for each in pieces:
        whole = asks in _YES_OR_NO or each.role in ("stance", "none")
        found = _first_word(each.piece, words) if whole else "open"
        if found != "open" or each.role != "opener":
            return found
    return "open"


def _first_word(piece: Piece, words: ReadingWords) -> Stance:
    """How a sentence begins; noises and thanks before it do not count."""
    text = piece.text
    for _ in range(3):
        for stance in ("unsure", "agrees", "disagrees"):
            if words.lists[stance].match(text):
                return stance
        noise = words.lists["fillers"].match(text)
        if noise is None:
            break
        text = text[noise.end() :].lstrip()
    return "open"


def _none_left(inputs: ReadingInputs, pieces: Sequence[Turned], said: Sequence[Said]) -> bool:
    """Whether there is nothing of what was asked; a plain no will do where more was asked for."""
    if any(each.kind == inputs.asks or (inputs.asks == "residual" and each.kind in _THOUGHTS) for each in said):
        return False
    if inputs.asks == "balanced_thought" and any(piece.role == "stands" for piece in pieces):
        return False
    return any(piece.role in ("none", "stands") for piece in pieces)


def _nothing(inputs: ReadingInputs) -> set[str]:
    """The lists that say there is nothing more; to stand by a fairer thought answers the question for it."""
    return set(NOTHING) - ({"weighing.balanced_said"} if inputs.asks == "balanced_thought" else set())


def _by_feeling(inputs: ReadingInputs, pieces: Sequence[Turned], said: Sequence[Said]) -> bool:
    if inputs.asks not in ("evidence_for", "evidence_against") or any(each.kind == inputs.asks for each in said):
        return False
    return any(piece.role in ("by_feeling", "feeling") for piece in pieces)


def _unconvinced(pieces: Sequence[Turned], words: ReadingWords) -> bool:
    return any(words.lists["unconvinced"].search(each.piece.text) for each in pieces if not each.piece.asks)
