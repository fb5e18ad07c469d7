"""YAML with lines, and one language out of two: faults are named by file, line and field, in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from profiles.errors import UserError
from profiles.localize import MissingText, languages_in, localize, script_of
from profiles.located import faults, parse_yaml, read_yaml, validate
from profiles.schema import Profile

CARD = """id: a-1
lang: en
theme: other
current_distress: Sleeps badly.
"""


def refusal(text: str) -> str:
    with pytest.raises(UserError) as error:
        parse_yaml(text, "mine.yaml")
    message = str(error.value)
    assert "\n" not in message
    return message


def fault(text: str) -> str:
    located = parse_yaml(text, "mine.yaml")
    with pytest.raises(UserError) as error:
        validate(Profile, located.value, located)
    assert "\n" not in str(error.value)
    return str(error.value)


# Lines


def test_every_part_knows_its_line() -> None:
    located = parse_yaml("a: 1\nb:\n  - x\n  - c: 2\n", "mine.yaml")
    assert located.value == {"a": 1, "b": ["x", {"c": 2}]}
    assert [located.line(place) for place in [("a",), ("b",), ("b", 0), ("b", 1, "c")]] == [1, 2, 3, 4]


def test_a_part_that_is_not_there_has_the_line_of_its_nearest_parent() -> None:
    located = parse_yaml("a:\n  b:\n    c: 1\n", "mine.yaml")
    assert located.line(("a", "b", "missing", 3)) == 2
    assert located.line(("missing",)) == 1


def test_a_part_and_the_items_of_a_list_keep_their_lines() -> None:
    located = parse_yaml("list:\n  - a: 1\n    b: 2\n  - a: 3\n", "mine.yaml").part("list")
    first, second = located.parts()
    assert (first.value, first.line(("b",))) == ({"a": 1, "b": 2}, 3)
    assert (second.value, second.line(("a",))) == ({"a": 3}, 4)


def test_a_key_that_is_a_number_has_a_line_as_number_and_as_text() -> None:
    located = parse_yaml("a:\n  1: x\n", "mine.yaml")
    assert located.line(("a", 1)) == located.line(("a", "1")) == 2


# Faults of YAML itself


def test_a_key_that_stands_twice_is_refused_with_both_lines() -> None:
    message = refusal("risk:\n  level: none\n  text: ''\n  level: high\n")
    assert message == "mine.yaml, line 4: risk.level: key 'level' stands twice (lines 2 and 4); keep one"


def test_the_same_key_at_different_places_is_fine() -> None:
    assert parse_yaml("a: {x: 1}\nb: {x: 1}\n1: n\n'1': t\n", "mine.yaml").value[1] == "n"


def test_merged_keys_may_be_overridden() -> None:
    assert parse_yaml("a: &a {x: 1}\nb:\n  <<: *a\n  x: 2\n", "mine.yaml").value["b"] == {"x": 2}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        pytest.param("a:\n\t- b\n", 2, "indentation", id="tab"),
        pytest.param("a: b\n c: d\n", 2, "indentation", id="indentation"),
        pytest.param("a: 'x\n\nb: y\n", 4, "quotes", id="open quote"),
        pytest.param("a: 1\nb: \x01\n", 2, "character", id="control character"),
        pytest.param("a: *b\n", 1, "alias", id="unknown alias"),
        pytest.param("a: !!python/object:os.system {}\n", 1, "tag", id="python object"),
        pytest.param("a: &a [*a]\n", 1, "alias holds itself", id="alias of itself"),
    ],
)
def test_broken_yaml_is_refused_with_its_line(text: str, line: int, says: str) -> None:
    message = refusal(text)
    assert message.startswith(f"mine.yaml, line {line}: ")
    assert says in message


def test_a_word_that_looks_like_a_date_and_is_none_asks_for_quotes() -> None:
    assert "put it in quotes" in refusal("version: 2024-13-01\n")


def test_nesting_without_end_is_refused() -> None:
    assert "nested too deeply" in refusal("[" * 5000 + "]" * 5000)


def test_aliases_that_multiply_are_refused_before_memory_ends() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "too many others" in refusal("\n".join(rows))


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert read_yaml(path).value == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("content", "says"),
    [pytest.param(None, "no such file", id="missing"), pytest.param("昵称: 小明".encode("gb18030"), "UTF-8", id="gb")],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "mine.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=f"mine.yaml: .*{says}"):
        read_yaml(path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="this is a folder"):
        read_yaml(tmp_path)


# Faults of the content


@pytest.mark.parametrize(
    ("more", "line", "says"),
    [
        pytest.param("openning: Hello.\n", 5, "openning: unknown field; did you mean 'opening'?", id="near"),
        pytest.param("zzz: 1\n", 5, "zzz: unknown field; known fields: coping, core_theme", id="far"),
        pytest.param("resistance: 7\n", 5, "resistance: ", id="range"),
        pytest.param("intake: 7\n", 5, "intake: must be a valid string; put it in quotes", id="number as text"),
        pytest.param("facts:\n- id: f1\n  txt: x\n", 7, "facts.0.txt: unknown field; did you mean 'text'", id="list"),
        pytest.param("facts:\n- id: f1\n", 6, "facts.0.text: this field is missing", id="missing in list"),
        pytest.param("facts:\n- id: f1\n  text: x\n  tld_by: self\n", 8, "did you mean 'told_by'?", id="below a list"),
        pytest.param("criteria:\n  dep.mood: {truth: met, txt: x}\n", 6, "did you mean 'text'?", id="below a mapping"),
        pytest.param("demographics: {age: [1]}\n", 5, "demographics.age: ", id="member of a union"),
        pytest.param("hidden_facts:\n- {id: h1, text: x}\n- {id: h1, text: y}\n", 1, "'h1' stands twice", id="ids"),
    ],
)
def test_a_wrong_field_is_named_with_line_and_nearest_right_name(more: str, line: int, says: str) -> None:
    message = fault(CARD + more)
    assert message.startswith(f"mine.yaml, line {line}: ")
    assert says in message
    assert "age.int" not in message


def test_all_faults_are_told_and_a_right_value_has_none() -> None:
    located = parse_yaml(CARD + "openning: x\nresistance: 7\n", "mine.yaml")
    lines = [str(each).split(": ")[0] for each in faults(Profile, located.value, located)]
    assert sorted(lines) == ["mine.yaml, line 5", "mine.yaml, line 6"]
    fine = parse_yaml(CARD, "mine.yaml")
    assert faults(Profile, fine.value, fine) == ()
    assert validate(Profile, fine.value, fine).current_distress == "Sleeps badly."


def test_a_name_with_a_line_break_stays_in_one_line() -> None:
    assert fault(CARD + '"open\\ning": x\n')


# One language out of two


def test_bilingual_texts_give_way_to_one_language() -> None:
    data = {"a": {"en": "x", "zh": "甲"}, "b": [{"en": ["p"], "zh": ["乙"]}], "c": 3}
    assert localize(data, "en") == {"a": "x", "b": [["p"]], "c": 3}
    assert localize(data, "zh") == {"a": "甲", "b": [["乙"]], "c": 3}
    assert languages_in(data) == {"en", "zh"}


@pytest.mark.parametrize("empty", [{}, [], {"criteria": {}}, {"a": [{}], "b": {"c": {}}}])
def test_what_is_empty_stays_as_it_is(empty: object) -> None:
    assert localize(empty, "en") == localize(empty, "zh") == empty
    assert languages_in(empty) == frozenset()


def test_a_text_without_the_language_is_named_by_its_place() -> None:
    with pytest.raises(MissingText) as error:
        localize({"facts": [{"text": {"en": "x"}}]}, "zh")
    assert error.value.place == ("facts", 0, "text")
    assert str(error.value) == "facts.0.text: no 'zh' text, only en"


@pytest.mark.parametrize(
    ("value", "language"),
    [
        ({"name": "Ann", "facts": ["I sleep badly."]}, "en"),
        ({"name": "Ann", "facts": ["我睡不好，老是醒。"]}, "zh"),
        ({}, "en"),
        (["12", "—"], "en"),
    ],
)
def test_the_script_tells_the_language_of_plain_text(value: object, language: str) -> None:
    assert script_of(value) == language
