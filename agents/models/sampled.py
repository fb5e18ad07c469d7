"""A model with a run's sampling wishes laid over every request."""

from __future__ import annotations

from dataclasses import dataclass

from agents.models.base import ChatModel, ChatReply, ChatRequest


@dataclass(frozen=True)
class SampledModel:
    """``inner`` with a temperature (None: the server's default), and with each call's own seed where that is wanted."""

    inner: ChatModel
    temperature: float | None = None
    send_seed: bool = False

    @property
    def spec(self) -> str:
        """The inner model's address."""
        return self.inner.spec

    async def generate(self, request: ChatRequest) -> ChatReply:
        """Ask the inner model."""
        wishes = {
            "temperature": self.temperature if request.sampling.temperature is None else request.sampling.temperature,
            "seed": request.seed if self.send_seed else request.sampling.seed,
        }
        sampling = request.sampling.model_copy(update=wishes)
        return await self.inner.generate(request.model_copy(update={"sampling": sampling}))
