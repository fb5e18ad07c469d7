"""The plug-in door: a stranger's package, really installed, is found, runs, and may break without breaking others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that has the package installed."""
    target = tmp_path_factory.mktemp("site")
    source = ROOT / "tests" / "plugin_package"
    words = ["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--target", str(target)]
    subprocess.run([sys.executable, *words, str(source)], check=True, capture_output=True)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(target), str(ROOT)])}


def arena(words: list[str], env: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ui.cli.main", *words]
    return subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_stranger_s_counselor_runs_and_a_broken_one_is_data(installed: dict[str, str], tmp_path: Path) -> None:
    words = [
        "run",
        "--counselor",
        "counting",
        "--counselor",
        "counting:broken",
        "--counselor",
        "echo",
        "--clients",
        "2",
    ]
    done = arena([*words, "--rounds", "4", "--json"], installed, tmp_path)
    told = json.loads(done.stdout)
    rows = {row["counselor"]: row for row in told["leaderboard"]}
    assert done.returncode == 1
    assert (rows["counting:sound"]["finished"], rows["counting:sound"]["failed"]) == (2, 0)
    assert (rows["counting:broken"]["finished"], rows["counting:broken"]["failed"]) == (0, 2)
    assert rows["echo"]["finished"] == 2
    again = arena([*words, "--rounds", "4"], installed, tmp_path)
    assert "4 of 6 sessions are done already, 2 failed" in again.stderr


@pytest.mark.slow
def test_a_stranger_s_importer_reads_its_format(installed: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("distress\nI cannot sleep.\n", encoding="utf-8")
    done = arena(["run", "--clients", "mine.csv", "--rounds", "2", "--json"], installed, tmp_path)
    assert json.loads(done.stdout)["sessions"]["finished"] == 1, done.stderr


@pytest.mark.slow
def test_a_stranger_s_data_set_format_is_written(installed: dict[str, str], tmp_path: Path) -> None:
    arena(["run", "--counselor", "counting", "--clients", "3", "--rounds", "4", "--name", "mine"], installed, tmp_path)
    done = arena(["export", "mine", "--format", "headlines", "--out", "set"], installed, tmp_path)
    written = [path.read_text(encoding="utf-8") for path in (tmp_path / "set").glob("*.headlines.*")]
    rows = [json.loads(line) for text in written for line in text.splitlines()]
    assert len(rows) == 3 and all(row["turns"] >= 8 and row["characters"] > 0 for row in rows), done.stderr


@pytest.mark.slow
def test_a_plug_in_that_cannot_be_loaded_is_named(installed: dict[str, str], tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    site = Path(installed["PYTHONPATH"].split(os.pathsep)[0])
    for item in site.glob("counting_counselor-*.dist-info"):
        (broken / item.name).mkdir(parents=True)
        for name in ("METADATA", "entry_points.txt"):
            (broken / item.name / name).write_text((item / name).read_text(encoding="utf-8"), encoding="utf-8")
    env = {**installed, "PYTHONPATH": os.pathsep.join([str(broken), str(ROOT)])}
    done = arena(["run", "--clients", "1"], env, tmp_path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "counting" in done.stderr and "uninstall or mend it" in done.stderr
