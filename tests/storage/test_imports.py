"""Transcripts from elsewhere: every common shape and role is read, and nothing malformed passes for a dialogue."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.errors import UserError
from storage.imports.reading import Imported, read_dialogues
from storage.imports.roles import party_of

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
    assert faults[1] == ("not JSON",)
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


spoken = st.text(min_size=1, max_size=60).map(str.strip).filter(bool)


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
