"""The course of a restructuring: whatever is read out of the client's words, the order holds and it comes to an end."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.counselors.crdial.course import MOST_CHANNELS, MOST_LOOPS, STEPS, Course, Gate, Kind, course_of
from agents.counselors.crdial.flow import Decision, decide
from agents.counselors.crdial.plan import Plan
from agents.counselors.crdial.reading import Reading, Said
from agents.counselors.crdial.state import CrdialState
from agents.dialogue import Turn
from agents.phrases import load_phrases
from profiles.distortions import distortions
from profiles.vocabulary import Stage

KINDS: tuple[Kind, ...] = (
    "situation",
    "automatic_thought",
    "intermediate_belief",
    "core_belief",
    "evidence_for",
    "evidence_against",
    "balanced_thought",
)
PHRASES = load_phrases("agents.counselors.crdial", "en")
WORDED = {*PHRASES.mapping("ask"), *PHRASES.mapping("turns")}
DISTORTIONS = tuple(distortions("en"))
Client = Callable[[CrdialState, str], Reading]
"""(state, the words to be said) -> what is read out of them."""


class Talk:
    """A dialogue in which only the readings matter; every reply has words of its own."""

    def __init__(self, rounds: int, client: Client) -> None:
        self.rounds = rounds
        self.state = CrdialState(seed=1, rounds=rounds)
        self.decisions: list[Decision] = []
        self.readings: list[Reading] = []
        self.turns: list[Turn] = []
        for round_ in range(1, rounds + 1):
            words = f"these are the words of round {round_}"
            reading = client(self.state, words)
            decision, self.state = decide(
                self.state, reading, reply=words, turn=2 * round_ - 2, rounds_left=rounds - round_, risk="none"
            )
            self.readings.append(reading)
            self.decisions.append(decision)
            notes = {"restructuring": decision.note.model_dump(mode="json")}
            for speaker, text, note in (("client", words, {}), ("counselor", decision.plan.goal, notes)):
                self.turns.append(
                    Turn(
                        index=len(self.turns),
                        round=round_,
                        speaker=speaker,  # type: ignore[arg-type]
                        stage=Stage.DIAGNOSIS,
                        text=text,
                        notes=note,
                    )
                )
            if decision.plan.ends:
                break

    @property
    def goals(self) -> list[str]:
        return [decision.plan.goal for decision in self.decisions]

    @property
    def gates(self) -> list[Gate]:
        return [gate for decision in self.decisions for gate in decision.gates]

    @property
    def course(self) -> Course:
        course = course_of(self.turns)
        assert course is not None
        return course


def cooperative(seed: int = 1, fall: int = 40, more: float = 0.0) -> Client:
    """A client that gives what is asked for; ``fall``: points of belief; ``more``: chance of another thought."""
    chance = random.Random(seed)

    def answer(state: CrdialState, words: str) -> Reading:
        asks = state.asks
        asked = asks if asks in KINDS else "situation" if not state.goal else None
        said = [Said(kind=asked, quote=words, distortion=chance.choice(DISTORTIONS))] if asked else []
        reading = Reading(said=said, stance="agrees" if asks in ("confirm", "agree") else "open")
        if asks in ("belief_before", "emotion_before"):
            return reading.model_copy(update={"belief": 80, "emotion": 70})
        if asks in ("belief_after", "belief_end", "emotion_after"):
            return reading.model_copy(update={"belief": 80 - fall, "emotion": 40})
        if asks == "residual" and chance.random() < more:
            new = Said(kind="automatic_thought", quote=words, distortion=chance.choice(DISTORTIONS))
            return reading.model_copy(update={"said": [new]})
        return reading.model_copy(update={"none_left": asks == "residual"})

    return answer


readings = st.builds(
    lambda kinds, distortion, feeling, **rest: (kinds, distortion, feeling, rest),
    kinds=st.lists(st.sampled_from(KINDS), max_size=2),
    distortion=st.sampled_from([*DISTORTIONS[:4], ""]),
    feeling=st.sampled_from(["", "sad"]),
    belief=st.one_of(st.none(), st.integers(0, 100)),
    emotion=st.one_of(st.none(), st.integers(0, 100)),
    stance=st.sampled_from(["open", "open", "agrees", "agrees", "disagrees", "unsure", "declines", "rupture"]),
    none_left=st.booleans(),
    by_feeling=st.booleans(),
    unconvinced=st.booleans(),
    distress=st.sampled_from([0, 0, 1, 2, 3]),
)


def played(script: list[tuple[list[Kind], str, str, dict[str, object]]], rounds: int) -> Talk:
    """The script, then again from its beginning; half of the time the client also gives what is asked for."""
    given_ = itertools.cycle(enumerate(script))
    helpful = cooperative()

    def answer(state: CrdialState, words: str) -> Reading:
        number, (kinds, distortion, feeling, rest) = next(given_)
        if number % 3:
            return helpful(state, words)
        said = [Said(kind=kind, quote=words, distortion=distortion, emotion=feeling) for kind in kinds]
        return Reading.model_validate({**rest, "said": said})

    return Talk(rounds, answer)


@settings(max_examples=150, deadline=None)
@given(script=st.lists(readings, min_size=1, max_size=24), rounds=st.integers(1, 80))
def test_whatever_is_heard_the_order_holds_and_it_ends_within_the_rounds(script: list, rounds: int) -> None:  # type: ignore[type-arg]
    talk = played(script, rounds)
    course = talk.course
    assert set(talk.goals) <= WORDED
    assert talk.decisions[-1].plan.ends and len(talk.decisions) <= rounds
    assert max((c.channel for c in course.channels), default=0) <= MOST_CHANNELS
    assert course.loops <= MOST_LOOPS
    keys = [(c.distortion, c.belief.casefold()) for c in course.channels]
    assert len(keys) == len(set(keys)), "no belief is weighed twice"
    assert_in_order(course)


def doubts(plan: Plan) -> bool:
    """Whether the turn asks the client to doubt the thought."""
    return plan.step in ("prosecution", "verdict") and plan.asks in ("evidence_against", "balanced_thought")


def assert_in_order(course: Course) -> None:
    """Steps begin at the first one (or, in a later loop, at the third) and each follows the one before it."""
    for before, after in itertools.pairwise([(0, None, None), *course.steps]):
        (loop0, channel0, step0), (loop1, channel1, step1) = before, after
        here = STEPS.index(step1)  # type: ignore[arg-type]
        if step0 is None:
            assert here == 0
        elif loop1 > loop0:
            assert step0 == "verdict" and here in (0, 2)
        elif step0 == "verdict":
            again = channel1 == channel0
            assert here == 3 and (again or channel1 == (channel0 or 0) + 1)
        else:
            assert here == STEPS.index(step0) + 1
            assert channel1 == channel0 or here == 3


@settings(max_examples=100, deadline=None)
@given(script=st.lists(readings, min_size=1, max_size=24), rounds=st.integers(12, 80))
def test_every_step_that_is_left_for_the_next_has_its_gate(script: list, rounds: int) -> None:  # type: ignore[type-arg]
    course = played(script, rounds).course
    left = {(gate.loop, gate.channel, gate.step) for gate in course.gates if gate.gate in ("leave", "verdict")}
    for place, following in itertools.pairwise(course.steps):
        if place[2] != following[2]:
            assert place in left
    for gate in course.gates:
        if gate.evidence_quote:
            assert gate.evidence_turn is not None


@settings(max_examples=100, deadline=None)
@given(script=st.lists(readings, min_size=1, max_size=24), rounds=st.integers(12, 80))
def test_nothing_is_put_in_doubt_before_there_is_ground(script: list, rounds: int) -> None:  # type: ignore[type-arg]
    talk = played(script, rounds)
    for number, (decision, reading) in enumerate(zip(talk.decisions, talk.readings, strict=True), start=1):
        if doubts(decision.plan):
            assert number >= 4
            assert reading.stance not in ("rupture", "declines") or "offer_end" in talk.goals
            assert reading.distress < 3


@settings(max_examples=60, deadline=None)
@given(
    script=st.lists(readings, min_size=1, max_size=12),
    place=st.integers(0, 30),
    danger=st.sampled_from(["crisis", "abuse_or_neglect", "psychosis_mania_intoxication", "medical"]),
)
def test_danger_leaves_at_once_and_never_leads_back(script: list, place: int, danger: str) -> None:  # type: ignore[type-arg]
    helpful, count = cooperative(), itertools.count()

    def answer(state: CrdialState, words: str) -> Reading:
        reading = helpful(state, words)
        return reading.model_copy(update={"danger": danger}) if next(count) == place else reading

    talk = Talk(40, answer)
    if len(talk.decisions) <= place or talk.decisions[place].plan.ends:
        return
    assert talk.decisions[place].note.exit == danger
    assert all(decision.plan.step is None for decision in talk.decisions[place:])
    assert not [gate for decision in talk.decisions[place:] for gate in decision.gates]


@pytest.mark.parametrize("risk", ["high", "immediate"])
def test_the_rules_hear_danger_that_the_reading_does_not(risk: str) -> None:
    decision, state = decide(
        CrdialState(seed=1, rounds=30),
        Reading(),
        reply="x",
        turn=0,
        rounds_left=20,
        risk=risk,  # type: ignore[arg-type]
    )
    assert (decision.plan.goal, decision.note.exit) == ("crisis", "crisis")
    decision, state = decide(state, Reading(), reply="I am fine now", turn=2, rounds_left=19, risk="none")
    assert decision.plan.goal == "crisis_more", "a denial clears nothing"


@pytest.mark.parametrize(("stance", "goal"), [("disagrees", "situation"), ("agrees", "crisis"), ("declines", "crisis")])
def test_a_faint_sign_is_asked_about_once(stance: str, goal: str) -> None:
    state = CrdialState(seed=1, rounds=30)
    decision, state = decide(state, Reading(), reply="x", turn=0, rounds_left=29, risk="low")
    assert decision.plan.goal == "safety"
    answer = Reading(stance=stance)  # type: ignore[arg-type]
    decision, state = decide(state, answer, reply="y", turn=2, rounds_left=28, risk="none")
    assert decision.plan.goal == goal


def ends(course: Course) -> list[tuple[int, int, float]]:
    """Loop, channel and belief of the channels that were rated once more at the close."""
    return [(each.loop, each.channel, each.end) for each in course.channels if each.end is not None]


@pytest.mark.parametrize(("rounds", "channels"), [(12, 1), (20, 2), (25, 3), (60, 3)])
def test_a_cooperative_client_finishes_what_the_rounds_allow(rounds: int, channels: int) -> None:
    talk = Talk(rounds, cooperative())
    course = talk.course
    assert len(course.channels) == channels
    assert all(c.effective and c.balanced_thought and c.before == 80 and c.after == 40 for c in course.channels)
    assert talk.goals[-2:] == ["agree", "goodbye"] and talk.goals.count("rate_end") == 1
    assert course.exit == ("cap" if channels < 3 else None), "what was named and not weighed is said to be open"
    assert course.emotions_before and course.emotions_after and ends(course)


def test_with_many_rounds_other_thoughts_open_further_loops() -> None:
    course = Talk(90, cooperative(seed=3, more=1.0)).course
    assert course.loops == MOST_LOOPS and len(course.channels) > MOST_CHANNELS
    residual = [gate.passed for gate in course.gates if gate.gate == "residual"]
    assert residual == [True, True, False]


def test_a_belief_that_does_not_fall_is_weighed_twice_and_stays_unresolved() -> None:
    course = Talk(90, cooperative(fall=5)).course
    assert {(c.rounds, c.effective) for c in course.channels} == {(2, False)}


def test_strongest_belief_comes_first() -> None:
    numbers = iter([40, 90, 60, *[20] * 40])

    def answer(state: CrdialState, words: str) -> Reading:
        reading = cooperative()(state, words)
        if state.asks == "core_belief":
            said = [Said(kind="core_belief", quote=words, distortion=DISTORTIONS[len(state.beliefs)])]
            return reading.model_copy(update={"said": said})
        return reading.model_copy(update={"belief": next(numbers)}) if state.asks == "belief_before" else reading

    course = Talk(60, answer).course
    assert [c.before for c in course.channels] == sorted((c.before or 0 for c in course.channels), reverse=True)


def test_what_is_volunteered_is_confirmed_and_not_asked_from_the_start() -> None:
    def answer(state: CrdialState, words: str) -> Reading:
        reading = cooperative()(state, words)
        if state.goal == "thought":
            reading.said.append(Said(kind="intermediate_belief", quote=words, distortion="should_statements"))
        return reading

    talk = Talk(40, answer)
    assert "rule_confirm" in talk.goals and "rule" not in talk.goals


def test_a_feeling_is_no_evidence_and_is_asked_about_once_more() -> None:
    def answer(state: CrdialState, words: str) -> Reading:
        if state.asks == "evidence_for":
            return Reading(by_feeling=True)
        return cooperative()(state, words)

    talk = Talk(40, answer)
    place = talk.goals.index("for_feeling")
    assert talk.goals[place - 1] == "for"
    assert talk.goals[place + 1] == "for" and talk.goals.count("for_feeling") == len(talk.course.channels)


def test_nothing_to_be_found_counts_after_two_tries() -> None:
    def answer(state: CrdialState, words: str) -> Reading:
        return Reading(none_left=True) if state.asks == "evidence_for" else cooperative()(state, words)

    talk = Talk(40, answer)
    first = [d.plan for d in talk.decisions if d.plan.channel == 1 and d.plan.step == "defense"]
    assert len(first) == 2
    left = [gate for gate in talk.gates if gate.step == "defense" and gate.gate == "leave"]
    assert left and all(gate.passed and gate.reason == "none" for gate in left)


def test_agreement_without_words_of_ones_own_does_not_pass() -> None:
    def answer(state: CrdialState, words: str) -> Reading:
        if state.asks == "balanced_thought":
            return Reading(stance="agrees")
        return cooperative()(state, words)

    course = Talk(60, answer).course
    assert course.channels and not any(channel.effective for channel in course.channels)


def test_a_rating_that_is_not_given_is_asked_for_twice_and_left_empty() -> None:
    def answer(state: CrdialState, words: str) -> Reading:
        reading = cooperative()(state, words)
        return reading.model_copy(update={"belief": None, "emotion": None})

    talk = Talk(40, answer)
    assert all(channel.before is None and channel.after is None for channel in talk.course.channels)
    assert talk.goals.count("emotion") == 2 and talk.goals.count("rate") <= 2 * MOST_CHANNELS


def test_two_pleas_leave_the_question_and_offer_an_end() -> None:
    def answer(state: CrdialState, words: str) -> Reading:
        if state.step == "prosecution":
            return Reading(stance="declines")
        return cooperative()(state, words)

    talk = Talk(60, answer)
    place = talk.goals.index("against")
    assert talk.goals[place : place + 4] == ["against", "meet_declines", "offer_end", "exit_declines"]
    assert talk.decisions[-1].note.exit == "declines" and talk.decisions[-1].plan.ends
    assert any(e.status == "declined" for d in talk.decisions for e in d.entries)


def test_after_a_refusal_the_client_may_go_on() -> None:
    refused = iter(["declines", "declines"])

    def answer(state: CrdialState, words: str) -> Reading:
        if state.step == "prosecution" and state.goal != "offer_end":
            stance = next(refused, None)
            if stance:
                return Reading(stance=stance)  # type: ignore[arg-type]
        return cooperative()(state, words)

    talk = Talk(60, answer)
    place = talk.goals.index("offer_end")
    assert talk.decisions[place + 1].plan.step == "verdict" and talk.course.exit is None


def test_a_thought_that_is_true_is_not_argued_with() -> None:
    def answer(state: CrdialState, words: str) -> Reading:
        if state.asks == "evidence_for":
            return Reading(realistic=True)
        return cooperative()(state, words)

    talk = Talk(60, answer)
    assert talk.goals[-3:] == ["exit_realistic_problem", "solve", "goodbye"]
    assert talk.course.exit == "realistic_problem" and talk.course.channels[0].effective is None


def test_a_feeling_that_rises_by_the_work_ends_it() -> None:
    def answer(state: CrdialState, words: str) -> Reading:
        if state.asks == "belief_after":
            return Reading(belief=80, emotion=95)
        return cooperative()(state, words)

    talk = Talk(60, answer)
    assert talk.goals[-2:] == ["exit_distress_rising", "goodbye"] and talk.course.exit == "distress_rising"


def test_overwhelming_distress_stops_the_questions() -> None:
    def answer(state: CrdialState, words: str) -> Reading:
        return cooperative()(state, words).model_copy(update={"distress": 3 if state.step == "defense" else 0})

    talk = Talk(60, answer)
    place = talk.goals.index("for")
    assert talk.goals[place + 1 : place + 4] == ["meet_distress", "meet_distress", "exit_distress_rising"]


def test_no_step_takes_more_than_six_turns() -> None:
    talk = Talk(80, lambda state, words: Reading(stance="unsure"))
    here = [d.plan.step for d in talk.decisions if d.plan.step]
    assert max(len(list(run)) for _, run in itertools.groupby(here)) <= 6
    assert talk.course.exit is None and not talk.course.channels, "without a belief nothing is weighed"


def test_a_state_round_trips() -> None:
    state = Talk(30, cooperative()).state
    assert CrdialState.model_validate_json(state.model_dump_json()) == state


def test_at_the_end_the_thought_that_weighed_most_is_rated_first_and_the_others_where_there_is_time() -> None:
    strengths = {"core_belief": 60}

    def answer(state: CrdialState, words: str) -> Reading:
        reading = cooperative()(state, words)
        if state.asks == "belief_before":
            strengths["core_belief"] += 10
            return reading.model_copy(update={"belief": strengths["core_belief"]})
        if state.asks == "core_belief":
            said = [Said(kind="core_belief", quote=words, distortion=DISTORTIONS[len(state.beliefs)])]
            return reading.model_copy(update={"said": said})
        return reading.model_copy(update={"belief": 15, "emotion": 20}) if state.asks == "belief_end" else reading

    talk = Talk(60, answer)
    course = talk.course
    assert len(course.channels) == 3 and course.channels[0].before == max(c.before or 0 for c in course.channels)
    assert ends(course) == [(1, 1, 15), (1, 2, 15)], "the last was rated just now"
    assert talk.goals[-4:] == ["rate_end", "belief_end", "agree", "goodbye"]
    asked = next(d.plan for d in talk.decisions if d.plan.goal == "rate_end")
    assert asked.belief == course.channels[0].belief and asked.asks == "belief_end"
    assert [e.value for e in course.entries if e.kind == "emotion_after" and e.channel is None] == [20]
    short = Talk(20, answer)
    assert len(ends(short.course)) == 1 and short.goals[-3:] == ["rate_end", "agree", "goodbye"]


def test_a_number_that_is_not_given_at_the_end_is_asked_for_twice_and_left_empty() -> None:
    def answer(state: CrdialState, words: str) -> Reading:
        return Reading() if state.asks in ("belief_end", "emotion_after") else cooperative()(state, words)

    talk = Talk(60, answer)
    assert talk.goals.count("rate_end") == 2 and "emotion_after" not in talk.goals
    left = {(e.kind, e.status) for e in talk.course.entries if e.kind in ("belief_end", "emotion_after")}
    assert ("belief_end", "unfilled") in left and ("emotion_after", "unfilled") in left
    assert not ends(talk.course) and talk.decisions[-1].plan.ends


def test_without_a_weighed_thought_the_end_asks_for_the_feeling_alone() -> None:
    def answer(state: CrdialState, words: str) -> Reading:
        if state.step == "core_beliefs":
            return Reading(stance="disagrees", none_left=True)
        reading = cooperative()(state, words)
        return reading.model_copy(update={"said": [s.model_copy(update={"distortion": ""}) for s in reading.said]})

    talk = Talk(60, answer)
    assert not talk.course.channels and talk.goals[-3:] == ["emotion_after", "agree", "goodbye"]
    assert talk.course.emotions_after and not ends(talk.course)


def test_a_rupture_at_the_last_question_is_met() -> None:
    hurt = iter([True])

    def answer(state: CrdialState, words: str) -> Reading:
        if state.goal == "residual" and next(hurt, False):
            return Reading(stance="rupture")
        return cooperative()(state, words)

    talk = Talk(60, answer)
    place = talk.goals.index("residual")
    assert talk.goals[place : place + 3] == ["residual", "meet_rupture", "residual"]
    assert talk.course.exit is None and talk.goals[-1] == "goodbye"


def test_a_refusal_to_name_another_thought_is_an_answer() -> None:
    def answer(state: CrdialState, words: str) -> Reading:
        return Reading(stance="declines") if state.goal == "residual" else cooperative()(state, words)

    talk = Talk(60, answer)
    assert "meet_declines" not in talk.goals and talk.course.exit is None


@pytest.mark.parametrize("stance", ["rupture", "declines"])
def test_a_rupture_at_the_limit_of_a_step_is_met_first(stance: str) -> None:
    def answer(state: CrdialState, words: str) -> Reading:
        if state.step == "core_beliefs" and state.goal == "rate" and state.turns_here < 6:
            return Reading(stance="unsure", belief=10)  # each is held too weakly: the next is asked about
        if state.step == "core_beliefs" and state.turns_here == 6 and "meet" not in state.goal:
            return Reading(stance=stance)
        reading = cooperative()(state, words)
        more = [Said(kind="automatic_thought", quote=words, distortion=DISTORTIONS[len(state.beliefs) % 9])]
        return reading.model_copy(update={"said": [*reading.said, *more]}) if state.exchanges < 8 else reading

    talk = Talk(60, answer)
    place = talk.goals.index(f"meet_{stance}")
    assert talk.decisions[place].note.step is None, "the meeting takes none of the step's turns"
    assert [d.plan.step for d in talk.decisions].count("core_beliefs") == 6
    assert not talk.decisions[place].plan.ends and talk.course.exit != "declines"


def test_a_rupture_in_the_last_turns_is_met() -> None:
    hurt = iter([True])

    def answer(state: CrdialState, words: str) -> Reading:
        if state.goal == "rate_end" and next(hurt, False):
            return Reading(stance="rupture")
        return cooperative()(state, words)

    talk = Talk(60, answer)
    place = talk.goals.index("rate_end")
    assert talk.goals[place + 1] == "meet_rupture" and talk.goals[-1] == "goodbye"


@pytest.mark.parametrize(
    ("reply", "quote", "at"),
    [
        ("She calls me a fool at home. A fool.", "a fool", 13),
        ("I know no way out. no", "no", 19),
        ("I'm not saying I'm a failure because he laughed. I'm a failure.", "I'm a failure", 49),
        ("别人说我没用的时候我不信，我没用。", "我没用", 13),
    ],
)
def test_a_quote_stands_where_it_is_a_clause_of_its_own(reply: str, quote: str, at: int) -> None:
    said = [Said(kind="situation", quote=quote)]
    decision, _ = decide(
        CrdialState(seed=1, rounds=30), Reading(said=said), reply=reply, turn=0, rounds_left=29, risk="none"
    )
    entry = next(e for e in decision.entries if e.kind == "situation")
    assert entry.span == (at, at + len(quote)) and reply[at : at + len(quote)] == quote


RATED: list[tuple[str, str, str]] = [
    ("emotion", "emotion_before", "emotion"),
    ("rate_after", "belief_after", "belief"),
    ("rate_end", "belief_end", "belief"),
]


@pytest.mark.parametrize("risk", ["low", "high"])
@pytest.mark.parametrize(("goal", "kind", "of"), RATED)
def test_a_rating_told_together_with_danger_stays_in_the_record(goal: str, kind: str, of: str, risk: str) -> None:
    talk = Talk(60, cooperative())
    place = talk.goals.index(goal)
    state = before(place)
    reading = Reading(belief=35, emotion=45)
    decision, state = decide(
        state,
        reading,
        reply="x",
        turn=2 * place + 2,
        rounds_left=30,
        risk=risk,  # type: ignore[arg-type]
    )
    assert decision.plan.goal == ("safety" if risk == "low" else "crisis")
    assert [e.value for e in decision.entries if e.kind == kind] == [35 if of == "belief" else 45]
    if risk == "low":
        denied = Reading(stance="disagrees")
        decision, state = decide(state, denied, reply="y", turn=2 * place + 4, rounds_left=29, risk="none")
        assert decision.plan.goal != goal, "what was told is not asked again"
        assert not [e for e in decision.entries if e.kind == kind]


def before(place: int) -> CrdialState:
    """The state of a cooperative talk after its counselor turn with this number."""
    state, client = CrdialState(seed=1, rounds=60), cooperative()
    for round_ in range(1, place + 2):
        words = f"these are the words of round {round_}"
        reading = client(state, words)
        _, state = decide(state, reading, reply=words, turn=2 * round_ - 2, rounds_left=60 - round_, risk="none")
    return state


def test_the_rating_of_a_belief_survives_the_question_about_danger() -> None:
    state = before(Talk(60, cooperative()).goals.index("rate"))
    decision, asked = decide(state, Reading(belief=65, emotion=50), reply="x", turn=40, rounds_left=30, risk="low")
    assert decision.plan.goal == "safety" and [b.before for b in asked.beliefs if b.status == "taken"] == [65]
    decision, _ = decide(state, Reading(belief=65, emotion=50), reply="x", turn=40, rounds_left=30, risk="high")
    assert [(e.kind, e.channel, e.value) for e in decision.entries] == [("belief_before", None, 65)]


def test_a_feeling_that_rose_together_with_a_faint_sign_ends_the_work_too() -> None:
    state = before(Talk(60, cooperative()).goals.index("rate_after"))
    _, state = decide(state, Reading(belief=80, emotion=95), reply="x", turn=60, rounds_left=30, risk="low")
    decision, _ = decide(state, Reading(stance="disagrees"), reply="no", turn=62, rounds_left=29, risk="none")
    assert decision.plan.goal == "exit_distress_rising"


def test_a_question_about_who_reads_this_does_not_count_as_an_answer() -> None:
    state = before(Talk(60, cooperative()).goals.index("rule"))
    asked = frozenset({"privacy"})
    decision, state = decide(
        state,
        Reading(),
        reply="who reads this?",
        turn=10,
        rounds_left=40,
        risk="none",
        heard=asked,  # type: ignore[arg-type]
    )
    assert decision.plan.privacy and decision.plan.goal == "rule" and decision.plan.again == 0
    decision, state = decide(
        state,
        Reading(),
        reply="who reads this?",
        turn=12,
        rounds_left=39,
        risk="none",
        heard=asked,  # type: ignore[arg-type]
    )
    assert not decision.plan.privacy and decision.plan.again == 1


def test_who_has_no_fairer_sentence_is_not_asked_a_third_time() -> None:
    def answer(state: CrdialState, words: str) -> Reading:
        return Reading(stance="disagrees") if state.asks == "balanced_thought" else cooperative()(state, words)

    talk = Talk(90, answer)
    rounds = [list(run) for goal, run in itertools.groupby(talk.goals) if goal == "balanced"]
    assert rounds and {len(run) for run in rounds} == {2}


def test_in_a_second_round_the_sentence_found_in_the_first_stands_unless_another_is_said() -> None:
    def answer(state: CrdialState, words: str) -> Reading:
        return Reading(none_left=True) if state.goal == "balanced_again" else cooperative(fall=5)(state, words)

    kept = Talk(90, answer)
    again = [goal for goal in kept.goals if goal == "balanced_again"]
    assert len(again) == len(kept.course.channels) and all(c.balanced_thought for c in kept.course.channels)
    other = Talk(90, cooperative(fall=5))
    first = [e.quote for e in other.course.entries if e.kind == "balanced_thought" and e.channel == 1]
    assert len(first) == 2 and other.course.channels[0].balanced_thought == first[-1]


def test_a_question_put_off_once_is_asked_again_and_put_off_twice_running_it_is_met() -> None:
    state = before(Talk(60, cooperative()).goals.index("rule"))
    goals, off = [], frozenset({"puts_off"})
    for turn in (10, 12, 14):
        decision, state = decide(
            state,
            Reading(stance="declines"),
            reply="ask me something easier",
            turn=turn,
            rounds_left=40,
            risk="none",
            heard=off,  # type: ignore[arg-type]
        )
        goals.append(decision.plan.goal)
        assert decision.plan.tone == ("resists" if turn == 12 else "puts_off")
    assert goals == ["rule", "meet_declines", "rule"]


def test_the_offer_of_an_end_is_not_put_off() -> None:
    declining = iter(["declines", "declines"])
    state = before(Talk(60, cooperative()).goals.index("rule"))
    for turn, stance in zip((10, 12), declining, strict=True):
        _, state = decide(state, Reading(stance=stance), reply="no", turn=turn, rounds_left=40, risk="none")  # type: ignore[arg-type]
    assert state.goal == "offer_end"
    off = frozenset({"puts_off"})
    decision, _ = decide(
        state,
        Reading(stance="declines"),
        reply="maybe later",
        turn=14,
        rounds_left=40,
        risk="none",
        heard=off,  # type: ignore[arg-type]
    )
    assert decision.plan.goal == "exit_declines"


def test_who_goes_straight_to_the_thought_is_not_told_that_something_stays_open() -> None:
    words = "I am no good at anything"
    said = [Said(kind="automatic_thought", quote=words, distortion="labeling")]
    decision, _ = decide(
        CrdialState(seed=1, rounds=30), Reading(said=said), reply=words, turn=0, rounds_left=29, risk="none"
    )
    assert decision.plan.goal == "thought_confirm" and decision.plan.took == ""


def test_another_thought_that_was_just_named_is_not_asked_for_again() -> None:
    named = iter([True])

    def answer(state: CrdialState, words: str) -> Reading:
        if state.goal == "residual" and next(named, False):
            return Reading(said=[Said(kind="automatic_thought", quote=words, distortion="blaming")])
        if state.loop == 2 and state.goal == "thought_confirm":
            return Reading(none_left=True)  # "I have said what matters"
        return cooperative()(state, words)

    talk = Talk(90, answer)
    place = talk.goals.index("residual")
    assert talk.goals[place + 1] == "thought_confirm" and talk.goals[place + 2].startswith("rule")
    settled = [e for e in talk.course.entries if e.kind == "automatic_thought" and e.loop == 2]
    assert [e.status for e in settled] == ["filled"]


@pytest.mark.parametrize(("value", "took"), [(30, "emotion_before_mild"), (80, "emotion_before")])
def test_a_faint_feeling_is_not_called_strong(value: int, took: str) -> None:
    state = before(Talk(60, cooperative()).goals.index("emotion"))
    decision, _ = decide(state, Reading(emotion=value), reply="x", turn=10, rounds_left=40, risk="none")
    assert decision.plan.took == took


def test_who_points_to_what_was_said_before_is_not_pressed_for_a_sentence() -> None:
    def answer(state: CrdialState, words: str) -> Reading:
        return Reading(stance="agrees") if state.asks == "balanced_thought" else cooperative()(state, words)

    talk = Talk(60, answer)
    left = {e.status for e in talk.course.entries if e.kind == "balanced_thought"}
    rounds = [len(list(run)) for goal, run in itertools.groupby(talk.goals) if goal == "balanced"]
    assert left == {"unfilled"} and set(rounds) == {2}


def test_who_first_asks_who_reads_this_is_then_asked_what_happened() -> None:
    words = "Who reads this? I did this before, and it went badly."
    said = [Said(kind="situation", quote="I did this before, and it went badly.")]
    decision, _ = decide(
        CrdialState(seed=1, rounds=30),
        Reading(said=said),
        reply=words,
        turn=0,
        rounds_left=29,
        risk="none",
        heard=frozenset({"privacy"}),
    )
    assert decision.plan.goal == "situation" and decision.plan.privacy and not decision.entries


# -- one number of two, disclosures, and what stays open


def half_told(of: str, at: str) -> Client:
    """A client that rates only one of the two where both are asked for, and the other when asked for it alone."""

    def answer(state: CrdialState, words: str) -> Reading:
        reading = cooperative()(state, words)
        if state.goal == at:
            return reading.model_copy(update={"emotion" if of == "belief" else "belief": None})
        return reading

    return answer


@pytest.mark.parametrize("at", ["rate", "rate_after"])
@pytest.mark.parametrize("of", ["belief", "emotion"])
def test_where_one_number_comes_the_other_is_asked_for_once(of: str, at: str) -> None:
    talk = Talk(60, half_told(of, at))
    other = {"belief": "feeling_too", "emotion": "belief_too"}[of]
    asked = [talk.goals[place + 1] for place, goal in enumerate(talk.goals) if goal == at]
    assert asked and set(asked) == {other}
    for channel in talk.course.channels:
        assert None not in (channel.before, channel.emotion_before, channel.after, channel.emotion_after)


@pytest.mark.parametrize("at", ["rate", "rate_after"])
def test_a_number_that_never_comes_is_asked_for_once_and_stays_open(at: str) -> None:
    def answer(state: CrdialState, words: str) -> Reading:
        return Reading() if state.goal == "feeling_too" else half_told("belief", at)(state, words)

    talk = Talk(60, answer)
    kind = {"rate": "emotion_before", "rate_after": "emotion_after"}[at]
    assert talk.goals.count("feeling_too") == talk.goals.count(at)
    assert talk.course.channels
    for channel in talk.course.channels:
        own = [e for e in talk.course.entries if (e.loop, e.channel) == (channel.loop, channel.channel)]
        assert [e.status for e in own if e.kind == kind] == ["unfilled"], "asked about, but no usable answer came"


@pytest.mark.parametrize("change", [{"distress": 3}, {"stance": "declines"}, {"stance": "rupture"}])
def test_who_is_in_pain_or_declines_is_not_asked_for_the_other_number(change: dict[str, object]) -> None:
    def answer(state: CrdialState, words: str) -> Reading:
        reading = half_told("belief", "rate")(state, words)
        return reading.model_copy(update=change) if state.goal == "rate" else reading

    assert "feeling_too" not in Talk(60, answer).goals


def test_with_few_rounds_the_other_number_is_not_asked_for() -> None:
    talk = Talk(12, half_told("belief", "rate"))
    assert "rate" in talk.goals and "feeling_too" not in talk.goals


def test_no_usable_new_thought_is_not_the_clients_nothing() -> None:
    def answer(state: CrdialState, words: str) -> Reading:
        return Reading(stance="disagrees") if state.asks == "balanced_thought" else cooperative()(state, words)

    talk = Talk(60, answer)
    assert {e.status for e in talk.course.entries if e.kind == "balanced_thought"} == {"unfilled"}
    settled = next(d for d in talk.decisions if any(e.kind == "balanced_thought" for e in d.entries))
    assert settled.plan.took == "none_balanced_thought", "it is met as a view that there is not, all the same"


def test_a_feeling_rated_before_it_was_named_has_the_name_that_came_later() -> None:
    def answer(state: CrdialState, words: str) -> Reading:
        reading = cooperative()(state, words)
        named = [Said(kind="emotion_after", quote=words, emotion="useless")] if state.goal == "rate_after" else []
        return reading.model_copy(update={"said": [*reading.said, *named]})

    course = Talk(60, answer).course
    assert course.channels[0].emotion == "useless" and course.channels[0].emotion_before is not None
    assert {name for name, _ in (*course.emotions_before, *course.emotions_after)} == {"useless"}


@pytest.mark.parametrize("goal", ["for", "rate_after", "rate_end", "agree"])
def test_what_is_confided_is_met_before_anything_else(goal: str) -> None:
    told = iter([True])

    def answer(state: CrdialState, words: str) -> Reading:
        reading = cooperative()(state, words)
        return reading.model_copy(update={"confides": state.goal == goal and next(told, False)})

    talk = Talk(60, answer)
    place = talk.goals.index("meet_confided")
    assert talk.goals[place - 1] == goal and talk.goals.count("meet_confided") == 1
    assert not talk.decisions[place].plan.ends and talk.course.exit is None
    if goal == "for":
        assert talk.goals[place + 1] == "for_confirm", "what was told with it is not lost"


def test_what_was_asked_for_is_no_disclosure_of_its_own() -> None:
    def answer(state: CrdialState, words: str) -> Reading:
        asked = state.asks in ("situation", "automatic_thought", "core_belief")
        return cooperative()(state, words).model_copy(update={"confides": asked})

    assert "meet_confided" not in Talk(60, answer).goals


def test_the_rule_is_asked_about_no_thought_of_an_earlier_loop() -> None:
    named = iter([True])

    def answer(state: CrdialState, words: str) -> Reading:
        if state.goal == "residual" and next(named, False):
            return Reading(said=[Said(kind="automatic_thought", quote=words, distortion="blaming")])
        if state.loop == 2 and state.step == "automatic_thoughts":
            return Reading(stance="disagrees")
        return cooperative()(state, words)

    talk = Talk(90, answer)
    earlier = {e.quote for e in talk.course.entries if e.loop == 1 and e.quote}
    rules = [d.plan for d in talk.decisions if d.plan.goal == "rule" and d.plan.loop == 2]
    assert rules and not {plan.belief for plan in rules} & earlier


def test_a_fairer_thought_about_something_else_is_asked_for_once_more() -> None:
    state = before(Talk(60, cooperative()).goals.index("balanced"))
    said = Reading(said=[Said(kind="balanced_thought", quote="about the drain")])
    strays = frozenset({"strays"})
    more: dict[str, object] = {"rounds_left": 30, "risk": "none"}
    first, state = decide(state, said, reply="about the drain", turn=40, heard=strays, **more)  # type: ignore[arg-type]
    assert first.plan.goal == "balanced" and first.plan.again == 1 and not first.entries
    stood, _ = decide(state, Reading(stance="agrees"), reply="as I said", turn=42, **more)  # type: ignore[arg-type]
    assert [e.quote for e in stood.entries if e.kind == "balanced_thought"] == ["about the drain"]
    other = Reading(said=[Said(kind="balanced_thought", quote="about the marks")])
    again, _ = decide(state, other, reply="about the marks", turn=42, **more)  # type: ignore[arg-type]
    assert [e.quote for e in again.entries if e.kind == "balanced_thought"] == ["about the marks"]
    still, _ = decide(state, said, reply="about the drain", turn=42, heard=strays, **more)  # type: ignore[arg-type]
    assert not [e for e in still.entries if e.status == "filled"]


def test_a_thought_with_nothing_on_either_side_is_soon_done_with() -> None:
    def answer(state: CrdialState, words: str) -> Reading:
        if state.asks in ("evidence_for", "evidence_against", "balanced_thought"):
            return Reading(none_left=True)
        return cooperative(fall=5)(state, words)

    talk = Talk(60, answer)
    assert talk.course.channels and {channel.rounds for channel in talk.course.channels} == {1}
    turns = [d.plan.goal for d in talk.decisions if (d.plan.loop, d.plan.channel) == (1, 1)]
    assert turns[:5] == ["for", "for", "against", "balanced", "rate_after"]


def test_another_thought_that_is_put_off_is_asked_about_again() -> None:
    state = before(Talk(60, cooperative()).goals.index("residual"))
    goals, off = [], frozenset({"puts_off"})
    for turn in (60, 62):
        decision, state = decide(
            state,
            Reading(stance="unsure"),
            reply="maybe later",
            turn=turn,
            rounds_left=30,
            risk="none",
            heard=off,  # type: ignore[arg-type]
        )
        goals.append(decision.plan.goal)
    assert goals[0] == "residual" and goals[1] != "residual"


def test_how_far_the_belief_fell_is_known_when_the_thought_is_taken_up_again() -> None:
    talk = Talk(90, cooperative(fall=15))
    again = next(d.plan for d in talk.decisions if d.plan.attempt == 2)
    assert (again.goal, again.opens, again.shift) == ("for", True, 15)
