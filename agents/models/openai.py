"""Models on OpenAI-compatible servers (OpenAI, Ollama, llama.cpp, gateways, an attached vLLM)."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, cast

from agents.models.base import ChatModel, ChatReply, ChatRequest
from agents.models.connection import NO_KEY, Connection, Connections
from agents.models.limits import Fault
from agents.models.providers import ProviderSettings
from agents.models.reasoning import split_reasoning
from agents.models.schemas import Form, Style, answer_schema, ask_in_words
from agents.models.wire import Completion, Message
from profiles.errors import ModelError, TooLong, Unavailable, UserError

if TYPE_CHECKING:
    from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming

__all__ = ["OpenAIModel", "OpenAIProvider", "open_provider"]


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

    def _body(self, request: ChatRequest, style: Style) -> CompletionCreateParamsNonStreaming:
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        body = cast("CompletionCreateParamsNonStreaming", {"model": self.model_id, "messages": messages})
        wishes = request.sampling
        if wishes.temperature is not None:
            body["temperature"] = wishes.temperature
        if wishes.top_p is not None:
            body["top_p"] = wishes.top_p
        if wishes.max_tokens is not None:
            body[style.length] = wishes.max_tokens
        if wishes.seed is not None:
            body["seed"] = wishes.seed
        if request.output_schema is None:
            return body
        if style.form is Form.SCHEMA:
            body["response_format"] = answer_schema(request.output_schema).response_format()
            return body
        ask_in_words(messages, request.output_schema, request.language)
        if style.form is Form.OBJECT:
            body["response_format"] = {"type": "json_object"}
        return body

    def _reply(self, completion: Completion, seconds: float) -> ChatReply:
        choice = completion.choices[0]
        message = choice.message or Message()
        said, tagged = split_reasoning(message.said())
        refusal = message.refusal or ""
        refused = bool(refusal) or choice.finish_reason == "content_filter"
        thoughts = [thought for thought in (message.thought(), tagged) if thought]
        return ChatReply(
            text=(refusal or said) if refused else said,
            reasoning="\n\n".join(thoughts) or None,
            usage=completion.spent(),
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
        if fault.kind in NO_KEY:
            raise Unavailable(self.connection.key_refused(fault))
        if fault.kind == "404":
            raise Unavailable(f"{server} knows no model '{self.model_id}' or has no such path ({fault})")
        raise ModelError(f"{server} rejected the request for {self.spec} ({fault})")


class OpenAIProvider:
    """The models ``openai/<id>`` of one run."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings
        self._connections = Connections(settings, "openai", "OPENAI_API_KEY")

    def model(self, model_id: str) -> OpenAIModel:
        """The model with this id, on the server that the settings name for it.

        Raises:
            UserError: the id is empty, or the server's address or key cannot be right.
        """
        if not model_id:
            raise UserError("'openai' names no model: write openai/<id>")
        return OpenAIModel(model_id, self._connections.at(self._settings.url_for(f"openai/{model_id}")))

    @property
    def faults(self) -> dict[str, int]:
        """Failed attempts by kind: a status such as ``429``, ``connection``, ``timeout``."""
        return self._connections.faults

    async def check(self, model: ChatModel) -> None:
        """See ``OpenAIModel.check``. OpenAI itself wants a key; servers of one's own may not."""
        ours = self.model(model.spec.partition("/")[2])
        if ours.connection.needs_key:
            raise UserError("OPENAI_API_KEY is not set: put it in the environment or in .env, or set --base-url")
        await ours.check()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connections.aclose()


def open_provider(settings: ProviderSettings) -> OpenAIProvider:
    """The provider for the servers that the settings name."""
    return OpenAIProvider(settings)


def _same_model(wanted: str, listed: str) -> bool:
    return wanted in (listed, listed.removesuffix(":latest"), listed.removeprefix("models/"))
