"""Models in this process: real Transformers, real grammars, a tiny model whose prompts count one token a byte."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from agents.ask import ask
from agents.models.base import ChatReply, ChatRequest, Message, Sampling
from agents.models.local import LocalModel, LocalProvider, open_provider
from agents.models.local_engine import Engine
from agents.models.local_weights import Weights, load_weights
from agents.models.providers import ModelBench, ProviderSettings
from agents.prompts import load_prompt
from arena import RunConfig, run
from profiles.errors import ModelError, TooLong, Unavailable, UserError
from storage.database import Database
from storage.queries import load_all_turns

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = pytest.mark.vllm

GREEDY = Sampling(temperature=0.0)


class Nothing(BaseModel):
    pass


class Quote(BaseModel):
    turn: int = Field(ge=0)
    words: str


class Mark(BaseModel):
    reason: str
    mood: Literal["calm", "tense"]
    quotes: list[Quote] = Field(max_length=3)
    value: int = Field(ge=1, le=5)
    note: str | None


class Loose(BaseModel):
    flag: bool
    about: dict[str, int]


@pytest.fixture(scope="module", autouse=True)
def _one_core() -> None:
    torch.set_num_threads(1)  # two threads that wait for each other on a busy machine are slower than one


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.vllm.tiny_model import build  # imports torch

    return build(tmp_path_factory.mktemp("local") / "tiny")


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def request(text: str = "How was your week?", system: str = "", **changes: Any) -> ChatRequest:
    first = (Message(role="system", content=system),) if system else ()
    values = {"purpose": "p.turn", "inputs": Nothing(), "messages": (*first, Message(role="user", content=text))}
    return ChatRequest(**{**values, **changes})


def seeded(number: int, **changes: Any) -> ChatRequest:
    """The n-th of many different requests: lengths differ, every third is structured."""
    schema = Mark if number % 3 == 0 else None
    sampling = Sampling(temperature=1.0, seed=number)
    return request("a" * (5 * number + 1), **{"output_schema": schema, "sampling": sampling, **changes})


@asynccontextmanager
async def opened(folder: Path, most: int = 16) -> AsyncIterator[LocalModel]:
    async with ModelBench(ProviderSettings(max_connections=most)) as bench:
        model = bench.model(f"local/{folder}")
        assert isinstance(model, LocalModel)
        yield model


@asynccontextmanager
async def hampered(folder: Path, hamper: Callable[[Any], None], most: int = 16) -> AsyncIterator[LocalModel]:
    """A model whose forward pass is watched, and may be made to fail, by ``hamper(input_ids)``."""

    def load() -> Weights:
        weights = load_weights(str(folder))
        weights.model.register_forward_pre_hook(lambda _, __, named: hamper(named["input_ids"]), with_kwargs=True)
        return weights

    model = LocalModel(str(folder), Engine(str(folder), load, most))
    try:
        yield model
    finally:
        await model.engine.aclose()


async def texts(model: LocalModel, requests: list[ChatRequest]) -> list[str]:
    return [reply.text for reply in await asyncio.gather(*map(model.generate, requests))]


async def begun(model: LocalModel) -> None:
    async with asyncio.timeout(60):
        while not model.engine.tally.steps:  # noqa: ASYNC110  (another thread counts)
            await asyncio.sleep(0.001)


def line_of(caught: pytest.ExceptionInfo[BaseException]) -> str:
    assert "\n" not in str(caught.value)
    return str(caught.value)


# The plain road


async def test_an_answer_comes_with_its_books(folder: Path) -> None:
    async with opened(folder) as model:
        reply = await model.generate(request("Hello.", system="Be kind."))
    assert isinstance(reply, ChatReply)
    assert re.search("[a-z]", reply.text) and "<|" not in reply.text
    assert reply.finish == "stop"
    assert reply.model == model.spec == f"local/{folder}"
    assert reply.usage.prompt_tokens == prompt_length(("system", "Be kind."), ("user", "Hello."))
    assert reply.usage.completion_tokens == len(reply.text.encode()) + 1  # the end counts
    assert reply.usage.cached_tokens is None
    assert 0 < reply.latency < 30


def prompt_length(*messages: tuple[str, str]) -> int:
    """Tokens of a ChatML prompt in a tokenizer of bytes: two specials a message, one to open the answer."""
    return sum(len(f"{role}\n{text}\n".encode()) + 2 for role, text in messages) + 1 + len("assistant\n")


async def test_chinese_is_read_byte_by_byte(folder: Path) -> None:
    async with opened(folder) as model:
        reply = await model.generate(request("最近睡不好。"))
    assert reply.usage.prompt_tokens == prompt_length(("user", "最近睡不好。"))


async def test_a_cut_answer_says_so(folder: Path) -> None:
    async with opened(folder) as model:
        reply = await model.generate(request(sampling=Sampling(temperature=0.0, max_tokens=7)))
    assert reply.finish == "length"
    assert reply.usage.completion_tokens == 7


async def test_greedy_answers_are_transformers_own(folder: Path) -> None:
    async with opened(folder) as model:
        asked = [request("a" * length, sampling=Sampling(temperature=0.0, max_tokens=40)) for length in (3, 60, 25)]
        ours = await texts(model, asked)
        weights = (await model.engine.ready()).weights
        for question, answer in zip(asked, ours, strict=True):
            messages = [asdict(message) for message in question.messages]
            ids = weights.tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt")
            made = weights.model.generate(**ids.to(weights.device), max_new_tokens=40, do_sample=False)
            tail = made[0, ids["input_ids"].shape[1] :]
            assert weights.tokenizer.decode(tail, skip_special_tokens=True) == answer


async def test_a_prompt_beyond_the_window_is_too_long(copy: Path) -> None:
    rewrite(copy / "config.json", max_position_embeddings=256)
    async with opened(copy) as model:
        with pytest.raises(TooLong, match="256") as caught:
            await model.generate(request("a" * 300))
        assert model.spec in line_of(caught)
        used = prompt_length(("user", "a" * 200))
        reply = await model.generate(request("a" * 200, sampling=GREEDY))
        assert (reply.finish, reply.usage.completion_tokens) == ("length", 256 - used)
        assert model.engine.tally.tokens == 256 - used


async def test_the_generation_config_decides_what_a_request_leaves_open(copy: Path) -> None:
    rewrite(copy / "generation_config.json", do_sample=False)
    async with opened(copy) as model:
        capped = Sampling(max_tokens=30)
        first, second = await texts(model, [request(sampling=capped)] * 2)
        greedy = (await model.generate(request(sampling=Sampling(temperature=0.0, max_tokens=30)))).text
        assert first == second == greedy
        drawn = await texts(model, [request(sampling=Sampling(temperature=1.0))] * 4)
        assert len(set(drawn)) > 1


async def test_a_penalty_on_repetition_is_heeded(copy: Path) -> None:
    rewrite(copy / "generation_config.json", do_sample=False, repetition_penalty=50.0)
    async with opened(copy) as model:
        said = (await model.generate(request("x", sampling=Sampling(max_tokens=12)))).text
    assert len(set(said)) == len(said)


@pytest.mark.parametrize(("wish", "value"), [("top_k", 1), ("top_p", 1e-6)])
async def test_one_token_left_to_choose_from_is_the_greedy_one(copy: Path, wish: str, value: float) -> None:
    rewrite(copy / "generation_config.json", **{wish: value})
    async with opened(copy) as model:
        drawn = await model.generate(request(sampling=Sampling(temperature=1.5, seed=4, max_tokens=30)))
        greedy = await model.generate(request(sampling=Sampling(temperature=0.0, max_tokens=30)))
    assert drawn.text == greedy.text


async def test_top_p_keeps_to_the_likely(folder: Path) -> None:
    async with opened(folder) as model:
        wishes = Sampling(temperature=1.0, top_p=0.5, max_tokens=40)
        said = "".join(await texts(model, [request(sampling=wishes)] * 8))
    assert len(set(said)) > 3
    assert not set(said) & set("vkjxqz")  # the rarest letters are beyond half of the odds after any token


async def test_more_ends_than_one(copy: Path) -> None:
    space = json.loads((copy / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]["Ġ"]
    ends = json.loads((copy / "generation_config.json").read_text(encoding="utf-8"))["eos_token_id"]
    rewrite(copy / "generation_config.json", eos_token_id=[ends, space])
    async with opened(copy) as model:
        replies = await asyncio.gather(*(model.generate(seeded(number)) for number in (1, 2, 4, 5, 7, 8)))
    assert {reply.finish for reply in replies} == {"stop"}
    assert not any(" " in reply.text for reply in replies)


def rewrite(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


# Many at a time


async def test_concurrent_requests_are_decoded_together(folder: Path) -> None:
    capped = Sampling(temperature=0.0, max_tokens=400)
    async with opened(folder) as model:
        replies = await asyncio.gather(*(model.generate(request("a" * n, sampling=capped)) for n in range(1, 17)))
    tally = model.engine.tally
    assert tally.tokens == sum(reply.usage.completion_tokens or 0 for reply in replies) == 16 * 400
    assert tally.widest == 16
    assert tally.steps < 16 * 400 / 4


async def test_no_more_rows_than_connections(folder: Path) -> None:
    capped = Sampling(temperature=0.0, max_tokens=30)
    async with opened(folder, most=3) as model:
        await texts(model, [request("a" * n, sampling=capped) for n in range(1, 11)])
    assert model.engine.tally.widest == 3


async def test_who_comes_later_joins_and_who_is_done_leaves(folder: Path) -> None:
    async with opened(folder) as model:
        long = asyncio.create_task(model.generate(request(sampling=Sampling(temperature=0.0, max_tokens=3000))))
        await begun(model)
        short = await model.generate(request("b" * 300, sampling=Sampling(temperature=0.0, max_tokens=5)))
        assert short.usage.completion_tokens == 5
        assert not long.done()
        assert (await long).usage.completion_tokens == 3000
    assert model.engine.tally.widest == 2
    assert model.engine.tally.steps < 3005


async def test_the_same_seed_says_the_same_alone_and_in_company(folder: Path) -> None:
    asked = [seeded(number) for number in range(24)]
    async with opened(folder, most=9) as model:
        together = await texts(model, asked)
        alone = [(await model.generate(each)).text for each in asked]
    async with opened(folder, most=4) as model:
        again = await texts(model, list(reversed(asked)))
    assert together == alone == list(reversed(again))
    assert len(set(together)) == 24


async def test_without_a_seed_nothing_repeats(folder: Path) -> None:
    said: list[str] = []
    for _ in range(2):
        async with opened(folder) as model:
            said += await texts(model, [request(sampling=Sampling(temperature=1.0))] * 4)
    assert len(set(said)) == 8


async def test_wishes_may_differ_in_one_batch(folder: Path) -> None:
    wishes = [
        Sampling(temperature=0.0, max_tokens=60),
        Sampling(temperature=0.7, seed=1, max_tokens=60),
        Sampling(temperature=1.3, top_p=0.8, seed=2, max_tokens=50),
        Sampling(temperature=1.0, seed=2, max_tokens=9),
    ]
    asked = [request(sampling=each, output_schema=schema) for each in wishes for schema in (None, Mark)]
    async with opened(folder) as model:
        alone = [await model.generate(each) for each in asked]
        before = model.engine.tally.steps
        together = await asyncio.gather(*map(model.generate, asked))
    assert [reply.text for reply in together] == [reply.text for reply in alone]
    assert model.engine.tally.steps - before < before
    assert together[-2].usage.completion_tokens == 9
    assert together[-2].finish == "length"


async def test_requests_of_several_loops_share_an_engine(folder: Path) -> None:
    async with opened(folder) as model:
        here = model.generate(seeded(1))
        there = asyncio.to_thread(lambda: asyncio.run(model.generate(seeded(2))))
        assert all(reply.finish == "stop" for reply in await asyncio.gather(here, there))


@pytest.fixture(scope="module")
def hybrid(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that remembers in states as well as in keys and values, so that its rows cannot be joined."""
    from transformers import Qwen3NextConfig, Qwen3NextForCausalLM

    place = Path(shutil.copytree(folder, tmp_path_factory.mktemp("local") / "hybrid"))
    ends = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    shape = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 4, "head_dim": 16}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
    linear = {"linear_num_value_heads": 4, "linear_num_key_heads": 2}
    linear |= {"linear_key_head_dim": 16, "linear_value_head_dim": 16}
    experts = {"num_experts": 2, "num_experts_per_tok": 1}
    experts |= {"moe_intermediate_size": 32, "shared_expert_intermediate_size": 32}
    vocabulary = {name: ends[name] for name in ("vocab_size", "eos_token_id", "pad_token_id")}
    torch.manual_seed(5)
    config = Qwen3NextConfig(**shape, **heads, **linear, **experts, **vocabulary, bos_token_id=None)
    Qwen3NextForCausalLM(config).save_pretrained(place)
    return place


async def test_rows_that_cannot_be_joined_are_decoded_in_whole_batches(hybrid: Path) -> None:
    asked = [request("a" * (4 + 9 * n), sampling=Sampling(temperature=0.0, max_tokens=10 + n)) for n in range(6)]
    asked.append(request(output_schema=Mark, sampling=Sampling(temperature=1.0, seed=3, max_tokens=25)))
    async with opened(hybrid, most=4) as model:
        alone = [(await model.generate(each)).text for each in asked]
        steps = model.engine.tally.steps
        assert await texts(model, asked) == alone
        assert not (await model.engine.ready()).weights.joinable
    assert model.engine.tally.steps - steps < steps / 2
    assert model.engine.tally.widest == 4
    assert alone[-1].startswith('{"reason": "')


async def test_a_fault_among_rows_that_cannot_be_joined_is_found(hybrid: Path) -> None:
    async with hampered(hybrid, refuse_newlines, most=4) as model:
        asked = [request("a" * n, sampling=Sampling(temperature=0.0, max_tokens=5)) for n in range(1, 6)]
        asked.insert(2, request("\n" * 150))
        outcomes = await asyncio.gather(*map(model.generate, asked), return_exceptions=True)
    assert isinstance(outcomes.pop(2), ModelError)
    assert all(isinstance(outcome, ChatReply) for outcome in outcomes)


def refuse_newlines(ids: Any) -> None:
    if ids.shape[1] > 1 and bool((ids == ids[0, -1]).sum(-1).max() > 100):  # a prompt ends with one
        raise IndexError("index out of range in self")


# Structured answers


async def test_a_schema_is_kept_to_every_time(folder: Path) -> None:
    asked = [request(output_schema=Mark, sampling=Sampling(temperature=1.3, seed=seed)) for seed in range(60)]
    async with opened(folder) as model:
        answers = await texts(model, asked)
    marks = [Mark.model_validate_json(answer) for answer in answers]
    assert {mark.mood for mark in marks} == {"calm", "tense"}
    assert {mark.value for mark in marks} == {1, 2, 3, 4, 5}
    assert not any("\n" in answer or "  " in re.sub('"[^"]*"', "", answer) for answer in answers)


async def test_rows_of_one_batch_keep_to_their_own_schemas(folder: Path) -> None:
    schemas: list[type[BaseModel] | None] = [Mark, Loose, Quote, None]
    asked = [
        request(output_schema=schemas[seed % 4], sampling=Sampling(temperature=1.0, seed=seed)) for seed in range(16)
    ]
    async with opened(folder) as model:
        answers = await texts(model, asked)
    assert model.engine.tally.widest > 4
    for question, answer in zip(asked, answers, strict=True):
        if question.output_schema is not None:
            question.output_schema.model_validate_json(answer)
        else:
            assert not answer.startswith("{")


async def test_a_structured_answer_that_is_cut_is_told_from_a_whole_one(folder: Path) -> None:
    async with opened(folder) as model:
        reply = await model.generate(request(output_schema=Mark, sampling=Sampling(temperature=1.0, max_tokens=12)))
    assert reply.finish == "length"
    assert reply.text.startswith('{"reason":')


async def test_without_xgrammar_schemas_are_asked_for_in_words(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    brief = Sampling(temperature=0.0, max_tokens=3)
    async with opened(folder) as model:
        enforced = await model.generate(request(output_schema=Mark, sampling=brief))
        assert model.form is not None and model.form.name == "SCHEMA"
    monkeypatch.setitem(sys.modules, "xgrammar", None)
    async with opened(folder) as model:
        in_words = await model.generate(request(output_schema=Mark, sampling=brief))
        assert model.form is not None and model.form.name == "TEXT"
    assert enforced.usage.prompt_tokens == prompt_length(("user", "How was your week?"))
    assert (in_words.usage.prompt_tokens or 0) > (enforced.usage.prompt_tokens or 0) + len('"enum": ["calm", "tense"]')
    assert not in_words.text.startswith("{")


async def test_ask_reads_what_a_local_model_answers(folder: Path, tmp_path: Path) -> None:
    from agents.models.ping import Lantern, LanternInputs

    prompt = load_prompt("agents.models", "ping_schema", "zh", LanternInputs, Lantern)
    async with opened(folder) as model:
        answer = await ask(model, prompt, LanternInputs(), language="zh", sampling=Sampling(temperature=1.0))
    assert isinstance(answer.value, Lantern)
    assert answer.call.asked == 1


# Chat templates

_PLAIN = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "{{ '<|im_start|>assistant\\n' }}"
)
_NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + _PLAIN
_SILENT = _PLAIN.replace("messages %}", "messages if m['role'] != 'system' %}", 1)
_TURNS = (
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must take turns') }}{% endif %}{% endfor %}" + _PLAIN
)


async def prompt_tokens(folder: Path, template: str, *messages: tuple[str, str]) -> int | None:
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    said = tuple(Message(role=role, content=text) for role, text in messages)  # type: ignore[arg-type]
    async with opened(folder) as model:
        reply = await model.generate(request(messages=said, sampling=Sampling(temperature=0.0, max_tokens=1)))
    return reply.usage.prompt_tokens


@pytest.mark.parametrize("template", [_NO_SYSTEM, _SILENT, _TURNS])
async def test_a_system_text_that_has_no_place_goes_to_the_first_user(copy: Path, template: str) -> None:
    talk = [("user", "One."), ("assistant", "Two."), ("user", "Three.")]
    folded = prompt_length(("user", "Be kind.\n\nOne."), *talk[1:])
    assert await prompt_tokens(copy, template, ("system", "Be kind."), *talk) == folded


async def test_a_template_that_takes_all_gets_all(copy: Path) -> None:
    talk = [("system", "Be kind."), ("user", "One."), ("user", "Two."), ("assistant", "Three.")]
    assert await prompt_tokens(copy, _PLAIN, *talk) == prompt_length(*talk)


async def test_turns_are_joined_for_a_template_that_wants_them_alternating(copy: Path) -> None:
    talk = [("system", "Be kind."), ("assistant", "One."), ("user", "Two."), ("user", "Three.")]
    joined = prompt_length(("user", "Be kind."), ("assistant", "One."), ("user", "Two.\n\nThree."))
    assert await prompt_tokens(copy, _TURNS, *talk) == joined


async def test_a_template_that_takes_nothing_fails_the_call_and_no_other(copy: Path) -> None:
    refusing = "{% if 'forbidden' in messages[-1]['content'] %}{{ raise_exception('never') }}{% endif %}" + _PLAIN
    (copy / "chat_template.jinja").write_text(refusing, encoding="utf-8")
    async with opened(copy) as model:
        with pytest.raises(ModelError, match="never"):
            await model.generate(request("forbidden"))
        assert (await model.generate(request("allowed"))).text


async def test_thought_is_kept_apart_where_the_template_opens_it(copy: Path) -> None:
    thinking = _PLAIN[:-2] + "+ ('' if enable_thinking is false else '<think>\\n') }}"
    (copy / "chat_template.jinja").write_text(thinking, encoding="utf-8")
    async with opened(copy) as model:
        free = await model.generate(seeded(1))
        structured = await model.generate(seeded(0))
    assert free.text == "" and free.reasoning  # this model never closes a thought
    assert Mark.model_validate_json(structured.text) and structured.reasoning is None
    assert structured.usage.prompt_tokens == prompt_length(("user", "a"))


# What goes wrong


async def test_a_cancelled_request_leaves_the_line_and_the_batch(folder: Path) -> None:
    endless = Sampling(temperature=0.0, max_tokens=20_000)
    async with opened(folder, most=1) as model:
        in_hand = asyncio.create_task(model.generate(request(sampling=endless)))
        await begun(model)
        in_line = asyncio.create_task(model.generate(request("b" * 100, sampling=endless)))
        await asyncio.sleep(0.05)
        for task in (in_line, in_hand):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        before = model.engine.tally.tokens
        assert (await model.generate(seeded(1))).finish == "stop"
        assert model.engine.tally.tokens - before < 500
    assert before < 20_000


def out_of_memory_beyond(rows: int, seen: list[int], only_while_decoding: bool = False) -> Callable[[Any], None]:
    def hamper(ids: Any) -> None:
        if ids.shape[0] > rows and (ids.shape[1] == 1 or not only_while_decoding):
            seen.append(ids.shape[0])
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    return hamper


@pytest.mark.parametrize("only_while_decoding", [False, True])
async def test_out_of_memory_means_fewer_rows_and_no_lost_word(folder: Path, only_while_decoding: bool) -> None:
    asked = [seeded(number) for number in range(16)]
    async with opened(folder) as model:
        expected = await texts(model, asked)
    seen: list[int] = []
    async with hampered(folder, out_of_memory_beyond(3, seen, only_while_decoding)) as model:
        assert await texts(model, asked) == expected
        faults = model.engine.tally.faults
    assert faults == {"out_of_memory": len(seen)}
    assert seen


async def test_one_row_that_does_not_fit_fails_alone(folder: Path) -> None:
    def hamper(ids: Any) -> None:
        if ids.shape[1] > 300:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    async with hampered(folder, hamper) as model:
        small = asyncio.gather(*(model.generate(seeded(number)) for number in range(4)))
        with pytest.raises(Unavailable, match="memory"):
            await model.generate(request("a" * 400))
        assert all(reply.text for reply in await small)
        assert (await model.generate(seeded(5))).text


async def test_a_failing_model_fails_the_request_concerned(folder: Path) -> None:
    async with hampered(folder, refuse_newlines) as model:
        asked = [seeded(number) for number in range(4)]
        outcomes = await asyncio.gather(
            *(model.generate(each) for each in [*asked[:2], request("\n" * 150), *asked[2:]]), return_exceptions=True
        )
        failed = outcomes.pop(2)
        assert isinstance(failed, ModelError) and "index out of range" in str(failed)
        assert all(isinstance(outcome, ChatReply) for outcome in outcomes)
        assert (await model.generate(seeded(9))).text
        assert model.engine.tally.faults == {"model_error": 1}


async def test_a_step_that_fails_fails_the_rows_in_it_and_the_engine_goes_on(folder: Path) -> None:
    broken = True

    def hamper(ids: Any) -> None:
        if broken and ids.shape[1] == 1 and ids.shape[0] > 2:
            raise ValueError("shapes do not match")

    async with hampered(folder, hamper) as model:
        outcomes = await asyncio.gather(*(model.generate(seeded(n)) for n in range(12)), return_exceptions=True)
        failed = [outcome for outcome in outcomes if not isinstance(outcome, ChatReply)]
        assert len(failed) > 2
        assert all(isinstance(outcome, ModelError) and "shapes" in str(outcome) for outcome in failed)
        broken = False
        assert len(await texts(model, [seeded(number) for number in range(4)])) == 4


async def test_closing_fails_what_is_open_and_frees_the_model(folder: Path) -> None:
    provider = open_provider(ProviderSettings())
    model = provider.model(str(folder))
    await provider.check(model)
    held = weakref.ref((await model.engine.ready()).weights.model)
    assert any(thread.name == model.spec for thread in threading.enumerate())
    endless = request(sampling=Sampling(temperature=0.0, max_tokens=20_000))
    calls = [asyncio.create_task(model.generate(endless)) for _ in range(12)]
    await begun(model)
    await provider.aclose()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(outcome, Unavailable) for outcome in outcomes)
    calls.clear()
    outcomes.clear()
    await asyncio.sleep(0)
    gc.collect()  # the tracebacks of the failed calls
    assert not any(thread.name == model.spec for thread in threading.enumerate())
    assert held() is None
    with pytest.raises(Unavailable):
        await model.generate(endless)
    await provider.aclose()


async def test_a_provider_that_was_never_used_closes(folder: Path) -> None:
    provider = open_provider(ProviderSettings())
    provider.model(str(folder))
    assert provider.faults == {}
    await provider.aclose()


async def test_the_provider_counts_faults_and_loads_a_model_once(folder: Path) -> None:
    told: list[str] = []
    provider = LocalProvider(4, told.append)
    model = provider.model(str(folder))
    assert provider.model(str(folder)) is model
    await asyncio.gather(provider.check(model), provider.check(model), model.generate(seeded(1)))
    assert sum("ready on" in line for line in told) == 2 and all(model.spec in line for line in told)
    assert sum(thread.name == model.spec for thread in threading.enumerate()) == 1
    assert provider.faults == {}
    await provider.aclose()


# What is wrong from the beginning


def break_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def break_json(folder: Path) -> None:
    (folder / "config.json").write_text("{", encoding="utf-8")


def break_kind(folder: Path) -> None:
    rewrite(folder / "config.json", model_type="t5", architectures=["T5ForConditionalGeneration"])


def break_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def break_half(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def break_gaps(folder: Path) -> None:
    rewrite(folder / "config.json", num_hidden_layers=3, layer_types=["full_attention"] * 3)


def break_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def break_template(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()


def break_size(folder: Path) -> None:
    rewrite(folder / "config.json", vocab_size=10**10)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (break_config, "holds no Transformers model.*config.json"),
        (break_json, "holds no Transformers model"),
        (break_kind, "generates no text"),
        (break_weights, "weights .* cannot be read"),
        (break_half, "weights .* cannot be read"),
        (break_gaps, "lacks .* weights"),
        (break_tokenizer, "tokenizer"),
        (break_template, "chat template.*chat_template.jinja"),
        (break_size, "needs .* GiB .*choose a smaller model"),
    ],
)
async def test_a_damaged_folder_is_told_in_one_line(copy: Path, damage: Callable[[Path], None], words: str) -> None:
    damage(copy)
    async with ModelBench() as bench:
        bench.model(f"local/{copy}")
        with pytest.raises(UserError, match=words) as caught:
            await bench.check()
        assert str(copy) in line_of(caught)
        with pytest.raises(UserError, match=words):
            await bench.check()


@pytest.mark.parametrize("address", ["local//no/such/folder", "local/./nowhere", "local/~/nowhere", "local/a/b/c"])
async def test_a_folder_that_is_not_there(address: str) -> None:
    async with ModelBench() as bench:
        bench.model(address)
        with pytest.raises(UserError, match="no folder '"):
            await bench.check()


def test_an_address_needs_a_model() -> None:
    with pytest.raises(UserError, match="local/<folder or hub id>"):
        ModelBench().model("local")


def python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, **environment}
    )
    return done.stdout


_CHECK = """
import asyncio
from agents.models.providers import ModelBench
from profiles.errors import UserError

async def main():
    async with ModelBench() as bench:
        bench.model("local/nobody/nothing-1b")
        try:
            await bench.check()
            print("loaded")
        except UserError as error:
            print(error)

asyncio.run(main())
"""


def test_a_hub_id_is_not_asked_for_offline(tmp_path: Path) -> None:
    said = python(_CHECK, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path))
    assert "nobody/nothing-1b" in said and "give its folder" in said and said.count("\n") == 1


def test_a_model_in_the_hub_s_cache_needs_no_network(folder: Path, tmp_path: Path) -> None:
    repository = tmp_path / "hub" / "models--nobody--nothing-1b"
    shutil.copytree(folder, repository / "snapshots" / ("0" * 40))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40, encoding="ascii")
    for offline in ("0", "1"):
        assert python(_CHECK, HF_HUB_OFFLINE=offline, HF_HOME=str(tmp_path)) == "loaded\n"


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_a_missing_package_is_told_with_its_remedy(package: str) -> None:
    said = python(f"import sys; sys.modules['{package}'] = None" + _CHECK)
    assert package in said and "pip install 'counsel-arena[local]'" in said


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    code = (
        "import sys; from agents.models.providers import ModelBench, known_providers; ModelBench().model('local/x/y'); "
        "assert 'local/<id>' in known_providers(); "
        "print([name for name in ('torch', 'transformers', 'xgrammar') if name in sys.modules])"
    )
    assert python(code).strip() == "[]"


# A whole run


def test_a_whole_run_on_a_local_model(folder: Path, tmp_path: Path) -> None:
    config = RunConfig(
        model=f"local/{folder}", rounds=2, clients="1", counselors=("plain",), send_seed=True, db=str(tmp_path / "a.db")
    )
    result = run(config)
    assert result.statuses == {"finished": 1, "failed": 0}
    assert result.faults == {}
    for row in result.sessions:
        assert row.usage["client"]["calls"] == 2
        assert all(role["prompt_tokens"] > 0 and role["completion_tokens"] > 0 for role in row.usage.values())
        assert row.outcome["fidelity_fault"] is None
    with Database.open(result.db) as database:
        turns = load_all_turns(database, result.run_id)
    assert all(turn.text.strip() for turns_of_one in turns.values() for turn in turns_of_one)
