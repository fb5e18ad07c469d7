"""Runs the ``arena`` command as a person would, in this process."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

from ui.cli.main import main


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit code, and both streams."""

    code: int
    out: str
    err: str


def arena(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Outcome:
    """``arena WORDS...``."""
    monkeypatch.setattr(sys, "argv", ["arena", *words])
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    return Outcome(int(ended.value.code or 0), said.out, said.err)
