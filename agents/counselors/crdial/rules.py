"""The offline answers of the restructuring counselor's two prompts."""

from __future__ import annotations

from agents.counselors.crdial.reading_rules import read
from agents.counselors.crdial.saying_rules import say

RULES = {"counselors.crdial.read": read, "counselors.crdial.say": say}
