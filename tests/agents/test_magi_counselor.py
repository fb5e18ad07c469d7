"""The interview counselor's conduct: whatever the judge says, danger comes first and nothing loops."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from agents.counselors.magi.closing import SummaryInputs, plain_summary
from agents.counselors.magi.counselor import MagiCounselor
from agents.counselors.magi.diagnosis import faults_in
from agents.counselors.magi.judgment import Found, Judged, JudgmentInputs
from agents.counselors.magi.question import faults_of
from agents.counselors.magi.state import MagiState
from agents.dialogue import DialogueView, Turn, Utterance
from agents.models.base import ChatModel
from agents.models.offline import OfflineModel, collect_rules
from agents.roles import Brief
from arena.api import RULE_PACKAGES
from arena.interview.answers import answers_in, findings_in, titles, trace_from_turns
from arena.safety import crisis_text, screen_counselor
from profiles.interviews import load_instrument
from profiles.vocabulary import LANGUAGES, Language, Stage

MODEL = OfflineModel(collect_rules(RULE_PACKAGES))
TREE = load_instrument("en")
Verdict = str
Script = Callable[[str, int], Verdict]
"""(variable, how often it was asked) -> met, not_met, unclear, refused, off_topic."""


class Talk:
    """A dialogue whose judge is scripted: the client's words do not matter, only what is made of them."""

    def __init__(
        self,
        script: Script,
        language: Language = "en",
        rounds: int = 90,
        volunteered: dict[int, tuple[str, str]] | None = None,
    ) -> None:
        self.script, self.language, self.rounds = script, language, rounds
        self.volunteered = volunteered or {}
        self.asked: list[str] = []
        self.turns: list[Turn] = []
        self.said: list[Utterance] = []
        self.counselor = MagiCounselor(MODEL, language, "fixed", {}, judge=self.judge)
        self.state: MagiState = self.counselor.begin(Brief(language=language, rounds=rounds, seed=1))

    async def judge(
        self, model: ChatModel, language: Language, inputs: JudgmentInputs, seed: int
    ) -> tuple[Judged, None]:
        turn, reply = inputs.turns[-1].index, inputs.reply
        if not inputs.question:
            return Judged(verdict="off_topic"), None
        self.asked.append(inputs.variable.id)
        verdict = self.script(inputs.variable.id, self.asked.count(inputs.variable.id))
        quoted = {"quote": reply, "turn": turn, "span": (0, len(reply))} if verdict in ("met", "not_met") else {}
        found = ()
        if len(self.asked) in self.volunteered:
            name, says = self.volunteered[len(self.asked)]
            found = (Found(variable=name, verdict=says, quote=reply, turn=turn, span=(0, len(reply))),)  # type: ignore[arg-type]
        return Judged(verdict=verdict, volunteered=found, **quoted), None  # type: ignore[arg-type]

    async def play(self, replies: Iterable[str] = (), stage: Stage = Stage.DIAGNOSIS) -> Talk:
        given = iter(replies)
        for round_ in range(1, self.rounds + 1):
            self._add("client", next(given, f"Answer number {round_}."), round_)
            left = self.rounds - round_
            view = DialogueView(
                turns=tuple(self.turns), stage=stage, round=round_, rounds_left=left, language=self.language
            )
            utterance, self.state = await self.counselor.reply(view, self.state)
            self.said.append(utterance)
            self._add("counselor", utterance.text, round_, utterance.notes)
            if utterance.end:
                break
        return self

    def _add(self, speaker: str, text: str, round_: int, notes: dict[str, object] | None = None) -> None:
        turn = Turn(
            index=len(self.turns),
            round=round_,
            speaker=speaker,
            stage=Stage.DIAGNOSIS,
            text=text,
            notes=notes or {},  # type: ignore[arg-type]
        )
        self.turns.append(turn)

    @property
    def acts(self) -> list[str]:
        return [utterance.notes["interview"]["act"]["kind"] for utterance in self.said]

    @property
    def verdicts(self) -> dict[str, str]:
        return {answer.variable: answer.verdict for answer in answers_in(self.turns)}


def all_of(verdict: str, **others: str) -> Script:
    return lambda name, times: others.get(name.replace(".", "_"), verdict)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_an_interview_of_noes_is_short_and_ends_with_a_summary(language: Language) -> None:
    talk = await Talk(all_of("not_met"), language).play()
    assert talk.acts[-2:] == ["summary", "talk"] and talk.said[-1].end is not None
    assert set(talk.verdicts.values()) == {"not_met"} and len(talk.verdicts) == 8
    trace = trace_from_turns(talk.turns, language)
    assert [module.result for module in trace.modules] == ["not_met"] * 4
    assert not faults_in(trace, load_instrument(language), talk.turns, titles(language))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_question_is_one_question_and_harms_nobody(language: Language) -> None:
    talk = await Talk(
        all_of(
            "met",
            sui_passive="not_met",
            sui_burden="not_met",
            sui_active="not_met",
            sui_attempt="not_met",
            shared_substance="not_met",
            shared_medical="not_met",
            sad_other_cause="not_met",
        ),
        language,
    ).play()
    for utterance in talk.said:
        assert not screen_counselor(utterance.text, language), utterance.text
        if utterance.notes["interview"]["act"]["kind"] == "ask":
            assert faults_of(utterance.text, language) == "", utterance.text
    assert len(talk.asked) == len(set(talk.asked)) > 30
    labels = {module.module: module.ending for module in trace_from_turns(talk.turns, language).modules}
    assert labels == {
        "dep": "dep.bipolar_review",
        "sui": None,
        "gad": "gad.generalized_anxiety",
        "sad": "sad.social_anxiety",
    }


@pytest.mark.parametrize("answer", ["unclear", "off_topic"])
async def test_after_two_clarifications_an_answer_stays_unknown_and_is_never_a_no(answer: str) -> None:
    talk = await Talk(all_of("not_met", dep_mood=answer)).play()
    assert talk.asked.count("dep.mood") == 3
    assert talk.verdicts["dep.mood"] == "unknown"
    modes = [u.notes["interview"]["act"].get("mode", "probe") for u in talk.said[:3]]
    assert modes == ["probe", "clarify", "clarify"]
    assert len({u.text for u in talk.said[:3]}) == 3, "never in the same words"


async def test_a_refusal_is_final_at_once() -> None:
    talk = await Talk(all_of("not_met", dep_mood="refused")).play()
    assert talk.asked.count("dep.mood") == 1 and talk.verdicts["dep.mood"] == "refused"
    modules = {module.module: module for module in trace_from_turns(talk.turns, "en").modules}
    assert modules["dep"].result == "not_met" or modules["dep"].because


@pytest.mark.parametrize("answer", ["met", "refused", "unclear"])
@pytest.mark.parametrize("variable", ["sui.passive", "sui.burden", "sui.active", "sui.attempt"])
async def test_any_risk_answer_but_a_no_stops_the_tree_at_once(variable: str, answer: str) -> None:
    script = all_of("not_met", **{variable.replace(".", "_"): answer})
    talk = await Talk(script).play()
    place = len(talk.asked) - 1 - talk.asked[::-1].index(variable)
    assert talk.asked[place + 1] == "sui.now"
    alert = talk.said[talk.acts.index("alert")]
    assert crisis_text("en") in alert.text and alert.call is None, "fixed words, no model"
    asked_of_risk = 1 if answer != "unclear" else 2
    assert talk.asked.count(variable) == asked_of_risk, "at most one gentle clarification"
    assert any(finding.source == "interview" for finding in findings_in(talk.turns, "en"))


@pytest.mark.parametrize("answer", ["met", "refused", "unclear"])
async def test_danger_right_now_ends_all_questions(answer: str) -> None:
    talk = await Talk(all_of("not_met", sui_passive="met", sui_now=answer)).play()
    assert talk.acts[-1] == "stop" and talk.said[-1].end is not None
    assert talk.asked[-1] == "sui.now" and "sui.plan" not in talk.asked
    assert crisis_text("en") in talk.said[-1].text
    assert [each.level for each in findings_in(talk.turns, "en")][-1] == "immediate"
    trace = trace_from_turns(talk.turns, "en")
    assert trace.modules[1].ending == "sui.imminent_band"


async def test_after_a_crisis_that_is_not_imminent_the_client_may_go_on_or_stop() -> None:
    goes_on = await Talk(all_of("not_met", sui_active="met", talk_resume="met")).play()
    assert goes_on.asked.index("sui.plan") < goes_on.asked.index("talk.resume")
    assert "offer" in goes_on.acts and goes_on.acts[-2:] == ["summary", "talk"]
    stops = await Talk(all_of("not_met", sui_active="met", talk_resume="not_met")).play()
    assert stops.acts[-1] == "stop" and "gad.excessive_worry" not in stops.asked
    assert "talk.resume" not in stops.verdicts


@pytest.mark.parametrize("language", LANGUAGES)
async def test_words_of_danger_are_heard_in_any_module(language: Language) -> None:
    words = {"en": "I want to kill myself.", "zh": "我想自杀。"}[language]
    talk = await Talk(all_of("not_met"), language).play(["Hello.", words])
    assert talk.acts[:2] == ["ask", "alert"]
    assert crisis_text(language) in talk.said[1].text


async def test_a_contradiction_is_asked_about_once_and_kept_as_counter_evidence() -> None:
    talk = await Talk(all_of("not_met", dep_mood="met"), volunteered={3: ("dep.mood", "not_met")}).play()
    assert talk.asked.count("dep.mood") == 2
    answer = next(each for each in answers_in(talk.turns) if each.variable == "dep.mood")
    assert answer.counter and answer.verdict == "met"
    assert not faults_in(trace_from_turns(talk.turns, "en"), TREE, talk.turns, titles("en"))


async def test_what_was_volunteered_is_confirmed_with_the_clients_own_words() -> None:
    talk = await Talk(all_of("not_met", dep_mood="met"), volunteered={1: ("dep.sleep", "met")}).play()
    place = talk.asked.index("dep.sleep")
    act = talk.said[place].notes["interview"]["act"]
    assert act["mode"] == "confirm" and act["mention"]["quote"] in "\n".join(t.text for t in talk.turns)


async def test_time_for_questions_ends_and_what_is_open_is_said_to_be_open() -> None:
    talk = await Talk(
        all_of("met", sui_passive="not_met", sui_burden="not_met", sui_active="not_met", sui_attempt="not_met"),
        rounds=12,
    ).play()
    assert "summary" in talk.acts and len(talk.said) <= 12
    modules = {module.module: module for module in trace_from_turns(talk.turns, "en").modules}
    assert modules["dep"].result == "unresolved" and modules["dep"].because
    assert "unresolved" in modules["dep"].label


async def test_risk_is_asked_by_its_round_whatever_comes_first() -> None:
    talk = await Talk(
        all_of("met", sui_passive="not_met", sui_burden="not_met", sui_active="not_met", sui_attempt="not_met")
    ).play()
    assert talk.asked.index("sui.passive") + 1 <= TREE.risk_gate_round


async def test_in_a_short_session_risk_is_asked_earlier_still() -> None:
    talk = await Talk(all_of("not_met"), rounds=8).play()
    assert talk.asked[1] == "sui.passive"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_plain_summary_names_no_pattern_and_asks_one_thing(language: Language) -> None:
    inputs = SummaryInputs(
        turns=(), met=("a", "b"), not_met=("c",), open=("d",), quotes=("I sleep badly",), crisis=True
    )
    text = plain_summary(inputs, language)
    assert not screen_counselor(text, language) and sum(text.count(mark) for mark in "?？") == 1
    assert all(part in text for part in ("a", "b", "c", "d", "I sleep badly"))
