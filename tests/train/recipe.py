"""The recipe of ``docs/training.md`` with a tiny model: exported files in, losses out. No weights are downloaded."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] }}<|im_end|>{% endgeneration %}"
    "{% else %}{{ message['content'] }}<|im_end|>{% endif %}\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ("<|pad|>", "<|im_start|>", "<|im_end|>")
STEPS = 10


def load(path: Path) -> Any:
    """A file as its users load it."""
    from datasets import load_dataset

    return load_dataset("json", data_files=str(path), split="train", cache_dir=str(path.parent / "cache"))


def texts(path: Path) -> Iterable[str]:
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield from (message["content"] for part in row.values() if isinstance(part, list) for message in part)


def tokenizer(path: Path) -> Any:
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(texts(path), vocab_size=600, special_tokens=list(SPECIAL))
    made = PreTrainedTokenizerFast(tokenizer_object=trained._tokenizer, pad_token=SPECIAL[0], eos_token=SPECIAL[2])
    made.chat_template = TEMPLATE
    return made


def tiny_model(words: Any) -> Any:
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(1)
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 2048}
    ends = {"pad_token_id": words.pad_token_id, "eos_token_id": words.eos_token_id, "bos_token_id": None}
    return Qwen2ForCausalLM(Qwen2Config(vocab_size=len(words), **size, **heads, **ends))


def settings(out: Path, learning_rate: float) -> dict[str, Any]:
    return {
        "output_dir": str(out),
        "max_steps": STEPS,
        "per_device_train_batch_size": 4,
        "learning_rate": learning_rate,
        "logging_steps": 1,
        "max_length": 2048,
        "report_to": [],
        "use_cpu": True,
        "bf16": False,
        "save_strategy": "no",
        "seed": 1,
        "disable_tqdm": True,
    }


def losses(trainer: Any) -> list[float]:
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def sft(path: Path, out: Path) -> list[float]:
    """Supervised fine-tuning on what the counselor says alone; the loss of each step."""
    from trl import SFTConfig, SFTTrainer

    words = tokenizer(path)
    config = SFTConfig(**settings(out, 2e-2), assistant_only_loss=True)
    return losses(SFTTrainer(tiny_model(words), config, train_dataset=load(path), processing_class=words))


def dpo(path: Path, out: Path) -> list[float]:
    """Preference optimisation on pairs; the loss of each step."""
    from trl import DPOConfig, DPOTrainer

    words = tokenizer(path)
    trainer = DPOTrainer(
        model=tiny_model(words),
        ref_model=tiny_model(words),
        args=DPOConfig(**settings(out, 5e-3)),
        train_dataset=load(path),
        processing_class=words,
    )
    return losses(trainer)
