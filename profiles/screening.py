"""Interim."""

from __future__ import annotations

from profiles.vocabulary import Language


def risk_level(text: str, language: Language) -> str:
    from arena.safety import screen_client

    rank = {"none": 0, "low": 1, "high": 2, "immediate": 3}
    return max((f.level for f in screen_client(text, language)), key=rank.__getitem__, default="none")
