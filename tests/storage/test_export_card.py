"""The data card and the Croissant file of an export: what public readers make of them; no number is invented."""

from __future__ import annotations

import csv
import hashlib
import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from storage.exports.card import card_files, data_card
from storage.exports.figures import FigureCounter, Figures
from storage.exports.format import formats
from storage.exports.published import published, total_variation
from storage.exports.summary import CardLicence, Counts, Drop, ExportFile, ExportSummary
from tests.storage.export_records import a_record

COUNTS = Counts(
    sessions=20,
    records=20,
    turns=700,
    counselor_turns=350,
    clients=9,
    counselors=2,
    channels=51,
    loops=18,
    channel_sessions=10,
    sentences=777,
    by_language={"en": 12, "zh": 8},
    by_split={"train": 14, "test": 6},
    by_counselor={"crdial": 12, "plain:psycho@openai/gpt|x": 8},
    by_domain={"career": 11, "family": 9},
    by_exit={"none": 19, "crisis": 1},
    figures=Figures(
        dialogues=20,
        clients=9,
        turns_in_all=700,
        counselor_turns=350,
        labelled_turns=300,
        strategies={"question": 500, "restatement": 277},
        distortions={"catastrophizing": 30, "labeling": 21},
        unnamed_channels=4,
        languages={"en": 12, "zh": 8},
        domains={"career": 11, "family": 9},
        channel_sessions=10,
        strategies_per_turn=2.59,
        channels_per_loop=2.83,
        loops_per_session=1.8,
    ),
)
NESTED = {"id": "d1", "dialog": [{"turn": 0, "content": "Hello"}]}
FLAT = {"id": "d1", "turn": 3, "share": 0.5, "said": "Hello, \u4f60\u597d", "train": True, "gap": None}


def written(out: Path, place: str, split: str, rows: list[dict[str, Any]], kind: str = "jsonl") -> ExportFile:
    path = out / place
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    elif kind == "parquet":
        arrow = pytest.importorskip("pyarrow")
        importlib.import_module("pyarrow.parquet").write_table(arrow.Table.from_pylist(rows), path)
    elif kind == "text":
        path.write_text(rows[0]["text"], encoding="utf-8")
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    data = path.read_bytes()
    return ExportFile(
        file=place,
        split=split,
        rows=len(rows),
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        kind=kind,  # type: ignore[arg-type]
        fields=tuple(rows[0]) if kind in ("csv", "parquet") else (),
    )


def summary(out: Path, **changed: Any) -> ExportSummary:
    given: dict[str, Any] = {
        "name": "spring_runs",
        "run_ids": ("r1", "r2"),
        "languages": ("en", "zh"),
        "formats": {
            "crisp": (
                written(out, "crisp/train.jsonl", "train", [NESTED] * 3),
                written(out, "crisp/test.jsonl", "test", []),
            ),
            "lines": (written(out, "lines/train.jsonl", "train", [FLAT] * 4),),
            "csv": (written(out, "csv/train.csv", "train", [{"id": "a", "said": "b"}] * 2, "csv"),),
            "cpsycoun": tuple(
                written(out, f"cpsycoun/train/{number}.txt", "train", [{"text": "Hello"}], "text") for number in (1, 2)
            ),
        },
        "counts": COUNTS,
        "drops": (Drop(reason="gate", count=5, meaning="The safety gate failed."), Drop(reason="duplicate", count=2)),
        "filters": {"language": "en"},
        "licences": (CardLicence(licence="MIT", source="written for Counsel Arena", clients=9),),
        "generators": ("offline",),
        "offline": True,
        "created": "2026-05-02",
    }
    return ExportSummary(**{**given, **changed})


def head(card: str) -> dict[str, Any]:
    found = re.match(r"---\n(.*?)\n---\n", card, re.DOTALL)
    assert found
    value: dict[str, Any] = yaml.safe_load(found[1])
    return value


def test_both_files_are_written_the_same_each_time(tmp_path: Path) -> None:
    given = summary(tmp_path)
    assert card_files(given, tmp_path) == ["README.md", "croissant.json"]
    first = [(tmp_path / name).read_bytes() for name in ("README.md", "croissant.json")]
    card_files(given, tmp_path)
    assert [(tmp_path / name).read_bytes() for name in ("README.md", "croissant.json")] == first


def test_the_head_is_what_the_hub_reads(tmp_path: Path) -> None:
    found = head(data_card(summary(tmp_path)))
    assert found["language"] == ["en", "zh"] and found["license"] == "mit"
    assert found["size_categories"] == ["n<1K"] and found["task_ids"] == ["dialogue-generation"]
    assert {"synthetic", "crdial-style"} <= set(found["tags"])
    assert found["configs"] == [
        {"config_name": "crisp", "data_files": [{"split": "train", "path": "crisp/train.jsonl"}]},
        {"config_name": "lines", "data_files": [{"split": "train", "path": "lines/train.jsonl"}]},
    ]


def test_the_hubs_own_parser_takes_it(tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    card = hub.DatasetCard(data_card(summary(tmp_path)))
    assert card.data.license == "mit" and card.data.pretty_name.startswith("spring_runs")
    assert card.data.to_dict()["configs"][0]["config_name"] == "crisp"
    assert card.text.lstrip().startswith("# spring")


@pytest.mark.parametrize(
    ("records", "size"), [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (10**5, "100K<n<1M"), (10**8, "n>10M")]
)
def test_the_size_is_counted(tmp_path: Path, records: int, size: str) -> None:
    counts = COUNTS.model_copy(update={"records": records})
    assert head(data_card(summary(tmp_path, counts=counts)))["size_categories"] == [size]


@pytest.mark.parametrize(
    ("licences", "expected"),
    [
        (["CC-BY-4.0", "cc-by-4.0 "], {"license": "cc-by-4.0"}),
        (["MIT", "CC-BY-4.0"], {"license": "other", "license_name": "several-card-licences"}),
        (["Ask the author"], {"license": "other", "license_name": "ask-the-author"}),
        ([], {"license": "unknown"}),
    ],
)
def test_the_licence_is_that_of_the_cards(tmp_path: Path, licences: list[str], expected: dict[str, str]) -> None:
    cards = tuple(CardLicence(licence=name, source=f"source {name}", clients=1) for name in licences)
    card = data_card(summary(tmp_path, licences=cards))
    found = {key: value for key, value in head(card).items() if key.startswith("license")}
    assert found == expected and all(f"| source {name.strip()} |" in card for name in licences)


def test_every_number_comes_from_the_summary(tmp_path: Path) -> None:
    card = data_card(summary(tmp_path))
    assert "20 simulated counseling sessions of 9 simulated clients, 700 turns in all, in English and Chinese" in card
    assert "| The safety gate failed. | 5 |" in card and "| **left out in all** | **7** |" in card
    assert "| Turns per dialogue | 35 | 36.48 |" in card  # 700 / 20
    assert "| Strategies per counselor turn | 2.59 | 2.23 |" in card
    assert "| Channels per identification pass | 2.83 | 2.94 |" in card
    assert "| Loops per session | 1.8 | 2.28 |" in card and "| Share of English dialogues | 60.0 % |" in card
    assert "| catastrophizing | 30 | 58.8 % | 10.6 % |" in card and "| labeling | 21 | 41.2 % | – |" in card
    assert "| none was named | 4 | – | – |" in card  # no part of the shares
    assert "| Question | 500 | 64.4 % |" in card
    assert "| `crisp` | train | `crisp/train.jsonl` | 3 |" in card
    assert "| `cpsycoun` | train | `cpsycoun/train/*.txt` (2 files) | 2 |" in card


def test_what_it_is_and_is_not_stands_there(tmp_path: Path) -> None:
    card = data_card(summary(tmp_path))
    for said in ("Not for crisis care", "Not a clinician", "rules, not an LLM", "unverified", "CRDial-style"):
        assert said in card
    assert "compatible" not in card.lower() and "Simulation and training only" in card
    model = data_card(summary(tmp_path, offline=False, generators=("openai/gpt-4o",)))
    assert "not an LLM" not in model and "openai/gpt-4o" in model


def test_without_restructuring_nothing_is_claimed_of_it(tmp_path: Path) -> None:
    plain = Counts(sessions=2, records=2, turns=20, counselor_turns=10, clients=2, by_language={"en": 2})
    card = data_card(summary(tmp_path, counts=plain, generators=("rules, not an LLM",)))
    assert "crdial-style" not in head(card)["tags"] and "This data set is CRDial-style" not in card
    assert "| Strategies per counselor turn | – | 2.23 |" in card and "| Loops per session | – | 2.28 |" in card
    assert "| Share of English dialogues | – | 48.6 % |" in card  # in one language there is nothing to balance
    assert "Generators: rules, not an LLM." in card


def test_figures_leave_out_what_they_cannot_be_told_from() -> None:
    record = a_record()
    greeted = [turn.model_copy(update={"sentences": ()}) if turn.turn == 2 else turn for turn in record.dialog]
    both = [a_record(dialog=tuple(greeted)), a_record(id="p", session_id="p", loops=5, channels=(), domain="unknown")]
    counter = FigureCounter()
    for each in both:
        counter.add(each)
    found = counter.figures()
    labelled = [turn for each in both for turn in each.dialog if turn.speaker == "therapist" and turn.sentences]
    assert found.labelled_turns == len(labelled) < found.counselor_turns
    assert found.strategies_per_turn == sum(len(turn.sentences) for turn in labelled) / len(labelled)
    assert found.loops_per_session == record.loops and found.channel_sessions == 1  # not the one without channels
    assert found.domains == {record.domain: 1}


def test_faults_are_counted_by_format_and_explained(tmp_path: Path) -> None:
    files = [written(tmp_path, f"p/{split}.jsonl", split, [NESTED]) for split in ("train", "test")]
    told = [each.model_copy(update={"faults": {"step_skip": 3, "odd": 1}}) for each in files]
    card = data_card(summary(tmp_path, formats={"openai-dpo": tuple(told)}))
    assert "| `step_skip` | `openai-dpo`: 6 | it jumps at least two steps ahead |" in card
    assert "| `odd` | `openai-dpo`: 2 |" in card and "provenance.jsonl" in card
    assert "Preference pairs" not in data_card(summary(tmp_path))


def test_the_promise_of_splits_is_no_wider_than_it_holds(tmp_path: Path) -> None:
    assert "All sessions of one client stand in the same split." in data_card(summary(tmp_path))
    exits = {"exit_split": "safety_exit", "exit_clients": 3, "shared_clients": {"train": 2}}
    given = {"counts": COUNTS.model_copy(update=exits)}
    for text in (data_card(summary(tmp_path, **given)), json.dumps(described(tmp_path, **given))):
        assert "All sessions of one client stand in" not in text and "nothing to train or to test on" in text
        assert "clients in it: 3; of these in another split too: 2, train: 2" in text


def test_imported_talks_are_nowhere_called_simulated(tmp_path: Path) -> None:
    counts = COUNTS.model_copy(update={"imported": 20})
    given: dict[str, Any] = {"counts": counts, "generators": ("an unknown hand",), "offline": False}
    card = data_card(summary(tmp_path, **given))
    found = described(tmp_path, **given)
    for text in (card, json.dumps(found)):
        assert not re.search(r"simulat|synthetic", text.replace("Simulation and training only", ""), re.IGNORECASE)
    assert "played from cards" not in card and "source of the cards" not in card
    assert "20 counseling dialogues of 9 clients" in card and "nobody checked them here, nor who rated" in card
    assert head(card)["pretty_name"] == "spring_runs: imported counseling dialogues"
    assert head(card)["language_creators"] == ["found"] and head(card)["source_datasets"] == ["extended"]
    assert found["rai:dataCollectionType"] == ["Secondary Data Analysis"] and "rai:machineAnnotationTools" not in found


def test_a_set_of_both_kinds_says_how_many_are_of_each(tmp_path: Path) -> None:
    counts = COUNTS.model_copy(update={"imported": 3})
    card = data_card(summary(tmp_path, counts=counts, offline=False))
    assert "Simulated here: 17," in card and "transcripts from files: 3;" in card
    assert head(card)["pretty_name"] == "spring_runs: simulated and imported counseling dialogues"
    assert {"simulation", "imported-transcripts"} <= set(head(card)["tags"])
    found = described(tmp_path, counts=counts, offline=False)
    assert found["keywords"][-2:] == ["simulated dialogue", "imported transcripts"]
    assert "rai:machineAnnotationTools" not in found and "17" in found["description"]


def test_a_person_in_a_chair_is_told_with_whose_the_ratings_are(tmp_path: Path) -> None:
    asked = "in the client's chair: there the ratings are theirs"
    plain = data_card(summary(tmp_path))
    assert "a person sat" not in plain and "Ratings are the simulated client's." in plain
    counts = COUNTS.model_copy(update={"persons": 4})
    counselors = data_card(summary(tmp_path, counts=counts))
    assert "In 4 of them a person sat in a chair" in counselors and "their consent" in counselors
    assert asked not in counselors
    both = data_card(summary(tmp_path, counts=counts.model_copy(update={"rated_by_persons": 2})))
    assert f"In 2 sessions a person sat {asked}" in both


@pytest.mark.parametrize("origin", [0, 3, 20])
def test_a_strangers_maker_is_no_markup(tmp_path: Path, origin: int) -> None:
    maker = "# <script>\n---\n| x"
    counts = COUNTS.model_copy(update={"imported": origin})
    card = data_card(summary(tmp_path, counts=counts, generators=(maker,), offline=False))
    assert "<script>" not in card.replace("\\<script", "") and card.count("\n---\n") == 1


def test_masks_are_told_for_every_format(tmp_path: Path) -> None:
    file = written(tmp_path, "x.jsonl", "train", [NESTED])
    names = [*formats(), "a-strangers-format"]
    card = data_card(summary(tmp_path, formats=dict.fromkeys(names, (file,))))
    masks = card.split("to leave one turn out")[1].split("##")[0]
    assert all(f"| `{name}` |" in masks for name in names)
    for format in formats().values():
        assert format.summary.rstrip(".") in card.replace("\\", "")


def test_hostile_names_break_neither_head_nor_tables(tmp_path: Path) -> None:
    name = "a | b\n---\n# <script>: `x`"
    given = summary(tmp_path, name=name, licences=(CardLicence(licence="a|b\nc", source="x\ny|z", clients=1),))
    card = data_card(given)
    assert (
        head(card)["pretty_name"].startswith(name)
        and "<script>:" not in card.split("\n---\n", 1)[1].split("```bibtex")[0]
    )
    assert card.count("\n---\n") == 1
    rows = [line for line in card.splitlines() if line.startswith("| a\\")]
    assert rows and all(len(re.findall(r"(?<!\\)\|", row)) == 4 for row in rows)
    card_files(given, tmp_path)
    assert json.loads((tmp_path / "croissant.json").read_text(encoding="utf-8"))["name"] == name


def test_an_empty_export_has_a_card(tmp_path: Path) -> None:
    given = ExportSummary(name="none", run_ids=(), languages=(), formats={}, created="2026-01-01")
    assert card_files(given, tmp_path) == ["README.md", "croissant.json"]
    assert head((tmp_path / "README.md").read_text(encoding="utf-8"))["configs"] == []


def test_only_one_kind_of_file_is_in_the_head(tmp_path: Path) -> None:
    file = written(tmp_path, "csv/train.csv", "train", [{"id": "a"}], "csv")
    card = data_card(summary(tmp_path, formats={"csv": (file,)}))
    assert [each["config_name"] for each in head(card)["configs"]] == ["csv"]
    mixed = data_card(summary(tmp_path))
    assert '`load_dataset("csv", data_files="csv/train.csv")`' in mixed


def described(tmp_path: Path, **changed: Any) -> dict[str, Any]:
    card_files(summary(tmp_path, **changed), tmp_path)
    value: dict[str, Any] = json.loads((tmp_path / "croissant.json").read_text(encoding="utf-8"))
    return value


def test_croissant_lists_every_file_with_its_checksum(tmp_path: Path) -> None:
    found = described(tmp_path)
    assert found["@context"]["@vocab"] == "https://schema.org/"
    for file in found["distribution"]:
        assert file["sha256"] == hashlib.sha256((tmp_path / file["contentUrl"]).read_bytes()).hexdigest()
    assert len(found["distribution"]) == 6


def test_croissant_has_record_sets_for_flat_files_only(tmp_path: Path) -> None:
    sets = {each["@id"]: each["field"] for each in described(tmp_path)["recordSet"]}
    assert set(sets) == {"lines-train", "csv-train"}
    assert {field["name"]: field["dataType"] for field in sets["lines-train"]} == {
        "id": "sc:Text",
        "turn": "sc:Integer",
        "share": "sc:Float",
        "said": "sc:Text",
        "train": "sc:Boolean",
        "gap": "sc:Text",
    }
    assert [field["source"]["extract"] for field in sets["csv-train"]] == [{"column": "id"}, {"column": "said"}]


@pytest.mark.parametrize(
    "name", ["personalSensitiveInformation", "dataLimitations", "dataUseCases", "dataBiases", "dataCollection"]
)
def test_responsible_use_is_described(tmp_path: Path, name: str) -> None:
    assert len(" ".join(described(tmp_path)[f"rai:{name}"])) > 100


@pytest.mark.train
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the libraries beneath it
def test_the_croissant_reader_finds_no_fault(tmp_path: Path) -> None:
    croissant = pytest.importorskip("mlcroissant")
    flat = written(tmp_path, "parquet/train.parquet", "train", [{"id": "a", "said": "b"}] * 2, "parquet")
    formats = {**summary(tmp_path).formats, "parquet": (flat,)}
    card_files(summary(tmp_path, formats=formats), tmp_path)
    data = croissant.Dataset(jsonld=str(tmp_path / "croissant.json"))
    assert not data.metadata.ctx.issues.errors and not data.metadata.ctx.issues.warnings
    rows = list(data.records("lines-train"))
    assert len(rows) == 4 and rows[0]["lines-train/turn"] == 3
    assert [row["csv-train/said"] for row in data.records("csv-train")] == [b"b", b"b"]
    assert [row["parquet-train/said"] for row in data.records("parquet-train")] == [b"b", b"b"]
    assert {each.id for each in data.metadata.record_sets} == {"lines-train", "csv-train", "parquet-train"}


@pytest.mark.train
def test_the_public_reader_loads_what_the_head_names(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    card_files(summary(tmp_path), tmp_path)
    for name, rows in (("crisp", 3), ("lines", 4)):
        loaded = datasets.load_dataset(str(tmp_path), name, split="train", cache_dir=str(tmp_path / "cache"))
        assert loaded.num_rows == rows


COUNTED = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 50))


@given(COUNTED, COUNTED)
def test_a_distance_of_shares_lies_between_nothing_and_one(ours: dict[str, int], theirs: dict[str, int]) -> None:
    found, back = total_variation(ours, theirs), total_variation(theirs, ours)
    if not sum(ours.values()) or not sum(theirs.values()):
        assert found is None
    else:
        assert found is not None and 0 <= found <= 1 and found == pytest.approx(back)
        assert total_variation(ours, ours) == 0


def test_a_distance_by_hand() -> None:
    assert total_variation({"a": 1, "b": 1}, {"a": 3, "c": 1}) == pytest.approx(0.5)  # (0.25 + 0.5 + 0.25) / 2
    assert total_variation({"a": 1}, {"b": 9}) == 1


def test_the_published_counts_are_complete() -> None:
    assert sum(published().distortions.values()) == 28_375 and len(published().distortions) == 15
    assert published("zh").figure("loops_per_session").published == 2.28
