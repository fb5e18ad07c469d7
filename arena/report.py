"""The report of a run: one HTML file that needs no network, and the same numbers as plain data."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from arena.html import page_environment
from arena.labels import without_folder, without_folders
from arena.leaderboard import load_leaderboard, outcome_number
from arena.report_charts import charts
from arena.report_data import RunData, load_run
from arena.report_sections import (
    FEW,
    chairs,
    counselor_rows,
    differences,
    dimension_rows,
    events_of,
    failures,
    fault_rows,
    flagged,
    gate_rows,
    heat_maps,
    judge_rows,
    missing_rows,
    role_rows,
    stale_outcomes,
    uncounted,
    unscored,
)
from arena.report_sessions import client_name, score_text, session_views, total_text
from arena.report_text import FORMATS
from arena.safety import disclaimer
from arena.usage import usage_as_json, usage_by_role
from profiles.errors import UserError
from profiles.vocabulary import Party
from storage.database import Database
from storage.lock import standing
from storage.queries import counts, each_session, find_run
from storage.tables import SessionRow

__all__ = ["report_summary", "write_report"]

_GRAVITY = ("harm", "risk", "score")


def write_report(db: Database, run_id: str, path: Path) -> Path:
    """Write the report of a run as one HTML file, in the run's language, and return its path.

    Args:
        db: holds the run.
        run_id: the run's id, the beginning of one, its name, or ``last``.
        path: the file to write; missing folders are made, and an earlier report is replaced whole or not at all.

    Raises:
        UserError: there is no such run, or the file cannot be written there.
        StorageError: the database cannot be read.
    """
    data = load_run(db, run_id)
    page = page_environment(**_filters(data)).get_template("report.html.j2").generate(_context(data))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, page)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"{path}: the report cannot be written ({reason}); name another file") from error
    return path


def _replace(path: Path, page: Iterator[str]) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(page)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def report_summary(db: Database, run_id: str) -> dict[str, Any]:
    """The run with its sessions by status, its faults, calls and tokens by role, and leaderboard, ready for JSON.

    Raises:
        UserError: there is no such run.
    """
    run = find_run(db, run_id)
    ended = counts(db, run.id)
    return {
        "run": run.id,
        "name": run.name,
        "status": standing(db, run),
        "offline": run.offline,
        "created_at": run.created_at.isoformat(),
        "planned": run.planned,
        "sessions": {"finished": ended.finished, "failed": ended.failed},
        "faults": dict(run.faults),
        "usage": usage_as_json(usage_by_role(session.usage for session in each_session(db, run.id))),
        "leaderboard": [row.model_dump(mode="json") for row in load_leaderboard(db, run.id)],
    }


def _filters(data: RunData) -> dict[str, Callable[..., Any]]:
    return {
        "label": data.text.label,
        "form": lambda value, name: FORMATS[name](value),
        "span": lambda interval, name: data.text.span(interval, FORMATS[name]),
        "range_of": _range_of,
        "client": client_name,
        "score": score_text,
        "total": total_text,
        "outcome": _outcome_or_blank,
        "breakable": _breakable,
        "short": without_folder,
        "unplaced": partial(without_folders, names=_speakers(data)),
        "gravest": lambda kinds: min(kinds, key=_GRAVITY.index),
    }


def _speakers(data: RunData) -> list[str]:
    """All counselors and models of the run, as they are stored."""
    return [*data.names, *map(str, (data.run.config.get("models") or {}).values())]


def _breakable(name: str) -> Markup:
    """A counselor's name that may break before its model and its model's path."""
    escaped = str(escape(name))
    return Markup(escaped.replace("@", "<wbr>@").replace("/", "/<wbr>"))


def _range_of(high: float | None, low: float) -> str:
    return "" if high is None else f" {low:g}–{high:g}"


def _outcome_or_blank(session: SessionRow, key: str) -> float | str:
    value = outcome_number(session, key) if session.status == "finished" else None
    return "" if value is None else value


def _context(data: RunData) -> dict[str, Any]:
    plotly, script = _plotly(), _asset("report.js")
    return {
        **_sections(data),
        "t": data.text.tree,
        "data": data,
        "title": data.run.name or data.text.tree["head"]["untitled"].format(id=data.run.id),
        "disclaimer": disclaimer(data.text.language),
        "parties": [party.value for party in Party],
        "scales": {party.value: scale for party, scale in data.scales.items()},
        "settings": _settings(data),
        "config": [*_flat(data.run.config), *_flat(data.run.versions)],
        "views": session_views(data),
        "few": FEW,
        "fidelity_failed": sum(bool(session.outcome.get("fidelity_fault")) for session in data.sessions),
        "readers_failed": sum(
            session.outcome.get("safety_reader", "not_set") not in ("not_set", "ok") for session in data.sessions
        ),
        "css": Markup(_asset("report.css")),
        "js": Markup(script),
        "plotly": Markup(plotly),
        "csp": _policy(plotly, script),
    }


def _sections(data: RunData) -> dict[str, Any]:
    return {
        "gates": gate_rows(data),
        "harms": events_of(data, "counselor"),
        "risks": events_of(data, "client"),
        "differences": differences(data),
        "dimensions": {party.value: dimension_rows(data, party) for party in Party},
        "maps": heat_maps(data),
        "flagged": flagged(data),
        "failures": failures(data),
        "chairs": chairs(data),
        "missing": missing_rows(data),
        "unscored": unscored(data),
        "judges": judge_rows(data),
        "stale": stale_outcomes(data),
        "roles": role_rows(data),
        "spent_on": counselor_rows(data),
        "uncounted": uncounted(data),
        "faults": fault_rows(data),
        "charts": charts(data),
    }


def _settings(data: RunData) -> list[tuple[str, str]]:
    """The settings in short; what the configuration does not say is left out."""
    words, config = data.text.tree["settings"], data.run.config
    models: Mapping[str, Any] = config.get("models") or {}
    rubrics: Mapping[str, Any] = data.run.versions.get("rubrics") or {}
    values = {
        "counselors": len(data.rows),
        "clients": len({session.profile_id for session in data.sessions}),
        "client_kind": config.get("client"),
        "client_model": models.get("client"),
        "judge_model": models.get("judge"),
        "rounds": config.get("rounds"),
        "repeats": config.get("repeats"),
        "seed": config.get("seed"),
        "stage_mode": data.text.label("stage_modes", config["stage_mode"]) if "stage_mode" in config else None,
        "rubrics": " · ".join(f"{data.text.label('parties', party)} {rubrics[party]}" for party in rubrics),
    }
    return [(words[name], without_folder(str(value))) for name, value in values.items() if value not in (None, "")]


def _flat(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings as dotted names with plain values, models without their folders."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield name, ", ".join(without_folder(str(item)) for item in value)
    else:
        yield name, "–" if value is None else without_folder(str(value))


def _asset(name: str) -> str:
    return (files("arena") / "templates" / name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _plotly() -> str:
    from plotly.offline import get_plotlyjs  # heavy, and only a report needs it

    script: str = get_plotlyjs()
    # Browsers read line ends as \n before they hash a script, and end it at the first closing tag.
    return script.replace("\r\n", "\n").replace("\r", "\n").replace("</script", "<\\/script")


def _policy(*scripts: str) -> str:
    """A content policy under which nothing is loaded from anywhere, and only our own scripts run."""
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return f"default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; script-src {allowed}"
