"""A judge that lies: whatever a model claims about an answer, code believes only what the client's words bear out."""

from __future__ import annotations

import pytest

from agents.counselors.magi.judgment import Judged, JudgmentInputs, Reading, judge
from agents.counselors.magi.judgment_checks import Volunteered, checked
from agents.dialogue import Turn
from agents.models.base import ChatReply, ChatRequest
from profiles.interviews import load_instrument
from profiles.vocabulary import Language, Stage

SAID: dict[Language, dict[str, str]] = {
    "en": {
        "question": "Have you slept far too little on almost all nights of the last two weeks?",
        "yes": "Yes, I lie awake until three, nearly every night.",
        "no": "No, I sleep well.",
        "hedge": "Maybe. Hard to say, really.",
        "weeks": "It has been about five weeks now.",
    },
    "zh": {
        "question": "最近这两周，你几乎每晚都睡不好吗？",
        "yes": "是的，我差不多每天晚上都睡不着。",
        "no": "没有，我睡得挺好的。",
        "hedge": "不好说，也许吧。",
        "weeks": "大概有五个星期了。",
    },
}


def inputs(
    reply: str, language: Language, variable: str = "dep.sleep", earlier: tuple[str, ...] = ()
) -> JudgmentInputs:
    tree = load_instrument(language)
    question = SAID[language]["question"]
    said = [("counselor", question), *(("client", text) for text in earlier), ("client", reply)]
    turns = tuple(
        Turn(index=i, round=1, speaker=who, stage=Stage.DIAGNOSIS, text=text)  # type: ignore[arg-type]
        for i, (who, text) in enumerate(said)
    )
    about = tuple(tree.variables[name] for name in ("dep.mood", "dep.fatigue"))
    return JudgmentInputs(
        variable=tree.variables[variable], question=question, reply=reply, earlier=earlier, about=about, turns=turns
    )


def claim(reply: str, language: Language, variable: str = "dep.sleep", **reading: object) -> Judged:
    made = Reading.model_validate({"reason": "x", "quote": reply, **reading})
    return checked(made, inputs(reply, language, variable), language)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_honest_judge_is_believed(language: Language) -> None:
    said = SAID[language]
    for words, verdict in ((said["yes"], "met"), (said["no"], "not_met")):
        judged = claim(words, language, verdict=verdict)
        assert (judged.verdict, judged.faults, judged.turn) == (verdict, (), 1)
        assert judged.span and words[judged.span[0] : judged.span[1]] == judged.quote


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_quote_that_was_not_said_settles_nothing(language: Language) -> None:
    other = {"en": "I never sleep at all.", "zh": "我从来不睡觉。"}[language]
    judged = claim(SAID[language]["yes"], language, verdict="met", quote=other)
    assert judged.verdict == "unclear" and judged.faults == ("quote_not_said",)
    assert claim(SAID[language]["yes"], language, verdict="met", quote="").faults == ("quote_missing",)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_counselors_words_are_no_evidence(language: Language) -> None:
    judged = claim(SAID[language]["hedge"], language, verdict="met", quote=SAID[language]["question"])
    assert judged.verdict == "unclear" and judged.faults == ("quote_of_counselor",)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("words", "verdict"), [("yes", "not_met"), ("no", "met")])
def test_a_verdict_against_its_quote_settles_nothing(language: Language, words: str, verdict: str) -> None:
    judged = claim(SAID[language][words], language, verdict=verdict)
    assert judged.verdict == "unclear" and "against_quote" in judged.faults


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("verdict", ["met", "not_met"])
def test_a_hedge_is_no_answer(language: Language, verdict: str) -> None:
    assert claim(SAID[language]["hedge"], language, verdict=verdict).verdict == "unclear"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_spans_of_time_are_those_that_were_said(language: Language) -> None:
    words = SAID[language]["weeks"]
    span = {"variable": "dep.duration", "verdict": "not_met", "unit": "weeks"}
    assert claim(words, language, amount=5, **span).verdict == "met", "the words decide, not the claim"  # type: ignore[arg-type]
    invented = claim(words, language, amount=1, **span)  # type: ignore[arg-type]
    assert invented.verdict == "unclear" and invented.faults == ("amount_not_in_quote",)
    assert claim(words, language, "dep.duration", verdict="met").missing == "duration"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_answer_that_contradicts_an_earlier_one_is_asked_about(language: Language) -> None:
    said = SAID[language]
    reading = Reading(reason="x", verdict="not_met", quote=said["no"])
    judged = checked(reading, inputs(said["no"], language, earlier=(said["yes"],)), language)
    assert judged.verdict == "unclear" and judged.faults == ("contradiction",)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_of_danger_a_doubt_is_never_a_no(language: Language) -> None:
    doubt = {"en": "No... well, not really, I suppose.", "zh": "应该没有吧，说不准。"}[language]
    judged = claim(doubt, language, "sui.active", verdict="not_met")
    assert judged.verdict == "unclear"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_volunteered_facts_must_be_known_said_and_true_to_their_words(language: Language) -> None:
    words = SAID[language]["yes"]
    facts = [
        Volunteered(variable="made.up", verdict="met", quote=words),
        Volunteered(variable="dep.mood", verdict="met", quote="never said"),
    ]
    judged = claim(words, language, verdict="met", volunteered=facts)
    assert judged.verdict == "met" and judged.volunteered == ()
    assert set(judged.faults) == {"volunteered_unknown", "volunteered_quote"}


class Prose:
    """Answers in prose, whatever is asked."""

    spec = "openai/prose"

    def __init__(self) -> None:
        self.asked = 0

    async def generate(self, request: ChatRequest) -> ChatReply:
        self.asked += 1
        return ChatReply(text="I would say that the client sleeps badly.", model=self.spec)


async def test_prose_instead_of_an_object_is_asked_for_again_once_and_then_unclear() -> None:
    model = Prose()
    judged, call = await judge(model, "en", inputs(SAID["en"]["yes"], "en"), 1)
    assert model.asked == 2 and call is None
    assert (judged.verdict, judged.faults) == ("unclear", ("unreadable",))
