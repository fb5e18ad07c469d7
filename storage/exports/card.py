"""Writes the data card of an export as the Hugging Face hub reads it: a YAML head and prose, every number counted."""

from __future__ import annotations

import json
import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from profiles.crisis import disclaimer
from profiles.distortions import distortions
from profiles.strategies import strategies
from storage.exports.croissant import croissant, licence_names
from storage.exports.figures import figures_beside
from storage.exports.format import formats
from storage.exports.published import published, shares
from storage.exports.summary import ExportFile, ExportSummary, Origin

__all__ = ["card_files", "data_card"]

_CARD, _CROISSANT = "README.md", "croissant.json"
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))
_LARGEST = "n>10M"
_SHARES = ("share_en",)
_MISSING = "–"
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$])")


@dataclass(frozen=True)
class Table:
    """The files of one format and split. place: their one path, or a pattern that fits them and no others."""

    format: str
    split: str
    place: str
    files: int
    rows: int
    bytes: int
    unit: str


def card_files(summary: ExportSummary, out: Path) -> list[str]:
    """Write ``README.md`` and ``croissant.json`` beside the data files in ``out``; return their names.

    The bytes follow from the summary and the first rows of flat files, and from nothing else.

    Raises:
        OSError: ``out`` cannot be written, or a data file that the summary names is not there.
    """
    words = _words(summary.counts.origin)
    described = croissant(summary, out, words, _filled(summary, words))
    text = json.dumps(described, ensure_ascii=False, indent=1) + "\n"
    for name, content in ((_CARD, data_card(summary)), (_CROISSANT, text)):
        (out / name).write_text(content, encoding="utf-8", newline="\n")
    return [_CARD, _CROISSANT]


def data_card(summary: ExportSummary) -> str:
    """The card as one text: YAML between ``---`` lines, then Markdown."""
    words = _words(summary.counts.origin)
    context = {
        **_filled(summary, words, _plain),
        **_files(summary, words),
        **_beside(summary, words),
        "faults": list(_faults(summary, words)),
        "s": summary,
        "w": words,
        "head": yaml.safe_dump(_head(summary, words), allow_unicode=True, sort_keys=False, width=1000),
        "disclaimer": disclaimer("en"),
        "generators": _generators(summary, words),
        "groups": _groups(summary, words),
    }
    text = _environment().get_template("card.md.j2").render(context)
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


@lru_cache(maxsize=3)
def _words(origin: Origin) -> Mapping[str, Any]:
    """The words that all cards share, and those for dialogues of this origin."""
    source = files("storage") / "exports" / "templates" / "card_texts.yaml"
    words: dict[str, Any] = yaml.safe_load(source.read_text(encoding="utf-8"))
    return {**words, **words["origins"][origin]}


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("storage.exports"),
        autoescape=False,  # Markdown; what comes from outside goes through a filter below
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"plain": _plain, "code": _code, "bib": lambda text: re.sub(r"[{}\\`\s]+", " ", text)}
    return environment


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


def _code(text: str) -> str:
    return f"`{' '.join(str(text).replace('`', ' ').split())}`".replace("|", "\\|")


def _head(summary: ExportSummary, words: Mapping[str, Any]) -> dict[str, Any]:
    """The YAML head, in the hub's own keys and words."""
    made = [*words["tags"], *(words["restructuring_tags"] if summary.counts.channels else ())]
    return {
        "language": list(summary.languages),
        **_licence(summary, words),
        "pretty_name": words["pretty_name"].format(name=summary.name),
        "tags": made,
        "annotations_creators": list(words["annotations_creators"]),
        "language_creators": list(words["language_creators"]),
        "multilinguality": ["multilingual" if len(summary.languages) > 1 else "monolingual"],
        "size_categories": [_size(summary.counts.records)],
        "source_datasets": list(words["source_datasets"]),
        "task_categories": list(words["task_categories"]),
        "task_ids": list(words["task_ids"]),
        "configs": [_config(name, summary, words) for name in _loadable(summary, words)],
    }


def _licence(summary: ExportSummary, words: Mapping[str, Any]) -> dict[str, str]:
    names = licence_names(summary)
    if not names:
        return {"license": words["no_licence"]}
    known = words["licences"].get(names[0].lower())
    if len(names) == 1 and known:
        return {"license": known["hub"]}
    name = re.sub(r"[^a-z0-9.]+", "-", names[0].lower()).strip("-") if len(names) == 1 else ""
    return {"license": "other", "license_name": name or words["several_licences"]}


def _size(rows: int) -> str:
    return next((name for limit, name in _SIZES if rows < limit), _LARGEST)


def _loadable(summary: ExportSummary, words: Mapping[str, Any]) -> list[str]:
    """Formats for which the head has a config.

    The hub's reader infers how to read all configs from the first one, so only files of one kind can be in the head.
    """
    rows = {name: found for name, found in summary.formats.items() if name not in words["apart"]}
    kinds = {name: found[0].kind for name, found in rows.items() if any(file.rows for file in found)}
    for reader in words["readers"]:
        if names := [name for name, kind in kinds.items() if kind in reader["kinds"]]:
            return names
    return []


def _config(name: str, summary: ExportSummary, words: Mapping[str, Any]) -> dict[str, Any]:
    """Splits without rows are left out: the reader takes a file without rows for a broken one."""
    data = [{"split": split, "path": place} for split, place in _places(summary, name).items()]
    return {"config_name": name, "data_files": data, **_reader(summary, name, words).get("options", {})}


def _reader(summary: ExportSummary, name: str, words: Mapping[str, Any]) -> Mapping[str, Any]:
    kind = summary.formats[name][0].kind
    found: Mapping[str, Any] = next(each for each in words["readers"] if kind in each["kinds"])
    return found


def _places(summary: ExportSummary, name: str) -> dict[str, str]:
    """Split -> the path of its file, or the pattern of its files; only splits with rows."""
    by_split = _by_split(summary.formats[name])
    return {split: _place(found) for split, found in by_split.items() if any(file.rows for file in found)}


def _by_split(found: Iterable[ExportFile]) -> dict[str, list[ExportFile]]:
    by_split: defaultdict[str, list[ExportFile]] = defaultdict(list)
    for file in found:
        by_split[file.split].append(file)
    return dict(by_split)


def _place(found: Sequence[ExportFile]) -> str:
    if len(found) == 1:
        return found[0].file
    folder = posixpath.commonpath([posixpath.dirname(file.file) for file in found])
    return posixpath.join(folder, f"*{posixpath.splitext(found[0].file)[1]}")


def _files(summary: ExportSummary, words: Mapping[str, Any]) -> dict[str, Any]:
    known, loaded = formats(), _loadable(summary, words)
    rest = [name for name, found in summary.formats.items() if name not in loaded and found]
    shown = []
    for name, found in summary.formats.items():
        about = known[name].summary if name in known else ""
        kind = words["kinds"][found[0].kind] if found else ""
        shown.append(
            {"name": name, "kind": kind, "summary": about.rstrip("."), "fields": found[0].fields if found else ()}
        )
    return {
        "tables": list(_tables(summary)),
        "formats": shown,
        "loaded": loaded,
        "unloaded": [(name, _reader_line(summary, name, words)) for name in rest],
        "masks": [(name, words["masks"].get(name, words["masks"][""])) for name in summary.formats],
    }


def _reader_line(summary: ExportSummary, name: str, words: Mapping[str, Any]) -> str:
    reader = _reader(summary, name, words)
    place = next(iter(_places(summary, name).values()), summary.formats[name][0].file)
    if own := words["apart"].get(name):
        return str(own).replace("{place}", place)
    options = "".join(f', {key}="{value}"' for key, value in reader.get("options", {}).items())
    return f'load_dataset("{reader["name"]}", data_files="{place}"{options})'


def _tables(summary: ExportSummary) -> Iterator[Table]:
    known = formats()
    for name, found in summary.formats.items():
        unit = known[name].unit if name in known else ""
        for split, group in _by_split(found).items():
            rows, size = sum(file.rows for file in group), sum(file.bytes for file in group)
            yield Table(name, split, _place(group), sum(file.files for file in group), rows, size, unit)


def _faults(summary: ExportSummary, words: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The named faults of preference pairs, with how many there are in each format."""
    counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for name, found in summary.formats.items():
        for file in found:
            for fault, count in file.faults.items():
                counted[fault][name] += count
    for fault in sorted(counted):
        yield {"name": fault, "counts": counted[fault], "meaning": words["faults"].get(fault, words["other_fault"])}


def _splits(summary: ExportSummary, words: Mapping[str, Any]) -> str:
    """What the splits promise; where an exit's split is one of them, that it promises less."""
    counts = summary.counts
    if not counts.exit_clients:
        return str(words["splits"])
    shared = counts.shared_clients
    where = ", ".join(f"{name}: {count}" for name, count in shared.items())
    return str(words["splits_exits"]).format(
        exit_split=counts.exit_split,
        exit_clients=counts.exit_clients,
        shared=sum(shared.values()),
        where=f", {where}" if where else "",
    )


def _generators(summary: ExportSummary, words: Mapping[str, Any]) -> list[str]:
    named = list(summary.generators) or [words["unnamed_generator"]]
    told = any(words["offline"] in name for name in named)
    return [f"{', '.join(named)} ({words['offline']})"] if summary.offline and not told else named


def _filled(summary: ExportSummary, words: Mapping[str, Any], shown: Callable[[str], str] = str) -> dict[str, str]:
    """The passages of prose, filled from the summary. shown: how names that come from outside are written there."""
    counts = summary.counts
    languages = " and ".join(words["languages"].get(code, code) for code in summary.languages)
    numbers = {**counts.model_dump(), "simulated": counts.sessions - counts.imported, "languages": languages}
    what = [
        words["what"],
        *([words["persons"]] if counts.persons else ()),
        *([words["restructuring"]] if counts.channels else ()),
    ]
    rated = [words["annotation"], *([words["rated_by_persons"]] if counts.rated_by_persons else ())]
    made = words["made_offline" if summary.offline else "made_by"].format(
        generators=", ".join(map(shown, _generators(summary, words)))
    )
    drops = "; ".join(f"{each.reason} {each.count}" for each in summary.drops) or words["no_drops"]
    splits = _splits(summary, words)
    filters = "; ".join(f"{name} {value}" for name, value in summary.filters.items()) or "none"
    return {
        "about": " ".join(what).format(**numbers),
        "made": made,
        "mark": words["mark"].format(made=made),
        "collection": words["collection"].format(made=made),
        "preprocessing": words["preprocessing"].format(filters=filters, drops=drops, splits=splits),
        "splits": splits,
        "annotation": " ".join(rated).format(**numbers),
        "personal": words["personal"],
        "limitations": words["limitations"],
        "biases": words["biases"],
        "uses": words["uses"],
        "social": words["social"],
        "maintenance": words["maintenance"].format(runs=", ".join(summary.run_ids)),
    }


def _groups(summary: ExportSummary, words: Mapping[str, Any]) -> list[tuple[str, Mapping[str, int]]]:
    counts = summary.counts
    exits = {words["exits"].get(name or "none", name): count for name, count in counts.by_exit.items()}
    found = {
        "by language": counts.by_language,
        "by split": counts.by_split,
        "by domain": counts.by_domain,
        "by end": exits,
    }
    return [(name, group) for name, group in found.items() if group]


def _beside(summary: ExportSummary, words: Mapping[str, Any]) -> dict[str, Any]:
    """Our figures of the dialogues as written, in the order of the published ones; distortions and strategies."""
    figures, there = summary.counts.figures, published()
    ours = figures_beside(figures)
    rows = [
        {"name": figure.name, **_formed(figure.id, ours=ours[figure.id], theirs=figure.published)}
        for figure in there.figures
        if figure.id in ours
    ]
    return {
        "published": there,
        "beside": rows,
        "distortions": [
            *_shares({name: each.name for name, each in distortions("en").items()}, figures.distortions),
            *_unnamed(figures.unnamed_channels, words),
        ],
        "strategies": _shares({name: each.name for name, each in strategies("en").items()}, figures.strategies),
    }


def _shares(names: Mapping[str, str], counted: Mapping[str, int]) -> list[dict[str, str | int]]:
    ours, theirs = shares(counted), shares(published().distortions)
    return [
        {
            "name": names.get(name, _plain(name)),
            "count": counted.get(name, 0),
            "share": _percent(ours.get(name, 0.0)),
            "published": _percent(theirs[name]) if name in theirs else _MISSING,
        }
        for name in [*names, *sorted(counted.keys() - names.keys())]
        if ours
    ]


def _unnamed(count: int, words: Mapping[str, Any]) -> list[dict[str, str | int]]:
    """Channels without a distortion: they are counted, and no part of the shares."""
    name = words["unnamed_distortion"]
    return [{"name": name, "count": count, "share": _MISSING, "published": _MISSING}] if count else []


def _formed(name: str, **values: float | None) -> dict[str, str]:
    form = _percent if name in _SHARES else _number
    return {side: _MISSING if value is None else form(value) for side, value in values.items()}


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
