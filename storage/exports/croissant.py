"""Describes an export as Croissant 1.1 with the responsible-AI fields, the way ``mlcroissant`` takes it.

Specification: http://mlcommons.org/croissant/1.1 and http://mlcommons.org/croissant/RAI/1.0. The vocabulary has to be
``https://schema.org/``: with the ``http`` form of the specification's text the reader finds no data set.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from storage.exports.summary import ExportFile, ExportSummary
from storage.exports.table import COLUMNS

__all__ = ["croissant", "licence_names"]

_MEDIA: Final = {
    "jsonl": "application/jsonlines",
    "json": "application/json",
    "csv": "text/csv",
    "parquet": "application/x-parquet",  # not the registered name: the reader knows no other
    "text": "text/plain",
}
_NAMES: Final[dict[type, str]] = {bool: "sc:Boolean", int: "sc:Integer", float: "sc:Float", str: "sc:Text"}
_LOOKED_AT = 200  # rows from which a column's type is told

# The context of the specification; a reader warns about any other.
_CONTEXT: Final[dict[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant(summary: ExportSummary, out: Path, words: Mapping[str, Any], prose: Mapping[str, str]) -> dict[str, Any]:
    """The JSON-LD object, ready for JSON.

    Args:
        summary: what was exported.
        out: the folder with the data files; of flat ones the first rows are read, to tell their columns' types.
        words: names and addresses, from ``card_texts.yaml``.
        prose: the filled passages: about, collection, preprocessing, annotation, personal, ...

    Raises:
        OSError: a flat data file that the summary names cannot be read.
    """
    found = [(name, file) for name, each in summary.formats.items() for file in each]
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": summary.name,
        "description": f"{prose['about']} {prose['made']}",
        "license": _licences(summary, words),
        "url": "./",
        "creator": {"@type": "sc:Organization", "name": words["creator"]},
        "datePublished": summary.created,
        "version": summary.version,
        "inLanguage": list(summary.languages),
        "keywords": list(words["keywords"]),
        "isLiveDataset": False,
        "citeAs": f"{words['creator']}: {summary.name}, version {summary.version}, {summary.created}.",
        **_responsible(summary, words, prose),
        "distribution": [_file_object(file) for _, file in found],
        "recordSet": list(_record_sets(found, out)),
    }


def licence_names(summary: ExportSummary) -> list[str]:
    """The different licences of the source cards in order; small and capital letters do not matter."""
    found = {each.licence.strip().lower(): each.licence.strip() for each in summary.licences}
    return [name for key, name in sorted(found.items()) if key]


def _licences(summary: ExportSummary, words: Mapping[str, Any]) -> list[str] | str:
    """Addresses of known licences, others by name."""
    known = words["licences"]
    names = licence_names(summary)
    found = [known[name.lower()]["url"] if name.lower() in known else name for name in names]
    return found if len(found) > 1 else next(iter(found), words["no_licence"])


def _responsible(summary: ExportSummary, words: Mapping[str, Any], prose: Mapping[str, str]) -> dict[str, Any]:
    """Where there are imported dialogues no tools are named: what made their words did not label ours."""
    tools = {"rai:machineAnnotationTools": list(summary.generators)} if summary.counts.origin == "simulated" else {}
    return {
        "rai:dataCollection": prose["collection"],
        "rai:dataCollectionType": list(words["collection_type"]),
        "rai:dataPreprocessingProtocol": [prose["preprocessing"]],
        "rai:dataAnnotationProtocol": [prose["annotation"]],
        **tools,
        "rai:personalSensitiveInformation": [prose["personal"]],
        "rai:dataBiases": [prose["biases"]],
        "rai:dataLimitations": [prose["limitations"]],
        "rai:dataUseCases": [prose["uses"]],
        "rai:dataSocialImpact": prose["social"],
        "rai:dataReleaseMaintenancePlan": prose["maintenance"],
    }


def _file_object(file: ExportFile) -> dict[str, Any]:
    if file.files > 1:  # their sums are in SHA256SUMS; an object each would make this file grow with the rows
        return {
            "@type": "cr:FileSet",
            "@id": file.file,
            "name": file.file,
            "description": f"{file.files} files",
            "encodingFormat": _media(file),
            "includes": file.file,
        }
    return {
        "@type": "cr:FileObject",
        "@id": file.file,
        "name": file.file,
        "contentUrl": file.file,
        "contentSize": f"{file.bytes} B",
        "encodingFormat": _media(file),
        "sha256": file.sha256,
    }


def _media(file: ExportFile) -> str:
    return _MEDIA["json" if file.file.endswith(".json") else file.kind]


def _record_sets(found: Iterable[tuple[str, ExportFile]], out: Path) -> Iterator[dict[str, Any]]:
    """One for each flat file. Nested files have none: the reader cannot take columns that hold lists of objects."""
    for name, file in found:
        if types := _columns(file, out):
            place = f"{name}-{file.split}"
            yield {
                "@type": "cr:RecordSet",
                "@id": place,
                "name": place,
                "field": [_field(place, column, kind, file.file) for column, kind in types.items()],
            }


def _field(place: str, column: str, kind: str, file: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{place}/{column}",
        "name": column,
        "dataType": kind,
        "source": {"fileObject": {"@id": file}, "extract": {"column": column}},
    }


def _columns(file: ExportFile, out: Path) -> dict[str, str]:
    """Column -> type of a flat file that holds rows; empty for any other."""
    if not file.rows:
        return {}
    if file.kind in ("csv", "parquet"):
        return {column: _NAMES.get(COLUMNS.get(column, str), "sc:Text") for column in file.fields}
    return _scalars(out / file.file) if file.kind == "jsonl" else {}


def _scalars(path: Path) -> dict[str, str]:
    """The columns of a JSONL file whose first rows have the same keys and hold only scalars; else empty."""
    with path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in itertools.islice(lines, _LOOKED_AT)]
    if not rows or any(not isinstance(row, dict) or row.keys() != rows[0].keys() for row in rows):
        return {}
    if any(isinstance(value, list | dict) for row in rows for value in row.values()):
        return {}
    return {column: _type([row[column] for row in rows]) for column in rows[0]}


def _type(values: Iterable[object]) -> str:
    """The narrowest type that fits all; a column with gaps is text or a number with a fraction, as readers make it."""
    kinds = {type(value) for value in values}
    if len(kinds) == 1:
        return _NAMES.get(kinds.pop(), "sc:Text")
    return "sc:Float" if kinds <= {int, float, type(None)} else "sc:Text"
