"""The simulated client where its thoughts are weighed: it hears, answers from its card, and is moved where earned."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from agents.clients.cooperative.client import CooperativeClient
from agents.clients.dynamic.client import DynamicClient
from agents.clients.dynamic.state import Appraisal, ClientState, effects, moved, persuaded, start
from agents.clients.weighing_hearing import hear
from agents.dialogue import DialogueView, Turn, Utterance
from agents.models.base import ChatModel, ChatReply, ChatRequest
from agents.models.offline import OfflineModel, collect_rules
from agents.phrases import load_phrases
from agents.roles import Brief
from arena.api import RULE_PACKAGES
from arena.fidelity.check import rule_flags
from profiles.library import select
from profiles.schema import Profile, Thought
from profiles.vocabulary import LANGUAGES, Language, Move, Stage, Theme

MODEL = OfflineModel(collect_rules(RULE_PACKAGES))
Levels = dict[str, float]
TRUSTING: Levels = {"trust": 7.0, "openness": 8.0, "resistance": 0.0, "distress": 6.0}
WARY: Levels = {"trust": 2.0, "openness": 6.0, "resistance": 2.0, "distress": 6.0}


class Talk:
    """A counselor's lines, one after the other, and what the client makes of them."""

    def __init__(self, card: Profile, levels: Levels, seed: int = 1, model: ChatModel = MODEL) -> None:
        self.card, self.language = card, card.lang
        self.client = DynamicClient(model, card.lang)
        begun = self.client.begin(Brief(language=card.lang, rounds=60, seed=seed, intake="", profile=card))
        self.state: ClientState = begun.model_copy(update=levels)
        self.turns: list[Turn] = []
        self.uttered: list[Utterance] = []

    async def says(self, *lines: str, stage: Stage = Stage.DIAGNOSIS) -> str:
        for line in lines:
            self._keep("counselor", line, stage, {})
            view = DialogueView(
                turns=tuple(self.turns), stage=stage, round=len(self.uttered), rounds_left=20, language=self.language
            )
            utterance, self.state = await self.client.reply(view, self.state)
            self._keep("client", utterance.text, stage, utterance.notes)
            self.uttered.append(utterance)
        return self.uttered[-1].text

    def _keep(self, who: str, text: str, stage: Stage, notes: dict[str, object]) -> None:
        number = len(self.turns)
        turn = Turn(index=number, round=number // 2, speaker=who, stage=stage, text=text, notes=notes)  # type: ignore[arg-type]
        self.turns.append(turn)


def card(language: Language, name: str = "self_growth-01") -> Profile:
    return select(name, language)[0].model_copy(update={"hidden_facts": (), "response_style": "cooperative"})


def held(profile: Profile, level: str) -> Thought:
    return max((each for each in profile.thoughts if each.level == level), key=lambda each: each.strength)


def numbers_in(text: str) -> list[int]:
    """Numbers of 0-100 in digits or in Chinese words."""
    found = [int(number) for number in re.findall(r"\d+", text)]
    digits = {char: place for place, char in enumerate("零一二三四五六七八九")}
    for tens, units in re.findall("([一二三四五六七八九]?)十([一二三四五六七八九]?)", text):
        found.append((digits[tens] if tens else 1) * 10 + (digits[units] if units else 0))
    return found


HELLO: dict[Language, str] = {"en": "Hello, what brings you here?", "zh": "你好，今天想聊点什么？"}
ASKED: dict[str, dict[Language, Sequence[str]]] = {
    "automatic": {
        "en": (
            "What went through your mind at that moment?",
            "What were you telling yourself just then?",
            "What was the first thought that came up?",
            "What was running through your head?",
        ),
        "zh": ("那一刻你脑子里闪过了什么念头？", "当时你心里在想什么？", "你那会儿跟自己说了一句什么话？"),
    },
    "intermediate": {
        "en": (
            'Is there a rule behind that, something like "if ..., then ..."?',
            "What would it mean if they noticed?",
            "What would be so bad about that?",
        ),
        "zh": ("这背后有没有一条规矩？", "要是让人看出来了，那意味着什么？", "你对自己有什么要求？"),
    },
    "core": {
        "en": (
            "What does that say about you as a person?",
            "Deep down, what do you believe about yourself?",
            "What kind of person would that make you?",
        ),
        "zh": ("这说明你是个什么样的人？", "往深里说，你怎么看自己？", "在内心深处，你认定自己是什么样的？"),
    },
    "evidence_for": {
        "en": (
            "What facts speak for that thought?",
            "What makes you so sure of it?",
            "Is there anything that supports this belief?",
            "What would a camera have recorded that backs it up?",
        ),
        "zh": (
            "有哪些事实支持这个想法？",
            "你是从哪些事看出来的？",
            "有什么证据能证明这句话？",
            "还有什么事能证明它？",
        ),
    },
    "evidence_against": {
        "en": (
            "What facts speak against it?",
            "Is there anything that doesn't quite fit with this thought?",
            "Can you think of an exception?",
            "What would a good friend say to that?",
            "Could there be another explanation?",
        ),
        "zh": (
            "有没有什么事，跟这个想法对不上？",
            "有没有例外的时候？",
            "要是好朋友听了，会怎么说？",
            "有没有别的解释？",
        ),
    },
    "balanced": {
        "en": (
            "How would you put it now, in your own words?",
            "Is there another way to see this?",
            "Looking at both sides, what would be a fairer sentence?",
            "What could you say to yourself instead?",
        ),
        "zh": ("现在你会怎么说这件事？", "换个角度，可以怎么看？", "两边放在一起掂量，你会得出什么结论？"),
    },
}


def wordings(kind: str) -> list[tuple[Language, str]]:
    return [(language, line) for language in LANGUAGES for line in ASKED[kind][language]]


@pytest.mark.parametrize("level", ["automatic", "intermediate", "core"])
async def test_a_thought_of_the_asked_level_is_told(level: str) -> None:
    for language, line in wordings(level):
        profile = card(language)
        talk = Talk(profile, TRUSTING)
        assert held(profile, level).text in await talk.says(HELLO[language], line), line


@pytest.mark.parametrize("side", ["evidence_for", "evidence_against"])
async def test_evidence_is_of_the_thought_that_the_talk_is_on(side: str) -> None:
    for language, line in wordings(side):
        profile = card(language)
        talk = Talk(profile, TRUSTING)
        said = await talk.says(HELLO[language], ASKED["automatic"][language][0], line)
        assert any(text in said for text in getattr(held(profile, "automatic"), side)), line
        assert talk.state.beliefs.keys() == {thought.id for thought in profile.thoughts}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_words_in_quotation_marks_say_which_thought_is_meant(language: Language) -> None:
    profile = card(language)
    core = held(profile, "core")
    line = {
        "en": f'You said "{core.text}" What facts speak against it?',
        "zh": f"你说“{core.text}”有什么事跟它对不上？",
    }
    talk = Talk(profile, TRUSTING)
    said = await talk.says(HELLO[language], ASKED["automatic"][language][0], line[language])
    assert any(text in said for text in core.evidence_against)


async def test_a_fairer_view_needs_trust_and_something_to_weigh() -> None:
    for language, line in wordings("balanced"):
        profile = card(language)
        thought = held(profile, "automatic")
        led = (HELLO[language], ASKED["automatic"][language][0], ASKED["evidence_against"][language][0])
        earned, rushed, wary = Talk(profile, TRUSTING), Talk(profile, TRUSTING), Talk(profile, WARY)
        assert thought.balanced in await earned.says(*led, line), line
        assert thought.balanced not in await rushed.says(*led[:2], line), line
        assert thought.balanced not in await wary.says(*led, line), line


@pytest.mark.parametrize("language", LANGUAGES)
async def test_ratings_are_of_the_state_and_fall_with_what_was_voiced(language: Language) -> None:
    believed = {"en": "From 0 to 100, how strongly do you believe that thought?", "zh": "零到一百，这个想法你信几分？"}
    felt = {"en": "And how strong is the feeling, from 0 to 100?", "zh": "难受有多少，从零到一百？"}
    profile = card(language)
    thought = held(profile, "automatic")
    talk = Talk(profile, TRUSTING)
    before = await talk.says(HELLO[language], ASKED["automatic"][language][0], believed[language])
    assert abs(numbers_in(before)[0] - thought.strength) <= 5
    named = await talk.says(felt[language])
    assert any(feeling in named for feeling in profile.feelings)
    assert abs(numbers_in(named)[0] - 10 * talk.state.distress) <= 5
    await talk.says(*ASKED["evidence_against"][language][:2], ASKED["balanced"][language][0])
    after = await talk.says(believed[language])
    assert numbers_in(after)[0] <= numbers_in(before)[0] - 20
    assert numbers_in(after)[0] % 5 == 0 and after != before


@pytest.mark.parametrize("language", LANGUAGES)
async def test_both_numbers_are_given_when_both_are_asked(language: Language) -> None:
    line = {
        "en": "From 0 to 100, how much do you believe it? And how strong is the feeling?",
        "zh": "零到一百，这个想法你信多少？难受又有多少？",
    }
    for style in ("cooperative", "terse", "rambling"):
        profile = card(language).model_copy(update={"response_style": style})
        talk = Talk(profile, TRUSTING)
        assert len(numbers_in(await talk.says(HELLO[language], line[language]))) == 2, style


async def test_a_rating_out_of_ten_is_out_of_ten() -> None:
    talk = Talk(card("en"), TRUSTING)
    said = await talk.says(HELLO["en"], "From 0 to 10, how strongly do you believe that thought?")
    assert numbers_in(said)[0] in (8, 9)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_mistrusting_are_hardly_moved(language: Language) -> None:
    led = (ASKED["automatic"][language][0], *ASKED["evidence_against"][language], *ASKED["balanced"][language])
    open_talk, wary_talk = Talk(card(language), TRUSTING), Talk(card(language), WARY)
    for talk in (open_talk, wary_talk):
        await talk.says(HELLO[language], *led)
    thought = held(card(language), "automatic")
    assert open_talk.state.beliefs[thought.id] <= thought.strength - 25
    assert wary_talk.state.beliefs[thought.id] >= thought.strength - 3


@pytest.mark.parametrize("language", LANGUAGES)
async def test_being_led_through_both_sides_moves_more_than_a_plain_talk(language: Language) -> None:
    plain = {
        "en": ("How was your week?", "What was that like for you?", "How do you sleep?", "Who knows about it?"),
        "zh": ("这周过得怎么样？", "那对你来说是什么感觉？", "睡得怎么样？", "有谁知道这件事？"),
    }
    asked = ASKED["automatic"][language][0]
    led, talked = Talk(card(language), TRUSTING), Talk(card(language), TRUSTING)
    sides = (*ASKED["evidence_for"][language][:1], *ASKED["evidence_against"][language][:2])
    await led.says(HELLO[language], asked, *sides, ASKED["balanced"][language][0])
    await talked.says(HELLO[language], asked, *plain[language])
    thought = held(card(language), "automatic").id
    assert led.state.beliefs[thought] < talked.state.beliefs[thought] - 15


@pytest.mark.parametrize("language", LANGUAGES)
async def test_when_there_is_nothing_more_it_says_so_each_time_in_other_words(language: Language) -> None:
    profile = card(language)
    talk = Talk(profile, TRUSTING)
    await talk.says(HELLO[language], *ASKED["automatic"][language][:1], *ASKED["evidence_for"][language])
    await talk.says(*ASKED["evidence_for"][language], *ASKED["evidence_against"][language])
    said = [utterance.text for utterance in talk.uttered]
    assert len(set(said)) == len(said)
    for text in (text for thought in profile.thoughts for text in (*thought.evidence_for, *thought.evidence_against)):
        assert sum(text in each for each in said) <= 1


@pytest.mark.parametrize("language", LANGUAGES)
async def test_another_thought_is_told_until_none_is_left(language: Language) -> None:
    line = {
        "en": ("Is there another thought that still bothers you?", "Is anything else left that weighs on you?"),
        "zh": ("还有没有别的念头压在心里？", "心里还有什么放不下的吗？"),
    }
    profile = card(language)
    talk = Talk(profile, TRUSTING)
    await talk.says(HELLO[language], ASKED["automatic"][language][0], *line[language])
    left = [thought for thought in profile.thoughts if thought.level != "intermediate"]
    assert all(any(thought.text in turn.text for turn in talk.turns) for thought in left)
    more = await talk.says(line[language][0])
    assert not any(thought.text in more for thought in profile.thoughts)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_name_that_fits_is_mostly_agreed_to_and_a_wrong_one_mostly_not(language: Language) -> None:
    names = {"en": ("labeling", "fortune telling"), "zh": ("贴标签", "算命式预言")}[language]
    line = {"en": "That thought looks a bit like {}. Does that fit?", "zh": "这个想法有点像{}，你觉得符合吗？"}[
        language
    ]
    fits = load_phrases("agents.clients", language).lines("weighing.fits")

    async def agreed(name: str) -> int:
        count = 0
        for seed in range(30):
            talk = Talk(card(language), TRUSTING, seed)
            said = await talk.says(HELLO[language], ASKED["core"][language][0], line.format(name))
            count += any(phrase in said for phrase in fits)
        return count

    assert await agreed(names[0]) > 22
    assert await agreed(names[1]) < 20


@pytest.mark.parametrize("language", LANGUAGES)
async def test_situation_feeling_and_step_come_from_the_card(language: Language) -> None:
    lines = {
        "en": ("What happened the last time?", "What did you feel in that moment?", "What could be one small step?"),
        "zh": ("能说说最近的一次吗，发生了什么？", "当时心里是什么滋味？", "可以迈出的一小步是什么？"),
    }[language]
    profile = card(language)
    talk = Talk(profile, TRUSTING)
    happened, felt = await talk.says(HELLO[language], lines[0]), await talk.says(lines[1])
    assert any(fact.text in happened for fact in profile.facts)
    assert any(feeling in felt for feeling in profile.feelings)
    told = await talk.says(lines[2], stage=Stage.SOLUTION_EXPLORATION)
    assert any(step in told for step in profile.next_steps)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_guarded_put_off_what_is_hardest_to_say(language: Language) -> None:
    deflections = set(load_phrases("agents.clients", language).lines("deflect"))
    closed: Levels = {**WARY, "openness": 1.0, "resistance": 3.0}

    async def put_off(line: str) -> int:
        talks = [Talk(card(language), closed, seed) for seed in range(20)]
        return sum([await talk.says(HELLO[language], line) in deflections for talk in talks])

    core, automatic = ASKED["core"][language][0], ASKED["automatic"][language][0]
    assert await put_off(core) > await put_off(automatic) > 0
    open_talk = [Talk(card(language), TRUSTING, seed) for seed in range(20)]
    assert not [talk for talk in open_talk if await talk.says(HELLO[language], core) in deflections]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["treatment-01", "emotion-01", "love-01", "behavior-01"])
async def test_a_whole_course_repeats_nothing_and_hides_what_is_hidden(language: Language, name: str) -> None:
    lines = [line for kind in ASKED.values() for line in kind[language]]
    profile = select(name, language)[0]
    first, second = Talk(profile, {}, seed=4), Talk(profile, {}, seed=4)
    for talk in (first, second):
        await talk.says(HELLO[language], *lines)
    said = [utterance.text for utterance in first.uttered]
    assert said == [utterance.text for utterance in second.uttered]
    assert len(set(said)) == len(said)
    assert not rule_flags(profile, first.turns, language)
    told = {fact for utterance in first.uttered for fact in utterance.notes["told"]}
    hidden = {fact.id: fact.text for fact in profile.hidden_facts}
    assert all(key in told or not any(text in each for each in said) for key, text in hidden.items())


@pytest.mark.parametrize("language", LANGUAGES)
async def test_danger_goes_before_any_thought(language: Language) -> None:
    line = {
        "en": "What went through your mind then? Are you having thoughts of killing yourself?",
        "zh": "那时候你脑子里闪过什么？你有没有想过自杀？",
    }
    profile = select("treatment-01", language)[0]
    talk = Talk(profile, TRUSTING)
    assert profile.risk.text in await talk.says(HELLO[language], line[language])


@pytest.mark.parametrize("language", LANGUAGES)
async def test_an_argument_gets_no_evidence(language: Language) -> None:
    line = {"en": "That's nonsense. Where is your evidence for that thought?", "zh": "你凭什么这么想？这根本说不通。"}
    profile = card(language)
    talk = Talk(profile, TRUSTING)
    said = await talk.says(HELLO[language], ASKED["automatic"][language][0], line[language])
    thought = held(profile, "automatic")
    assert not any(text in said for text in (*thought.evidence_for, *thought.evidence_against))
    assert talk.uttered[-1].notes["appraisal"]["moves"].count("guided_discovery") == 0


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_cooperative_client_always_answers_and_its_numbers_fall(language: Language) -> None:
    profile = card(language, "treatment-01")
    client = CooperativeClient(MODEL, language)
    state = client.begin(Brief(language=language, rounds=20, seed=2, intake="", profile=profile))
    rate = {"en": "From 0 to 100, how true does that thought feel?", "zh": "零到一百，这个想法你信几分？"}[language]
    against = ASKED["evidence_against"][language]
    lines = [HELLO[language], ASKED["core"][language][0], rate, *against[:2], ASKED["balanced"][language][0], rate]
    turns: list[Turn] = []
    for line in lines:
        turns.append(Turn(index=len(turns), round=0, speaker="counselor", stage=Stage.DIAGNOSIS, text=line))
        view = DialogueView(turns=tuple(turns), stage=Stage.DIAGNOSIS, round=0, rounds_left=9, language=language)
        utterance, state = await client.reply(view, state)
        turns.append(Turn(index=len(turns), round=0, speaker="client", stage=Stage.DIAGNOSIS, text=utterance.text))
    said = [turn.text for turn in turns if turn.speaker == "client"]
    core = held(profile, "core")
    assert core.text in said[1] and core.balanced in said[5]
    assert numbers_in(said[6])[0] < numbers_in(said[2])[0] - 20


def test_belief_moves_by_the_client_s_own_words_alone() -> None:
    thoughts = tuple(
        Thought(id=name, level="core", text=name, strength=80, evidence_for=("y",), evidence_against=("x",))
        for name in ("a.1", "b")
    )
    profile = Profile(id="x", lang="en", theme=Theme.OTHER, current_distress="tired", thoughts=thoughts)
    state = start(profile, 1).model_copy(update={"trust": 6.0, "resistance": 0.0})
    table = effects().voiced
    told = ("a.1.against", "a.1.balanced", "a.1.balanced", "gone.balanced", "b.loud", "b", "")
    after = persuaded(state, told, asked=True)
    assert after.beliefs == {"a.1": 80 + table["against"] + table["balanced"], "b": 80}
    assert persuaded(state, ("b.for",), asked=True).beliefs["b"] > 80
    resisting = state.model_copy(update={"resistance": 3.0})
    against = ("b.against",)
    assert 80 > belief(resisting, against) > belief(state, against)
    sunk = state.model_copy(update={"beliefs": {"a.1": 3.0, "b": 99.5}})
    assert persuaded(sunk, ("a.1.against", "b.for"), asked=True).beliefs == {"a.1": 0.0, "b": 100.0}


def test_what_is_said_again_persuades_nobody() -> None:
    thought = Thought(id="b", level="core", text="b", strength=80, evidence_against=("x", "z"))
    profile = Profile(id="x", lang="en", theme=Theme.OTHER, current_distress="tired", thoughts=(thought,))
    state = start(profile, 1).model_copy(update={"trust": 9.0, "resistance": 0.0})
    found = []
    for _ in range(4):
        state = persuaded(state, ("b.against", "b.balanced"), asked=True)
        found.append(state.beliefs["b"])
    assert 80 > found[0] > found[1] == found[2] == found[3] > 0


def belief(state: ClientState, voiced: tuple[str, ...], *, asked: bool = True) -> float:
    return persuaded(state, voiced, asked=asked).beliefs["b"]


def test_own_words_move_belief_the_more_the_client_trusts_and_hardly_when_said_in_passing() -> None:
    thought = Thought(id="b", level="core", text="b", strength=80, evidence_against=("x",))
    profile = Profile(id="x", lang="en", theme=Theme.OTHER, current_distress="tired", thoughts=(thought,))
    state = start(profile, 1).model_copy(update={"resistance": 0.0})
    trusts = [state.model_copy(update={"trust": trust}) for trust in (0.0, 1.5, 3.0, 4.0, 5.0, 9.0)]
    found = [belief(each, ("b.against",)) for each in trusts]
    assert found[0] == found[1] == 80 > found[2] > found[3] > found[4] == found[5]
    assert found[5] < belief(trusts[5], ("b.against",), asked=False) < 80


def test_guided_discovery_opens_and_gives_a_little_hope_and_moves_no_belief_of_itself() -> None:
    thought = Thought(id="t", level="core", text="t", strength=80)
    profile = Profile(id="x", lang="en", theme=Theme.OTHER, current_distress="tired", thoughts=(thought,))
    state = start(profile, 1).model_copy(update={"trust": 6.0})
    after = moved(state, Appraisal(moves=(Move.GUIDED_DISCOVERY,)), Stage.DIAGNOSIS)
    assert after.beliefs["t"] == 80
    assert after.hope > state.hope and after.openness > state.openness


class Says:
    """A model that answers with the same object each time."""

    spec = "says"

    def __init__(self, voiced: str) -> None:
        self.voiced, self.asked = voiced, ""

    async def generate(self, request: ChatRequest) -> ChatReply:
        self.asked = "\n".join(message.content for message in request.messages)
        text = f'{{"reason": "r", "moves": [], "reply": "I was picked once.", "told": [], "voiced": [{self.voiced}]}}'
        return ChatReply(text=text, model="says")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_model_says_what_it_voiced_and_only_the_card_s_thoughts_count(language: Language) -> None:
    model = Says('"t4.against", "t9.against", "nonsense"')
    talk = Talk(card(language), TRUSTING, model=model)
    before = dict(talk.state.beliefs)
    await talk.says(HELLO[language])
    assert {key for key, value in talk.state.beliefs.items() if value != before[key]} == {"t4"}
    assert talk.uttered[-1].notes["beliefs"]["t4"] == round(talk.state.beliefs["t4"], 1)
    assert "voiced" in model.asked and f"t4 {round(before['t4'])}" in model.asked


@pytest.mark.parametrize(
    ("language", "turn", "kinds"),
    [
        ("en", 'Is there any other fact that still speaks for "I am slow"?', ("evidence_for",)),
        ("en", "Which fact would make you doubt it, at least a little?", ("evidence_against",)),
        ("en", "When that happened, what was the first thing you thought?", ("automatic",)),
        ("en", 'At such a moment, is "I am slow" what goes through your head?', ("confirm",)),
        ("en", "What feeling goes with it, and how strong is it right now, from 0 to 100?", ("rate_feeling",)),
        ("en", "What is on your mind, and when did it last hit you?", ("situation",)),
        ("en", 'And now, how much do you still believe "I am slow", from 0 to 100?', ("rate_belief",)),
        ("en", "Shall we try it in another way?", ()),
        ("zh", "那现在呢，你还有多相信“我太慢”，0到100？", ("rate_belief",)),
        ("zh", "所以心里冒出来的那句话是“我太慢”，是这样吗？", ("confirm",)),
        ("zh", "你想从哪件事说起？", ("situation",)),
        ("zh", "先把感受放一放，有什么证据说明它是对的？", ("evidence_for",)),
        ("zh", "当时你心里对自己说了句什么？", ("automatic",)),
        ("zh", "当时脑子里闪过的就是这句吗，“我太慢”？", ("confirm",)),
    ],
)
def test_what_is_asked_is_heard(language: Language, turn: str, kinds: tuple[str, ...]) -> None:
    assert hear(turn, language).kinds == kinds


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_fact_that_is_taken_for_a_thought_is_not_agreed_to(language: Language) -> None:
    profile = card(language)
    line = {"en": 'Is "{}" the thought that comes up in such moments?', "zh": "我想确认一下，那个念头是“{}”吗？"}[
        language
    ]
    refused = load_phrases("agents.clients", language).lines("weighing.does_not_fit")
    core = held(profile, "core").text.rstrip(".。")
    for seed in range(8):
        for words in (each.text.rstrip(".。") for each in profile.facts[:1]):
            talk = Talk(profile, TRUSTING, seed)
            said = await talk.says(HELLO[language], ASKED["core"][language][0], line.format(words))
            assert any(phrase in said for phrase in refused)
    talk = Talk(profile, TRUSTING)
    said = await talk.says(HELLO[language], ASKED["core"][language][0], line.format(core))
    assert not any(phrase in said for phrase in refused)


async def test_a_feeling_is_put_in_numbers_without_doubled_words() -> None:
    asks = (
        "这么想的时候，是什么滋味，要是打分，0到100是多少？",
        "从0到100，“我骨子里就不是个会被人挑中的人”你信多少，感受到了几分？",
    )
    profile = card("zh").model_copy(update={"feelings": ("空落落的",)})
    for seed in range(30):
        talk = Talk(profile, TRUSTING, seed)
        await talk.says(HELLO["zh"], *asks)
        assert not any("的的" in turn.text for turn in talk.turns)


async def test_a_thought_is_known_by_its_first_sentence_and_not_by_one_common_word() -> None:
    profile = card("en", "career-01")
    worthless = next(each for each in profile.thoughts if each.text.startswith("Without the works"))
    gossip = next(each for each in profile.thoughts if each.text.startswith("In the shop they look"))
    asked = 'What has happened that speaks for "Without the works I\'m nothing", something anyone could have seen?'
    again = "You put that clearly. So let us look a second time. Which fact still weighs the most on that side?"
    for seed in range(6):
        talk = Talk(profile, TRUSTING, seed)
        first = await talk.says(HELLO["en"], asked)
        assert any(piece in first for piece in worthless.evidence_for)
        more = await talk.says(again)
        assert not any(piece in more for piece in gossip.evidence_for)
