"""Simulated interviewees: they hear what is asked, answer in their style, and keep a true record of what they said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, get_args

import pytest

from agents.clients.interviewee.hearing import hear, heard_variable
from agents.clients.interviewee.state import InterviewState, styles
from agents.dialogue import DialogueView, Turn
from agents.phrases import load_phrases
from agents.registry import find_plugin
from agents.roles import Brief, Setup
from profiles.interview_draw import draw
from profiles.interviews import Variable, load_instrument
from profiles.library import select
from profiles.schema import Criterion, Profile, ResponseStyle
from profiles.vocabulary import LANGUAGES, Language, Role, Stage

STYLES = get_args(ResponseStyle)
Said = tuple[str, dict[str, Any]]  # the words, and the record of what they expressed
CLIENTS = 40
WARM = {"en": "Thank you for telling me, that sounds really hard. ", "zh": "谢谢你愿意告诉我，听得出来你真的很不容易。"}


def view(turns: Sequence[tuple[Role, str]], language: Language) -> DialogueView:
    said = tuple(
        Turn(index=number, round=number // 2, speaker=speaker, stage=Stage.DIAGNOSIS, text=text)
        for number, (speaker, text) in enumerate(turns)
    )
    return DialogueView(turns=said, stage=Stage.DIAGNOSIS, round=1, rounds_left=20, language=language)


async def interview(profile: Profile, questions: Iterable[str], seed: int = 5) -> list[Said]:
    """What a client answers, its first words left out."""
    language = profile.lang
    speaker = find_plugin("client", "interviewee").build(Setup(language=language))
    state = speaker.begin(Brief(language=language, rounds=99, seed=seed, profile=profile))
    first, state = await speaker.reply(view([], language), state)
    turns: list[tuple[Role, str]] = [("client", first.text)]
    answers = []
    for question in questions:
        turns.append(("counselor", question))
        utterance, state = await speaker.reply(view(turns, language), state)
        state = InterviewState.model_validate_json(state.model_dump_json())
        turns.append(("client", utterance.text))
        answers.append((utterance.text, utterance.notes["interviewee"]))
    return answers


def variables(language: Language = "en") -> dict[str, Variable]:
    return load_instrument(language).variables


def asks(language: Language = "en") -> list[str]:
    return [variable.ask[0] for variable in variables(language).values()]


async def all_answers(
    style: ResponseStyle, language: Language = "en", warm: bool = False
) -> list[tuple[Profile, Said]]:
    """Each variable asked once of many clients, with their answers in order."""
    found = []
    for profile in draw(CLIENTS, 2, style, language):
        prefix = WARM[language] if warm else ""
        answers = await interview(profile, [prefix + ask for ask in asks(language)])
        found += [(profile, answer) for answer in answers]
    return found


async def second_answers(style: ResponseStyle, warm: bool) -> Counter[str]:
    """What is expressed at the second ask, where the first one left a true thing unclear."""
    found: Counter[str] = Counter()
    for profile in draw(CLIENTS, 2, style, "en"):
        for variable in variables().values():
            if profile.criteria[variable.id].truth == "met":
                again = (WARM["en"] if warm else "") + variable.clarify[0]
                first, second = await interview(profile, [variable.ask[0], again])
                if first[1]["expressed"] == "unclear":
                    found[second[1]["expressed"]] += 1
    return found


def shares(found: Iterable[tuple[Profile, Said]], truth: str) -> dict[str, float]:
    """Expressed -> share, of the answers about variables with a truth."""
    counts = Counter(note["expressed"] for p, (_, note) in found if p.criteria[note["heard"]].truth == truth)
    return {name: number / counts.total() for name, number in counts.items()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_wording_of_the_instrument_is_heard_also_between_other_words(language: Language) -> None:
    instrument = load_instrument(language)
    for variable in instrument.variables.values():
        for manner in ("ask", "clarify", "confirm", "explain"):
            texts = getattr(variable, manner)
            for text in [texts] if isinstance(texts, str) else texts:
                assert heard_variable(text, instrument) == (variable.id, manner)
                assert hear(WARM[language] + text, (), language).variable == variable.id


@pytest.mark.parametrize(
    ("language", "question", "variable"),
    [
        ("en", "Are you sleeping okay at the moment?", "dep.sleep"),
        ("en", "Have thoughts of suicide come up for you recently?", "sui.active"),
        ("en", "Thanks. So, can I ask how much alcohol you drink?", "shared.substance"),
        ("en", "Do you feel tired a lot?", "dep.fatigue"),
        ("en", "I'd rather know than guess: have there been moments when you thought about suicide?", "sui.active"),
        ("en", "Are you thinking of harming yourself in any way?", "sui.active"),
        ("en", "What is the hardest part that others don't see?", None),
        ("en", "What would you like to get out of this?", None),
        ("en", "Does that sound right?", None),
        ("en", "How is your mother?", None),
        ("zh", "最近吃饭怎么样，胃口好吗？", "dep.appetite_weight"),
        ("zh", "你是不是总觉得累？", "dep.fatigue"),
        ("zh", "你容易发火吗？", "gad.irritable"),
        ("zh", "有句话想直接问你：你有没有过自杀的念头？", "sui.active"),
        ("zh", "最难、别人又看不到的，是哪一部分？", None),
        ("zh", "我说的对吗？", None),
        ("zh", "你愿意继续吗？", None),
    ],
)
def test_other_people_s_words_are_heard_too(language: Language, question: str, variable: str | None) -> None:
    assert heard_variable(question, load_instrument(language))[0] == variable


def test_a_short_question_goes_on_about_the_last_thing() -> None:
    assert hear("How often?", (), "en", last="dep.sleep").variable == "dep.sleep"
    assert hear("多久一次？", (), "zh", last="dep.sleep").variable == "dep.sleep"
    assert hear("How often?", (), "en").variable is None
    assert hear("What was it like at home?", (), "en", last="dep.sleep").variable is None


def test_warmth_is_more_than_the_bare_question() -> None:
    variable = variables()["dep.sleep"]
    assert not hear(variable.ask[0], (), "en").warm
    assert not hear(f"{variable.explain} {variable.ask[0]}", (), "en").warm
    assert hear(WARM["en"] + variable.ask[0], (), "en").warm


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("style", STYLES)
async def test_the_same_session_twice_is_the_same(style: ResponseStyle, language: Language) -> None:
    profile = draw(3, 2, style, language)[2]
    assert await interview(profile, asks(language)) == await interview(profile, asks(language))


@pytest.mark.parametrize("style", ["cooperative", "terse", "rambling", "denying"])
async def test_the_order_of_questions_does_not_change_what_is_expressed(style: ResponseStyle) -> None:
    for profile in draw(10, 2, style, "en"):
        forward = await interview(profile, asks())
        backward = await interview(profile, asks()[::-1])
        assert {n["heard"]: n["expressed"] for _, n in forward} == {n["heard"]: n["expressed"] for _, n in backward}


async def test_both_languages_express_the_same() -> None:
    for style in STYLES:
        english, chinese = await all_answers(style, "en"), await all_answers(style, "zh")
        for (profile, (_, one)), (_, (_, two)) in zip(english, chinese, strict=True):
            assert one == two, (style, profile.id)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("style", ["cooperative", "terse", "rambling"])
async def test_plain_styles_say_what_is_true(style: ResponseStyle, language: Language) -> None:
    found = await all_answers(style, language)
    for profile, (_, note) in found:
        truth = profile.criteria[note["heard"]].truth
        assert note["expressed"] in ("other", "unclear" if truth == "unknown" else truth)
        assert all(profile.criteria[name].truth == said for name, said in note["volunteered"].items())
        if variables()[note["heard"]].kind in ("risk", "duration"):
            assert note["expressed"] != "other"
    asked_back = shares(found, "met").get("other", 0)
    assert asked_back == 0 if style == "rambling" else 0.01 < asked_back < 0.12


async def test_durations_are_told_in_numbers_that_hold() -> None:
    texts = {}
    for profile in draw(CLIENTS, 2, "terse", "en"):
        weeks = profile.criteria["dep.duration"].slots["weeks"]
        [(text, _)] = await interview(profile, [variables()["dep.duration"].ask[0]])
        texts.setdefault(weeks, set()).add(text)
    assert any(word in text for text in texts[1] for word in ("week", "seven days"))
    assert all("two weeks" in text.lower() or "fortnight" in text.lower() for text in texts[2])
    assert not any("week" in text for text in texts[0])


async def test_terse_is_short_and_a_bare_word_answers_no_question_of_how_many() -> None:
    words = [len(text.split()) for _, (text, _) in await all_answers("terse")]
    chatty = [len(text.split()) for _, (text, _) in await all_answers("cooperative")]
    rambling = [len(text.split()) for _, (text, _) in await all_answers("rambling")]
    assert 2 * sum(words) < sum(chatty) < sum(rambling) / 2
    for profile in draw(20, 2, "terse", "en"):
        for text, _ in await interview(profile, [variable.clarify[0] for variable in variables().values()]):
            assert text.lower().strip(".") not in ("yes", "no", "nope", "yeah")


async def test_guarded_dodges_sensitive_things_more_and_less_when_met_warmly() -> None:
    cold, warm = await all_answers("guarded"), await all_answers("guarded", warm=True)
    assert shares(cold, "met")["unclear"] > 0.3
    assert shares(warm, "met")["unclear"] < shares(cold, "met")["unclear"] - 0.1
    firsts = Counter[tuple[bool, str]]()
    for profile in draw(CLIENTS, 2, "guarded", "en"):
        for variable in variables().values():
            if profile.criteria[variable.id].truth == "met":
                [(_, note)] = await interview(profile, [variable.ask[0]])
                firsts[styles().touchy(variable), note["expressed"]] += 1
    touchy = firsts[True, "unclear"] / (firsts[True, "unclear"] + firsts[True, "met"])
    plain = firsts[False, "unclear"] / (firsts[False, "unclear"] + firsts[False, "met"])
    assert touchy > plain + 0.2
    assert firsts[True, "refused"] > 0 and firsts[False, "refused"] == 0


async def test_guarded_tires_with_the_number_of_questions() -> None:
    found = await all_answers("guarded")
    count = len(asks())
    late = Counter((number % count > 30, note["expressed"] == "unclear") for number, (_, (_, note)) in enumerate(found))
    assert late[True, True] / (late[True, True] + late[True, False]) > 0.15 + late[False, True] / (
        late[False, True] + late[False, False]
    )


async def test_a_refusal_is_final() -> None:
    refused = 0
    for profile in draw(CLIENTS, 2, "guarded", "en"):
        for variable in variables().values():
            if styles().touchy(variable):
                asked = [variable.ask[0], WARM["en"] + variable.clarify[0], WARM["en"] + variable.clarify[-1]]
                notes = [note["expressed"] for _, note in await interview(profile, asked)]
                assert notes.count("refused") in (0, 3)
                refused += notes[0] == "refused"
    assert refused > 5


async def test_guarded_and_denying_clients_open_up_at_a_gentle_second_ask() -> None:
    for style in ("guarded", "denying"):
        cold, warm = await second_answers(style, False), await second_answers(style, True)  # type: ignore[arg-type]
        assert warm["met"] / warm.total() > cold["met"] / cold.total() + 0.1
        assert cold["met"] > 0


async def test_denying_hides_true_things_and_invents_none() -> None:
    found = await all_answers("denying")
    hidden = shares(found, "met")
    assert 0.35 < hidden["not_met"] + hidden["unclear"] < 0.75 and hidden["not_met"] > 0.1 and hidden["unclear"] > 0.1
    assert shares(found, "not_met") == {"not_met": 1.0}


async def test_contradicting_takes_back_what_was_wrong_and_never_wavers_about_absent_risk() -> None:
    wrong, mended = 0, 0
    for profile, (_, note) in await all_answers("contradicting"):
        truth = profile.criteria[note["heard"]].truth
        wrong += {note["expressed"], truth} == {"met", "not_met"}
        mended += sum(profile.criteria[name].truth == said for name, said in note["volunteered"].items())
        if variables()[note["heard"]].kind == "risk" and truth == "not_met":
            assert note["expressed"] == "not_met"
    assert wrong > 50 and mended > 0.8 * wrong


@pytest.mark.parametrize("style", STYLES)
async def test_risk_is_shown_by_those_only_who_have_it(style: ResponseStyle) -> None:
    shown = 0
    for profile, (_, note) in await all_answers(style):
        if note["risk_shown"]:
            assert profile.risk.level != "none"
            assert profile.criteria[note["heard"]].truth == "met" and note["expressed"] in ("met", "unclear")
            shown += 1
    assert shown > 5


async def test_a_denying_client_hints_at_risk() -> None:
    hints = load_phrases("agents.clients.interviewee", "en").lines("frames.denying.hint")
    found = [(text, note) for _, (text, note) in await all_answers("denying") if text in hints]
    assert found and all(note["risk_shown"] and note["expressed"] == "unclear" for _, note in found)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_is_on_record_as_volunteered_stands_in_the_words(language: Language) -> None:
    phrases = load_phrases("agents.clients.interviewee", language)
    told = 0
    for _, (text, note) in await all_answers("rambling", language):
        for name, said in note["volunteered"].items():
            assert any(line[1:] in text for line in phrases.lines(f"told.{name}.{said}"))
            told += 1
    assert told > 100


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_variable_can_be_answered_in_several_ways(language: Language) -> None:
    phrases = load_phrases("agents.clients.interviewee", language)
    for variable in variables(language).values():
        for truth in ("met", "not_met"):
            lines = phrases.lines(f"answers.{variable.id}.{truth}")
            assert len(set(lines)) == len(lines) >= 4
            if variable.kind == "duration":
                assert all("{span}" in line for line in lines) and phrases.lines(f"answers.{variable.id}.none")
            else:
                assert phrases.lines(f"short.{variable.id}.{truth}")
                assert phrases.lines(f"terse.{truth}.{variable.kind}")


async def test_open_talk_summaries_and_crisis_turns_get_a_fitting_reply() -> None:
    phrases = load_phrases("agents.clients.interviewee", "en")
    safe = next(p for p in draw(40, 2, "cooperative", "en") if p.risk.level == "none")
    risky = next(p for p in draw(40, 2, "cooperative", "en") if p.risk.level == "high")
    crisis = "I'm worried about your safety. You can call the crisis line at any time, day or night."
    assert (await interview(safe, [crisis]))[0][0] in phrases.lines("crisis.none")
    assert (await interview(risky, [crisis]))[0][0] in phrases.lines("crisis.risk")
    [(text, note)] = await interview(safe, ["What would you like to talk about today?"])
    assert text.startswith(phrases.lines("open.start")) and note["heard"] is None and note["expressed"] == "other"


async def test_a_card_speaks_in_its_own_words_and_is_unsure_of_the_rest() -> None:
    card = select("love-01", "en")[0].model_copy(update={"response_style": "cooperative"})
    questions = [variables()[name].ask[0] for name in ("dep.sleep", "sui.active", "gad.muscle_tension")]
    sleep, risk, unsure = await interview(card, questions)
    assert sleep[0] == card.criteria["dep.sleep"].text and sleep[1]["expressed"] == "met"
    assert risk[1]["expressed"] == "not_met" and not risk[1]["risk_shown"]
    assert unsure[1]["expressed"] == "unclear"
    assert unsure[0] in load_phrases("agents.clients.interviewee", "en").lines("unsure")


async def test_only_the_words_carry_what_is_expressed() -> None:
    """With other truths under the same style the words change; nothing but the words reaches a counselor."""
    profile = draw(1, 2, "terse", "en")[0]
    question = variables()["dep.fatigue"].ask[0]
    said = {}
    for truth in ("met", "not_met", "unknown"):
        criteria = {**profile.criteria, "dep.fatigue": Criterion(truth=truth)}
        [(text, _)] = await interview(profile.model_copy(update={"criteria": criteria}), [question])
        said[truth] = text
    assert len(set(said.values())) == 3
