"""The same calls through inspect_ai: one sample a session, its log kept, in the peer's own environment."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from inspect_ai import Task, eval_async
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    get_model,
)
from inspect_ai.solver import Generate, TaskState, solver

_KINDS = {"system": ChatMessageSystem, "user": ChatMessageUser, "assistant": ChatMessageAssistant}


@solver
def the_calls(steps: dict[str, list[list[dict[str, Any]]]]) -> Any:
    """Ask what the arena asked in this session, in the same order and company."""

    async def call(body: dict[str, Any]) -> None:
        messages: list[ChatMessage] = [_KINDS[m["role"]](content=m["content"]) for m in body["messages"]]
        form = body.get("response_format")
        extra = GenerateConfig(extra_body={"response_format": form}) if form else GenerateConfig()
        await get_model().generate(messages, config=extra)

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        for step in steps[str(state.sample_id)]:
            await asyncio.gather(*(call(body) for body in step))
        return state

    return solve


def main() -> None:
    """Once for warmth, once for the record."""
    url, place = sys.argv[1], Path(sys.argv[2])
    os.environ |= {"BENCH_BASE_URL": url, "BENCH_API_KEY": "none", "INSPECT_DISPLAY": "none"}
    steps = json.loads((place / "steps.json").read_text(encoding="utf-8"))
    task = Task(dataset=MemoryDataset([Sample(id=name, input="-") for name in steps]), solver=the_calls(steps))

    def work() -> None:
        settings = {"max_samples": len(steps), "max_connections": 256, "log_dir": str(place / "log")}
        (log,) = asyncio.run(eval_async(task, model="openai-api/bench/bench", **settings))
        assert log.status == "success", log.error

    work()
    wall, cpu = time.monotonic(), time.process_time()
    work()
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    calls = sum(len(step) for own in steps.values() for step in own)
    json.dump({"wall_s": round(wall, 3), "cpu_ms_per_call": round(1000 * cpu / calls, 3)}, sys.stdout)


if __name__ == "__main__":
    main()
