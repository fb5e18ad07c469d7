"""Names of counselors and models as others may see them: none tells of the folders of this machine."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

__all__ = ["short_names", "without_folder", "without_folders"]

_FOLDER = re.compile(r"(?P<kind>\blocal/)(?P<place>[/~.\\][^@]*|[^@/\\]+(?:[/\\][^@/\\]+){2,}[/\\]?)")
_SLASH = re.compile(r"[/\\]")


def without_folder(name: str) -> str:
    """A model's or counselor's name as others may see it: of a model in a folder of this machine the folder's name."""
    return _FOLDER.sub(lambda hit: hit["kind"] + _last(hit["place"]), name)


def _last(place: str) -> str:
    return next((part for part in reversed(_SLASH.split(place)) if part), "")


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Name -> ``without_folder`` of it, different for different names: of those that come to one, later ones count."""
    told: dict[str, str] = {}
    met = Counter[str]()
    for name in dict.fromkeys(names):
        short = without_folder(name)
        met[short] += 1
        told[name] = short if met[short] == 1 else f"{short} ({met[short]})"
    return told


def without_folders(text: str, names: Iterable[str]) -> str:
    """Running text, such as an error, with the models of these names in short."""
    for model in sorted({name.rpartition("@")[2] for name in names}, key=len, reverse=True):
        if (short := without_folder(model)) != model:
            text = text.replace(model, short)
    return text
