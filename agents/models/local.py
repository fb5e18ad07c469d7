"""Models in this process, ``local/<folder or hub id>``, by Hugging Face Transformers on a GPU or the CPU.

Requests that are made at the same time are decoded together, at most ``max_connections`` of them. A machine that
is slow is slow: no request is given up for lack of time. Torch and Transformers are imported with the first use.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from jinja2 import TemplateError

from agents.dialogue import Usage
from agents.models.base import ChatModel, ChatReply, ChatRequest, Sampling
from agents.models.local_engine import Engine, Loaded
from agents.models.local_sampling import Choice, Job, Made
from agents.models.local_weights import Weights, first_line, load_weights
from agents.models.providers import ProviderSettings
from agents.models.reasoning import split_reasoning
from agents.models.schemas import Form, ask_in_words
from profiles.errors import ModelError, TooLong, UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase
    from xgrammar import GrammarMatcher

__all__ = ["MOST_NEW_TOKENS", "LocalModel", "LocalProvider", "open_provider"]

MOST_NEW_TOKENS = 2048
"""Tokens made for a request that sets no ``max_tokens``, as far as the model's window has room for them."""

_OPENED = re.compile(r"<(?:think|thinking|thought|reasoning)>\s*\Z", re.IGNORECASE)
_Messages = list[dict[str, str]]


class LocalModel:
    """One model in this process, as a ``ChatModel``.

    Where a request leaves temperature or ``top_p`` open, the model's generation config decides, and where that does
    not sample either, the likeliest token is taken. A request with a seed gets the same answer each time, on the
    same device and but for ties of rounding (see ``local_sampling``). Structured answers are held to their schema by
    a grammar if xgrammar is installed, else asked for in words.

    Args:
        name: folder or hub id.
        engine: decodes for it.
        notify: told, one line at a time, when loading begins and ends.

    Attributes:
        form: how the last structured answer was asked for; ``None`` before the first.
    """

    def __init__(self, name: str, engine: Engine, notify: Callable[[str], None] = lambda line: None) -> None:
        self.spec = f"local/{name}"
        self.engine = engine
        self.form: Form | None = None
        self._notify = notify

    async def check(self) -> None:
        """Load the model, unless it is loaded.

        Raises:
            UserError: it is not there, is no chat model of Transformers, or does not fit into memory.
        """
        started = time.monotonic()
        self._notify(f"{self.spec}: loading the model")
        loaded = await self.engine.ready()
        self._notify(f"{self.spec}: ready on {loaded.weights.device} after {time.monotonic() - started:.0f} s")

    async def generate(self, request: ChatRequest) -> ChatReply:
        """Answer.

        Raises:
            TooLong: the prompt fills the model's window.
            ModelError: the chat template refuses the messages, or the model failed.
            Unavailable: out of memory, or closed.
        """
        loaded = await self.engine.ready()
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        matcher = await self._matcher(loaded, request)
        if request.output_schema is not None and matcher is None:
            ask_in_words(messages, request.output_schema, request.language)
        prompt = self._prompt(loaded.weights, messages, thinking=request.output_schema is None)
        job = self._job(loaded.weights, prompt, request.sampling)
        job.matcher = matcher
        made = await self.engine.decode(job)
        opened = _OPENED.search(prompt)
        return self._reply(loaded.weights, job, made, opened.group() if opened else "")

    async def _matcher(self, loaded: Loaded, request: ChatRequest) -> GrammarMatcher | None:
        if request.output_schema is None:
            return None
        matcher = None
        if loaded.grammars is not None:
            matcher = await asyncio.to_thread(loaded.grammars.matcher, request.output_schema)
        self.form = Form.TEXT if matcher is None else Form.SCHEMA
        return matcher

    def _prompt(self, weights: Weights, messages: _Messages, thinking: bool) -> str:
        words = "it leaves the system message out"
        for form in (messages, _alternating(messages)):
            try:
                prompt = _render(weights.tokenizer, form, thinking)
            except (TemplateError, TypeError, ValueError) as error:
                words = first_line(error)
                continue
            if _tells_system(prompt, messages):
                return prompt
        raise ModelError(f"the chat template of {self.spec} does not take the messages: {words}")

    def _job(self, weights: Weights, prompt: str, sampling: Sampling) -> Job:
        tokens = weights.tokenizer(prompt, add_special_tokens=False)["input_ids"]
        room = sampling.max_tokens or MOST_NEW_TOKENS
        if weights.window is not None:
            room = min(room, weights.window - len(tokens))
        if room < 1:
            raise TooLong(f"a prompt of {len(tokens)} tokens fills the window of {self.spec} ({weights.window})")
        return Job(tokens, room, _choice(weights.defaults, sampling), sampling.seed)

    def _reply(self, weights: Weights, job: Job, made: Made, opened: str) -> ChatReply:
        said = weights.tokenizer.decode(made.tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        text, reasoning = split_reasoning(opened + said) if job.matcher is None else (said, None)
        return ChatReply(
            text=text,
            reasoning=reasoning,
            usage=Usage(
                prompt_tokens=len(job.prompt),
                completion_tokens=len(made.tokens) + (made.finish == "stop"),
            ),
            model=self.spec,
            latency=made.seconds,
            finish=made.finish,
        )


class LocalProvider:
    """The models ``local/<folder or hub id>`` of one run, each loaded once."""

    def __init__(self, most: int, notify: Callable[[str], None]) -> None:
        self._most = most
        self._notify = notify
        self._models: dict[str, LocalModel] = {}

    def model(self, model_id: str) -> LocalModel:
        """The model in this folder or with this hub id. Nothing is loaded yet.

        Raises:
            UserError: the id is empty.
        """
        if not model_id:
            raise UserError("'local' names no model: write local/<folder or hub id>")
        if model_id not in self._models:
            engine = Engine(model_id, partial(load_weights, model_id), self._most)
            self._models[model_id] = LocalModel(model_id, engine, self._notify)
        return self._models[model_id]

    @property
    def faults(self) -> dict[str, int]:
        """``out_of_memory`` (the rows were decoded fewer at a time), ``unavailable`` and ``model_error``."""
        found: Counter[str] = Counter()
        for model in self._models.values():
            found.update(model.engine.tally.faults)
        return dict(found)

    async def check(self, model: ChatModel) -> None:
        """See ``LocalModel.check``."""
        await self.model(model.spec.partition("/")[2]).check()

    async def aclose(self) -> None:
        """End the threads and give their memory back."""
        for model in self._models.values():
            await model.engine.aclose()


def open_provider(settings: ProviderSettings) -> LocalProvider:
    """The provider that decodes as many requests together as the settings allow connections."""
    return LocalProvider(settings.max_connections, settings.notify)


def _choice(defaults: Choice, wishes: Sampling) -> Choice:
    return Choice(
        temperature=defaults.temperature if wishes.temperature is None else wishes.temperature,
        top_p=wishes.top_p or defaults.top_p,
        top_k=defaults.top_k,
        penalty=defaults.penalty,
    )


def _render(tokenizer: PreTrainedTokenizerBase, messages: _Messages, thinking: bool) -> str:
    # Under a grammar there is no room for thought; templates without this switch do not look at it.
    more = {} if thinking else {"enable_thinking": False}
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **more)
    return str(prompt)


def _tells_system(prompt: str, messages: _Messages) -> bool:
    # Some templates leave out what they have no role for, without a word.
    return all(message["content"].strip() in prompt for message in messages if message["role"] == "system")


def _alternating(messages: _Messages) -> _Messages:
    """The messages for a template that knows no system role, or wants user and assistant to take turns."""
    turns: _Messages = []
    for message in messages:
        role = "assistant" if message["role"] == "assistant" else "user"
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += f"\n\n{message['content']}"
        else:
            turns.append({"role": role, "content": message["content"]})
    return turns
