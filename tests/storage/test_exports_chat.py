"""Chat formats and tables: what trainers are strict about, and that no text is changed, lost or learned by mistake."""

from __future__ import annotations

import csv
import io
import json
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.distortions import distortions
from profiles.strategies import strategies
from profiles.vocabulary import LANGUAGES, Language, Stage
from storage.exports.dialogue import maskable, system_hashes, system_text, texts
from storage.exports.format import ExportOptions, Opening, find_format
from storage.exports.llamafactory import dataset_info
from storage.exports.record import DialogueRecord, DialogueTurn, paths
from storage.exports.table import COLUMNS
from tests.storage.export_records import HOSTILE, a_record, records, therapist_turn, turns_of

OPENINGS: tuple[Opening, ...] = ("stub", "system", "drop")
USUAL = ExportOptions()
openings = st.builds(ExportOptions, opening=st.sampled_from(OPENINGS))
LEARN_ALL = ("trl-messages", "sharegpt", "alpaca", "llamafactory")
many = settings(max_examples=60, deadline=None)


def rows(name: str, record: DialogueRecord, options: ExportOptions = USUAL) -> list[dict]:
    """The rows of a format, as they come back from a file."""
    made = list(find_format(name).rows(record, options))
    return [json.loads(json.dumps(row, ensure_ascii=False)) for row in made]


def talk(name: str, row: dict) -> tuple[str, list[tuple[str, str]]]:
    """System prompt and (speaker, text) of a row in any of the chat formats, in its own names."""
    if name == "alpaca":
        said = [text for pair in [*row["history"], [row["instruction"], row["output"]]] for text in pair]
        assert row["input"] == ""
        return row["system"], [("user" if n % 2 == 0 else "assistant", text) for n, text in enumerate(said)]
    if name in ("sharegpt", "llamafactory"):
        named = {"human": "user", "gpt": "assistant"}
        return row["system"], [(named[each["from"]], each["value"]) for each in row["conversations"]]
    said = [(each["role"], each["content"]) for each in row["messages"]]
    return (said[0][1], said[1:]) if said[0][0] == "system" else ("", said)


def spoken(record: DialogueRecord) -> list[tuple[str, str, bool]]:
    """What was said as (role, text, trainable), neighbours of one speaker as one."""
    groups = [(who, list(turns)) for who, turns in groupby(record.dialog, key=lambda turn: turn.speaker)]
    role = {"help_seeker": "user", "therapist": "assistant"}
    return [
        (role[w], "\n".join(t.content for t in ts), w == "therapist" and all(t.train for t in ts)) for w, ts in groups
    ]


# ---------------------------------------------------------------------------------------------------- one by one


@pytest.mark.parametrize("language", LANGUAGES)
def test_openai_masks_the_greeting_behind_a_stub(language: Language) -> None:
    record = a_record(language)
    (row,) = rows("openai-chat", record)
    assert list(row) == ["messages"]
    system, stub, greeting, first, *_, last = row["messages"]
    assert system == {"role": "system", "content": texts(language).system}
    assert stub == {"role": "user", "content": {"en": "(session starts)", "zh": "（会谈开始）"}[language]}
    assert greeting == {"role": "assistant", "content": record.dialog[0].content, "weight": 0}
    assert first == {"role": "user", "content": record.dialog[1].content}
    assert last == {"role": "assistant", "content": record.dialog[-1].content, "weight": 1}


def test_the_greeting_can_go_into_the_system_prompt_or_be_left_out() -> None:
    record = a_record()
    for opening, inside in (("system", True), ("drop", False)):
        (row,) = rows("openai-chat", record, ExportOptions(opening=opening))
        system, said = talk("openai-chat", row)
        assert (record.dialog[0].content in system) is inside
        assert [text for _, text in said] == [turn.content for turn in record.dialog[1:]]


def test_what_cannot_be_masked_is_never_learned() -> None:
    flagged = [
        turn.model_copy(update={"train": False}) if number == 6 else turn
        for number, turn in enumerate(a_record().dialog)
    ]
    record = a_record(dialog=tuple(flagged))
    for name in LEARN_ALL:
        (row,) = rows(name, record)
        system, said = talk(name, row)
        assert record.dialog[0].content in system
        assert [text for _, text in said] == [turn.content for turn in record.dialog[1:5]]
    (row,) = rows("openai-chat", record)
    weights = [message["weight"] for message in row["messages"] if message["role"] == "assistant"]
    assert weights == [0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1]


def test_an_opening_that_may_be_learned_stays_behind_the_stub() -> None:
    first, *rest = a_record().dialog
    record = a_record(dialog=(first.model_copy(update={"train": True}), *rest))
    for name in LEARN_ALL:
        (row,) = rows(name, record)
        system, said = talk(name, row)
        assert system == texts("en").system
        assert said[:2] == [("user", texts("en").stub), ("assistant", first.content)]


def test_the_end_is_cut_at_the_last_turn_that_may_be_learned() -> None:
    record = a_record()
    tail = [turn.model_copy(update={"train": False}) for turn in record.dialog[-4:]]
    (row,) = rows("openai-chat", a_record(dialog=(*record.dialog[:-4], *tail)))
    assert row["messages"][-1]["content"] == record.dialog[-5].content


@pytest.mark.parametrize("name", ["openai-chat", *LEARN_ALL])
def test_a_dialogue_with_nothing_to_learn_gives_no_row(name: str) -> None:
    mute = tuple(turn.model_copy(update={"train": False}) for turn in a_record().dialog)
    for dialog in (mute, (), a_record().dialog[:2], a_record().dialog[1:2]):
        assert rows(name, a_record(dialog=dialog)) == []


def test_blank_turns_are_left_out_and_their_neighbours_meet() -> None:
    say = DialogueTurn(turn=0, round=1, speaker="help_seeker", stage=Stage.DIAGNOSIS, content="I came.")
    answer = therapist_turn("en", [("question", "Yes?")])
    turns = [say, answer.model_copy(update={"content": " \n", "sentences": ()}), say, answer]
    numbered = tuple(turn.model_copy(update={"turn": number}) for number, turn in enumerate(turns))
    (row,) = rows("sharegpt", a_record(dialog=numbered))
    assert [each["value"] for each in row["conversations"]] == ["I came.\nI came.", "Yes?"]
    found = maskable(a_record(dialog=numbered), USUAL)
    assert found is not None
    assert [message.turns for message in found.messages] == [(0, 2), (3,)]


def test_own_prompt_and_stub_and_none() -> None:
    record = a_record("zh")
    (row,) = rows("openai-chat", record, ExportOptions(system={"zh": "你是咨询师。"}, stub={"zh": "（开始）"}))
    assert [message["content"] for message in row["messages"][:2]] == ["你是咨询师。", "（开始）"]
    (row,) = rows("openai-chat", record, ExportOptions(system={"zh": ""}, stub={"zh": " "}))
    assert [message["content"] for message in row["messages"][:1]] == ["（会谈开始）"]
    (row,) = rows("sharegpt", record, ExportOptions(system={"zh": ""}, opening="system"))
    assert record.dialog[0].content in row["system"]
    assert rows("sharegpt", record, ExportOptions(system={"zh": ""}, opening="drop"))[0]["system"] == ""


def test_the_system_prompt_is_short_hashed_and_tells_nothing_of_the_method() -> None:
    hashes = system_hashes(USUAL)
    assert hashes.keys() == set(LANGUAGES)
    assert hashes != system_hashes(ExportOptions(system={"en": "Be kind."}))
    for language in LANGUAGES:
        prompt = system_text(USUAL, language).casefold()
        assert 0 < len(prompt) < 300
        named = [each.name for each in (*distortions(language).values(), *strategies(language).values())]
        words = {"en": ("evidence", "belief", "balanced", "thought"), "zh": ("证据", "信念", "平衡", "念头", "想法")}
        assert [word for word in (*named, *words[language]) if word.casefold() in prompt] == []


def test_a_path_opens_without_greeting() -> None:
    for path in paths(a_record()):
        (row,) = rows("sharegpt", path)
        assert row["conversations"][0] == {"from": "human", "value": path.dialog[0].content}


# ------------------------------------------------------------------------------------------------------ whatever


@many
@given(record=records(), options=openings)
def test_openai_alternates_ends_well_and_keeps_every_text(record: DialogueRecord, options: ExportOptions) -> None:
    said = spoken(record)
    opens = said[0][0] == "assistant" if said else False
    if opens and options.opening != "stub":
        greeting, said = said[0][1], said[1:]
    last = max((n for n, each in enumerate(said) if each[2]), default=-1)
    made = rows("openai-chat", record, options)
    assert len(made) == (last >= 0)
    for row in made:
        system, messages = talk("openai-chat", row)
        body = row["messages"][1:]
        assert [role for role, _ in messages] == ["user", "assistant"] * (len(messages) // 2)
        assert all(set(each) == {"role", "content", *(["weight"] * (each["role"] == "assistant"))} for each in body)
        assert body[-1]["weight"] == 1
        if opens and options.opening == "stub":
            assert messages.pop(0)[1] == texts(record.language).stub
            body = body[1:]
        if opens and options.opening == "system":
            assert greeting in system
        assert messages == [(role, text) for role, text, _ in said[: last + 1]]
        assert [each.get("weight", 0) for each in body] == [int(train) for *_, train in said[: last + 1]]


@many
@given(record=records(), options=openings)
def test_formats_without_masks_agree_and_teach_trainable_turns_only(
    record: DialogueRecord, options: ExportOptions
) -> None:
    said = spoken(record)
    made = {name: rows(name, record, options) for name in LEARN_ALL}
    talks = {name: [talk(name, row) for row in found] for name, found in made.items()}
    assert talks["sharegpt"] == talks["alpaca"] == talks["llamafactory"] == talks["trl-messages"]
    for _, messages in talks["sharegpt"]:
        assert [role for role, _ in messages] == ["user", "assistant"] * (len(messages) // 2)
        assert all(text.strip() for _, text in messages)
        stubbed = messages[0][1] == texts(record.language).stub
        skipped = 1 if said[0][0] == "assistant" and not stubbed else 0
        source = said[skipped : skipped + len(messages) - stubbed]
        assert messages[stubbed:] == [(role, text) for role, text, _ in source]
        assert all(train for role, _, train in source if role == "assistant")


@many
@given(record=records())
def test_every_row_of_a_format_has_the_columns_it_names_with_one_type_each(record: DialogueRecord) -> None:
    kinds = {"messages": list, "conversations": list, "history": list}
    kinds |= dict.fromkeys(("system", "tools", "instruction", "input", "output"), str)
    for name in ("openai-chat", *LEARN_ALL):
        for row in rows(name, record):
            assert tuple(row) == find_format(name).fields
            assert all(isinstance(value, kinds[key]) for key, value in row.items())


@many
@given(record=records(hostile=False), options=openings)
def test_no_strategy_token_stands_in_plain_rows(record: DialogueRecord, options: ExportOptions) -> None:
    names = {f"[{each.name}]" for language in LANGUAGES for each in strategies(language).values()}
    for name in ("openai-chat", *LEARN_ALL, "csv"):
        text = json.dumps(rows(name, record, options), ensure_ascii=False)
        assert not any(token in text for token in names)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_out_as_it_went_in(text: str) -> None:
    turn = therapist_turn("en", [("question", text)], turn=1)
    client = DialogueTurn(turn=0, round=1, speaker="help_seeker", stage=Stage.DIAGNOSIS, content=text)
    record = a_record(dialog=(client, turn))
    for name in ("openai-chat", *LEARN_ALL):
        (row,) = rows(name, record)
        assert [said for _, said in talk(name, row)[1]] == [text, text]
    assert [row["text"] for row in rows("csv", record)] == [text, text]


# -------------------------------------------------------------------------------------------------------- tables


@pytest.mark.parametrize("name", ["csv", "parquet"])
def test_a_table_has_a_row_a_sentence_with_its_place(name: str) -> None:
    record = a_record()
    made = rows(name, record)
    assert find_format(name).fields == tuple(COLUMNS)
    assert len(made) == 1 + 10 + 20
    assert made[0] == {
        "dialogue_id": "crd_en_1",
        "session_id": "s_1",
        "situation_id": "thesis",
        "language": "en",
        "turn": 0,
        "round": 0,
        "speaker": "therapist",
        "stage": "trust_building",
        "step": "",
        "loop": 0,
        "channel": 0,
        "sentence_index": 0,
        "text": "Hello, what brings you here today?",
        "strategy": "",
        "category": "",
    }
    asked = next(row for row in made if row["text"] == "The silence is what you have.")
    place = ("turn", "step", "loop", "channel", "sentence_index", "strategy", "category")
    assert [asked[key] for key in place] == [16, "prosecution", 1, 2, 0, "restatement", "description"]


@many
@given(record=records())
def test_a_table_holds_every_text_in_columns_of_one_type(record: DialogueRecord) -> None:
    made = rows("csv", record)
    assert all(type(row[column]) is kind for row in made for column, kind in COLUMNS.items())
    blank = " " if record.language == "en" else ""
    turns = [list(group) for _, group in groupby(made, key=lambda row: row["turn"])]
    assert [blank.join(row["text"] for row in turn) for turn in turns] == [turn.content for turn in record.dialog]
    assert turns_of(record, "therapist") == [
        blank.join(row["text"] for row in turn) for turn in turns if turn[0]["speaker"] == "therapist"
    ]


@many
@given(record=records())
def test_a_table_survives_a_csv_file(record: DialogueRecord) -> None:
    made = list(find_format("csv").rows(record, USUAL))
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    writer.writerows(made)
    back = list(csv.DictReader(io.StringIO(file.getvalue(), newline="")))
    assert [{column: kind(row[column]) for column, kind in COLUMNS.items()} for row in back] == made


# ------------------------------------------------------------------------------------------------- LLaMA-Factory


def test_dataset_info_has_an_entry_for_each_file() -> None:
    beside = find_format("llamafactory").beside(["talks.llamafactory.plain.train.json", "train.json"])
    info = json.loads(beside["dataset_info.json"])
    assert info["talks.llamafactory.plain.train"] == {
        "file_name": "talks.llamafactory.plain.train.json",
        "formatting": "sharegpt",
        "columns": {"messages": "conversations", "system": "system", "tools": "tools"},
    }
    assert info["train"]["columns"] == info["talks.llamafactory.plain.train"]["columns"]


def test_dataset_info_names_preferences_as_ranking() -> None:
    beside = find_format("llamafactory-preference").beside(["data/train.json"])
    entry = json.loads(beside["dataset_info.json"])["data.train"]
    assert entry["ranking"] is True
    assert entry["file_name"] == "data/train.json"
    fields = find_format("llamafactory-preference").fields
    assert {*entry["columns"].values(), "fault"} == set(fields)  # the fault is for people, not for the reader


def test_dataset_info_reads_the_format_from_the_name() -> None:
    names = [
        "a.alpaca.train.json",
        "alpaca.sharegpt.test.json",
        "a.openai-chat.train.jsonl",
        "a.llamafactory-preference.train.json",
    ]
    info = json.loads(dataset_info(names)["dataset_info.json"])
    assert info["a.alpaca.train"]["columns"]["response"] == "output"
    assert info["alpaca.sharegpt.test"]["formatting"] == "sharegpt"
    assert info["a.openai-chat.train"]["tags"]["role_tag"] == "role"
    assert info["a.llamafactory-preference.train"]["ranking"] is True
