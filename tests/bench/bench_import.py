"""What taking transcripts in costs, scored by the offline rules: by turns of a dialogue, by dialogues of a file."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from agents.models.offline import OfflineModel, collect_rules
from arena.api import RULE_PACKAGES
from arena.importing import import_file
from storage.database import Database
from storage.imports.limits import MOST_TURNS

TURNS = (250, 500, 1_000, MOST_TURNS)
DIALOGUES = (250, 1_000)
SHORT = 30  # turns of each, where dialogues are counted
_WORDS = 9_000  # in the vocabulary


def transcript(turns: int, chance: random.Random) -> str:
    """One line of JSON: client and counselor by turns, no turn twice."""
    return json.dumps(
        {
            "messages": [
                {
                    "role": ("user", "assistant")[place % 2],
                    "content": f"I feel {' '.join(f'w{chance.randrange(_WORDS)}' for _ in range(12))}. How is that?",
                }
                for place in range(turns)
            ]
        }
    )


def measure(turns: int, dialogues: int) -> dict[str, Any]:
    """Processor seconds of one import, after a small one."""
    chance = random.Random(7)
    model = OfflineModel(collect_rules(RULE_PACKAGES))
    with tempfile.TemporaryDirectory() as folder, Database.open(str(Path(folder) / "arena.db")) as db:
        spent = 0.0
        for name, number, length in (("warm", 3, SHORT), ("timed", dialogues, turns)):
            path = Path(folder) / f"{name}.jsonl"
            lines = (transcript(length, chance) + "\n" for _ in range(number))
            path.write_text("".join(lines), encoding="utf-8")
            begun = time.process_time()
            found = asyncio.run(import_file(path, db, judge=model, judge_name="offline"))
            spent = time.process_time() - begun
        return {
            "turns": turns,
            "dialogues": dialogues,
            "scored": found.scored,
            "cpu_seconds": round(spent, 2),
            "cpu_ms_per_turn": round(1000 * spent / (turns * dialogues), 3),
        }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_import", description=__doc__)
    parser.add_argument("--turns", type=int, nargs="*", default=TURNS)
    parser.add_argument("--dialogues", type=int, nargs="*", default=DIALOGUES)
    chosen = parser.parse_args()
    found = [measure(turns, 1) for turns in chosen.turns]
    found += [measure(SHORT, dialogues) for dialogues in chosen.dialogues]
    json.dump(found, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
