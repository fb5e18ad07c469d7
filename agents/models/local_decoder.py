"""Decides which requests a local model decodes together, and what becomes of them when something fails.

Whoever waits joins the rows in hand as soon as there is room, and whoever is done leaves at once. A fault reaches
the requests that it concerns and no others. Want of memory is nobody's fault: fewer rows are taken up at a time,
and those that had to be put down go on later where they stood.
"""

from __future__ import annotations

import gc
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence

from agents.models.local_batch import Batch, prefill
from agents.models.local_sampling import Choice, Job, Made, choose
from agents.models.local_weights import Weights, first_line
from profiles.errors import ModelError, Unavailable, UserError

__all__ = ["Decoder", "Tally", "free_memory", "settle", "try_out"]

_log = logging.getLogger(__name__)
_PREFILL_TOKENS = 2048  # read at once, padding counted in; a longer prompt is read alone, which spares its padding
_FAULTS = (  # what a model's code raises where something does not fit
    *(ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, OSError),
    *(RuntimeError, TypeError, ValueError),
)
_NO_ROOM = "not enough memory for this request, even alone: choose a smaller model or a smaller max_tokens"
_RECOVER_AFTER = 32  # answers until one row more is tried again


class Tally:
    """What a decoder did so far.

    Attributes:
        steps: times that tokens were chosen for all rows in hand.
        tokens: tokens chosen; divided by ``steps``, the mean number of rows.
        widest: the most rows in one step.
        faults: how often memory ran out (``out_of_memory``) and the model failed (``model_error``).
    """

    def __init__(self) -> None:
        self.steps = self.tokens = self.widest = 0
        self.faults: Counter[str] = Counter()


class Decoder:
    """The rows in hand and those in line, for one model and one thread.

    Args:
        weights: the model.
        most: rows decoded at a time, at least 1.
        tally: what was done is added here.

    Attributes:
        limit: rows decoded at a time now; less than ``most`` for a while after memory ran out.
    """

    def __init__(self, weights: Weights, most: int, tally: Tally) -> None:
        import torch

        self.limit = self._most = most
        self._weights = weights
        self._tally = tally
        self._line: deque[Job] = deque()
        self._batch: Batch | None = None
        self._chance = torch.Generator(device=weights.device)
        self._chance.seed()
        self._answered = 0

    @property
    def jobs(self) -> list[Job]:
        """All jobs that are not answered, those being decoded first."""
        return [*self._rows, *self._line]

    @property
    def busy(self) -> bool:
        """Whether there is anything to do."""
        return bool(self._rows or self._line)

    def add(self, job: Job) -> None:
        """Put a job in line."""
        self._line.append(job)

    def turn(self) -> None:
        """Take in who waits and fits, then choose one token for every row."""
        while group := self._next_group():
            self._admit(group)
        jobs = self._rows
        if jobs and (fault := _fault_of(self._step)):
            self._put_down([job for job in jobs if not job.answer.done()], fault)

    @property
    def _rows(self) -> list[Job]:
        return self._batch.jobs if self._batch else []

    def _next_group(self) -> list[Job]:
        if self._rows and not self._weights.joinable:
            return []
        waiting = [job for job in self._line if not job.answer.cancelled()]
        group: list[Job] = []
        for job in sorted(waiting[: max(self.limit - len(self._rows), 0)], key=lambda job: job.length):
            if group and job.length * (len(group) + 1) > _PREFILL_TOKENS:
                break
            group.append(job)
        self._line = deque(job for job in waiting if job not in group)
        return group

    def _admit(self, group: Sequence[Job]) -> None:
        for job in group:
            job.started = job.started or time.monotonic()
        fresh: list[Batch] = []
        if fault := _fault_of(lambda: fresh.append(prefill(self._weights, group))):
            self._turn_away(group, fault)
        elif fault := _fault_of(lambda: self._take_in(fresh.pop())):
            self._put_down([*self._rows, *group], fault)

    def _take_in(self, fresh: Batch) -> None:
        if self._batch is None:
            self._batch = fresh
        else:
            self._batch.join(fresh)

    def _turn_away(self, group: Sequence[Job], fault: ModelError) -> None:
        in_hand = len(self._rows)
        if isinstance(fault, Unavailable) and (in_hand or len(group) > 1):
            self._fewer(in_hand or len(group) // 2, group)
        elif len(group) > 1:
            self._admit_singly(group)
        else:
            self._fail(group, fault)

    def _admit_singly(self, group: Sequence[Job]) -> None:
        """Find out who of a group is at fault."""
        for job in group:
            if self._rows and not self._weights.joinable:
                self._line.append(job)
            else:
                self._admit([job])

    def _put_down(self, jobs: Sequence[Job], fault: ModelError) -> None:
        self._batch = None
        if isinstance(fault, Unavailable) and len(jobs) > 1:
            self._fewer(len(jobs) // 2, jobs)
        else:
            self._fail(jobs, fault)

    def _fail(self, jobs: Sequence[Job], fault: ModelError) -> None:
        for job in jobs:
            self._tally.faults[fault.kind] += 1
            settle(job, fault)

    def _fewer(self, limit: int, back: Sequence[Job]) -> None:
        _log.info("out of memory; %d rows at a time from now on", limit)
        self._tally.faults["out_of_memory"] += 1
        self.limit = limit
        self._answered = 0
        self._line.extendleft(reversed(back))
        free_memory(self._weights.device)

    def _step(self) -> None:
        self._keep([row for row, job in enumerate(self._rows) if not job.answer.cancelled()])
        if self._batch is None:
            return
        tokens = choose(self._batch.scores, self._rows, self._chance)
        self._tally.steps += 1
        self._tally.tokens += len(tokens)
        self._tally.widest = max(self._tally.widest, len(tokens))
        pairs = zip(self._rows, tokens, strict=True)
        self._keep([row for row, (job, token) in enumerate(pairs) if not self._ended(job, token)])
        if self._batch is not None:
            self._batch.feed()

    def _keep(self, rows: Sequence[int]) -> None:
        if not rows:
            self._batch = None
        elif self._batch is not None:
            self._batch.keep(rows)

    def _ended(self, job: Job, token: int | ModelError) -> bool:
        if isinstance(token, ModelError):
            settle(job, token)
            return True
        stopped = token in self._weights.stops
        if not stopped:
            job.made.append(token)
        if not stopped and len(job.made) < job.room:
            return False
        seconds = time.monotonic() - (job.started or 0.0)
        settle(job, Made(tuple(job.made), "stop" if stopped else "length", seconds))
        self._answered += 1
        if self._answered % _RECOVER_AFTER == 0:
            self.limit = min(self.limit + 1, self._most)
        return True


def settle(job: Job, outcome: Made | ModelError) -> None:
    """Answer a job, unless it was cancelled."""
    if job.answer.done() or not job.answer.set_running_or_notify_cancel():
        return
    if isinstance(outcome, Made):
        job.answer.set_result(outcome)
    else:
        job.answer.set_exception(outcome)


def try_out(weights: Weights, name: str) -> int:
    """Decode a token or two, so that a model that cannot be decoded here is found out before anything is asked.

    Returns:
        The number of scores that the model gives for a token.

    Raises:
        UserError: it cannot.
    """
    import torch

    widths: list[int] = []
    with torch.inference_mode():
        fault = _fault_of(lambda: widths.append(_trial(weights)))
    if fault:
        raise UserError(f"local/{name} cannot be decoded here ({fault}): serve it and use vllm/ or openai/")
    return widths[0]


def _trial(weights: Weights) -> int:
    first, second = (prefill(weights, [Job([weights.pad] * length, room=1, choice=Choice())]) for length in (2, 1))
    if weights.joinable:
        first.join(second)
    for job in first.jobs:
        job.made.append(weights.pad)
    first.feed()
    return int(first.scores.shape[-1])


def _fault_of(work: Callable[[], object]) -> ModelError | None:
    # The fault is made anew without its cause, whose frames would keep the failed step's tensors alive.
    import torch

    try:
        work()
    except (MemoryError, torch.OutOfMemoryError):
        return Unavailable(_NO_ROOM)
    except _FAULTS as error:
        _log.debug("a local model failed", exc_info=True)
        words = first_line(error)
        if "allocate memory" in words or "out of memory" in words:  # on a CPU and on MPS it is a RuntimeError
            return Unavailable(_NO_ROOM)
        return ModelError(f"the model failed: {words}")
    return None


def free_memory(device: str) -> None:
    """Give memory that is no longer used back to the device."""
    import torch

    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()
