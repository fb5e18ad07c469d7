"""The format ``crisp-tokens``: chats whose counselor sentences each follow the bracketed name of their strategy.

``[Question] What happened then? [Restatement] You waited.`` The English names are used in both languages, so that one
model learns one set of tokens. The spelling in Crisp is not published; brackets follow the custom of ESConv. Where a
speaker's own words hold such a token, one blank is put before its closing bracket; ``unguarded`` takes it away.

An assistant message has ``weight`` 0 where a turn of it is not to be trained or lacks strategies: it is context then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from profiles.strategies import strategies
from storage.exports.dialogue import chat, maskable
from storage.exports.format import ExportFormat, ExportOptions
from storage.exports.record import DialogueRecord, DialogueTurn

__all__ = ["FORMATS", "rows", "unguarded"]


def rows(record: DialogueRecord, options: ExportOptions) -> Iterator[dict[str, Any]]:
    """One chat that ends with its last trainable reply; none where no reply could be trained on."""
    talk = maskable(record.model_copy(update={"dialog": tuple(_marked(turn) for turn in record.dialog)}), options)
    if talk is None:
        return
    weights = iter([int(message.train) for message in talk.messages if message.speaker == "therapist"])
    messages = [{**each, "weight": next(weights)} if each["role"] == "assistant" else each for each in chat(talk)]
    yield {"messages": messages}


def unguarded(text: str) -> str:
    """A text out of a chat as the speaker said it, once the tokens before its sentences are gone."""
    return _tokens().sub(lambda found: f"[{found[1]}{found[2][1:]}]", text)


def _marked(turn: DialogueTurn) -> DialogueTurn:
    """The turn with its tokens; never trained where a sentence has none."""
    known = strategies("en")
    labelled = bool(turn.sentences) and all(sentence.strategy in known for sentence in turn.sentences)
    if turn.speaker == "help_seeker" or not labelled:
        return turn.model_copy(update={"content": _guarded(turn.content), "train": False})
    said = [f"[{known[each.strategy].name}] {_guarded(each.text)}" for each in turn.sentences]
    return turn.model_copy(update={"content": " ".join(said)})


def _guarded(text: str) -> str:
    return _tokens().sub(r"[\1 \2]", text)


@lru_cache(maxsize=1)
def _tokens() -> re.Pattern[str]:
    return re.compile(rf"\[({'|'.join(re.escape(each.name) for each in strategies('en').values())})( *)\]")


FORMATS = (
    ExportFormat(
        name="crisp-tokens",
        kind="jsonl",
        summary="chats with a bracketed strategy before each counselor sentence; English names in both languages",
        unit="dialogue",
        rows=rows,
        fields=("messages",),
    ),
)
