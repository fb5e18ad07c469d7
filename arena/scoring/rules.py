"""The offline judge: weighs counted features of the transcript and quotes the turns that weighed most."""

from __future__ import annotations

import random
from functools import lru_cache
from importlib.resources import files

import yaml

from agents.phrases import Phrases, load_phrases
from arena.scoring.features import Features, extract
from arena.scoring.judge import JudgedItem, JudgeInputs, JudgeOutput, Quote, judge_output
from profiles.rubrics import Rubric
from profiles.schema import Record
from profiles.vocabulary import Language

_LONGEST_QUOTE = 160
_QUOTES = 2


class Weights(Record):
    """The numbers of ``weights.yaml``."""

    common: dict[str, float]
    dimensions: dict[str, dict[str, float]]
    unseen_by_self: tuple[str, ...]


@lru_cache(maxsize=1)
def weights() -> Weights:
    """The weights as shipped."""
    text = (files("arena.scoring") / "weights.yaml").read_text(encoding="utf-8")
    return Weights.model_validate(yaml.safe_load(text))


def judge(inputs: JudgeInputs, chance: random.Random, language: Language) -> JudgeOutput:
    """Every dimension of the rubric; one the weights do not know gets null, as a model would say "no ground"."""
    features = extract(inputs.turns, language)
    words = load_phrases("arena.scoring", language, folder="words")
    table = weights()
    hidden = table.unseen_by_self if inputs.judge == "self" else ()
    items = {}
    for dimension in inputs.rubric.dimensions:
        own = table.dimensions.get(dimension.id)
        if own is None:
            items[dimension.id] = JudgedItem(reason=words.nth("reasons.bare", 0))
            continue
        merged = {name: w for name, w in {**table.common, **own}.items() if name not in hidden}
        items[dimension.id] = _item(merged, features, inputs.rubric, words, chance)
    return judge_output(inputs.rubric).model_validate(items, from_attributes=True)


def _item(
    own: dict[str, float], features: Features, rubric: Rubric, words: Phrases, chance: random.Random
) -> JudgedItem:
    parts = {name: w * features.values.get(name, 0.0) for name, w in own.items() if name != "base"}
    level = min(1.0, max(0.0, own.get("base", 0.0) + sum(parts.values())))
    score = rubric.low + round((rubric.high - rubric.low) * level)
    positive = level >= 0.5
    signed = {name: part for name, part in parts.items() if (part > 0) == positive and abs(part) > 0.01}
    driver = max(signed, key=lambda name: abs(signed[name]), default=None)
    quotes = _quotes(features.places.get(driver, ()), chance) if driver else []
    return JudgedItem(reason=_reason(driver, positive, features, words), evidence=quotes, score=score)


def _reason(driver: str | None, positive: bool, features: Features, words: Phrases) -> str:
    if driver is None:
        return words.nth("reasons.bare", 0)
    share = str(round(100 * features.values[driver]))
    frame = words.nth("reasons.high" if positive else "reasons.low", 0)
    return frame.replace("{driver}", words.nth(f"drivers.{driver}", 0)).replace("{share}", share)


def _quotes(places: tuple[tuple[int, str], ...], chance: random.Random) -> list[Quote]:
    picked = places if len(places) <= _QUOTES else chance.sample(places, _QUOTES)
    return [Quote(turn=turn, quote=_short(text)) for turn, text in sorted(picked)]


def _short(text: str) -> str:
    """The beginning of a long turn, cut between words."""
    cut = text[:_LONGEST_QUOTE]
    return cut if cut == text or " " not in cut else cut.rpartition(" ")[0]


RULES = {"scoring.judge": judge}
