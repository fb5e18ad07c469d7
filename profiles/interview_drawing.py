"""Draws an interview tree, as a Mermaid flowchart and as lines for a terminal.

Both show the same: modules in order, what is asked in tree order, which rules lead out of a module, and its endings.
All words are the instrument's own; ✓ stands for a rule that is met, ✗ for one that is ruled out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from profiles.interview_rules import within
from profiles.interviews import Instrument, Module

__all__ = ["mermaid", "tree_lines"]

_MET, _RULED_OUT = "✓", "✗"
_SPECIAL = str.maketrans({mark: f"#{ord(mark)};" for mark in '"#&<>`%\\'})
_OVER = "over"


@dataclass(frozen=True)
class _Step:
    """One place of a module. ask: a question. when, gate, if: the rule before a question, a way out, an ending."""

    kind: Literal["ask", "when", "gate", "if", "ending"]
    id: str
    text: str


def mermaid(instrument: Instrument) -> str:
    """The tree as a Mermaid flowchart, one subgraph a module; a dotted edge is a fact that need not be asked again.

    A diamond's ✗ leads past a question, to the next ending, or out of the module.
    """
    chart = _Chart()
    for module in instrument.modules:
        chart.lines.append(f'  subgraph m_{module.id}["{_escaped(module.title)}"]')
        for step in _steps(instrument, module):
            chart.draw(step, f"{step.kind}_{module.id}_{step.id.replace('.', '_')}")
        chart.lines.append("  end")
        chart.leave()
    chart.lines.append(f'  {_OVER}(("{_escaped(instrument.title)}"))')
    chart.reach(_OVER)
    return "\n".join((*chart.lines, *chart.edges, *_known_elsewhere(instrument))) + "\n"


def tree_lines(instrument: Instrument) -> list[tuple[int, str]]:
    """The tree for a terminal: depth (0 is the instrument) and text of each line, from top to bottom."""
    lines = [(0, f"{instrument.title} ({instrument.id} {instrument.version})")]
    for module in instrument.modules:
        lines.append((1, module.title))
        deeper = 0
        for step in _steps(instrument, module):
            if step.kind in ("when", "if"):
                lines.append((2, f"◇ {step.text} {_MET}"))
                deeper = 1
                continue
            mark = {"ask": "", "gate": f"◇ {_RULED_OUT} → ", "ending": "■ "}[step.kind]
            lines.append((2 + deeper, f"{mark}{step.text}"))
            deeper = 0
    return lines


def _steps(instrument: Instrument, module: Module) -> Iterator[_Step]:
    """A module in order. A rule that leads out stands behind the last variable that it rests on."""
    exits: dict[str, list[str]] = {}
    for rule in dict.fromkeys(filter(None, (module.gate, module.label))):
        exits.setdefault(_last(instrument, module, rule), []).append(rule)
    for name in module.variables:
        variable = instrument.variables[name]
        if variable.when:
            yield _Step("when", name, instrument.rules[variable.when].text)
        yield _Step("ask", name, f"{variable.criterion}: {variable.topic}")
        yield from (_Step("gate", rule, instrument.rules[rule].text) for rule in exits.get(name, ()))
    for ending in module.endings:
        yield _Step("if", ending.id, instrument.rules[ending.when].text)
        yield _Step("ending", ending.id, ending.title)


def _last(instrument: Instrument, module: Module, rule: str) -> str:
    rests = within(instrument, rule)
    return next((name for name in reversed(module.variables) if name in rests), module.variables[-1])


@dataclass
class _Chart:
    """A flowchart as it grows. Open ends (node, mark) lead on, past the next node, or out of the module."""

    lines: list[str] = field(default_factory=lambda: ["flowchart TD"])
    edges: list[str] = field(default_factory=list)
    ahead: list[tuple[str, str]] = field(default_factory=list)
    past: list[tuple[str, str]] = field(default_factory=list)
    out: list[tuple[str, str]] = field(default_factory=list)

    def draw(self, step: _Step, node: str) -> None:
        """Add a step to the module that is open."""
        opening, closing = {"ask": ("[", "]"), "ending": ("([", "])")}.get(step.kind, ("{", "}"))
        self.lines.append(f'    {node}{opening}"{_escaped(step.text)}"{closing}')
        self.reach(node)
        if step.kind == "gate":
            self.ahead = [(node, _MET)]
            self.out.append((node, _RULED_OUT))
        elif step.kind == "ending":
            self.ahead, self.past = self.past, []
            self.out.append((node, ""))
        elif step.kind == "ask":
            self.ahead, self.past = [(node, ""), *self.past], []
        else:
            self.ahead, self.past = [(node, _MET)], [(node, _RULED_OUT)]

    def reach(self, node: str) -> None:
        """Let all that is open lead to a node."""
        for start, mark in self.ahead:
            self.edges.append(f"  {start} -- {mark} --> {node}" if mark else f"  {start} --> {node}")
        self.ahead = []

    def leave(self) -> None:
        """Let all that leads out of the module lead to what comes next."""
        self.ahead, self.out = [*self.ahead, *self.out], []


def _known_elsewhere(instrument: Instrument) -> Iterator[str]:
    for module in instrument.modules:
        for name in module.variables:
            rule = instrument.variables[name].known_from
            for known in within(instrument, rule) if rule else ():
                yield f"  {_asked(instrument.module_of(known), known)} -.-> {_asked(module, name)}"


def _asked(module: Module, name: str) -> str:
    return f"ask_{module.id}_{name.replace('.', '_')}"


def _escaped(text: str) -> str:
    """A text inside quotation marks: what Mermaid would read as its own is written as a character's number."""
    return " ".join(text.split()).translate(_SPECIAL)
