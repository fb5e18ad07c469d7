"""Phrase files of the offline speakers: YAML lists of lines, looked up by dotted name."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml

from profiles.errors import UserError
from profiles.vocabulary import Language


class Phrases:
    """The lines of one phrase file."""

    def __init__(self, source: str, tree: dict[str, Any], language: Language) -> None:
        self._source = source
        self._tree = tree
        self.language = language
        self.glue = " " if language == "en" else ""

    def lines(self, name: str) -> tuple[str, ...]:
        """The lines under a dotted name.

        Raises:
            UserError: no such name in the file; the file is named.
        """
        node = self._node(name)
        return tuple(map(str, node)) if isinstance(node, list) else (str(node),)

    def mapping(self, name: str) -> dict[str, str]:
        """The pairs under a dotted name."""
        return {str(key): str(value) for key, value in self._node(name).items()}

    def tree(self, name: str) -> dict[str, list[str]]:
        """The named lists under a dotted name."""
        return {str(key): list(value) for key, value in self._node(name).items()}

    def has(self, name: str) -> bool:
        """Whether there are lines under a dotted name."""
        try:
            self._node(name)
        except UserError:
            return False
        return True

    def _node(self, name: str) -> Any:  # noqa: ANN401  (a part of a YAML tree)
        node: Any = self._tree
        for part in name.split("."):
            if not isinstance(node, dict) or part not in node:
                raise UserError(f"{self._source}: no phrases under '{name}'; put them back")
            node = node[part]
        return node

    def nth(self, name: str, number: int) -> str:
        """The line with this number, counted round the list."""
        lines = self.lines(name)
        return lines[number % len(lines)]

    def pick(self, name: str, key: str) -> str:
        """A line that depends on ``key`` alone."""
        return random.Random(key).choice(self.lines(name))

    def unused(self, name: str, said: str, chance: random.Random) -> str | None:
        """A line that does not yet stand in ``said``, or None when all do."""
        fresh = [line for line in self.lines(name) if line not in said]
        return chance.choice(fresh) if fresh else None

    def join(self, parts: Sequence[str | None]) -> str:
        """Parts as one utterance in the language's manner."""
        return self.glue.join(part for part in parts if part)


@lru_cache(maxsize=32)
def load_phrases(package: str, language: Language, folder: str = "phrases") -> Phrases:
    """The phrases at ``<package>/<folder>/<language>.yaml``."""
    path = files(package) / folder / f"{language}.yaml"
    return Phrases(str(path), yaml.safe_load(path.read_text(encoding="utf-8")), language)
