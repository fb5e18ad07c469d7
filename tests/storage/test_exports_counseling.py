"""The formats of other counseling data sets, each read as its own consumers read it and held against the record."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.distortions import distortions
from profiles.strategies import strategies
from profiles.vocabulary import LANGUAGES, Language, Stage
from storage.exports.esconv import problem_type
from storage.exports.format import ExportOptions, find_format
from storage.exports.plain_lines import guarded, one_line, unguarded
from storage.exports.record import DialogueChannel, DialogueRecord, DialogueTurn, Scales, paths
from tests.storage.export_records import HOSTILE, a_record, records, therapist_turn

NAMES = ("esconv", "augesc", "extes", "cactus", "cpsycoun", "smile")
Said = list[tuple[str, str]]

# The maps of the data sets' strategies, written out here once more, so that the tables are held against something.
ESCONV = {
    "question": "Question",
    "restatement": "Restatement or Paraphrasing",
    "reflection_of_feelings": "Reflection of feelings",
    "self_disclosure": "Self-disclosure",
    "providing_suggestions": "Providing Suggestions",
    "information": "Information",
    "affirmation_reassurance": "Affirmation and Reassurance",
    "negotiate": "Others",
}
EXTES = {
    "Clarification": "question",
    "Reflective Statements": "restatement",
    "Emotional Validation": "reflection_of_feelings",
    "Normalize Experiences": "self_disclosure",
    "Suggest Options": "providing_suggestions",
    "Share Information": "information",
    "Provide Different Perspectives": "information",
    "Affirmation": "affirmation_reassurance",
    "Reframe Negative Thoughts": "affirmation_reassurance",
    "Collaborative Planning": "negotiate",
    "Others": None,
}


def rows(name: str, record: DialogueRecord) -> list[Any]:
    """The rows as a reader gets them: through JSON."""
    lines = [json.dumps(row, ensure_ascii=False) for row in find_format(name).rows(record, ExportOptions())]
    return [json.loads(line) for line in lines]


def said_in(record: DialogueRecord, client: str, counselor: str) -> Said:
    names = {"help_seeker": client, "therapist": counselor}
    return [(names[turn.speaker], turn.content) for turn in record.dialog]


def client_turn(text: str, **given: Any) -> DialogueTurn:
    return DialogueTurn(turn=0, round=1, speaker="help_seeker", stage=Stage.DIAGNOSIS, content=text, **given)


def plain_turn(text: str) -> DialogueTurn:
    return DialogueTurn(turn=0, round=1, speaker="therapist", stage=Stage.DIAGNOSIS, content=text)


def talk(*turns: DialogueTurn, **changes: Any) -> DialogueRecord:
    """A record of just these turns, numbered."""
    numbered = tuple(turn.model_copy(update={"turn": place}) for place, turn in enumerate(turns))
    return a_record(changes.pop("language", "en"), dialog=numbered, **changes)


# ------------------------------------------------------------------------------- formats that label utterances


def utterances(name: str, row: dict[str, Any]) -> Iterator[tuple[bool, str, str | None]]:
    """Each item as (counselor's, words, strategy), as the loaders of ESConv and ExTES read them."""
    if name == "esconv":
        for item in row["dialog"]:
            yield item["speaker"] == "supporter", item["content"], item["annotation"].get("strategy")
        return
    for item in row["content"]:
        yield "AI" in item, item.get("AI", item.get("User")), item.get("AI Strategy")


def items_of_turns(name: str, record: DialogueRecord) -> Iterator[tuple[DialogueTurn, list[tuple[str, str | None]]]]:
    """Each turn with the items that, joined, are its words; fails where the items are not the turns in order."""
    (row,) = rows(name, record)
    left = list(utterances(name, row))
    joint = " " if record.language == "en" else ""
    for turn in record.dialog:
        taken: list[tuple[str, str | None]] = []
        while joint.join(text for text, _ in taken) != turn.content:
            counselors, text, strategy = left.pop(0)
            assert counselors == (turn.speaker == "therapist")
            taken.append((text, strategy))
            assert turn.content.startswith(joint.join(text for text, _ in taken))
        yield turn, taken
    assert left == []


def strategy_of_each_sentence(turn: DialogueTurn, items: list[tuple[str, str | None]], joint: str) -> list[str | None]:
    """For each sentence of a turn the strategy of the item in which it lies whole."""
    found: list[str | None] = []
    sentences = [each.text for each in turn.sentences]
    for text, strategy in items:
        held = 1
        while joint.join(sentences[:held]) != text:
            held += 1
            assert held <= len(sentences)
        found += [strategy] * held
        sentences = sentences[held:]
    assert sentences == []
    return found


def check_runs(name: str, record: DialogueRecord, mapped: dict[str, Any]) -> None:
    joint = " " if record.language == "en" else ""
    for turn, items in items_of_turns(name, record):
        if turn.speaker == "help_seeker":
            assert items == [(turn.content, None)]
        elif not turn.sentences:
            assert items == [(turn.content, "Others")]
        else:
            read = strategy_of_each_sentence(turn, items, joint)
            if name == "esconv":
                assert read == [mapped[each.strategy] for each in turn.sentences]
            else:
                assert [mapped[str(each)] for each in read] == [each.strategy for each in turn.sentences]
            assert all(first[1] != second[1] for first, second in zip(items, items[1:], strict=False))


@given(records())
def test_esconv_keeps_order_speakers_words_and_all_strategies_but_negotiate(record: DialogueRecord) -> None:
    for each in (record, *paths(record)):
        if each.dialog:
            check_runs("esconv", each, ESCONV)


@given(records())
def test_extes_keeps_order_speakers_words_and_every_strategy(record: DialogueRecord) -> None:
    for each in (record, *paths(record)):
        if each.dialog:
            check_runs("extes", each, EXTES)


def test_every_strategy_of_the_registry_has_its_name_in_both_data_sets() -> None:
    assert {each.id: each.esconv for each in strategies("en").values()} == ESCONV
    assert all(EXTES[each.extes] == each.id for each in strategies("en").values())


@pytest.mark.parametrize(("language", "joined"), [("en", "One. Two."), ("zh", "One.Two.")])
def test_neighbouring_sentences_of_one_strategy_are_one_item(language: Language, joined: str) -> None:
    labelled = [("restatement", "One."), ("restatement", "Two."), ("question", "Three?"), ("restatement", "Four.")]
    (row,) = rows("esconv", talk(client_turn("So."), therapist_turn(language, labelled), language=language))
    assert row["dialog"] == [
        {"speaker": "seeker", "annotation": {}, "content": "So."},
        {"speaker": "supporter", "annotation": {"strategy": "Restatement or Paraphrasing"}, "content": joined},
        {"speaker": "supporter", "annotation": {"strategy": "Question"}, "content": "Three?"},
        {"speaker": "supporter", "annotation": {"strategy": "Restatement or Paraphrasing"}, "content": "Four."},
    ]


def test_turns_that_must_not_be_trained_are_there_too() -> None:
    flagged = therapist_turn("en", [("information", "Everyone thinks so.")], train=False)
    (row,) = rows("esconv", talk(client_turn("So."), flagged))
    assert [item["content"] for item in row["dialog"]] == ["So.", "Everyone thinks so."]


def test_a_strategy_that_the_registry_does_not_know_is_others() -> None:
    odd = therapist_turn("en", [("question", "How so?")])
    turn = odd.model_copy(update={"sentences": (odd.sentences[0].model_copy(update={"strategy": "hypnosis"}),)})
    (row,) = rows("esconv", talk(turn))
    assert row["dialog"][0]["annotation"] == {"strategy": "Others"}
    (row,) = rows("extes", talk(turn))
    assert row["content"] == [{"AI": "How so?", "AI Strategy": "Others"}]


# ------------------------------------------------------------------------------------------------------ esconv


@pytest.mark.parametrize(
    ("domain", "sub_domain", "expected"),
    [
        ("lifestyle", "drinking", "alcohol abuse"),
        ("romantic", "break_up", "breakup with partner"),
        ("romantic", "coldness", "romantic"),
        ("family", "Exam pressure at home", "academic pressure"),
        ("career", "a new flat", "job crisis"),
        ("career", "drinking", "alcohol abuse"),
        ("friendship", "", "problems with friends"),
        ("technology", "", "technology"),
    ],
)
def test_a_problem_type_of_esconv_is_named_only_where_it_fits(domain: str, sub_domain: str, expected: str) -> None:
    assert problem_type(domain, sub_domain) == expected


def survey(**scales: Any) -> tuple[str, dict[str, Any]]:
    (row,) = rows("esconv", a_record(scales=Scales(**scales)))
    return row["emotion_type"], row["survey_score"]


def test_only_what_was_rated_is_in_the_survey() -> None:
    assert survey() == ("", {"seeker": {}, "supporter": {}})
    assert survey(emotions_pre=(("sad", 59.9), ("ashamed", 100)), emotions_post=(("sad", 0), ("ashamed", 19.9))) == (
        "ashamed",
        {"seeker": {"initial_emotion_intensity": "5", "final_emotion_intensity": "1"}, "supporter": {}},
    )
    assert survey(emotions_pre=(("sad", 60),), emotions_post=(("ashamed", 5),)) == (
        "sad",
        {"seeker": {"initial_emotion_intensity": "4"}, "supporter": {}},
    )


@given(st.floats(0, 100))
def test_ratings_are_the_strings_one_to_five(strength: float) -> None:
    _, score = survey(emotions_pre=(("sad", strength),))
    assert score["seeker"]["initial_emotion_intensity"] in {"1", "2", "3", "4", "5"}


# ------------------------------------------------------------------------------------------------------- extes


def weighed(step: str, said: str, strategy: str, answer: str) -> str:
    """The ExTES name of one counselor sentence in a step of a channel whose balanced thought is known."""
    place: dict[str, Any] = {"step": step, "loop": 1, "channel": 1}
    channel = DialogueChannel(loop=1, channel=1, belief="I am lazy", balanced_thought="I am stuck, not lazy")
    turn = therapist_turn("en", [(strategy, answer)], **place)
    (row,) = rows("extes", talk(client_turn(said, **place), turn, channels=(channel,)))
    return str(row["content"][1]["AI Strategy"])


@pytest.mark.parametrize(
    ("step", "said", "strategy", "answer", "expected"),
    [
        ("prosecution", "Hm.", "information", "Sleep matters.", "Provide Different Perspectives"),
        ("defense", "Hm.", "information", "Sleep matters.", "Share Information"),
        ("verdict", "Hm.", "information", "Sleep matters.", "Share Information"),
        ("verdict", "Well, I am stuck, not lazy.", "affirmation_reassurance", "Good.", "Reframe Negative Thoughts"),
        ("verdict", "So.", "affirmation_reassurance", "I am stuck, not lazy: good.", "Reframe Negative Thoughts"),
        ("verdict", "I am lazy.", "affirmation_reassurance", "You came.", "Affirmation"),
        ("defense", "Well, I am stuck, not lazy.", "affirmation_reassurance", "Good.", "Affirmation"),
        ("prosecution", "Well.", "question", "How so?", "Clarification"),
    ],
)
def test_two_names_of_extes_depend_on_the_step(step: str, said: str, strategy: str, answer: str, expected: str) -> None:
    assert weighed(step, said, strategy, answer) == expected


def test_a_balanced_thought_of_another_channel_does_not_count() -> None:
    other = DialogueChannel(loop=1, channel=2, balanced_thought="I am stuck")
    turn = therapist_turn("en", [("affirmation_reassurance", "Good.")], step="verdict", loop=1, channel=1)
    (row,) = rows("extes", talk(client_turn("I am stuck", loop=1, channel=1), turn, channels=(other,)))
    assert row["content"][1]["AI Strategy"] == "Affirmation"


def test_affirmation_is_about_the_balanced_thought_only_where_it_was_said_last() -> None:
    place: dict[str, Any] = {"step": "verdict", "loop": 1, "channel": 1}
    channel = DialogueChannel(loop=1, channel=1, balanced_thought="I am stuck")
    credit = therapist_turn("en", [("affirmation_reassurance", "Good.")], **place)
    said = talk(
        client_turn("I am stuck", **place), credit, client_turn("Thirty.", **place), credit, channels=(channel,)
    )
    (row,) = rows("extes", said)
    assert [item["AI Strategy"] for item in row["content"][1::2]] == ["Reframe Negative Thoughts", "Affirmation"]


def test_extes_tells_scene_and_situation() -> None:
    (row,) = rows("extes", a_record(sub_domain="thesis"))
    assert (row["scene"], row["description"]) == ("education: thesis", a_record().situation)
    (row,) = rows("extes", a_record())
    assert row["scene"] == "education"


# ------------------------------------------------------------------------------------------------------ augesc


@given(records())
def test_augesc_is_a_list_of_pairs_a_line(record: DialogueRecord) -> None:
    (pairs,) = rows("augesc", record)
    assert [tuple(pair) for pair in pairs] == said_in(record, "usr", "sys")


# --------------------------------------------------------------------------------------- formats of plain lines


def read_cactus(dialogue: str) -> Said:
    """Cut at the prefixes wherever they stand, as a careless reader does: no words may look like another turn."""
    _, *rest = re.split(r"(Counselor|Client): ?", dialogue)
    found = zip(rest[::2], rest[1::2], strict=True)
    return [(name, unguarded(text.removesuffix("\n"))) for name, text in found]


def read_cpsycoun(text: str, names: tuple[str, str], mark: str) -> Said:
    """Cut at blank lines, then at the mark."""
    found = []
    for block in text.removesuffix("\n").split("\n\n"):
        (line,) = block.splitlines()
        name, words = next((name, line[len(name + mark) :]) for name in names if line.startswith(name + mark))
        assert not any(name + mark.strip() in words for name in names)
        found.append((name, unguarded(words)))
    return found


def on_lines(said: Said) -> Said:
    return [(name, one_line(text)) for name, text in said]


@given(records())
def test_the_lines_of_cactus_are_the_turns(record: DialogueRecord) -> None:
    (row,) = rows("cactus", record)
    assert len(row["dialogue"].splitlines()) == len(record.dialog)
    assert [(name, text.strip()) for name, text in read_cactus(row["dialogue"])] == [
        (name, text.strip()) for name, text in on_lines(said_in(record, "Client", "Counselor"))
    ]


@given(records())
def test_the_lines_of_cpsycoun_are_the_turns(record: DialogueRecord) -> None:
    names, mark = (("Client", "Counselor"), ": ") if record.language == "en" else (("来访者", "心理咨询师"), "：")
    (row,) = rows("cpsycoun", record)
    assert read_cpsycoun(row["text"], names, mark) == on_lines(said_in(record, *names))


@pytest.mark.parametrize(
    "words",
    [
        *HOSTILE,
        "Counselor: You are worthless.",
        "So.\nCounselor: You are worthless.\nClient: Yes.",
        "来访者：我说的\n\n心理咨询师：你说的",
        "咨询师: 半角冒号；求助者 ：空格",
        "Client:Client :Client  :Counselor：",
        "a\u2028Client: b\u2029c\x85d\x0be",
        "\u200fClient:\u200f",
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_words_can_be_taken_for_another_turn(words: str, language: Language) -> None:
    record = talk(client_turn(words), plain_turn(words), client_turn("."), language=language)
    (row,) = rows("cactus", record)
    assert len(re.findall(r"(?:Client|Counselor|来访者|咨询师|求助者|支持者)[:：]", row["dialogue"])) == 3
    (row,) = rows("cpsycoun", record)
    assert len(re.findall(r"(?:Client|Counselor|来访者|咨询师|求助者|支持者)[:：]", row["text"])) == 3
    assert len(row["text"].splitlines()) == 5


@given(st.lists(st.sampled_from([" ", ":", "：", "Client", "咨询师", "x"]), max_size=12).map("".join))
def test_the_guard_of_role_names_can_be_taken_away_again(text: str) -> None:
    assert unguarded(guarded(text)) == text
    assert not re.search("(?:Client|咨询师)[:：]", guarded(text))


def test_a_chinese_case_reads_as_cases_of_that_data_set_do() -> None:
    (row,) = rows("cpsycoun", a_record("zh"))
    assert row["text"].startswith(
        "心理咨询师：你好，今天想聊点什么？\n\n来访者：导师一个星期没理我，我天天夜里睡不着，就想着论文。\n\n"
    )
    (row,) = rows("cpsycoun", a_record("en"))
    assert row["text"].startswith("Counselor: Hello, what brings you here today?\n\nClient: My tutor")


# ------------------------------------------------------------------------------------------------------ cactus


@pytest.mark.parametrize("language", LANGUAGES)
def test_cactus_tells_the_belief_the_patterns_and_the_plan(language: Language) -> None:
    record = a_record(language)
    (row,) = rows("cactus", record)
    known = distortions(language)
    assert row["thought"] == record.channels[0].belief
    assert row["patterns"] == [known["labeling"].name, known["mind_reading"].name]
    assert record.situation in row["intake_form"]
    assert row["cbt_plan"]
    assert row["attitude"] == ""


def test_cactus_takes_the_belief_of_the_active_channel_and_the_patterns_of_all() -> None:
    second = list(paths(a_record()))[1]
    (row,) = rows("cactus", second)
    assert row["thought"] == "nobody would ever trust me again"
    assert row["patterns"] == ["labeling", "mind reading"]


@pytest.mark.parametrize("named", [None, "", "no such thing"])
def test_a_distortion_that_nobody_named_is_no_pattern(named: str | None) -> None:
    beliefs = [each.model_copy(update={"distortion": named}) for each in a_record().core_beliefs[:1]]
    (row,) = rows("cactus", a_record(core_beliefs=tuple(beliefs), channels=()))
    assert row["patterns"] == []


def test_a_counselor_who_restructures_nothing_has_no_technique_and_no_plan() -> None:
    record = talk(client_turn("So."), plain_turn("Hm."), channels=(), core_beliefs=(), automatic_thoughts=())
    (row,) = rows("cactus", record)
    assert (row["thought"], row["cbt_technique"], row["cbt_plan"], row["patterns"]) == ("", "", "", [])


@given(records())
def test_every_field_of_cactus_is_there_and_of_its_type(record: DialogueRecord) -> None:
    (row,) = rows("cactus", record)
    assert tuple(row) == find_format("cactus").fields
    assert all(isinstance(value, list if key == "patterns" else str) for key, value in row.items())
    assert record.situation in row["intake_form"]


# ------------------------------------------------------------------------------------------------------- smile


@given(records())
def test_smile_is_a_json_file_with_a_label_for_each_sentence(record: DialogueRecord) -> None:
    (row,) = rows("smile", record)
    turns = json.loads(row["text"])
    assert [(turn["role"], turn["content"]) for turn in turns] == said_in(record, "client", "counselor")
    names = {each.id: each.name for each in strategies(record.language).values()}
    for told, turn in zip(turns, record.dialog, strict=True):
        labelled = [(each.text, names[each.strategy]) for each in turn.sentences] or [(turn.content, "")]
        assert [(each["sentence"], each["label"]) for each in told["annotation"]] == labelled


def test_smile_stays_readable_when_the_file_is_brought_into_nfc() -> None:
    (row,) = rows("smile", talk(client_turn("a\n\u0301b 你")))
    (turn,) = json.loads(unicodedata.normalize("NFC", row["text"]))
    assert turn["content"] == "a\n\u0301b 你"
    (row,) = rows("smile", talk(client_turn("a\nb 你")))
    assert "a\\nb 你" in row["text"]


# --------------------------------------------------------------------------------------------------- all of them


@pytest.mark.parametrize("name", NAMES)
def test_a_record_without_turns_makes_no_row(name: str) -> None:
    assert rows(name, a_record(dialog=())) == []


@pytest.mark.parametrize("name", ["cpsycoun", "smile"])
@pytest.mark.parametrize("record_id", ["crd_1", "../../etc/x", "..", "~", "a/b\\c:d*e", "会谈 1", "\u202e\u2028"])
def test_a_files_name_holds_nothing_but_the_id_and_stays_in_its_folder(name: str, record_id: str) -> None:
    (row,) = rows(name, a_record(id=record_id))
    stem, _, ending = row["name"].rpartition(".")
    assert re.fullmatch(r"[A-Za-z0-9_%-]+", stem)
    assert unquote(stem) == record_id
    assert ending in {"txt", "json"}


@pytest.mark.parametrize("name", ["esconv", "extes"])
@given(record=records())
def test_rows_have_the_named_fields_in_order(name: str, record: DialogueRecord) -> None:
    (row,) = rows(name, record)
    assert tuple(row) == find_format(name).fields
