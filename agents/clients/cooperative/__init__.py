"""The paper's client, for comparison."""

from agents.clients.cooperative.client import CLIENT

PLUGINS = (CLIENT,)
