"""The generated documents: command line, database schema, session graph. ``--check`` compares instead of writing."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_MARK = re.compile(r"(<!-- generated: graph -->\n).*?(<!-- end generated -->)", re.DOTALL)


def cli_page() -> str:
    """The help of every verb, as a reader would get it in a terminal of 100 columns."""
    from typer.main import get_command

    from ui.cli.main import app

    parts = ["# The command line", "", "Generated from the command itself (`make docs`)."]
    for names, command in _walk(("arena",), get_command(app)):
        context = command.make_context(names[-1], [], resilient_parsing=True)
        context.info_name = " ".join(names)
        context.terminal_width = context.max_content_width = 100
        text = re.sub(r"[ \t]+$", "", command.get_help(context), flags=re.MULTILINE)
        parts += ["", f"## `{' '.join(names)}`", "", "```text", text, "```"]
    return "\n".join(parts) + "\n"


def _walk(names: tuple[str, ...], command: object) -> Iterator[tuple[tuple[str, ...], object]]:
    yield names, command
    for name, below in getattr(command, "commands", {}).items():
        yield from _walk((*names, name), below)


def schema_page() -> str:
    """Every table with its columns, and what the table is for."""
    from sqlmodel import SQLModel

    import storage.tables as tables

    parts = ["# The database", "", "Generated from `storage/tables.py` (`make docs`). Times are UTC.", ""]
    classes = {row.__tablename__: row for row in vars(tables).values() if hasattr(row, "__table__")}
    for name, table in SQLModel.metadata.tables.items():
        parts += [
            f"## `{name}`",
            "",
            (classes[name].__doc__ or "").strip(),
            "",
            "| column | type | key |",
            "|---|---|---|",
        ]
        for column in table.columns:
            keys = ["primary"] if column.primary_key else []
            keys += [f"-> {key.column.table.name}.{key.column.name}" for key in column.foreign_keys]
            null = "" if column.nullable else " not null"
            parts.append(f"| {column.name} | {column.type}{null} | {', '.join(keys)} |")
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def architecture_page() -> str:
    """The architecture page with the session graph as LangGraph draws it."""
    from arena.session import build_graph

    drawn = build_graph().get_graph().draw_mermaid()
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    return _MARK.sub(lambda match: f"{match[1]}```mermaid\n{drawn.strip()}\n```\n{match[2]}", text)


PAGES: dict[str, Callable[[], str]] = {
    "docs/cli.md": cli_page,
    "docs/schema.md": schema_page,
    "docs/architecture.md": architecture_page,
}


def stale() -> list[str]:
    """Pages that differ from what the code would generate."""
    return [
        name
        for name, page in PAGES.items()
        if not (ROOT / name).exists() or (ROOT / name).read_text(encoding="utf-8") != page()
    ]


if __name__ == "__main__":
    if "--check" in sys.argv:
        behind = stale()
        sys.stdout.write(
            f"behind the code, run 'make docs': {', '.join(behind)}\n" if behind else "documents are up to date\n"
        )
        sys.exit(bool(behind))
    for place, make in PAGES.items():
        (ROOT / place).write_text(make(), encoding="utf-8")
