"""The parties' views, found by scanning this folder, and the scorers made from them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from agents.models.base import ChatModel
from arena.scoring.judge import ModelScorer, skipped
from arena.scoring.judgment import Judgment, Scorer
from profiles.rubrics import load_rubric
from profiles.vocabulary import Language, Party


@dataclass(frozen=True)
class PartyView:
    """What a party may see. ``looks_back``: the party's own model also scores itself."""

    party: Party
    sees_profile: bool
    looks_back: bool = False

    def judge(self, model: ChatModel, language: Language) -> Scorer:
        """A judge model in this party's chair."""
        rubric = load_rubric(self.party, language)
        return ModelScorer(rubric=rubric, model=model, language=language, sees_profile=self.sees_profile)

    def self_judge(self, model: ChatModel, language: Language) -> Scorer:
        """The party's own model, scoring its own work."""
        rubric = load_rubric(self.party, language)
        return ModelScorer(rubric=rubric, model=model, language=language, judge_kind="self")

    def no_self_judgment(self, language: Language, reason: str, seed: int) -> Judgment:
        """What stands where nobody can look back: a script, or a person who has not rated yet."""
        return skipped(load_rubric(self.party, language), reason, seed)


@lru_cache(maxsize=1)
def views() -> Mapping[Party, PartyView]:
    """Every ``VIEW`` of this folder's modules, in the order of ``Party``."""
    package = importlib.import_module("arena.scoring")
    modules = [importlib.import_module(f"arena.scoring.{info.name}") for info in pkgutil.iter_modules(package.__path__)]
    found = {module.VIEW.party: module.VIEW for module in modules if hasattr(module, "VIEW")}
    return {party: found[party] for party in Party if party in found}
