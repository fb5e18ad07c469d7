"""A model with a run's sampling wishes laid over every request."""

from __future__ import annotations

from dataclasses import dataclass

from agents.models.base import ChatModel, ChatReply, ChatRequest, Sampling


@dataclass(frozen=True)
class SampledModel:
    """``inner`` with a run's wishes where a request has none of its own.

    Args:
        wishes: temperature and most tokens; ``None`` leaves the server's default.
        send_seed: whether each call's own seed goes to the server.
    """

    inner: ChatModel
    wishes: Sampling = Sampling()  # noqa: RUF009  (frozen value)
    send_seed: bool = False

    @property
    def spec(self) -> str:
        """The inner model's address."""
        return self.inner.spec

    async def generate(self, request: ChatRequest) -> ChatReply:
        """Ask the inner model."""
        sampling = self._laid_over(request)
        if sampling == request.sampling:
            return await self.inner.generate(request)
        return await self.inner.generate(request.model_copy(update={"sampling": sampling}))

    def _laid_over(self, request: ChatRequest) -> Sampling:
        own, wishes = request.sampling, self.wishes
        return Sampling(
            temperature=wishes.temperature if own.temperature is None else own.temperature,
            top_p=wishes.top_p if own.top_p is None else own.top_p,
            max_tokens=wishes.max_tokens if own.max_tokens is None else own.max_tokens,
            seed=request.seed if self.send_seed else own.seed,
        )
