"""The MAGI-style counselor: an interview tree that reads like a conversation."""

from __future__ import annotations

from agents.counselors.magi.counselor import COUNSELOR
from agents.roles import Plugin

PLUGINS: tuple[Plugin, ...] = (COUNSELOR,)
