"""Whole interviews with clients whose truth is known: conduct that must hold, and agreement that must not fall."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache

import pytest

from agents.dialogue import DialogueView, Utterance
from agents.models.offline import OfflineModel, collect_rules
from agents.registry import find_plugin
from agents.roles import Brief, Setup
from arena.api import RULE_PACKAGES
from arena.interview.agreement import Table, compare, table_of
from arena.interview.answers import answers_in
from arena.interview.evaluate import Held, System, hold_all
from arena.session import SessionSpec, Transcript, build_graph, cast, run_session
from profiles.interview_draw import draw
from profiles.schema import Profile, Record, ResponseStyle
from profiles.vocabulary import LANGUAGES, Language

MODEL = OfflineModel(collect_rules(RULE_PACKAGES))
STYLES: tuple[ResponseStyle, ...] = ("cooperative", "terse", "guarded", "rambling", "contradicting", "denying")
CLIENTS = 24


@lru_cache(maxsize=64)
def interviews(style: ResponseStyle, language: Language, system: System) -> tuple[Held, ...]:
    return tuple(asyncio.run(hold_all(draw(CLIENTS, 5, style, language), system, MODEL)))


def table(style: ResponseStyle, language: Language, system: System = "adaptive") -> Table:
    return table_of(interviews(style, language, system), style, language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("style", STYLES)
def test_conduct_is_flawless_whatever_the_style(style: ResponseStyle, language: Language) -> None:
    systems: tuple[System, ...] = ("adaptive", "fixed")
    for system in systems:
        conduct = table(style, language, system).conduct
        assert conduct.skip_violations == 0 and conduct.reasks == 0
        assert conduct.quote_validity.share == 1.0 and conduct.replayed.share == 1.0
        assert conduct.crisis_delay in (None, 0)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("style", STYLES)
def test_a_verdict_is_seldom_wrong(style: ResponseStyle, language: Language) -> None:
    """An open answer is honest; a wrong one is not. A client who denies everything is believed, as it must be."""
    told = [
        (each.truth[name], verdict)
        for each in interviews(style, language, "adaptive")
        for name, verdict in each.found.items()
        if each.truth.get(name) in ("met", "not_met") and verdict in ("met", "not_met")
    ]
    found_in_error = sum(truth == "not_met" and verdict == "met" for truth, verdict in told)
    wrong = sum(truth != verdict for truth, verdict in told)
    assert len(told) > 100
    assert found_in_error <= 0.04 * len(told)
    if style in ("cooperative", "terse"):
        assert wrong <= 0.03 * len(told)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("style", ["cooperative", "terse", "guarded", "rambling"])
def test_whoever_shows_risk_is_flagged(style: ResponseStyle, language: Language) -> None:
    conduct = table(style, language).conduct
    assert conduct.crisis_recall.n_scored > 0 and conduct.crisis_recall.share == 1.0


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_tree_finds_more_than_talk_does(language: Language) -> None:
    tree, talk = table("cooperative", language).overall, table("cooperative", language, "plain").overall
    assert tree.recall.share is not None and talk.recall.share is not None
    assert tree.recall.share > talk.recall.share + 0.15
    assert tree.kappa is not None and talk.kappa is not None and tree.kappa > talk.kappa + 0.1


class Parrot:
    """Says again what a client said, whoever's card lies under it."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines

    def begin(self, brief: Brief) -> Record:
        return Record()

    async def reply(self, view: DialogueView, state: Record) -> tuple[Utterance, Record]:
        return Utterance(text=self._lines[view.round - 1]), state


def held_with(client: object, profile: Profile, language: Language) -> Transcript:
    counselor = find_plugin("counselor", "magi").build(Setup(language=language, model=MODEL))
    spec = SessionSpec(
        id="s", profile=profile, language=language, rounds=90, seed=4, stage_mode="led", leave_early=True
    )
    return asyncio.run(run_session(cast(spec, client, counselor), build_graph()))  # type: ignore[arg-type]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_are_read_and_not_the_card(language: Language) -> None:
    ill, well = (
        next(p for p in draw(40, 2, "cooperative", language) if p.topic == kind)
        for kind in ("depressive_episode", "none")
    )
    interviewee = find_plugin("client", "interviewee").build(Setup(language=language))
    first = held_with(interviewee, ill, language)
    lines = [turn.text for turn in first.turns if turn.speaker == "client"]
    swapped = held_with(Parrot(lines), well.model_copy(update={"intake": ill.intake}), language)
    assert answers_in(swapped.turns) == answers_in(first.turns)
    assert any(answer.verdict == "met" for answer in answers_in(first.turns))


@lru_cache(maxsize=8)
def three_hundred(style: ResponseStyle, language: Language, system: System, seed: int = 1) -> tuple[Held, ...]:
    return tuple(asyncio.run(hold_all(draw(300, seed, style, language), system, MODEL)))


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_of_guarded_clients_adaptive_order_finds_no_less_with_fewer_questions(language: Language) -> None:
    """With clients that no weight of the order was chosen by."""
    fixed, adaptive = (three_hundred("guarded", language, system, seed=201) for system in ("fixed", "adaptive"))
    saved = compare(fixed, adaptive, lambda held: held.questions)
    found = compare(adaptive, fixed, lambda held: sum(held.found.get(n) == held.truth[n] == "met" for n in held.truth))
    assert saved.interval is not None and saved.interval.low > 0
    assert found.mean is not None and found.mean >= 0


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_who_answers_plainly_is_read_right_in_every_criterion_and_label(language: Language) -> None:
    told = table_of(three_hundred("cooperative", language, "adaptive"), "cooperative", language)
    assert told.overall.asked > 5_000
    for each in (*told.criteria, *told.modules):
        assert each.sensitivity.n_passed == each.sensitivity.n_scored, each.name
        assert each.specificity.n_passed == each.specificity.n_scored, each.name
