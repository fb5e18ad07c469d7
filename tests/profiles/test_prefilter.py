"""The prefilter: it may let too much pass, but never hides a match, whatever the pattern and the text."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profiles.prefilter import Sieve, ways
from profiles.safety import Lexicon, LexiconName, Rule, load_lexicon
from profiles.screening import fold, hits, search
from profiles.vocabulary import LANGUAGES, Language

FIXTURES = Path(__file__).parents[1] / "fixtures"
NAMES = get_args(LexiconName)
LEXICONS = {(name, language): load_lexicon(name, language) for name in NAMES for language in LANGUAGES}
PATTERNS = {key: [pattern for rule in lexicon.rules for pattern in rule.patterns] for key, lexicon in LEXICONS.items()}
SIEVES = {key: Sieve(patterns) for key, patterns in PATTERNS.items()}
GUARDS = [
    pattern
    for lexicon in LEXICONS.values()
    for guard in {guard.name: guard for rule in lexicon.rules for guard in rule.guards}.values()
    for pattern in (*guard.patterns, *guard.but)
]
# What hypothesis writes for a pattern need not match it: it knows no lookbehind, and throws such a text away.
LAX = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


class Unsifted(Lexicon):
    """A lexicon that tries everything everywhere, as a search without a prefilter does."""

    def worth_trying(self, text: str) -> list[tuple[Rule, list[re.Pattern[str]]]]:
        return [(rule, list(rule.patterns)) for rule in self.rules]


UNSIFTED = {
    key: Unsifted(**{field.name: getattr(lexicon, field.name) for field in fields(lexicon)})
    for key, lexicon in LEXICONS.items()
}


def strings(value: Any) -> list[str]:
    """All texts of a fixture file."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


CORPORA = {
    language: [
        text
        for file in ("safety", "moves")
        for text in strings(yaml.safe_load((FIXTURES / f"{file}_{language}.yaml").read_text(encoding="utf-8")))
    ]
    for language in LANGUAGES
}


def matching(patterns: list[re.Pattern[str]]) -> st.SearchStrategy[str]:
    """Texts that one of the patterns matches, or pieces of such."""
    return st.sampled_from(patterns).flatmap(lambda pattern: st.from_regex(pattern.pattern))


def told(pattern: str) -> list[list[set[str]]]:
    """The ways of a pattern, comparable: the sets of each, those that say most first."""
    return [[set(strings) for strings in way] for way in ways(re.compile(pattern))]


# ---- what is read off a pattern ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("die", [[{"die"}]]),
        ("colou?r", [[{"color", "colour"}]]),
        ("gr[ae]y|h[i-k]", [[{"gray", "grey"}], [{"hi", "hj", "hk"}]]),
        (r"(?:(?<!\w)|(?=\W))(?:a b|c{1,9}d)(?!e)$", [[{"a b"}], [{"c"}, {"d"}]]),
        (r"kill(?:ing|ed)? .{0,9}(?:him|her)", [[{"kill ", "killing ", "killed "}, {"him", "her"}]]),
        (r"x\w{0,4}(?:nothing)?", [[{"x"}]]),
        ("(?>want|wish) to", [[{"want to", "wish to"}]]),
    ],
)
def test_ways_of_matching_are_read_off_a_pattern(pattern: str, expected: list[list[set[str]]]) -> None:
    found = told(pattern)
    assert [sorted(map(sorted, way)) for way in found] == [sorted(map(sorted, way)) for way in expected]


UNTOLD = [
    "",
    r"\w{1,9}",
    "(?i)die",
    "(?i:die)",
    "(?:a|b?)",
    "(?=a)",
    "(?<!a)",
    "[^a]",
    ".",
    "(?:a|.)",
    "a{0,5}",
    "(?:a.)?",
]


@pytest.mark.parametrize("pattern", UNTOLD)
def test_of_some_patterns_nothing_is_known_and_they_always_pass(pattern: str) -> None:
    assert () in ways(re.compile(pattern))
    assert Sieve([re.compile("zz"), re.compile(pattern)]).passing("unrelated") == [1]


def test_a_sieve_lets_pass_what_may_match_in_the_order_of_its_list() -> None:
    sieve = Sieve([re.compile(text) for text in ("wants? to die", "hope", "(?:want|wish) .{0,9}(?:die|end)", "ie$")])
    assert sieve.passing("i hope i die") == [1, 3]
    assert sieve.passing("i want to die") == [0, 2, 3]
    assert sieve.passing("i want to be left") == []
    assert sieve.passing("") == []
    assert Sieve([]).passing("anything") == []


# ---- no match is ever hidden ------------------------------------------------------------------------------------

# Expressions, each with a text that it matches as it stands (the odd one with flags or neighbours that it lacks).
ATOMS = [
    ("a", "a"), ("b", "b"), ("ab", "ab"), ("ba", "ba"), ("b a", "b a"), ("A", "A"), (r"\.", "."), ("[ab]", "b"),
    ("[^a]", "c"), ("[a-c]", "c"), ("[aé]", "é"), (".", "x"), (r"\w", "a"), (r"\b", ""), ("^", ""), ("$", ""),
    ("(?i:ſ)", "s"), ("(?i:k)", "K"), ("k", "K"), ("(?!)", ""),
]  # fmt: skip
FORMS = [
    ("{0}{1}", "{2}{3}"), ("{0}{1}{0}", "{2}{3}{2}"), ("(?:{0}|{1})", "{2}"), ("(?:{0}|{1})", "{3}"), ("({0})", "{2}"),
    ("(?:{0})?", ""), ("(?:{0})?", "{2}"), ("(?:{0}){{0,3}}?", ""), ("(?:{0}){{1,2}}", "{2}{2}"), ("(?={0})", ""),
    ("(?:{0}){{2}}", "{2}{2}"), ("(?:{0}){{0,9}}{1}", "{3}"), ("(?={0}){1}", "{3}"), ("(?!{0}){1}", "{3}"),
    ("(?<!a){0}", "{2}"), ("(?<=a|b){0}", "{2}"), ("(?i:{0})", "{2}"), ("(?m:^){0}", "{2}"), ("(?:{0}{1}|{0}|)", "{2}"),
    ("({0})(?(1){1}|{0})", "{2}{3}"), ("(?>ab|b){0}", "ab{2}"), ("[bc]++{0}", "bb{2}"), ("[bc]{{0,2}}+{0}", "{2}"),
]  # fmt: skip
Known = tuple[str, str]


def put_together(forms: Known, one: Known, other: Known) -> Known:
    expression, text = (form.format(one[0], other[0], one[1], other[1]) for form in forms)
    return expression, text


EXPRESSIONS = st.recursive(
    st.sampled_from(ATOMS[:7]) | st.sampled_from(ATOMS),
    lambda inner: st.builds(put_together, st.sampled_from(FORMS), inner, inner),
    max_leaves=8,
)


@settings(max_examples=600, deadline=None)
@given(EXPRESSIONS, st.sampled_from([0, re.MULTILINE, re.IGNORECASE]), st.text("ab \nK", max_size=3))
def test_no_match_of_any_expression_is_hidden(known: Known, flags: int, beside: str) -> None:
    pattern = re.compile(known[0], flags)
    for text in (known[1], known[1].upper(), beside + known[1], known[1] + beside, beside):
        if pattern.search(text):
            assert Sieve([pattern]).passing(text) == [0], ways(pattern)


@LAX
@given(st.data(), st.sampled_from(sorted(PATTERNS)))
def test_no_match_of_a_shipped_pattern_is_hidden(data: st.DataObject, key: tuple[LexiconName, Language]) -> None:
    text = " ".join(data.draw(st.lists(matching(PATTERNS[key]), min_size=1, max_size=3)))
    found = [place for place, pattern in enumerate(PATTERNS[key]) if pattern.search(text)]
    assert set(found) <= set(SIEVES[key].passing(text))


@LAX
@given(st.data(), st.sampled_from(GUARDS))
def test_no_match_of_a_guard_would_be_hidden_either(data: st.DataObject, pattern: re.Pattern[str]) -> None:
    text = data.draw(st.from_regex(pattern.pattern))
    if pattern.search(text):
        assert Sieve([pattern]).passing(text) == [0]


@pytest.mark.parametrize("key", sorted(PATTERNS))
def test_the_corpora_are_searched_as_without_a_prefilter(key: tuple[LexiconName, Language]) -> None:
    texts = [fold(text).text for text in (*CORPORA["en"], *CORPORA["zh"])]
    found = [list(search(LEXICONS[key], text)) for text in texts]
    assert found == [list(search(UNSIFTED[key], text)) for text in texts]
    assert any(found)


@LAX
@given(st.data(), st.sampled_from(sorted(PATTERNS)))
def test_mixtures_are_searched_as_without_a_prefilter(data: st.DataObject, key: tuple[LexiconName, Language]) -> None:
    pieces = st.sampled_from(CORPORA[key[1]]) | matching(PATTERNS[key]) | matching(GUARDS) | st.text(max_size=20)
    joints = st.sampled_from([" ", ", ", ". ", "。", "\n", "", " but ", "，"])
    parts = data.draw(st.lists(st.tuples(pieces, joints), min_size=1, max_size=5))
    text = fold("".join(piece + joint for piece, joint in parts)).text
    assert list(search(LEXICONS[key], text)) == list(search(UNSIFTED[key], text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_of_an_ordinary_turn_hardly_a_pattern_is_left_to_run(language: Language) -> None:
    safe = yaml.safe_load((FIXTURES / f"safety_{language}.yaml").read_text(encoding="utf-8"))["counselor_safe"]
    key: tuple[LexiconName, Language] = ("counselor_harm", language)
    passed = sum(len(SIEVES[key].passing(fold(text).text)) for text in strings(safe))
    assert passed / len(strings(safe)) < len(PATTERNS[key]) / 20


def test_what_was_found_once_is_found_again_and_cannot_be_spoilt_by_who_asked() -> None:
    said = fold("I want to die.")
    first = hits("client_risk", said, "en")
    first.clear()
    assert [hit.level for hit in hits("client_risk", said, "en")] == ["high"]
