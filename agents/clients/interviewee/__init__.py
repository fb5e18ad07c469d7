"""A simulated interviewee with known truth, for measuring interviewers: answers each question in a response style."""

from agents.clients.interviewee.client import CLIENT

PLUGINS = (CLIENT,)
