"""The MAGI-style counselor: an interview tree that reads like a conversation."""

from __future__ import annotations

from agents.roles import Plugin

PLUGINS: tuple[Plugin, ...] = ()
