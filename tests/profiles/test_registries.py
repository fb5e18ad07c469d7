"""The registries of distortions and strategies: one place, every known name, both languages."""

from __future__ import annotations

import pytest

from profiles.distortions import distortion_in, distortions, names_none
from profiles.library import select
from profiles.strategies import strategies
from profiles.vocabulary import LANGUAGES, Language

OTHER_NAMES = {
    "Mental Filtering": "mental_filter",
    "mental filter": "mental_filter",
    "Jumping to conclusions: Fortune-telling": "fortune_telling",
    "fortune telling": "fortune_telling",
    "Jumping to conclusions: mind reading": "mind_reading",
    "Black-and-white or polarized thinking / All or nothing thinking": "all_or_nothing",
    "ALL-OR-NOTHING THINKING": "all_or_nothing",
    "Discounting the positive": "disqualifying_positive",
    "Labeling and mislabeling": "labeling",
    "labelling": "labeling",
    "Magnification or minimization": "magnification",
    "catastrophising": "catastrophizing",
    "personalising": "personalization",
    "overgeneralisation": "overgeneralization",
    "  Ｂｌａｍｉｎｇ ": "blaming",
    "comparing and despairing": "comparing_despairing",
    "全或无思维": "all_or_nothing",
    "读心": "mind_reading",
    "归咎于己": "personalization",
    "“应该”陈述": "should_statements",
    "攀比性自责": "comparing_despairing",
}


@pytest.mark.parametrize(("name", "found"), OTHER_NAMES.items())
def test_a_name_of_any_list_leads_to_its_distortion(name: str, found: str) -> None:
    assert distortion_in(name) == found


def test_an_unknown_name_is_told_from_one_that_says_there_is_none() -> None:
    assert distortion_in("negative feeling or emotion") is None and names_none("Negative feeling or emotion")
    assert names_none("none") and not names_none("overgeneralizing")
    assert distortion_in("wrong thinking") is None and not names_none("wrong thinking")


def test_fifteen_are_those_of_the_paper_and_two_are_ours() -> None:
    known = distortions("en")
    assert sum(each.crisp is not None for each in known.values()) == 15
    assert {name for name, each in known.items() if each.crisp is None} == {"labeling", "magnification"}
    assert all(each.parent is None or each.parent in known for each in known.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_id_has_a_name_and_a_meaning_of_its_own_in_both_languages(language: Language) -> None:
    known = distortions(language)
    assert list(known) == list(distortions("en"))
    assert len({each.name for each in known.values()}) == len({each.means for each in known.values()}) == 17
    assert all(distortion_in(name) == each.id for each in known.values() for name in (each.id, each.name))
    kinds = strategies(language)
    assert len(kinds) == 8 and len({each.category for each in kinds.values()}) == 5
    assert len({each.name for each in kinds.values()}) == len({each.means for each in kinds.values()}) == 8


def test_no_alias_stands_for_two_distortions() -> None:
    for language in LANGUAGES:
        for each in distortions(language).values():
            assert all(distortion_in(alias) == each.id for alias in each.aliases)


def test_the_shipped_cards_name_distortions_of_the_registry() -> None:
    known = distortions("en")
    named = {thought.distortion for card in select("all", "en") for thought in card.thoughts if thought.distortion}
    assert named and named <= known.keys()
