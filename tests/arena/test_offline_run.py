"""What the offline arena must show: good counselors beat controls, resistance closes clients, seeds decide all."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.reading import read_counselor, said_in
from arena import RunResult
from arena.statistics import paired_difference
from profiles.vocabulary import LANGUAGES, Language, Move, Party
from storage.database import Database
from storage.queries import load_all_turns, load_judgments
from tests.arena.runs import CONTROLS, play, scores, transcripts


@pytest.fixture(scope="module")
def contest(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """Plain and every control, 36 sessions each: nine clients, four repeats."""
    return play(tmp_path_factory.mktemp("contest"), counselors=("plain", *CONTROLS), repeats=4)


def means(result: RunResult, party: Party) -> dict[str, dict[tuple[str, int], float | None]]:
    """Counselor -> (client, repeat) -> the judge's item mean for a party."""
    rows = {row.id: row for row in result.sessions}
    found: dict[str, dict[tuple[str, int], float | None]] = {}
    with Database.open(result.db) as database:
        for judgment, _ in load_judgments(database, result.run_id):
            if judgment.party == party and judgment.judge == "judge":
                row = rows[judgment.session_id]
                found.setdefault(row.counselor, {})[row.profile_id, row.repeat] = judgment.item_mean
    return found


def test_all_36_sessions_of_each_counselor_finish_and_are_scored(contest: RunResult) -> None:
    assert contest.statuses == {"finished": 36 * 5, "failed": 0}
    assert all(len(cells) == 36 and None not in cells.values() for cells in means(contest, Party.CLIENT).values())


@pytest.mark.parametrize("party", list(Party))
@pytest.mark.parametrize("control", CONTROLS)
def test_plain_beats_every_control_in_every_party_s_eyes(contest: RunResult, party: Party, control: str) -> None:
    by_counselor = means(contest, party)
    difference = paired_difference(by_counselor["plain:psycho@offline"], by_counselor[control], seed=1)
    assert difference.interval is not None
    assert difference.interval.low > 0
    assert difference.n_scored == 36


def test_scores_spread_over_the_scale(contest: RunResult) -> None:
    values = {value for *_, dimension, value, _ in scores(contest) if dimension.startswith(("C", "S"))}
    assert {0.0, 1.0, 2.0, 3.0, 4.0} <= values


def test_every_offline_quote_stands_in_its_turn(contest: RunResult) -> None:
    with Database.open(contest.db) as database:
        evidence = [e for item in load_judgments(database, contest.run_id) for s in item.scores for e in s.evidence]
    assert len(evidence) > 1000
    assert all(item["found"] for item in evidence)


def test_the_result_says_that_rules_made_it(contest: RunResult) -> None:
    assert contest.offline


def test_facts_close_when_resistance_rises_and_nothing_else(tmp_path: Path) -> None:
    told = {}
    for level in (0, 3):
        result = play(tmp_path, counselors=("plain",), repeats=4, resistance=level)
        told[level] = {(row.profile_id, row.repeat): float(row.outcome["disclosed"]) for row in result.sessions}
    difference = paired_difference(told[3], told[0], seed=1)
    assert difference.interval is not None
    assert difference.interval.high < 0


def test_empathy_opens_and_tips_close(contest: RunResult) -> None:
    frame = contest.frame().groupby("counselor")["disclosed"].mean()
    assert frame["plain:psycho@offline"] > 2 * max(frame[name] for name in CONTROLS)


def test_same_seed_same_words_and_scores_and_other_seed_others(tmp_path: Path) -> None:
    settings = {"counselors": ("plain", "echo"), "clients": "3", "rounds": 8}
    first, second = (play(tmp_path / name, seed=5, **settings) for name in ("a", "b"))
    other = play(tmp_path / "c", seed=6, **settings)
    assert transcripts(first) == transcripts(second)
    assert scores(first) == scores(second)
    assert first.run_id == second.run_id != other.run_id
    assert all(talk != transcripts(other)[key] for key, talk in transcripts(first).items())


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_client_never_says_the_same_twice(tmp_path: Path, lang: str) -> None:
    counselors = ("plain", "plain:vanilla", *CONTROLS)
    for rounds in (25, 60):
        result = play(tmp_path, counselors=counselors, lang=lang, rounds=rounds, clients="3" if rounds == 60 else "all")
        for key, talk in transcripts(result).items():
            said = [text for speaker, _, text in talk if speaker == "client"]
            assert len(said) == len(set(said)) == rounds, key


def test_the_cooperative_client_tells_at_once_what_the_dynamic_one_keeps(tmp_path: Path) -> None:
    settings = {"counselors": ("advice_only", "plain"), "rounds": 12}
    dynamic, cooperative = (play(tmp_path, client=kind, **settings) for kind in ("dynamic", "cooperative"))
    assert cooperative.frame()["disclosed"].sum() > 2 * dynamic.frame()["disclosed"].sum()


def test_earned_mode_lets_clients_move_on_only_for_those_who_earn_it(tmp_path: Path) -> None:
    result = play(tmp_path, counselors=("plain", "advice_only"), stage_mode="earned", clients="4")
    talks = transcripts(result)
    early = {key: [stage for _, stage, _ in talk].count("trust_building") for key, talk in talks.items()}
    for profile_id in {key[1] for key in talks}:
        assert early["plain:psycho@offline", profile_id, 1] <= early["advice_only", profile_id, 1]


def test_counselors_meet_the_same_client_with_the_same_seed(contest: RunResult) -> None:
    seeds: dict[tuple[str, int], set[int]] = {}
    for row in contest.sessions:
        seeds.setdefault((row.profile_id, row.repeat), set()).add(row.seed)
    assert all(len(found) == 1 for found in seeds.values())
    assert len({next(iter(found)) for found in seeds.values()}) == 36


def test_turns_are_numbered_and_alternate(contest: RunResult) -> None:
    with Database.open(contest.db) as database:
        for turns in load_all_turns(database, contest.run_id).values():
            assert [turn.index for turn in turns] == list(range(51))
            assert [turn.speaker for turn in turns] == ["counselor", *["client", "counselor"] * 25]
            assert [turn.round for turn in turns] == [0, *(number for number in range(1, 26) for _ in "ab")]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("text", ["I cannot sleep. ", "Sad", "  It hurts.\n" * 1500, "睡不着。" * 3000])
def test_a_card_with_one_text_never_repeats_itself_either(tmp_path: Path, lang: str, text: str) -> None:
    import json

    card = {"id": "tiny", "theme": "other", "lang": lang, "current_distress": text}
    (tmp_path / "tiny.json").write_text(json.dumps(card), encoding="utf-8")
    settings = {"counselors": ("plain", "echo"), "clients": str(tmp_path / "tiny.json"), "lang": lang, "rounds": 40}
    for talk in transcripts(play(tmp_path, **settings)).values():
        said = [words for speaker, _, words in talk if speaker == "client"]
        assert len(set(said)) == 40
        assert max(map(len, said)) < 2500


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_dark_sentence_is_answered_at_once_and_is_nobody_s_step(tmp_path: Path, lang: Language) -> None:
    settings = {"counselors": ("plain",), "clients": "emotion-01,treatment-01", "lang": lang, "repeats": 6}
    result = play(tmp_path, **settings)
    cards = {row.profile_id: row.profile["risk"]["text"] for row in result.sessions}
    told = 0
    for (_, profile_id, _), talk in transcripts(result).items():
        said = [text for speaker, _, text in talk if speaker == "client"]
        answers = [text for speaker, _, text in talk[1:] if speaker == "counselor"]
        dark = cards[profile_id]
        for words, answer in zip(said, answers, strict=True):
            if dark in words:
                told += 1
                moves = read_counselor(answer, [words], lang).moves
                assert {Move.RISK_ENQUIRY, Move.SAFETY_SUPPORT} & set(moves), answer
        assert said_in(dark, answers[-1], lang) < 0.5
    assert told >= 3
    assert all(row.gate == "passed" for row in result.sessions)
