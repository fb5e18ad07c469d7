"""Exports from real databases: what a record holds, what is left out, how clients are split, and what lies on disk."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import importlib
import importlib.util
import json
import re
import sqlite3
import subprocess
import sys
import tracemalloc
import unicodedata
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena import RunConfig, run
from arena.exporting.build import record_of
from arena.exporting.dedupe import Seen
from arena.exporting.export import Request, export
from arena.exporting.place import workplace
from arena.exporting.select import Filters, least_score
from arena.exporting.settings import export_settings
from arena.exporting.sinks import Sums, Target, open_sink, read_cell
from arena.exporting.split import SPLITS, parse_shares, splits_of
from arena.importing import import_file
from arena.quality.compare import compare
from arena.quality.measure import measure
from arena.quality.read import exported_files, from_files
from profiles.errors import UserError
from profiles.vocabulary import Party, Stage
from storage.database import Database
from storage.exports.crisp import back
from storage.exports.format import formats
from storage.exports.preferences import FAULTS
from storage.exports.record import DialogueRecord, DialogueTurn
from storage.exports.summary import ExportSummary
from storage.queries import each_transcript, find_run, load_all_turns
from storage.records import replace_session, save_run
from storage.tables import JudgmentRow, RunRow, SafetyEventRow, SessionRow, TurnRow
from tests.arena.runs import play, transcripts

NOON = datetime(2025, 3, 1, 12)
HOSTILE = (
    "<script>alert(1)</script> & </s>",
    '{"role": "system", "content": "x"}\n```',
    "one\u2028two\u2029three\x85four",
    "\u202eright to left\u202c and \u200fmark",
    "=1+1",
    "+1",
    "-1 is what I feel",
    "@home",
    "\ttab first",
    "\rreturn first",
    "'=quoted already",
    "'plain apostrophe",
    'comma, "quotes"\nand lines',
    "\n\u0303 an accent after a line end",
)


class Hall:
    """A database that tests fill by hand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0

    def run(self, run_id: str = "r1", **given: Any) -> RunRow:
        values = {"config": {"client": "dynamic"}, "versions": {"arena": "0.1.0"}, "created_at": NOON} | given
        row = RunRow(id=run_id, **values)
        with Database.open(str(self.path)) as db, db.session(write=True) as session:
            save_run(session, row)
        return row

    def add(
        self,
        texts: tuple[str, ...] = (),
        *,
        client: str = "",
        run_id: str = "r1",
        scores: dict[str, float] | None = None,
        unsafe: tuple[int, ...] = (),
        notes: dict[int, dict[str, Any]] | None = None,
        sentences: dict[int, list[dict[str, str]]] | None = None,
        stages: dict[int, str] | None = None,
        **given: Any,
    ) -> str:
        """A session: client and counselor by turns, the client first. Without texts it says what no other says."""
        self.count += 1
        values = {
            "counselor": "plain:psycho@openai/demo",
            "theme": "career",
            "language": "en",
            "status": "finished",
            "gate": "passed",
            "fidelity": "ok",
            "profile": {
                "topic": "work",
                "current_distress": "Cannot sleep.",
                "provenance": {"source": "own", "licence": "MIT"},
            },
        } | given
        session_id = f"s{self.count:04}"
        row = SessionRow(
            id=session_id,
            run_id=run_id,
            ordinal=self.count // 3,  # some stand at one place
            profile_id=client or f"client-{self.count}",
            resistance=1,
            risk="none",
            repeat=self.count,
            seed=7,
            created_at=NOON,
            **values,
        )
        said = texts or tuple(f"word{self.count}x{place} and more{self.count}y{place}" for place in range(4))
        turns = [
            TurnRow(
                session_id=session_id,
                index=place,
                round=place // 2 + 1,
                speaker=("client", "counselor")[place % 2],
                stage=(stages or {}).get(place, "diagnosis"),
                text=text,
                notes=(notes or {}).get(place, {}),
                sentences=(sentences or {}).get(place, []),
                call={"purpose": "p", "prompt_hash": "h", "model": "demo"},
            )
            for place, text in enumerate(said)
        ]
        judged = [(_judgment(party, mean), []) for party, mean in (scores or {}).items()]
        events = [_harm(session_id, turn) for turn in unsafe]
        with Database.open(str(self.path)) as db, db.session(write=True) as session:
            replace_session(session, row, turns, judged, events)
        return session_id

    def export(self, out: Path, *formats: str, **given: Any) -> ExportSummary:
        given, runs, force = dict(given), given.get("runs", ("r1",)), given.get("force", False)
        request = Request(
            name="set",
            formats=formats or ("crisp",),
            **{key: value for key, value in given.items() if key not in ("runs", "force")},
        )
        with Database.open(str(self.path)) as db:
            return export(db, [find_run(db, name) for name in runs], request, out, force)

    def records(self, out: Path, **given: Any) -> list[DialogueRecord]:
        """What a ``crisp`` export holds, in the order of splits."""
        self.export(out, **given)
        return [back(row) for path in sorted(out.glob("*.crisp.*")) for row in lines(path)]


def _judgment(party: str, mean: float) -> JudgmentRow:
    values = {"model": "m", "rubric_version": "1", "prompt_hash": "h", "seed": 1, "status": "ok"}
    return JudgmentRow(session_id="", party=party, judge="judge", item_mean=mean, total=mean * 10, **values)


def _harm(session_id: str, turn: int) -> SafetyEventRow:
    values = {"speaker": "counselor", "kind": "minimising", "level": "harm", "quote": "x", "rule": "m1"}
    return SafetyEventRow(session_id=session_id, turn=turn, **values)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    made = Hall(tmp_path / "arena.db")
    made.run()
    return made


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("offline")
    return play(folder, counselors=("plain:psycho", "echo"), clients="6", rounds=5, name="demo")


class TestRecord:
    def test_an_offline_run_is_told_as_it_was(self, offline: Any, tmp_path: Path) -> None:
        records = Hall(Path(offline.db)).records(tmp_path / "out", runs=(offline.run_id,), dedupe=False)
        said = {(row.counselor, row.profile_id): row.id for row in offline.sessions}
        told = {record.session_id: record for record in records}
        for (counselor, client, _), turns in transcripts(offline).items():
            record = told[said[counselor, client]]
            names = {"client": "help_seeker", "counselor": "therapist"}
            assert [(t.speaker, t.stage.value, t.content) for t in record.dialog] == [
                (names[speaker], stage, text) for speaker, stage, text in turns
            ]
            assert [turn.turn for turn in record.dialog] == list(range(len(turns)))
            assert (record.situation_id, record.counselor, record.exit) == (client, counselor, None)
            greeting, *rest = record.dialog
            assert greeting.round == 0 and not greeting.train
            assert all(turn.train == (turn.speaker == "therapist") for turn in rest)
            assert set(record.scores) == {"client", "counselor", "supervisor"}
            assert record.provenance["generator"]["counselor"] == ["rules, not an LLM"]
            assert record.provenance["synthetic"] and record.provenance["seed_licence"] == "MIT"
            assert record.privacy["consent"]["status"] == "not_needed_synthetic"

    def test_a_restructuring_is_told_with_steps_channels_and_scales(self, hall: Hall, tmp_path: Path) -> None:
        restructured(hall)
        (record,) = hall.records(tmp_path / "out")
        assert [turn.step for turn in record.dialog] == [
            None, "core_beliefs", "core_beliefs", "defense", "defense", "verdict", "verdict", None,
        ]  # fmt: skip
        assert [turn.channel for turn in record.dialog] == [None, None, None, 1, 1, 1, 1, None]
        assert [turn.loop for turn in record.dialog] == [None, 1, 1, 1, 1, 1, 1, None]
        (belief,), (channel,) = record.core_beliefs, record.channels
        assert (belief.distortion, belief.belief) == ("overgeneralization", "I always fail")
        assert (channel.belief_before, channel.belief_after, channel.effective) == (80, 40, True)
        assert (channel.evidence_for, channel.balanced_thought) == (("I lost the job",), "Some things work")
        assert (record.scales.belief_pre, record.scales.belief_post, record.loops) == (80, 40, 1)
        assert record.situation == "Since the spring" and record.domain == "career"
        assert [s.category for s in record.dialog[1].sentences] == ["expression", "description"]
        assert record.provenance["framework"] == "CRDial-style"

    def test_paths_are_channels_of_their_session(self, hall: Hall, tmp_path: Path) -> None:
        session_id = restructured(hall)
        (record,) = hall.records(tmp_path / "out", filters=Filters(unit="path"))
        assert (record.id, record.parent_dialogue_id) == (f"{session_id}_l1_c1", session_id)
        assert [turn.turn for turn in record.dialog] == list(range(6))

    def test_what_was_unsafe_or_crisis_text_is_no_target(self, hall: Hall, tmp_path: Path) -> None:
        crisis = {"step": None, "exit": "crisis"}
        texts = ("a b c", "d e f", "g h i", "j k l", "m n o", "p q r")
        hall.add(texts, unsafe=(1,), notes={5: {"restructuring": crisis}})
        (record,) = hall.records(tmp_path / "out", filters=Filters(exits=True))
        assert [turn.train for turn in record.dialog] == [False, False, False, True, False, False]
        assert record.exit == "crisis"

    def test_turns_after_the_stage_are_cut_with_what_they_told(self, hall: Hall, tmp_path: Path) -> None:
        restructured(hall, stages=dict.fromkeys(range(4, 8), "solution_exploration"))
        (record,) = hall.records(tmp_path / "out", filters=Filters(stage=Stage.DIAGNOSIS))
        assert len(record.dialog) == 4
        assert record.channels[0].belief_after is None and record.channels[0].evidence_for == ()

    def test_texts_are_brought_to_nfc(self, hall: Hall, tmp_path: Path) -> None:
        hall.add(("cafe\u0301", "the cafe\u0301, yes", "ok", "\n\u0303x"))
        (record,) = hall.records(tmp_path / "out")
        assert [turn.content for turn in record.dialog] == ["caf\u00e9", "the caf\u00e9, yes", "ok", "\n\u0303x"]

    @pytest.mark.parametrize("column", ["sentences", "notes"])
    def test_half_a_character_is_refused_by_session_and_turn(self, hall: Hall, tmp_path: Path, column: str) -> None:
        session_id = restructured(hall)
        entry = '{"kind": "core_belief", "loop": 1, "channel": 1, "quote": "\\ud83d", "name": "overgeneralization"}'
        values = {
            "sentences": '[{"text": "\\ud83d", "strategy": "question"}]',
            "notes": f'{{"restructuring": {{"step": "defense", "entries": [{entry}]}}}}',
        }
        with sqlite3.connect(hall.path) as raw:
            raw.execute(f'UPDATE turn SET {column} = ? WHERE "index" = 1', (values[column],))
        raw.close()
        with pytest.raises(UserError, match=f"session {session_id}, turn 1: .*surrogate"):
            hall.export(tmp_path / "out")
        assert not list(tmp_path.glob("*out*"))

    def test_half_a_character_in_a_card_is_refused_too(self, hall: Hall, tmp_path: Path) -> None:
        hall.add(client="torn")
        with sqlite3.connect(hall.path) as raw:
            raw.execute("""UPDATE session SET profile = json_set(profile, '$.topic', json('"\\ud83d"'))""")
        raw.close()
        with pytest.raises(UserError, match=r"client card 'torn': .*surrogate"):
            hall.export(tmp_path / "out")

    def test_a_card_without_licence_is_refused(self, hall: Hall, tmp_path: Path) -> None:
        session_id = hall.add(profile={"current_distress": "x", "provenance": {"source": "own", "licence": ""}})
        with pytest.raises(UserError, match=rf"session {session_id}: .*no provenance\.licence"):
            hall.export(tmp_path / "out")


class TestPeople:
    def test_a_person_s_words_need_consent(self, tmp_path: Path) -> None:
        hall = Hall(tmp_path / "arena.db")
        hall.run(config={"client": "human", "live": "abc"})
        hall.add()
        with pytest.raises(UserError, match=r"client's chair.*--consent-confirmed"):
            hall.export(tmp_path / "out")
        (record,) = hall.records(tmp_path / "out", consent=True)
        assert record.provenance["source_kind"] == "role_play" and not record.provenance["synthetic"]
        assert record.provenance["generator"]["client"] == ["a person"]
        assert record.privacy["consent"] == {
            "status": "informed",
            "scope": ["dataset"],
            "form_version": None,
            "date": None,
        }
        assert record.scales.rater == "person"
        card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
        assert "In 1 of them a person sat in a chair" in card and "need their consent" in card

    def test_a_person_as_counselor_needs_consent_too(self, hall: Hall, tmp_path: Path) -> None:
        hall.add(counselor="human")
        with pytest.raises(UserError, match="counselor's chair"):
            hall.export(tmp_path / "out")
        (record,) = hall.records(tmp_path / "out", consent=True)
        assert record.provenance["generator"]["counselor"] == ["a person"] and record.scales.rater == "simulated"

    def test_what_was_exported_imported_and_exported_again_is_the_same(self, hall: Hall, tmp_path: Path) -> None:
        restructured(hall)
        hall.add(HOSTILE)
        first = hall.records(tmp_path / "one")
        for path in (tmp_path / "one").glob("*.crisp.*"):
            with Database.open(str(hall.path)) as db:
                asyncio.run(import_file(path, db, name=path.name.replace(".", "-")))
        names = tuple(path.name.replace(".", "-") for path in (tmp_path / "one").glob("*.crisp.*"))
        assert hall.records(tmp_path / "two", runs=names) == first
        assert "imported" not in (tmp_path / "two" / "README.md").read_text(encoding="utf-8").split("\n", 1)[1]

    def test_a_transcript_of_unknown_origin_stays_here(self, hall: Hall, tmp_path: Path) -> None:
        path = tmp_path / "talk.jsonl"
        talk = [{"role": "client", "content": "I am tired."}, {"role": "counselor", "content": "Tell me more."}]
        path.write_text(json.dumps({"messages": talk}) + "\n", encoding="utf-8")
        with Database.open(str(hall.path)) as db:
            run_id = asyncio.run(import_file(path, db)).run_id
        with pytest.raises(UserError, match=r"tells of no consent.*provenance\.licence.*--consent-confirmed") as fault:
            hall.export(tmp_path / "out", runs=(run_id,), consent=True)
        assert "\n" not in str(fault.value)

    def test_consent_that_is_told_in_another_shape_is_none(self, hall: Hall, tmp_path: Path) -> None:
        talk = [{"role": "client", "content": "I am tired."}, {"role": "counselor", "content": "Tell me more."}]
        path = tmp_path / "talk.jsonl"
        path.write_text(json.dumps({"messages": talk, "privacy": {"consent": "informed"}}) + "\n", encoding="utf-8")
        with Database.open(str(hall.path)) as db:
            run_id = asyncio.run(import_file(path, db)).run_id
        with pytest.raises(UserError, match="tells of no consent"):
            hall.export(tmp_path / "out", runs=(run_id,), consent=True)

    def test_a_transcript_whose_file_tells_of_origin_and_consent_goes_out_with_both(
        self, hall: Hall, tmp_path: Path
    ) -> None:
        told: dict[str, dict[str, Any]] = {
            "provenance": {"licence": "CC-BY-4.0", "seed_source": "talks of our training course"},
            "privacy": {"consent": {"status": "informed"}},
        }
        said = ("I am tired.", "Tell me more.", "I sleep badly.", "Since when?")
        talk = [{"role": ("client", "counselor")[at % 2], "content": text} for at, text in enumerate(said)]
        whole, half = tmp_path / "talk.jsonl", tmp_path / "half.jsonl"
        whole.write_text(json.dumps({"messages": talk, **told}) + "\n", encoding="utf-8")
        told["provenance"]["licence"] = ["CC-BY-4.0"]
        half.write_text(json.dumps({"messages": talk, **told}) + "\n", encoding="utf-8")
        with Database.open(str(hall.path)) as db:
            run_id, unlicensed = (asyncio.run(import_file(path, db)).run_id for path in (whole, half))
        with pytest.raises(UserError, match=r"no provenance\.licence"):
            hall.export(tmp_path / "out", runs=(unlicensed,), consent=True)
        with pytest.raises(UserError, match="add --consent-confirmed"):
            hall.export(tmp_path / "out", runs=(run_id,))
        summary = hall.export(tmp_path / "out", "crisp", "trl-messages", runs=(run_id,), consent=True)
        (row,) = lines(tmp_path / "out" / "set.crisp.train.jsonl")
        assert row["privacy"]["consent"]["status"] == "informed"
        assert row["provenance"]["licence"] == "CC-BY-4.0" and [turn["content"] for turn in row["dialog"]] == list(said)
        assert len(lines(tmp_path / "out" / "set.trl-messages.train.jsonl")) == 1
        assert not summary.offline  # nobody knows who made it; our rules did not
        assert any("unknown hand" in name for name in summary.generators)
        card, described = ((tmp_path / "out" / name).read_text("utf-8") for name in ("README.md", "croissant.json"))
        assert (
            "imported counseling dialogues" in card and "1 counseling dialogues" in card and "played from" not in card
        )
        assert "| CC-BY-4.0 | talks of our training course | 1 |" in card
        assert "simulated" not in card and "simulated" not in described
        hall.add()
        both = hall.export(tmp_path / "both", runs=("r1", run_id), consent=True)
        assert (both.counts.origin, both.counts.imported, both.counts.sessions) == ("mixed", 1, 2)
        assert "Simulated here: 1," in (tmp_path / "both" / "README.md").read_text(encoding="utf-8")


class TestFilters:
    @pytest.mark.parametrize(
        ("filters", "reason"),
        [
            (Filters(language="zh"), "language"),
            (Filters(counselors=("echo",)), "counselor"),
            (Filters(scores={Party.SUPERVISOR: 3.0}), "score"),
            (Filters(scores={Party.CLIENT: 0.0}), "score"),
            (Filters(passed=True), "passed"),
            (Filters(clean=True), "unclean"),
        ],
    )
    def test_each_keeps_what_it_says_and_counts_the_rest(
        self, hall: Hall, tmp_path: Path, filters: Filters, reason: str
    ) -> None:
        good: dict[str, Any] = {
            "language": "zh",
            "counselor": "echo",
            "scores": {"supervisor": 3.5, "client": 1.0},
            "outcome": {"pass_all3": True},
        }
        kept = hall.add(("你好，我睡不着。", "愿意说说吗？"), **good)
        hall.add(scores={"supervisor": 2.9}, outcome={"pass_all3": None}, fidelity="flagged")
        (record,) = hall.records(tmp_path / "out", filters=filters)
        assert record.session_id == kept
        told = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
        assert [(drop["reason"], drop["count"]) for drop in told["drops"]] == [(reason, 1)]
        assert told["filters"] and told["counts"]["sessions"] == 1

    def test_failed_and_empty_sessions_never_go_out(self, hall: Hall, tmp_path: Path) -> None:
        hall.add(status="failed")
        hall.add(("only the client spoke",))
        hall.add()
        summary = hall.export(tmp_path / "out")
        assert {drop.reason: drop.count for drop in summary.drops} == {"failed": 1, "empty": 1}

    def test_nothing_left_says_which_filter_did_it(self, hall: Hall, tmp_path: Path) -> None:
        for _ in range(3):
            hall.add(scores={"client": 1.0})
        hall.add(status="failed")
        with pytest.raises(UserError, match=r"no session is left of 4: 1 left out, .*; 3 left out, below --min-score"):
            hall.export(tmp_path / "out", filters=Filters(scores=dict([least_score("client=2")])))
        assert not (tmp_path / "out").exists()

    def test_what_was_not_checked_does_not_pass_for_clean(self, hall: Hall, tmp_path: Path) -> None:
        kept = hall.add()
        hall.add(fidelity="flagged")
        hall.add(gate="failed", fidelity="not_checked")
        loose = [hall.add(fidelity="not_checked") for _ in range(2)]
        clean = hall.export(tmp_path / "clean", filters=Filters(clean=True))
        assert clean.counts.sessions == 1
        assert {drop.reason: drop.count for drop in clean.drops} == {"unclean": 2, "unchecked": 2}
        told = json.loads((tmp_path / "clean" / "manifest.json").read_text(encoding="utf-8"))
        (unchecked,) = [each for each in told["drops"] if each["reason"] == "unchecked"]
        assert unchecked["count"] == 2 and "--safe" in unchecked["meaning"]
        safe = hall.records(tmp_path / "safe", filters=Filters(safe=True))
        assert {kept, *loose} < {record.id for record in safe} and len(safe) == 4
        assert {record.gate for record in safe} == {"passed"}

    def test_a_set_without_anything_checked_says_how_to_have_it(self, hall: Hall, tmp_path: Path) -> None:
        hall.add(fidelity="not_checked")
        with pytest.raises(UserError, match=r"no session is left of 1: .*not checked.*--safe"):
            hall.export(tmp_path / "out", filters=Filters(clean=True))
        assert hall.export(tmp_path / "out", filters=Filters(safe=True)).counts.sessions == 1

    def test_exits_stand_apart_or_stay_out(self, hall: Hall, tmp_path: Path) -> None:
        left = hall.add(notes={3: {"restructuring": {"step": None, "exit": "declines"}}}, client="c")
        hall.add(client="c")
        assert {drop.reason for drop in hall.export(tmp_path / "without").drops} == {"exit"}
        hall.export(tmp_path / "with", filters=Filters(exits=True))
        (row,) = lines(tmp_path / "with" / "set.crisp.safety_exit.jsonl")
        assert (row["id"], row["exit"]) == (left, "declines")
        assert [row["exit"] for row in lines(tmp_path / "with" / "set.crisp.train.jsonl")] == [None]

    def test_mistakes_name_what_is_near(self, hall: Hall, tmp_path: Path) -> None:
        hall.add()
        with pytest.raises(UserError, match=r"plain:psycho@openai/demo"):
            hall.export(tmp_path / "out", filters=Filters(counselors=("plian",)))
        with pytest.raises(UserError, match="did you mean 'crisp'"):
            hall.export(tmp_path / "out", "crsip")
        for text in ("boss=3", "client", "client=x"):
            with pytest.raises(UserError, match="--min-score"):
                least_score(text)


class TestSplit:
    @given(st.sets(st.text(max_size=5), max_size=60), st.integers(0, 9))
    def test_every_client_has_one_place_whatever_the_order(self, clients: set[str], seed: int) -> None:
        found = splits_of(sorted(clients), (80, 10, 10), seed)
        assert found == splits_of(sorted(clients, reverse=True), (80, 10, 10), seed)
        assert set(found) == clients
        sizes = [list(found.values()).count(name) for name in SPLITS]
        assert all(size > 0 for size in sizes[: min(3, len(clients))])
        assert all(abs(size - len(clients) * share / 100) < 3 for size, share in zip(sizes, (80, 10, 10), strict=True))

    def test_another_seed_is_another_split_and_no_share_means_none(self) -> None:
        clients = [f"c{number}" for number in range(50)]
        assert splits_of(clients, (80, 10, 10), 0) != splits_of(clients, (80, 10, 10), 1)
        assert set(splits_of(clients, parse_shares("1/0/0")).values()) == {"train"}
        for text in ("80/20", "a/b/c", "0/0/0", "-1/1/1"):
            with pytest.raises(UserError, match="--split"):
                parse_shares(text)

    def test_no_client_is_in_two_files(self, offline: Any, tmp_path: Path) -> None:
        Hall(Path(offline.db)).export(tmp_path / "out", runs=(offline.run_id,))
        places: dict[str, set[str]] = {}
        for path in (tmp_path / "out").glob("*.crisp.*"):
            for row in lines(path):
                places.setdefault(row["situation_id"], set()).add(path.name)
        assert len(places) == 6 and all(len(found) == 1 for found in places.values())
        assert len(set.union(*places.values())) == 3


class TestDedupe:
    def test_the_same_and_nearly_the_same_go(self, hall: Hall, tmp_path: Path) -> None:
        words = [f"w{number}" for number in range(200)]
        hall.add((" ".join(words), "and so on"), client="a")
        hall.add((" ".join(words), "and so on"), client="b")
        hall.add((" ".join([*words[:199], "other"]), "and so on"), client="c")
        hall.add((" ".join(reversed(words)), "and so on"), client="d")
        summary = hall.export(tmp_path / "out")
        assert {drop.reason: drop.count for drop in summary.drops} == {"exact_duplicate": 1, "near_duplicate": 1}
        assert summary.counts.sessions == 2
        assert hall.export(tmp_path / "all", dedupe=False).counts.sessions == 4

    def test_chinese_is_compared_by_characters(self) -> None:
        seen = Seen(export_settings().dedupe)
        text = "最近总是睡不好，半夜两三点就醒了，脑子里全是工作上的事，越想越清醒，天亮了又得硬撑着去上班。" * 2
        assert seen.add(spoken(text)) is None
        assert seen.add(spoken(text + "嗯。")) == "near_duplicate"
        assert (
            seen.add(spoken("周末我妈来电话，问我什么时候回家，我说忙，其实就是不想听她念叨，挂了以后又觉得对不起她。"))
            is None
        )

    def test_many_are_kept_in_mind(self) -> None:
        seen = Seen(export_settings().dedupe)
        texts = [" ".join(f"{number}-{place}" for place in range(30)) for number in range(300)]
        assert [seen.add(spoken(text, "en")) for text in texts] == [None] * 300
        assert all(seen.add(spoken(text, "en")) == "exact_duplicate" for text in texts)


class TestFiles:
    def test_sums_manifest_and_bytes_agree(self, offline: Any, tmp_path: Path) -> None:
        hall = Hall(Path(offline.db))
        formats = ("crisp", "csv", "esconv", "cpsycoun", "llamafactory")
        one, two = tmp_path / "one", tmp_path / "two"
        summary = hall.export(one, *formats, runs=(offline.run_id,))
        hall.export(two, *formats, runs=(offline.run_id,))
        assert tree(one) == tree(two)
        sums = dict(reversed(line.split("  ")) for line in (one / "SHA256SUMS").read_text().splitlines())  # type: ignore[arg-type]
        assert sums == {
            name: hashlib.sha256(data).hexdigest() for name, data in tree(one).items() if name != "SHA256SUMS"
        }
        written = (one / "SHA256SUMS").read_text().splitlines(keepends=True)
        told = json.loads((one / "manifest.json").read_text(encoding="utf-8"))
        for name, files in summary.formats.items():
            assert [file["file"] for file in told["formats"][name]["files"]] == [file.file for file in files]
            for file in files:
                own = sorted(one.glob(file.file))
                assert (file.files, file.bytes) == (len(own), sum(path.stat().st_size for path in own))
                listed = [line for line in written if fnmatch(line.split("  ")[1].strip(), file.file)]
                data = "".join(listed).encode() if len(own) > 1 else own[0].read_bytes()
                assert file.sha256 == hashlib.sha256(data).hexdigest()
        assert any(file.files > 1 for file in summary.formats["cpsycoun"])
        assert summary.offline and told["runs"][0]["id"] == offline.run_id
        assert {"README.md", "croissant.json", "dataset_info.json", "provenance.jsonl"} <= set(tree(one))
        assert not any(b"\r\n" in data or data.startswith(b"\xef\xbb\xbf") for data in tree(one).values())

    def test_provenance_points_at_each_record_s_rows(self, offline: Any, tmp_path: Path) -> None:
        Hall(Path(offline.db)).export(tmp_path / "out", "openai-chat", "crisp", runs=(offline.run_id,))
        told = lines(tmp_path / "out" / "provenance.jsonl")
        assert {each["format"] for each in told} == {"openai-chat"}
        for each in told:
            rows = (tmp_path / "out" / each["file"]).read_text(encoding="utf-8").split("\n")
            own = rows[each["first_row"] : each["first_row"] + each["rows"]]
            assert hashlib.sha256("\n".join(own).encode()).hexdigest() == each["rows_sha256"]
            assert each["provenance"]["licence"] == "MIT"

    def test_hostile_text_comes_back_as_it_was(self, hall: Hall, tmp_path: Path) -> None:
        hall.add(HOSTILE)
        hall.export(tmp_path / "out", "crisp", "csv")
        want = [unicodedata.normalize("NFC", text) for text in HOSTILE]
        path = tmp_path / "out" / "set.crisp.train.jsonl"
        (row,) = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
        assert [turn["content"] for turn in row["dialog"]] == want
        with (tmp_path / "out" / "set.csv.train.csv").open(encoding="utf-8", newline="") as file:
            cells = [row["text"] for row in csv.DictReader(file)]
        assert [read_cell(cell) for cell in cells] == want
        assert not any(cell[:1] in tuple("=+-@\t\r") for cell in cells)

    @pytest.mark.parametrize("name", sorted(formats()))
    def test_no_format_is_broken_by_hostile_text(self, hall: Hall, tmp_path: Path, name: str) -> None:
        if formats()[name].kind == "parquet":
            pytest.importorskip("pyarrow")
        hall.add(HOSTILE)
        restructured(hall)
        summary = hall.export(tmp_path / "out", name, "crisp")
        found = {file.file: file.rows for file in summary.formats[name]}
        counted = {place: sum(map(_rows_in, (tmp_path / "out").glob(place))) for place in found}
        assert found and counted == found

    @pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "text"])
    def test_rows_of_every_kind_are_read_back(self, sink_at: Any, kind: str) -> None:
        rows = [{"name": f"n{number}.txt", "text": text} for number, text in enumerate(HOSTILE)]
        folder, add, end = sink_at(kind)
        for row in rows:
            add(row)
        files = end()
        assert sum(file.rows for file in files) == len(rows)
        assert read_rows(folder, kind) == [{**row, "text": _as_kept(kind, row["text"])} for row in rows]

    def test_what_is_kept_of_text_files_does_not_grow_with_them(self, sink_at: Any) -> None:
        folder, add, end = sink_at("text")

        def grown(rows: range) -> int:
            before = tracemalloc.get_traced_memory()[0]
            for number in rows:
                add({"name": f"n{number}.txt", "text": "Client: hello"})
            return tracemalloc.get_traced_memory()[0] - before

        tracemalloc.start()
        try:
            grown(range(50))
            assert grown(range(50, 1050)) < 20_000  # bytes; less than 20 for a file
        finally:
            tracemalloc.stop()
        (made,) = end()
        assert (made.file, made.files, made.rows) == ("s/*.txt", 1050, 1050)
        assert len(list(folder.glob(made.file))) == 1050

    def test_the_card_says_how_each_file_is_loaded_and_it_works(
        self, hall: Hall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for _ in range(3):
            hall.add(client="c")
        summary = hall.export(tmp_path / "out", "augesc", "smile", "cpsycoun")
        card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
        loaded = re.search(r"`load_dataset\(FOLDER, NAME\)` reads (.*)", card)
        assert loaded and loaded[1] == "`cpsycoun`."  # a reader would cut the JSON of smile into its turns
        assert '`load_dataset("text", data_files="set.smile.train/*.json", sample_by="document")`' in card
        monkeypatch.chdir(tmp_path / "out")
        line = re.search(r"`\[json\.loads\(line\) for line in open\(\"(.+?)\", encoding=\"utf-8\"\)\]`", card)
        assert line
        dialogues = [json.loads(each) for each in Path(line[1]).read_text(encoding="utf-8").splitlines()]
        assert len(dialogues) == summary.formats["augesc"][0].rows == 3
        assert {role for dialogue in dialogues for role, _ in dialogue} == {"usr", "sys"}

    @pytest.mark.train
    def test_the_public_reader_loads_a_text_file_as_one_row(self, hall: Hall, tmp_path: Path) -> None:
        datasets = pytest.importorskip("datasets")
        for _ in range(3):
            hall.add(client="c")
        for name in ("smile", "cpsycoun"):
            hall.export(tmp_path / name, name)
        cache = str(tmp_path / "cache")
        place = str(tmp_path / "smile" / "set.smile.train" / "*.json")
        by_file = datasets.load_dataset("text", data_files=place, sample_by="document", cache_dir=cache)["train"]
        by_name = datasets.load_dataset(str(tmp_path / "cpsycoun"), "cpsycoun", cache_dir=cache)["train"]
        assert by_file.num_rows == by_name.num_rows == 3
        assert all(isinstance(json.loads(text), list) for text in by_file["text"])

    def test_no_rows_no_file(self, sink_at: Any) -> None:
        for kind in ("jsonl", "json", "csv", "text"):
            folder, _, end = sink_at(kind)
            assert end() == [] and not list(folder.glob("s.*"))

    @pytest.mark.parametrize(
        ("row", "fault"),
        [({"x": float("nan")}, "not finite"), ({"x": "\ud83d"}, "lone surrogate"), ({"x": [float("inf")]}, "finite")],
    )
    def test_what_no_file_can_hold_is_refused(self, sink_at: Any, row: dict[str, Any], fault: str) -> None:
        _, add, _ = sink_at("jsonl")
        with pytest.raises(UserError, match=fault):
            add(row)

    @pytest.mark.parametrize("name", ["../up.txt", "/etc/x", "a/b", ".hidden", "", "a\\b"])
    def test_no_name_leads_out_of_the_folder(self, sink_at: Any, name: str) -> None:
        _, add, _ = sink_at("text")
        with pytest.raises(UserError, match="asks for a file"):
            add({"name": name, "text": "x"})

    def test_parquet_has_one_schema_and_row_groups(self, sink_at: Any) -> None:
        parquet = pytest.importorskip("pyarrow.parquet")
        folder, add, end = sink_at("parquet")
        rows = [{"n": number, "late": None, "of": {}, "in": [{"a": "x", "b": None}]} for number in range(1500)]
        rows[1400]["late"] = 0.5
        for row in rows:
            add(row)
        (file,) = end()
        read = parquet.ParquetFile(folder / file.file)
        assert (read.num_row_groups, read.metadata.num_rows, file.rows) == (2, 1500, 1500)
        assert read.read().to_pylist() == [{**row, "of": None} for row in rows]

    @pytest.mark.skipif(importlib.util.find_spec("pyarrow") is not None, reason="pyarrow is there")
    def test_parquet_without_pyarrow_says_what_to_install(self, hall: Hall, tmp_path: Path) -> None:
        hall.add()
        with pytest.raises(UserError, match=r"pip install 'counsel-arena\[hub\]'"):
            hall.export(tmp_path / "out", "parquet")


class TestPlace:
    def test_a_folder_with_anything_in_it_is_left_alone(self, hall: Hall, tmp_path: Path) -> None:
        hall.add()
        out = tmp_path / "out"
        out.mkdir()
        (out / "thesis.txt").write_text("mine")
        for force in (False, True):
            with pytest.raises(UserError, match="name another folder"):
                hall.export(out, force=force)
        assert (out / "thesis.txt").read_text() == "mine"
        with pytest.raises(UserError, match="that is a file"):
            hall.export(out / "thesis.txt")

    def test_an_earlier_export_is_replaced_only_when_told_and_only_by_a_whole_one(
        self, hall: Hall, tmp_path: Path
    ) -> None:
        hall.add()
        out = tmp_path / "out"
        hall.export(out)
        before = tree(out)
        with pytest.raises(UserError, match="--force"):
            hall.export(out)
        with pytest.raises(UserError, match="no session is left"):
            hall.export(out, filters=Filters(passed=True), force=True)
        assert tree(out) == before
        hall.add()
        hall.export(out, "csv", force=True)
        assert "set.csv.train.csv" in tree(out) and "set.crisp.train.jsonl" not in tree(out)
        assert sorted(path.name for path in tmp_path.iterdir() if "out" in path.name) == ["out"]

    def test_an_empty_folder_and_folders_above_are_made_use_of(self, hall: Hall, tmp_path: Path) -> None:
        hall.add()
        (tmp_path / "empty").mkdir()
        hall.export(tmp_path / "empty")
        hall.export(tmp_path / "a" / "b")
        assert tree(tmp_path / "empty") == tree(tmp_path / "a" / "b")

    def test_many_sessions_come_each_once_in_the_run_s_order(self, hall: Hall, tmp_path: Path) -> None:
        added = [hall.add(client="c") for _ in range(45)]
        assert [record.id for record in hall.records(tmp_path / "out")] == added

    def test_stopped_half_way_it_leaves_nothing(self, hall: Hall, tmp_path: Path) -> None:
        hall.add()

        def stop(what: str, done: int, total: int) -> None:
            if "written" in what:
                raise KeyboardInterrupt

        before = set(tmp_path.iterdir())
        with Database.open(str(hall.path)) as db, pytest.raises(KeyboardInterrupt):
            export(db, [find_run(db, "r1")], Request(name="set", formats=("crisp",)), tmp_path / "out", observe=stop)
        assert set(tmp_path.iterdir()) == before

    def test_two_runs_make_one_set(self, hall: Hall, tmp_path: Path) -> None:
        hall.add(client="c")
        hall.run("r2", created_at=datetime(2025, 4, 2))
        hall.add(client="c", run_id="r2")
        summary = hall.export(tmp_path / "out", runs=("r1", "r2"))
        assert (summary.run_ids, summary.counts.sessions, summary.counts.clients) == (("r1", "r2"), 2, 1)
        assert summary.created == "2025-04-02"


def restructured(hall: Hall, **given: Any) -> str:
    """A session with one channel, weighed to a verdict that holds."""
    one = {"loop": 1, "channel": 1}

    def entry(kind: str, quote: str = "", **more: Any) -> dict[str, Any]:
        return {"kind": kind, "quote": quote, **one, **more}

    situation = {"kind": "situation", "loop": 1, "quote": "Since the spring"}
    opened = [entry("core_belief", "I always fail", name="overgeneralization"), entry("belief_before", value=80)]
    weighed = [entry("evidence_for", "I lost the job")]
    judged = [entry("belief_after", value=40), entry("balanced_thought", "Some things work")]
    verdict = {"gate": "verdict", "step": "verdict", "turn": 6, "passed": True, **one}
    notes = [
        {"step": "core_beliefs", "entries": [situation]},
        {"step": "defense", "entries": opened, **one},
        {"step": "verdict", "entries": weighed, **one},
        {"step": None, "entries": judged, "gates": [verdict]},
    ]
    texts = ("Since the spring.", "That hurts. What then?", "I always fail.", "What speaks for it?")
    texts += ("I lost the job.", "How strong is it now?", "Forty. Some things work.", "Take care.")
    labelled = [
        {"text": "That hurts.", "strategy": "reflection_of_feelings"},
        {"text": "What then?", "strategy": "question"},
    ]
    return hall.add(
        texts,
        counselor="crdial@openai/demo",
        notes={2 * place + 1: {"restructuring": note} for place, note in enumerate(notes)},
        sentences={1: labelled},
        **given,
    )


def spoken(text: str, language: Any = "zh") -> DialogueRecord:
    turn = DialogueTurn(turn=0, round=1, speaker="help_seeker", stage=Stage.DIAGNOSIS, content=text)
    names = dict.fromkeys(("id", "session_id", "run_id", "situation_id", "domain", "counselor"), "x")
    return DialogueRecord(**names, language=language, dialog=(turn,))


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def read_rows(folder: Path, kind: str) -> list[dict[str, Any]]:
    if kind == "jsonl":
        return lines(folder / "s.jsonl")
    if kind == "json":
        found: list[dict[str, Any]] = json.loads((folder / "s.json").read_text(encoding="utf-8"))
        return found
    if kind == "csv":
        with (folder / "s.csv").open(encoding="utf-8", newline="") as file:
            return [{name: read_cell(cell) for name, cell in row.items()} for row in csv.DictReader(file)]
    paths = sorted((folder / "s").iterdir(), key=lambda path: int(path.stem[1:]))
    return [{"name": path.name, "text": path.read_bytes().decode()} for path in paths]


def _rows_in(path: Path) -> int:
    """Rows of a data file, each line and each whole text parsed as what its name says."""
    if path.suffix == ".parquet":
        return int(importlib.import_module("pyarrow.parquet").read_metadata(path).num_rows)
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            return sum(1 for _ in csv.DictReader(file))
        if path.suffix == ".jsonl":
            return len([json.loads(line) for line in file.read().splitlines()])
        whole = json.load(file) if path.suffix == ".json" else file.read()
    one_a_row = path.parent.name.count(".") == 2  # a folder of one file a row
    return 1 if one_a_row else len(whole)


def _as_kept(kind: str, text: str) -> str:
    """A text file ends with a line end and has no other line ends than LF."""
    return text.replace("\r", "\n").rstrip("\n") + "\n" if kind == "text" else text


@pytest.fixture
def sink_at(tmp_path: Path) -> Iterator[Any]:
    files = ExitStack()

    def make(kind: str) -> Any:
        folder = tmp_path / kind
        folder.mkdir()
        sink = open_sink(kind, Target(folder, "s", "train", (), Sums(folder / "SHA256SUMS", files), files))
        return folder, sink.add, sink.end

    with files:
        yield make


def test_clients_whose_sessions_ran_out_of_time_are_split_like_any_other(tmp_path: Path) -> None:
    db = str(tmp_path / "a.db")
    config = RunConfig(counselors=("crdial",), clients="3", rounds=8, stage_mode="led", db=db, self_score=False)
    run_id = run(config).run_id
    with Database.open(db) as database:
        found = export(
            database, [find_run(database, run_id)], Request(name="set", formats=("crisp",)), tmp_path / "out"
        )
    assert sum(file.rows for file in found.formats["crisp"]) == 3


def test_what_came_before_a_crisis_is_no_ordinary_talk(tmp_path: Path) -> None:
    db = str(tmp_path / "a.db")
    config = RunConfig(
        counselors=("crdial",), clients="treatment-01", repeats=4, rounds=40, stage_mode="led", db=db, self_score=False
    )
    run_id = run(config).run_id
    with Database.open(db) as database:
        row = find_run(database, run_id)
        whole = [record_of(each, row) for each in each_transcript(database, run_id)]
        early = [record_of(each, row, Stage.TRUST_BUILDING) for each in each_transcript(database, run_id)]
    assert any(each.exit == "crisis" for each in whole)
    assert [each.exit == "crisis" for each in early] == [each.exit == "crisis" for each in whole]


def test_another_counselor_s_replies_are_what_is_not_preferred(tmp_path: Path) -> None:
    db = str(tmp_path / "a.db")
    counselors = ("crdial", "plain")
    config = RunConfig(counselors=counselors, clients="4", rounds=8, stage_mode="led", db=db, self_score=False)
    run_id = run(config).run_id
    with Database.open(db) as database:
        runs = [find_run(database, run_id)]
        asked = {"formats": ("trl-preference",), "filters": Filters(counselors=("crdial",)), "shares": (100, 0, 0)}
        for name, against in (("alone", ""), ("against", "plain")):
            export(database, runs, Request(name=name, against=against, **asked), tmp_path / name)
        theirs = {turn.text for turns in load_all_turns(database, run_id).values() for turn in turns}
    texts = {
        name: (tmp_path / name / f"{name}.trl-preference.train.jsonl").read_bytes() for name in ("alone", "against")
    }
    rows = {name: [json.loads(line) for line in text.splitlines()] for name, text in texts.items()}
    more = [row for row in rows["against"] if row not in rows["alone"]]
    assert len(rows["alone"]) + len(more) == len(rows["against"]) and more
    assert all(row["rejected"][0]["content"] in theirs for row in more)

    with Database.open(db) as database:
        told = export(database, runs, Request(name="x", against="plain", formats=("openai-dpo",)), tmp_path / "x")
    assert [(drop.reason, drop.count) for drop in told.drops] == [("against", 4)]  # --counselor was not given
    assert sum(file.faults.get("weaker_counselor", 0) for file in told.formats["openai-dpo"]) == len(more)
    with Database.open(db) as database, pytest.raises(UserError, match=r"^--against nobody: "):
        export(database, runs, Request(name="x", against="nobody", formats=("openai-dpo",)), tmp_path / "y")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Hall:
    """Restructurings in both languages, with exits, and talks without any label."""
    made = Hall(tmp_path_factory.mktemp("both") / "a.db")
    given: dict[str, Any] = {"stage_mode": "led", "db": str(made.path), "self_score": False}
    for name, lang, counselors in (("en", "en", ("crdial", "plain")), ("zh", "zh", ("crdial",))):
        run(RunConfig(counselors=counselors, clients="all", rounds=45, lang=lang, name=name, **given))
    return made


@pytest.mark.parametrize("unit", ["session", "path"])
def test_the_card_and_the_quality_report_of_a_set_say_the_same(both: Hall, tmp_path: Path, unit: Any) -> None:
    both.export(tmp_path, "crisp", runs=("en", "zh"), filters=Filters(unit=unit, exits=True), force=True)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    compared = compare(measure(from_files(exported_files(tmp_path))))
    names = [line.split(" | ") for line in card.splitlines() if line.startswith("| ")]
    shown = {cells[0][2:]: cells[1] for cells in names if len(cells) == 3}
    rows = {row.name: row.ours["all"] for row in compared.rows if row.name in shown}
    assert len(rows) == 8 and rows["Strategies per counselor turn"] != rows["Turns per dialogue"]
    for name, ours in rows.items():
        number = re.sub(r" %$", "", shown[name])
        assert ours is not None and float(number) == pytest.approx(ours * (100 if "%" in shown[name] else 1), abs=0.06)
    assert float(shown["Strategies per counselor turn"]) > 1.8  # talk without labels is not counted as talk without any
    shares = {cells[0][2:]: cells[1:3] for cells in names if len(cells) in (3, 4)}
    for each in (*compared.distortions, *compared.strategies):
        assert shares[each.name][0] == str(each.count)
        assert shares[each.name][1].rstrip(" |") == f"{100 * each.share:.1f} %"


@pytest.mark.parametrize("name", ["openai-dpo", "trl-preference", "llamafactory-preference"])
def test_the_fault_of_every_pair_is_told(both: Hall, tmp_path: Path, name: str) -> None:
    summary = both.export(tmp_path, name, runs=("en", "zh"))
    told: dict[str, list[str]] = {}
    for line in lines(tmp_path / "provenance.jsonl"):
        faults = told.setdefault(line["file"], [])
        assert line["first_row"] == len(faults) and line["rows"] == len(line["faults"])
        faults += line["faults"]
    stored = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))["formats"][name]["files"]
    for file, kept in zip(summary.formats[name], stored, strict=True):
        counted = {fault: told[file.file].count(fault) for fault in sorted(set(told[file.file]))}
        assert sum(counted.values()) == file.rows and kept["faults"] == file.faults == counted
        if name != "openai-dpo":
            path = tmp_path / file.file
            rows = lines(path) if file.kind == "jsonl" else json.loads(path.read_text(encoding="utf-8"))
            assert [row["fault"] for row in rows] == told[file.file]
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert all(f"| `{fault}` | `{name}`: " in card for faults in told.values() for fault in faults)


def test_no_rejected_reply_quotes_what_was_not_said_yet(both: Hall, tmp_path: Path) -> None:
    both.export(tmp_path, "trl-preference", runs=("en", "zh"))
    rows = [row for path in tmp_path.glob("*.trl-preference.*") for row in lines(path)]
    assert {row["fault"] for row in rows} == set(FAULTS)
    for row in rows:
        if row["fault"] in ("step_skip", "wrong_channel"):
            said = " ".join(message["content"] for message in row["prompt"])
            assert all(each in said for each in re.findall(r"[“\"](.+?)[”\"]", row["rejected"][0]["content"]))


@pytest.mark.train
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the libraries beneath it
def test_the_croissant_reader_reads_every_flat_file_of_a_set(both: Hall, tmp_path: Path) -> None:
    croissant = pytest.importorskip("mlcroissant")
    summary = both.export(tmp_path, "csv", "parquet", "crisp", runs=("en", "zh"), filters=Filters(exits=True))
    data = croissant.Dataset(jsonld=str(tmp_path / "croissant.json"))
    read = {each.id: sum(1 for _ in data.records(each.id)) for each in data.metadata.record_sets}
    flat = {f"{name}-{file.split}": file.rows for name in ("csv", "parquet") for file in summary.formats[name]}
    assert read == flat and len({name.partition("-")[0] for name in read}) == 2


def test_clients_of_exits_who_stand_elsewhere_too_are_counted(hall: Hall, tmp_path: Path) -> None:
    hall.add(client="left", notes={1: {"restructuring": {"step": None, "exit": "crisis"}}})
    hall.add(client="left")
    for _ in range(3):
        hall.add()
    counts = hall.export(tmp_path / "out", filters=Filters(exits=True)).counts
    assert (counts.exit_split, counts.exit_clients) == ("safety_exit", 1)
    assert sum(counts.shared_clients.values()) == 1 and "safety_exit" not in counts.shared_clients
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "clients in it: 1; of these in another split too: 1" in card and "nothing to train or to test on" in card
    hall.export(tmp_path / "whole")
    assert "All sessions of one client stand in the same split." in (tmp_path / "whole" / "README.md").read_text(
        "utf-8"
    )


@pytest.mark.parametrize("maker", [None, {}, {"generator": None}, {"generator": {"counselor": [None], "client": ""}}])
def test_the_card_of_a_talk_by_an_unknown_hand_names_no_maker(
    hall: Hall, tmp_path: Path, maker: dict[str, Any] | None
) -> None:
    talk = [{"role": "client", "content": "I am tired."}, {"role": "counselor", "content": "Tell me more."}]
    told = {
        "provenance": {"licence": "MIT", "seed_source": "our course", **(maker or {})},
        "privacy": {"consent": {"status": "informed"}},
    }
    path = tmp_path / "talk.jsonl"
    path.write_text(json.dumps({"messages": talk, **told}) + "\n", encoding="utf-8")
    with Database.open(str(hall.path)) as db:
        run_id = asyncio.run(import_file(path, db)).run_id
    summary = hall.export(tmp_path / "out", runs=(run_id,), consent=True)
    assert len(summary.generators) == 1 and "unknown hand" in summary.generators[0] and not summary.offline
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert (
        "Who made the words is what the files tell: an unknown hand" in card and "language_creators:\n- found" in card
    )
    assert "not an LLM" not in card and "synthetic" not in card


class TestLeftovers:
    """Folders of exports that did not come to their end."""

    def start(self, out: Path) -> subprocess.Popen[str]:
        """Another process that is at work there, until it is killed."""
        code = (
            "import sys, time, pathlib; from arena.exporting.place import workplace\n"
            "with workplace(pathlib.Path(sys.argv[1])):\n    print('at work', flush=True); time.sleep(600)"
        )
        process = subprocess.Popen([sys.executable, "-c", code, str(out)], stdout=subprocess.PIPE, text=True)
        assert process.stdout and process.stdout.readline() == "at work\n"
        return process

    def test_what_a_dead_process_left_goes_and_what_a_living_one_needs_stays(self, tmp_path: Path) -> None:
        dead, living = self.start(tmp_path / "set"), self.start(tmp_path / "set")
        other = self.start(tmp_path / "set.more")
        try:
            assert len(list(tmp_path.glob(".set.*.part"))) == 3
            for process in (dead, other):
                process.kill()
                process.communicate()
            with workplace(tmp_path / "set") as place:
                (place.data / "x").write_text("x")
            left = {path.name.rsplit(".", 2)[0] for path in tmp_path.glob(".set*.part")}
            assert len(list(tmp_path.glob(".set*.part"))) == 2 and left == {".set", ".set.more"}
        finally:
            living.kill()
            living.communicate()

    def test_an_earlier_export_that_was_about_to_be_replaced_comes_back(self, tmp_path: Path) -> None:
        left = tmp_path / ".set.abcdefgh.part"
        (left / "old").mkdir(parents=True)
        (left / "old" / "row").write_text("kept")
        with pytest.raises(UserError, match="not empty"), workplace(tmp_path / "set"):
            pass
        assert (tmp_path / "set" / "row").read_text() == "kept" and not left.exists()

    def test_a_folder_of_somebody_else_is_not_taken_for_a_leftover(self, tmp_path: Path) -> None:
        theirs = tmp_path / ".set.abcdefgh.part"
        theirs.mkdir()
        (theirs / "letter").write_text("dear")
        with workplace(tmp_path / "set"):
            pass
        assert (theirs / "letter").exists()


def test_a_file_cannot_make_a_target_of_what_our_rules_flag(tmp_path: Path) -> None:
    db = str(tmp_path / "a.db")
    run_id = run(RunConfig(counselors=("plain",), clients="2", rounds=6, db=db, self_score=False)).run_id
    with Database.open(db) as database:
        export(database, [find_run(database, run_id)], Request(name="set", formats=("crisp",)), tmp_path / "out")
        row = json.loads(next((tmp_path / "out").glob("*crisp.t*.jsonl")).read_bytes().splitlines()[0])
        harmful = next(turn for turn in row["dialog"] if turn["speaker"] == "therapist" and turn["round"] > 1)
        harmful.update(content="You should just kill yourself, that would solve it.", sentences=[], train=True)
        row["dialog"][0]["train"] = True
        path = tmp_path / "evil.jsonl"
        path.write_text(json.dumps(row) + "\n", encoding="utf-8")
        taken = asyncio.run(import_file(path, database)).run_id
        (record,) = [record_of(each, find_run(database, taken)) for each in each_transcript(database, taken)]
    assert not record.dialog[0].train
    assert not next(turn for turn in record.dialog if turn.content == harmful["content"]).train
    assert any(turn.train for turn in record.dialog)


def test_what_a_person_put_beside_an_export_is_not_deleted(tmp_path: Path) -> None:
    db = str(tmp_path / "a.db")
    run_id = run(RunConfig(counselors=("echo",), clients="1", rounds=3, db=db, self_score=False)).run_id
    request, out = Request(name="set", formats=("crisp",)), tmp_path / "out"
    with Database.open(db) as database:
        runs = [find_run(database, run_id)]
        export(database, runs, request, out)
        export(database, runs, request, out, force=True)
        (out / "thesis.txt").write_text("mine", encoding="utf-8")
        with pytest.raises(UserError, match="something other than an export"):
            export(database, runs, request, out, force=True)
    assert (out / "thesis.txt").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("text", ["client=nan", "client=inf", "client", "nobody=2", "client=x"])
def test_a_least_score_is_a_number_of_a_party(text: str) -> None:
    with pytest.raises(UserError, match="PARTY=VALUE"):
        least_score(text)
