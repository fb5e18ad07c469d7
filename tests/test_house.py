"""The house rules: size budget, floors, generated documents, one version, and nothing that gives a machine away."""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import arena
from tests import budget, documents

ROOT = Path(__file__).resolve().parents[1]
FLOORS = {"profiles": 0, "agents": 1, "storage": 1, "arena": 2, "ui": 3}


def tracked() -> list[Path]:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]


def test_the_size_budget_is_kept() -> None:
    assert budget.overruns() == []


def test_generated_documents_match_the_code() -> None:
    assert documents.stale() == []


def test_imports_run_downward_only() -> None:
    found = re.compile(r"^\s*(?:from|import) (profiles|agents|storage|arena|ui)\b", re.MULTILINE)
    for path in budget.modules():
        own = path.relative_to(ROOT).parts[0]
        for other in set(found.findall(path.read_text(encoding="utf-8"))) - {own}:
            assert FLOORS[other] < FLOORS[own], f"{path.relative_to(ROOT)} imports {other}"


def test_the_public_door_is_what_it_says() -> None:
    assert all(getattr(arena, name) is not None for name in arena.__all__)
    assert set(arena._HOMES) == set(arena.__all__)


def test_every_module_imports_and_says_what_it_is_for() -> None:
    for floor in FLOORS:
        package = importlib.import_module(floor)
        for info in pkgutil.walk_packages(package.__path__, f"{floor}."):
            if ".migrations" not in info.name:
                assert importlib.import_module(info.name).__doc__, info.name


def test_constraints_are_names_and_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) > 50
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line) for line in lines if not line.startswith("#"))


def test_no_text_stands_in_code_that_a_clinician_would_edit() -> None:
    han = re.compile(r"[\u4e00-\u9fff]")
    for path in budget.modules():
        lines = path.read_text(encoding="utf-8").splitlines()
        chinese = [line for line in lines if han.search(line) and "re.compile" not in line and "u4e00" not in line]
        assert not chinese, f"{path.relative_to(ROOT)}: {chinese[:2]}"


def test_no_file_names_a_path_of_one_machine() -> None:
    private = re.compile(r"(?:^|[\s\"'(=])/(?:root|home|work)/[A-Za-z]|/(?:simple|packages)/")
    for path in tracked():
        if path.suffix in {".py", ".md", ".toml", ".yaml", ".yml", ".txt", ".mako", ".j2"} or path.name in {
            "Makefile",
            "run",
        }:
            text = path.read_text(encoding="utf-8")
            if path.name != Path(__file__).name:
                assert not private.search(text), path.relative_to(ROOT)


def test_arena_alone_is_light() -> None:
    code = (
        "import sys, arena; print([n for n in ('langgraph', 'pandas', 'sqlalchemy', 'pydantic') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
