"""A vLLM server of our own: its command, its start and its certain end."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import prod
from pathlib import Path
from types import TracebackType
from typing import Self

from agents.models import keeper
from agents.models.machine import Machine
from agents.models.server_log import ServerLog
from profiles.errors import UserError

__all__ = ["Launch", "Server", "devices_in", "plan_launch"]

HOST = "127.0.0.1"
START_SECONDS = 600.0
_POLL_SECONDS = 0.25
_SHOWN_LINES = 10
_OURS = ("--model", "--served-model-name", "--host", "--port")
_GIB = 2**30
_MOST_CACHE_ON_CPU = 4  # GiB; thousands of turns of a small model


@dataclass(frozen=True)
class Launch:
    """How a server is started.

    Args:
        model: as the person wrote it; the server lists it under this name.
        port: on the loopback address.
        environment: what is set beside our own environment.
    """

    model: str
    port: int
    command: tuple[str, ...]
    environment: Mapping[str, str]

    @property
    def url(self) -> str:
        """The base URL for clients."""
        return f"http://{HOST}:{self.port}/v1"

    def shown(self) -> str:
        """The command as a shell takes it."""
        settings = (f"{name}={shlex.quote(value)}" for name, value in self.environment.items())
        return " ".join([*settings, shlex.join(self.command)])


def plan_launch(
    model: str,
    machine: Machine,
    *,
    port: int | None = None,
    share: float = 0.9,
    servers: int = 1,
    extra: Sequence[str] = (),
) -> Launch:
    """The command for a model on this machine.

    Args:
        model: a folder or an id on the hub.
        port: None takes a free one.
        share: of each GPU's memory.
        servers: that share this machine's main memory, where vLLM computes on the CPU.
        extra: vLLM's own flags, which stand above ours.

    Raises:
        UserError: no model is named, or a flag among them is ours to set.
    """
    if not model:
        raise UserError("no model is named: write its folder, or its id on the hub")
    named = {word.partition("=")[0].replace("_", "-") for word in extra if word.startswith("--")}
    taken = sorted(named & set(_OURS))
    if taken:
        raise UserError(f"{taken[0]} cannot stand behind '--': MODEL and --port say it, on {HOST} only")
    port = port or _free_port()
    command = [sys.executable, "-P", "-m", "vllm.entrypoints.openai.api_server"]
    command += ["--model", _as_path(model), "--served-model-name", model, "--host", HOST, "--port", str(port)]
    for flag, *value in _defaults(machine, share):
        if flag not in named:
            command += [flag, *value]
    environment = {"VLLM_NO_USAGE_STATS": "1"}  # sessions are nobody's business
    if machine.on_cpu:
        environment["VLLM_CPU_KVCACHE_SPACE"] = str(_cache_on_cpu(machine, servers))
    environment = {name: os.environ.get(name, value) for name, value in environment.items()}
    return Launch(model, port, (*command, *extra), environment)


def _defaults(machine: Machine, share: float) -> Iterable[tuple[str, ...]]:
    yield ("--enable-prompt-tokens-details",)
    # Free white space lets a small model fill its answer with line breaks; "auto" cannot forbid it.
    yield "--structured-outputs-config", json.dumps({"backend": "xgrammar", "disable_any_whitespace": True})
    if machine.on_cpu:
        yield ("--enforce-eager",)
        yield "--block-size", "32"  # not 128: only whole blocks of a prompt are cached, and here each token is dear
    else:
        yield "--gpu-memory-utilization", f"{share:g}"


def _cache_on_cpu(machine: Machine, servers: int) -> int:
    """GiB for the key-value cache of each server."""
    free = (machine.memory or 0) // _GIB
    return max(1, min(_MOST_CACHE_ON_CPU, free // (4 * servers)))


def _as_path(model: str) -> str:
    place = Path(model).expanduser()
    return str(place) if place.exists() else model


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def devices_in(extra: Sequence[str]) -> int:
    """GPUs that a server with these flags of vLLM's spreads over."""
    words = [part for word in extra for part in word.partition("=")[::2]]
    sizes = ("--tensor-parallel-size", "-tp", "--pipeline-parallel-size", "-pp")
    found = [int(value) for flag, value in pairwise(filter(None, words)) if flag in sizes and value.isdigit()]
    return prod(found)


@dataclass
class Server:
    """One server. An async context manager that ends it, whatever happens.

    Args:
        notify: told one line at a time, of the start and of what a dead server's log says.
        secrets: never part of such a line.
        grace: seconds between asking the server to end and ending it.
        news_every: seconds between two lines of news while it starts.

    Attributes:
        log: all it says; the file is removed after a clean end and kept after a failure.
    """

    launch: Launch
    notify: Callable[[str], None] = field(default=lambda line: None)
    secrets: tuple[str, ...] = ()
    grace: float = 10.0
    news_every: float = 20.0
    log: ServerLog = field(init=False)
    _keeper: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _failed: bool = field(default=False, init=False)

    @property
    def name(self) -> str:
        """The model's address."""
        return f"vllm/{self.launch.model}"

    async def start(self, limit: float = START_SECONDS) -> None:
        """Start it and wait until it answers.

        Args:
            limit: seconds that this may take.

        Raises:
            UserError: its port is taken, it ended, or did not answer in time.
        """
        started = told = time.monotonic()
        self._open()
        self.notify(f"{self.name}: vLLM starts, its log is {self.log.path}")
        while not await asyncio.to_thread(_is_healthy, self.launch.port):
            self._refuse_if_ended()
            now = time.monotonic()
            if now - started > limit:
                await self._give_up(limit)
            if now - told > self.news_every:
                told = now
                self.notify(f"{self.name}: not yet after {now - started:.0f} s; {self.log.last_words()}")
            await asyncio.sleep(_POLL_SECONDS)
        self._refuse_if_ended()  # else it was a stranger who answered
        self.notify(f"{self.name}: answers at {self.launch.url} after {time.monotonic() - started:.0f} s")

    def fault(self) -> str | None:
        """Why the server has ended, in one line; None while it runs."""
        code = self._keeper.poll() if self._keeper else None
        if code is None:
            return None
        self._failed = True
        return f"the vLLM server for {self.name} has ended: {self.log.reason(code)}; its log is {self.log.path}"

    async def watch(self) -> str:
        """Wait until the server ends by itself; why it did."""
        while True:
            fault = self.fault()
            if fault is not None:
                return fault
            await asyncio.sleep(_POLL_SECONDS)

    async def stop(self) -> None:
        """End it, with all processes that it has started. Takes at most the grace and a little more."""
        if self._keeper is None:
            return
        self.fault()  # takes note of an end that was not asked for
        await asyncio.to_thread(self._end, self._keeper)
        self._keeper = None
        if not self._failed:
            shutil.rmtree(self.log.path.parent, ignore_errors=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _open(self) -> None:
        if not _is_free(self.launch.port):
            raise UserError(f"port {self.launch.port} is taken on {HOST}: choose another, or none to get a free one")
        folder = tempfile.mkdtemp(prefix="arena-vllm-")
        self.log = ServerLog(Path(folder) / "server.log", self.secrets)
        with self.log.path.open("wb") as out:
            self._keeper = subprocess.Popen(
                [sys.executable, "-I", keeper.__file__, str(self.grace), *self.launch.command],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                # It leaves sockets and other litter, which goes with the folder.
                env={**os.environ, **self.launch.environment, "VLLM_RPC_BASE_PATH": folder, "TMPDIR": folder},
                start_new_session=True,
            )

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        process.stdin.close()  # the keeper's sign
        try:
            process.wait(self.grace + 10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _refuse_if_ended(self) -> None:
        fault = self.fault()
        if fault is not None:
            for line in self.log.lines()[-_SHOWN_LINES:]:
                self.notify(f"  {line}")
            raise UserError(fault)

    async def _give_up(self, limit: float) -> None:
        self._failed = True
        said = self.log.last_words()
        await self.stop()
        raise UserError(f"{self.name} did not answer within {limit:.0f} s ({said}); its log is {self.log.path}")


def _is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
