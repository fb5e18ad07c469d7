"""Cuts text into the words that diversity and phrases are counted in.

English: words in small letters. Chinese: single Han characters, since no segmenter is a dependency; Latin words within
Chinese text stay whole. So figures of the two languages are never the same thing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from profiles.vocabulary import Language

__all__ = ["han_share", "joined", "words"]

_WORD: Final = re.compile(r"[\u3400-\u9fff]|(?:(?![\u3400-\u9fff])[^\W_])+(?:'(?:(?![\u3400-\u9fff])[^\W_])+)*")
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_LETTER: Final = re.compile(r"[^\W\d_]")


def words(text: str) -> list[str]:
    """The words of a text, in small letters and without punctuation."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).replace("\u2019", "'").lower())


def joined(tokens: Sequence[str], language: Language) -> str:
    """Words as a phrase for people to read."""
    return (" " if language == "en" else "").join(tokens)


def han_share(text: str) -> float | None:
    """The share (0-1) of Han characters among all letters; None where there are no letters."""
    letters = len(_LETTER.findall(text))
    return len(_HAN.findall(text)) / letters if letters else None
