"""The shipped cards: whole in both languages, alike in structure, and nothing hidden shows beforehand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from profiles.library import Card, shipped_cards
from profiles.schema import Profile
from profiles.vocabulary import LANGUAGES, Language, Move, Theme

CARDS = shipped_cards()
NEUTRAL = {"id", "theme", "topic", "age", "response_style", "resistance", "sensitivity", "stage_min", "level"}
NEUTRAL |= {"trust", "openness", "after", "asks", "distortion", "strength", "truth", "kind", "disclosure"}
HAN = re.compile(r"[\u3400-\u9fff]")
WORD = re.compile(r"[a-z']+")

every_card = pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
both_languages = pytest.mark.parametrize("language", LANGUAGES)


def leaves(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*place, str(key)))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from leaves(item, (*place, str(number)))
    else:
        yield place, value


def words(text: str, language: Language) -> list[str]:
    return WORD.findall(text.lower()) if language == "en" else HAN.findall(text)


def content(text: str, language: Language) -> set[str]:
    """What carries the meaning: longer words in English, pairs of characters in Chinese."""
    found = words(text, language)
    if language == "en":
        return {word for word in found if len(word) > 3}
    return {"".join(found[i : i + 2]) for i in range(len(found) - 1)}


def runs(text: str, language: Language, length: int) -> set[tuple[str, ...]]:
    found = words(text, language)
    return {tuple(found[i : i + length]) for i in range(len(found) - length + 1)}


def spoken(profile: Profile) -> list[tuple[str, str]]:
    """All that the client could say, by place."""
    found = [("opening", profile.opening)]
    found += [(fact.id, fact.text) for fact in (*profile.facts, *profile.hidden_facts)]
    for thought in profile.thoughts:
        texts = (thought.text, *thought.evidence_for, *thought.evidence_against, thought.balanced)
        found += [(f"{thought.id}.{number}", text) for number, text in enumerate(texts)]
    found += [(key, criterion.text) for key, criterion in profile.criteria.items()]
    for name in ("goals", "strengths", "coping", "next_steps"):
        found += [(f"{name}.{number}", text) for number, text in enumerate(getattr(profile, name))]
    return [(place, text) for place, text in [*found, ("risk", profile.risk.text)] if text]


def shape(value: Any) -> Any:
    """A card's structure with its texts taken out."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items() if key != "lang"}
    if isinstance(value, list | tuple):
        return [shape(item) for item in value]
    return bool(value) if isinstance(value, str) else value


def test_every_theme_has_a_card_and_no_id_stands_twice() -> None:
    assert {card.theme for card in CARDS} >= {theme.value for theme in Theme if theme is not Theme.OTHER}
    assert len({card.id for card in CARDS}) == len(CARDS)


@every_card
@both_languages
def test_a_card_is_valid_and_knows_where_it_stands(card: Card, language: Language) -> None:
    assert card.faults(language) == ()
    profile = card.read(language)
    assert card.located.source == f"profiles/data/clients/{profile.theme.value}/{profile.id}.yaml"
    assert profile.provenance.synthetic


@every_card
def test_each_text_stands_in_both_languages(card: Card) -> None:
    assert card.languages == LANGUAGES
    value = {key: item for key, item in card.located.value.items() if key != "provenance"}
    plain = [
        place
        for place, leaf in leaves(value)
        if isinstance(leaf, str) and leaf and not {*place} & {*LANGUAGES} and not {*place[-2:]} & NEUTRAL
    ]
    assert plain == []


@every_card
def test_the_languages_are_alike_in_structure(card: Card) -> None:
    english, chinese = (shape(card.read(language).model_dump(mode="json")) for language in LANGUAGES)
    assert english == chinese


@every_card
def test_english_is_english_and_chinese_is_chinese(card: Card) -> None:
    english, chinese = spoken(card.read("en")), spoken(card.read("zh"))
    assert [place for place, text in english if HAN.search(text)] == []
    assert [place for place, text in chinese if not HAN.search(text)] == []
    assert [place for place, text in chinese if re.search(r"[,;:?!]", text)] == []


@every_card
@both_languages
def test_no_text_stands_twice(card: Card, language: Language) -> None:
    texts = [text for _, text in spoken(card.read(language))]
    assert sorted({text for text in texts if texts.count(text) > 1}) == []


@both_languages
def test_no_two_cards_share_a_sentence(language: Language) -> None:
    texts = [text for card in CARDS for text in {text for _, text in spoken(card.read(language))}]
    assert sorted({text for text in texts if texts.count(text) > 1}) == []


@every_card
@both_languages
def test_what_is_hidden_shows_neither_in_intake_nor_opening_nor_facts(card: Card, language: Language) -> None:
    profile = card.read(language)
    open_texts = [("intake", profile.intake), ("opening", profile.opening)]
    open_texts += [("current_distress", profile.current_distress)]
    open_texts += [(fact.id, fact.text) for fact in profile.facts]
    hidden = [(fact.id, fact.text) for fact in profile.hidden_facts]
    hidden += [("risk", profile.risk.text)] if profile.risk.text else []
    longest = 4 if language == "en" else 6
    leaks = [
        (hidden_id, place)
        for hidden_id, secret in hidden
        for place, text in open_texts
        if len(content(secret, language) & content(text, language)) > len(content(secret, language)) / 3
        or runs(secret, language, longest) & runs(text, language, longest)
    ]
    assert leaks == []


@every_card
def test_hidden_facts_are_earned_step_by_step(card: Card) -> None:
    facts = card.read("en").hidden_facts
    assert facts
    assert all(fact.condition.trust > 0 for fact in facts)
    assert all(isinstance(move, Move) for fact in facts for move in fact.condition.after)
    assert all(fact.condition.asks is None or fact.condition.asks in Move for fact in facts)
    by_sensitivity = sorted(facts, key=lambda fact: fact.sensitivity)
    assert by_sensitivity[0].condition.trust < by_sensitivity[-1].condition.trust


@every_card
@both_languages
def test_risk_text_stands_where_there_is_a_risk_and_only_there(card: Card, language: Language) -> None:
    risk = card.read(language).risk
    assert bool(risk.text) == bool(risk.kind) == (risk.level != "none")


@every_card
@both_languages
def test_a_card_has_enough_to_say_for_25_rounds(card: Card, language: Language) -> None:
    profile = card.read(language)
    assert profile.intake and profile.opening and profile.detailed_distress and profile.core_theme
    assert len(spoken(profile)) >= 40
    assert {thought.level for thought in profile.thoughts} == {"automatic", "intermediate", "core"}
    assert all(thought.evidence_for and thought.evidence_against and thought.balanced for thought in profile.thoughts)
