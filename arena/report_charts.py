"""The report's charts as plain Plotly figures: ``{"data": [...], "layout": {...}}``.

Every trace of a counselor has its paint's class as ``meta``, by which the page hides and shows it. Plotly
reads a few HTML tags and entities in its texts, so every name that comes from outside is escaped here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, Final

from arena.leaderboard import LeaderboardRow
from arena.report_data import Paint, RunData
from arena.report_sections import dimension_rows
from arena.report_text import gap, mean, percent
from arena.statistics import Estimate
from profiles.vocabulary import Party

Figure = dict[str, Any]

_INK: Final = "#2b2f33"
_SOFT: Final = "#6f757b"
_GRID: Final = "#e9e5dc"
_CLEAR: Final = "rgba(0,0,0,0)"


def charts(data: RunData) -> dict[str, Figure]:
    """All charts that the run has data for, by the id of their place in the page."""
    figures = {
        "forest": forest(data),
        **{f"radar-{party.value}": radar(data, party) for party in Party},
        **{f"path-{name}": figure for name, figure in trajectories(data).items()},
        "gap": self_gap(data),
    }
    return {name: figure for name, figure in figures.items() if figure["data"]}


def forest(data: RunData) -> Figure:
    """Mean shares with 95 % intervals: overall, then the three parties side by side on one scale."""
    panels: dict[str, Callable[[LeaderboardRow], Estimate]] = {
        "overall": lambda row: row.overall_share,
        **{party.value: _share_of(party) for party in Party},
    }
    traces = []
    for number, (name, value) in enumerate(panels.items(), start=1):
        for row in data.rows:
            estimate = value(row)
            if estimate.mean is not None:
                traces.append(_whisker(data, row.counselor, name, estimate, number, percent))
    width, space = 1 / len(panels), 0.025
    layout = _layout(data, height=92 + 34 * len(data.rows))
    layout["yaxis"] = _names_axis(data, data.names)
    low, high = _bounds([value(row) for value in panels.values() for row in data.rows])
    for number, name in enumerate(panels, start=1):
        axis = f"xaxis{number if number > 1 else ''}"
        domain = [(number - 1) * width, number * width - space]
        layout[axis] = {**_axis(), "domain": domain, "range": [low, high], "tickformat": ".0%", "nticks": 5}
        layout["annotations"].append(_heading(data.text.tree["leaderboard"]["panels"][name], domain[0]))
    return {"data": traces, "layout": layout}


def _share_of(party: Party) -> Callable[[LeaderboardRow], Estimate]:
    return lambda row: row.parties[party.value].share


def _whisker(
    data: RunData, counselor: str, panel: str, estimate: Estimate, number: int, form: Callable[[float], str]
) -> Figure:
    paint, value = data.paints[counselor], estimate.mean or 0.0
    bars = estimate.interval
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [value],
        "y": [escape(paint.name)],
        "marker": {"color": paint.colour, "size": 10, "symbol": "circle-open" if paint.control else "circle"},
        "hovertemplate": _hover(data, counselor, panel, estimate, form),
        "meta": paint.css,
    }
    if bars:
        trace["error_x"] = {
            "type": "data",
            "symmetric": False,
            "array": [bars.high - value],
            "arrayminus": [value - bars.low],
            "color": paint.colour,
            "thickness": 1.6,
            "width": 4,
        }
    return _on(trace, number)


def _hover(data: RunData, counselor: str, panel: str, estimate: Estimate, form: Callable[[float], str]) -> str:
    words = data.text.tree["charts"]
    title = data.text.tree["leaderboard"]["panels"].get(panel, panel)
    lines = [f"<b>{escape(data.paints[counselor].name)}</b>", f"{title}: {form(estimate.mean or 0.0)}"]
    if estimate.interval:
        lines.append(f"95%: {data.text.span(estimate.interval, form)}")
    lines.append(words["scored"].format(n=estimate.n_scored, total=estimate.n_total))
    return "<br>".join(lines) + "<extra></extra>"


def radar(data: RunData, party: Party) -> Figure:
    """Mean of each dimension as a fraction of its range, one line a counselor, closed."""
    scale = data.scales[party]
    rows = dimension_rows(data, party)
    traces = []
    for place, counselor in enumerate(data.names):
        radii = [_fraction(row.means[place], scale.fraction) for row in rows]
        if any(radius is not None for radius in radii):
            labels = [f"{row.id} {escape(row.name)}" for row in rows]
            hovers = [f"{label}: {_value(row.means[place])}" for label, row in zip(labels, rows, strict=True)]
            traces.append(_spokes(data.paints[counselor], [row.id for row in rows], radii, hovers))
    layout = _layout(data, height=330)
    layout["margin"] = {"l": 34, "r": 34, "t": 24, "b": 24}
    layout["polar"] = {
        "bgcolor": _CLEAR,
        "radialaxis": {
            "range": [0, 1],
            "tickvals": [0.25, 0.5, 0.75, 1],
            "showticklabels": False,
            "gridcolor": _GRID,
            "linecolor": _CLEAR,
            "ticks": "",
        },
        "angularaxis": {
            "direction": "clockwise",
            "rotation": 90,
            "gridcolor": _GRID,
            "linecolor": _GRID,
            "ticks": "",
        },
    }
    return {"data": traces, "layout": layout}


def _spokes(paint: Paint, ids: Sequence[str], radii: Sequence[float | None], hovers: Sequence[str]) -> Figure:
    return {
        "type": "scatterpolar",
        "mode": "lines+markers",
        "theta": [*ids, ids[0]],
        "r": [*radii, radii[0]],
        "text": [*hovers, hovers[0]],
        "line": {"color": paint.colour, "width": 1.4 if paint.control else 2, "dash": paint.dash},
        "marker": {"size": 4, "color": paint.colour},
        "hovertemplate": f"<b>{escape(paint.name)}</b><br>%{{text}}<extra></extra>",
        "meta": paint.css,
    }


def _fraction(estimate: Estimate, place: Callable[[float], float | None]) -> float | None:
    return None if estimate.mean is None else place(estimate.mean)


def _value(estimate: Estimate) -> str:
    return "–" if estimate.mean is None else f"{mean(estimate.mean)} (n={estimate.n_scored})"


def trajectories(data: RunData) -> dict[str, Figure]:
    """The clients' mean trust and openness, and the share of hidden facts told, by round and counselor."""
    figures = {}
    for name, top in (("trust", 10.0), ("openness", 10.0), ("told", 1.0)):
        paths = {counselor: _path(data, counselor, name) for counselor in data.names}
        layout = _layout(data, height=270)
        layout["margin"] = {"l": 36, "r": 10, "t": 12, "b": 40}
        title = {"text": data.text.tree["charts"]["round"], "font": {"size": 11, "color": _SOFT}}
        layout["xaxis"] = {**_axis(), "title": title, "tick0": 1, "dtick": _step(paths), "zeroline": False}
        layout["yaxis"] = {
            **_axis(),
            "range": [-0.02 * top, 1.03 * top],
            "tickformat": ".0%" if name == "told" else "",
            "nticks": 6,
        }
        traces = [_line(data, counselor, path) for counselor, path in paths.items() if path]
        figures[name] = {"data": traces, "layout": layout}
    return figures


_Path = Mapping[int, tuple[float, int]]


def _path(data: RunData, counselor: str, name: str) -> _Path:
    """Round -> mean and number of sessions that were still going on."""
    sums: dict[int, list[float]] = {}
    for session in data.finished:
        if session.counselor == counselor:
            for round_, value in _levels(data, session.id, name):
                sums.setdefault(round_, []).append(value)
    return {round_: (sum(found) / len(found), len(found)) for round_, found in sorted(sums.items())}


def _levels(data: RunData, session_id: str, name: str) -> list[tuple[int, float]]:
    turns = [turn for turn in data.turns[session_id] if turn.speaker == "client"]
    if name != "told":
        return [(turn.round, turn.notes["state"][name]) for turn in turns if name in turn.notes.get("state", {})]
    hidden = {fact["id"] for fact in data.by_id[session_id].profile.get("hidden_facts", ())}
    if not hidden or not any("told" in turn.notes for turn in turns):
        return []
    told: set[str] = set()
    levels = []
    for turn in turns:
        told |= hidden & set(turn.notes.get("told", ()))
        levels.append((turn.round, len(told) / len(hidden)))
    return levels


def _line(data: RunData, counselor: str, path: _Path) -> Figure:
    paint = data.paints[counselor]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": list(path),
        "y": [value for value, _ in path.values()],
        "customdata": [count for _, count in path.values()],
        "line": {"color": paint.colour, "width": 1.5 if paint.control else 2.2, "dash": paint.dash},
        "marker": {"size": 4, "color": paint.colour},
        "hovertemplate": f"<b>{escape(paint.name)}</b><br>%{{y:.2f}} (n=%{{customdata}})<extra></extra>",
        "meta": paint.css,
    }


def _step(paths: Mapping[str, _Path]) -> int:
    longest = max((max(path) for path in paths.values() if path), default=1)
    return max(1, round(longest / 8))


def self_gap(data: RunData) -> Figure:
    """How far each counselor's own item mean lies above the judge's, with its interval."""
    own = [row for row in data.rows if row.self_gap.mean is not None]
    traces = [_whisker(data, row.counselor, "gap", row.self_gap, 1, gap) for row in own]
    layout = _layout(data, height=70 + 34 * len(own))
    low, high = _bounds([row.self_gap for row in own], floor=None)
    layout["xaxis"] = {
        **_axis(),
        "range": [min(low, -0.1), max(high, 0.1)],
        "zeroline": True,
        "zerolinecolor": _SOFT,
    }
    layout["yaxis"] = _names_axis(data, [row.counselor for row in own])
    return {"data": traces, "layout": layout}


def _layout(data: RunData, height: int) -> Figure:
    return {
        "height": height,
        "margin": {"l": 10, "r": 10, "t": 34, "b": 30},
        "paper_bgcolor": _CLEAR,
        "plot_bgcolor": _CLEAR,
        "showlegend": False,
        "annotations": [],
        "font": {"family": data.text.tree["fonts"], "size": 12, "color": _INK},
        "hoverlabel": {"bgcolor": "#ffffff", "bordercolor": _GRID, "font": {"color": _INK}, "align": "left"},
        "dragmode": False,
    }


def _axis() -> Figure:
    return {
        "gridcolor": _GRID,
        "linecolor": _GRID,
        "zeroline": False,
        "fixedrange": True,
        "tickfont": {"color": _SOFT},
    }


def _names_axis(data: RunData, counselors: Sequence[str]) -> Figure:
    names = [escape(data.paints[name].name) for name in reversed(counselors)]
    return {
        **_axis(),
        "type": "category",
        "categoryorder": "array",
        "categoryarray": names,
        "automargin": True,
        "tickfont": {"color": _INK},
        "range": [-0.6, len(names) - 0.4],
    }


def _heading(text: str, left: float) -> Figure:
    return {
        "text": text,
        "x": left,
        "y": 1,
        "yshift": 24,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "top",
        "showarrow": False,
        "font": {"size": 12, "color": _SOFT},
    }


def _on(trace: Figure, panel: int) -> Figure:
    return trace if panel == 1 else {**trace, "xaxis": f"x{panel}", "yaxis": "y"}


def _bounds(estimates: Sequence[Estimate], floor: float | None = 0.0) -> tuple[float, float]:
    """A range that holds all means and intervals, with a little air; shares stay within 0-1."""
    ends = [end for each in estimates if each.mean is not None for end in _ends(each, each.mean)]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    air = max(0.02, (high - low) * 0.06)
    return (low - air, high + air) if floor is None else (max(floor, low - air), min(1.0, high + air))


def _ends(estimate: Estimate, middle: float) -> tuple[float, ...]:
    return (middle, estimate.interval.low, estimate.interval.high) if estimate.interval else (middle,)
