"""Writes a dialogue as lines of role, mark and words, so that no words can be taken for another line.

Two things are changed in the words. Each run of line breaks of any kind becomes one blank, for good. Where the name of
a role stands before a colon, one blank is put before the colon; ``unguarded`` takes it away again.
"""

from __future__ import annotations

import re
from functools import lru_cache

from profiles.vocabulary import LANGUAGES, Language
from storage.exports.counseling_text import texts
from storage.exports.record import DialogueRecord

__all__ = ["guarded", "one_line", "plain_lines", "unguarded"]

_BREAKS = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")  # all that str.splitlines breaks at


def plain_lines(record: DialogueRecord, language: Language) -> list[str]:
    """One line a turn, in order, with the role names of ``language``."""
    own = texts(language)
    names = {"help_seeker": own.roles.help_seeker, "therapist": own.roles.therapist}
    return [f"{names[turn.speaker]}{own.mark}{guarded(one_line(turn.content))}" for turn in record.dialog]


def one_line(text: str) -> str:
    """The text with each run of line breaks as one blank."""
    return _BREAKS.sub(" ", text)


def guarded(text: str) -> str:
    """The text with one more blank between each role name and its colon."""
    return _marks().sub(r"\1 \2\3", text)


def unguarded(text: str) -> str:
    """The inverse of ``guarded``."""
    return _marks().sub(lambda found: found[1] + found[2][1:] + found[3], text)


@lru_cache(maxsize=1)
def _marks() -> re.Pattern[str]:
    names = sorted({name for language in LANGUAGES for name in texts(language).labels}, key=len, reverse=True)
    return re.compile(rf"({'|'.join(map(re.escape, names))})( *)([:：])")
