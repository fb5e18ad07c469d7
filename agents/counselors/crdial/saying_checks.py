"""What a counselor turn must keep to, whoever worded it: labels, length, questions, support, honesty."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from agents.counselors.crdial.plan import SayInputs, Sentence
from agents.counselors.crdial.policy import load_policy
from agents.reading import split_sentences
from profiles.screening import fold, hits
from profiles.strategies import strategies
from profiles.vocabulary import Language

__all__ = ["faults_of", "joined"]

_MOST = 4
_LONGEST = {"en": 700, "zh": 260}  # characters of one turn
_STRONG = 2  # distress from which the first sentence meets the feeling
_MARK = re.compile(r"[?？]+")
_QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"|「[^」]*」")


def joined(texts: Sequence[str], language: Language) -> str:
    """Sentences as one turn: with a space between them in English, with nothing in Chinese."""
    return (" " if language == "en" else "").join(texts)


def faults_of(sentences: Sequence[Sentence], inputs: SayInputs, language: Language) -> tuple[str, ...]:
    """Why a turn may not be said as it is; empty where it may.

    ``length``, ``strategy``, ``sentence`` (a label on more or less than one), ``questions``, ``unsupported``,
    ``feeling``, ``reframe``, ``human_life``, ``label``, ``harm``.
    """
    known = strategies(language)
    if not 1 <= len(sentences) <= _MOST:
        return ("length",)
    if any(sentence.strategy not in known for sentence in sentences):
        return ("strategy",)
    text = joined([sentence.text for sentence in sentences], language)
    found = {
        "length": len(text) > _LONGEST[language],
        "sentence": any(not _is_one(sentence.text, language) for sentence in sentences),
        "questions": not _asks_well(sentences, inputs),
        "unsupported": _unsupported(sentences, language),
        "feeling": _passes_over(sentences, inputs, language),
        "harm": bool(hits("counselor_harm", fold(text), language)),
    }
    own = _QUOTED.sub("", text).casefold().replace("’", "'")
    patterns = _patterns(language)
    found |= {name: bool(pattern.search(own)) for name, pattern in patterns.items()}
    return tuple(name for name, is_so in found.items() if is_so)


@lru_cache(maxsize=2)
def _patterns(language: Language) -> dict[str, re.Pattern[str]]:
    policy = load_policy(language)
    return {
        "reframe": policy.pattern("reframe"),
        "human_life": policy.pattern("human_life"),
        "label": policy.pattern("labels"),
    }


def _is_one(text: str, language: Language) -> bool:
    bare = _QUOTED.sub("x", text).replace("；", "，")
    return bool(text.strip()) and text == text.strip() and len(split_sentences(bare, language)) == 1


def _asks_well(sentences: Sequence[Sentence], inputs: SayInputs) -> bool:
    """At most one question, the label where the mark is and nowhere else, and one where the plan needs it."""
    marks = [len(_MARK.findall(sentence.text)) for sentence in sentences]
    labels = [sentence.strategy == "question" for sentence in sentences]
    agree = all(bool(mark) == label for mark, label in zip(marks, labels, strict=True))
    return agree and sum(marks) <= 1 and (sum(marks) == 1 or "question" not in inputs.must)


def _unsupported(sentences: Sequence[Sentence], language: Language) -> bool:
    """Two sentences in a row that neither support nor are the one question."""
    known = strategies(language)
    told = [known[sentence.strategy].supports for sentence in sentences if sentence.strategy != "question"]
    return any(not first and not second for first, second in pairwise(told))


def _passes_over(sentences: Sequence[Sentence], inputs: SayInputs, language: Language) -> bool:
    strong = inputs.plan.distress >= _STRONG
    return strong and sentences[0].strategy not in load_policy(language).first_after_emotion
