"""The size budget of DESIGN, section 9, held against the code: small modules, small functions, docstrings."""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("arena", "agents", "profiles", "storage", "ui")
MODULE_MEDIAN, MODULE_MAX = 120, 400
FUNCTION_MEDIAN, FUNCTION_P90, FUNCTION_MAX = 10, 30, 60


def modules() -> list[Path]:
    """All modules of the product; migrations are records, not code to be kept small."""
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return sorted(path for path in found if "versions" not in path.parts)


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and lines (docstring and decorators apart) of every function in a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            first = body[0].lineno
            yield f"{path.relative_to(ROOT)}:{node.name}", (node.body[-1].end_lineno or first) - first + 1


def overruns() -> list[str]:
    """One line for each breach of the budget."""
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    lengths = [item for path in sizes for item in functions(path)]
    counts = sorted(length for _, length in lengths)
    faults = [
        f"{path.relative_to(ROOT)}: {size} lines, over {MODULE_MAX}"
        for path, size in sizes.items()
        if size > MODULE_MAX
    ]
    faults += [f"{name}: {length} lines, over {FUNCTION_MAX}" for name, length in lengths if length > FUNCTION_MAX]
    for what, found, limit in (
        ("median module", statistics.median(sizes.values()), MODULE_MEDIAN),
        ("median function", statistics.median(counts), FUNCTION_MEDIAN),
        ("90th percentile of functions", counts[int(0.9 * len(counts))], FUNCTION_P90),
    ):
        if found > limit:
            faults.append(f"{what}: {found} lines, over {limit}")
    return faults


if __name__ == "__main__":
    problems = overruns()
    sys.stdout.write("\n".join(problems) + ("\n" if problems else "size budget kept\n"))
    sys.exit(bool(problems))
