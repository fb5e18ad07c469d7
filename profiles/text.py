"""Text as it may be kept: free of what no database or file can hold."""

from __future__ import annotations


def clean(text: str) -> str:
    """The text with lone surrogates and NUL as U+FFFD, and surrogate pairs joined. Idempotent."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
