"""The default client: trust is earned, hidden facts are told only when their condition holds."""

from agents.clients.dynamic.client import CLIENT

PLUGINS = (CLIENT,)
