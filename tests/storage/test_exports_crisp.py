"""The formats of our own in CRDial style: the full record, chats with strategy tokens, and channels."""

from __future__ import annotations

import json
import re
import unicodedata
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given

from profiles.distortions import distortions
from profiles.errors import UserError
from profiles.strategies import strategies
from profiles.vocabulary import LANGUAGES, Language, Stage
from storage.exports import crisp, crisp_mdi, crisp_tokens
from storage.exports.dialogue import texts
from storage.exports.format import ExportOptions, find_format
from storage.exports.record import Belief, DialogueRecord, DialogueTurn, Scales, paths
from tests.storage.export_records import STEPS, a_record, joined, records, therapist_turn

PLAIN = ExportOptions(system={"en": "", "zh": ""})


def rows(name: str, record: DialogueRecord, options: ExportOptions = PLAIN) -> list[dict[str, Any]]:
    """The rows as a reader gets them: through a line of JSON."""
    lines = [json.dumps(row, ensure_ascii=False, allow_nan=False) for row in find_format(name).rows(record, options)]
    return [json.loads(line) for line in lines]


def first_path(language: Language = "en") -> DialogueRecord:
    return next(paths(a_record(language)))


def full(language: Language = "en") -> DialogueRecord:
    """A record with something in every field."""
    return a_record(
        language,
        sub_domain="thesis",
        intermediate_beliefs=("If I am late, I am nothing.",),
        commonsense=({"head": "a", "relation": "xReact", "tail": "b", "step": STEPS[0], "source": "model"},),
        scales=Scales(
            belief_pre=80,
            belief_post=35.5,
            emotions_pre=(("ashamed", 70), ("afraid", 40)),
            emotions_post=(("ashamed", 30),),
            affect_pre={"pa": 20, "na": 34, "n_items": 20, "instrument": "x"},
        ),
        scores={"client": {"total": 41, "share": 0.8, "passed": True, "item_mean": None}},
        provenance={"synthetic": True, "generator": {"seed": 7}},
        privacy={"consent": {"status": "not_needed_synthetic"}},
    )


# ------------------------------------------------------------------------------------------------------ crisp


@given(records())
def test_nothing_of_a_record_is_lost_on_the_way_out_and_back(record: DialogueRecord) -> None:
    for each in (record, *paths(record)):
        (row,) = rows("crisp", each)
        restored = crisp.back(row)
        assert restored == each
        (again,) = rows("crisp", restored)
        assert json.dumps(again) == json.dumps(row)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_record_with_something_in_every_field_comes_back_as_it_was(language: Language) -> None:
    for record in (full(language), next(paths(full(language)))):
        (row,) = rows("crisp", record)
        assert crisp.back(row) == record


def test_a_path_tells_its_active_channel_in_the_shape_that_we_document() -> None:
    (row,) = rows("crisp", first_path())
    assert row["active_channel"] == row["channel_index"] == 1
    assert row["identification"]["core_beliefs"] == [
        {"loop": 1, "channel": 1, "distortion": "labeling", "belief": "I am lazy"},
        {"loop": 1, "channel": 2, "distortion": "mind_reading", "belief": "nobody would ever trust me again"},
    ]
    assert row["restructuring"] == {
        "evidence_for": ["I have not opened the file since Monday."],
        "evidence_against": ["I wrote forty pages before the summer."],
        "verdict": {
            "effective": True,
            "balanced_thought": "I am stuck this week, but forty pages show that I can work.",
            "rounds": 1,
        },
    }
    assert row["loop"] == {"continue": False, "new_distortions": None, "reason": None}
    assert row["dialog"][1]["sentences"][0] == {
        "text": "That sounds like a heavy week.",
        "strategy": "reflection_of_feelings",
        "category": "expression",
    }


def test_a_path_of_an_earlier_loop_says_that_the_session_went_on() -> None:
    (row,) = rows("crisp", next(paths(a_record(loops=2))))
    assert row["loop"]["continue"] is True


def test_the_active_channel_is_that_of_the_same_loop() -> None:
    first, second = a_record().channels
    again = second.model_copy(update={"loop": 2, "channel": 1})
    (row,) = rows("crisp", a_record(channels=(first, again), loops=2, loop_index=2, channel_index=1))
    assert row["restructuring"]["evidence_for"] == ["My tutor keeps silent."]


def test_a_whole_session_has_no_active_channel_and_all_channels() -> None:
    (row,) = rows("crisp", a_record())
    assert row["active_channel"] is None
    assert row["loop"]["continue"] is None
    assert row["restructuring"]["evidence_for"] == []
    assert [channel["belief"] for channel in row["channels"]] == ["I am lazy", "nobody would ever trust me again"]


@pytest.mark.parametrize(("gate", "safety"), [("passed", True), ("failed", False), ("not_checked", None)])
def test_safety_is_what_the_gate_said_and_nothing_where_it_was_not_asked(gate: str, safety: bool | None) -> None:
    (row,) = rows("crisp", a_record(gate=gate))
    assert row["quality"]["safety"] is safety
    assert row["quality"]["basic"] is None


def test_every_row_has_the_same_keys_in_the_same_order() -> None:
    every = [row for record in (a_record(), first_path("zh"), full()) for row in rows("crisp", record)]
    assert {tuple(row) for row in every} == {find_format("crisp").fields}
    assert {tuple(row["restructuring"]["verdict"]) for row in every} == {("effective", "balanced_thought", "rounds")}


def test_the_old_names_of_evidence_and_balanced_thought_are_read() -> None:
    (row,) = rows("crisp", first_path())
    for place in (row["restructuring"], *row["channels"]):
        place["defense"] = place.pop("evidence_for")
        place["prosecution"] = place.pop("evidence_against")
    row["channels"][0]["restructured_thought"] = row["channels"][0].pop("balanced_thought")
    row["restructuring"]["verdict"]["restructured_thought"] = row["restructuring"]["verdict"].pop("balanced_thought")
    assert crisp.back(row) == first_path()


def test_a_row_that_tells_only_its_one_channel_is_read_from_there() -> None:
    (row,) = rows("crisp", first_path())
    del row["channels"]
    row["restructuring"]["defense"] = row["restructuring"].pop("evidence_for")
    (channel,) = crisp.back(row).channels
    assert channel == first_path().channels[0].model_copy(update={"belief_before": None, "belief_after": None})


def test_such_a_channel_has_the_belief_of_its_own_number() -> None:
    second = list(paths(a_record()))[1]
    (row,) = rows("crisp", second)
    del row["channels"]
    (channel,) = crisp.back(row).channels
    assert (channel.channel, channel.distortion, channel.belief) == (2, "mind_reading", second.channels[0].belief)


def test_an_old_name_beside_its_new_one_is_refused() -> None:
    (row,) = rows("crisp", first_path())
    row["restructuring"]["defense"] = ["another"]
    with pytest.raises(UserError, match=r"row 'crd_en_1_l1_c1'.*restructuring\.defense: unknown field"):
        crisp.back(row)


def test_a_verdict_of_another_shape_is_refused_where_the_channel_is_read_from_it() -> None:
    (row,) = rows("crisp", first_path())
    del row["channels"]
    row["restructuring"]["verdict"] = ["yes"]
    with pytest.raises(UserError, match=r"restructuring\.verdict: ") as caught:
        crisp.back(row)
    assert crisp.fault_of(caught.value, row).startswith("restructuring.verdict: ")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"language": "fr"}, "language: must be 'en' or 'zh'"),
        ({"dialog": "none"}, "dialog: "),
        ({"restructuring": []}, "restructuring: "),
        ({"channels": [3]}, r"channels\.0: "),
        ({"scales": None}, "scales: "),
        ({"surprise": 1}, "surprise: unknown field"),
    ],
)
def test_a_row_that_is_none_is_refused_in_one_line(change: dict[str, Any], fault: str) -> None:
    (row,) = rows("crisp", a_record())
    with pytest.raises(UserError, match=fault) as caught:
        crisp.back(row | change)
    assert "row 'crd_en_1'" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("field", ["id", "session_id", "identification", "provenance", "channels"])
def test_a_row_without_one_of_its_fields_is_refused(field: str) -> None:
    (row,) = rows("crisp", a_record())
    del row[field]
    with pytest.raises(UserError, match=f"{field}: this field is missing"):
        crisp.back(row)


def test_the_schema_asks_for_every_field_and_for_no_other() -> None:
    schema = crisp.schema()
    assert tuple(schema["properties"]) == find_format("crisp").fields
    assert sorted(schema["required"]) == sorted(find_format("crisp").fields)
    assert schema["additionalProperties"] is False
    assert "continue" in schema["$defs"]["LoopGate"]["properties"]


def test_rows_keep_the_schema_and_broken_ones_do_not() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    check = jsonschema.Draft202012Validator(crisp.schema())
    every = [each for language in LANGUAGES for whole in (full(language),) for each in (whole, *paths(whole))]
    for record in every:
        (row,) = rows("crisp", record)
        assert [error.message for error in check.iter_errors(row)] == []
        assert not check.is_valid(row | {"language": "fr"})
        assert not check.is_valid({key: row[key] for key in row if key != "exit"})


@given(records())
def test_drawn_rows_keep_the_schema(record: DialogueRecord) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    (row,) = rows("crisp", record)
    jsonschema.Draft202012Validator(crisp.schema()).validate(row)


# ----------------------------------------------------------------------------------------------- crisp-tokens

NAMES = {each.name: each.id for each in strategies("en").values()}
TOKEN = re.compile(rf"\[({'|'.join(map(re.escape, NAMES))})\] ")


def read_tokens(text: str) -> list[tuple[str, str]]:
    """A message as (strategy, sentence), cut at the bracketed names; one blank or line end stands before each but the
    first.
    """
    _, *rest = TOKEN.split(text)
    pairs = list(zip(rest[::2], rest[1::2], strict=True))
    return [(NAMES[name], said if place == len(pairs) - 1 else said[:-1]) for place, (name, said) in enumerate(pairs)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_sentence_follows_the_english_name_of_its_strategy(language: Language) -> None:
    record = a_record(language)
    (row,) = rows("crisp-tokens", record)
    said = [each["content"] for each in row["messages"] if each["role"] == "assistant"]
    turns = [turn for turn in record.dialog if turn.speaker == "therapist"]
    assert said[0] == turns[0].content  # the greeting has no strategies
    for text, turn in zip(said[1:], turns[1:], strict=True):
        assert read_tokens(text) == [(each.strategy, each.text) for each in turn.sentences]
    if language == "zh":
        assert said[1].startswith("[Reflection of Feelings] 这一个星期你真是熬过来的。 [Question] ")


@given(records())
def test_read_back_every_trained_sentence_has_its_strategy_and_its_words(record: DialogueRecord) -> None:
    groups = [list(group) for _, group in groupby(record.dialog, key=lambda turn: turn.speaker)]
    trainable = [group for group in groups if all(turn.train and turn.sentences for turn in group)]
    expected = [[(each.strategy, each.text) for turn in group for each in turn.sentences] for group in trainable]
    trained = [
        [(name, crisp_tokens.unguarded(said)) for name, said in read_tokens(each["content"])]
        for row in rows("crisp-tokens", record)
        for each in row["messages"]
        if each.get("weight")
    ]
    assert trained == expected


@given(records())
def test_speakers_alternate_and_only_the_counselor_is_weighed(record: DialogueRecord) -> None:
    for row in rows("crisp-tokens", record):
        roles = [each["role"] for each in row["messages"]]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        assert all(("weight" in each) == (each["role"] == "assistant") for each in row["messages"])


def talk(*turns: DialogueTurn, **changes: Any) -> DialogueRecord:
    """A record of just these turns, numbered."""
    numbered = tuple(turn.model_copy(update={"turn": place}) for place, turn in enumerate(turns))
    return a_record(dialog=numbered, **changes)


def client(text: str, **given: Any) -> DialogueTurn:
    return DialogueTurn(turn=0, round=1, speaker="help_seeker", stage=Stage.DIAGNOSIS, content=text, **given)


def test_a_token_in_somebodys_own_words_is_no_token() -> None:
    words = "[Question] [Question ] is it [Negotiate]?"
    record = talk(client(words), therapist_turn("en", [("restatement", words)]))
    (row,) = rows("crisp-tokens", record)
    asked, answer = (each["content"] for each in row["messages"])
    assert not TOKEN.search(asked)
    assert crisp_tokens.unguarded(asked) == words
    ((strategy, said),) = read_tokens(answer)
    assert (strategy, crisp_tokens.unguarded(said)) == ("restatement", words)


def test_what_must_not_be_trained_or_has_no_strategy_is_context_with_weight_nought() -> None:
    unlabelled = DialogueTurn(
        turn=0, round=1, speaker="therapist", stage=Stage.DIAGNOSIS, content="Well. Hm.", train=True
    )
    flagged = therapist_turn("en", [("information", "Everyone thinks so.")], train=False)
    good = therapist_turn("en", [("question", "How so?")])
    record = talk(client("A"), unlabelled, client("B"), flagged, client("C"), good, client("D"))
    (row,) = rows("crisp-tokens", record)
    answers = [(each["content"], each["weight"]) for each in row["messages"] if each["role"] == "assistant"]
    assert answers == [("Well. Hm.", 0), ("[Information] Everyone thinks so.", 0), ("[Question] How so?", 1)]


def test_a_counselor_without_strategies_makes_no_row() -> None:
    plain = tuple(turn.model_copy(update={"sentences": ()}) for turn in a_record().dialog)
    assert rows("crisp-tokens", a_record(dialog=plain)) == []


def test_a_strategy_that_the_registry_does_not_know_is_never_written_as_a_token() -> None:
    odd = therapist_turn("en", [("question", "How so?")])
    sentence = odd.sentences[0].model_copy(update={"strategy": "hypnosis"})
    record = talk(client("A"), odd.model_copy(update={"sentences": (sentence,)}))
    assert rows("crisp-tokens", record) == []


# -------------------------------------------------------------------------------------------------- crisp-mdi


def of_kind(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [row for row in found if row["kind"] == kind]


@pytest.mark.parametrize("language", LANGUAGES)
def test_channels_are_asked_for_where_the_identification_ends(language: Language) -> None:
    record = a_record(language)
    (row,) = of_kind(rows("crisp-mdi", record), "channels")
    system, *context, answer = row["messages"]
    assert json.loads(answer["content"]) == [
        {"distortion": each.distortion, "belief": each.belief} for each in record.core_beliefs
    ]
    last = [turn for turn in record.dialog if turn.speaker == "help_seeker" and turn.step == "core_beliefs"][-1]
    assert context[-1] == {"role": "user", "content": last.content}
    assert all(each in system["content"] for each in distortions("en"))
    assert row["channel"] is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_reply_has_its_channel_in_the_system_message_and_nothing_that_came_later(language: Language) -> None:
    record = a_record(language)
    replies = of_kind(rows("crisp-mdi", record), "reply")
    weighed = [turn for turn in record.dialog if turn.speaker == "therapist" and turn.channel]
    assert [row["messages"][-1]["content"] for row in replies] == [turn.content for turn in weighed]
    for row, turn in zip(replies, weighed, strict=True):
        system, _stub, *context, _answer = row["messages"]
        belief = record.core_beliefs[row["channel"] - 1]
        assert belief.belief in system["content"]
        assert distortions(language)[str(belief.distortion)].name in system["content"]
        assert [each["content"] for each in context] == [each.content for each in record.dialog[: turn.turn]]
        assert [each.balanced_thought in system["content"] for each in record.channels] == [False, False]


def test_a_belief_whose_distortion_nobody_named_makes_no_row_of_its_own_and_no_list() -> None:
    first, second = a_record().core_beliefs
    record = a_record(core_beliefs=(first.model_copy(update={"distortion": None}), second))
    found = rows("crisp-mdi", record)
    assert of_kind(found, "channels") == []
    assert {row["channel"] for row in of_kind(found, "reply")} == {2}


def test_a_list_holds_three_beliefs_at_most() -> None:
    many = tuple(Belief(loop=1, channel=n, distortion="labeling", belief=f"b{n}") for n in (4, 2, 3, 1))
    (row,) = of_kind(rows("crisp-mdi", a_record(core_beliefs=many)), "channels")
    assert [each["belief"] for each in json.loads(row["messages"][-1]["content"])] == ["b1", "b2", "b3"]


def test_a_list_stays_readable_when_the_row_is_brought_into_nfc() -> None:
    belief = Belief(loop=1, channel=1, distortion="labeling", belief="a\n\u0301b")
    (row,) = of_kind(rows("crisp-mdi", a_record(core_beliefs=(belief,))), "channels")
    (told,) = json.loads(unicodedata.normalize("NFC", row["messages"][-1]["content"]))
    assert told["belief"] == "a\n\u0301b"


def test_each_loop_is_asked_for_with_all_that_was_said_before() -> None:
    first = a_record()
    second = [turn.model_copy(update={"loop": 2}) for turn in first.dialog if turn.loop]
    beliefs = tuple(each.model_copy(update={"loop": 2, "belief": "anew"}) for each in first.core_beliefs)
    record = talk(*first.dialog[:-2], *second, core_beliefs=first.core_beliefs + beliefs)
    early, late = of_kind(rows("crisp-mdi", record), "channels")
    assert (early["loop"], late["loop"]) == (1, 2)
    assert late["messages"][1:-1][: len(early["messages"]) - 2] == early["messages"][1:-1]
    assert {each["belief"] for each in json.loads(late["messages"][-1]["content"])} == {"anew"}


def test_the_paths_of_a_session_ask_for_their_channels_once() -> None:
    found = [rows("crisp-mdi", path) for path in paths(a_record())]
    assert [len(of_kind(each, "channels")) for each in found] == [1, 0]
    assert [{row["channel"] for row in of_kind(each, "reply")} for each in found] == [{1}, {2}]


def test_the_exports_own_system_prompt_comes_before_the_task() -> None:
    found = rows("crisp-mdi", a_record(), ExportOptions(system={"en": "Be kind."}))
    assert all(row["messages"][0]["content"].startswith("Be kind.\n\n") for row in found)


@pytest.mark.parametrize("opening", ["stub", "system", "drop"])
@given(record=records())
def test_rows_are_chats_that_end_with_the_counselor(opening: Any, record: DialogueRecord) -> None:
    options = ExportOptions(opening=opening, system={"en": "", "zh": ""})
    groups = [list(group) for _, group in groupby(record.dialog, key=lambda turn: turn.speaker)]
    said = ["\n".join(turn.content for turn in group) for group in groups if all(turn.train for turn in group)]
    for row in rows("crisp-mdi", record, options):
        system, *context, answer = row["messages"]
        roles = [each["role"] for each in (*context, answer)]
        assert (system["role"], roles) == ("system", ["user", "assistant"] * (len(roles) // 2))
        if row["kind"] == "reply":
            assert answer["content"] in said
        else:
            assert {each["distortion"] for each in json.loads(answer["content"])} <= set(distortions("en"))


def test_with_nothing_said_there_are_no_chats() -> None:
    empty = a_record(dialog=())
    assert rows("crisp-mdi", empty) == rows("crisp-tokens", empty) == []
    assert len(rows("crisp", empty)) == 1


def test_a_counselors_greeting_stands_behind_the_stub_of_its_language() -> None:
    for language in LANGUAGES:
        row = rows("crisp-mdi", a_record(language))[0]
        assert row["messages"][1]["content"] == texts(language).stub


def test_counselor_turns_in_a_row_are_one_reply() -> None:
    place: dict[str, Any] = {"step": "defense", "loop": 1, "channel": 1}
    pair = [therapist_turn("en", [("question", text)], **place) for text in ("How?", "When?")]
    (row,) = of_kind(rows("crisp-mdi", talk(client("So."), *pair)), "reply")
    assert row["messages"][-1]["content"] == "How?\nWhen?"
    (chat,) = rows("crisp-tokens", talk(client("So."), *pair))
    assert chat["messages"][-1]["content"] == "[Question] How?\n[Question] When?"


def test_counselor_turns_of_two_channels_in_a_row_are_no_reply_of_either() -> None:
    pair = [therapist_turn("en", [("question", "How?")], step="verdict", loop=1, channel=n) for n in (1, 2)]
    assert of_kind(rows("crisp-mdi", talk(client("So."), *pair)), "reply") == []


def test_the_joined_sentences_of_the_examples_are_their_turns() -> None:
    for language in LANGUAGES:
        for turn in a_record(language).dialog:
            if turn.sentences:
                assert joined(language, [each.text for each in turn.sentences]) == turn.content


def test_the_formats_are_found_by_name() -> None:
    assert find_format("crisp").back is crisp.back
    assert find_format("crisp-mdi").rows is crisp_mdi.rows
