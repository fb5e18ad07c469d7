"""Rows that a local model decodes together: fed token by token, joined by newcomers, left by the finished.

This asks of a model only what every Transformers decoder offers, a forward pass over left-padded rows with a
cache, and does the rest itself. ``generate`` takes nobody in until its slowest row is done. Transformers' own
continuous batching keeps one random generator and one way of sampling for all, shows its logits processors no
request (so no grammar a row), and ends its thread at the first step that fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agents.models.local_sampling import Job
from agents.models.local_weights import Weights

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import Cache

__all__ = ["Batch", "prefill"]


@dataclass
class Batch:
    """Rows and what the model remembers of them.

    Args:
        weights: the model.
        jobs: one a row.
        scores: the model's scores for each row's next token, shape ``[rows, vocabulary]``.
        mask: 1 where a row has a token, 0 where it is padded on the left, shape ``[rows, length]``.
        cache: Transformers' cache of keys and values.
    """

    weights: Weights
    jobs: list[Job]
    scores: Tensor
    mask: Tensor
    cache: Cache

    def join(self, other: Batch) -> None:
        """Take in the rows of ``other``, which is used up. Only for models whose weights are ``joinable``."""
        import torch

        length = max(self.mask.shape[1], other.mask.shape[1])
        for ours, theirs in zip(self.cache.layers, other.cache.layers, strict=True):
            if ours.is_initialized:
                ours.keys = torch.cat([_widened(ours.keys, length), _widened(theirs.keys, length)])
                ours.values = torch.cat([_widened(ours.values, length), _widened(theirs.values, length)])
        masks = [_widened(mask.unsqueeze(-1), length).squeeze(-1) for mask in (self.mask, other.mask)]
        self.mask, self.scores = torch.cat(masks), torch.cat([self.scores, other.scores])
        self.jobs += other.jobs

    def keep(self, rows: Sequence[int]) -> None:
        """Let go of all rows but these (indices, at least one)."""
        import torch

        if len(rows) == len(self.jobs):
            return
        kept = torch.tensor(rows, device=self.mask.device)
        self.jobs = [self.jobs[row] for row in rows]
        self.scores, self.mask = self.scores[kept], self.mask[kept]
        self.cache.reorder_cache(kept)
        if self.weights.joinable:
            self._trim()

    def feed(self) -> None:
        """Show the model the last token of every row and take its scores for the next one."""
        import torch

        tokens = torch.tensor([[job.made[-1]] for job in self.jobs], device=self.mask.device)
        self.mask = torch.cat([self.mask, torch.ones_like(tokens)], dim=1)
        self.scores, self.cache = _forward(self.weights, tokens, self.mask, self.cache)

    def _trim(self) -> None:
        empty = int(self.mask.any(0).int().argmax())
        if empty:
            self.mask = self.mask[:, empty:]
            for layer in self.cache.layers:
                if layer.is_initialized:
                    layer.keys, layer.values = layer.keys[..., empty:, :], layer.values[..., empty:, :]


def prefill(weights: Weights, jobs: Sequence[Job]) -> Batch:
    """Show the model these rows from their beginning."""
    import torch
    from transformers import DynamicCache

    rows = [job.so_far for job in jobs]
    length = max(map(len, rows))
    ids = torch.tensor([[weights.pad] * (length - len(row)) + row for row in rows], device=weights.device)
    mask = torch.tensor([[0] * (length - len(row)) + [1] * len(row) for row in rows], device=weights.device)
    # Made without the model's config, it keeps all of a sliding window's past too, so that rows can be joined.
    cache = DynamicCache() if weights.joinable else None
    scores, cache = _forward(weights, ids, mask, cache)
    return Batch(weights, list(jobs), scores, mask, cache)


def _forward(weights: Weights, ids: Tensor, mask: Tensor, cache: Cache | None) -> tuple[Tensor, Cache]:
    wishes = {"use_cache": True, "logits_to_keep": 1, "position_ids": _positions(mask, ids.shape[1])}
    known = {name: value for name, value in wishes.items() if name in weights.takes}
    output = weights.model(input_ids=ids, attention_mask=mask, past_key_values=cache, **known)
    return output.logits[:, -1], output.past_key_values


def _positions(mask: Tensor, latest: int) -> Tensor:
    return (mask.cumsum(-1) - 1).clamp(min=0)[:, -latest:]


def _widened(states: Tensor, length: int) -> Tensor:
    import torch

    return torch.nn.functional.pad(states, (0, 0, length - states.shape[-2], 0))
