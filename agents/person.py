"""A person in either chair: the speaker pauses the session graph and goes on with what the person wrote."""

from __future__ import annotations

from typing import Any

from agents.dialogue import DialogueView, End, Utterance
from agents.roles import Brief
from profiles.schema import Record
from profiles.vocabulary import Role


class PersonState(Record):
    """A person needs no state of ours."""


class Person:
    """Raises LangGraph's ``interrupt()``; whoever resumes the graph gives ``{"text": ..., "leaves": bool}``."""

    def __init__(self, role: Role) -> None:
        self._role = role

    def begin(self, brief: Brief) -> PersonState:
        """Nothing to prepare."""
        return PersonState()

    async def reply(self, view: DialogueView, state: PersonState) -> tuple[Utterance, PersonState]:
        """Waits for the person."""
        from langgraph.types import interrupt  # heavy, and only live sessions need it

        answer: dict[str, Any] = interrupt({"waits_for": self._role, "round": view.round, "stage": view.stage.value})
        leaves = bool(answer.get("leaves"))
        end = End(by=self._role, reason="person_left") if leaves else None
        return Utterance(text=str(answer.get("text", "")), end=end, notes={"person": True}), state
