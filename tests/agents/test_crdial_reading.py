"""How the restructuring counselor reads a client's turn, by rule, and what it does not believe of a model's reading."""

from __future__ import annotations

import random
import re
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.counselors.crdial.reader import read as ask_reader
from agents.counselors.crdial.reading import Reading, ReadingInputs, Said
from agents.counselors.crdial.reading_checks import checked, strays
from agents.counselors.crdial.reading_pieces import distortion_of
from agents.counselors.crdial.reading_rules import read
from agents.counselors.crdial.reading_words import load_words
from agents.dialogue import Turn
from agents.models.base import ChatReply, ChatRequest
from agents.models.offline import OfflineModel
from agents.prompts import load_prompt
from profiles.distortions import distortions
from profiles.errors import BadOutput
from profiles.library import select
from profiles.vocabulary import LANGUAGES, Language, Stage

STEPS: dict[str, Any] = {
    "situation": "automatic_thoughts",
    "automatic_thought": "automatic_thoughts",
    "emotion_before": "automatic_thoughts",
    "confirm": "automatic_thoughts",
    "intermediate_belief": "intermediate_beliefs",
    "core_belief": "core_beliefs",
    "belief_before": "core_beliefs",
    "agree": "core_beliefs",
    "evidence_for": "defense",
    "evidence_against": "prosecution",
    "balanced_thought": "verdict",
    "belief_after": "verdict",
    "emotion_after": "verdict",
    "residual": "verdict",
    "": None,
}
COUNSELOR = {"en": "Perhaps you think that nobody wants you?", "zh": "你是不是觉得谁都不要你？"}
OPENERS = {"en": "Let me think. ", "zh": "我想想啊。"}


def inputs(language: Language, asks: str, reply: str, belief: str = "", *earlier: str) -> ReadingInputs:
    said = [*(("client", text) for text in earlier), ("counselor", COUNSELOR[language]), ("client", reply)]
    turns = tuple(
        Turn(index=i, round=1, speaker=who, stage=Stage.DIAGNOSIS, text=text)  # type: ignore[arg-type]
        for i, (who, text) in enumerate(said)
    )
    return ReadingInputs(
        step=STEPS[asks], asks=asks, belief=belief, question=COUNSELOR[language], reply=reply, turns=turns
    )


def reading(language: Language, asks: str, reply: str, belief: str = "") -> Reading:
    given = inputs(language, asks, reply, belief)
    by_rule = read(given, random.Random(0), language)
    after = checked(by_rule, given, language)
    assert after == by_rule, "what the rules read stands up to the checks"
    return after


def quotes(found: Reading, kind: str) -> list[str]:
    return [said.quote for said in found.said if said.kind == kind]


# -- what is given


GIVEN = [
    ("en", "situation", "Let me think. They let me go on Tuesday. Ten minutes, that was it.", 1),
    ("zh", "situation", "我想想啊。礼拜二叫去开会。十分钟就完了事。", 1),
    ("en", "automatic_thought", "Where do I start... They all think I'm slow.", 1),
    ("zh", "automatic_thought", "从哪儿说起呢……他们都嫌我慢。", 1),
    ("en", "automatic_thought", "It'll all come out wrong again.", 0),
    ("en", "intermediate_belief", "If I say no, then they'll drop me.", 0),
    ("zh", "intermediate_belief", "要是我说个不字，人家就不理我了。", 0),
    ("en", "core_belief", "I'm a burden. Always have been.", 0),
    ("zh", "core_belief", "我就是个累赘。", 0),
    ("en", "evidence_for", "Good question. She put the pen down when she saw my age.", 1),
    ("zh", "evidence_for", "这个问得好。她一看我的岁数，笔就搁下了。", 1),
    ("en", "evidence_against", "My neighbour found work at fifty-four.", 0),
    ("zh", "evidence_against", "隔壁老潘五十四了，照样有人要。", 0),
    ("en", "balanced_thought", "It's hard at my age, but others have managed.", 0),
    ("zh", "balanced_thought", "这岁数是难，可也有人找着了。", 0),
]


@pytest.mark.parametrize(("language", "asks", "reply", "skipped"), GIVEN)
def test_what_was_asked_for_is_found_and_quoted(language: Language, asks: str, reply: str, skipped: int) -> None:
    found = quotes(reading(language, asks, reply), asks)
    assert len(found) == 1 and reply.endswith(found[0])
    assert (found[0] == reply) is (skipped == 0)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_cards_say_is_read_word_for_word(language: Language) -> None:
    kinds = {"automatic": "automatic_thought", "intermediate": "intermediate_belief", "core": "core_belief"}
    for profile in select("all", language):
        for thought in profile.thoughts:
            asked = [(kinds[thought.level], thought.text), ("balanced_thought", thought.balanced)]
            asked += [("evidence_for", text) for text in thought.evidence_for]
            asked += [("evidence_against", text) for text in thought.evidence_against]
            for asks, text in asked:
                belief = thought.text if asks.startswith(("evidence", "balanced")) else ""
                assert quotes(reading(language, asks, OPENERS[language] + text, belief), asks) == [text]


NOT_GIVEN = [
    ("en", "automatic_thought", "I just felt awful."),
    ("zh", "automatic_thought", "就是很难过。"),
    ("en", "automatic_thought", "Yesterday my boss shouted at me."),
    ("zh", "automatic_thought", "昨天老板骂了我。"),
    ("en", "automatic_thought", "I really don't know."),
    ("zh", "automatic_thought", "我也说不好。"),
    ("en", "automatic_thought", "Let me think."),
    ("zh", "automatic_thought", "等我缓一下……好。"),
    ("en", "automatic_thought", "I'd rather leave it at that for now."),
    ("zh", "automatic_thought", "先说到这儿吧。"),
    ("en", "automatic_thought", "What do you mean by that?"),
    ("zh", "automatic_thought", "你是说哪方面？"),
    ("en", "core_belief", "70 percent."),
    ("zh", "core_belief", "信七成吧。"),
    ("en", "evidence_for", "I just feel it."),
    ("zh", "evidence_for", "就是这么觉得。"),
    ("en", "balanced_thought", "Yes, maybe."),
    ("zh", "balanced_thought", "嗯，也许吧。"),
    ("en", "balanced_thought", "You're just arguing with me."),
    ("zh", "balanced_thought", "你这是在跟我抬杠。"),
]


@pytest.mark.parametrize(("language", "asks", "reply"), NOT_GIVEN)
def test_what_is_no_answer_is_not_taken_for_one(language: Language, asks: str, reply: str) -> None:
    assert quotes(reading(language, asks, reply), asks) == []


@pytest.mark.parametrize(
    ("language", "asks", "reply", "belief"),
    [
        ("en", "evidence_for", "Nobody wants me at forty-eight.", "Nobody wants me at forty-eight, not ever."),
        ("zh", "evidence_for", "四十八了，没人要的。", "四十八了，就会看个火，没人要的。"),
        ("en", "balanced_thought", "I'm a burden.", "I'm a burden."),
        ("zh", "balanced_thought", "我就是个累赘。", "我就是个累赘。"),
    ],
)
def test_the_belief_said_again_is_neither_fact_nor_new_thought(
    language: Language, asks: str, reply: str, belief: str
) -> None:
    assert quotes(reading(language, asks, reply, belief), asks) == []


@pytest.mark.parametrize(
    ("language", "reply", "belief"),
    [("en", "I'm not a burden.", "I'm a burden."), ("zh", "我不是个累赘。", "我就是个累赘。")],
)
def test_the_belief_denied_is_a_new_thought(language: Language, reply: str, belief: str) -> None:
    assert quotes(reading(language, "balanced_thought", reply, belief), "balanced_thought") == [reply]


@pytest.mark.parametrize(
    ("language", "reply"),
    [
        ("en", "They turned me down four times. To be fair, one of them wrote back."),
        ("zh", "找了四回都没要我。不过话说回来，有一家给我回了信。"),
    ],
)
def test_an_answer_that_turns_holds_facts_of_both_sides(language: Language, reply: str) -> None:
    found = reading(language, "evidence_for", reply)
    assert [said.kind for said in found.said] == ["evidence_for", "evidence_against"]


@pytest.mark.parametrize(
    ("language", "asks", "reply", "kind"),
    [
        ("en", "", "I got the sack after twenty-five years.", "situation"),
        ("zh", "", "干了二十五年，厂里不要我了。", "situation"),
        ("en", "automatic_thought", "If I say no, then they'll drop me.", "intermediate_belief"),
        ("zh", "automatic_thought", "要是我说个不字，人家就不理我了。", "intermediate_belief"),
        ("en", "situation", "They let me go on Tuesday. I'm worthless.", "core_belief"),
        ("zh", "situation", "礼拜二他们把我辞了。我就是个废物。", "core_belief"),
        ("en", "confirm", "No, it's more that I'm a burden to them.", "automatic_thought"),
        ("zh", "confirm", "不是，应该说我就是个拖油瓶。", "automatic_thought"),
        ("en", "residual", "Yes. I'll never find my feet again.", "automatic_thought"),
        ("zh", "residual", "有。我这辈子再也好不了了。", "automatic_thought"),
        ("en", "automatic_thought", "I felt ashamed.", "emotion_before"),
        ("zh", "automatic_thought", "就是很难过。", "emotion_before"),
    ],
)
def test_what_nobody_can_mistake_is_read_unasked(language: Language, asks: str, reply: str, kind: str) -> None:
    assert quotes(reading(language, asks, reply), kind)


@pytest.mark.parametrize("language", LANGUAGES)
def test_everyday_facts_are_seldom_taken_for_thoughts(language: Language) -> None:
    told = [fact.text for profile in select("all", language) for fact in profile.facts]
    taken = [
        text
        for text in told
        if reading(language, "", text).said and not quotes(reading(language, "", text), "situation")
    ]
    assert len(taken) <= len(told) / 10, taken


# -- how strongly


RATED = [
    ("en", "maybe 70", 70, None),
    ("en", "About 70 and the fear 60.", 70, 60),
    ("en", "The fear is 60, and I believe it about 70.", 70, 60),
    ("en", "70 and 60.", 70, 60),
    ("en", "seventy-five percent", 75, None),
    ("en", "Seven out of ten.", 70, None),
    ("en", "7/10", 70, None),
    ("en", "Between 60 and 70.", 65, None),
    ("en", "It was 80, now it's more like 50.", 50, None),
    ("en", "From 80 down to 55.", 55, None),
    ("en", "Completely.", 100, None),
    ("en", "Half.", 50, None),
    ("en", "0", 0, None),
    ("en", "I'm 48 years old and I worked there 25 years.", None, None),
    ("en", "Two of them laughed.", None, None),
    ("en", "I don't know.", None, None),
    ("zh", "七十左右吧。", 70, None),
    ("zh", "信八成。", 80, None),
    ("zh", "八十分。", 80, None),
    ("zh", "信七十，难过六十。", 70, 60),
    ("zh", "难过六十，信七十。", 70, 60),
    ("zh", "百分之七十五", 75, None),
    ("zh", "七八成吧", 75, None),
    ("zh", "六成半", 65, None),
    ("zh", "满分十分的话，七分。", 70, None),
    ("zh", "原来八十，现在五十。", 50, None),
    ("zh", "从八十降到五十五。", 55, None),
    ("zh", "完全信。", 100, None),
    ("zh", "一半一半吧。", 50, None),
    ("zh", "干了二十五年了。", None, None),
    ("zh", "一分钱没有。", None, None),
    ("zh", "说不好。", None, None),
]


@pytest.mark.parametrize(("language", "reply", "belief", "emotion"), RATED)
def test_ratings(language: Language, reply: str, belief: int | None, emotion: int | None) -> None:
    found = reading(language, "belief_before", reply)
    assert (found.belief, found.emotion) == (belief, emotion)


@pytest.mark.parametrize(
    ("language", "reply", "word", "value"),
    [
        ("en", "Ashamed, about 80.", "Ashamed", 80),
        ("en", "Like a stone.", "Like a stone", None),
        ("en", "Not sad. Angry, 60.", "Angry", 60),
        ("zh", "憋屈，大概八十。", "憋屈", 80),
        ("zh", "没用。", "没用", None),
        ("zh", "不难过。是生气，六十。", "生气", 60),
    ],
)
def test_a_feeling_is_named_in_the_clients_word(language: Language, reply: str, word: str, value: int | None) -> None:
    found = reading(language, "emotion_before", reply)
    assert [said.emotion for said in found.said if said.kind == "emotion_before"] == [word]
    assert (found.belief, found.emotion) == (None, value)


@pytest.mark.parametrize(("language", "reply"), [("en", "Forty jobs I tried."), ("zh", "我试了四十家。")])
def test_a_count_is_no_rating_where_none_was_asked_for(language: Language, reply: str) -> None:
    found = reading(language, "evidence_for", reply)
    assert (found.belief, found.emotion) == (None, None)


# -- where the client stands


@pytest.mark.parametrize(
    ("language", "asks", "reply", "stance"),
    [
        ("en", "confirm", "Yes, that's it exactly.", "agrees"),
        ("en", "agree", "All right, we can do it like that.", "agrees"),
        ("en", "confirm", "No, that's not it.", "disagrees"),
        ("en", "confirm", "I'm not sure.", "unsure"),
        ("en", "evidence_for", "Can we skip this?", "declines"),
        ("en", "evidence_against", "You don't get it.", "rupture"),
        ("en", "evidence_for", "Yes, he put his pen down when he saw my age.", "open"),
        ("zh", "confirm", "对，就是这样。", "agrees"),
        ("zh", "agree", "行，就这么来。", "agrees"),
        ("zh", "confirm", "不是这样。", "disagrees"),
        ("zh", "confirm", "我也说不准。", "unsure"),
        ("zh", "evidence_for", "这个不想说。", "declines"),
        ("zh", "evidence_against", "你根本不懂。", "rupture"),
        ("zh", "evidence_for", "嗯，他一看我的岁数，笔就搁下了。", "open"),
    ],
)
def test_the_stance(language: Language, asks: str, reply: str, stance: str) -> None:
    assert reading(language, asks, reply).stance == stance


@pytest.mark.parametrize(
    ("language", "asks", "reply", "none"),
    [
        ("en", "evidence_for", "No.", True),
        ("en", "evidence_against", "That's all, nothing else comes to mind.", True),
        ("en", "residual", "No, that's all.", True),
        ("en", "evidence_for", "Nothing ever works out for me at the depot.", False),
        ("en", "evidence_for", "She never rang back. That's all.", False),
        ("en", "confirm", "No.", False),
        ("zh", "evidence_for", "没有。", True),
        ("zh", "evidence_against", "想不出来了。", True),
        ("zh", "residual", "没了，就这些。", True),
        ("zh", "evidence_for", "没有一家给我回过信。", False),
        ("zh", "evidence_for", "她再没打过电话。就这些。", False),
        ("zh", "confirm", "没有。", False),
    ],
)
def test_whether_there_is_nothing_of_it(language: Language, asks: str, reply: str, none: bool) -> None:
    assert reading(language, asks, reply).none_left is none


@pytest.mark.parametrize(
    ("language", "reply", "felt"),
    [
        ("en", "It's just a gut feeling.", True),
        ("en", "I just feel it. And she put the pen down when she saw my age.", False),
        ("zh", "凭直觉吧。", True),
        ("zh", "就是这么觉得。她一看我的岁数，笔就搁下了。", False),
    ],
)
def test_a_feeling_is_no_evidence(language: Language, reply: str, felt: bool) -> None:
    found = reading(language, "evidence_for", reply)
    assert found.by_feeling is felt and bool(quotes(found, "evidence_for")) is not felt


@pytest.mark.parametrize(
    ("language", "reply", "told"),
    [
        ("en", "It doesn't hold up any more.", True),
        ("en", "I don't really believe it any more.", True),
        ("en", "It still holds.", False),
        ("en", "You don't convince me.", False),
        ("zh", "这想法站不住了。", True),
        ("zh", "现在不那么信了。", True),
        ("zh", "我还是信。", False),
    ],
)
def test_whether_the_old_thought_still_convinces(language: Language, reply: str, told: bool) -> None:
    assert reading(language, "belief_after", reply).unconvinced is told


# -- what comes first


@pytest.mark.parametrize(
    ("language", "reply", "danger"),
    [
        ("en", "I want to kill myself tonight.", "crisis"),
        ("en", "My husband hits me every week.", "abuse_or_neglect"),
        ("en", "I stopped taking my pills last week.", "medical"),
        ("en", "My boss killed the idea in a minute.", "none"),
        ("en", "I'm dying of shame.", "none"),
        ("zh", "我今晚就想死。", "crisis"),
        ("zh", "我老公天天打我。", "abuse_or_neglect"),
        ("zh", "上礼拜我把药停了。", "medical"),
        ("zh", "他天天打我电话。", "none"),
        ("zh", "快把我累死了。", "none"),
    ],
)
def test_danger(language: Language, reply: str, danger: str) -> None:
    assert reading(language, "evidence_for", reply).danger == danger


@pytest.mark.parametrize(
    ("language", "reply", "real"),
    [
        ("en", "The doctors say the cancer has come back.", True),
        ("en", "He told me to my face they don't hire women.", True),
        ("en", "My life is over.", False),
        ("en", "My mother died when I was twelve.", False),
        ("zh", "大夫说癌症晚期了。", True),
        ("zh", "经理当面说这个岗不招女的。", True),
        ("zh", "我这辈子完了。", False),
        ("zh", "我妈在我十二岁那年去世了。", False),
    ],
)
def test_what_is_largely_true_is_seen(language: Language, reply: str, real: bool) -> None:
    assert reading(language, "core_belief", reply).realistic is real


@pytest.mark.parametrize("language", LANGUAGES)
def test_how_heavy_it_sounds(language: Language) -> None:
    calm, burdened, pained, over = {
        "en": ("It was a Tuesday.", "I'm tired.", "I'm miserable.", "I can't bear it any more."),
        "zh": ("那天是礼拜二。", "我有点累。", "我特别痛苦。", "我真的受不了了。"),
    }[language]
    assert [reading(language, "", text).distress for text in (calm, burdened, pained, over)] == [0, 1, 2, 3]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_card_without_risk_is_taken_for_a_danger_or_a_real_loss(language: Language) -> None:
    for profile in select("all", language):
        told = [fact.text for fact in profile.facts] + [thought.text for thought in profile.thoughts]
        for text in told:
            found = reading(language, "situation", text)
            assert (found.danger, found.realistic) == ("none", False), text


# -- distortions


SHOWN = [
    ("overgeneralization", "Everything I touch goes wrong.", "我干什么都干不成。"),
    ("mind_reading", "They're all laughing at me.", "他们肯定都在笑话我。"),
    ("fortune_telling", "I'll never find anyone.", "我这辈子再也找不着人了。"),
    ("catastrophizing", "If that comes out, my life is over.", "这事传出去，我这辈子就完了。"),
    ("should_statements", "I should be able to do this alone.", "这点事我应该一个人扛。"),
    ("all_or_nothing", "Either I win or I needn't have come.", "要么拿第一，要么白来。"),
    ("labeling", "I'm a complete failure.", "我就是个废物。"),
    ("personalization", "It's all my fault that they split up.", "他们离婚都是我的错。"),
    ("comparing_despairing", "Everyone else has a house by now.", "同学个个都买房了，就我没有。"),
    ("blaming", "It's all her fault.", "都怪他。"),
    ("disqualifying_positive", "That doesn't count, anyone could do it.", "那不算什么，谁都能做。"),
    ("emotional_reasoning", "I feel guilty, so I must have done it.", "我觉得丢人，那肯定是真丢人。"),
    ("external_validation", "I'm only worth something if they praise me.", "只有别人夸我，我才有价值。"),
    ("control_fallacy", "There's nothing I can do.", "我什么都改变不了。"),
    ("mental_filter", "All I can see is the one mistake.", "满脑子都是那个错。"),
    ("", "The meeting is at ten.", "会是十点开。"),
]


@pytest.mark.parametrize(("ident", "english", "chinese"), SHOWN)
def test_each_distortion_is_known_by_its_words(ident: str, english: str, chinese: str) -> None:
    assert (distortion_of(english, "en"), distortion_of(chinese, "zh")) == (ident, ident)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_cards_thoughts_are_mostly_named_as_their_authors_named_them(language: Language) -> None:
    thoughts = [thought for profile in select("all", language) for thought in profile.thoughts]
    found = [distortion_of(thought.text, language) for thought in thoughts]
    alike = sum(ident == thought.distortion for ident, thought in zip(found, thoughts, strict=True))
    assert alike / len(thoughts) >= 0.5 and sum(map(bool, found)) / len(thoughts) >= 0.8


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_know_every_kind_but_only_known_ones(language: Language) -> None:
    assert {ident for ident, _, _ in load_words(language).signs} == set(distortions(language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_repeat_in_the_words_is_bounded(language: Language) -> None:
    words = load_words(language)
    patterns = [*words.lists.values(), *words.distress.values(), *words.ratings.bounds.values()]
    patterns += [pattern for _, pattern, _ in words.signs] + [way.pattern for way in words.ratings.ways]
    patterns += [pattern for pattern, _ in words.ratings.words]
    assert not [found for each in patterns for found in re.findall(r"(?<!\\)(?:[^\[\\][*+]|\{\d+,\})", each.pattern)]


# -- a model that lies


def lie(language: Language, asks: str, reply: str, belief: str = "", **claims: Any) -> Reading:
    return checked(
        Reading(reason="because", **claims), inputs(language, asks, reply, belief, EARLIER[language]), language
    )


EARLIER: dict[Language, str] = {"en": "I told you that I'm a burden.", "zh": "我说过，我就是个累赘。"}
FACT: dict[Language, str] = {"en": "She put the pen down when she saw my age.", "zh": "她一看我的岁数，笔就搁下了。"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_honest_reading_is_kept_with_its_reason(language: Language) -> None:
    found = lie(language, "evidence_for", FACT[language], said=[Said(kind="evidence_for", quote=FACT[language])])
    assert quotes(found, "evidence_for") == [FACT[language]] and found.reason == "because"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_quote_of_an_earlier_turn_is_kept(language: Language) -> None:
    said = [Said(kind="core_belief", quote=EARLIER[language], distortion="labeling")]
    assert quotes(lie(language, "core_belief", FACT[language], said=said), "core_belief") == [EARLIER[language]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_that_nobody_said_or_the_counselor_said_are_dropped(language: Language) -> None:
    made_up = {"en": "He threw my letter away.", "zh": "他把我的信扔了。"}[language]
    for quote in (made_up, COUNSELOR[language], "", "…"):
        assert lie(language, "evidence_for", FACT[language], said=[Said(kind="evidence_for", quote=quote)]).said == []


def test_a_quote_stands_between_whole_words() -> None:
    assert (
        lie("en", "evidence_for", "I know the age limit.", said=[Said(kind="evidence_for", quote="now the age")]).said
        == []
    )


@pytest.mark.parametrize(("language", "reply"), [("en", "About 70."), ("zh", "七十吧。")])
def test_a_rating_that_was_not_said_is_dropped(language: Language, reply: str) -> None:
    honest = checked(Reading(belief=70), inputs(language, "belief_before", reply), language)
    lying = checked(Reading(belief=40, emotion=90), inputs(language, "belief_before", reply), language)
    assert (honest.belief, lying.belief, lying.emotion) == (70, None, None)
    unasked = checked(Reading(belief=40), inputs(language, "evidence_for", FACT[language]), language)
    assert unasked.belief is None


@pytest.mark.parametrize(("language", "reply"), [("en", "Yes, maybe."), ("zh", "嗯，也许吧。")])
def test_agreement_is_no_balanced_thought(language: Language, reply: str) -> None:
    said = [Said(kind="balanced_thought", quote=reply)]
    assert lie(language, "balanced_thought", reply, said=said).said == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_old_thought_is_no_balanced_one_and_no_fact(language: Language) -> None:
    belief = {"en": "I'm a burden.", "zh": "我就是个累赘。"}[language]
    for kind in ("balanced_thought", "evidence_for"):
        claim = Reading.model_validate({"said": [{"kind": kind, "quote": belief}]})
        assert checked(claim, inputs(language, kind, belief, belief), language).said == []


@pytest.mark.parametrize(("language", "reply"), [("en", "I just feel it."), ("zh", "就是这么觉得。")])
def test_a_feeling_sold_as_a_fact_is_found_out(language: Language, reply: str) -> None:
    found = lie(language, "evidence_for", reply, said=[Said(kind="evidence_for", quote=reply)])
    assert found.said == [] and found.by_feeling


@pytest.mark.parametrize("language", LANGUAGES)
def test_distortions_go_by_their_ids(language: Language) -> None:
    text = EARLIER[language]
    for name, ident in (("Labelling", "labeling"), ("贴标签", "labeling"), ("nonsense", ""), ("", "")):
        said = [Said(kind="core_belief", quote=text, distortion=name)]
        assert [each.distortion for each in lie(language, "core_belief", text, said=said).said] == [ident]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_event_or_a_feeling_is_no_thought(language: Language) -> None:
    for text in {
        "en": ("Yesterday my boss shouted at me.", "I just felt awful."),
        "zh": ("昨天老板骂了我。", "就是很难过。"),
    }[language]:
        assert lie(language, "automatic_thought", text, said=[Said(kind="automatic_thought", quote=text)]).said == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_feeling_must_stand_in_its_quote(language: Language) -> None:
    reply, word, other = {"en": ("I felt ashamed.", "ashamed", "proud"), "zh": ("就是很难过。", "难过", "骄傲")}[
        language
    ]
    for named, kept in ((word, [word]), (other, []), ("", [])):
        said = [Said(kind="emotion_before", quote=reply, emotion=named)]
        assert [each.emotion for each in lie(language, "emotion_before", reply, said=said).said] == kept


@pytest.mark.parametrize(("language", "reply"), [("en", "I want to kill myself tonight."), ("zh", "我今晚就想死。")])
def test_a_danger_that_is_denied_is_seen_all_the_same(language: Language, reply: str) -> None:
    assert lie(language, "evidence_for", reply, danger="none").danger == "crisis"
    assert lie(language, "evidence_for", FACT[language], danger="crisis").danger == "crisis"


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_left_and_a_fact_do_not_go_together(language: Language) -> None:
    said = [Said(kind="evidence_for", quote=FACT[language])]
    assert not lie(language, "evidence_for", FACT[language], said=said, none_left=True).none_left


# -- the model is asked


class Scripted:
    """A model that answers what it is told to."""

    spec = "scripted"

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)

    async def generate(self, request: ChatRequest) -> ChatReply:
        if not self.answers:
            raise BadOutput("nothing more to say")
        return ChatReply(text=self.answers.pop(0), model="scripted")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_reading_is_asked_for_and_checked(language: Language) -> None:
    claim = Reading(said=[Said(kind="evidence_for", quote=COUNSELOR[language])], belief=40, stance="agrees")
    found, call = await ask_reader(
        Scripted(claim.model_dump_json()), language, inputs(language, "evidence_for", FACT[language]), 1
    )
    assert (found.said, found.belief, found.stance) == ([], None, "agrees")
    assert call is not None and call.purpose == "counselors.crdial.read"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_an_unreadable_answer_gives_nothing_but_danger_is_seen(language: Language) -> None:
    text = {"en": "I want to kill myself tonight.", "zh": "我今晚就想死。"}[language]
    found, call = await ask_reader(Scripted("no", "no"), language, inputs(language, "evidence_for", text), 1)
    assert (found.said, found.danger, call) == ([], "crisis", None)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_offline_engine_answers_by_rule(language: Language) -> None:
    model = OfflineModel({"counselors.crdial.read": read})
    found, _ = await ask_reader(model, language, inputs(language, "evidence_for", FACT[language]), 1)
    assert quotes(found, "evidence_for") == [FACT[language]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_prompt_holds_the_turn_and_what_was_asked(language: Language) -> None:
    prompt = load_prompt("agents.counselors.crdial", "read", language, ReadingInputs, Reading)
    given = inputs(language, "evidence_for", FACT[language], EARLIER[language])
    text = "\n".join(message.content for message in prompt.render(given))
    assert all(part in text for part in (FACT[language], EARLIER[language], "evidence_for", "defense"))
    assert all(ident in text for ident in distortions(language))


# -- whatever is said


PIECES = [
    *(text for _, _, text in NOT_GIVEN),
    *(reply for _, _, reply, _ in GIVEN),
    *("<b>70%</b>", "{{ belief }}", "```json", "😀😭", "\ud800", "\x00", "\u202e", " ", "\n", "…", "?!", "“"),
    *("’", "100", "İ", "ß", "ﬁ"),
]


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=12)), max_size=8),
    st.sampled_from(sorted(STEPS)),
    st.sampled_from(LANGUAGES),
)
def test_every_quote_stands_in_the_reply_whatever_it_is(parts: list[str], asks: str, language: Language) -> None:
    reply = " ".join(parts)
    found = read(inputs(language, asks, reply), random.Random(0), language)
    assert all(said.quote and said.quote in reply and said.emotion in said.quote for said in found.said)
    assert Reading.model_validate_json(found.model_dump_json()) == found
    kept = checked(found, inputs(language, asks, reply), language)
    assert all(said in found.said for said in kept.said)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "reply",
    [
        "I am useless, " * 9000,
        "没用" * 40000,
        "七十" * 20000,
        "1" * 9000,
        "if " * 9000,
        "i feel " * 9000,
        "要是" * 9000,
        "?" * 9000,
    ],
    ids=lambda text: text[:8],
)
def test_a_very_long_turn_is_read_in_time(language: Language, reply: str) -> None:
    begun = time.perf_counter()
    given = inputs(language, "evidence_for", reply, reply[:50])
    checked(read(given, random.Random(0), language), given, language)
    assert time.perf_counter() - begun < 20


@pytest.mark.parametrize(
    ("language", "reply", "denied"),
    [
        ("en", "No, nothing like that. I'd tell you.", True),
        ("en", "You asked before, and it's still no. Thanks for asking, though.", True),
        ("en", "Wishing I weren't alive, never. Wishing I were in another room, now that I do.", True),
        ("en", "Never wished myself gone.", True),
        ("en", "Why does everybody ask that? I'm here, aren't I.", False),
        ("en", "I'd rather not answer that.", False),
        ("en", "I know what you mean. It's fine.", False),
        ("en", "No, but I do think about it every night.", False),
        ("en", "No. Well, sometimes.", False),
        ("zh", "没有，不过晚上会想。", False),
        ("zh", "现在没有，昨晚有。", False),
        ("zh", "没有。难是难，但没想过死，也没想过伤害自己。", True),
        ("zh", "不想活？那从来没有。", True),
        ("zh", "不想醒过来？那不会，早晨我还挺喜欢的。", True),
        ("zh", "怎么谁都问这个，我这不是好好坐着呢嘛。", False),
        ("zh", "我也不知道说了有没有用。", False),
        ("zh", "你大概也不会感兴趣。", False),
    ],
)
def test_asked_about_danger_only_a_plain_no_is_one(language: Language, reply: str, denied: bool) -> None:
    asked = {
        "en": "Are there thoughts of not wanting to live any more?",
        "zh": "有没有不想活下去，或者想伤害自己的念头？",
    }
    inputs = ReadingInputs(step=None, asks="", belief="", question=asked[language], reply=reply, turns=())
    assert (read(inputs, random.Random(1), language).stance == "disagrees") is denied
    told = checked(Reading(stance="disagrees"), inputs, language)  # a model that takes it for a no
    assert (told.stance == "disagrees") is denied


@pytest.mark.parametrize(
    ("language", "reply"),
    [
        ("en", "I guess you are right."),
        ("en", "I suppose that is true."),
        ("en", "Okay, I'll try to see it that way."),
        ("zh", "你说得对。"),
        ("zh", "我觉得你说得有道理。"),
    ],
)
def test_agreement_is_no_thought_of_ones_own(language: Language, reply: str) -> None:
    inputs = ReadingInputs(
        step="verdict", asks="balanced_thought", belief="I am a failure." if language == "en" else "我是个废物。",
        question="?", reply=reply, turns=(),
    )  # fmt: skip
    said = Said(kind="balanced_thought", quote=reply)
    assert not checked(Reading(said=[said]), inputs, language).said
    by_rule = checked(read(inputs, random.Random(1), language), inputs, language)
    assert not any(each.kind == "balanced_thought" for each in by_rule.said)


# -- sentences kept apart from the tuning of the lists

TAKEN = (
    "automatic_thought", "intermediate_belief", "core_belief", "evidence_for", "evidence_against", "balanced_thought",
)  # fmt: skip
HELD_BELIEF = {"en": "I always let everybody down.", "zh": "我总是让大家失望。"}
NOTHING_TO_TAKE = [
    # questions to the counselor
    ("en", "automatic_thought", "How long have you been doing this job?"),
    ("en", "core_belief", "Do other people tell you things like that?"),
    ("en", "evidence_for", "Is all of this being written down somewhere?"),
    ("en", "evidence_against", "And what would you have said in my place?"),
    # small talk
    ("en", "automatic_thought", "It's pouring out there, the bus was late as well."),
    ("en", "evidence_for", "That's a nice plant you have on the window sill."),
    ("en", "residual", "Could I have a glass of water, please?"),
    # the talk itself
    ("en", "automatic_thought", "This is harder than I expected."),
    ("en", "evidence_against", "I'm not explaining this very well."),
    ("en", "core_belief", "We went over that already, I think."),
    ("en", "balanced_thought", "That's a strange way to ask it."),
    # wishes
    ("en", "automatic_thought", "I'd just like to sleep for a week."),
    ("en", "evidence_against", "I wish things were different."),
    ("en", "core_belief", "I only hope this gets easier."),
    # feelings, and what the body does
    ("en", "automatic_thought", "My stomach is in knots just talking about it."),
    ("en", "core_belief", "It makes me so sad, all of it."),
    ("en", "evidence_for", "I could cry right now."),
    # agreement
    ("en", "balanced_thought", "You've got a point there."),
    ("en", "evidence_against", "Fair enough, I can see that."),
    ("en", "balanced_thought", "Yes, you put that well."),
    # other people, and nothing that bears on the client
    ("en", "automatic_thought", "My sister is a dentist in Leeds."),
    ("en", "core_belief", "My cousin has two dogs and a big garden."),
    # a doubt that only looks like a thought, and facts for a belief
    ("en", "core_belief", "I don't know, I suppose so."),
    ("en", "core_belief", "He left in March and took the car."),
    ("en", "core_belief", "I was off sick for three weeks in the spring."),
    ("zh", "automatic_thought", "你干这行干了多少年了？"),
    ("zh", "core_belief", "别人来也跟你说这些吗？"),
    ("zh", "evidence_for", "你记的这些东西，往后谁能看到？"),
    ("zh", "evidence_against", "换了是你，你当时会怎么做呢？"),
    ("zh", "automatic_thought", "外头雨下得真大，公交也晚点了。"),
    ("zh", "evidence_for", "你这窗台上的花养得挺好。"),
    ("zh", "residual", "能给我倒杯水吗？"),
    ("zh", "automatic_thought", "这比我想的要难开口。"),
    ("zh", "evidence_against", "我这话说得颠三倒四的。"),
    ("zh", "core_belief", "这个咱们前头不是聊过了嘛。"),
    ("zh", "balanced_thought", "你这问法还挺绕的。"),
    ("zh", "automatic_thought", "真想好好睡上一个礼拜。"),
    ("zh", "evidence_against", "要是能重来一回就好了。"),
    ("zh", "core_belief", "我就盼着日子能好过一点。"),
    ("zh", "automatic_thought", "一说这事我胃里就拧着疼。"),
    ("zh", "core_belief", "想起来心里就发酸。"),
    ("zh", "evidence_for", "我现在鼻子都酸了。"),
    ("zh", "balanced_thought", "你这话在理。"),
    ("zh", "evidence_against", "嗯，你这么讲我能听进去。"),
    ("zh", "balanced_thought", "是，还是你说得明白。"),
    ("zh", "automatic_thought", "我姐在无锡当牙医。"),
    ("zh", "core_belief", "我表弟家养了两条狗，院子挺大。"),
    ("zh", "core_belief", "不知道，大概就那样吧。"),
    ("zh", "core_belief", "他三月份搬走的，车也开走了。"),
    ("zh", "core_belief", "开春那阵我请了三个礼拜病假。"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "asks", "reply"), NOTHING_TO_TAKE)
def test_what_tells_nothing_of_the_thought_is_left_alone(language: Language, asks: str, reply: str) -> None:
    found = reading(language, asks, reply, HELD_BELIEF[language])
    assert [each.quote for each in found.said if each.kind in TAKEN] == []


STILL_TAKEN = [
    ("en", "automatic_thought", "She'll tell the whole office about it.", "She'll tell the whole office about it."),
    ("en", "automatic_thought", "I don't know, I suppose I'm in everyone's way.", "I'm in everyone's way."),
    ("en", "core_belief", "I'm not sure. I guess I'm just not made for people.", "I'm just not made for people."),
    ("en", "core_belief", "You can't rely on anybody in the end.", "You can't rely on anybody in the end."),
    ("en", "evidence_for", "I forgot my niece's birthday two years running.", None),
    ("en", "evidence_for", "My sister had to come and fetch the kids because I overslept.", None),
    ("en", "evidence_against", "My neighbour still asks me to look after her cat.", None),
    ("en", "evidence_against", "I did wish them well, and two of them wrote back.", None),
    (
        "en", "balanced_thought",
        "Yes it went badly, but one bad week is not my whole work.",
        "it went badly, but one bad week is not my whole work.",
    ),
    (
        "en", "balanced_thought",
        "I did forget it. But I turn up most of the time.",
        "I did forget it. But I turn up most of the time.",
    ),
    (
        "en", "balanced_thought",
        "I've made mistakes, that's true. They don't cancel out ten good years. Thanks for asking.",
        "I've made mistakes, that's true. They don't cancel out ten good years.",
    ),
    (
        "en", "balanced_thought",
        "You're right. I'm tired, and tired isn't the same as useless.",
        "I'm tired, and tired isn't the same as useless.",
    ),
    ("zh", "automatic_thought", "她准得满公司去说。", "她准得满公司去说。"),
    ("zh", "automatic_thought", "说不好，可能我在哪儿都碍人家的事吧。", "我在哪儿都碍人家的事吧。"),
    ("zh", "core_belief", "我也不知道。大概我天生就不招人待见。", "我天生就不招人待见。"),
    ("zh", "core_belief", "到头来谁都指望不上。", "到头来谁都指望不上。"),
    ("zh", "evidence_for", "外甥女的生日我连着忘了两年。", None),
    ("zh", "evidence_for", "我睡过了头，还是我姐去接的孩子。", None),
    ("zh", "evidence_against", "隔壁大姐出门，还是把猫托给我。", None),
    ("zh", "evidence_against", "我给他们道过喜，有两个还回了我。", None),
    (
        "zh", "balanced_thought",
        "是办砸了，可一个礼拜没干好，不等于我整个人都不行。",
        "是办砸了，可一个礼拜没干好，不等于我整个人都不行。",
    ),
    ("zh", "balanced_thought", "生日我是忘了。但该到的时候我多半都到了。", "生日我是忘了。但该到的时候我多半都到了。"),
    (
        "zh", "balanced_thought",
        "错是犯过，这我认。可也抵不掉那十年的好。谢谢你问我。",
        "错是犯过，这我认。可也抵不掉那十年的好。",
    ),
    ("zh", "balanced_thought", "你说得对。我是累了，累跟没用是两码事。", "我是累了，累跟没用是两码事。"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "asks", "reply", "quote"), STILL_TAKEN)
def test_what_does_tell_of_it_is_taken_whole(language: Language, asks: str, reply: str, quote: str | None) -> None:
    assert quotes(reading(language, asks, reply, HELD_BELIEF[language]), asks) == [quote or reply]


@pytest.mark.parametrize(
    ("language", "reply"),
    [
        ("en", "I stand by what I said."),
        ("en", "The same as I told you a moment ago."),
        ("en", "What I said before, that's still how I see it."),
        ("en", "Nothing to add to what I said earlier."),
        ("zh", "就是我刚才说的那个意思。"),
        ("zh", "跟前面讲的一样，没变。"),
        ("zh", "我还是那句话。"),
        ("zh", "刚才说过了，就照那个来。"),
    ],
)
def test_to_stand_by_what_was_said_confirms_it(language: Language, reply: str) -> None:
    found = reading(language, "balanced_thought", reply, HELD_BELIEF[language])
    assert (found.stance, found.none_left, quotes(found, "balanced_thought")) == ("agrees", False, [])


@pytest.mark.parametrize(
    ("language", "reply", "belief"),
    [
        ("en", "70. Saying that number makes me want to cry.", 70),
        ("en", "About 80, and I've got a lump in my throat saying it.", 80),
        ("en", "Sixty. It breaks my heart, honestly.", 60),
        ("zh", "七十。一说这个数我就想掉眼泪。", 70),
        ("zh", "八十吧，说着说着鼻子就酸了。", 80),
        ("zh", "六十。心都碎了。", 60),
    ],
)
def test_pain_beside_a_rating_is_seen(language: Language, reply: str, belief: int) -> None:
    found = reading(language, "belief_before", reply, HELD_BELIEF[language])
    assert found.belief == belief and found.distress >= 2


@pytest.mark.parametrize(
    ("language", "reply"),
    [
        ("en", "Can we leave that for today?"),
        ("en", "Could we come back to it another time?"),
        ("en", "Let's talk about something else."),
        ("en", "I don't feel like going into that now."),
        ("zh", "换个话题吧。"),
        ("zh", "这个改天再说行不行？"),
        ("zh", "今天就不提它了吧。"),
        ("zh", "我现在没心思说这些。"),
    ],
)
def test_putting_off_is_reluctance_and_no_doubt(language: Language, reply: str) -> None:
    assert reading(language, "evidence_against", reply, HELD_BELIEF[language]).stance == "declines"


@pytest.mark.parametrize(
    ("language", "asks", "reply", "rated"),
    [
        ("en", "belief_before", "Sometimes I wish I would not wake up. About 60.", (60, None)),
        ("en", "belief_after", "There are mornings I'd rather not be here at all. 75, I'd say.", (75, None)),
        ("en", "emotion_before", "Seventy. Some nights I think it would be easier not to be around.", (None, 70)),
        ("zh", "belief_before", "有时候真希望一觉睡过去别醒了。六十左右吧。", (60, None)),
        ("zh", "belief_after", "有些早上就觉得不在了也挺好。七十五吧。", (75, None)),
        ("zh", "emotion_before", "七十。有几个晚上想，人没了倒轻松。", (None, 70)),
    ],
)
def test_a_dark_remark_does_not_hide_the_rating(
    language: Language, asks: str, reply: str, rated: tuple[int | None, int | None]
) -> None:
    found = reading(language, asks, reply, HELD_BELIEF[language])
    assert (found.belief, found.emotion) == rated


AT_HOME = {"en": "I'm a bad father.", "zh": "我不是个好爸爸。"}
AT_WORK = {"en": "People at work think I'm slow.", "zh": "单位的人都嫌我慢。"}
BESIDE_THE_POINT = [
    ("en", "automatic_thought", "Who came up with these questions?"),
    ("en", "evidence_for", "Is there a right answer to this?"),
    ("en", "core_belief", "Have you got children yourself?"),
    ("en", "evidence_against", "What happens if I can't think of one?"),
    ("en", "automatic_thought", "Sorry, I got stuck in traffic on the ring road."),
    ("en", "evidence_against", "It's rather warm in here, isn't it?"),
    ("en", "core_belief", "I'm no good at talking about myself."),
    ("en", "automatic_thought", "We seem to be going in circles."),
    ("en", "evidence_for", "That question keeps coming up."),
    ("en", "intermediate_belief", "I'd give anything for one quiet evening."),
    ("en", "evidence_for", "If only I could turn back the clock."),
    ("en", "automatic_thought", "My hands are shaking a bit."),
    ("en", "intermediate_belief", "It hurts, that's all."),
    ("en", "evidence_against", "I feel hollow when I think of it."),
    ("en", "balanced_thought", "That makes sense, I suppose."),
    ("en", "evidence_against", "I take your point."),
    ("en", "balanced_thought", "Good way of putting it."),
    ("en", "automatic_thought", "My brother-in-law runs a garage in Hull."),
    ("en", "core_belief", "The neighbours are away in Spain."),
    ("en", "core_belief", "We moved house two years ago."),
    ("en", "core_belief", "My son is eleven now."),
    ("en", "core_belief", "I drove him to school this morning."),
    ("en", "evidence_against", "Next week I'll ask him what he thinks."),
    ("zh", "automatic_thought", "这些题是谁想出来的？"),
    ("zh", "evidence_for", "这个有标准答案吗？"),
    ("zh", "core_belief", "你自己有孩子吗？"),
    ("zh", "evidence_against", "要是一条都想不出来咋办？"),
    ("zh", "automatic_thought", "不好意思，二环上堵了半个钟头。"),
    ("zh", "evidence_against", "你这儿空调开得真足。"),
    ("zh", "core_belief", "我这人嘴笨，不会说自己的事。"),
    ("zh", "automatic_thought", "咱们好像一直在兜圈子。"),
    ("zh", "evidence_for", "这个问题怎么又绕回来了。"),
    ("zh", "intermediate_belief", "哪怕有一个晚上清静清静也好。"),
    ("zh", "evidence_for", "要是时光能倒流该多好。"),
    ("zh", "automatic_thought", "我手有点抖。"),
    ("zh", "intermediate_belief", "就是疼，没别的。"),
    ("zh", "evidence_against", "一想到这儿，心里空落落的。"),
    ("zh", "balanced_thought", "嗯，听着是有点道理。"),
    ("zh", "evidence_against", "你的意思我明白了。"),
    ("zh", "balanced_thought", "这么说挺好。"),
    ("zh", "automatic_thought", "我小舅子在临沂开汽修厂。"),
    ("zh", "core_belief", "邻居一家去三亚过年了。"),
    ("zh", "core_belief", "前年我们搬了一次家。"),
    ("zh", "core_belief", "我儿子今年十一了。"),
    ("zh", "core_belief", "今天早上是我送他上的学。"),
    ("zh", "evidence_against", "下礼拜我问问他自己怎么想。"),
    ("en", "automatic_thought", "Do we have much time left?"),
    ("en", "evidence_against", "Where did you train, if I may ask?"),
    ("en", "core_belief", "How many of these do you do in a day?"),
    ("en", "evidence_for", "Nobody's ever put it to me like that."),
    ("en", "automatic_thought", "I didn't sleep much, that's why I'm slow today."),
    ("en", "core_belief", "I'm a bit nervous about this, I must say."),
    ("en", "intermediate_belief", "I keep losing my train of thought."),
    ("en", "evidence_for", "The coffee from your machine is better than ours."),
    ("en", "evidence_against", "I'd love a holiday."),
    ("en", "core_belief", "Hopefully next year will be calmer."),
    ("en", "automatic_thought", "My throat goes tight."),
    ("en", "evidence_for", "It's upsetting to talk about."),
    ("en", "balanced_thought", "I can live with that."),
    ("en", "balanced_thought", "That's one way to look at it."),
    ("en", "automatic_thought", "My aunt keeps bees."),
    ("en", "core_belief", "The office moved to the second floor in May."),
    ("en", "core_belief", "I started there when I was twenty-two."),
    ("en", "evidence_against", "I'll think it over at the weekend."),
    ("zh", "automatic_thought", "咱们还剩多少时间？"),
    ("zh", "evidence_against", "冒昧问一句，你是哪个学校毕业的？"),
    ("zh", "core_belief", "你一天要见几个人啊？"),
    ("zh", "automatic_thought", "昨晚没睡好，今天反应慢。"),
    ("zh", "core_belief", "说起这些我还真有点紧张。"),
    ("zh", "intermediate_belief", "我老是说着说着就忘了要说啥。"),
    ("zh", "evidence_for", "你们这儿的咖啡比我们单位的好喝。"),
    ("zh", "evidence_against", "真想出去旅个游。"),
    ("zh", "core_belief", "但愿明年能消停点。"),
    ("zh", "automatic_thought", "嗓子眼发紧。"),
    ("zh", "evidence_for", "一提这个就难受得慌。"),
    ("zh", "balanced_thought", "这么想我能接受。"),
    ("zh", "balanced_thought", "这也算一种看法吧。"),
    ("zh", "automatic_thought", "我大姨在山里养蜂。"),
    ("zh", "core_belief", "五月份办公室搬到二楼去了。"),
    ("zh", "core_belief", "我二十二岁就进这家单位了。"),
    ("zh", "evidence_against", "周末我再琢磨琢磨。"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "asks", "reply"), BESIDE_THE_POINT)
def test_what_is_beside_the_point_is_taken_for_nothing(language: Language, asks: str, reply: str) -> None:
    for belief in (AT_HOME, AT_WORK):
        found = reading(language, asks, reply, belief[language])
        assert [each.quote for each in found.said if each.kind in TAKEN] == []


ABOUT_WORK = [
    ("en", "automatic_thought", "They must be rolling their eyes.", None),
    ("en", "automatic_thought", "Hard to say. I suppose I just can't keep up.", "I just can't keep up."),
    ("en", "intermediate_belief", "Whoever needs help is weak.", None),
    ("en", "core_belief", "I'm second-rate, and that's that.", None),
    ("en", "core_belief", "There's something missing in me.", None),
    ("en", "evidence_for", "It took me two days to write that report.", None),
    ("en", "evidence_for", "Tom finished his half before lunch.", None),
    ("en", "evidence_against", "They gave me the big account in spring.", None),
    ("en", "evidence_against", "Two colleagues ask me before they send anything out.", None),
    ("en", "balanced_thought", "I'm slower than some. Still, what I hand in is right.", None),
    (
        "en", "balanced_thought",
        "Sure I take longer, and nobody has ever had to redo it.",
        "I take longer, and nobody has ever had to redo it.",
    ),
    ("zh", "automatic_thought", "他们背地里准在翻白眼。", None),
    ("zh", "automatic_thought", "不好说。大概我就是跟不上趟了。", "我就是跟不上趟了。"),
    ("zh", "intermediate_belief", "张嘴求人的都是没本事的。", None),
    ("zh", "core_belief", "我就是个二流货色，没别的。", None),
    ("zh", "core_belief", "我身上就是缺点什么。", None),
    ("zh", "evidence_for", "那份报告我写了两天。", None),
    ("zh", "evidence_for", "小汤午饭前就把他那半弄完了。", None),
    ("zh", "evidence_against", "开春那个大客户，交到我手里了。", None),
    ("zh", "evidence_against", "有俩同事，东西发出去前都先问我一声。", None),
    ("zh", "balanced_thought", "我是比有的人慢。可我交上去的没出过错。", None),
    ("zh", "balanced_thought", "慢是慢，可从来没让人返过工。", None),
]  # fmt: skip
ABOUT_HOME = [
    ("en", "automatic_thought", "He'd be better off with somebody else's dad.", None),
    ("en", "automatic_thought", "Here we go again, I've let him down.", None),
    (
        "en", "automatic_thought",
        "Well, I don't know, I guess he just doesn't like me much.",
        "he just doesn't like me much.",
    ),
    ("en", "automatic_thought", "Who'd want a father like that?", None),
    ("en", "intermediate_belief", "You've got to be there every single time or it counts for nothing.", None),
    ("en", "intermediate_belief", "A father who shouts has already lost.", None),
    ("en", "core_belief", "I was never cut out for this.", None),
    ("en", "core_belief", "I ruin whatever I get close to.", None),
    ("en", "core_belief", "Other people are simply better at being human.", None),
    ("en", "evidence_for", "I shouted at him on Sunday because of a spilled glass.", None),
    ("en", "evidence_for", "He didn't want me at his match.", None),
    ("en", "evidence_for", "My wife says I'm never really there.", None),
    ("en", "evidence_against", "He still brings me his broken toys to mend.", None),
    ("en", "evidence_against", "I read to him every night, even the long ones.", None),
    ("en", "evidence_against", "His teacher says he talks about me all the time.", None),
    ("en", "balanced_thought", "I shout sometimes, and I also show up. Both are true.", None),
    ("en", "balanced_thought", "I lost my temper on Sunday. That's one Sunday. It isn't the whole of me.", None),
    (
        "en", "balanced_thought",
        "Okay, I'm not patient, but he knows I love him.",
        "I'm not patient, but he knows I love him.",
    ),
    ("en", "balanced_thought", "Shouting was wrong. Yes. But a bad father wouldn't lie awake over it.", None),
    ("zh", "automatic_thought", "换个人给他当爸，他准比现在强。", None),
    ("zh", "automatic_thought", "又来了，我又让他失望了。", None),
    ("zh", "automatic_thought", "说不清，大概他就是不待见我吧。", None),
    ("zh", "automatic_thought", "谁愿意摊上这么个爹？", None),
    ("zh", "intermediate_belief", "当爸的有一回不在场，就等于白当。", None),
    ("zh", "intermediate_belief", "冲孩子吼的爹，早就输了。", None),
    ("zh", "core_belief", "我压根就不是当爹的料。", None),
    ("zh", "core_belief", "跟我走得近的，最后都让我给搅黄了。", None),
    ("zh", "core_belief", "别人天生就比我会做人。", None),
    ("zh", "evidence_for", "礼拜天他打翻一杯水，我冲他吼了。", None),
    ("zh", "evidence_for", "他比赛不让我去看。", None),
    ("zh", "evidence_for", "我媳妇说我人在家，心从来不在。", None),
    ("zh", "evidence_against", "玩具坏了，他还是拿来找我修。", None),
    ("zh", "evidence_against", "每天晚上我都给他念书，再长也念完。", None),
    ("zh", "evidence_against", "他们老师说，他成天把我挂在嘴上。", None),
    ("zh", "balanced_thought", "我是吼过他，可该在的时候我也在。两样都是真的。", None),
    ("zh", "balanced_thought", "礼拜天我没压住火。就那一个礼拜天。不能拿它说我整个人。", None),
    ("zh", "balanced_thought", "好吧，我性子是急，可他知道我疼他。", "我性子是急，可他知道我疼他。"),
    ("zh", "balanced_thought", "吼他是不对。对。可真要是个坏爸爸，也不会为这个睡不着。", None),
]  # fmt: skip


@pytest.mark.parametrize(("language", "asks", "reply", "quote"), [*ABOUT_WORK, *ABOUT_HOME])
def test_what_is_to_the_point_is_taken_whole(language: Language, asks: str, reply: str, quote: str | None) -> None:
    belief = AT_WORK if (language, asks, reply, quote) in ABOUT_WORK else AT_HOME
    found = reading(language, asks, reply, belief[language])
    assert quotes(found, asks) == [quote or reply]


@pytest.mark.parametrize(
    ("language", "reply", "quote"),
    [
        ("en", "I'm a bad father at times. But I'm there.", "I'm a bad father at times. But I'm there."),
        ("en", "I shout. That's true. But I stay.", "I shout. That's true. But I stay."),
        ("zh", "我不是个好爸爸。可夜里守着他的也是我。", "我不是个好爸爸。可夜里守着他的也是我。"),
        ("zh", "我吼过他。对。可我也守着他。", "我吼过他。对。可我也守着他。"),
    ],
)
def test_a_fairer_thought_of_two_halves_is_one(language: Language, reply: str, quote: str) -> None:
    assert quotes(reading(language, "balanced_thought", reply, AT_HOME[language]), "balanced_thought") == [quote]


@pytest.mark.parametrize(
    ("language", "asks"), [(language, asks) for language in LANGUAGES for asks in ("evidence_for", "core_belief")]
)
def test_to_have_said_it_before_is_nothing_new_where_more_was_asked_for(language: Language, asks: str) -> None:
    found = reading(language, asks, {"en": "As I said before.", "zh": "我刚才说过了。"}[language], AT_HOME[language])
    assert (found.said, found.none_left) == ([], True)


@pytest.mark.parametrize("language", LANGUAGES)
def test_little_to_say_is_no_rating(language: Language) -> None:
    reply = {"en": "There isn't much to say.", "zh": "没什么好说的。"}[language]
    assert reading(language, "belief_before", reply).belief is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_question_inside_a_fact_is_no_question(language: Language) -> None:
    reply = {
        "en": "My neighbour asked me: 'Where have you been?' She was laughing.",
        "zh": "邻居问我：“你上哪儿去了？”还笑呢。",
    }[language]
    assert quotes(reading(language, "evidence_for", reply), "evidence_for") == [reply]


# -- feelings without a word of their own, what is confided, and where a thought begins


@pytest.mark.parametrize(
    ("language", "asks", "reply", "word", "rated"),
    [
        ("en", "belief_before", "The thought, 60. Feeling useless, 35 or so.", "useless", (60, 35)),
        ("en", "belief_after", "I'd say 45 for that, and 35 for how useless I feel.", "useless", (45, 35)),
        ("en", "emotion_before", "Feeling useless, 40.", "useless", (None, 40)),
        ("en", "belief_before", "I feel useless, about 50.", "useless", (None, 50)),
        ("en", "belief_before", "Feeling lost, 50.", "lost", (None, 50)),
        ("zh", "belief_before", "这句信80，觉得自己没用，有60。", "没用", (80, 60)),
        ("zh", "emotion_before", "觉得自己没用，60分。", "没用", (None, 60)),
    ],
)
def test_a_feeling_that_is_no_word_for_one_is_named_beside_its_rating(
    language: Language, asks: str, reply: str, word: str, rated: tuple[int | None, int | None]
) -> None:
    found = reading(language, asks, reply, "x")
    assert [said.emotion for said in found.said if said.emotion] == [word]
    assert (found.belief, found.emotion) == rated


@pytest.mark.parametrize(
    ("language", "reply"),
    [
        ("en", "I am useless."),
        ("en", "I'm so worthless, deep down."),
        ("zh", "我就是没用。"),
        ("zh", "我觉得自己没用。"),
    ],
)
def test_the_same_word_as_a_belief_is_no_feeling(language: Language, reply: str) -> None:
    assert not any(said.emotion for said in reading(language, "core_belief", reply).said)


@pytest.mark.parametrize(
    ("language", "reply", "told"),
    [
        ("en", "There's something I left out. I keep a bottle in the toolbox.", True),
        ("en", "I've never told anyone this, but I walk past the house at night.", True),
        ("zh", "这事我没跟人说过，工具箱里我一直藏着一瓶酒。", True),
        ("zh", "有件事我一直没说，我半夜老去她楼下站着。", True),
        ("en", "She told me so herself.", False),
        ("zh", "她跟我说过好几回。", False),
    ],
)
def test_what_is_confided_is_heard(language: Language, reply: str, told: bool) -> None:
    assert reading(language, "evidence_for", reply, "x").confides is told


@pytest.mark.parametrize(
    ("language", "reply", "quote"),
    [
        (
            "zh",
            "闺女住校，礼拜五才回来。一听我开门，我媳妇心里准在想又回来了。",
            "一听我开门，我媳妇心里准在想又回来了。",
        ),
        ("en", "The lift is out again. They all think I'm slow.", "They all think I'm slow."),
        (
            "en",
            "Burnt the toast. A man who does that is a failure.",
            "Burnt the toast. A man who does that is a failure.",
        ),
    ],
)
def test_a_belief_begins_where_it_is_said_and_not_with_what_stands_before_it(
    language: Language, reply: str, quote: str
) -> None:
    assert quotes(reading(language, "automatic_thought", reply), "automatic_thought") == [quote]


FAIRER = [
    ("en", "The marks aren't everything, I have had a say.", (), False),  # holds the thought's own words
    ("en", "Nobody can know that.", (), False),  # a general view
    ("en", "It may be the blocked drain.", ("Mum sighs at the blocked drain because of me.",), True),
    ("zh", "分数不是全部，我说话也管过用。", (), False),
    ("zh", "这种事谁也说不准。", (), False),
    ("zh", "下水道堵了，她才叹气。", ("下水道一堵，我妈就叹气，都是因为我。",), True),
]


@pytest.mark.parametrize(("language", "reply", "others", "off"), FAIRER)
def test_a_fairer_view_of_another_thought_is_seen(
    language: Language, reply: str, others: tuple[str, ...], off: bool
) -> None:
    belief = {"en": "Without good marks I have no say.", "zh": "分数要是上不去，家里就没我说话的份。"}[language]
    fact = {"en": "I was let off when my marks were good.", "zh": "考得好的那回，礼拜天就让我歇了。"}[language]
    given = inputs(language, "balanced_thought", reply, belief)
    given = given.model_copy(update={"evidence": (fact,), "others": others})
    found = checked(read(given, random.Random(0), language), given, language)
    assert quotes(found, "balanced_thought") and strays(found, given, language) is off
