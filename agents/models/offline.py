"""The offline engine: no LLM and no network, a dispatcher from prompt name to the rule that answers it."""

from __future__ import annotations

import importlib
import pkgutil
import random
from collections.abc import Callable, Iterable
from typing import Any

from pydantic import BaseModel

from agents.models.base import OFFLINE, ChatModel, ChatReply, ChatRequest
from agents.models.providers import ProviderSettings
from profiles.errors import NoRule, UserError
from profiles.vocabulary import Language

Rule = Callable[[Any, random.Random, Language], BaseModel | str]
"""A rule answers a prompt from its typed inputs; all chance comes from the generator it is handed."""


class OfflineModel:
    """A ``ChatModel`` that answers every prompt by rule, the same for the same inputs and seed."""

    spec = OFFLINE

    def __init__(self, rules: dict[str, Rule]) -> None:
        self._rules = rules

    async def generate(self, request: ChatRequest) -> ChatReply:
        """Answer by rule.

        Raises:
            NoRule: no rule stands beside this prompt.
        """
        rule = self._rules.get(request.purpose)
        if rule is None:
            raise NoRule(f"the offline engine has no rule for prompt '{request.purpose}'; choose another model for it")
        chance = random.Random(f"{request.seed}/{request.purpose}")
        answer = rule(request.inputs, chance, request.language)
        text = answer if isinstance(answer, str) else answer.model_dump_json()
        return ChatReply(text=text, model=OFFLINE)


def collect_rules(packages: Iterable[str]) -> dict[str, Rule]:
    """The ``RULES`` of every ``rules`` module in or below these packages, by prompt name.

    Raises:
        ValueError: two rules claim one prompt.
    """
    found: dict[str, Rule] = {}
    for package in packages:
        for module in _rule_modules(package):
            for name, rule in importlib.import_module(module).RULES.items():
                if name in found:
                    raise ValueError(f"two rules answer prompt '{name}'; the second stands in {module}")
                found[name] = rule
    return found


def _rule_modules(package: str) -> list[str]:
    root = importlib.import_module(package)
    walked = pkgutil.iter_modules(root.__path__, prefix=f"{package}.")
    names = []
    for info in walked:
        leaf = info.name.rpartition(".")[2]
        if info.ispkg and not leaf.startswith("_"):
            names += _rule_modules(info.name)
        elif leaf == "rules":
            names.append(info.name)
    return sorted(names)


class OfflineProvider:
    """The engine as a provider; it has one model and needs no server."""

    def __init__(self, rules: dict[str, Rule]) -> None:
        self._model = OfflineModel(rules)

    def model(self, model_id: str) -> ChatModel:
        """The engine."""
        if model_id:
            raise UserError(f"unknown model '{OFFLINE}/{model_id}'; write just '{OFFLINE}'")
        return self._model

    @property
    def faults(self) -> dict[str, int]:
        """Rules meet none."""
        return {}

    async def check(self, model: ChatModel) -> None:
        """Always there."""

    async def aclose(self) -> None:
        """Nothing to give back."""


def open_provider(settings: ProviderSettings) -> OfflineProvider:
    """The offline engine with the rules of the packages that the settings name."""
    return OfflineProvider(collect_rules(settings.rule_packages))
