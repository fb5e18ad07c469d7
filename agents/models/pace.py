"""How fast we go at one server: requests and tokens a minute, evenly spread."""

from __future__ import annotations

import asyncio
import time

__all__ = ["Pace"]

_MINUTE = 60.0


class Pace:
    """Spreads calls so that no minute holds more than it may.

    Each call takes a stretch of the server's time: a minute divided by ``max_rpm``, or its tokens' part of the
    minute where that is longer. The next call begins when the stretch has passed, so there are no bursts, which servers
    refuse even where the minute as a whole would allow them. Tokens are guessed beforehand and put right afterwards.

    Args:
        max_rpm: requests a minute; None for no limit.
        max_tpm: tokens a minute, of prompts and answers; None for no limit.
    """

    def __init__(self, max_rpm: int | None = None, max_tpm: int | None = None) -> None:
        for name, value in (("max_rpm", max_rpm), ("max_tpm", max_tpm)):
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        self._request = _MINUTE / max_rpm if max_rpm else 0.0
        self._token = _MINUTE / max_tpm if max_tpm else 0.0
        self._free_at = 0.0

    async def turn(self, tokens: int) -> None:
        """Wait until a call of about so many tokens may begin."""
        if not self._request and not self._token:
            return
        now = time.monotonic()
        begins = max(self._free_at, now)
        stretch = max(self._request, tokens * self._token)
        self._free_at = begins + stretch
        try:
            await asyncio.sleep(begins - now)
        except asyncio.CancelledError:
            self._free_at -= stretch  # for those who come later
            raise

    def settle(self, guessed: int, spent: int | None) -> None:
        """Put a guess right; ``None`` where the server did not count."""
        if self._token and spent is not None:
            known, thought = (max(self._request, tokens * self._token) for tokens in (spent, guessed))
            if known > thought:  # what was too much already is made good from now on
                self._free_at = max(self._free_at, time.monotonic())
            self._free_at += known - thought
