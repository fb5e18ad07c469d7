"""Training files are read by the libraries that they are written for: datasets, TRL, a strict chat template, pandas."""

from __future__ import annotations

import importlib
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from profiles.vocabulary import LANGUAGES
from storage.exports.format import ExportFormat, ExportOptions, find_format
from storage.exports.record import DialogueRecord, DialogueTurn
from storage.exports.table import COLUMNS
from tests.storage.export_records import HOSTILE, a_record

pytestmark = pytest.mark.train

CHATS = ("openai-chat", "trl-messages", "sharegpt", "alpaca", "llamafactory")
PREFERENCES = ("openai-dpo", "trl-preference", "llamafactory-preference")
STRICT = (
    "{% if messages[0]['role'] == 'system' %}{{ messages[0]['content'] }}{% set rest = messages[1:] %}"
    "{% else %}{% set rest = messages %}{% endif %}{% for message in rest %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate user/assistant') }}{% endif %}"
    "<{{ message['role'] }}>{{ message['content'] }}</s>{% endfor %}"
)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():  # strangers' libraries warn as they are imported
        warnings.simplefilter("ignore")
        yield


def library(name: str, monkeypatch: pytest.MonkeyPatch, home: Path) -> ModuleType:
    """The library, off the network and with its cache below ``home``; the test is skipped where it is absent."""
    monkeypatch.setenv("HF_HOME", str(home / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return pytest.importorskip(name, exc_type=ImportError)


def sessions() -> list[DialogueRecord]:
    """Both languages, with and without a greeting, and every hostile text once in each chair."""
    plain = [a_record(language, id=f"{language}_{n}") for language in LANGUAGES for n in range(3)]
    turns = a_record().dialog[1:3]
    short = [a_record(id=f"h_{n}", dialog=_said(turns, text)) for n, text in enumerate(HOSTILE)]
    return [*plain, *short]


def _said(turns: tuple[DialogueTurn, ...], text: str) -> tuple[DialogueTurn, ...]:
    numbered = [turn.model_copy(update={"turn": n, "content": text, "sentences": ()}) for n, turn in enumerate(turns)]
    return tuple(numbered)


def rows_of(offered: ExportFormat) -> list[dict[str, Any]]:
    return [row for record in sessions() for row in offered.rows(record, ExportOptions())]


def write(offered: ExportFormat, folder: Path) -> Path:
    rows = rows_of(offered)
    path = folder / f"data.{offered.name}.{offered.kind}"
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    text = lines if offered.kind == "jsonl" else json.dumps(rows, ensure_ascii=False)
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def loaded(name: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Any:
    datasets = library("datasets", monkeypatch, folder)
    path = write(find_format(name), folder)
    return datasets.load_dataset("json", data_files=str(path), split="train", cache_dir=str(folder / "cache"))


@pytest.mark.parametrize("name", [*CHATS, *PREFERENCES])
def test_datasets_reads_every_row_as_it_was(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = loaded(name, monkeypatch, tmp_path)
    assert tuple(data.column_names) == find_format(name).fields
    written = rows_of(find_format(name))
    assert len(data) == len(written) > 0
    assert [_without_nulls(row) for row in data] == [_without_nulls(row) for row in written]


def _without_nulls(value: Any) -> Any:
    """A row without the keys that a table fills up, such as the weight of a user's message."""
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


def test_the_features_are_the_ones_that_trainers_expect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def features(name: str) -> str:
        return str(loaded(name, monkeypatch, tmp_path).features)

    assert features("trl-messages") == "{'messages': List({'role': Value('string'), 'content': Value('string')})}"
    assert "'conversations': List({'from': Value('string'), 'value': Value('string')})" in features("sharegpt")
    assert "'history': List(List(Value('string')))" in features("alpaca")
    assert "'chosen': {'from': Value('string'), 'value': Value('string')}" in features("llamafactory-preference")


@pytest.mark.parametrize("name", ["trl-messages", "trl-preference"])
def test_trl_sees_conversations(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library("trl", monkeypatch, tmp_path)
    data = loaded(name, monkeypatch, tmp_path)
    is_conversational = importlib.import_module("trl").is_conversational
    assert all(is_conversational(row) for row in data)
    if name == "trl-preference":
        assert set(data.column_names) == {"prompt", "chosen", "rejected", "fault"}
        assert {row["prompt"][-1]["role"] for row in data} == {"user"}
        assert {len(row[side]) for row in data for side in ("chosen", "rejected")} == {1}


@pytest.mark.parametrize("name", ["openai-chat", "trl-messages", "trl-preference"])
def test_a_strict_chat_template_takes_every_row(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transformers = library("transformers", monkeypatch, tmp_path)
    tokenizers = library("tokenizers", monkeypatch, tmp_path)
    bare = tokenizers.Tokenizer(tokenizers.models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=bare, chat_template=STRICT)

    def told(messages: list[dict[str, str]]) -> str:
        return str(tokenizer.apply_chat_template(messages, tokenize=False))

    for row in rows_of(find_format(name)):
        messages = row["messages"] if "messages" in row else [*row["prompt"], *row["chosen"]]
        assert messages[-1]["content"] in told(messages)
    with pytest.raises(Exception, match="alternate"):
        told([{"role": "assistant", "content": "first"}, {"role": "user", "content": "second"}])


def test_parquet_keeps_types_and_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrow = library("pyarrow", monkeypatch, tmp_path)
    parquet = importlib.import_module("pyarrow.parquet")
    rows = rows_of(find_format("parquet"))
    parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / "rows.parquet")
    back = parquet.read_table(tmp_path / "rows.parquet")
    assert back.to_pylist() == rows
    kinds = {name: str(kind) for name, kind in zip(back.schema.names, back.schema.types, strict=True)}
    assert kinds == {name: {str: "string", int: "int64"}[kind] for name, kind in COLUMNS.items()}
