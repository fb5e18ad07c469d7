"""The fidelity check: sees the card, flags what can be shown, and never drops a session in silence."""

from __future__ import annotations

import json

import pytest

from agents.dialogue import Turn
from agents.models.base import ChatReply, ChatRequest
from agents.models.offline import OfflineModel, collect_rules
from arena.api import RULE_PACKAGES
from arena.fidelity.check import check_fidelity, rule_flags
from profiles.errors import Unavailable
from profiles.library import select
from profiles.vocabulary import LANGUAGES, Language, Stage

OFFLINE = OfflineModel(collect_rules(RULE_PACKAGES))


def client_turn(text: str, index: int = 1, **notes: object) -> Turn:
    kept = {"told": [], "premature": [], **notes}
    return Turn(index=index, round=1, speaker="client", stage=Stage.TRUST_BUILDING, text=text, notes=kept)


class Judge:
    spec = "test/judge"

    def __init__(self, *flags: dict[str, object], error: Exception | None = None) -> None:
        self.flags, self.error, self.prompts = flags, error, list[str]()

    async def generate(self, request: ChatRequest) -> ChatReply:
        self.prompts.append(request.messages[-1].content)
        if self.error:
            raise self.error
        return ChatReply(text=json.dumps({"flags": self.flags}))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "It sounds like you're carrying a lot."),
        ("en", "As an AI, I cannot feel that."),
        ("en", "How does that make you feel?"),
        ("zh", "听起来你挺不容易的，谢谢你的分享。"),
        ("zh", "作为咨询师，我想问问这让你有什么感受？"),
    ],
)
def test_a_client_in_the_counselor_s_role_is_flagged(language: Language, text: str) -> None:
    profile = select("emotion-01", language)[0]
    assert [flag.kind for flag in rule_flags(profile, [client_turn(text)], language)] == ["role_flip"]


@pytest.mark.parametrize(
    ("language", "wrong", "right"),
    [("en", "I'm 23, you know.", "I'm 48, you know."), ("zh", "我今年23岁。", "我今年48岁。")],
)
def test_a_wrong_age_is_a_contradiction(language: Language, wrong: str, right: str) -> None:
    profile = select("emotion-01", language)[0]
    assert profile.demographics.age == 48
    assert [flag.kind for flag in rule_flags(profile, [client_turn(wrong)], language)] == ["contradiction"]
    assert rule_flags(profile, [client_turn(right)], language) == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hidden_fact_told_unearned_is_flagged_and_an_earned_one_is_not(language: Language) -> None:
    profile = select("emotion-01", language)[0]
    fact = profile.hidden_facts[2]
    assert [f.kind for f in rule_flags(profile, [client_turn(fact.text)], language)] == ["premature_disclosure"]
    assert rule_flags(profile, [client_turn(fact.text, told=[fact.id])], language) == ()
    assert len(rule_flags(profile, [client_turn("...", premature=[fact.id])], language)) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_card_s_own_words_are_never_flagged(language: Language) -> None:
    for profile in select("all", language):
        texts = [*(f.text for f in profile.facts), *(t.text for t in profile.thoughts), *profile.goals, *profile.coping]
        texts += [c.text for c in profile.criteria.values() if c.text] + [profile.opening]
        turns = [client_turn(text, index) for index, text in enumerate(texts)]
        assert rule_flags(profile, turns, language) == (), profile.id


async def test_the_judge_sees_the_whole_card() -> None:
    profile, judge = select("emotion-01", "en")[0], Judge()
    await check_fidelity(judge, profile, [client_turn("Hello.")], "en", 1)
    assert all(fact.text in judge.prompts[0] for fact in (*profile.facts, *profile.hidden_facts))
    assert profile.detailed_distress in judge.prompts[0]


async def test_a_flag_counts_only_with_a_quote_that_the_client_said() -> None:
    profile = select("emotion-01", "en")[0]
    turns = [client_turn("I have three sons.")]
    true = {"kind": "contradiction", "turn": 1, "quote": "three sons", "reason": "The card has one daughter."}
    found = await check_fidelity(Judge(true), profile, turns, "en", 1)
    assert found.status == "flagged" and found.flags[0].source == "test/judge"
    invented = await check_fidelity(Judge({**true, "quote": "four sons"}), profile, turns, "en", 1)
    assert invented.status == "ok"


async def test_a_judge_that_is_away_leaves_the_session_unchecked_but_rules_still_ran() -> None:
    profile = select("emotion-01", "en")[0]
    away = Judge(error=Unavailable("gone"))
    assert (await check_fidelity(away, profile, [client_turn("Hello.")], "en", 1)).status == "unchecked"
    flipped = await check_fidelity(away, profile, [client_turn("As an AI, I can't.")], "en", 1)
    assert flipped.status == "flagged" and "gone" in flipped.reason


async def test_offline_the_rules_answer_and_nothing_is_flagged_twice() -> None:
    profile = select("emotion-01", "en")[0]
    found = await check_fidelity(OFFLINE, profile, [client_turn("As an AI, I can't.")], "en", 1)
    assert len(found.flags) == 1
