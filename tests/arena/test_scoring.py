"""Scores: nothing is defaulted, quotes are looked up, totals and both pass rules follow from the items alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.dialogue import Turn
from agents.models.base import ChatReply, ChatRequest
from agents.models.offline import OfflineModel, collect_rules
from agents.models.schemas import answer_schema
from agents.prompts import load_prompt
from arena.scoring.combine import TOTAL_CUT, combine
from arena.scoring.judge import JudgeInputs, ModelScorer, judge_output
from arena.scoring.judgment import Judgment, check_evidence
from arena.scoring.parties import views
from profiles.errors import Unavailable
from profiles.library import select
from profiles.rubrics import load_rubric
from profiles.vocabulary import LANGUAGES, Language, Party, Stage

TURNS = tuple(
    Turn(index=i, round=(i + 1) // 2, speaker=who, stage=Stage.TRUST_BUILDING, text=text)  # type: ignore[arg-type]
    for i, (who, text) in enumerate(
        [
            ("counselor", "Hello."),
            ("client", "I haven’t slept “well” since March."),
            ("counselor", "That sounds exhausting. What keeps you awake?"),
        ]
    )
)


class Judge:
    """A judge that answers with a prepared object, and counts how often it was asked."""

    spec = "test/judge"

    def __init__(self, answer: Mapping[str, Any] | Exception) -> None:
        self.answer, self.asked = answer, 0

    async def generate(self, request: ChatRequest) -> ChatReply:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return ChatReply(text=json.dumps(self.answer), model=self.spec)


def answer(party: Party, **changes: Any) -> dict[str, Any]:
    """A whole answer, threes throughout; ``changes`` are of the first dimension."""
    quote = {"turn": 2, "quote": "That sounds exhausting."}
    ids = [d.id for d in load_rubric(party, "en").dimensions]
    whole: dict[str, Any] = {name: {"reason": "r", "evidence": [quote], "score": 3} for name in ids}
    whole[ids[0]].update(changes)
    return whole


async def judged(party: Party, given_answer: Mapping[str, Any] | Exception) -> Judgment:
    profile = select("love-01", "en")[0]
    return await views()[party].judge(Judge(given_answer), "en").judge(TURNS, profile, seed=1)


def test_three_parties_with_16_8_and_9_dimensions() -> None:
    assert list(views()) == list(Party)
    assert [len(load_rubric(party, "en").dimensions) for party in Party] == [16, 8, 9]


@pytest.mark.parametrize(
    ("party", "total", "mean", "passed"),
    [("client", 48, 3, True), ("supervisor", 24, 3, False), ("counselor", 27, 3, False)],
)
async def test_totals_means_and_cuts(party: str, total: float, mean: float, passed: bool) -> None:
    judgment = await judged(Party(party), answer(Party(party)))
    assert (judgment.total, judgment.item_mean, judgment.passed, judgment.status) == (total, mean, passed, "ok")
    assert judgment.share == pytest.approx(total / load_rubric(Party(party), "en").maximum)
    assert judgment.model == "test/judge" and len(judgment.prompt_hash) == 12 and "+" in judgment.rubric_version


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"score": None}, "missing"),
        ({"score": 7}, "invalid"),
        ({"score": 2.5}, "invalid"),
        ({"score": -1}, "invalid"),
        ({"score": float("nan")}, "invalid"),
    ],
)
async def test_one_bad_score_leaves_its_party_without_total_and_pass(change: dict[str, Any], status: str) -> None:
    judgment = await judged(Party.CLIENT, answer(Party.CLIENT, **change))
    assert judgment.scores[0].status == status and judgment.scores[0].value is None
    assert (judgment.total, judgment.item_mean, judgment.share, judgment.passed) == (None, None, None, None)
    assert judgment.scored == 15 and judgment.status == status


@pytest.mark.parametrize("left", [{}, {"C1": None}, {"C99": {"reason": "r", "score": 3}}])
async def test_a_dimension_left_out_harms_no_other(left: dict[str, Any]) -> None:
    whole = answer(Party.CLIENT)
    judge = Judge({**{name: item for name, item in whole.items() if name != "C1"}, **left})
    judgment = await views()[Party.CLIENT].judge(judge, "en").judge(TURNS, None, seed=1)
    assert [score.status for score in judgment.scores] == ["missing"] + ["ok"] * 15
    assert [score.dimension for score in judgment.scores] == list(whole)
    assert judgment.total is None and judge.asked == 1


async def test_more_quotes_than_were_asked_for_are_kept() -> None:
    quotes = [{"turn": 2, "quote": words} for words in ("That", "sounds", "exhausting", "What keeps")]
    judgment = await judged(Party.CLIENT, answer(Party.CLIENT, evidence=quotes))
    assert judgment.status == "ok" and [quote.found for quote in judgment.scores[0].evidence] == [True] * 4


@pytest.mark.parametrize("wrong", [{}, {"scores": answer(Party.CLIENT)}, {"items": [{"dimension": "C1", "score": 3}]}])
async def test_an_answer_about_no_dimension_is_asked_for_again_and_then_invalid(wrong: dict[str, Any]) -> None:
    judge = Judge(wrong)
    judgment = await views()[Party.CLIENT].judge(judge, "en").judge(TURNS, None, seed=1)
    assert judge.asked == 2
    assert judgment.status == "invalid" and judgment.scored == 0 and "C1, C2" in judgment.reason


@pytest.mark.parametrize("party", list(Party))
def test_the_schema_that_is_sent_leaves_a_grammar_no_other_answer(party: Party) -> None:
    rubric = load_rubric(party, "en")
    sent = answer_schema(judge_output(rubric))
    ids = [dimension.id for dimension in rubric.dimensions]
    assert sent.strict and sent.name == "JudgeOutput"
    assert list(sent.schema["properties"]) == sent.schema["required"] == ids
    assert {str(part) for part in sent.schema["properties"].values()} == {"{'$ref': '#/$defs/JudgedItem'}"}
    item, quote = sent.schema["$defs"]["JudgedItem"], sent.schema["$defs"]["Quote"]
    assert list(item["properties"]) == item["required"] == ["reason", "evidence", "score"]
    whole, nothing = item["properties"]["score"]["anyOf"]
    assert whole["enum"] == list(range(rubric.low, rubric.high + 1)) and nothing == {"type": "null"}
    assert item["properties"]["evidence"]["maxItems"] == 3
    assert list(quote["properties"]) == quote["required"] == ["turn", "quote"]
    for part in (sent.schema, item, quote):
        assert part["additionalProperties"] is False


def test_rubrics_alike_in_dimensions_and_range_share_one_schema() -> None:
    english, chinese = (load_rubric(Party.CLIENT, language) for language in LANGUAGES)
    assert judge_output(english) is judge_output(chinese)
    narrower = english.model_copy(update={"high": 3})
    assert answer_schema(judge_output(narrower)).schema != answer_schema(judge_output(english)).schema


@pytest.mark.parametrize("name", ["self-care", "class", "model_fields", "json", "d1", "by_dimension"])
async def test_a_person_s_own_rubric_may_call_a_dimension_anything(name: str) -> None:
    rubric = load_rubric(Party.SUPERVISOR, "en")
    first = rubric.dimensions[0].model_copy(update={"id": name})
    own = rubric.model_copy(update={"dimensions": (first, *rubric.dimensions[1:])})
    whole = {name: {"reason": "r", "score": 4}, **{d.id: {"reason": "r", "score": 1} for d in rubric.dimensions[1:]}}
    judgment = await ModelScorer(own, Judge(whole), "en").judge(TURNS, None, seed=1)
    assert judgment.total == 4 + 7 and judgment.scores[0].dimension == name

    offline = await ModelScorer(own, OfflineModel(collect_rules(["arena.scoring"])), "en").judge(TURNS, None, seed=1)
    assert [score.status for score in offline.scores] == ["missing"] + ["ok"] * 7
    assert offline.scores[0].reason


async def test_a_judge_that_is_away_is_a_judgment_with_a_status() -> None:
    judgment = await judged(Party.SUPERVISOR, Unavailable("gone"))
    assert judgment.status == "missing" and "gone" in judgment.reason
    assert {score.value for score in judgment.scores} == {None}


@pytest.mark.parametrize(
    ("turn", "quote", "found"),
    [
        (2, "That sounds exhausting.", True),
        (2, "that  sounds EXHAUSTING", True),
        (1, 'I haven\'t slept "well"', True),
        (1, "That sounds exhausting.", False),
        (2, "That must be exhausting.", False),
        (9, "Hello.", False),
        (2, "", False),
        (2, ' " ', False),
    ],
)
def test_quotes_are_looked_up_in_their_turn(turn: int, quote: str, found: bool) -> None:
    assert check_evidence(turn, quote, TURNS).found is found


async def test_an_invented_quote_is_kept_and_marked() -> None:
    judgment = await judged(Party.CLIENT, answer(Party.CLIENT, evidence=[{"turn": 1, "quote": "never said"}]))
    assert judgment.scores[0].value == 3 and not judgment.scores[0].evidence[0].found


def made(party: Party, value: float | None) -> Judgment:
    rubric = load_rubric(party, "en")
    total = None if value is None else value * len(rubric.dimensions)
    return Judgment(
        party=party,
        judge="judge",
        model="m",
        rubric_version="1",
        prompt_hash="h",
        seed=1,
        status="ok",
        total=total,
        item_mean=value,
        share=None if total is None else total / rubric.maximum,
        passed=None if total is None else rubric.passes(total),
    )


@given(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 5)))
def test_the_overall_figures_follow_the_paper_s_formulas(values: tuple[int, int, int]) -> None:
    outcome = combine(made(party, value) for party, value in zip(Party, values, strict=True))
    client, supervisor, counselor = values
    assert outcome.overall_raw == pytest.approx(sum(values) / 3)
    assert outcome.overall_share == pytest.approx((client / 4 + supervisor / 4 + counselor / 5) / 3)
    assert outcome.grand_total == 16 * client + 8 * supervisor + 9 * counselor
    assert outcome.pass_total is (outcome.grand_total >= TOTAL_CUT)
    assert outcome.pass_all3 is (16 * client > 42 and 8 * supervisor > 24 and 9 * counselor > 35)


@pytest.mark.parametrize("missing", list(Party))
def test_a_missing_party_leaves_the_overall_open(missing: Party) -> None:
    outcome = combine(made(party, None if party is missing else 4) for party in Party)
    assert (outcome.overall_raw, outcome.overall_share, outcome.grand_total) == (None, None, None)
    assert (outcome.pass_all3, outcome.pass_total) == (None, None)


def test_a_self_judgment_never_counts_in_the_outcome() -> None:
    judgments = [made(party, 2) for party in Party]
    own = made(Party.COUNSELOR, 5).model_copy(update={"judge": "self"})
    assert combine([*judgments, own]) == combine([own, *judgments]) == combine(judgments)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("party", list(Party))
def test_a_judge_sees_what_its_chair_may_see_and_no_counselor_s_name(party: Party, language: Language) -> None:
    profile = select("treatment-01", language)[0]
    scorer = views()[party].judge(Judge({}), language)
    rubric = load_rubric(party, language)
    prompt = load_prompt("arena.scoring", "judge", language, JudgeInputs, judge_output(rubric))
    shown = profile.model_copy(update={"hidden_facts": ()}) if scorer.sees_profile else None
    text = prompt.render(JudgeInputs(turns=TURNS, rubric=rubric, judge="judge", profile=shown))[-1].content
    assert (profile.current_distress in text) is (party is Party.CLIENT)
    assert not [fact for fact in profile.hidden_facts if fact.text in text]
    assert text.index(TURNS[-1].text) < text.index(rubric.dimensions[0].definition)
    assert all(dimension.definition in text for dimension in rubric.dimensions)
    asked_for = text.rpartition("\n\n")[2]
    places = [asked_for.index(f'"{dimension.id}"') for dimension in rubric.dimensions]
    assert places == sorted(places) and len(places) == len(rubric.dimensions)
    assert "counselor" not in JudgeInputs.model_fields and "model" not in JudgeInputs.model_fields
