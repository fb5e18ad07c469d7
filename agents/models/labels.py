"""The label that a call carries to its server, so that a server's own books can be matched with ours."""

from __future__ import annotations

from contextvars import ContextVar

__all__ = ["LABEL_HEADER", "label_headers", "request_label"]

LABEL_HEADER = "X-Client-Request-Id"
_LONGEST = 512  # what OpenAI takes in this header

request_label: ContextVar[str] = ContextVar("request_label", default="")
"""Set around a call by whoever knows which call it is; empty where nobody does."""


def label_headers() -> dict[str, str]:
    """The header for the present label: printable ASCII, at most 512 characters; empty without a label."""
    label = request_label.get()
    plain = "".join(c if " " <= c <= "~" else "?" for c in label).strip()[:_LONGEST]
    return {LABEL_HEADER: plain} if plain else {}
