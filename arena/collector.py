"""Keeps Python's garbage collector off what lives as long as the run.

The libraries leave about a million objects behind, and the default collector walks them again and again while
sessions make and drop their own: a quarter of a run's processor time (``docs/performance.md``).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_THRESHOLDS = (20_000, 20, 20)
_inside = 0  # runs at the same time in this process; the last to leave restores
_before = gc.get_threshold()


@contextmanager
def fewer_collections() -> Iterator[None]:
    """Inside, what exists already is not walked, and collections are rarer; afterwards all is as it was."""
    global _inside, _before
    if not _inside:
        _before = gc.get_threshold()
        gc.freeze()
        gc.set_threshold(*_THRESHOLDS)
    _inside += 1
    try:
        yield
    finally:
        _inside -= 1
        if not _inside:
            gc.set_threshold(*_before)
            gc.unfreeze()
