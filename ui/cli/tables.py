"""Tables for the terminal: figures and ids are never cut, however narrow the window or wherever a pipe leads."""

from __future__ import annotations

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text


def plain_table(names: tuple[str, ...]) -> Table:
    """A table without lines: words to the left, everything after the first column to the right."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, name in enumerate(names):
        table.add_column(name, justify="right" if number else "left", no_wrap=True)
    return table


def add_row(table: Table, *cells: str) -> None:
    """A row of plain words: brackets in a name are a name, not mark-up."""
    table.add_row(*(Text(cell) for cell in cells))


def show_table(console: Console, table: Table) -> None:
    """Print at the width that the table needs."""
    needed = Measurement.get(console, console.options.update(max_width=1000), table).maximum
    wide = Console(file=console.file, width=max(needed, console.width), markup=False, highlight=False)
    wide.print(table, crop=False)
