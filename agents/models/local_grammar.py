"""Grammars that hold a local model to a JSON schema, each compiled once for the model's tokenizer, by xgrammar."""

from __future__ import annotations

import importlib.util
import logging
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from pydantic import BaseModel

from agents.models.local_weights import Weights
from agents.models.schemas import answer_schema

if TYPE_CHECKING:
    from xgrammar import CompiledGrammar, GrammarCompiler, GrammarMatcher

__all__ = ["Grammars", "open_grammars"]

_log = logging.getLogger(__name__)


@dataclass
class Grammars:
    """Compiled grammars of one tokenizer. May be used by several threads."""

    compiler: GrammarCompiler
    _compiled: dict[type[BaseModel], CompiledGrammar | None] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def matcher(self, schema: type[BaseModel]) -> GrammarMatcher | None:
        """A fresh matcher for one answer, or ``None`` where xgrammar cannot express the schema.

        The first call for a schema takes up to some seconds.
        """
        import xgrammar

        with self._lock:
            if schema not in self._compiled:
                self._compiled[schema] = self._compile(schema)
            compiled = self._compiled[schema]
        return None if compiled is None else xgrammar.GrammarMatcher(compiled)

    def _compile(self, schema: type[BaseModel]) -> CompiledGrammar | None:
        try:
            # Spaces in fixed places only: a weak model may otherwise go on with blanks for ever.
            return self.compiler.compile_json_schema(answer_schema(schema).schema, any_whitespace=False)
        except (RuntimeError, ValueError) as error:
            _log.warning("%s cannot be made a grammar and is asked for in words: %s", schema.__name__, error)
            return None


def open_grammars(weights: Weights, width: int) -> Grammars | None:
    """Grammars over a model's tokens, or ``None`` where xgrammar is missing or does not know the tokenizer's kind.

    Args:
        weights: the model.
        width: number of scores that it gives for a token, which may be more than its tokenizer knows.
    """
    if importlib.util.find_spec("xgrammar") is None:
        return None
    import xgrammar

    try:
        stops = sorted(weights.stops)
        known = xgrammar.TokenizerInfo.from_huggingface(weights.tokenizer, vocab_size=width, stop_token_ids=stops)
    except (RuntimeError, ValueError) as error:
        _log.warning("answers are asked for in words, as xgrammar cannot read the tokenizer: %s", error)
        return None
    return Grammars(xgrammar.GrammarCompiler(known))
