"""Negative controls: counselors built to be beaten, so that a scorer which likes them is known to be broken."""

from agents.counselors.controls.counselors import PLUGINS

__all__ = ["PLUGINS"]
