"""Cognitive restructuring in conversation, after CRDial (Crisp, arXiv 2504.17238): six steps, channels and loops."""

from __future__ import annotations

from agents.counselors.crdial.counselor import COUNSELOR
from agents.roles import Plugin

PLUGINS: tuple[Plugin, ...] = (COUNSELOR,)
