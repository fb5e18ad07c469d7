"""Tests of the rule-based reader against labelled counselor turns, and of its promises on any text."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import Field

from agents.reading import Reading, content_units, read_counselor, said_in, split_sentences
from agents.reading_lexicon import Lexicon, load_lexicon, parse_lexicon
from agents.reading_text import length, normalise
from profiles.errors import UserError
from profiles.schema import Record
from profiles.vocabulary import LANGUAGES, Language, Move

FIXTURES = Path(__file__).parent.parent / "fixtures"
DATA = Path(__file__).parents[2] / "profiles" / "data" / "moves"
HELPFUL = (Move.REFLECTION, Move.VALIDATION, Move.OPEN_QUESTION, Move.COLLABORATION, Move.AFFIRMATION)


class Case(Record):
    """One labelled turn."""

    id: str
    client: str
    counselor: str
    present: tuple[Move, ...]
    absent: tuple[Move, ...]
    before: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()
    disclosed: bool = False
    listy: bool | None = None
    held_out: bool = False
    language: Language = Field(default="en")

    def read(self) -> Reading:
        clients = (*self.before, self.client)
        return read_counselor(self.counselor, clients, self.language, disclosed=self.disclosed, earlier=self.earlier)


def load(language: Language) -> list[Case]:
    rows = yaml.safe_load((FIXTURES / f"moves_{language}.yaml").read_text(encoding="utf-8"))
    return [Case(language=language, **row) for row in rows]


CASES = {language: load(language) for language in LANGUAGES}
EVERY = [case for cases in CASES.values() for case in cases]


@pytest.mark.parametrize("case", [case for case in EVERY if not case.held_out], ids=lambda case: case.id)
def test_a_labelled_turn_shows_its_moves_and_no_others_of_its_list(case: Case) -> None:
    reading = case.read()
    assert not set(case.present) - set(reading.moves), reading.evidence
    assert not set(case.absent) & set(reading.moves), reading.evidence
    if case.listy is not None:
        assert reading.listy is case.listy


@pytest.mark.parametrize("language", LANGUAGES)
def test_turns_written_after_the_lexicon_are_mostly_read_right(language: Language) -> None:
    held_out = [case for case in CASES[language] if case.held_out]
    seen = [(case, set(case.read().moves)) for case in held_out]
    found = [move in moves for case, moves in seen for move in case.present]
    spared = [move not in moves for case, moves in seen for move in case.absent]
    assert sum(found) / len(found) >= 0.95
    assert sum(spared) / len(spared) >= 0.98


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_labelled_turns_are_many_and_cover_every_move(language: Language) -> None:
    cases = CASES[language]
    assert len(cases) >= 70
    assert sum(case.held_out for case in cases) >= 25
    assert len({case.id for case in cases}) == len(cases)
    assert {move for case in cases for move in case.present} == set(Move)


ANY_TURN = st.lists(st.text(max_size=200), max_size=3)


@settings(deadline=None, max_examples=150)
@given(
    text=st.text(max_size=400),
    clients=ANY_TURN,
    earlier=ANY_TURN,
    language=st.sampled_from(LANGUAGES),
    disclosed=st.booleans(),
)
def test_any_text_is_read_within_bounds(
    text: str, clients: list[str], earlier: list[str], language: Language, disclosed: bool
) -> None:
    reading = read_counselor(text, clients, language, disclosed=disclosed, earlier=earlier)
    again = read_counselor(text, clients, language, disclosed=disclosed, earlier=earlier)
    check_promises(reading, text)
    assert reading.model_dump_json() == again.model_dump_json()


# Random text seldom says anything: text glued together from real turns meets the rules.
PIECES = [sentence for case in EVERY for sentence in split_sentences(case.counselor, case.language)]


@settings(deadline=None, max_examples=150)
@given(
    pieces=st.lists(st.sampled_from(PIECES), max_size=6),
    glue=st.sampled_from([" ", "", "\n", "... ", "——"]),
    case=st.sampled_from(EVERY),
    disclosed=st.booleans(),
)
def test_glued_turns_are_read_within_bounds(pieces: list[str], glue: str, case: Case, disclosed: bool) -> None:
    text = glue.join(pieces)
    reading = read_counselor(text, [*case.before, case.client], case.language, disclosed=disclosed)
    check_promises(reading, text)


def check_promises(reading: Reading, text: str) -> None:
    assert 0 <= reading.overlap <= 1
    assert 0 <= reading.carried <= 1
    assert reading.overlap + reading.carried <= 1 + 1e-9
    assert 0 <= reading.questions <= reading.sentences
    assert list(reading.moves) == [move for move in Move if move in reading.moves]
    assert tuple(reading.evidence) == reading.moves
    assert all(shown in text for shown in reading.evidence.values())


@settings(deadline=None)
@given(text=st.text(max_size=300), language=st.sampled_from(LANGUAGES))
def test_sentences_are_pieces_of_the_text_in_order(text: str, language: Language) -> None:
    place = 0
    for sentence in split_sentences(text, language):
        place = text.index(sentence, place) + len(sentence)


@given(case=st.sampled_from(EVERY), intro=st.sampled_from(["", "You said: ", "So, ", "你说：", "嗯，"]))
def test_the_clients_own_words_are_an_echo_whatever_stands_before(case: Case, intro: str) -> None:
    assume(not intro or intro.isascii() == (case.language == "en"))
    reading = read_counselor(intro + case.client, [case.client], case.language)
    assert Move.ECHO in reading.moves
    assert not reading.shows(Move.REFLECTION, Move.VALIDATION, Move.SUMMARY, Move.OPEN_QUESTION)
    assert reading.overlap == pytest.approx(1.0) or not content_units(case.client, case.language)


@pytest.mark.parametrize("case", [case for case in EVERY if not case.earlier], ids=lambda case: case.id)
def test_a_repeated_turn_earns_nothing_but_still_does_harm(case: Case) -> None:
    first = case.read()
    again = case.model_copy(update={"earlier": (case.counselor,)}).read()
    assert not again.shows(*HELPFUL, Move.SUMMARY, Move.PLANNING, Move.CLOSED_QUESTION)
    lasting = {Move.ADVICE, Move.CONFRONTATION, Move.MINIMISING, Move.FLATTERY, Move.RISK_ENQUIRY, Move.SAFETY_SUPPORT}
    assert lasting & set(first.moves) <= set(again.moves)


def test_only_the_new_part_of_a_turn_counts() -> None:
    client = ["I can't sleep since the fire."]
    earlier = ["What goes through your mind at night, when you lie awake?"]
    both = read_counselor(f"{earlier[0]} No wonder, after a fire.", client, "en", earlier=earlier)
    assert Move.VALIDATION in both.moves
    assert Move.OPEN_QUESTION not in both.moves
    assert both.questions == 1


@pytest.mark.parametrize(
    ("language", "told", "passing", "receiving"),
    [
        ("en", "I was raped at the party last year.", "And how is work going?", "I'm so sorry that happened to you."),
        ("zh", "去年聚会上我被人强暴了。", "那工作上还顺利吗？", "听到你经历了这样的事，我很难过。"),
    ],
)
def test_a_disclosure_is_ignored_only_when_there_was_one(
    language: Language, told: str, passing: str, receiving: str
) -> None:
    assert Move.IGNORED_DISCLOSURE in read_counselor(passing, [told], language, disclosed=True).moves
    assert Move.IGNORED_DISCLOSURE not in read_counselor(passing, [told], language).moves
    assert Move.IGNORED_DISCLOSURE not in read_counselor(receiving, [told], language, disclosed=True).moves


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_empty_reply_passes_over_a_disclosure_and_does_nothing_else(language: Language) -> None:
    reading = read_counselor("", ["He hit me. 他打我。"], language, disclosed=True)
    assert reading.moves == (Move.IGNORED_DISCLOSURE,)
    assert (reading.sentences, reading.questions, reading.length, reading.overlap) == (0, 0, 0, 0.0)


@pytest.mark.parametrize(
    ("language", "client", "said", "disowned", "move"),
    [
        ("en", "I failed.", "Everything will be fine.", "I can't promise that everything will be fine.", "reassure"),
        ("en", "I failed.", "Don't worry.", "I won't tell you not to worry.", "reassure"),
        ("en", "I failed.", "You should quit.", "Part of you thinks you should quit.", "advise"),
        ("en", "I failed.", "You should quit.", "I'm not saying you should quit.", "advise"),
        ("en", "I failed.", "You're overreacting.", "Your mother tells you that you're overreacting.", "minimise"),
        ("en", "I failed.", "It's your fault.", "It's not your fault.", "confront"),
        ("zh", "我考砸了。", "一切都会好起来的。", "我没法保证一切都会好起来。", "reassure"),
        ("zh", "我考砸了。", "别担心。", "我不想只跟你说一句“别担心”。", "reassure"),
        ("zh", "我考砸了。", "你应该放弃。", "你心里总觉得你应该放弃。", "advise"),
        ("zh", "我考砸了。", "你应该放弃。", "我不是说你应该放弃。", "advise"),
        ("zh", "我考砸了。", "你想太多了。", "别人总说你想太多了。", "minimise"),
        ("zh", "我考砸了。", "这都怪你自己。", "这不能怪你。", "confront"),
    ],
)
def test_what_is_denied_or_quoted_is_not_the_counselors_own_move(
    language: Language, client: str, said: str, disowned: str, move: str
) -> None:
    harm = {
        "reassure": Move.PREMATURE_REASSURANCE,
        "advise": Move.ADVICE,
        "minimise": Move.MINIMISING,
        "confront": Move.CONFRONTATION,
    }[move]
    assert harm in read_counselor(said, [client], language).moves
    assert harm not in read_counselor(disowned, [client], language).moves


@pytest.mark.parametrize(
    ("language", "quoted", "around", "move"),
    [
        ("en", "Don't worry, it will all be fine", '"{}": when was that?', Move.PREMATURE_REASSURANCE),
        ("en", "You should quit. Now", 'So it says "{}." How true is it?', Move.ADVICE),
        ("en", "it's no big deal", 'Then there is "{}", in your words.', Move.MINIMISING),
        ("zh", "就这点事，我也能搞砸", "你心里那句是“{}”。这话你有几分信？", Move.MINIMISING),
        ("zh", "一切都会好起来的。别担心", "“{}。”这句话还在吗？", Move.PREMATURE_REASSURANCE),
    ],
)
def test_what_the_client_said_is_no_move_of_the_counselor_who_quotes_it(
    language: Language, quoted: str, around: str, move: Move
) -> None:
    turn, own = around.replace("{}", quoted), {"en": f"I hear {quoted}!", "zh": f"我妈总说：{quoted}！"}[language]
    assert move not in read_counselor(turn, [own, "..."], language).moves
    assert move in read_counselor(turn, ["..."], language).moves


@pytest.mark.parametrize(
    ("language", "client", "tied", "idle"),
    [
        (
            "en",
            "I told my boss no today, for the first time.",
            "Telling your boss no for the first time is a big step.",
            "You are truly amazing and brilliant!",
        ),
        ("zh", "我今天第一次跟老板说了不。", "第一次跟老板说不，真的很勇敢。", "你真的太优秀了，简直完美！"),
    ],
)
def test_praise_is_affirmation_when_it_is_for_something_and_else_flattery(
    language: Language, client: str, tied: str, idle: str
) -> None:
    credit = read_counselor(tied, [client], language)
    assert Move.AFFIRMATION in credit.moves
    assert Move.FLATTERY not in credit.moves
    empty = read_counselor(idle, [client], language)
    assert Move.FLATTERY in empty.moves
    assert Move.AFFIRMATION not in empty.moves


@pytest.mark.parametrize(
    ("language", "clients", "summary"),
    [
        (
            "en",
            ["My landlord raised the rent.", "My knee keeps me up at night.", "And now the car is dead."],
            "So far I've heard about the rent, the knee that keeps you up, and now the car.",
        ),
        (
            "zh",
            ["房东又涨房租了。", "膝盖疼得我整夜睡不着。", "现在连车也坏了。"],
            "到目前为止我听到了几件事：房东涨房租，膝盖疼得整夜睡不着，现在车也坏了。",
        ),
    ],
)
def test_a_summary_needs_what_the_client_said_before(language: Language, clients: list[str], summary: str) -> None:
    whole = read_counselor(summary, clients, language)
    assert Move.SUMMARY in whole.moves
    assert whole.carried > 0.2
    assert Move.SUMMARY not in read_counselor(summary, clients[-1:], language).moves


@pytest.mark.parametrize(
    ("text", "language", "listy"),
    [
        ("First, sleep more. Second, eat well.", "en", True),
        ("- Sleep more\n- Eat well", "en", True),
        ("The first time you told me, it was Monday.", "en", False),
        ("It was 3.5 hours - a long wait.", "en", False),
        ("首先，早点睡。其次，多运动。", "zh", True),
        ("1、早点睡\n2、多运动", "zh", True),
        ("那是你第一次跟我说起他。", "zh", False),
    ],
)
def test_lists_are_seen(text: str, language: Language, listy: bool) -> None:
    assert read_counselor(text, ["..."], language).listy is listy


@pytest.mark.parametrize(
    ("text", "language", "count"),
    [
        ("I hear you. Dr. Lee said 3.5 mg, e.g. at night. Is that right?", "en", 3),
        ("I... maybe... You were alone.", "en", 2),
        ("1. Rest.\n2. Walk.", "en", 2),
        ("He said “no!” and left.", "en", 1),
        ("我听到了。是不是很累？！我们慢慢来……不着急。", "zh", 3),
        ("你说“我不行。”这句话很重。", "zh", 2),
        ("!!! ... ---", "en", 0),
    ],
)
def test_sentences_are_split_where_a_reader_would(text: str, language: Language, count: int) -> None:
    assert len(split_sentences(text, language)) == count


def test_length_counts_words_in_english_and_characters_in_chinese() -> None:
    assert length("You're tired, aren't you?", "en") == 4
    assert length("你很累，对吗？", "zh") == 5
    assert read_counselor("你很累，对吗？", ["累"], "zh").length == 5


def test_content_units_are_stems_or_pairs_without_empty_words() -> None:
    assert content_units("I am worried about my mother.", "en") == content_units(
        "You were worrying for your MOTHERS", "en"
    )
    assert content_units("Well, I don't know, it is what it is.", "en") == frozenset()
    assert content_units("我觉得很失望", "zh") == {"失望"}
    assert content_units("我和你", "zh") == frozenset()


@pytest.mark.parametrize(
    ("fragment", "text", "language", "least", "most"),
    [
        ("I lost my job in May.", "It's my job... I lost it, back in May.", "en", 1.0, 1.0),
        ("I lost my job in May.", "The garden needs water.", "en", 0.0, 0.0),
        ("My brother drinks every night.", "My brother has been drinking.", "en", 0.4, 0.9),
        ("我五月份丢了工作。", "其实我五月份就把工作丢了。", "zh", 0.7, 1.0),
        ("我五月份丢了工作。", "花园该浇水了。", "zh", 0.0, 0.0),
        ("", "anything", "en", 0.0, 0.0),
    ],
)
def test_said_in_tells_how_much_of_a_fact_was_told(
    fragment: str, text: str, language: Language, least: float, most: float
) -> None:
    assert least <= said_in(fragment, text, language) <= most


@given(text=st.text(max_size=200), other=st.text(max_size=200), language=st.sampled_from(LANGUAGES))
def test_said_in_is_a_share_and_whole_in_itself(text: str, other: str, language: Language) -> None:
    assert 0 <= said_in(text, other, language) <= 1
    assert said_in(text, text, language) == float(bool(content_units(text, language)))


NORMS = {
    language: [normalise(piece, load_lexicon(language)) for piece in PIECES if piece.isascii() == (language == "en")]
    for language in LANGUAGES
}


def check_search(norm: str, lexicon: Lexicon) -> None:
    """What is found is what searching with every pattern finds."""
    for name, pattern in lexicon.patterns.items():
        assert [hit.span() for hit in lexicon.every(name, norm)] == [hit.span() for hit in pattern.finditer(norm)]
        first, found = pattern.search(norm), lexicon.found(name, norm)
        assert (found and found.span()) == (first and first.span())
    rules = [rule for rules in lexicon.moves.values() for rule in rules]
    assert lexicon.holding(norm) == {rule for rule in rules if rule.found_in(norm)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_labelled_sentences_are_searched_as_with_every_pattern(language: Language) -> None:
    for norm in NORMS[language]:
        check_search(norm, load_lexicon(language))


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), language=st.sampled_from(LANGUAGES))
def test_mixtures_are_searched_as_with_every_pattern(data: st.DataObject, language: Language) -> None:
    lexicon = load_lexicon(language)
    listed = [*lexicon.patterns.values(), *(rule.any for rules in lexicon.moves.values() for rule in rules)]
    fitting = st.sampled_from(listed).flatmap(lambda pattern: st.from_regex(pattern.pattern))
    parts = data.draw(
        st.lists(st.sampled_from(NORMS[language]) | fitting | st.text(max_size=9), min_size=1, max_size=4)
    )
    check_search(data.draw(st.sampled_from([" ", "", ", "])).join(parts), lexicon)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "seed", ["you should ", "not ", "你说", "怎么", "is it ", "第一，", "... ", "a", "and you are so "]
)
def test_a_thousand_words_are_read_at_once(language: Language, seed: str) -> None:
    text = (seed * 6000)[:6000]
    read_counselor("warm", ["up"], language)
    start = perf_counter()
    read_counselor(text, ["I am so tired of it. 我好累。"], language)
    assert perf_counter() - start < 0.5


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_sixty_feelings_and_rules_for_every_move_but_those_read_from_form(
    language: Language,
) -> None:
    data = yaml.safe_load((DATA / f"{language}.yaml").read_text(encoding="utf-8"))
    words = [word.strip() for family in data["feelings"].values() for word in family.split(",")]
    assert len(set(words)) >= 60
    assert not set(data["feelings"]) & set(data["topics"])
    read_from_form = {"reflection", "summary", "echo", "ignored_disclosure", "closed_question"}
    assert {move for move, rules in data["moves"].items() if rules} == {move.value for move in Move} - read_from_form


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("you are allowed", "you (are allowed"), "validation"),
        (("you are allowed", "You are allowed"), "lower case"),
        (("you are allowed", "you .* allowed"), "unbounded"),
        (("you are allowed", "you are <nowhere>"), "nowhere"),
        (("carried: 0.06", "carried: six"), "thresholds.carried"),
        (("negators:", "negaters:"), "patterns"),
        (("moves:", "moves: ["), "YAML"),
    ],
)
def test_a_faulty_lexicon_is_refused_in_one_line(change: tuple[str, str], told: str) -> None:
    sound = (DATA / "en.yaml").read_text(encoding="utf-8")
    sound = sound.replace("  validation:\n    - any:\n", "  validation:\n    - any:\n        - 'you are allowed'\n", 1)
    parse_lexicon(sound, "en", "mine.yaml")
    assert change[0] in sound
    with pytest.raises(UserError) as caught:
        parse_lexicon(sound.replace(*change), "en", "mine.yaml")
    message = str(caught.value)
    assert message.startswith("mine.yaml: ")
    assert told in message
    assert "\n" not in message
