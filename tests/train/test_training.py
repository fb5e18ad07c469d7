"""An exported data set is trained on as its users would: loaded by ``datasets``, a few steps of SFT and of DPO."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.train import recipe
from ui.cli.main import app

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore"),  # of the trainers' own libraries
]


def call(*words: object) -> None:
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sessions of the restructuring counselor with all shipped cards, exported for TRL."""
    folder = tmp_path_factory.mktemp("set")
    db = folder / "arena.db"
    call("run", "--counselor", "crdial", "--clients", "all", "--repeats", 2, "--rounds", 40, "--stage-mode", "led",
         "--db", db, "--name", "train")  # fmt: skip
    call("export", "last", "--db", db, "--format", "trl-messages", "--format", "trl-preference", "--unit", "path",
         "--split", "100/0/0", "--out", folder / "out")  # fmt: skip
    return folder / "out"


def only(folder: Path, name: str) -> Path:
    (path,) = folder.rglob(f"*{name}*train*.jsonl")
    return path


def test_sft_learns_what_the_counselor_says(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    found = recipe.sft(only(exported, "trl-messages"), tmp_path)
    assert len(found) == recipe.STEPS
    assert found[-1] < 0.9 * found[0]


def test_dpo_learns_the_preferred_reply(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    found = recipe.dpo(only(exported, "trl-preference"), tmp_path)
    assert len(found) == recipe.STEPS
    assert found[0] == pytest.approx(0.693, abs=0.01)  # ln 2: both models are the same before the first step
    assert min(found[-3:]) < found[0]
