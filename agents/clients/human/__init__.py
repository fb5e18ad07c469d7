"""A person in the client's chair."""

from agents.person import Person
from agents.roles import Plugin

PLUGINS = (
    Plugin(
        name="human",
        role="client",
        summary="a person in the client's chair (arena chat --as client)",
        build=lambda setup: Person("client"),
        needs_model=False,
        human=True,
    ),
)
