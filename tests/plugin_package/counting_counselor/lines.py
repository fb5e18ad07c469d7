"""A stranger's importer: a column of complaints, one client a line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from profiles.importers import CardSource, Draft, ForeignCard, Importer
from profiles.located import Located


def _read(path: Path) -> Sequence[CardSource]:
    lines = path.read_text(encoding="utf-8").split("\n")[1:]
    return [_card(path, number, line) for number, line in enumerate(lines, 2) if line.strip()]


def _card(path: Path, number: int, line: str) -> ForeignCard:
    located = Located(str(path), line, {(): number})
    return ForeignCard(located=located, id=f"line-{number}", language="en", draft=_draft)


def _draft(located: Located) -> Draft:
    return Draft({"id": f"line-{located.line(())}", "theme": "other", "current_distress": located.value})


IMPORTER = Importer(
    name="one_line",
    summary="one client a line",
    suffixes=(".csv",),
    expects="one column: distress",
    recognises=lambda head: head.fields == {"distress"},
    read=_read,
)
