"""A person in the counselor's chair."""

from agents.person import Person
from agents.roles import Plugin

PLUGINS = (
    Plugin(
        name="human",
        role="counselor",
        summary="a person in the counselor's chair (arena chat --as counselor)",
        build=lambda setup: Person("counselor"),
        needs_model=False,
        human=True,
    ),
)
