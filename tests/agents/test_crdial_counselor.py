"""The restructuring counselor's conduct: labelled sentences, fixed words in danger, and checks on every model."""

from __future__ import annotations

import itertools
import json
import random
import re
import statistics
from collections.abc import Callable, Iterable

import pytest

from agents.counselors.crdial.counselor import CrdialCounselor
from agents.counselors.crdial.course import Course, course_of
from agents.counselors.crdial.plan import FIXED, Plan, SayInputs, Sentence
from agents.counselors.crdial.policy import load_policy, may_of, must_of
from agents.counselors.crdial.saying_checks import faults_of, joined
from agents.counselors.crdial.saying_rules import say
from agents.dialogue import DialogueView, SentenceLabel, Turn, Utterance
from agents.models.base import ChatModel, ChatReply, ChatRequest
from agents.models.offline import OfflineModel, collect_rules
from agents.phrases import load_phrases
from agents.roles import Brief
from profiles.crisis import crisis_text
from profiles.screening import fold, hits
from profiles.strategies import strategies
from profiles.vocabulary import LANGUAGES, Language, Stage

MODEL = OfflineModel(collect_rules(["agents.counselors.crdial"]))
SAYS = {
    "en": {
        "situation": "My boss sent my report back yesterday in front of the whole team.",
        "automatic_thought": "I thought: I'm going to get fired.",
        "emotion_before": "I'm scared, 75.",
        "intermediate_belief": "If I make one mistake, then everything I have done is worth nothing.",
        "core_belief": "Deep down I believe that I'm a failure.",
        "belief_before": "I believe it 85, and the fear is 80.",
        "evidence_for": "He wrote three red comments on page two.",
        "evidence_against": "Last month he gave me the new client to look after.",
        "balanced_thought": "I made a mistake in one report, and most of my work is still good.",
        "belief_after": "I believe it 40 now, and the fear is 45.",
        "belief_end": "I believe it 30, and the fear is 35.",
        "emotion_after": "The fear is about 35.",
        "residual": "No, nothing else.",
        "confirm": "Yes, that's it.",
        "agree": "I could ask him on Thursday what he meant.",
        "": "It's been like this for a while.",
    },
    "zh": {
        "situation": "昨天领导当着全组的面把我的报告退回来了。",
        "automatic_thought": "我当时想：我肯定要被开除了。",
        "emotion_before": "害怕，75分。",
        "intermediate_belief": "如果我出一次错，那我做的一切就都不值钱了。",
        "core_belief": "说到底我就是个失败者。",
        "belief_before": "我信85，害怕有80。",
        "evidence_for": "他在第二页写了三条红色批注。",
        "evidence_against": "上个月他还把新客户交给我负责。",
        "balanced_thought": "我有一份报告出了错，但我大部分的活儿干得还是不错的。",
        "belief_after": "现在信40吧，害怕45。",
        "belief_end": "现在信30，害怕35。",
        "emotion_after": "害怕大概35。",
        "residual": "没有了，没别的了。",
        "confirm": "对，就是这样。",
        "agree": "星期四我去问问他是什么意思。",
        "": "这样有一阵子了。",
    },
}


class Rubbish:
    """A model that answers every prompt with the same words."""

    spec = "rubbish"

    def __init__(self, words: str, only: str = "") -> None:
        self.words, self.only = words, only

    async def generate(self, request: ChatRequest) -> ChatReply:
        if self.only and request.purpose != self.only:
            return await MODEL.generate(request)
        return ChatReply(text=self.words)


class Talk:
    """A dialogue with a scripted client: replies by number, else by what was asked for."""

    def __init__(self, language: Language = "en", rounds: int = 40, model: ChatModel = MODEL, seed: int = 1) -> None:
        self.language, self.rounds = language, rounds
        self.counselor = CrdialCounselor(model, language, {})
        self.state = self.counselor.begin(Brief(language=language, rounds=rounds, seed=seed, intake="work"))
        self.turns: list[Turn] = []
        self.said: list[Utterance] = []

    async def play(self, replies: Iterable[str] = (), instead: Callable[[str], str | None] = lambda asks: None) -> Talk:
        given = iter(replies)
        for round_ in range(1, self.rounds + 1):
            asks = self.state.asks if self.said else "situation"
            self._add("client", next(given, None) or instead(asks) or SAYS[self.language][asks], round_)
            view = DialogueView(
                turns=tuple(self.turns),
                stage=Stage.TRUST_BUILDING,
                round=round_,
                rounds_left=self.rounds - round_,
                language=self.language,
            )
            utterance, self.state = await self.counselor.reply(view, self.state)
            self.said.append(utterance)
            self._add("counselor", utterance.text, round_, utterance)
            if utterance.end:
                break
        return self

    def _add(self, speaker: str, text: str, round_: int, utterance: Utterance | None = None) -> None:
        self.turns.append(
            Turn(
                index=len(self.turns),
                round=round_,
                speaker=speaker,  # type: ignore[arg-type]
                stage=Stage.TRUST_BUILDING,
                text=text,
                sentences=utterance.sentences if utterance else (),
                notes=utterance.notes if utterance else {},
            )
        )

    @property
    def course(self) -> Course:
        course = course_of(self.turns)
        assert course is not None
        return course

    @property
    def goals(self) -> list[str]:
        return [utterance.notes["goal"] for utterance in self.said]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_cooperative_talk_goes_all_the_way(language: Language) -> None:
    talk = await Talk(language).play()
    course, says = talk.course, SAYS[language]
    assert course.channels and course.exit is None and talk.said[-1].end is not None
    first = course.channels[0]
    assert first.effective and first.before == 85 and first.after == 40
    assert first.evidence_for and all(quote in says["evidence_for"] for quote in first.evidence_for)
    assert first.balanced_thought and first.balanced_thought in says["balanced_thought"]
    assert course.emotions_before[0][1] == 75 and course.emotions_after[0][1] == 35
    assert course.channels[0].end == 30
    assert {gate.gate for gate in course.gates} == {"leave", "verdict", "residual"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("seed", range(4))
async def test_every_sentence_has_one_strategy_and_joined_they_are_the_text(language: Language, seed: int) -> None:
    talk = await Talk(language, seed=seed).play()
    for utterance in talk.said:
        assert utterance.text == joined([each.text for each in utterance.sentences], language)
        assert all(each.strategy in strategies(language) for each in utterance.sentences)
        assert "fallback" not in utterance.notes
        for each in utterance.sentences:
            assert (each.strategy == "question") == any(mark in each.text for mark in "?？")
    sentences = [each.text for utterance in talk.said for each in utterance.sentences]
    assert len(sentences) == len(set(sentences)), "nothing is said twice while other words are left"
    assert 1.8 <= statistics.mean(len(utterance.sentences) for utterance in talk.said) <= 2.7


@pytest.mark.parametrize("language", LANGUAGES)
async def test_quotes_are_what_the_client_said(language: Language) -> None:
    talk = await Talk(language).play()
    client = "\n".join(turn.text for turn in talk.turns if turn.speaker == "client")
    for entry in talk.course.entries:
        if entry.quote:
            said = talk.turns[entry.turn or 0].text
            assert entry.span and said[entry.span[0] : entry.span[1]] == entry.quote
            assert entry.quote in client


@pytest.mark.parametrize("language", LANGUAGES)
async def test_danger_is_met_with_fixed_words_and_no_work_on_the_thought(language: Language) -> None:
    words = {"en": "I want to kill myself.", "zh": "我想自杀。"}[language]
    talk = await Talk(language, 30).play(instead=lambda asks: words if asks == "evidence_for" else None)
    place = talk.goals.index("crisis")
    alarm = talk.said[place]
    assert crisis_text(language) in alarm.text and alarm.call is None
    assert alarm.text == joined([each.text for each in alarm.sentences], language)
    assert set(talk.goals[place + 1 :]) == {"crisis_more"} and talk.said[-1].end is not None
    assert talk.course.exit == "crisis" and talk.course.channels[0].effective is None


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_model_that_answers_rubbish_is_replaced_and_the_fault_is_noted(language: Language) -> None:
    talk = await Talk(language, 30, Rubbish("lorem ipsum")).play()
    assert talk.course.channels and talk.said[-1].end is not None
    assert all(u.notes["fallback"] == "bad_output" and u.notes["reading_fallback"] for u in talk.said)


def answered(*sentences: tuple[str, str]) -> str:
    return json.dumps({"sentences": [{"strategy": strategy, "text": text} for strategy, text in sentences]})


FEELS, ASKS = ("reflection_of_feelings", "That sounds hard."), ("question", "What went through your mind then?")


@pytest.mark.parametrize(
    ("sentences", "fault"),
    [
        ([("wisdom", "That sounds hard."), ASKS], "strategy"),
        ([FEELS, FEELS, FEELS, FEELS, ASKS], "length"),
        ([FEELS, ("restatement", "You were there. You saw it."), ASKS], "sentence"),
        ([FEELS, ASKS, ("question", "And how was it?")], "questions"),
        ([FEELS, ("restatement", "So it was bad?")], "questions"),
        ([FEELS, ("question", "Tell me more.")], "questions"),
        ([FEELS, ("information", "Minds do that."), ("providing_suggestions", "Try to rest."), ASKS], "unsupported"),
        ([FEELS, ("restatement", "A more balanced thought would be that you did fine."), ASKS], "reframe"),
        ([("self_disclosure", "My own mother said the same to me."), ASKS], "human_life"),
        ([FEELS, ("restatement", "This is your core_belief, then."), ASKS], "label"),
    ],
)
async def test_what_a_model_may_not_say_is_replaced(sentences: list[tuple[str, str]], fault: str) -> None:
    talk = await Talk("en", 12, Rubbish(answered(*sentences), only="counselors.crdial.say")).play()
    assert fault in talk.said[1].notes["fallback"]
    assert sentences[1][1] not in talk.said[1].text


async def test_what_a_model_may_say_is_said() -> None:
    talk = await Talk("en", 12, Rubbish(answered(FEELS, ASKS), only="counselors.crdial.say")).play()
    assert talk.said[0].sentences == tuple(SentenceLabel(strategy=s, text=t) for s, t in (FEELS, ASKS))
    assert "fallback" not in talk.said[0].notes


def turn_of(language: Language, **plan: object) -> SayInputs:
    made = Plan.model_validate(plan)
    heard = Turn(index=0, round=1, speaker="client", stage=Stage.DIAGNOSIS, text="x")
    return SayInputs(
        plan=made,
        intake="",
        turns=(heard,),
        stage=Stage.DIAGNOSIS,
        label="贴标签" if language == "zh" else "labeling",
        means="。" if language == "zh" else "A name.",
        must=must_of(made),
        may=may_of(made, language),
    )


@pytest.mark.parametrize("text", ["You could think that you are good enough.", "In reality you are loved."])
def test_a_reframe_is_the_clients_to_find(text: str) -> None:
    inputs = turn_of("en", goal="for", asks="evidence_for", step="defense")
    assert "reframe" in faults_of([Sentence(strategy="information", text=text)], inputs, "en")
    quoted = f'You say "{text.removesuffix(".")}".'
    assert "reframe" not in faults_of([Sentence(strategy="restatement", text=quoted)], inputs, "en")


def test_strong_emotion_is_met_first() -> None:
    inputs = turn_of("en", goal="thought", asks="automatic_thought", step="automatic_thoughts", distress=2)
    thanks = Sentence(strategy="affirmation_reassurance", text="Thank you for telling me.")
    ask = Sentence(strategy="question", text=ASKS[1])
    assert faults_of([thanks, ask], inputs, "en") == ("feeling",)
    assert faults_of([Sentence(strategy=FEELS[0], text=FEELS[1]), ask], inputs, "en") == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_turn_of_the_phrase_files_passes_the_checks(language: Language) -> None:
    phrases = load_phrases("agents.counselors.crdial", language)
    quote = {"en": "I'm a failure", "zh": "我没用"}[language]
    told = {"belief": quote, "quote": quote, "balanced": (quote,), "open_points": (quote,), "feeling": quote}
    for goal in [*phrases.mapping("ask"), *phrases.mapping("turns")]:
        for tone, distress in (("plain", 0), ("heavy", 2), ("unsure", 0), ("puts_off", 0), ("resists", 1)):
            for seed in range(12):
                given = {**told, "goal": goal, "tone": tone, "distress": distress, "again": seed % 3 == 2}
                if seed % 4 == 1:
                    given |= {"evidence_for": (quote,), "evidence_against": (quote,), "attempt": 2}
                inputs = turn_of(language, **given, opens=seed % 2 == 0, first=seed == 5, privacy=seed > 8)
                saying = say(inputs, random.Random(seed), language)
                found = set(faults_of(saying.sentences, inputs, language))
                allowed = {"sentence", "length", "feeling", "unsupported"} if goal in FIXED else set()
                assert found <= allowed, [each.text for each in saying.sentences]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_line_harms_and_frequent_ones_come_in_six_wordings(language: Language) -> None:
    phrases = load_phrases("agents.counselors.crdial", language)
    asks = phrases.tree("ask")
    assert all(len(set(lines)) >= 6 for lines in asks.values())
    assert set(asks) == set(load_phrases("agents.counselors.crdial", "en").tree("ask"))
    for lines in asks.values():
        for line in lines:
            assert sum(line.count(mark) for mark in "?？") == 1 and not hits("counselor_harm", fold(line), language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_policy_knows_every_step_and_only_known_strategies(language: Language) -> None:
    policy = load_policy(language)
    assert {"opening", "close", "defense", "prosecution", "verdict"} <= set(policy.steps)
    assert all(set(weights) <= set(strategies(language)) for weights in policy.steps.values())


async def test_guidance_is_laid_over_the_saying_prompt() -> None:
    asked: list[ChatRequest] = []

    class Listening(Rubbish):
        async def generate(self, request: ChatRequest) -> ChatReply:
            asked.append(request)
            return await MODEL.generate(request)

    talk = Talk("en", 2, Listening(""))
    talk.counselor = CrdialCounselor(Listening(""), "en", {"counselors.crdial.say": "Speak like a gardener."})
    await talk.play()
    said = [request for request in asked if request.purpose == "counselors.crdial.say"]
    assert said and all(request.messages[0].content.startswith("Speak like a gardener.") for request in said)


async def test_stages_are_led_by_the_counselor() -> None:
    talk = await Talk().play()
    ready = [utterance.ready for utterance in talk.said]
    assert ready[talk.goals.index("core")] and all(ready[talk.goals.index("for") :])


PRIVACY = {
    "en": ("Who reads this, by the way?", "Is what I say here confidential?", "Can my boss see this?"),
    "zh": ("对了，这些话谁会看？", "我在这儿说的会保密吗？", "我们领导能看到这些吗？"),
}
RECORD = {"en": "practice room", "zh": "练习场地"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("place", [0, 3, 7, 11])
@pytest.mark.parametrize("number", range(3))
async def test_who_reads_this_is_answered_once_and_plainly_and_the_talk_goes_on(
    language: Language, place: int, number: int
) -> None:
    count = itertools.count()
    asked = PRIVACY[language][number]
    talk = await Talk(language).play(instead=lambda asks: asked if next(count) in (place, place + 1) else None)
    told = [bool(re.search(RECORD[language], utterance.text)) for utterance in talk.said]
    assert told[place] and sum(told) == 1
    answer = talk.said[place]
    assert any(each.strategy == "information" and re.search(RECORD[language], each.text) for each in answer.sentences)
    assert answer.sentences[-1].strategy == "question" and len(answer.sentences) <= 4
    assert talk.course.channels and talk.said[-1].end is not None


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_no_question_for_privacy_is_not_taken_for_one(language: Language) -> None:
    pattern = load_policy(language).pattern("privacy")
    others = {
        "en": (
            "Who would want me?",
            "He reads this paper every day.",
            "My boss could see that I was late.",
            "I keep it private.",
        ),
        "zh": (
            "谁会要我？",
            "他天天看这些。",
            "我妈知道我不行。",
            "领导看到我迟到了。",
            "这些我都说不出口。",
            "有人看见我哭了。",
        ),
    }
    assert not [text for text in others[language] if pattern.search(text.casefold())]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_put_off_is_not_met_as_a_doubt(language: Language) -> None:
    lines = load_phrases("agents.counselors.crdial", language).tree("lead.puts_off")
    pattern = load_policy(language).pattern("puts_off")
    refusals = {
        "en": (
            "I'd rather leave it at that for now.",
            "I don't really go into that with people I don't know.",
            "Not today.",
        ),
        "zh": ("先说到这儿吧。", "这个我跟不熟的人一般不聊。", "今天先不说这个。"),
    }[language]
    for line in load_phrases("agents.clients", language).lines("deflect"):
        assert bool(pattern.search(line.casefold().replace("’", "'"))) == (line not in refusals), line
    doubts = {
        "en": ("I don't know.", "I'm not sure, maybe.", "Hard to say."),
        "zh": ("我不知道。", "说不好。", "可能吧。"),
    }
    assert not [text for text in doubts[language] if pattern.search(text.casefold())]
    plan = {"goal": "thought", "asks": "automatic_thought", "step": "automatic_thoughts", "tone": "puts_off"}
    for seed in range(10):
        first = say(turn_of(language, **plan), random.Random(seed), language).sentences[0]
        assert any(first.text == line for group in lines.values() for line in group)


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_sides_are_praised_only_where_both_have_something_on_them(language: Language) -> None:
    both = {"en": "both", "zh": "两边"}[language]
    quote = {"en": ("He said so in March",), "zh": ("他三月份说过",)}[language]
    said: dict[bool, list[str]] = {True: [], False: []}
    for goal, took in (
        ("balanced", "none"),
        ("balanced", "evidence_for"),
        ("rate_after", "balanced_thought"),
        ("residual", "belief_after"),
    ):
        for seed in range(40):
            for full in (True, False):
                given = {"evidence_against": quote} if full else {}
                plan = {"goal": goal, "step": "verdict", "opens": goal == "balanced", "took": took, **given}
                saying = say(turn_of(language, evidence_for=quote, **plan), random.Random(seed), language)
                said[full] += [each.text for each in saying.sentences]
    assert any(both in text for text in said[True])
    assert not [text for text in said[False] if both in text]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_one_heavy_word_in_a_story_gets_no_lament(language: Language) -> None:
    fact = {"en": "When I was scared about the exam, she held my hand.", "zh": "考试那回我哭了，是她一直拉着我的手。"}[
        language
    ]
    pain = {"en": "I feel so ashamed.", "zh": "我特别难受。"}[language]
    heavy = [
        line
        for group in load_phrases("agents.counselors.crdial", language).tree("lead.heavy").values()
        for line in group
    ]
    lamented = {}
    for words in (fact, pain):
        answers = {"evidence_against": words}
        talk = await Talk(language).play(instead=answers.get)
        place = talk.goals.index("against") + 1
        lamented[words] = talk.said[place].sentences[0].text in heavy
    assert lamented == {fact: False, pain: True}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_just_said_is_not_confused_with_what_the_question_hands_back(language: Language) -> None:
    old, new = {"en": ("Some will ask", "She wrote back"), "zh": ("问肯定有人问", "她回了我消息")}[language]
    plan = {"goal": "balanced_again", "asks": "balanced_thought", "step": "verdict", "quote": old, "attempt": 2}
    for seed in range(20):
        given = {**plan, "took": "evidence_against", "took_quote": new}
        *before, question = say(turn_of(language, **given), random.Random(seed), language).sentences
        assert not [each for each in before if old in each.text] and new not in question.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_thought_is_named_by_a_sentence_that_says_something(language: Language) -> None:
    belief = {"en": "Fed up. There's a wrong one underneath.", "zh": "窝火。底下就是个不成器的东西。"}[language]
    asked = say(turn_of(language, goal="rate", step="core_beliefs", belief=belief), random.Random(1), language)
    named = {"en": "There's a wrong one underneath", "zh": "底下就是个不成器的东西"}[language]
    assert named in asked.sentences[-1].text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_deepest_belief_is_met_before_it_gets_a_name(language: Language) -> None:
    lines = load_phrases("agents.counselors.crdial", language).tree("lead.took.core_belief")
    talk = await Talk(language).play()
    place = talk.goals.index("core") + 1
    assert talk.said[place].sentences[0].text in {line for group in lines.values() for line in group}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_thought_with_a_quotation_in_it_can_be_named(language: Language) -> None:
    belief, named = {
        "en": ('She wrote "busy", so she is done with me.', "\"She wrote 'busy', so she is done with me\""),
        "zh": ("“正在输入”闪一下没了，她肯定嫌我烦。", "“‘正在输入’闪一下没了，她肯定嫌我烦”"),
    }[language]
    inputs = turn_of(language, goal="belief_end", asks="belief_end", belief=belief)
    asked = say(inputs, random.Random(1), language)
    assert named in asked.sentences[-1].text and not faults_of(asked.sentences, inputs, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_fairer_thought_is_handed_back_whole_or_not_at_all(language: Language) -> None:
    whole, first = {
        "en": ("Some will ask, true. So far the ones who've asked came with soup.", "Some will ask, true"),
        "zh": ("问肯定有人问。可来问的都是端着热汤来的。", "问肯定有人问"),
    }[language]
    long = whole + {"en": " Not one of them", "zh": "没一个是来找茬的"}[language] * 6
    for words in (whole, long):
        given = {"goal": "rate_after", "asks": "belief_after", "step": "verdict", "took": "balanced_thought"}
        inputs = turn_of(language, **given, took_quote=words, balanced=(words,))
        for seed in range(20):
            said = say(inputs, random.Random(seed), language)
            lead = said.sentences[0].text
            assert (words[:-1] in lead) or first not in lead
            assert not faults_of(said.sentences, inputs, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_where_nothing_was_answered_the_next_try_thanks_for_no_openness(language: Language) -> None:
    phrases = load_phrases("agents.counselors.crdial", language)
    groups = {
        name: {line for lines in phrases.tree(f"lead.{name}").values() for line in lines} for name in ("plain", "again")
    }
    given = {"goal": "for", "asks": "evidence_for", "step": "defense", "tone": "plain"}
    for again, name in ((0, "plain"), (1, "again")):
        asked = turn_of(language, **given, again=again)
        leads = {say(asked, random.Random(seed), language).sentences[0].text for seed in range(30)}
        assert leads & groups[name]
        assert not leads & groups["again" if name == "plain" else "plain"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_thought_that_gave_way_a_little_is_not_said_to_hold_firm(language: Language) -> None:
    phrases = load_phrases("agents.counselors.crdial", language)
    quote = {"en": "I'm a failure", "zh": "我没用"}[language]

    def bridges(shift: int) -> set[str]:
        given = {"goal": "for", "step": "defense", "attempt": 2, "opens": True, "belief": quote, "shift": shift}
        said = [say(turn_of(language, **given), random.Random(seed), language) for seed in range(30)]
        return {each.text for saying in said for each in saying.sentences if each.strategy == "negotiate"}

    firm, moved = (set(phrases.lines(f"opens.for_{name}.negotiate")) for name in ("again", "moved"))
    assert bridges(0) & firm and not bridges(0) & moved
    assert bridges(15) & moved and not bridges(15) & firm


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("goal", ["feeling_too", "belief_too"])
def test_the_number_that_is_missing_is_asked_for_in_one_short_question(language: Language, goal: str) -> None:
    for seed in range(12):
        saying = say(turn_of(language, goal=goal, belief="x" * 40), random.Random(seed), language)
        assert [each.strategy for each in saying.sentences] == ["question"]
        assert "x" * 40 not in saying.sentences[0].text


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_said_about_a_number_is_no_restatement(language: Language) -> None:
    phrases = load_phrases("agents.counselors.crdial", language)
    number = {"en": re.compile(r"\b(?:number|noted)\b"), "zh": re.compile("数|记下")}[language]
    told = [
        line for kind in ("before", "after", "end") for line in phrases.lines(f"lead.took.belief_{kind}.restatement")
    ]
    assert told and not [line for line in told if number.search(line)]
    assert "negotiate" not in phrases.tree("turns.crisis")
