"""The strategy policy: which strategies fit a step, and the patterns that no counselor sentence may hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

from agents.counselors.crdial.plan import Plan
from profiles.localize import localize
from profiles.located import parse_yaml, validate
from profiles.schema import Record
from profiles.strategies import strategies
from profiles.vocabulary import Language

__all__ = ["Policy", "load_policy", "may_of", "must_of", "weights_of"]

_SOURCE = "agents/counselors/crdial/policy.yaml"


class Policy(Record):
    """The policy file in one language. Weights are relative within a step."""

    version: str
    steps: dict[str, dict[str, float]]
    first_after_emotion: tuple[str, ...]
    reframe: tuple[str, ...]
    human_life: tuple[str, ...]
    labels: tuple[str, ...]
    privacy: tuple[str, ...]
    puts_off: tuple[str, ...]

    def pattern(self, name: Literal["reframe", "human_life", "labels", "privacy", "puts_off"]) -> re.Pattern[str]:
        """One compiled pattern out of a list."""
        return re.compile("|".join(f"(?:{each})" for each in getattr(self, name)))


@lru_cache(maxsize=2)
def load_policy(language: Language) -> Policy:
    """The policy of one language.

    Raises:
        UserError: the file is faulty, or names a strategy that there is not; line and field are named.
    """
    path = files("agents.counselors.crdial") / "policy.yaml"
    located = parse_yaml(path.read_text(encoding="utf-8"), _SOURCE)
    value: Any = localize(located.value, language)
    policy = validate(Policy, value, located)
    known = strategies(language)
    for step, weights in policy.steps.items():
        for name in weights:
            if name not in known:
                raise located.fault(("steps", step, name), f"unknown strategy; known: {', '.join(known)}")
    return policy


def weights_of(plan: Plan, language: Language) -> Mapping[str, float]:
    """The weights of the step that a plan belongs to."""
    before = not plan.exit and plan.goal in ("situation", "safety")
    return load_policy(language).steps[plan.step or ("opening" if before else "close")]


def may_of(plan: Plan, language: Language) -> tuple[str, ...]:
    """The strategies that fit, those of the greatest weight first."""
    weights = weights_of(plan, language)
    return tuple(sorted(weights, key=lambda name: -weights[name]))


def must_of(plan: Plan) -> tuple[str, ...]:
    """The strategies without which the turn does not do its work."""
    return ("question",) if plan.asks and plan.asks != "agree" else ()
