"""Preference pairs: one prompt, two texts of like length, the chosen one fit to be learned, the fault as named."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.strategies import strategies
from profiles.vocabulary import LANGUAGES, Language
from storage.exports.dialogue import Message, texts
from storage.exports.format import ExportOptions, find_format
from storage.exports.preferences import FAULTS, Fault, Pair, PairOptions, pairs, pairs_between
from storage.exports.record import DialogueRecord, DialogueTurn
from tests.storage.export_records import STEPS, a_record, records

USUAL = ExportOptions()
PREFERENCES = ("openai-dpo", "trl-preference", "llamafactory-preference")
openings = st.builds(ExportOptions, opening=st.sampled_from(["stub", "system", "drop"]))
many = settings(max_examples=60, deadline=None)


def of(record: DialogueRecord, fault: Fault, options: ExportOptions = USUAL) -> dict[int, Pair]:
    """All pairs with one fault by the turn that was chosen."""
    return {pair.turn: pair for pair in pairs(record, options, PairOptions(most=1000, faults=(fault,)))}


def changed(record: DialogueRecord, number: int, **fields: object) -> DialogueRecord:
    dialog = [turn.model_copy(update=fields) if turn.turn == number else turn for turn in record.dialog]
    return record.model_copy(update={"dialog": tuple(dialog)})


# ---------------------------------------------------------------------------- the four kinds of fault


@pytest.mark.parametrize("language", LANGUAGES)
def test_stripped_replies_keep_what_gives_no_support(language: Language) -> None:
    record = a_record(language)
    found = of(record, "strategy_stripped")
    assert len(found) >= 6
    for number, pair in found.items():
        turn = record.dialog[number]
        assert pair.chosen == turn.content
        assert pair.rejected == turn.sentences[1].text
        assert turn.sentences[0].text not in pair.rejected


def test_a_turn_with_one_kind_of_sentence_cannot_be_stripped() -> None:
    record = a_record()
    assert {each.strategy for each in record.dialog[20].sentences} == {"affirmation_reassurance", "negotiate"}
    assert 20 not in of(record, "strategy_stripped")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_skip_jumps_two_steps_ahead_in_one_dialogue(language: Language) -> None:
    record = a_record(language)
    found = of(record, "step_skip")
    assert set(found) >= {2, 4, 6}
    for number, pair in found.items():
        turn = record.dialog[number]
        later = next(each for each in record.dialog if each.content == pair.rejected)
        assert later.turn > number
        assert STEPS.index(str(later.step)) - STEPS.index(str(turn.step)) >= 2


def test_a_skip_stays_in_its_loop_and_channel() -> None:
    record = a_record()
    moved = [turn.model_copy(update={"loop": 2}) if turn.step in STEPS[3:] else turn for turn in record.dialog]
    apart = of(record.model_copy(update={"dialog": tuple(moved)}), "step_skip")
    skips = {number: pair.rejected for number, pair in apart.items()}
    assert skips == {number: record.dialog[number + 4].content for number in (2, 8, 14)}
    assert of(record, "step_skip")[8].rejected == record.dialog[12].content
    assert 8 not in of(changed(record, 12, train=False), "step_skip")


def test_what_was_said_before_is_no_skip_in_a_second_pass() -> None:
    again = changed(a_record(), 20, step="defense", loop=1, channel=2)
    assert again.dialog[18].step == "verdict"
    assert 20 not in of(again, "step_skip")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_premature_reframe_states_a_thought_that_the_client_found_later(language: Language) -> None:
    record = a_record(language)
    found = of(record, "premature_reframe")
    assert found
    for number, pair in found.items():
        turn = record.dialog[number]
        assert turn.step in STEPS[:4]
        thought = next(
            str(each.balanced_thought) for each in record.channels if str(each.balanced_thought) in pair.rejected
        )
        assert pair.rejected in [each.replace("{thought}", thought) for each in texts(language).premature]
        if turn.channel:
            assert thought == record.channels[turn.channel - 1].balanced_thought


def test_a_thought_that_did_not_hold_is_not_stated() -> None:
    record = a_record()
    for effective in (False, None):
        open_ones = [each.model_copy(update={"effective": effective}) for each in record.channels]
        assert of(record.model_copy(update={"channels": tuple(open_ones)}), "premature_reframe") == {}


def test_a_thought_with_braces_is_stated_as_it_is() -> None:
    record = a_record()
    odd = [
        each.model_copy(update={"balanced_thought": "It is {thought} and 100 % {x} fine."}) for each in record.channels
    ]
    found = of(record.model_copy(update={"channels": tuple(odd)}), "premature_reframe")
    assert found
    assert all("It is {thought} and 100 % {x} fine." in pair.rejected for pair in found.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_wrong_channel_reply_speaks_of_another_belief(language: Language) -> None:
    record = a_record(language)
    found = of(record, "wrong_channel")
    assert found
    for number, pair in found.items():
        turn = record.dialog[number]
        other = next(each for each in record.dialog if each.content == pair.rejected)
        assert turn.step in ("defense", "prosecution")
        assert (other.step, other.loop) == (turn.step, turn.loop)
        assert other.channel != turn.channel


def test_a_question_that_would_fit_any_belief_is_no_wrong_channel() -> None:
    vague = "I am listening to you closely here. Which facts come to mind for it, big or small?"
    record = changed(a_record(), 14, content=vague, sentences=())
    assert of(a_record(), "wrong_channel")[8].rejected != vague
    assert 8 not in of(record, "wrong_channel")


# ---------------------------------------------------------------------------- nothing is quoted too early

EARLY = {"en": "You said that nobody rang you all week. {} What else?", "zh": "你刚才说没人打过电话给我。{}还有什么？"}
LATER = {"en": "Well, nobody rang you all week.", "zh": "是啊，没人打过电话给我。"}
MARKED = {"en": 'Let us take "a fine old coat" now. {} What else?', "zh": "咱们看看“好看的旧大衣”这句。{}还有什么？"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("fault", ["step_skip", "wrong_channel"])
def test_a_rejected_reply_quotes_nothing_that_was_not_said_yet(language: Language, fault: Fault) -> None:
    record = a_record(language)
    number, pair = next(iter(of(record, fault).items()))
    fits = PairOptions(most=1000, faults=(fault,), shortest=0.01, longest=99)
    source = next(turn.turn for turn in record.dialog if turn.content == pair.rejected)
    late = record.dialog[source + 1].turn
    for texts_of, told in ((EARLY, LATER[language]), (MARKED, "")):
        text = texts_of[language].format(pair.rejected)
        later = changed(changed(record, source, content=text, sentences=()), late, content=told or "Well.")
        assert text not in [each.rejected for each in pairs(later, USUAL, fits)]
        before = changed(later, number - 1, content=f"{told} a fine old coat 好看的旧大衣")
        assert text in [each.rejected for each in pairs(before, USUAL, fits) if each.turn == number]


def test_another_counselor_s_quotes_stand_in_the_talk_too() -> None:
    better = a_record()
    for said, made in (('You said "a fine old coat". Why does that stay with you?', 0), ("You said something.", 1)):
        worse = changed(a_record(), 4, content=said, sentences=())
        assert len(pairs_between(better, worse, USUAL, PairOptions(shortest=0.1, longest=9))) == made


# ---------------------------------------------------------------------------- what may be chosen


def test_a_record_gives_at_most_so_many_pairs_of_every_kind() -> None:
    for language in LANGUAGES:
        for number in range(20):
            found = pairs(a_record(language, id=f"crd_{number}"), USUAL)
            assert sorted(pair.fault for pair in found) == sorted(FAULTS)
        assert len(pairs(a_record(language), USUAL, PairOptions(most=2))) == 2
        assert pairs(a_record(language), USUAL, PairOptions(most=0)) == ()


def test_turns_are_not_always_the_first() -> None:
    chosen = {pair.turn for number in range(30) for pair in pairs(a_record(id=f"crd_{number}"), USUAL)}
    assert chosen >= {2, 4, 6, 8, 10, 14, 16}


def test_what_failed_the_gate_is_never_chosen() -> None:
    record = a_record(gate="failed")
    assert pairs(record, USUAL) == ()
    other = changed(a_record(), 2, content="Tell me more about these nights, will you?", sentences=())
    assert pairs_between(record, other, USUAL) == ()
    assert len(pairs_between(other, record, USUAL)) == 1


def test_untrainable_turns_are_neither_chosen_nor_rejected() -> None:
    crisis = changed(a_record(), 12, train=False)
    assert all(
        crisis.dialog[12].content not in (p.chosen, p.rejected) for p in pairs(crisis, USUAL, PairOptions(most=99))
    )


def test_a_turn_without_any_support_is_not_chosen() -> None:
    record = a_record()
    bare = tuple(each for each in record.dialog[4].sentences if each.strategy == "question")
    record = changed(record, 4, sentences=bare, content=bare[0].text)
    assert 4 not in of(record, "step_skip")


def test_a_plain_dialogue_gives_no_pairs() -> None:
    plain = [turn.model_copy(update={"sentences": (), "step": None, "loop": None}) for turn in a_record().dialog]
    assert pairs(a_record(dialog=tuple(plain)), USUAL) == ()


# ---------------------------------------------------------------------------- two records


@pytest.mark.parametrize("opening", ["stub", "system", "drop"])
def test_two_counselors_are_compared_where_they_part(opening: str) -> None:
    options = ExportOptions(opening=opening)
    better = a_record()
    worse = changed(
        a_record(id="crd_en_9"), 4, content="Just stop worrying about it, it will all work out by itself.", sentences=()
    )
    (pair,) = pairs_between(better, worse, options)
    assert (pair.record_id, pair.turn, pair.fault) == ("crd_en_1", 4, "weaker_counselor")
    assert (pair.chosen, pair.rejected) == (better.dialog[4].content, worse.dialog[4].content)
    assert [m.content for m in pair.prompt.messages][-3:] == [turn.content for turn in better.dialog[1:4]]
    assert pair.prompt.messages[-1].speaker == "help_seeker"


def test_two_records_give_no_pair_where_the_talk_differs_before() -> None:
    better = a_record()
    weaker = "Just stop worrying about it, it will all work out by itself."
    worse = changed(a_record(), 4, content=weaker, sentences=())
    assert len(pairs_between(better, worse, USUAL)) == 1
    assert pairs_between(better, changed(worse, 1, content="Hello."), USUAL) == ()
    assert pairs_between(better, changed(worse, 0, content="Good day."), USUAL) == ()
    assert pairs_between(better, changed(worse, 0, content="Good day."), ExportOptions(opening="system")) == ()
    assert len(pairs_between(better, changed(worse, 0, content="Good day."), ExportOptions(opening="drop"))) == 1
    assert pairs_between(better, worse.model_copy(update={"situation_id": "other"}), USUAL) == ()
    assert pairs_between(better, better, USUAL) == ()
    assert pairs_between(better, changed(worse, 4, train=False), USUAL) == ()
    assert pairs_between(changed(better, 4, train=False), worse, USUAL) == ()
    assert pairs_between(better, changed(worse, 4, content=weaker * 9), USUAL) == ()


# ---------------------------------------------------------------------------- whatever


@many
@given(record=records(gates=("passed", "failed", "not_checked")), options=openings)
def test_pairs_keep_every_rule(record: DialogueRecord, options: ExportOptions) -> None:
    found = pairs(record, options)
    assert found == pairs(record, options)
    assert len(found) <= (0 if record.gate == "failed" else 4)
    assert len({pair.turn for pair in found}) == len(found)
    trainable = {turn.content for turn in record.dialog if turn.speaker == "therapist" and turn.train}
    for pair in found:
        assert pair.chosen == record.dialog[pair.turn].content
        assert pair.chosen in trainable
        assert pair.chosen.strip() != pair.rejected.strip()
        assert 0.5 <= len(pair.rejected) / len(pair.chosen) <= 2.0
        assert [m.speaker for m in pair.prompt.messages][::-2] == ["help_seeker"] * -(-len(pair.prompt.messages) // 2)
        assert _before(record.dialog, pair.turn)[-1].content in pair.prompt.messages[-1].content
        assert all(message.content.strip() for message in pair.prompt.messages)
        assert _fault_holds(record, pair)
        if pair.fault != "premature_reframe":
            said = " ".join([*(message.content for message in pair.prompt.messages), pair.chosen])
            assert all(quoted in said for quoted in re.findall(r"[“\"]([^“”\"]+)[”\"]", pair.rejected))


def _before(dialog: tuple[DialogueTurn, ...], number: int) -> tuple[DialogueTurn, ...]:
    return tuple(turn for turn in dialog if turn.turn < number)


def _fault_holds(record: DialogueRecord, pair: Pair) -> bool:
    turn, known = record.dialog[pair.turn], strategies(record.language)
    if pair.fault == "strategy_stripped":
        bare = [each.text for each in turn.sentences if not known[each.strategy].supports]
        return pair.rejected == (" " if record.language == "en" else "").join(bare)
    if pair.fault == "premature_reframe":
        return any((each.balanced_thought or "").strip() in pair.rejected for each in record.channels)
    said = [
        each for each in record.dialog if each.content == pair.rejected and each.speaker == "therapist" and each.train
    ]
    if pair.fault == "step_skip":
        return any(
            STEPS.index(e.step) >= STEPS.index(str(turn.step)) + 2 for e in said if e.step and e.turn > turn.turn
        )
    return any(e.step == turn.step and (e.loop, e.channel) != (turn.loop, turn.channel) for e in said)


@many
@given(record=records(), options=openings)
def test_the_formats_write_the_same_pairs(record: DialogueRecord, options: ExportOptions) -> None:
    found = pairs(record, options)
    openai, trl, llama = (
        [json.loads(json.dumps(row, ensure_ascii=False)) for row in find_format(name).rows(record, options)]
        for name in PREFERENCES
    )
    assert len(openai) == len(trl) == len(llama) == len(found)
    for pair, one, two, three in zip(found, openai, trl, llama, strict=True):
        chat = [{"role": "system", "content": pair.prompt.system}, *map(_chat, pair.prompt.messages)]
        chosen, rejected = ([{"role": "assistant", "content": text}] for text in (pair.chosen, pair.rejected))
        assert one == {
            "input": {"messages": chat, "tools": [], "parallel_tool_calls": True},
            "preferred_output": chosen,
            "non_preferred_output": rejected,
        }
        assert two == {"prompt": chat, "chosen": chosen, "rejected": rejected, "fault": pair.fault}
        assert [each["value"] for each in three["conversations"]] == [each["content"] for each in chat[1:]]
        assert len(three["conversations"]) % 2 == 1
        assert {each["from"] for each in three["conversations"][::2]} == {"human"}
        assert (three["chosen"], three["rejected"]) == tuple(
            {"from": "gpt", "value": t} for t in (pair.chosen, pair.rejected)
        )
        assert (three["system"], three["fault"]) == (pair.prompt.system, pair.fault)


def _chat(message: Message) -> dict[str, str]:
    return {"role": "user" if message.speaker == "help_seeker" else "assistant", "content": message.content}


@pytest.mark.parametrize("name", PREFERENCES)
def test_rows_have_the_columns_that_the_format_names(name: str) -> None:
    offered = find_format(name)
    assert offered.preference
    made = list(offered.rows(a_record(), USUAL))
    assert len(made) == 4
    assert all(tuple(row) == offered.fields for row in made)
