"""The restructuring counselor's conduct: labelled sentences, fixed words in danger, and checks on every model."""

from __future__ import annotations

import json
import random
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
        for tone, distress in (("plain", 0), ("heavy", 2), ("unsure", 0), ("resists", 1)):
            for seed in range(12):
                given = {**told, "goal": goal, "tone": tone, "distress": distress, "again": seed % 3 == 2}
                inputs = turn_of(language, **given, opens=seed % 2 == 0, first=seed == 5)
                saying = say(inputs, random.Random(seed), language)
                found = set(faults_of(saying.sentences, inputs, language))
                allowed = {"sentence", "length", "feeling"} if goal in FIXED else set()
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
