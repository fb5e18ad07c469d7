"""The quality of dialogues: figures by hand, one pass over a stream, finds by their shape, and the page."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from arena.quality.compare import compare
from arena.quality.diversity import distinct, mtld
from arena.quality.measure import Quality, measure
from arena.quality.page import quality_page, words_of
from arena.quality.personal import found_in, names
from arena.quality.phrases import Phrases
from arena.quality.tokens import han_share, words
from profiles.crisis import crisis_text, disclaimer
from profiles.errors import UserError
from profiles.vocabulary import LANGUAGES, Language, Stage
from storage.exports.record import DialogueChannel, DialogueRecord, DialogueTurn, LabelledSentence
from ui.cli.main import app


def turn(number: int, text: str, *strategies: str) -> DialogueTurn:
    return DialogueTurn(
        turn=number,
        round=number // 2,
        speaker="therapist" if number % 2 else "help_seeker",
        stage=Stage.DIAGNOSIS,
        content=text,
        sentences=tuple(LabelledSentence(text=text, strategy=name, category="description") for name in strategies),
    )


def record(number: int, *turns: DialogueTurn, language: Language = "en", **given: Any) -> DialogueRecord:
    values: dict[str, Any] = {
        "id": f"d{number}",
        "session_id": f"s{number}",
        "run_id": "r",
        "situation_id": f"c{number % 2}",
        "language": language,
        "domain": "career",
        "counselor": "crdial",
        "dialog": turns,
    }
    return DialogueRecord(**{**values, **given})


def channel(loop: int, number: int, distortion: str | None) -> DialogueChannel:
    return DialogueChannel(loop=loop, channel=number, distortion=distortion)


# ------------------------------------------------------------------------------------------------- words and variety


def test_words_are_small_letters_and_single_han_characters() -> None:
    assert words("Don’t panic: I am OK-ish, 3 times.") == ["don't", "panic", "i", "am", "ok", "ish", "3", "times"]
    assert words("我用ＷｅＣｈａｔ聊天。") == ["我", "用", "wechat", "聊", "天"]


def test_mtld_by_hand() -> None:
    # a a | a a: the ratio falls to 1/2 at each second token, so two factors for four tokens, both ways.
    assert mtld(list("aaaa"), least=1) == 2
    # a b c a: never at or below 0.72; the rest is (1 - 3/4) / 0.28 of a factor, both ways.
    assert mtld(list("abca"), least=1) == pytest.approx(4 / (0.25 / 0.28))
    # a a b c: forward one factor (a a) and a rest without repeats: 4; backward c b a a: 3/4 at the end: 4 / (.25/.28).
    assert mtld(list("aabc"), least=1) == pytest.approx((4 + 4 / (0.25 / 0.28)) / 2)
    assert mtld(list("abcd"), least=1) == 4  # no token twice: no factor


def test_mtld_skips_short_texts() -> None:
    assert mtld(["a"] * 99) is None and mtld(["a"] * 100) == 2


def test_distinct_by_hand() -> None:
    assert distinct(list("abab"), 1) == 0.5
    assert distinct(list("abab"), 2) == pytest.approx(2 / 3)  # ab, ba, ab
    assert distinct([], 1) is None and distinct(["a"], 2) is None


@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=300))
def test_variety_has_its_bounds(tokens: list[str]) -> None:
    found = mtld(tokens, least=1)
    assert found is not None and 1 <= found <= max(len(tokens), len(tokens) / 0.1)
    assert found == mtld(tokens[::-1], least=1)
    assert all(0 < (distinct(tokens, size) or 1) <= 1 for size in (1, 2))


def test_the_share_of_han_characters() -> None:
    assert han_share("你好 ab 12") == 0.5 and han_share("12!") is None and han_share("Hello") == 0


# ----------------------------------------------------------------------------------------------------------- phrases


def test_phrases_that_many_dialogues_share_are_joined_and_counted() -> None:
    phrases = Phrases("en")
    for number in range(10):
        said = f"so w{number} tell me what went through your mind then w{number}" if number < 4 else f"x{number} y z"
        phrases.add([("therapist", said.split()), ("help_seeker", f"only here {number} a b c d e".split())])
    found = phrases.top()
    assert [(each.text, each.speaker, each.dialogues, each.share) for each in found] == [
        ("tell me what went through your mind then", "therapist", 4, 0.4)
    ]


def test_a_phrase_counts_once_a_dialogue_and_needs_three() -> None:
    phrases = Phrases("zh")
    for _ in range(2):
        phrases.add([("therapist", list("谢谢你今天愿意跟我说这些"))] * 5)
    assert phrases.top() == ()
    phrases.add([("therapist", list("谢谢你今天愿意跟我说这些"))])
    assert [(each.text, each.dialogues) for each in phrases.top()] == [("谢谢你今天愿意跟我说这些", 3)]


def test_rare_phrases_are_forgotten_and_frequent_ones_are_not() -> None:
    phrases = Phrases("en")
    for number in range(400):
        rare = [f"r{number}-{place}" for place in range(40)]
        often = ["we", "can", "look", "at", "this", "together"] if number % 8 == 7 else []
        phrases.add([("therapist", rare), ("therapist", often)])
    (found,) = phrases.top()
    assert found.text == "we can look at this together" and 42 <= found.dialogues <= 50


# ----------------------------------------------------------------------------------------------------- personal data


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to jane.doe@example.com.", "email"),
        ("邮箱是xiaolin@example.cn，", "email"),
        ("call 212-555-0147 tonight", "phone"),
        ("ring +44 20 7946 0958", "phone"),
        ("手机13812345678", "phone"),
        ("手机号１３８ １２３４ ５６７８，", "phone"),
        ("座机 010-62345678", "phone"),
        ("身份证11010519491231002X。", "id_number"),
        ("my number is 078-05-1120", "id_number_us"),
        ("AB 12 34 56 C is mine", "id_number_uk"),
        ("card 4111 1111 1111 1111", "card_number"),
        ("加我微信：lin_2024abc", "account"),
        ("I live at 221 Baker Street", "address"),
        ("P.O. Box 1234", "address"),
        ("住在建国路88号", "address"),
        ("就在3号楼2单元501室", "address"),
        ("near SW1A 1AA", "postcode"),
    ],
)
def test_personal_data_is_found_by_its_shape(text: str, kind: str) -> None:
    found = list(found_in(text))
    assert [name for name, _ in found] == [kind] and kind in names("en") and kind in names("zh")
    assert all(len(shown) <= 4 for _, shown in found)


@pytest.mark.parametrize(
    "text",
    [
        "身份证110105194912310021",  # wrong check digit
        "编号11010519491331002X",  # no such day
        "订单 4111 1111 1111 1112",
        "I slept 3 hours, 8 of 10 nights, since 2019-2020.",
        "我今年25岁，3号要考试，欠了50000块。",
        "12356 和 120",
        "My belief was 80, now 35; 1 2 3 4.",
    ],
)
def test_what_is_none_is_not_found(text: str) -> None:
    assert list(found_in(text)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_public_crisis_lines_are_nobodys_numbers(language: Language) -> None:
    assert [kind for kind, _ in found_in(crisis_text(language)) if kind == "phone"] == []


@given(st.text(max_size=200))
def test_any_text_can_be_searched(text: str) -> None:
    assert all(kind in names("en") for kind, _ in found_in(text))


# ----------------------------------------------------------------------------------------------------------- figures


def some() -> Quality:
    """Two sessions: one of two loops with three channels, one without any; in both languages."""
    first = record(
        0,
        turn(0, "I fail at everything."),
        turn(1, "That sounds hard. What happened?", "reflection_of_feelings", "question"),
        turn(2, "Mail me at a@b.org."),
        turn(3, "I see. Go on?", "restatement", "question"),
        channels=(channel(1, 1, "labeling"), channel(1, 2, "catastrophizing"), channel(2, 1, None)),
        loops=2,
    )
    second = record(1, turn(0, "我睡不着。"), turn(1, "嗯，多久了？", "question"), language="zh", exit="cap")
    return measure([first, second], "spring")


def test_figures_by_hand() -> None:
    found = some()
    both, english = found.all, found.by_language["en"]
    assert (both.dialogues, both.clients, both.sessions, both.turns.mean) == (2, 2, 2, 3.0)
    assert both.strategies_per_turn == pytest.approx(5 / 3) and english.strategies_per_turn == 2
    assert both.strategies == {"question": 3, "reflection_of_feelings": 1, "restatement": 1}
    assert both.distortions == {"labeling": 1, "catastrophizing": 1} and both.unnamed_channels == 1
    assert both.channels_per_loop == 1.5 and both.loops_per_session == 2 and both.channel_sessions == 1
    assert both.exits == {"none": 1, "cap": 1} and both.personal == {"email": 1}
    assert [(place.dialogue, place.turn, place.shown) for place in found.places] == [("d0", 2, "a@b…")]
    assert both.mtld.n == 0 and both.mtld.mean is None


def test_paths_of_a_session_count_as_one_walk() -> None:
    turns = (turn(0, "I fail."), turn(1, "Go on?", "question"))
    paths = [
        record(n, *turns, session_id="s", channels=(channel(loop, number, "labeling"),), loops=2)
        for n, (loop, number) in enumerate([(1, 1), (1, 2), (2, 1)])
    ]
    found = measure(paths).all
    assert (found.dialogues, found.sessions, found.loops_per_session, found.channels_per_loop) == (3, 1, 2, 1.5)


def test_doubles_and_wrong_scripts_are_counted() -> None:
    long = " ".join(f"word{number}" for number in range(200))
    near = long.replace("word100", "other")
    given = [record(n, turn(0, text)) for n, text in enumerate([long, long, near, "Quite another thing is said here."])]
    wrong = record(9, turn(0, "这里说的是中文，不是英文。"))
    found = measure([*given, wrong]).all
    assert (found.exact_duplicates, found.near_duplicates) == (1, 2)
    assert (found.wrong_script, found.wrong_script_ids) == (1, ("d9",))


def test_figures_outside_of_a_band_are_marked_and_nothing_fails() -> None:
    found = compare(some())
    marked = {row.id: row.outside for row in found.warnings}
    assert marked["turns_per_dialogue"] == ("all", "en", "zh") and marked["personal"] == ("all",)
    assert "loops_per_session" not in marked and found.standing == "second-hand, unverified"
    rows = {row.id: row for row in found.rows}
    assert rows["distance"].ours["all"] == pytest.approx(1 - 3014 / 28375)  # only one of the fifteen occurs
    assert rows["share_en"].ours == {"all": 0.5} and rows["mtld"].ours == {"en": None}
    assert [each.share for each in found.distortions if each.count] == [0.5, 0.5]
    assert next(each for each in found.distortions if each.id == "labeling").published is None


def test_one_language_alone_has_its_variety_and_no_balance() -> None:
    long = " ".join(f"{first}{second}" for first in "abcdefghijkl" for second in "mnopqrstuv")
    rows = {row.id: row for row in compare(measure([record(0, turn(0, long))])).rows}
    assert rows["mtld"].ours == {"all": 120, "en": 120} and rows["share_en"].ours == {"all": None}
    chinese = measure([record(0, turn(0, "我" * 120), language="zh")])
    assert chinese.by_language["zh"].mtld.mean == 2
    assert {row.id: row for row in compare(chinese).rows}["mtld"].ours == {}


def test_nothing_can_be_measured_too() -> None:
    found = measure([])
    assert compare(found).warnings == () and "no dialogues" in quality_page(found, compare(found), "en")


def test_memory_does_not_grow_with_the_text() -> None:
    def stream(number: int) -> Iterator[DialogueRecord]:
        for n in range(number):
            text = " ".join(f"w{n}x{place}" for place in range(150))
            yield record(n, turn(0, text), turn(1, "How did that go for you today?", "question"))

    def peak(number: int) -> int:
        tracemalloc.start()
        measure(stream(number))
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    measure(stream(2))
    assert peak(400) < 1.5 * peak(100)


# -------------------------------------------------------------------------------------------------------------- page


class Page(HTMLParser):
    """Tags that are open at the end, addresses, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_stands_alone_and_says_what_it_shows(language: Language) -> None:
    found = some()
    page = Page(quality_page(found, compare(found, language), language))
    assert page.open == [] and page.addresses == [] and "script" not in page.tags
    assert disclaimer(language) in page.text and words_of(language)["marks"]["title"] in page.text
    assert compare(found, language).standing in page.text and "a@b…" in page.text and "a@b.org" not in page.text


def test_hostile_names_stay_text() -> None:
    evil = "<script>alert(1)</script>"
    found = measure([record(0, turn(0, "Mail a@b.org"), id=evil, domain=evil)], evil)
    page = quality_page(found, compare(found), "en")
    assert evil not in page and page.count("&lt;script&gt;") >= 3


# ------------------------------------------------------------------------------------------------ as a person types it


def call(*words: str | Path) -> str:
    result = CliRunner().invoke(app, [*map(str, words)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout


TALK = "Client: I lie awake every night.\nTherapist: What goes through your mind then?\nClient: That I will fail.\n"


@pytest.mark.parametrize("language", LANGUAGES)
def test_imported_transcripts_are_measured_and_said_to_be_of_unknown_origin(language: Language, tmp_path: Path) -> None:
    path, db, page = tmp_path / "talks.txt", tmp_path / "a.db", tmp_path / "q.html"
    path.write_text(f"{TALK}---\nTherapist: alone\n---\n{TALK.replace('night', 'day')}", encoding="utf-8")
    call("import-dialogues", path, "--db", db, "--no-score")
    shown = call("quality", "last", "--db", db, "--out", page, "--lang", language)
    said = words_of(language)["unknown_origin"].format(n=2)
    assert said in shown and said in page.read_text(encoding="utf-8")
    told = json.loads(call("quality", "last", "--db", db, "--json"))["quality"]["all"]
    assert (told["dialogues"], told["unknown_origin"], told["turns"]["mean"], told["domains"]) == (2, 2, 3.0, {})


def test_of_a_known_origin_nothing_is_said() -> None:
    known = record(1, turn(0, "Hello there."), provenance={"licence": "MIT", "seed_source": "own"})
    found = measure([known, record(2, turn(0, "Something else."))])
    assert found.all.unknown_origin == 1
    page = quality_page(measure([known]), compare(measure([known])), "en")
    assert words_of("en")["unknown_origin"].split("{n}")[1][:30] not in page


def test_where_there_is_nothing_to_measure_it_is_said(tmp_path: Path) -> None:
    empty, db, talk = tmp_path / "none.jsonl", tmp_path / "a.db", tmp_path / "talk.txt"
    empty.write_text("\n", encoding="utf-8")
    talk.write_text("Client: hello?\n", encoding="utf-8")
    call("import-dialogues", talk, "--db", db)  # malformed: a session that is not finished
    for what in ((empty,), ("last", "--db", db)):
        with pytest.raises(UserError, match="no finished dialogue in it to measure; name") as fault:
            call("quality", *what)
        assert "\n" not in str(fault.value)
