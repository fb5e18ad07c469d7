"""How much of a file of transcripts is read: far above any talk, and low enough for memory and scoring."""

from __future__ import annotations

from typing import Final

__all__ = ["LONGEST_TURN", "MOST_BYTES", "MOST_DIALOGUES", "MOST_LEVELS", "MOST_TURNS"]

MOST_BYTES: Final = 256 * 1024 * 1024
"""Of a file; other than JSON lines it is read whole."""
MOST_DIALOGUES: Final = 50_000
"""Of a file; one above it is refused as a whole, since half of a set would pass for the set."""
MOST_TURNS: Final = 2_000
"""Of a dialogue; a longer one is malformed."""
LONGEST_TURN: Final = 20_000
"""Characters of a turn; a dialogue with a longer one is malformed."""
MOST_LEVELS: Final = 64
"""Lists and objects within each other in a dialogue; a deeper one is malformed."""
