"""The tree of errors. It stands on the lowest floor so that every floor can raise from it.

ArenaError
├── UserError            the person can mend it: one clear line, exit code 2, nothing spent
├── ModelError           a call to a model did not give a usable answer
│   ├── Unavailable      no connection, a 5xx, a timeout, a server that died
│   ├── RateLimited      the server asked for patience longer than we may give
│   ├── Refused          the model or its filter declined to answer
│   ├── BadOutput        an answer that cannot be read as what was asked for, or an empty one
│   ├── TooLate          a session took longer than it may
│   ├── TooLong          the prompt does not fit the model's window
│   └── NoRule           the offline engine has no rule for this prompt
├── BudgetSpent          the run has spent what it may; it can go on with more
└── StorageError         the database cannot be read or written
"""

from __future__ import annotations

__all__ = [
    "ArenaError",
    "BadOutput",
    "BudgetSpent",
    "ModelError",
    "NoRule",
    "RateLimited",
    "Refused",
    "StorageError",
    "TooLate",
    "TooLong",
    "Unavailable",
    "UserError",
]


class ArenaError(Exception):
    """Base of all errors that the arena raises on purpose."""


class UserError(ArenaError):
    """A mistake the person can mend; the message is one line with place, fault and remedy."""


class ModelError(ArenaError):
    """A model call that gave no usable answer. ``kind`` is the word stored and shown for it."""

    kind = "model_error"


class Unavailable(ModelError):
    """No connection, a 5xx that outlasted the retries, a timeout, or a server that died."""

    kind = "unavailable"


class RateLimited(ModelError):
    """The server's rate limit outlasted the retries."""

    kind = "rate_limited"


class Refused(ModelError):
    """The model, or a filter in front of it, declined to answer."""

    kind = "refused"


class BadOutput(ModelError):
    """An empty answer, or one that is not what was asked for, also after one repair.

    Args:
        message: one line that says what was wrong.
        raw: the text as it came, kept for the record.
    """

    kind = "bad_output"

    def __init__(self, message: str, raw: str = "") -> None:
        super().__init__(message)
        self.raw = raw


class TooLong(ModelError):
    """The prompt does not fit into the model's window."""

    kind = "too_long"


class TooLate(ModelError):
    """A session was not over when its deadline came."""

    kind = "too_late"


class NoRule(ModelError):
    """The offline engine was asked for a prompt that no rule answers."""

    kind = "no_rule"


class BudgetSpent(ArenaError):
    """The run has made as many calls, or spent as much, as it may."""


class StorageError(ArenaError):
    """The database cannot be opened, read or written."""
