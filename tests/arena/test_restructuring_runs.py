"""Whole restructuring sessions, every shipped card, three seeds, both languages: what holds in each and on average."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple

import numpy as np
import pytest

from agents.counselors.crdial.course import MOST_CHANNELS, MOST_LOOPS, NOTE, STEPS, Course, course_of
from agents.dialogue import Turn
from arena import RunConfig, run
from profiles.strategies import strategies
from profiles.vocabulary import LANGUAGES, Language
from storage.database import Database
from storage.queries import load_all_turns, load_sessions
from storage.tables import SessionRow, TurnRow

pytestmark = pytest.mark.slow
SEEDS, ROUNDS = 3, 60


class Held(NamedTuple):
    session: SessionRow
    turns: list[TurnRow]

    @property
    def beliefs(self) -> list[dict[str, float]]:
        return [turn.notes["beliefs"] for turn in self.turns if "beliefs" in turn.notes]

    @property
    def course(self) -> Course:
        found = course_of(self.heard())
        assert found is not None
        return found

    def heard(self) -> Iterator[Turn]:
        for row in self.turns:
            kept = {name: getattr(row, name) for name in ("index", "round", "speaker", "stage", "text", "notes")}
            yield Turn(**kept)

    def fall(self, thoughts: Iterable[str], turns: int) -> float:
        """Mean fall of belief in these thoughts by this client turn."""
        return float(np.mean([self.beliefs[0][name] - self.beliefs[turns - 1][name] for name in thoughts]))


@lru_cache(maxsize=2)
def held(language: Language) -> dict[tuple[str, int, str], Held]:
    """Client, seed and counselor -> session."""
    db = Path(mkdtemp()) / "a.db"
    counselors = ("crdial", "plain:psycho")
    config = RunConfig(
        counselors=counselors, clients="all", lang=language, repeats=SEEDS, rounds=ROUNDS, stage_mode="led", db=str(db)
    )
    result = run(config)
    with Database.open(str(db)) as database:
        turns = load_all_turns(database, result.run_id)
        sessions = load_sessions(database, result.run_id)
    return {(s.profile_id, s.repeat, s.counselor.split(":")[0]): Held(s, turns[s.id]) for s in sessions}


def led(language: Language) -> list[Held]:
    return [each for (_, _, counselor), each in held(language).items() if counselor == "crdial"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_session_walks_the_steps_in_order_and_skips_none(language: Language) -> None:
    sessions = led(language)
    assert len(sessions) == 9 * SEEDS
    for each in sessions:
        course = each.course
        assert course.loops <= MOST_LOOPS
        for loop in range(1, course.loops + 1):
            walked = [(channel, step) for number, channel, step in course.steps if number == loop]
            first = [step for channel, step in walked if channel is None]
            back = loop > 1 and first == [
                "core_beliefs"
            ]  # an old thought is taken up at once, a new one from the start
            assert back or first == list(STEPS[: len(first)])
            channels = list(dict.fromkeys(channel for channel, _ in walked if channel))
            assert len(channels) <= MOST_CHANNELS and (not channels or back or len(first) == 3)
            for channel in channels:
                own = [step for number, step in walked if number == channel]
                rounds = [own[place : place + 3] for place in range(0, len(own), 3)]
                assert len(rounds) <= 2 + 1 and all(part == list(STEPS[3 : 3 + len(part)]) for part in rounds)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_carries_one_strategy_and_the_sentences_are_the_turn(language: Language) -> None:
    known, glue = strategies(language), " " if language == "en" else ""
    counted: list[int] = []
    for each in led(language):
        for turn in each.turns:
            if turn.speaker == "counselor" and NOTE in turn.notes:
                labels: list[dict[str, Any]] = turn.sentences
                assert labels and glue.join(label["text"] for label in labels) == turn.text
                assert all(label["strategy"] in known for label in labels)
                counted.append(len(labels))
    assert 1.8 <= float(np.mean(counted)) <= 2.7  # the paper's mean is 2.23


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_weighed_is_believed_less_with_cooperative_clients_and_more_so_than_after_plain_talk(
    language: Language,
) -> None:
    falls, plain = [], []
    for (client, seed, counselor), each in held(language).items():
        weighed = _weighed(each) if counselor == "crdial" else ()
        if weighed and each.session.profile["response_style"] == "cooperative":
            other = held(language)[client, seed, "plain"]
            turns = min(len(each.beliefs), len(other.beliefs))
            falls.append(each.fall(weighed, turns))
            plain.append(other.fall(weighed, turns))
    assert len(falls) == 2 * SEEDS
    assert min(falls) > 0
    assert float(np.mean(falls)) > float(np.mean(plain)) + 5


def _weighed(each: Held) -> tuple[str, ...]:
    """The card's thoughts that were weighed in some channel."""
    heard = [channel.belief for channel in each.course.channels if channel.effective is not None]
    thoughts = {thought["id"]: thought["text"] for thought in each.session.profile["thoughts"]}
    return tuple(name for name, text in thoughts.items() if any(text[:12] in h or h[:12] in text for h in heard))


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_trusts_nobody_leaves_with_the_belief_that_was_brought(language: Language) -> None:
    """A client made to resist may not be talked out of anything."""
    falls: dict[int, list[float]] = defaultdict(list)
    for each in led(language):
        if weighed := _weighed(each):
            falls[each.session.profile["resistance"]].append(each.fall(weighed, len(each.beliefs)))
    assert np.mean(falls[3]) < np.mean(falls[1])
