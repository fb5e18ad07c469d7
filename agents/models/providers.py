"""Model addresses (``offline``, ``openai/<id>``, ...) made into models: one module of this folder a provider."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from types import TracebackType
from typing import Protocol, Self

from pydantic import SecretStr

from agents.models.base import ChatModel
from profiles.errors import UserError

ENTRY_POINTS = "counsel_arena.providers"


@dataclass(frozen=True)
class ProviderSettings:
    """What a provider may need.

    Args:
        base_urls: addresses of servers by model address (``vllm/<id>``) or provider (``vllm``); under ``""`` for all.
        api_keys: keys by provider.
        max_connections, max_rpm, max_tpm: calls at a time, and requests and tokens a minute, to one server.
        timeout, deadline: seconds that one try of a call may take, and the call with all its retries.
        notify: is told, in one line, of what takes long before anything is asked, such as a server that starts.
    """

    base_urls: Mapping[str, str] = field(default_factory=dict)
    api_keys: Mapping[str, SecretStr] = field(default_factory=dict)
    max_connections: int = 8
    max_rpm: int | None = None
    max_tpm: int | None = None
    timeout: float = 180.0
    deadline: float = 600.0
    rule_packages: tuple[str, ...] = ("agents",)
    notify: Callable[[str], None] = field(default=lambda line: None)

    def url_for(self, spec: str) -> str | None:
        """The server's address for a model, the most special one first; ``None`` where none is named."""
        found = (self.base_urls.get(key) for key in (spec, spec.partition("/")[0], ""))
        return next((url for url in found if url), None)


class Provider(Protocol):
    """Makes the models of one kind. A provider's module offers ``open_provider(settings) -> Provider``."""

    def model(self, model_id: str) -> ChatModel:
        """The model with this id (empty where the address has none)."""
        ...

    async def check(self, model: ChatModel) -> None:
        """Make sure that the model can be asked, before anything is spent.

        Raises:
            UserError: it cannot; one line says why and what to do.
        """
        ...

    @property
    def faults(self) -> Mapping[str, int]:
        """Faults met so far, by kind, those among them that a retry mended."""
        ...

    async def aclose(self) -> None:
        """Give back connections and processes."""
        ...


@dataclass
class ModelBench:
    """All models of a run by address; each is made once and shared."""

    settings: ProviderSettings = field(default_factory=ProviderSettings)
    _providers: dict[str, Provider] = field(default_factory=dict, init=False)
    _models: dict[str, ChatModel] = field(default_factory=dict, init=False)

    def model(self, spec: str) -> ChatModel:
        """The model at an address.

        Raises:
            UserError: no such provider, or an address without a model id.
        """
        if spec not in self._models:
            name, _, model_id = spec.partition("/")
            self._models[spec] = self._provider(name, spec).model(model_id)
        return self._models[spec]

    async def check(self) -> None:
        """Check every model handed out so far.

        Raises:
            UserError: one cannot be asked, or a server is named for a model that nobody uses.
        """
        self.check_servers()
        for spec, model in self._models.items():
            await self._providers[spec.partition("/")[0]].check(model)

    def check_servers(self) -> None:
        """Make sure that every server is named for somebody: a misspelt name would send all to another server.

        Raises:
            UserError: a name is no provider, and no model handed out so far.
        """
        models = {name for name in self.settings.base_urls if "/" in name}
        providers = set(self.settings.base_urls) - models - {""}
        known = {name.partition("/")[0] for name in known_providers()}
        for name in sorted((models - set(self._models)) | (providers - known)):
            used = ", ".join(sorted(self._models))
            raise UserError(f"--base-url: '{name}' is no provider and no model in use ({used}); write the name in full")

    @property
    def faults(self) -> dict[str, int]:
        """Faults of all providers so far, by kind."""
        found: Counter[str] = Counter()
        for provider in self._providers.values():
            found.update(provider.faults)
        return dict(found)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async with AsyncExitStack() as stack:  # all are closed, also where one cannot be
            for provider in self._providers.values():
                stack.push_async_callback(provider.aclose)

    def _provider(self, name: str, spec: str) -> Provider:
        if name not in self._providers:
            module = _find(name)
            if module is None:
                raise UserError(f"unknown model '{spec}'; write {', '.join(known_providers())}")
            self._providers[name] = importlib.import_module(module).open_provider(self.settings)
        return self._providers[name]


def known_providers() -> list[str]:
    """The addresses that can be written, as ``offline`` or ``openai/<id>``."""
    ours = [info.name for info in pkgutil.iter_modules(importlib.import_module("agents.models").__path__)]
    names = [name for name in ours if _offers(f"agents.models.{name}")]
    names += [point.name for point in entry_points(group=ENTRY_POINTS)]
    return [name if name == "offline" else f"{name}/<id>" for name in sorted(names)]


def _find(name: str) -> str | None:
    if name.isidentifier() and _offers(f"agents.models.{name}"):
        return f"agents.models.{name}"
    return next((point.module for point in entry_points(group=ENTRY_POINTS) if point.name == name), None)


def _offers(module: str) -> bool:
    if module == __name__ or importlib.util.find_spec(module) is None:
        return False
    return hasattr(importlib.import_module(module), "open_provider")
