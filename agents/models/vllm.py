"""Models on vLLM: attached to a server that runs already, or each on a server started for the run and ended with it."""

from __future__ import annotations

import asyncio
import os

from agents.models.base import ChatModel, ChatReply, ChatRequest
from agents.models.connection import Connections
from agents.models.machine import look, memory_share, refuse_what_does_not_fit, refuse_what_is_not_there
from agents.models.openai import OpenAIModel
from agents.models.providers import ProviderSettings
from agents.models.server_log import secrets_in
from agents.models.serving import Server, plan_launch
from profiles.errors import Unavailable, UserError

__all__ = ["ServedModel", "VllmProvider", "open_provider"]


class ServedModel:
    """A model whose server is ours: it can be asked once the provider has checked it.

    Attributes:
        served: None until then; the server, and the model as that server offers it.
    """

    def __init__(self, model_id: str) -> None:
        self.spec = f"vllm/{model_id}"
        self.model_id = model_id
        self.served: tuple[Server, OpenAIModel] | None = None

    async def generate(self, request: ChatRequest) -> ChatReply:
        """Answer, see ``OpenAIModel.generate``.

        Raises:
            Unavailable: the server is not started or has ended, with the reason that its log gives.
        """
        if self.served is None:
            raise Unavailable(f"no server has been started for {self.spec}")
        server, inner = self.served
        _refuse_if_ended(server)
        try:
            return await inner.generate(request)
        except Unavailable:
            _refuse_if_ended(server)
            raise


class VllmProvider:
    """The models ``vllm/<folder or id>`` of one run."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings
        self._connections = Connections(settings, "vllm", "VLLM_API_KEY")
        self._served: dict[str, ServedModel] = {}
        self._servers: list[Server] = []
        self._share: float | None = None

    def model(self, model_id: str) -> OpenAIModel | ServedModel:
        """The model with this id: on the server that the settings name for it, else on one of ours.

        Raises:
            UserError: the id is empty, or the server's address or key cannot be right.
        """
        if not model_id:
            raise UserError("'vllm' names no model: write vllm/<folder> or vllm/<id on the hub>")
        url = self._settings.url_for(f"vllm/{model_id}")
        if url is not None:
            return OpenAIModel(model_id, self._connections.at(url), provider="vllm")
        return self._served.setdefault(model_id, ServedModel(model_id))

    @property
    def faults(self) -> dict[str, int]:
        """Failed attempts by kind: a status such as ``429``, ``connection``, ``timeout``."""
        return self._connections.faults

    async def check(self, model: ChatModel) -> None:
        """See ``OpenAIModel.check``. A server of ours is started at the first check, one after another.

        Raises:
            UserError: it cannot be started, or has ended since.
        """
        ours = self.model(model.spec.partition("/")[2])
        if isinstance(ours, OpenAIModel):
            return await ours.check()
        server, inner = ours.served or await self._serve(ours)
        fault = server.fault()
        if fault is not None:
            raise UserError(f"{fault}; the same command goes on from here with a new server")
        await inner.check()

    async def aclose(self) -> None:
        """Close the connections and end our servers."""
        try:
            await self._connections.aclose()
        finally:
            await asyncio.gather(*(server.stop() for server in self._servers))

    async def _serve(self, model: ServedModel) -> tuple[Server, OpenAIModel]:
        machine = look(os.environ)
        servers = len(self._served)
        refuse_what_is_not_there(machine, model.model_id)
        if self._share is None:  # what the first one leaves free is for the others
            self._share = memory_share(machine, servers)
        refuse_what_does_not_fit(machine, model.model_id, self._share)
        launch = plan_launch(model.model_id, machine, share=self._share, servers=servers)
        keys = tuple(key.get_secret_value() for key in self._settings.api_keys.values() if key.get_secret_value())
        server = Server(launch, self._settings.notify, (*keys, *secrets_in(os.environ)))
        self._servers.append(server)
        try:
            await server.start()
        except UserError as error:
            remedy = f"'arena models serve {model.model_id} --wait SECONDS -- FLAGS', then --base-url"
            raise UserError(f"{error}; for more time or vLLM's own flags: {remedy}") from None
        inner = OpenAIModel(model.model_id, self._connections.at(launch.url), provider="vllm")
        model.served = (server, inner)
        return model.served


def open_provider(settings: ProviderSettings) -> VllmProvider:
    """The provider: servers that the settings name, ours for the rest."""
    return VllmProvider(settings)


def _refuse_if_ended(server: Server) -> None:
    fault = server.fault()
    if fault is not None:
        raise Unavailable(fault) from None
