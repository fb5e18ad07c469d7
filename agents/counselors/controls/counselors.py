"""Scripted counselors that ignore what helps: echo, advice_only, flatterer, hotline_only. They need no model."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

from agents.dialogue import DialogueView, Utterance
from agents.phrases import Phrases, load_phrases
from agents.roles import Brief, Plugin, Setup
from agents.seeds import derive_seed
from profiles.schema import Record
from profiles.vocabulary import Language

Script = Callable[[Phrases, DialogueView, random.Random], str]


class ControlState(Record):
    """The seed alone."""

    seed: int


class Control:
    """Speaks by its script, whatever the client says."""

    def __init__(self, name: str, script: Script, language: Language) -> None:
        self._name = name
        self._script = script
        self._phrases = load_phrases("agents.counselors.controls", language)

    def begin(self, brief: Brief) -> ControlState:
        """Keeps the seed."""
        return ControlState(seed=brief.seed)

    async def reply(self, view: DialogueView, state: ControlState) -> tuple[Utterance, ControlState]:
        """The next scripted line."""
        chance = random.Random(derive_seed(state.seed, "counselor", self._name, view.round))
        text = self._script(self._phrases, view, chance)
        return Utterance(text=text, ready=True, notes={"script": self._name}), state


def _echo(phrases: Phrases, view: DialogueView, chance: random.Random) -> str:
    return chance.choice(phrases.lines("echo")).replace("{text}", view.last("client") or "...")


def _lines(name: str, count: int, phrases: Phrases, view: DialogueView, chance: random.Random) -> str:
    said = "\n".join(view.texts("counselor"))
    fresh = [line for line in phrases.lines(name) if line not in said]
    pool = fresh if len(fresh) >= count else list(phrases.lines(name))
    return phrases.join(chance.sample(pool, count))


_SCRIPTS: dict[str, tuple[Script, str]] = {
    "echo": (_echo, "control: hands the client's words back"),
    "advice_only": (partial(_lines, "advice_only", 2), "control: tips at once, asks nothing"),
    "flatterer": (partial(_lines, "flatterer", 2), "control: long praise, tied to nothing"),
    "hotline_only": (partial(_lines, "hotline_only", 1), "control: gives the hotline whatever is said"),
}


def _build(name: str, script: Script, setup: Setup) -> Control:
    return Control(name, script, setup.language)


PLUGINS = tuple(
    Plugin(
        name=name,
        role="counselor",
        summary=summary,
        build=partial(_build, name, script),
        needs_model=False,
        control=True,
    )
    for name, (script, summary) in _SCRIPTS.items()
)
