"""One thread a local model, which loads it, decodes for everyone who asks, and gives its memory back in the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread

from agents.models.local_decoder import Decoder, Tally, free_memory, settle, try_out
from agents.models.local_grammar import Grammars, open_grammars
from agents.models.local_sampling import Job, Made
from agents.models.local_weights import Weights
from profiles.errors import Unavailable, UserError

__all__ = ["Engine", "Loaded"]

_GATHER_SECONDS = 0.02
_CLOSE_SECONDS = 30.0


@dataclass(frozen=True)
class Loaded:
    """What an engine stands on. ``grammars`` is ``None`` where schemas can only be asked for in words."""

    weights: Weights
    grammars: Grammars | None


class Engine:
    """Decodes jobs, many at a time, in a thread that begins with the first use.

    Args:
        name: the model's folder or hub id, for messages.
        load: loads its weights; called once, in the thread.
        most: rows decoded at a time, at least 1.

    Attributes:
        tally: what was done so far.
    """

    def __init__(self, name: str, load: Callable[[], Weights], most: int) -> None:
        self.tally = Tally()
        self._name = name
        self._load = load
        self._most = most
        self._arrivals: SimpleQueue[Job | None] = SimpleQueue()
        self._loaded: Future[Loaded] | None = None
        self._thread: Thread | None = None
        self._device: str | None = None
        self._closed = False

    async def ready(self) -> Loaded:
        """Wait until the model is loaded.

        Raises:
            UserError: it cannot be.
            Unavailable: the engine was closed.
        """
        if self._loaded is None:
            if self._closed:
                raise self._gone()
            self._loaded = Future()
            self._loaded.set_running_or_notify_cancel()  # many wait for it, and none may cancel it for the others
            self._thread = Thread(target=self._run, args=(self._loaded,), name=f"local/{self._name}", daemon=True)
            self._thread.start()
        return await asyncio.wrap_future(self._loaded)

    async def decode(self, job: Job) -> Made:
        """Wait for a job to be done. Whoever is cancelled meanwhile costs no further token.

        Raises:
            ModelError: the model failed on it.
            Unavailable: it does not fit into memory even alone, or the engine was closed.
        """
        self._arrivals.put(job)
        if self._closed:
            job.answer.cancel()
            raise self._gone()
        return await asyncio.wrap_future(job.answer)

    async def aclose(self) -> None:
        """End the thread and give its memory back. What is not answered by now fails."""
        self._closed = True
        if self._thread is not None:
            self._arrivals.put(None)
            await asyncio.to_thread(self._thread.join, _CLOSE_SECONDS)
        self._loaded = self._thread = None
        if self._device is not None:
            free_memory(self._device)

    def _gone(self) -> Unavailable:
        return Unavailable(f"local/{self._name} was closed")

    def _run(self, loaded: Future[Loaded]) -> None:
        try:
            ready = self._begin()
            loaded.set_result(ready)
            self._decode(Decoder(ready.weights, self._most, self.tally), ready.weights.joinable)
        except UserError as error:
            loaded.set_exception(error)
        except Exception as error:  # a broken PyTorch may raise anything
            if loaded.done():
                raise
            loaded.set_exception(
                UserError(f"local/{self._name} cannot be loaded: {' '.join(str(error).split())[:300]}")
            )
        finally:
            self._closed = True
            if not loaded.done():
                loaded.set_exception(Unavailable(f"local/{self._name} could not begin"))
            self._refuse([self._arrivals.get() for _ in range(self._arrivals.qsize())])

    def _begin(self) -> Loaded:
        weights = self._load()
        self._device = weights.device
        return Loaded(weights, open_grammars(weights, try_out(weights, self._name)))

    def _decode(self, decoder: Decoder, joinable: bool) -> None:
        import torch

        try:
            with torch.inference_mode():
                while self._line_up(decoder, joinable):
                    decoder.turn()
        finally:
            self._refuse(decoder.jobs)

    def _line_up(self, decoder: Decoder, joinable: bool) -> bool:
        for job in self._arrived(decoder.busy, joinable):
            if job is None:
                return False
            decoder.add(job)
        return True

    def _arrived(self, busy: bool, joinable: bool) -> Iterator[Job | None]:
        if not busy:
            yield self._arrivals.get()
            if not joinable:  # who comes a moment later would wait for the whole batch
                time.sleep(_GATHER_SECONDS)
        while not self._arrivals.empty():
            yield self._arrivals.get()

    def _refuse(self, jobs: Sequence[Job | None]) -> None:
        for job in jobs:
            if job is not None:
                settle(job, self._gone())
