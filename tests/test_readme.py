"""What the documents tell a newcomer to type does work."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_run(page: Path, tmp_path: Path) -> None:
    for block in blocks(page, "python"):
        subprocess.run([sys.executable, "-W", "error", "-c", block], cwd=tmp_path, check=True, timeout=120)


def test_the_first_two_commands_are_make_targets() -> None:
    first = blocks(ROOT / "README.md", "console")[0].split("\n")[:2]
    assert first == ["make demo", "make test"]
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {"demo", "test", "check", "help"} <= set(targets)


def test_offline_console_lines_run(tmp_path: Path) -> None:
    runnable = [block for block in blocks(ROOT / "README.md", "console")[1:] if "openai/" not in block]
    lines = [line for block in runnable for line in block.split("\n") if line]
    assert any("interview" in line for line in lines)
    for line in lines:
        words = shlex.split(line.removeprefix(".venv/bin/"))
        assert words[0] == "arena"
        subprocess.run([sys.executable, "-m", "ui.cli.main", *words[1:]], cwd=tmp_path, check=True, timeout=120)
    assert list(tmp_path.glob("report-*.html"))


def test_every_other_line_names_flags_that_exist() -> None:
    cli = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        for command in re.findall(r"arena (?:run|chat|report|profiles \w+|interview \w+|db \w+)[^\n`]*", text):
            for flag in re.findall(r"--[a-z][a-z-]+", command):
                assert flag in cli, f"{page.name}: {command}"


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
