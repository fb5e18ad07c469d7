"""The wheel, in a bare environment: everything it needs is inside or declared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_the_wheel_runs_in_a_bare_environment(tmp_path: Path) -> None:
    def call(*words: str, **more: object) -> str:
        return subprocess.run(words, check=True, capture_output=True, text=True, **more).stdout  # type: ignore[call-overload, no-any-return]

    call(sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path / "dist"), str(ROOT))
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    bare = tmp_path / "bare"
    venv.create(bare, with_pip=True)
    constraints = str(ROOT / "constraints.txt")
    call(str(bare / "bin" / "pip"), "install", "--quiet", "--constraint", constraints, str(wheel))
    home = tmp_path / "home"
    home.mkdir()
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    words = (str(bare / "bin" / "arena"), "run", "--clients", "2", "--json")
    told = json.loads(call(*words, cwd=home, env={**clean, "HOME": str(home)}))
    assert told["sessions"] == {"finished": 2, "failed": 0}
    assert told["leaderboard"][0]["counselor"] == "plain:psycho@offline"
    call(str(bare / "bin" / "arena"), "report", "last", cwd=home, env={**clean, "HOME": str(home)})
    assert list(home.glob("report-*.html"))
