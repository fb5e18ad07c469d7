"""What a perfect prefix cache would have served of recorded requests, against what the server says it did."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tests.vllm.recorder import Recorded

Tokens = npt.NDArray[np.uint16]


class Tokeniser(Protocol):
    """A server that tells its tokens."""

    def post(self, path: str, body: dict[str, object]) -> dict[str, list[int]]:
        """Ask it."""
        ...


@dataclass(frozen=True)
class Share:
    """Prompt tokens: all, those that the server had cached, those that a perfect cache would have had."""

    prompt: int = 0
    cached: int = 0
    perfect: int = 0

    @property
    def of_perfect(self) -> float:
        """The cached part of what could have been, 1 where nothing could."""
        return self.cached / self.perfect if self.perfect else 1.0

    def __add__(self, other: Share) -> Share:
        return Share(self.prompt + other.prompt, self.cached + other.cached, self.perfect + other.perfect)

    def __str__(self) -> str:
        return f"{self.of_perfect:.1%} ({self.cached} of {self.perfect}; prompts {self.prompt})"


def total(shares: Iterable[Share]) -> Share:
    """The sum."""
    return sum(shares, Share())


def by_channel(calls: Sequence[Recorded], server: Tokeniser) -> dict[str, Share]:
    """The share of each channel.

    A perfect cache holds every earlier request whole from the moment that it was sent, and its answer from the
    moment that it ended; it serves the longest beginning that a new request has in common with any of them.
    """
    prompts = [_tokens(server, {"messages": call.body["messages"]}) for call in calls]
    answers = [_tokens(server, {"prompt": call.text, "add_special_tokens": False}) for call in calls]
    found: dict[str, Share] = {}
    for number, call in enumerate(calls):
        assert len(prompts[number]) == call.usage["prompt_tokens"]
        held = (np.concatenate((prompts[n], answers[n])) if n in call.known else prompts[n] for n in range(number))
        perfect = max((_common(prompts[number], earlier) for earlier in held), default=0)
        cached = call.usage["prompt_tokens_details"]["cached_tokens"]
        share = Share(len(prompts[number]), cached, perfect)
        found[call.channel] = found.get(call.channel, Share()) + share
    return found


def _tokens(server: Tokeniser, body: dict[str, object]) -> Tokens:
    return np.array(server.post("/tokenize", body)["tokens"], dtype=np.uint16)


def _common(one: Tokens, other: Tokens) -> int:
    length = min(len(one), len(other))
    differ = np.flatnonzero(one[:length] != other[:length])
    return int(differ[0]) if len(differ) else length
