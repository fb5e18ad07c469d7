"""What a server's log tells a person: its last lines, and the one that says why it ended, with nothing secret in them.

The shapes of the lines are those of vLLM 0.32.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

__all__ = ["ServerLog", "secrets_in"]

_SEARCHED_BYTES, _LONGEST_LINE, _LONGEST_REASON, _LAST_WORDS = 200_000, 300, 240, 100
_SHORTEST_SECRET = 6
_KILLED = 128 + 9

_SECRET_NAME = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$", re.IGNORECASE)
_SECRET_SHAPE = re.compile(r"\b(?:hf_|sk-)[\w-]{8,}|(?<=Bearer )\S+|(?<=://)[^/\s@]+(?=@)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_UNDERLINE = re.compile(r"[\s^~]*")
_PREFIX = re.compile(r"^(?:\([^)]*pid=\d+\)\s*)?(?:[A-Z]+ \d\d-\d\d [\d:]+ \[[^]]*\] ?)?")
# What stops a program is named by its class or, on a wrong flag, by "error:". A validator says it a line below.
_FAULT = re.compile(
    r"^(?:[\w.]+: )?(?:(?:\w+\.)*[A-Z]\w*(?:Error|Exception)|error): \S"
    r"|^(?:Worker|Engine core) proc.* died unexpectedly"
)
_FAULT_BELOW = re.compile(r"\d+ validation errors? for ")
_ECHO = re.compile(r"root cause|EngineDeadError|Executor failed|died unexpectedly")
_KILLED_PART = re.compile(r"died unexpectedly \(exit code: -9\)")


def secrets_in(environment: Mapping[str, str], flags: Sequence[str] = ()) -> tuple[str, ...]:
    """Values that must not be shown: of variables named like keys, and behind flags named like keys."""
    values = [value for name, value in environment.items() if _SECRET_NAME.search(name)]
    values += [value for flag, value in pairwise(flags) if _SECRET_NAME.search(flag)]
    values += [word.partition("=")[2] for word in flags if _SECRET_NAME.search(word.partition("=")[0])]
    return tuple(sorted({value for value in values if len(value) >= _SHORTEST_SECRET}, key=len, reverse=True))


@dataclass(frozen=True)
class ServerLog:
    """The file ``path``, into which a server writes, read without the values in ``secrets``."""

    path: Path
    secrets: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """The end of it, line by line, long lines cut."""
        with self.path.open("rb") as file:
            file.seek(max(0, self.path.stat().st_size - _SEARCHED_BYTES))
            text = _COLOUR.sub("", file.read().decode("utf-8", "replace"))
        for secret in self.secrets:
            text = text.replace(secret, "***")
        text = _SECRET_SHAPE.sub("***", text)
        lines = (line.rstrip()[:_LONGEST_LINE] for line in re.split(r"[\r\n]+", text))
        return [line for line in lines if not _UNDERLINE.fullmatch(line)]

    def last_words(self) -> str:
        """What it said last, in short."""
        return next((_PREFIX.sub("", line) for line in reversed(self.lines())), "nothing said yet")[:_LAST_WORDS]

    def reason(self, code: int) -> str:
        """Why the server ended with this exit code, in one line: the last fault that is not an echo of another."""
        lines = [_PREFIX.sub("", line) for line in self.lines()]
        if code == _KILLED or any(map(_KILLED_PART.search, lines)):
            return "it was killed, perhaps because memory ran out"
        faults = [at for at, line in enumerate(lines) if _FAULT.search(line)]
        telling = [at for at in faults if not _ECHO.search(lines[at])] or faults
        if not telling:
            return f"exit code {code}" + (f", last words: {lines[-1]}" if lines else "")
        at = telling[-1]
        below = at + 1 < len(lines) and _FAULT_BELOW.search(lines[at])
        reason = lines[at + 1].strip() if below else lines[at]
        return reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON].rsplit(' ', 1)[0]} ..."
