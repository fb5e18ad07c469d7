"""What decoding together is worth: tokens a second of a ``local/`` model at one row and at many, side by side."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from agents.models.base import ChatRequest, Message, Sampling
from agents.models.local import LocalModel
from agents.models.providers import ModelBench, ProviderSettings

SIZES = ("tiny", "0.5b")
_HALF_BILLION: dict[str, Any] = {  # the shape of Qwen2-0.5B
    "vocab_size": 151_936,
    "hidden_size": 896,
    "intermediate_size": 4864,
    "num_hidden_layers": 24,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32_768,
    "tie_word_embeddings": True,
}


class Nothing(BaseModel):
    """The requests have no inputs."""


def build(size: str, folder: Path) -> Path:
    """Write a model of this size with random weights; its tokens are bytes."""
    from tests.vllm.tiny_model import build as build_tiny

    build_tiny(folder)
    if size == "tiny":
        return folder
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    small = Qwen2Config.from_pretrained(folder)
    config = Qwen2Config(**_HALF_BILLION, eos_token_id=small.eos_token_id, pad_token_id=small.pad_token_id)
    Qwen2ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    return folder


def questions(count: int, prompt: int, new: int) -> list[ChatRequest]:
    """Different requests: ``prompt`` tokens, a few more or less, and the likeliest ``new`` tokens wanted of each."""
    texts = [f"{number:03d}" + "how was your week? " * prompt for number in range(count)]
    return [
        ChatRequest(
            purpose="bench",
            inputs=Nothing(),
            messages=(Message(role="user", content=text[: prompt + number % 17]),),
            sampling=Sampling(temperature=0.0, max_tokens=new),
        )
        for number, text in enumerate(texts)
    ]


async def pace(model: LocalModel, asked: list[ChatRequest]) -> float:
    """Tokens made a second, the reading of the prompts counted in."""
    started = time.monotonic()
    replies = await asyncio.gather(*map(model.generate, asked))
    return sum(reply.usage.completion_tokens or 0 for reply in replies) / (time.monotonic() - started)


async def measure(folder: Path, rows: int, asked: list[ChatRequest], times: int) -> dict[str, Any]:
    """Median tokens a second with this many rows at most, after one unmeasured answer."""
    async with ModelBench(ProviderSettings(max_connections=rows)) as bench:
        model = bench.model(f"local/{folder}")
        assert isinstance(model, LocalModel)
        weights = (await model.engine.ready()).weights
        await model.generate(asked[0])
        tally = model.engine.tally
        tally.steps = tally.tokens = 0
        paces = [await pace(model, asked) for _ in range(times)]
        return {
            "rows": rows,
            "mean_rows": round(tally.tokens / tally.steps, 2),
            "tokens_per_s": round(statistics.median(paces), 1),
            "device": weights.device,
            "dtype": str(weights.model.dtype).removeprefix("torch."),
        }


def measure_all(chosen: argparse.Namespace) -> dict[str, Any]:
    """All batch sizes over the same requests, one after the other."""
    asked = questions(chosen.requests, chosen.prompt, chosen.new)
    with tempfile.TemporaryDirectory() as place:
        folder = build(chosen.size, Path(place) / "model")
        found = [asyncio.run(measure(folder, rows, asked, chosen.times)) for rows in chosen.batch]
    first = found[0]["tokens_per_s"]
    return {
        "size": chosen.size,
        "requests": chosen.requests,
        "prompt_tokens": chosen.prompt,
        "new_tokens": chosen.new,
        "batches": [{**row, "speedup": round(row["tokens_per_s"] / first, 2)} for row in found],
    }


def main() -> None:
    """Print the figures as a table, or as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.local_batch", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument(
        "--batch", type=int, nargs="+", default=[1, 32], help="rows at a time; the first is compared to"
    )
    parser.add_argument("--requests", type=int, default=32)
    parser.add_argument("--prompt", type=int, default=256, help="tokens")
    parser.add_argument("--new", type=int, default=128, help="tokens")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    figures = measure_all(chosen)
    if chosen.json:
        json.dump(figures, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    for row in figures["batches"]:
        what = f"{chosen.size} on {row['device']} in {row['dtype']}"
        sys.stdout.write(
            f"{what}, {row['rows']:>3} rows: {row['tokens_per_s']:>9.1f} tokens/s, {row['speedup']:.2f}x\n"
        )


if __name__ == "__main__":
    main()
