"""A bare model in the counselor's chair."""

from agents.counselors.plain.counselor import COUNSELOR

PLUGINS = (COUNSELOR,)
