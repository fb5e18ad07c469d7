"""One line of a dialogue as it stands in a file, before anybody knows whose it is."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Line"]


class Line(NamedTuple):
    """The role's name, and the text (anything, where the file is broken).

    joins: it is a part of a turn with a label of its own, as in ESConv; such parts in a row are one turn.
    """

    role: str
    text: Any
    joins: bool = False
