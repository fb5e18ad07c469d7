"""Finds and loads a local model: configuration, tokenizer and weights, or one line that says what is wrong.

A folder is read as it is. A hub id is looked for in the hub's cache first, and only then on the network, unless
HF_HUB_OFFLINE is set. Code that comes with a model is never run.
"""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from agents.models.local_sampling import Choice
from agents.models.machine import available_memory
from profiles.errors import UserError

if TYPE_CHECKING:
    from torch import dtype as Dtype
    from transformers import GenerationConfig, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["Weights", "first_line", "load_weights"]

_PACKAGES = ("torch", "transformers")
_HUB_SECONDS = 10.0
_GIB = 2**30


class _Place(TypedDict):
    pretrained_model_name_or_path: str
    local_files_only: bool


@dataclass(frozen=True)
class Weights:
    """A loaded model.

    Args:
        model, tokenizer: as Transformers made them.
        device: ``cuda``, ``mps`` or ``cpu``.
        window: the most tokens of prompt and answer; ``None`` where the model knows no bound.
        stops: tokens that end an answer.
        pad: the token that fills rows up on the left; it is masked.
        defaults: how tokens are chosen where a request does not say (the model's generation config).
        joinable: whether its cache is keys and values only, so that rows can join while others are decoded.
        takes: names that its forward pass takes.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    device: str
    window: int | None
    stops: frozenset[int]
    pad: int
    defaults: Choice
    joinable: bool
    takes: frozenset[str]


def load_weights(name: str) -> Weights:
    """Load the model in a folder or with a hub id; takes seconds to minutes.

    Raises:
        UserError: it cannot be; the line says why and what to do.
    """
    missing = [package for package in _PACKAGES if importlib.util.find_spec(package) is None]
    if missing:
        raise UserError(f"local/ models need {' and '.join(missing)}: run pip install 'counsel-arena[local]'")
    from transformers.utils import logging

    logging.disable_progress_bar()
    where = _find(name)
    config = _config(name, where)
    device = _device()
    dtype = _dtype(config, device)
    _require_room(name, config, dtype, device)
    tokenizer = _tokenizer(name, where)
    model = _model(name, where, dtype)
    with _or_tell(f"local/{name} cannot be moved to {device}", "choose a smaller model or free memory"):
        model.to(device)
    return _described(model, tokenizer, device)


def first_line(error: Exception) -> str:
    """What an error says, on one line of at most 200 characters."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200].rstrip(" .:")


@contextmanager
def _or_tell(fault: str, remedy: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # readers of strangers' files raise whatever they meet
        raise UserError(f"{fault} ({first_line(error)}): {remedy}") from error


def _find(name: str) -> _Place:
    from transformers import AutoConfig

    folder = Path(name).expanduser()
    if folder.is_dir():
        return {"pretrained_model_name_or_path": str(folder), "local_files_only": True}
    if folder.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        raise UserError(f"no folder '{name}': give a model's folder, or its hub id as local/<owner>/<name>")
    kept: _Place = {"pretrained_model_name_or_path": name, "local_files_only": True}
    try:
        AutoConfig.from_pretrained(**kept, trust_remote_code=False)
    except OSError:  # not in the hub's cache
        _require_hub(name)
        return {**kept, "local_files_only": False}
    except ValueError:  # in the cache, but of no known kind, which is told when it is read
        pass
    return kept


def _require_hub(name: str) -> None:
    from huggingface_hub import HfApi

    remedy = "check the name and the network, or fetch it elsewhere and give its folder"
    with _or_tell(f"no folder '{name}', and no such model on the hub", remedy):
        HfApi().model_info(name, timeout=_HUB_SECONDS)


def _config(name: str, where: _Place) -> PreTrainedConfig:
    from transformers import AutoConfig

    with _or_tell(f"'{name}' holds no Transformers model", "give a folder with config.json, weights and tokenizer"):
        return AutoConfig.from_pretrained(**where, trust_remote_code=False)


def _tokenizer(name: str, where: _Place) -> PreTrainedTokenizerBase:
    from transformers import AutoTokenizer

    with _or_tell(f"local/{name} has no tokenizer that can be read", "put its files beside the weights"):
        tokenizer = AutoTokenizer.from_pretrained(**where, trust_remote_code=False)
        if not tokenizer("word")["input_ids"]:  # made up where the files are not there
            raise ValueError("its vocabulary is missing")
    if not tokenizer.chat_template:
        remedy = "choose a model made for chat, or put its chat_template.jinja beside the weights"
        raise UserError(f"local/{name} has no chat template: {remedy}")
    return tokenizer


def _model(name: str, where: _Place, dtype: Dtype) -> PreTrainedModel:
    from transformers import AutoModelForCausalLM

    wishes = {"dtype": dtype, "trust_remote_code": False, "output_loading_info": True}
    with _or_tell(f"the weights of local/{name} cannot be read", "get them anew, in safetensors"):
        model, report = AutoModelForCausalLM.from_pretrained(**where, **wishes)
    missing = report["missing_keys"]
    if missing:
        raise UserError(f"local/{name} lacks {len(missing)} weights, such as {min(missing)}: get a whole copy of it")
    return model


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _dtype(config: PreTrainedConfig, device: str) -> Dtype:
    import torch

    if device == "cpu":
        return torch.float32
    if config.dtype in (torch.bfloat16, torch.float16):
        return config.dtype
    return torch.bfloat16 if device == "cuda" and torch.cuda.is_bf16_supported() else torch.float16


def _require_room(name: str, config: PreTrainedConfig, dtype: Dtype, device: str) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    free = _free_bytes(device)
    with _or_tell(f"local/{name} generates no text", "choose a causal language model"), torch.device("meta"):
        outline = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    if free is None or getattr(config, "quantization_config", None):
        return
    needed = sum(weight.numel() for weight in outline.parameters()) * dtype.itemsize
    if needed > free:
        raise UserError(
            f"local/{name} needs {needed / _GIB:.1f} GiB for its weights, and {device} has {free / _GIB:.1f} GiB free: "
            "choose a smaller model or free memory"
        )


def _free_bytes(device: str) -> int | None:
    import torch

    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    return available_memory() if device == "cpu" else None


def _described(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, device: str) -> Weights:
    config = model.config.get_text_config(decoder=True)
    stops = _stops(model.generation_config.eos_token_id, config.eos_token_id, tokenizer.eos_token_id)
    return Weights(
        model=model,
        tokenizer=tokenizer,
        device=device,
        window=getattr(config, "max_position_embeddings", None),
        stops=stops,
        pad=next(iter(_stops(tokenizer.pad_token_id) or stops), 0),
        defaults=_defaults(model.generation_config),
        joinable=_joinable(model),
        takes=frozenset(inspect.signature(model.forward).parameters),
    )


def _stops(*named: int | list[int] | None) -> frozenset[int]:
    lists = [item if isinstance(item, list) else [item] for item in named]
    return frozenset(token for tokens in lists for token in tokens if token is not None)


def _defaults(wishes: GenerationConfig) -> Choice:
    sampled = Choice(
        temperature=1.0 if wishes.temperature is None else wishes.temperature,
        top_p=wishes.top_p or 1.0,
        top_k=wishes.top_k or 0,
        penalty=wishes.repetition_penalty or 1.0,
    )
    return sampled if wishes.do_sample else Choice(penalty=sampled.penalty)


def _joinable(model: PreTrainedModel) -> bool:
    from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

    layers = DynamicCache(config=model.config).layers
    return all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers)
