"""Transcripts from elsewhere: every common shape and role is read, and nothing malformed passes for a dialogue."""

from __future__ import annotations

import json
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.errors import UserError
from profiles.vocabulary import LANGUAGES, Language
from storage.exports.format import ExportOptions, find_format
from storage.exports.record import DialogueRecord, paths
from storage.imports.limits import LONGEST_TURN, MOST_BYTES, MOST_DIALOGUES, MOST_TURNS
from storage.imports.reading import Imported, read_dialogues
from storage.imports.roles import party_of
from tests.storage.export_records import a_record

SAID = (
    ("client", "I feel low."),
    ("counselor", "Since when?"),
    ("client", "Since May."),
    ("counselor", "What happened?"),
)


def named(client: str, counselor: str) -> list[tuple[str, str]]:
    return [(client if speaker == "client" else counselor, text) for speaker, text in SAID]


SHAPES: dict[str, Any] = {
    "openai": {
        "messages": [
            {"role": "system", "content": "Be kind."},
            *({"role": role, "content": text} for role, text in named("user", "assistant")),
        ]
    },
    "sharegpt": {"system": "x", "conversations": [{"from": who, "value": text} for who, text in named("human", "gpt")]},
    "esconv raw": {
        "situation": "x",
        "dialog": [{"speaker": who, "annotation": {}, "content": text} for who, text in named("seeker", "supporter")],
    },
    "esconv processed": {
        "dialog": [{"text": text, "speaker": who, "strategy": "Question"} for who, text in named("usr", "sys")]
    },
    "augesc": [list(line) for line in named("usr", "sys")],
    "extes": {"scene": "x", "content": [{who: text, "AI Strategy": "x"} for who, text in named("User", "AI")]},
    "smile": [
        {"role": who, "content": text, "annotation": [{"sentence": text, "label": ""}]}
        for who, text in named("client", "counselor")
    ],
    "cactus": {"thought": "x", "dialogue": "\n".join(f"{who}: {text}" for who, text in named("Client", "Counselor"))},
    "cactus history": {
        "cbt_plan": "x",
        "history": [{"role": who, "message": text} for who, text in named("client", "counselor")],
    },
    "alpaca": {
        "instruction": "Since May.",
        "input": "",
        "output": "What happened?",
        "history": [["I feel low.", "Since when?"]],
    },
}

ROLES = (
    ("Client", "Therapist"),
    ("**Patient**", "**Counsellor**"),
    ("[User]", "[Assistant]"),
    ("C", "T"),
    ("P", "T"),
    ("CLIENT 1", "COUNSELOR 1"),
    ("来访者", "咨询师"),
    ("求助者", "支持者"),
    ("【来访者】", "【心理咨询师】"),
    ("Ｃlient", "Helper"),
)


def read(folder: Path, text: str, name: str = "talks.txt", **roles: Any) -> list[Imported]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return list(read_dialogues(path, roles or None))


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_gives_the_same_dialogue_alone_in_a_list_and_as_a_line(shape: str, tmp_path: Path) -> None:
    value = SHAPES[shape]
    alone = read(tmp_path, json.dumps(value, indent=1), "one.json")
    listed = read(tmp_path, json.dumps([value, value]), "list.json")
    lines = read(tmp_path, f"{json.dumps(value)}\n\n{json.dumps(value)}\n", "lines.jsonl")
    assert [len(alone), len(listed), len(lines)] == [1, 2, 2]
    for each in (*alone, *listed, *lines):
        assert each.turns == SAID and not each.faults and each.language == "en"


@pytest.mark.parametrize(("client", "counselor"), ROLES)
def test_a_transcript_in_plain_text_is_read_by_the_role_before_each_line(
    client: str, counselor: str, tmp_path: Path
) -> None:
    first = f"Session 3, May\n\n{client}: one\n{counselor}： two\nand more\n"
    text = f"{first}[00:01:10] {client}: three: and 4\n{counselor}: five"
    (found,) = read(tmp_path, text)
    assert [text for _, text in found.turns] == ["one", "two\nand more", "three: and 4", "five"]
    assert [speaker for speaker, _ in found.turns] == ["client", "counselor"] * 2
    assert not found.faults


def test_a_text_that_begins_with_a_time_in_brackets_is_no_json(tmp_path: Path) -> None:
    (found,) = read(tmp_path, "[00:12] Client: one\n[01:05] Counselor: two\n")
    assert found.turns == (("client", "one"), ("counselor", "two")) and not found.faults


def test_dialogues_in_one_file_are_parted_by_a_rule_or_a_heading(tmp_path: Path) -> None:
    talk = "Client: a\nCounselor: b\n"
    found = read(tmp_path, f"# First\n{talk}---\n{talk}\n## Third\n{talk}")
    assert [each.place for each in found] == ["line 2", "line 5", "line 9"]
    assert all(len(each.turns) == 2 and not each.faults for each in found)


def test_what_is_malformed_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    good = json.dumps(SHAPES["openai"])
    bad = [
        "{broken",
        json.dumps({"messages": [{"role": "user", "content": "a"}, {"role": "wizard", "content": "b"}]}),
        json.dumps({"messages": [{"role": "user", "content": "  "}, {"role": "assistant", "content": "b"}]}),
        json.dumps({"messages": [{"role": "user", "content": None}, {"role": "assistant", "content": "b"}]}),
        json.dumps({"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]}),
        '{"messages": [{"role": "user", "content": "\\ud83d"}, {"role": "assistant", "content": "b"}]}',
        json.dumps({"messages": []}),
        json.dumps({"name": "nothing"}),
        json.dumps("just words"),
        json.dumps(7),
    ]
    found = read(tmp_path, "\n".join([good, *bad, good]), "mixed.jsonl")
    faults = [each.faults for each in found]
    assert not faults[0] and not faults[-1] and all(faults[1:-1])
    assert faults[1][0].startswith("not JSON (Expecting")
    assert faults[2][0] == "turn 2: unknown role 'wizard'"
    assert faults[3][0] == faults[4][0] == "turn 1: no text"
    assert faults[5] == ("no turn of the counselor",)
    assert faults[6][0].startswith("turn 1: half a character")
    assert [each.place for each in found] == [f"line {number}" for number in range(1, len(bad) + 3)]


def test_an_unknown_role_in_plain_text_is_no_part_of_what_was_said(tmp_path: Path) -> None:
    (found,) = read(tmp_path, "Client: hello\nMediator: wait\nCounselor: yes\nMediator: go on\nClient: well")
    assert any("unknown role 'Mediator'" in fault for fault in found.faults)
    assert all("wait" not in text for _, text in found.turns)


def test_ones_own_spellings_come_first(tmp_path: Path) -> None:
    text = "Mrs A: hello\nDr B: yes?\nMrs A: well\nDr B: go on"
    (unknown,) = read(tmp_path, text)
    (known,) = read(tmp_path, text, **{"Mrs A": "client", "dr b": "counselor"})
    assert unknown.faults and not known.faults
    assert [speaker for speaker, _ in known.turns] == ["client", "counselor"] * 2


def test_system_lines_are_left_out_and_counted(tmp_path: Path) -> None:
    (found,) = read(tmp_path, json.dumps(SHAPES["openai"]), "one.json")
    assert found.beside == 1 and all("Be kind" not in text for _, text in found.turns)


def test_a_letter_is_a_role_only_beside_a_t() -> None:
    assert party_of("C", frozenset({"C", "T"})) == "client"
    assert party_of("C", frozenset({"C", "Note"})) is None
    assert party_of("T", frozenset({"C", "T"})) == "counselor"


@pytest.mark.parametrize("text", ["", "   \n\n", "no roles here at all\njust a story"])
def test_a_file_without_a_dialogue_says_so(text: str, tmp_path: Path) -> None:
    if text.strip():
        assert all(each.faults for each in read(tmp_path, text))
        return
    with pytest.raises(UserError, match="no dialogue"):
        read(tmp_path, text)


def test_a_broken_json_file_is_one_line_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"line 3: not JSON") as fault:
        read(tmp_path, '{\n"messages": [\n{"role": }\n]}', "one.json")
    assert "\n" not in str(fault.value)


spoken = (
    st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=60).map(str.strip).filter(bool)
)


@settings(max_examples=150, deadline=None)
@given(texts=st.lists(spoken, min_size=2, max_size=8))
def test_whatever_is_said_survives_as_it_was_said(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    turns = [{"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(texts)]
    path = tmp_path_factory.mktemp("said") / "one.jsonl"
    path.write_text(json.dumps({"messages": turns}) + "\n", encoding="utf-8")
    (found,) = read_dialogues(path)
    assert not found.faults
    assert [text for _, text in found.turns] == texts


@pytest.mark.parametrize("text", ["[" * 100_000 + "]" * 100_000, '{"a":' * 100_000])
@pytest.mark.parametrize("name", ["deep.json", "deep.jsonl"])
def test_what_is_nested_too_deeply_is_named(text: str, name: str, tmp_path: Path) -> None:
    try:
        found = read(tmp_path, text, name)
    except UserError as fault:
        assert "\n" not in str(fault)
    else:
        assert all(each.faults for each in found)


def spoken_by_turns(turns: int, text: str = "hm") -> dict[str, Any]:
    return {"messages": [{"role": ("user", "assistant")[place % 2], "content": text} for place in range(turns)]}


def test_a_dialogue_of_more_turns_than_any_talk_has_is_malformed_and_cut(tmp_path: Path) -> None:
    values = [spoken_by_turns(MOST_TURNS), spoken_by_turns(MOST_TURNS + 1), SHAPES["openai"]]
    fits, long, after = read(tmp_path, json.dumps(values), "long.json")
    assert not fits.faults and not after.faults and len(fits.turns) == MOST_TURNS
    assert long.faults == (f"too long: {MOST_TURNS + 1:,} turns, at most {MOST_TURNS:,}",)
    assert len(long.turns) == MOST_TURNS
    (written,) = read(tmp_path, "Client: a\nCounselor: b\n" * MOST_TURNS)
    assert written.faults == (f"too long: {2 * MOST_TURNS:,} turns, at most {MOST_TURNS:,}",)


def test_a_turn_longer_than_any_is_malformed_and_left_out(tmp_path: Path) -> None:
    value = spoken_by_turns(4)
    value["messages"][1]["content"] = "x" * LONGEST_TURN
    (fits,) = read(tmp_path, json.dumps(value), "one.json")
    value["messages"][1]["content"] += "x"
    (long,) = read(tmp_path, json.dumps(value), "one.json")
    assert not fits.faults
    assert long.faults == (f"turn 2: too long: {LONGEST_TURN + 1:,} characters, at most {LONGEST_TURN:,}",)
    assert len(long.turns) == 3


def test_a_whole_record_is_held_to_the_same_limits(tmp_path: Path) -> None:
    record = a_record()
    times = MOST_TURNS // len(record.dialog) + 1
    turns = [turn for _ in range(times) for turn in record.dialog]
    dialog = tuple(turn.model_copy(update={"turn": number}) for number, turn in enumerate(turns))
    (row,) = find_format("crisp").rows(record.model_copy(update={"dialog": dialog}), ExportOptions())
    (long,) = read(tmp_path, json.dumps(row) + "\n", "long.jsonl")
    assert long.faults == (f"too long: {len(dialog):,} turns, at most {MOST_TURNS:,}",) and long.record is None
    assert len(long.turns) == MOST_TURNS


def test_of_many_faults_a_few_are_named_and_the_others_counted(tmp_path: Path) -> None:
    value = {"messages": [{"role": "wizard", "content": "x"}] * 500}
    (found,) = read(tmp_path, json.dumps(value), "one.json")
    assert len(found.faults) < 30 and found.faults[-1].startswith("and 48")


def test_more_dialogues_than_memory_should_hold_are_refused_in_one_line(tmp_path: Path) -> None:
    assert len(read(tmp_path, "7\n" * MOST_DIALOGUES, "most.jsonl")) == MOST_DIALOGUES
    with pytest.raises(UserError, match=f"more than {MOST_DIALOGUES:,} dialogues; split it"):
        read(tmp_path, "7\n" * (MOST_DIALOGUES + 1), "more.jsonl")


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.jsonl"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)  # a hole: it takes no room
    with pytest.raises(UserError, match="larger than 256 MB; split it"):
        list(read_dialogues(path))


@pytest.mark.parametrize("coding", ["utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("name", ["talk.txt", "talk.json"])
def test_utf_16_without_a_mark_and_other_nul_bytes_are_refused(coding: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    text = "Client: a\nCounselor: b\n" if name.endswith("txt") else json.dumps(SHAPES["openai"])
    path.write_bytes(text.encode(coding))
    with pytest.raises(UserError, match=r"talk\.\w+, line 1: NUL.*save it as UTF-8") as fault:
        list(read_dialogues(path))
    assert "\n" not in str(fault.value)
    path.write_text("Client: a\nCounselor: b\0\n", encoding="utf-8")
    with pytest.raises(UserError, match="line 2: NUL"):
        list(read_dialogues(path))


def test_a_nul_character_written_as_an_escape_is_named_by_its_turn(tmp_path: Path) -> None:
    value = spoken_by_turns(4)
    value["messages"][2]["content"] = "a\0b"
    (found,) = read(tmp_path, json.dumps(value), "one.json")
    assert found.faults == ("turn 3: a NUL character; save the file anew from its source",)


@pytest.mark.parametrize(
    "text",
    [
        "Client: hi\nCounselor: yes\na" + " " * 100_000 + "b\n",  # a name, blanks, and no colon
        "".join(f"name {number}: said\n" for number in range(20_000)),  # each line of another's
    ],
)
def test_no_text_takes_time_beyond_its_length(text: str, tmp_path: Path) -> None:
    begun = time.process_time()
    read(tmp_path, text)
    assert time.process_time() - begun < 5  # seconds; it takes a tenth of one, and took minutes


def test_what_an_object_tells_of_origin_and_consent_comes_along(tmp_path: Path) -> None:
    told = {"provenance": {"licence": "MIT", "seed_source": "ours"}, "privacy": {"consent": {"status": "informed"}}}
    found = read(tmp_path, json.dumps([SHAPES["openai"] | told, SHAPES["openai"] | {"privacy": "none"}]), "two.json")
    assert [each.told for each in found] == [told, {}] and not any(each.faults for each in found)


# -------------------------------------------------------------------------------------------- records of our own


def own_row(record: DialogueRecord | None = None) -> dict[str, Any]:
    """A row of the full record as it stands in a file."""
    (row,) = find_format("crisp").rows(record or a_record(), ExportOptions())
    found: dict[str, Any] = json.loads(json.dumps(row))
    return found


def changed(row: dict[str, Any], place: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    inner: Any = row
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return row


def test_a_record_of_our_own_is_taken_in_whole(tmp_path: Path) -> None:
    for record in (a_record("en"), a_record("zh"), *paths(a_record())):
        (found,) = read(tmp_path, json.dumps(own_row(record)), "one.jsonl")
        assert found.record == record and not found.faults


@pytest.mark.parametrize(
    ("place", "value", "fault"),
    [
        (("dialog", 3, "turn"), 77, "dialog.3: turn 77 where 3 should stand"),
        (("dialog", 3, "turn"), 2, "dialog.3: turn 2 where 3 should stand"),
        (("dialog", 1, "content"), " ", "dialog.1: content: no text"),
        (("dialog", 2, "content"), "something else", "dialog.2: content: not its joined sentences"),
        (("dialog", 2, "round"), 10**30, "dialog.2: round: "),
        (("dialog", 2, "sentences", 0, "strategy"), "nope", "dialog.2: sentences.0.strategy: 'nope' is no strategy"),
        (("dialog", 2, "sentences", 0, "category"), "nope", "dialog.2: sentences.0.category: "),
        (("dialog",), [], "dialog: no turns"),
        (("channels", 0, "distortion"), "nope", "channels.0.distortion: 'nope' is no known distortion"),
        (
            ("identification", "core_beliefs", 1, "distortion"),
            "nope",
            "identification.core_beliefs.1.distortion: 'nope' is no known",
        ),
        (("channels", 0, "belief_before"), 900, "channels.0.belief_before: 900 is not within 0-100"),
        (("channels", 1, "emotion_after"), -1, "channels.1.emotion_after: -1 is not within"),
        (("channels", 0, "belief_before"), float("nan"), "channels.0.belief_before: NaN is no number"),
        (("channels", 0, "evidence_for"), ["never said"], "channels.0.evidence_for: the client never said this"),
        (("channels", 0, "evidence_against"), [""], "channels.0.evidence_against: the client never said this"),
        (("channels", 1, "balanced_thought"), "All is fine.", "channels.1.balanced_thought: the client never said"),
        (("scales", "belief_pre"), 101, "scales.belief_pre: 101 is not within"),
        (("scales", "emotions_pre"), [{"name": "low", "intensity": 300}], "scales.emotions_pre.0.intensity: 300 is"),
        (("scores",), {"client": {"total": "x"}}, "scores.client.total: must be a number"),
        (("scores",), {"client": {"share": True}}, "scores.client.share: must be a number"),
        (("scores",), {"client": {"passed": 1}}, "scores.client.passed: must be true or false"),
        (("scores",), {"client": {"stars": 5}}, "scores.client.stars: unknown field"),
        (("scores",), {"wizard": {}}, "scores.wizard: no such party"),
        (("gate",), "splendid", "gate: 'splendid' is none of"),
        (("schema_version",), "9.9", "schema_version: '9.9', where this program reads '1.0'"),
        (("language",), "fr", "language: must be 'en' or 'zh'"),
        (("surprise",), 1, "surprise: unknown field"),
        (("situation",), "a\ud83d", "situation: half a character"),
        (("provenance", "a\0"), 1, "provenance: a NUL character"),
    ],
)
def test_a_record_that_breaks_its_promises_is_malformed_and_the_field_is_named(
    place: tuple[str | int, ...], value: Any, fault: str, tmp_path: Path
) -> None:
    lines = [json.dumps(row) for row in (own_row(), changed(own_row(), place, value), own_row())]
    first, found, last = read(tmp_path, "\n".join(lines), "three.jsonl")
    assert any(each.startswith(fault) for each in found.faults) and found.record is None
    assert first.record and last.record


def test_other_names_of_a_distortion_and_turns_without_labels_are_all_right(tmp_path: Path) -> None:
    row = changed(own_row(), ("channels", 0, "distortion"), "Mind Reading")
    row = changed(row, ("dialog", 2, "sentences"), [])
    (found,) = read(tmp_path, json.dumps(row), "one.json")
    assert found.record and not found.faults


def test_a_record_without_one_of_its_fields_never_becomes_a_plain_transcript(tmp_path: Path) -> None:
    row = own_row()
    del row["identification"]
    (found,) = read(tmp_path, json.dumps(row), "one.json")
    assert found.faults == ("identification: this field is missing; add it",) and not found.turns


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_makes_its_dialogue_malformed_wherever_it_stands(number: str, tmp_path: Path) -> None:
    good = json.dumps(SHAPES["openai"])
    bad = f'{good[:-1]}, "provenance": {{"x": [1, {number}]}}}}'
    for text, name in ((f"{good}\n{bad}\n{good}", "three.jsonl"), (f"[{good}, {bad}, {good}]", "three.json")):
        first, found, last = read(tmp_path, text, name)
        assert not first.faults and not last.faults
        assert found.faults[0].startswith("provenance.x.1: ") and "is no number in JSON" in found.faults[0]


@pytest.mark.parametrize("levels", [100, 400, 100_000])
def test_what_is_nested_too_deeply_is_said_in_one_way(levels: int, tmp_path: Path) -> None:
    good = json.dumps(SHAPES["openai"])
    text = f'{good[:-1]}, "provenance": {{"d": {"[" * levels}{"]" * levels}}}}}'
    (line, other) = read(tmp_path, f"{text}\n{good}", "two.jsonl")
    assert line.faults == ("nested too deeply: more than 64 levels",) and not other.faults
    try:
        (whole,) = read(tmp_path, text, "one.json")
        said = whole.faults[0]
    except UserError as fault:
        said = str(fault)
    assert "nested too deeply: more than 64 levels" in said


# ------------------------------------------------------------------------------------------ our own exports, back


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["esconv", "extes", "crisp-tokens", "openai-chat"])
def test_what_our_own_formats_add_is_no_part_of_the_talk(name: str, language: Language, tmp_path: Path) -> None:
    record = a_record(language)
    rows = list(find_format(name).rows(record, ExportOptions(system={"en": "", "zh": ""})))
    (found,) = read(tmp_path, json.dumps(rows[0], ensure_ascii=False), "one.json")
    want = [("client" if turn.speaker == "help_seeker" else "counselor", turn.content) for turn in record.dialog]
    assert list(found.turns) == want and not found.faults


def test_a_token_in_somebodys_own_words_comes_back_as_it_was_said(tmp_path: Path) -> None:
    said = [
        {"role": "user", "content": "He wrote [Question ] on the board."},
        {"role": "assistant", "content": "[Restatement] He wrote it. [Question] What then?"},
    ]
    (found,) = read(tmp_path, json.dumps({"messages": said}), "one.json")
    assert [text for _, text in found.turns] == ["He wrote [Question] on the board.", "He wrote it. What then?"]


def test_brackets_of_a_chat_without_tokens_and_lines_in_a_row_stay_as_they_are(tmp_path: Path) -> None:
    said = [("user", "a [Question ] b"), ("assistant", "[sighs] c"), ("assistant", "d")]
    (found,) = read(tmp_path, json.dumps([{"role": role, "content": text} for role, text in said]), "one.json")
    assert [text for _, text in found.turns] == [text for _, text in said]


# ------------------------------------------------------------------------------------------------ spellings


@pytest.mark.parametrize(
    ("client", "counselor"),
    [("来访者B", "治疗师A"), ("访", "咨"), ("Client (Ann)", "Therapist (Dr. Lee)"), ("来访者（小李）", "咨询师")],
)
def test_a_letter_or_a_bracket_behind_a_role_does_not_hide_it(client: str, counselor: str, tmp_path: Path) -> None:
    text = "\n".join(f"{who}: {said}" for who, said in named(client, counselor))
    (found,) = read(tmp_path, text)
    assert found.turns == SAID and not found.faults


@pytest.mark.parametrize("other", ["来访者C", "Client (Bob)"])
def test_two_people_of_one_role_are_not_taken_for_one(other: str, tmp_path: Path) -> None:
    one = "来访者B" if other.startswith("来") else "Client (Ann)"
    (found,) = read(tmp_path, f"{one}: a\nTherapist: b\n{other}: c\n{one}: d\n{other}: e")
    assert f"turn 3: unknown role '{other}'" in found.faults


def test_a_sign_for_a_party_counts_only_beside_the_other() -> None:
    assert party_of("访", frozenset({"访", "咨询师"})) == "client"
    assert party_of("访", frozenset({"访", "注"})) is None
    assert party_of("C", frozenset({"C", "Patient"})) is None


def test_a_list_within_a_clients_words_is_a_part_of_them(tmp_path: Path) -> None:
    text = "Client: My plan:\nWork: none\nWork: much\nCounselor: ok\nClient: yes"
    (found,) = read(tmp_path, text)
    assert not found.faults and found.turns[0] == ("client", "My plan:\nWork: none\nWork: much")
    (third,) = read(tmp_path, "Client: a\nCounselor: b\nBob: c\nBob: d\nClient: e")
    assert "turn 3: unknown role 'Bob'" in third.faults
    (nobody,) = read(tmp_path, "Client: a\nWork: c\nWork: d\n")
    assert "turn 2: unknown role 'Work'" in nobody.faults


def test_json_lines_are_read_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    line = json.dumps(spoken_by_turns(40, "word " * 50))
    path.write_text((line + "\n") * 1_000, encoding="utf-8")
    tracemalloc.start()
    try:
        found = sum(1 for _ in read_dialogues(path))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == 1_000 and most < path.stat().st_size / 10
