"""The shelf: which cards a selector names, and how a person's own YAML is read or refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from profiles.errors import UserError
from profiles.library import Card, card_hash, cards_in, select, shipped_cards
from profiles.located import parse_yaml
from profiles.vocabulary import LANGUAGES, Language, Theme

BOTH = """
id: a-1
theme: family
current_distress: {en: Sleeps badly., zh: 睡不好。}
opening:
  en: I can't sleep.
  zh: 我睡不着。
feelings: {en: [tired], zh: [累]}
"""
PLAIN = "id: a-1\ntheme: family\ncurrent_distress: Sleeps badly.\n"


def card(text: str) -> Card:
    return Card(parse_yaml(text, "mine.yaml"))


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(text: str, language: Language = "en") -> str:
    with pytest.raises(UserError) as error:
        card(text).read(language)
    assert "\n" not in str(error.value)
    return str(error.value)


# Selectors


def test_all_names_every_card_in_the_order_of_themes() -> None:
    themes = [profile.theme for profile in select("all", "en")]
    assert themes == sorted(themes, key=list(Theme).index)
    assert len(themes) == len(shipped_cards())


def test_a_number_is_balanced_over_themes() -> None:
    themes = {card.theme for card in shipped_cards()}
    chosen = [profile.theme for profile in select(str(len(themes)), "zh")]
    assert len(set(chosen)) == len(themes)
    assert [profile.id for profile in select("1", "en")] == [shipped_cards()[0].id]


def test_themes_and_ids_are_picked_in_either_language() -> None:
    assert {profile.theme for profile in select("theme=family, career", "en")} == {"family", "career"}
    chosen = select("love-01, career-01", "zh")
    assert [(profile.id, profile.lang) for profile in chosen] == [("love-01", "zh"), ("career-01", "zh")]


@pytest.mark.parametrize(
    ("selector", "says"),
    [
        ("0", "choose between 1 and"),
        ("-1", "choose between 1 and"),
        ("10000", "choose between 1 and"),
        ("--5", "no client card '--5'"),
        ("²", "no client card"),
        ("theme=famly", "did you mean 'family'?"),
        ("theme=", "unknown theme ''"),
        ("carer-01", "did you mean 'career-01'?"),
        ("love-01,love-01", "'love-01' is named twice"),
        (" , ", "names no client"),
        ("", "names no client"),
    ],
)
def test_a_wrong_selector_is_refused_in_one_line(selector: str, says: str) -> None:
    with pytest.raises(UserError) as error:
        select(selector, "en")
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_the_hash_follows_the_content_and_the_language() -> None:
    english, chinese = select("love-01", "en")[0], select("love-01", "zh")[0]
    assert card_hash(english) == card_hash(select("love-01", "en")[0])
    assert len({card_hash(english), card_hash(chinese), card_hash(select("family-01", "en")[0])}) == 3
    assert card_hash(english.model_copy(update={"resistance": 3})) != card_hash(english)


# Languages of a card


def test_a_bilingual_card_is_read_in_both() -> None:
    assert card(BOTH).languages == LANGUAGES
    assert card(BOTH).read("en").opening == "I can't sleep."
    chinese = card(BOTH).read("zh")
    assert (chinese.lang, chinese.opening, chinese.feelings) == ("zh", "我睡不着。", ("累",))


@pytest.mark.parametrize(
    ("text", "known", "other"),
    [
        pytest.param(PLAIN + "lang: en\n", "en", "zh", id="stated"),
        pytest.param(BOTH + "lang: zh\n", "zh", "en", id="stated for a bilingual card"),
        pytest.param(PLAIN, "en", "zh", id="by script"),
        pytest.param("id: a\ntheme: other\ncurrent_distress: 睡不好。\n", "zh", "en", id="by Chinese script"),
        pytest.param(PLAIN + "intake: {en: Ann.}\n", "en", "zh", id="by its texts"),
    ],
)
def test_a_card_in_the_wrong_language_names_the_right_flag(text: str, known: Language, other: Language) -> None:
    assert card(text).languages == (known,)
    assert card(text).read(known).lang == known
    assert f"is written in '{known}'; run it with --lang {known}" in refusal(text, other)


def test_a_text_that_lacks_one_language_is_named_with_its_line() -> None:
    message = refusal(BOTH + "facts:\n- id: f1\n  text: {en: I work nights.}\n", "zh")
    assert message.startswith("mine.yaml, line 11: card 'a-1': facts.0.text: no 'zh' text")


def test_an_unknown_language_is_refused() -> None:
    assert "unknown language 'fr'; known: en, zh" in refusal(PLAIN + "lang: fr\n")
    assert "unknown language '['en']'" in refusal(PLAIN + "lang: [en]\n")


def test_a_fault_in_a_bilingual_list_has_the_line_of_its_language() -> None:
    text = BOTH.replace("feelings: {en: [tired], zh: [累]}", "feelings:\n  en:\n  - tired\n  zh:\n  - 累\n  - 7")
    assert refusal(text, "zh").startswith("mine.yaml, line 13: feelings.1: ")
    assert card(text).read("en").feelings == ("tired",)


def test_what_stands_under_extra_is_never_taken_for_a_text() -> None:
    text = PLAIN + "lang: en\nextra:\n  en: 1\n  zh: {en: 2}\n"
    assert card(text).read("en").extra == {"en": 1, "zh": {"en": 2}}
    assert card(PLAIN + "extra: {zh: 你好}\n").languages == ("en",)


def test_empty_mappings_are_fine() -> None:
    assert card(PLAIN + "criteria: {}\nextra: {}\nfacts: []\n").read("en").criteria == {}


def test_all_faults_of_a_card_are_told_for_each_language() -> None:
    faulty = card(BOTH + "openning: x\nresistance: 7\n")
    assert len(faulty.faults("en")) == len(faulty.faults("zh")) == 2
    assert card(BOTH).faults("en") == ()
    assert len(card(PLAIN).faults("zh")) == 1


@pytest.mark.parametrize("text", ["- a\n", "just text\n", "7\n"])
def test_what_is_no_mapping_is_no_card(text: str) -> None:
    assert "must be a mapping of fields" in refusal(text)


def test_keys_that_are_no_text_are_refused() -> None:
    assert "mine.yaml, line" in refusal(PLAIN + "1: x\n")


# Files


def test_a_file_holds_one_card_or_a_list(tmp_path: Path) -> None:
    assert [each.id for each in cards_in(write(tmp_path, PLAIN))] == ["a-1"]
    cards = [yaml.safe_load(PLAIN), yaml.safe_load(PLAIN) | {"id": "a-2"}]
    assert [each.id for each in cards_in(write(tmp_path, yaml.safe_dump(cards)))] == ["a-1", "a-2"]


def test_a_fault_in_a_list_has_its_own_line(tmp_path: Path) -> None:
    path = write(tmp_path, "- {id: a, theme: other, current_distress: x}\n- id: b\n  theme: nowhere\n")
    with pytest.raises(UserError, match=r"mine\.yaml, line 3: theme: "):
        cards_in(path)[1].read("en")


@pytest.mark.parametrize("text", ["", "# nothing\n", "[]\n", "{}\n", "---\n"])
def test_a_file_without_a_card_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match="no client card in this file"):
        cards_in(write(tmp_path, text))


def test_two_cards_of_one_id_are_refused_with_both_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "- id: a\n  theme: other\n- id: b\n- theme: other\n  id: a\n")
    with pytest.raises(UserError) as error:
        cards_in(path)
    assert str(error.value) == (f"{path}, line 5: id: id 'a' stands also in {path}, line 1; give each card its own")


def test_cards_without_an_id_are_no_doubles(tmp_path: Path) -> None:
    cards = cards_in(write(tmp_path, "- theme: other\n- theme: other\n"))
    with pytest.raises(UserError, match="line 1: id: this field is missing"):
        cards[0].read("en")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.yaml: no such file"):
        cards_in(tmp_path / "absent.yaml")
