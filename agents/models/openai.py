"""Models on OpenAI-compatible servers (OpenAI, vLLM, Ollama, llama.cpp, gateways).

All models of a run that share a server and a key share one ``Connection``. The retries are ours, the SDK's
are off. No error, log line or ``repr`` holds the key: an SDK exception carries the request with its headers,
so it is turned into a ``Fault`` on the spot and never chained to ours.
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Awaitable, Mapping
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from openai import APIConnectionError, APIStatusError, AsyncOpenAI, DefaultAioHttpClient, Timeout
from pydantic import BaseModel, Field, SecretStr

from agents.dialogue import Usage
from agents.models.base import ChatModel, ChatReply, ChatRequest
from agents.models.labels import label_headers
from agents.models.limits import Fault, Limiter, Patience, patiently, retry_after
from agents.models.providers import ProviderSettings
from agents.models.reasoning import split_reasoning
from agents.models.schemas import Form, Style, answer_schema, ask_in_words
from profiles.errors import ModelError, TooLong, Unavailable, UserError

__all__ = ["OPENAI_URL", "Connection", "OpenAIModel", "OpenAIProvider", "open_provider"]

OPENAI_URL = "https://api.openai.com/v1"

_CONNECT_SECONDS = 10.0
_CHECK_SECONDS = 30.0
_NO_KEY = ("401", "403")


class _Part(BaseModel):
    text: str | None = None


class _Message(BaseModel):
    content: str | list[_Part] | None = None
    refusal: str | None = None
    reasoning_content: Any = None
    reasoning: Any = None

    def said(self) -> str:
        if isinstance(self.content, list):
            return "".join(part.text or "" for part in self.content)
        return self.content or ""

    def thought(self) -> str | None:
        words = (self.reasoning_content, self.reasoning)
        return next((text for text in words if isinstance(text, str) and text.strip()), None)


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Cached(BaseModel):
    cached_tokens: int | None = None


class _Tokens(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Cached | None = None


class _Completion(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    usage: _Tokens | None = None


class _Listed(BaseModel):
    id: str


class _Listing(BaseModel):
    data: list[_Listed]


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
        self._key = _usable(api_key)
        self._client = AsyncOpenAI(
            base_url=url,
            api_key=self._key.get_secret_value() or "none",  # else the SDK would read the environment
            max_retries=0,
            http_client=DefaultAioHttpClient(),
        )

    @property
    def needs_key(self) -> bool:
        """Whether this is OpenAI's own server and no key was given."""
        return self.address == OPENAI_URL and not self._key.get_secret_value()

    def __repr__(self) -> str:
        return f"Connection({self.address!r})"

    async def complete(self, body: dict[str, Any]) -> tuple[_Completion, float] | Fault:
        """Ask for one chat completion.

        Returns:
            It and the seconds it took, or the server's refusal of this very request.

        Raises:
            RateLimited, Unavailable: the server did not answer within our patience.
        """
        return await self._ask(_Completion, "/chat/completions", body)

    async def models(self) -> list[str] | None:
        """The ids of the server's models; ``None`` where it keeps no list. Costs nothing.

        Raises:
            UserError: no server answers there, it refuses the key, or it is no OpenAI-compatible server.
            RateLimited, Unavailable: the server did not answer within our patience.
        """
        outcome = await self._ask(_Listing, "/models")
        if not isinstance(outcome, Fault):
            return [model.id for model in outcome[0].data]
        if outcome.kind in ("connection", "timeout"):
            raise UserError(f"no server answers at {self.address}: start it or set --base-url")
        if outcome.kind == "malformed":
            raise UserError(f"{self.address} is no OpenAI-compatible server: set --base-url (often .../v1)")
        if outcome.kind in _NO_KEY and "scope" not in outcome.words:  # good for all but the list
            raise UserError(self.key_refused(outcome))
        return None

    def key_refused(self, fault: Fault) -> str:
        """The line for a person whose key was refused. The server's own words may quote it: left out."""
        what = "refuses this key" if self._key.get_secret_value() else "asks for a key"
        return f"{self.address} {what} ({fault.kind}): set OPENAI_API_KEY to a key that it takes"

    async def aclose(self) -> None:
        """Close the client's connections."""
        await self._client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def _ask(self, form: type[Wire], path: str, body: dict[str, Any] | None = None) -> tuple[Wire, float] | Fault:
        def attempt(seconds: float) -> Awaitable[Wire | Fault]:
            allowed = min(seconds, _CHECK_SECONDS) if body is None else seconds
            timeout = Timeout(allowed, connect=min(allowed, _CONNECT_SECONDS))
            options: Any = {"headers": label_headers(), "timeout": timeout}
            if body is None:
                sent = self._client.get(path, cast_to=object, options=options)
            else:
                sent = self._client.post(path, cast_to=object, body=body, options=options)
            return self._read(sent, form, allowed)

        return await patiently(attempt, self.limiter, self._patience, self.address, hasty=body is None)

    async def _read(self, sent: Awaitable[object], form: type[Wire], seconds: float) -> Wire | Fault:
        try:
            async with asyncio.timeout(seconds):
                data = await sent
            if isinstance(data, dict) and data.get("error"):  # gateways send a late fault with status 200
                status = str(_field(data["error"], "code"))
                return self._fault(status if status.isdigit() else "502", data["error"], {})
            return form.model_validate(data)
        except TimeoutError:
            return Fault("timeout", f"no answer within {seconds:.3g} s")
        except APIStatusError as error:
            return self._fault(str(error.status_code), error.body, error.response.headers)
        except APIConnectionError as error:
            return _trouble(error)
        except ValueError:  # no JSON, or JSON of another form
            return Fault("malformed", "not an answer in the OpenAI format; does the address end in /v1?")

    def _fault(self, kind: str, body: object, headers: Mapping[str, str]) -> Fault:
        said = _field(body, "message") or _field(body, "detail") or body or ""
        words = " ".join(str(said).split())
        secret = self._key.get_secret_value()
        if secret:
            words = words.replace(secret, "***")
        return Fault(kind, words[:2000], str(_field(body, "code") or ""), retry_after(headers))


class OpenAIModel:
    """One model on one server, as a ``ChatModel``.

    Args:
        model_id: the model's name as the server knows it.
        connection: shared by all models of the run on this server.
        provider: the part of the spec before the slash.
    """

    def __init__(self, model_id: str, connection: Connection, provider: str = "openai") -> None:
        self.model_id = model_id
        self.connection = connection
        self.spec = f"{provider}/{model_id}"

    async def check(self) -> None:
        """Make sure, before anything is spent, that the server answers, takes the key and has the model.

        Raises:
            UserError: one of these is not so; the line says which, and the remedy.
            RateLimited, Unavailable: the server did not answer within our patience.
        """
        listed = await self.connection.models()
        if not listed or any(_same_model(self.model_id, other) for other in listed):
            return
        near = difflib.get_close_matches(self.model_id, listed, n=3, cutoff=0.4) or sorted(listed)[:5]
        server = self.connection.address
        raise UserError(f"{server} has no model '{self.model_id}'; choose another, such as {', '.join(near)}")

    async def generate(self, request: ChatRequest) -> ChatReply:
        """Answer.

        Raises:
            RateLimited, Unavailable, TooLong: what they say.
            ModelError: the server rejected the request for another reason.
        """
        first = style = self.connection.styles.get(self.model_id, Style())
        while True:
            outcome = await self.connection.complete(self._body(request, style))
            if not isinstance(outcome, Fault):
                if style != first:  # remembered only now that it has worked
                    self.connection.styles[self.model_id] = style
                return self._reply(*outcome)
            other = style.after(outcome, request.output_schema is not None)
            if other is None:
                return self._declined(outcome)
            style = other

    def _body(self, request: ChatRequest, style: Style) -> dict[str, Any]:
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        body: dict[str, Any] = {"model": self.model_id, "messages": messages}
        wishes = request.sampling
        fields = {"temperature": wishes.temperature, "top_p": wishes.top_p, style.length: wishes.max_tokens}
        body |= {name: value for name, value in {**fields, "seed": wishes.seed}.items() if value is not None}
        if request.output_schema is None:
            return body
        if style.form is Form.SCHEMA:
            return body | {"response_format": answer_schema(request.output_schema).response_format()}
        ask_in_words(messages, request.output_schema, request.language)
        return body | ({"response_format": {"type": "json_object"}} if style.form is Form.OBJECT else {})

    def _reply(self, completion: _Completion, seconds: float) -> ChatReply:
        choice = completion.choices[0]
        said, tagged = split_reasoning(choice.message.said())
        refusal = choice.message.refusal or ""
        refused = bool(refusal) or choice.finish_reason == "content_filter"
        tokens = completion.usage or _Tokens()
        thoughts = [thought for thought in (choice.message.thought(), tagged) if thought]
        return ChatReply(
            text=(refusal or said) if refused else said,
            reasoning="\n\n".join(thoughts) or None,
            usage=Usage(
                prompt_tokens=tokens.prompt_tokens,
                completion_tokens=tokens.completion_tokens,
                cached_tokens=(tokens.prompt_tokens_details or _Cached()).cached_tokens,
            ),
            model=self.spec,
            latency=seconds,
            finish="refused" if refused else choice.finish_reason or "stop",
        )

    def _declined(self, fault: Fault) -> ChatReply:
        server = self.connection.address
        if "content_filter" in fault.code or "content_policy" in fault.code:
            return ChatReply(text=fault.words, model=self.spec, finish="refused")
        if fault.too_long:
            raise TooLong(f"the prompt does not fit into the window of {self.spec}: {fault.words[:200]}")
        if fault.kind in _NO_KEY:
            raise Unavailable(self.connection.key_refused(fault))
        if fault.kind == "404":
            raise Unavailable(f"{server} knows no model '{self.model_id}' or has no such path ({fault})")
        raise ModelError(f"{server} rejected the request for {self.spec} ({fault})")


class OpenAIProvider:
    """The models ``openai/<id>`` of one run, all on one connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def model(self, model_id: str) -> OpenAIModel:
        """The model with this id.

        Raises:
            UserError: the id is empty.
        """
        if not model_id:
            raise UserError("'openai' names no model: write openai/<id>")
        return OpenAIModel(model_id, self.connection)

    @property
    def faults(self) -> dict[str, int]:
        """Failed attempts by kind: a status such as ``429``, ``connection``, ``timeout``."""
        return dict(self.connection.limiter.faults)

    async def check(self, model: ChatModel) -> None:
        """See ``OpenAIModel.check``. OpenAI itself wants a key; servers of one's own may not."""
        if self.connection.needs_key:
            raise UserError("OPENAI_API_KEY is not set: put it in the environment or in .env, or set --base-url")
        await self.model(model.spec.partition("/")[2]).check()

    async def aclose(self) -> None:
        """Close the connection."""
        await self.connection.aclose()


def open_provider(settings: ProviderSettings) -> OpenAIProvider:
    """The provider on the server that the settings name.

    Raises:
        UserError: the URL or the key cannot be right.
    """
    patience = Patience(timeout=settings.timeout, deadline=settings.deadline)
    limiter = Limiter(settings.max_connections)
    return OpenAIProvider(Connection(settings.base_url, settings.api_key, limiter, patience))


def _same_model(wanted: str, listed: str) -> bool:
    return wanted in (listed, listed.removesuffix(":latest"), listed.removeprefix("models/"))


def _field(body: object, name: str) -> object:
    return body.get(name) if isinstance(body, dict) else None


def _trouble(error: BaseException) -> Fault:
    # The aiohttp transport reports a refused or cut connection as a timeout too; only the root cause tells.
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


def _usable(api_key: SecretStr | None) -> SecretStr:
    key = api_key.get_secret_value().strip() if api_key else ""
    if not key.isascii() or (key and not key.isprintable()) or " " in key:
        raise UserError("OPENAI_API_KEY holds characters that no key has: copy it again")
    return SecretStr(key)
