"""One OpenAI-compatible server with one key: its client, its limits, and what it was found to want.

All models of a run that share a server and a key share one ``Connection``. It stands on the HTTP client of the
``openai`` package, one floor below ``AsyncOpenAI``: what that adds (retries, typed bodies) we do ourselves or not at
all, and it costs more processor time than all the rest of a call (``docs/performance.md``).

No error, log line or ``repr`` holds the key: an exception of the client carries the request with its headers, so it
is turned into a ``Fault`` on the spot and never chained to ours.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Mapping
from importlib.metadata import version
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import aiohttp
import httpx2
from openai import DefaultAioHttpClient
from pydantic import BaseModel, SecretStr
from pydantic_core import from_json

from agents.models.labels import label_headers
from agents.models.limits import Fault, Limiter, Patience, patiently, retry_after
from agents.models.pace import Pace
from agents.models.providers import ProviderSettings
from agents.models.schemas import Style
from agents.models.wire import Completion, Listing
from profiles.errors import UserError

__all__ = ["NO_KEY", "OPENAI_URL", "Connection", "Connections"]

OPENAI_URL = "https://api.openai.com/v1"

_BYTES_A_TOKEN = 4  # English and Chinese alike, roughly
_USUAL_ANSWER = 100  # tokens
_CONNECT_SECONDS = 10.0
_CHECK_SECONDS = 30.0
NO_KEY = ("401", "403")
"""Kinds of fault that mean the key."""


Wire = TypeVar("Wire", bound=BaseModel)


class Connection:
    """One server with one key: client, limiter, what the server was found to want. An async context manager.

    Attributes:
        address: the server's URL as it may be shown, without user name, password and query.
        limiter: connections at a time, and counts of faults by kind.
        styles: model id -> the style that this server took.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: SecretStr | None = None,
        limiter: Limiter | None = None,
        patience: Patience = Patience(),  # noqa: B008  (frozen value)
        key_name: str = "OPENAI_API_KEY",
    ) -> None:
        """Prepare, without touching the network.

        Raises:
            UserError: the URL or the key cannot be right.
        """
        url = base_url or OPENAI_URL
        self.address = _address(url)
        self.limiter = limiter or Limiter()
        self.styles: dict[str, Style] = {}
        self._patience = patience
        self._key_name = key_name
        self._key = _usable(api_key, key_name)
        self._url = httpx2.URL(url)
        headers = {"Content-Type": "application/json", "User-Agent": f"counsel-arena/{version('counsel-arena')}"}
        key = self._key.get_secret_value()
        self._client = DefaultAioHttpClient(headers=headers | ({"Authorization": f"Bearer {key}"} if key else {}))

    @property
    def needs_key(self) -> bool:
        """Whether this is OpenAI's own server and no key was given."""
        return self.address == OPENAI_URL and not self._key.get_secret_value()

    def __repr__(self) -> str:
        return f"Connection({self.address!r})"

    async def complete(self, body: dict[str, Any]) -> tuple[Completion, float] | Fault:
        """Ask for one chat completion.

        Returns:
            It and the seconds it took, or the server's refusal of this very request.

        Raises:
            RateLimited, Unavailable: the server did not answer within our patience.
        """
        guess = _guessed_tokens(body)
        outcome = await self._ask(Completion, "/chat/completions", body, guess)
        if isinstance(outcome, tuple):
            self.limiter.pace.settle(guess, outcome[0].spent().total)
        return outcome

    async def models(self) -> list[str] | None:
        """The ids of the server's models; ``None`` where it keeps no list. Costs nothing.

        Raises:
            UserError: no server answers there, it refuses the key, or it is no OpenAI-compatible server.
            RateLimited, Unavailable: the server did not answer within our patience.
        """
        outcome = await self._ask(Listing, "/models")
        if not isinstance(outcome, Fault):
            return [model.id for model in outcome[0].data]
        if outcome.kind in ("connection", "timeout"):
            raise UserError(f"no server answers at {self.address}: start it or set --base-url")
        if outcome.kind == "malformed":
            raise UserError(f"{self.address} is no OpenAI-compatible server: set --base-url (often .../v1)")
        if outcome.kind in NO_KEY and "scope" not in outcome.words:  # good for all but the list
            raise UserError(self.key_refused(outcome))
        return None

    def key_refused(self, fault: Fault) -> str:
        """The line for a person whose key was refused. The server's own words may quote it: left out."""
        what = "refuses this key" if self._key.get_secret_value() else "asks for a key"
        return f"{self.address} {what} ({fault.kind}): set {self._key_name} to a key that it takes"

    async def aclose(self) -> None:
        """Close the client's connections."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def _ask(
        self, form: type[Wire], path: str, body: dict[str, Any] | None = None, tokens: int = 0
    ) -> tuple[Wire, float] | Fault:
        url = self._url.copy_with(path=self._url.path.rstrip("/") + path)
        method, content = ("GET", None) if body is None else ("POST", json.dumps(body).encode())

        async def attempt(seconds: float) -> Wire | Fault:
            allowed = min(seconds, _CHECK_SECONDS) if body is None else seconds
            timeout = httpx2.Timeout(allowed, connect=min(allowed, _CONNECT_SECONDS))
            sent = self._client.request(method, url, content=content, headers=label_headers(), timeout=timeout)
            return await self._read(sent, form, allowed)

        return await patiently(attempt, self.limiter, self._patience, self.address, hasty=body is None, tokens=tokens)

    async def _read(self, sent: Awaitable[httpx2.Response], form: type[Wire], seconds: float) -> Wire | Fault:
        try:
            async with asyncio.timeout(seconds):
                response = await sent
            return self._understood(response, form)
        except TimeoutError:
            return Fault("timeout", f"no answer within {seconds:.3g} s")
        except (httpx2.HTTPError, aiohttp.ClientError, OSError) as error:
            return _trouble(error)

    def _understood(self, response: httpx2.Response, form: type[Wire]) -> Wire | Fault:
        refused = not response.is_success
        try:
            data = from_json(response.content)
            error = _field(data, "error")  # gateways send a late fault with status 200
            if refused or error:
                late = str(_field(error, "code"))
                status = str(response.status_code) if refused else late if late.isdigit() else "502"
                return self._fault(status, error or data, response.headers)
            return form.model_validate(data)
        except ValueError:  # no JSON, or JSON of another form
            if refused:
                return self._fault(str(response.status_code), response.text, response.headers)
            return Fault("malformed", "not an answer in the OpenAI format; does the address end in /v1?")

    def _fault(self, kind: str, body: object, headers: Mapping[str, str]) -> Fault:
        said = _field(body, "message") or _field(body, "detail") or body or ""
        words = " ".join(str(said).split())
        secret = self._key.get_secret_value()
        if secret:
            words = words.replace(secret, "***")
        return Fault(kind, words[:2000], str(_field(body, "code") or ""), retry_after(headers))


class Connections:
    """The servers of one provider in a run: one ``Connection`` an address.

    Args:
        settings: whose addresses, key and limits they take.
        provider: the name before the slash, whose key is used.
        key_name: the environment variable of that key, for messages.
    """

    def __init__(self, settings: ProviderSettings, provider: str, key_name: str) -> None:
        self._settings = settings
        self._provider = provider
        self._key_name = key_name
        self._open: dict[str | None, Connection] = {}

    def at(self, url: str | None) -> Connection:
        """The connection to this address, made at first use; ``None`` is OpenAI's own.

        Raises:
            UserError: the address or the key cannot be right.
        """
        if url not in self._open:
            settings = self._settings
            patience = Patience(timeout=settings.timeout, deadline=settings.deadline)
            limiter = Limiter(settings.max_connections, pace=Pace(settings.max_rpm, settings.max_tpm))
            key = settings.api_keys.get(self._provider)
            self._open[url] = Connection(url, key, limiter, patience, key_name=self._key_name)
        return self._open[url]

    @property
    def faults(self) -> dict[str, int]:
        """Failed attempts by kind: a status such as ``429``, ``connection``, ``timeout``."""
        found: Counter[str] = Counter()
        for connection in self._open.values():
            found.update(connection.limiter.faults)
        return dict(found)

    async def aclose(self) -> None:
        """Close all of them."""
        for connection in self._open.values():
            await connection.aclose()


def _guessed_tokens(body: Mapping[str, Any]) -> int:
    letters = sum(len(message["content"].encode("utf-8", "replace")) for message in body["messages"])
    return letters // _BYTES_A_TOKEN + _USUAL_ANSWER


def _field(body: object, name: str) -> object:
    return body.get(name) if isinstance(body, dict) else None


def _trouble(error: BaseException) -> Fault:
    # The transport reports a refused or cut connection as a timeout too; only the root cause tells.
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, TimeoutError):
        return Fault("timeout", "no answer in time")
    return Fault("connection", "no connection, or it was cut")


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number
        usable = False
    if not usable:
        shown = url.rpartition("@")[2]
        raise UserError(f"'{shown}' is no server address: write --base-url like http://127.0.0.1:8000/v1")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"


def _usable(api_key: SecretStr | None, name: str) -> SecretStr:
    key = api_key.get_secret_value().strip() if api_key else ""
    if not key.isascii() or (key and not key.isprintable()) or " " in key:
        raise UserError(f"{name} holds characters that no key has: copy it again")
    return SecretStr(key)
