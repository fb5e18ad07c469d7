"""Tells dialogues that were seen before, word for word or nearly so, keeping 264 bytes of each.

Near-duplicates by MinHash of word or character shingles (Broder 1997), one byte a hash (b-bit minwise hashing, Li and
König 2010). datasketch does the same, but keeps 4 to 8 bytes a hash and Python objects around them.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
import zlib
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from arena.exporting.settings import Dedupe
from profiles.vocabulary import Language
from storage.exports.record import DialogueRecord

__all__ = ["Seen"]

_Words = NDArray[np.uint64]
_WORD: Final = re.compile(r"\w+")
_SEED: Final = 20_250_101  # fixed: the same dialogues are dropped on every machine
_FIRST: Final = 32  # hashes compared with all earlier dialogues; the rest only where these are alike
_SLACK: Final = 0.25  # how far the first hashes may lie below the least likeness: three standard deviations
_BASE: Final = np.uint64(0x9E3779B97F4A7C15)
_CHANCE: Final = 1 / 256  # two different hashes agree in their one byte


class Seen:
    """The dialogues that were kept so far."""

    def __init__(self, settings: Dedupe) -> None:
        self._settings = settings
        chance = np.random.Generator(np.random.PCG64(_SEED))
        self._factors = chance.integers(0, 2**32, settings.hashes, np.uint32) | np.uint32(1)
        self._shifts = chance.integers(0, 2**32, settings.hashes, np.uint32)
        self._exact = np.zeros(64, np.uint64)
        self._near = np.zeros((64, settings.hashes), np.uint8)
        self._kept = 0

    def add(self, record: DialogueRecord) -> Literal["exact_duplicate", "near_duplicate"] | None:
        """Keep this dialogue in mind, or say whose kind of double it is."""
        text = "\n".join(f"{turn.speaker}: {turn.content}" for turn in record.dialog)
        exact = np.uint64(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()))
        if bool((self._exact[: self._kept] == exact).any()):
            return "exact_duplicate"
        signature = self._signature(" ".join(turn.content for turn in record.dialog), record.language)
        if self._alike(signature):
            return "near_duplicate"
        self._keep(exact, signature)
        return None

    def _signature(self, text: str, language: Language) -> NDArray[np.uint8]:
        mixed = (_mixed(_shingles(text, language, self._settings)) >> np.uint64(32)).astype(np.uint32)
        hashes = mixed[None, :] * self._factors[:, None]
        hashes += self._shifts[:, None]
        least: NDArray[np.uint8] = (hashes.min(axis=1) & np.uint32(0xFF)).astype(np.uint8)
        return least

    def _alike(self, signature: NDArray[np.uint8]) -> bool:
        least = self._settings.least
        first = (self._near[: self._kept, :_FIRST] == signature[:_FIRST]).mean(axis=1)
        near = np.flatnonzero(first >= least - _SLACK)
        agree = (self._near[near] == signature).mean(axis=1)
        return bool(((agree - _CHANCE) / (1 - _CHANCE) >= least).any())

    def _keep(self, exact: np.uint64, signature: NDArray[np.uint8]) -> None:
        if self._kept == len(self._exact):
            self._exact = np.concatenate([self._exact, np.zeros_like(self._exact)])
            self._near = np.concatenate([self._near, np.zeros_like(self._near)])
        self._exact[self._kept], self._near[self._kept] = exact, signature
        self._kept += 1


def _shingles(text: str, language: Language, settings: Dedupe) -> _Words:
    """Each run of so many words (en) or characters (zh), hashed; case and width do not matter."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    words = _WORD.findall(plain)
    if language == "en":
        units = np.fromiter((zlib.crc32(word.encode()) for word in words), np.uint64, len(words))
    else:
        units = np.frombuffer("".join(words).encode("utf-32-le"), np.uint32).astype(np.uint64)
    length = min(settings.words if language == "en" else settings.signs, max(1, len(units)))
    if not len(units):
        return np.zeros(1, np.uint64)
    whole: Any = np.zeros(len(units) - length + 1, np.uint64)
    for place in range(length):
        whole = whole * _BASE + units[place : place + len(whole)] + np.uint64(1)
    return np.unique(whole)


def _mixed(values: _Words) -> _Words:
    """The finaliser of splitmix64, so that like shingles get unlike hashes."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        values = (values ^ (values >> np.uint64(shift))) * np.uint64(factor)
    mixed: _Words = values ^ (values >> np.uint64(31))
    return mixed
