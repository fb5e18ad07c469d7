"""One OpenAI-compatible server with one key: its client, its limits, and what it was found to want.

All models of a run that share a server and a key share one ``Connection``. Requests have the types of the ``openai``
package and go out by aiohttp: ``AsyncOpenAI`` adds retries and typed replies that we do ourselves or not at all, and
costs twice the processor time of all the rest of a call (``docs/performance.md``).

No error, log line or ``repr`` holds the key: an exception of the client may carry the request with its headers, so
it is turned into a ``Fault`` on the spot and never chained to ours.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from contextvars import Context
from functools import lru_cache
from importlib.metadata import version
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector
from aiohttp.client_proto import ResponseHandler
from pydantic import BaseModel, SecretStr
from pydantic_core import from_json
from yarl import URL

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
_USUAL_ANSWER = 300.0  # tokens, until answers tell
_OF_LATE = 20  # answers that the guess follows
_CONNECT_SECONDS = 10.0
_REFUSED = 300  # statuses from here on; redirections have been followed
_CHECK_SECONDS = 30.0
NO_KEY = ("401", "403")
"""Kinds of fault that mean the key."""


Wire = TypeVar("Wire", bound=BaseModel)


class _Connector(TCPConnector):
    """Opens connections in an empty context: a transport keeps the one that it was opened in, with a whole session."""

    async def _create_connection(self, *args: Any) -> ResponseHandler:  # noqa: ANN401  (aiohttp's own)
        opening = super()._create_connection(*args)
        return await asyncio.create_task(opening, context=Context())


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
        self._url = URL(url)
        self._proxy = _proxy(self._url)
        self._usual_answer = _USUAL_ANSWER
        self._session: ClientSession | None = None

    @property
    def needs_key(self) -> bool:
        """Whether this is OpenAI's own server and no key was given."""
        return self.address == OPENAI_URL and not self._key.get_secret_value()

    def __repr__(self) -> str:
        return f"Connection({self.address!r})"

    async def complete(self, body: Mapping[str, Any]) -> tuple[Completion, float] | Fault:
        """Ask for one chat completion.

        Returns:
            It and the seconds it took, or the server's refusal of this very request.

        Raises:
            RateLimited, Unavailable: the server did not answer within our patience.
        """
        guess = _prompt_tokens(body) + round(self._usual_answer)
        outcome = await self._ask(Completion, "/chat/completions", body, guess)
        if isinstance(outcome, tuple):
            spent = outcome[0].spent()
            self.limiter.pace.settle(guess, spent.total)
            self._usual_answer += ((spent.completion_tokens or self._usual_answer) - self._usual_answer) / _OF_LATE
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
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def _ask(
        self, form: type[Wire], path: str, body: Mapping[str, Any] | None = None, tokens: int = 0
    ) -> tuple[Wire, float] | Fault:
        url = self._url.with_path(self._url.path.rstrip("/") + path, keep_query=True)

        async def attempt(seconds: float) -> Wire | Fault:
            # Not before the call has its place: hundreds may wait for one, with prompts of many pages.
            content = None if body is None else json.dumps(body).encode()
            allowed = min(seconds, _CHECK_SECONDS) if body is None else seconds
            try:
                async with asyncio.timeout(allowed):
                    return await self._exchange(url, content, form)
            except TimeoutError:
                return Fault("timeout", f"no answer within {allowed:.3g} s")
            except (ClientError, OSError, UnicodeError):  # the last: a host name that cannot be one
                return Fault("connection", "no connection, or it was cut")

        return await patiently(attempt, self.limiter, self._patience, self.address, hasty=body is None, tokens=tokens)

    async def _exchange(self, url: URL, content: bytes | None, form: type[Wire]) -> Wire | Fault:
        if self._session is None:  # an event loop runs only now
            self._session = ClientSession(
                connector=_Connector(limit=0),  # the limiter bounds them
                timeout=ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
                proxy=self._proxy,
            )
        method = "GET" if content is None else "POST"
        # A session's own headers go to a proxy too, and the key is none of its business.
        headers = self._headers() | label_headers()
        async with self._session.request(method, url, data=content, headers=headers) as response:
            return self._understood(response.status, await response.read(), response.headers, form)

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "User-Agent": _user_agent()}
        key = self._key.get_secret_value()
        if key and not self._url.user:  # a name and password in the address are sent instead
            headers["Authorization"] = f"Bearer {key}"
        return headers

    def _understood(self, code: int, content: bytes, headers: Mapping[str, str], form: type[Wire]) -> Wire | Fault:
        refused = code >= _REFUSED
        try:
            data = from_json(content)
            error = _field(data, "error")  # gateways send a late fault with status 200
            if refused or error:
                late = str(_field(error, "code"))
                return self._fault(str(code) if refused else late if late.isdigit() else "502", error or data, headers)
            return form.model_validate(data)
        except ValueError:  # no JSON, or JSON of another form
            if refused:
                return self._fault(str(code), content.decode("utf-8", "replace"), headers)
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


def _prompt_tokens(body: Mapping[str, Any]) -> int:
    letters = sum(len(message["content"].encode("utf-8", "replace")) for message in body["messages"])
    return letters // _BYTES_A_TOKEN


def _field(body: object, name: str) -> object:
    return body.get(name) if isinstance(body, dict) else None


def _proxy(url: URL) -> str | None:
    # Found once: what aiohttp's own ``trust_env`` does, it does at every request, and in a thread.
    host = url.host or ""
    if host == "localhost" or host.startswith("127.") or host == "::1" or proxy_bypass(host):
        return None
    proxy = getproxies().get(url.scheme)
    if proxy and urlsplit(proxy).scheme not in ("http", "https"):
        raise UserError(
            f"the proxy for {url.scheme} in the environment is no http:// address: set one, or NO_PROXY={host}"
        )
    return proxy


@lru_cache(maxsize=1)
def _user_agent() -> str:
    return f"counsel-arena/{version('counsel-arena')}"


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
