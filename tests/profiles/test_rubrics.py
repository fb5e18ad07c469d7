"""Rubrics: the shipped three are whole, bilingual and graded; a person's own file is checked and named."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from profiles.errors import UserError
from profiles.rubrics import Rubric, load_rubric
from profiles.vocabulary import LANGUAGES, Language, Party

SHIPPED = Path(__file__).parents[2] / "profiles" / "data" / "rubrics"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
LATIN = re.compile(r"[A-Za-z]+")

Raw = dict[str, Any]

C4 = ("dimensions", 3)
RUNG = (*C4, "anchors", 2)

both_languages = pytest.mark.parametrize("language", LANGUAGES)
every_party = pytest.mark.parametrize("party", list(Party))


def raw(party: Party) -> Raw:
    return yaml.safe_load((SHIPPED / f"{party.value}.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def own(tmp_path: Path) -> Callable[[Raw], Path]:
    """Writes a rubric as a person's own file."""

    def write(data: Raw) -> Path:
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")
        return path

    return write


def anchors(rubric: Rubric) -> list[tuple[str, str]]:
    return [(f"{d.id}.{value}", text) for d in rubric.dimensions for value, text in d.anchors.items()]


def texts(rubric: Rubric) -> dict[str, str]:
    """Every text of a rubric that is written in its language, by place."""
    found = {"title": rubric.title, "viewpoint": rubric.viewpoint}
    for d in rubric.dimensions:
        found |= {f"{d.id}.name": d.name, f"{d.id}.definition": d.definition, f"{d.id}.look_for": d.look_for}
    return found | dict(anchors(rubric))


# The shipped rubrics


@both_languages
@pytest.mark.parametrize(
    ("party", "letter", "count", "low", "high", "maximum", "cut"),
    [
        (Party.CLIENT, "C", 16, 0, 4, 64, 42),
        (Party.SUPERVISOR, "S", 8, 0, 4, 32, 24),
        (Party.COUNSELOR, "K", 9, 0, 5, 45, 35),
    ],
)
def test_counts_ranges_and_cuts_are_those_of_the_paper(
    party: Party, letter: str, count: int, low: int, high: int, maximum: int, cut: int, language: Language
) -> None:
    rubric = load_rubric(party, language)
    assert rubric.party == party
    assert [d.id for d in rubric.dimensions] == [f"{letter}{n}" for n in range(1, count + 1)]
    assert (rubric.low, rubric.high, rubric.maximum, rubric.cut) == (low, high, maximum, cut)
    assert all(list(d.anchors) == list(range(low, high + 1)) for d in rubric.dimensions)
    assert "10.1609/aaai.v40i3.37211" in rubric.source
    assert "\n" not in rubric.source


@every_party
def test_a_total_at_the_cut_fails_and_one_point_more_passes(party: Party) -> None:
    rubric = load_rubric(party, "en")
    cut = {Party.CLIENT: 42, Party.SUPERVISOR: 24, Party.COUNSELOR: 35}[party]
    assert not rubric.passes(cut)
    assert rubric.passes(cut + 1)
    assert rubric.passes(cut + 0.5)
    assert rubric.passes(rubric.maximum)
    assert not rubric.passes(0)


@every_party
def test_each_text_is_given_in_both_languages(party: Party) -> None:
    def pairs(value: Any) -> int:
        if isinstance(value, dict):
            return 1 if set(value) == {"en", "zh"} else sum(map(pairs, value.values()))
        return sum(map(pairs, value)) if isinstance(value, list) else 0

    assert pairs(raw(party)) == len(texts(load_rubric(party, "en")))


@every_party
def test_english_is_english_and_chinese_is_chinese(party: Party) -> None:
    english, chinese = texts(load_rubric(party, "en")), texts(load_rubric(party, "zh"))
    assert english.keys() == chinese.keys()
    assert [place for place, text in english.items() if CHINESE.search(text)] == []
    assert [place for place, text in chinese.items() if not CHINESE.search(text)] == []
    foreign = {word for text in chinese.values() for word in LATIN.findall(text)}
    assert foreign <= {"AI"}
    assert [place for place, text in chinese.items() if re.search(r"[,;:?!]", text)] == []


@every_party
def test_anchors_are_short(party: Party) -> None:
    english, chinese = load_rubric(party, "en"), load_rubric(party, "zh")
    assert [place for place, text in anchors(english) if not 6 <= len(text.split()) <= 18] == []
    assert [place for place, text in anchors(chinese) if not 10 <= len(text) <= 42] == []


@both_languages
@every_party
def test_no_two_anchors_are_alike(party: Party, language: Language) -> None:
    def pieces(text: str) -> set[str]:
        if language == "en":
            return set(re.findall(r"[a-z']+", text.lower()))
        return {text[i : i + 2] for i in range(len(text) - 1)}

    cut_up = [(place, pieces(text)) for place, text in anchors(load_rubric(party, language))]
    alike = [(a, b) for (a, x), (b, y) in combinations(cut_up, 2) if len(x & y) > 0.5 * len(x | y)]
    assert alike == []


@every_party
def test_no_two_definitions_or_names_are_alike(party: Party) -> None:
    for language in LANGUAGES:
        dimensions = load_rubric(party, language).dimensions
        for field in ("name", "definition", "look_for"):
            assert len({getattr(d, field) for d in dimensions}) == len(dimensions)


@every_party
def test_the_hash_is_that_of_the_file_and_common_to_both_languages(party: Party) -> None:
    digest = hashlib.sha256((SHIPPED / f"{party.value}.yaml").read_bytes()).hexdigest()
    assert load_rubric(party, "en").hash == load_rubric(party, "zh").hash == digest[:12]


def test_a_rubric_cannot_be_changed() -> None:
    rubric = load_rubric(Party.CLIENT, "en")
    with pytest.raises(ValidationError):
        rubric.cut = 0  # type: ignore[misc]


def test_shipped_rubrics_are_read_once() -> None:
    assert load_rubric(Party.COUNSELOR, "zh") is load_rubric(Party.COUNSELOR, "zh")


# A person's own file


def test_cut_op_ge_lets_a_total_at_the_cut_pass(own: Callable[[Raw], Path]) -> None:
    rubric = load_rubric(Party.CLIENT, "en", own(raw(Party.CLIENT) | {"cut_op": "ge"}))
    assert rubric.passes(42)
    assert not rubric.passes(41.5)


def test_an_own_file_is_read_anew_and_its_hash_follows_its_content(own: Callable[[Raw], Path]) -> None:
    data = raw(Party.SUPERVISOR)
    before = load_rubric(Party.SUPERVISOR, "zh", own(data))
    after = load_rubric(Party.SUPERVISOR, "zh", own(data | {"cut": 20}))
    assert (before.cut, after.cut) == (24, 20)
    assert before.hash != after.hash


def test_plain_text_serves_both_languages(own: Callable[[Raw], Path]) -> None:
    path = own(raw(Party.CLIENT) | {"title": "Ward 3"})
    assert {load_rubric(Party.CLIENT, language, path).title for language in LANGUAGES} == {"Ward 3"}


def test_another_range_and_count_move_the_maximum(own: Callable[[Raw], Path]) -> None:
    data = raw(Party.CLIENT)
    data["dimensions"] = data["dimensions"][:2]
    for dimension in data["dimensions"]:
        del dimension["anchors"][0]
    rubric = load_rubric(Party.CLIENT, "en", own(data | {"range": [1, 4], "cut": 5}))
    assert (rubric.low, rubric.high, rubric.maximum) == (1, 4, 8)


def drop(*place: str | int) -> Callable[[Raw], None]:
    def edit(data: Raw) -> None:
        target: Any = data
        for key in place[:-1]:
            target = target[key]
        del target[place[-1]]

    return edit


def put(value: object, *place: str | int) -> Callable[[Raw], None]:
    def edit(data: Raw) -> None:
        target: Any = data
        for key in place[:-1]:
            target = target[key]
        target[place[-1]] = value

    return edit


@both_languages
@pytest.mark.parametrize(
    ("edit", "place", "says"),
    [
        pytest.param(drop("cut"), "cut", "missing", id="no cut"),
        pytest.param(drop("cut_op"), "cut_op", "missing", id="no cut_op"),
        pytest.param(drop("range"), "range", "two whole numbers", id="no range"),
        pytest.param(drop(*C4, "look_for"), "dimensions.3.look_for", "missing", id="no look_for"),
        pytest.param(drop(*C4, "name", "zh"), "dimensions.3.name", "no 'zh'", id="no Chinese name"),
        pytest.param(drop(*RUNG, "en"), "dimensions.3.anchors.2", "no 'en'", id="no English anchor"),
        pytest.param(drop(*RUNG), "dimensions.3.anchors", "[0, 1, 3, 4]", id="rung gone"),
        pytest.param(put("x", *C4, "anchors", 5), "dimensions.3.anchors", "C4 has", id="rung too many"),
        pytest.param(put("C1", *C4, "id"), "dimensions.3.id", "'C1' stands twice", id="id twice"),
        pytest.param(put("C 4", *C4, "id"), "dimensions.3.id", "does not fit", id="id with a space"),
        pytest.param(put("  ", "title", "zh"), "title", "at least 1 character", id="blank title"),
        pytest.param(put([4, 0], "range"), "range", "lower one first", id="range backwards"),
        pytest.param(put([0, 4.5], "range"), "range", "two whole numbers", id="range with a fraction"),
        pytest.param(put(64, "cut"), "cut", "from 0 to 64", id="cut nobody can pass"),
        pytest.param(put(-1, "cut"), "cut", "from 0 to 64", id="cut nobody can fail"),
        pytest.param(put("lt", "cut_op"), "cut_op", "'gt' or 'ge'", id="unknown cut_op"),
        pytest.param(put(1.0, "version"), "version", "string", id="version as a number"),
        pytest.param(put([], "dimensions"), "dimensions", "at least 1 item", id="no dimensions"),
        pytest.param(put("x", "viewpiont"), "viewpiont", "did you mean 'viewpoint'", id="misspelt field"),
        pytest.param(put("x", "hash"), "hash", "no field of a rubric file", id="hash written by hand"),
        pytest.param(put(0, "low"), "low", "'range: [0, 4]'", id="bounds as low and high"),
        pytest.param(put("nurse", "party"), "party", "'client'", id="unknown party"),
        pytest.param(put("supervisor", "party"), "party", "the client's file", id="another party's file"),
        pytest.param(put({"en": 42, "zh": 40}, "cut"), "", "between the languages", id="two cuts"),
        pytest.param(put({"en": "C4", "zh": "D4"}, *C4, "id"), "", "between the languages", id="two ids"),
    ],
)
def test_a_malformed_file_is_refused_in_one_line_with_file_and_field(
    own: Callable[[Raw], Path], edit: Callable[[Raw], None], place: str, says: str, language: Language
) -> None:
    data = raw(Party.CLIENT)
    edit(data)
    with pytest.raises(UserError) as refusal:
        load_rubric(Party.CLIENT, language, own(data))
    message = str(refusal.value)
    assert "mine.yaml" in message
    assert f": {place}" in message
    assert says in message
    assert "\n" not in message


def test_a_fault_names_the_line_of_the_dimension(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    lines = (SHIPPED / "supervisor.yaml").read_text(encoding="utf-8").splitlines()
    number = lines.index("  - id: S4")
    path.write_text("\n".join([*lines[:number], "  - id: S3", *lines[number + 1 :]]), encoding="utf-8")
    with pytest.raises(UserError, match=f"line {number + 1}: .*'S3' stands twice"):
        load_rubric(Party.SUPERVISOR, "en", path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"party: client\n  version: 1\n", "line 2", id="not YAML"),
        pytest.param("party: 来访者".encode("gb18030"), "UTF-8", id="not UTF-8"),
        pytest.param(b"", "not a rubric", id="empty"),
        pytest.param(b"- C1\n- C2\n", "not a rubric", id="a list"),
        pytest.param(b"en: a\nzh: b\n", "not a rubric", id="only a text"),
    ],
)
def test_a_file_without_a_rubric_is_refused_in_one_line(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError) as refusal:
        load_rubric(Party.CLIENT, "en", path)
    message = str(refusal.value)
    assert "mine.yaml" in message
    assert says in message
    assert "\n" not in message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.yaml: no such file"):
        load_rubric(Party.CLIENT, "en", tmp_path / "absent.yaml")
