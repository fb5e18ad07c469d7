"""Chooses the next token of every row of a local model's batch, each row by its own wishes, grammar and chance.

A row with a seed draws from a generator of its own, once a step and once a token of the vocabulary, so its choice
depends on its own scores alone. What cannot be promised: a model's scores differ in their last bits with the
number and length of the rows beside it, and where two tokens are that close the choice may differ too.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from profiles.errors import ModelError

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from xgrammar import GrammarMatcher

__all__ = ["Choice", "Job", "Made", "choose"]

_FIRST_LOOK = 1024  # likeliest tokens in which top_p nearly always ends; sorting a whole vocabulary is slow


@dataclass(frozen=True)
class Choice:
    """How tokens are chosen.

    Args:
        temperature: 0 takes the likeliest token.
        top_p: share (0-1] of the probability that is kept, from the likeliest token down; 1 keeps all.
        top_k: number of tokens kept; 0 keeps all.
        penalty: divides the score of tokens that were there before; 1 leaves them.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    penalty: float = 1.0


@dataclass(frozen=True)
class Made:
    """A finished row: its tokens without the one that ended it, ``stop`` or ``length``, and seconds it took."""

    tokens: tuple[int, ...]
    finish: str
    seconds: float


@dataclass(eq=False)
class Job:
    """One row: what is asked, and where it stands. It can go on in another batch from ``prompt`` and ``made``.

    Args:
        prompt: token ids, at least one.
        room: the most tokens to make, at least 1.
        choice: how they are chosen.
        seed: for a chance of its own; ``None`` shares the engine's.
        matcher: xgrammar's matcher that says what may come next; ``None`` where anything may.
    """

    prompt: Sequence[int]
    room: int
    choice: Choice
    seed: int | None = None
    matcher: GrammarMatcher | None = None
    made: list[int] = field(default_factory=list)
    answer: Future[Made] = field(default_factory=Future)
    started: float | None = None
    _own: Generator | None = None
    _seen: Tensor | None = None

    @property
    def length(self) -> int:
        """Tokens in the row."""
        return len(self.prompt) + len(self.made)

    @property
    def so_far(self) -> list[int]:
        """Prompt and what was made of the answer."""
        return [*self.prompt, *self.made]

    def chance(self, shared: Generator) -> Generator:
        """The generator that this row draws from."""
        import torch

        if self.seed is None:
            return shared
        if self._own is None:
            self._own = torch.Generator(device=shared.device).manual_seed(self.seed % 2**63)
        return self._own

    def seen(self, like: Tensor) -> Tensor:
        """Which tokens of the vocabulary stand in the row already, as booleans of ``like``'s shape and device."""
        import torch

        if self._seen is None:
            self._seen = torch.zeros_like(like, dtype=torch.bool)
            self._seen[torch.tensor(self.so_far, device=like.device)] = True
        elif self.made:
            self._seen[self.made[-1]] = True
        return self._seen


def choose(scores: Tensor, jobs: Sequence[Job], shared: Generator) -> list[int | ModelError]:
    """The next token of each row, taken note of by its grammar but not yet added to the job.

    Args:
        scores: the model's scores, shape ``[rows, vocabulary]``; may be written over.
        jobs: one a row.
        shared: the chance of the rows without a seed.

    Returns:
        A token id a row, or the error of a row in which the grammar allows none of the model's tokens.
    """
    scores = scores.float()
    _penalise(scores, jobs)
    _forbid(scores, jobs)
    tokens = scores.argmax(-1)
    for choice in {job.choice for job in jobs if job.choice.temperature > 0}:
        rows = [row for row, job in enumerate(jobs) if job.choice == choice]
        noise = _noise([jobs[row] for row in rows], scores.shape[-1], shared)
        tokens[rows] = _draw(scores[rows], choice, noise)
    return [_heeded(job, token) for job, token in zip(jobs, tokens.tolist(), strict=True)]


def _penalise(scores: Tensor, jobs: Sequence[Job]) -> None:
    for row, job in enumerate(jobs):
        penalty, own = job.choice.penalty, scores[row]
        if penalty != 1.0:
            lowered = own.div(penalty).where(own > 0, own.mul(penalty))
            scores[row] = lowered.where(job.seen(own), own)


def _forbid(scores: Tensor, jobs: Sequence[Job]) -> None:
    matchers = {row: job.matcher for row, job in enumerate(jobs) if job.matcher is not None}
    if not matchers:
        return
    import xgrammar

    allowed = xgrammar.allocate_token_bitmask(len(jobs), scores.shape[-1])
    for row, matcher in matchers.items():
        matcher.fill_next_token_bitmask(allowed, row)
    # Its kernels for GPUs are compiled on the spot and want a C compiler; the work is small.
    backend = "cpu" if scores.device.type == "cpu" else "torch_native"
    xgrammar.apply_token_bitmask_inplace(scores, allowed.to(scores.device), indices=list(matchers), backend=backend)


def _noise(jobs: Sequence[Job], width: int, shared: Generator) -> Tensor:
    import torch

    drawn = [torch.rand(width, generator=job.chance(shared), device=shared.device) for job in jobs]
    return torch.stack(drawn).log_().neg_()


def _draw(scores: Tensor, choice: Choice, noise: Tensor) -> Tensor:
    # The largest of probability / exponential noise is a fair draw, and hardly minds errors of rounding.
    odds = scores.div(choice.temperature).softmax(-1)
    width = odds.shape[-1]
    most = min(choice.top_k or width, width)
    if most == width and choice.top_p >= 1.0:
        return odds.div(noise).argmax(-1)
    best, ids = _best(odds, most, choice.top_p)
    beyond = best.cumsum(-1) - best >= choice.top_p
    picked = best.masked_fill(beyond, 0.0).div(noise.gather(-1, ids)).argmax(-1, keepdim=True)
    return ids.gather(-1, picked).squeeze(-1)


def _best(odds: Tensor, most: int, top_p: float) -> tuple[Tensor, Tensor]:
    if most < odds.shape[-1]:
        best, ids = odds.topk(most)
        return best.div(best.sum(-1, keepdim=True)), ids
    best, ids = odds.topk(min(most, _FIRST_LOOK))
    enough = bool((best.sum(-1) >= top_p).all())
    return (best, ids) if enough else odds.sort(-1, descending=True)


def _heeded(job: Job, token: int) -> int | ModelError:
    if job.matcher is None or job.matcher.accept_token(token):
        return token
    return ModelError("the model has no token that the answer's form allows next")
