"""Keeps one server process and ends it, with all it has started, when told to or when nobody is left to tell.

Run as ``python -I keeper.py SECONDS COMMAND...``; it needs nothing but the standard library. Its standard input is
a pipe held by whoever wants the server. When that closes, be it that the holder was killed, the server gets SIGTERM
and so many seconds to end; what is left of its process group then gets SIGKILL. The server has a session of its own,
so that Ctrl-C in the terminal does not reach it. Exit code: the server's, or 128 + the number of the signal that
ended it.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = ["keep"]

_ASKED_TO_STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_POLL_SECONDS = 0.05
_LEFT_BEHIND_SECONDS = 1.0  # for processes that the server has not ended itself
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h


def keep(command: Sequence[str], grace: float) -> int:
    """Run ``command`` until it ends or standard input closes.

    Args:
        grace: seconds between SIGTERM and SIGKILL.

    Returns:
        The exit code to pass on.
    """
    alarm = _hear_signals()
    _control(_PR_SET_CHILD_SUBREAPER, 1)  # what leaves the server's group becomes our child, where it can be found
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: _control(_PR_SET_PDEATHSIG, signal.SIGTERM),  # should the keeper itself be killed
    )
    while child.poll() is None and not _told_to_stop(alarm):
        pass
    _end(child, grace)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _hear_signals() -> int:
    listen, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in (*_ASKED_TO_STOP, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)  # it is heard through the pipe
    return listen


def _told_to_stop(alarm: int) -> bool:
    """Wait for something to happen; whether it is a wish that the server end."""
    stdin = sys.stdin.fileno()
    ready, _, _ = select.select([stdin, alarm], [], [])
    if stdin in ready and not os.read(stdin, 4096):
        return True
    return alarm in ready and any(number in _ASKED_TO_STOP for number in os.read(alarm, 256))


def _end(child: subprocess.Popen[bytes], grace: float) -> None:
    child.terminate()  # the server alone: it ends its own processes in order, or their shared memory would stay
    _wait(lambda: child.poll() is not None, grace)
    _signal_group(child.pid, signal.SIGTERM)
    _wait(lambda: _gone(child), min(grace, _LEFT_BEHIND_SECONDS))
    _signal_group(child.pid, signal.SIGKILL)
    child.wait()
    while strays := _children():
        for pid in strays:
            os.kill(pid, signal.SIGKILL)
        os.waitpid(-1, 0)


def _wait(over: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not over() and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)


def _gone(child: subprocess.Popen[bytes]) -> bool:
    if child.poll() is None:
        return False
    _reap()
    return not _signal_group(child.pid, 0)


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _signal_group(group: int, number: int) -> bool:
    """Whether there was anybody in the group."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS says the latter of a group of the dead
        return False
    return True


def _children() -> list[int]:
    """Our living and unreaped children, where the system lists them."""
    _reap()
    listing = Path(f"/proc/self/task/{os.getpid()}/children")
    return [int(pid) for pid in listing.read_text().split()] if listing.exists() else []


def _control(option: int, value: int) -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(keep(sys.argv[2:], float(sys.argv[1])))
