"""Hidden thought never reaches the visible text, and plain text is left alone."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.models.reasoning import split_reasoning


@pytest.mark.parametrize(
    ("text", "visible", "hidden"),
    [
        ("Hello there.", "Hello there.", None),
        ("  spaces stay \n", "  spaces stay \n", None),
        ("", "", None),
        ("<think>plan</think>Hello.", "Hello.", "plan"),
        ("<think>\nplan\n</think>\n\nHello.", "Hello.", "plan"),
        ("<THINK>plan</THINK> Hello.", "Hello.", "plan"),
        ("<thinking>plan</thinking>你好。", "你好。", "plan"),
        ("<think>one</think>Hello <think>two</think>you.", "Hello you.", "one\n\ntwo"),
        ("<think></think>Hello.", "Hello.", None),
        ("<think>never closed", "", "never closed"),
        ("Hello. <think>never closed", "Hello.", "never closed"),
        ("plan from a template</think>Hello.", "Hello.", "plan from a template"),
        ("<think>a <think>b</think> c</think>Hello.", "Hello.", None),
        ("<think>plan</think><answer>Hello.</answer>", "Hello.", "plan"),
        ("Sure: <answer>Hello.</answer> Done.", "Hello.", "Sure:  Done."),
        ("<answer>Hello, cut", "Hello, cut", None),
        ('<think>plan</think>{"a": 1}', '{"a": 1}', "plan"),
        ("3 < 4 and 5 > 2", "3 < 4 and 5 > 2", None),
    ],
)
def test_split(text: str, visible: str, hidden: str | None) -> None:
    said, thought = split_reasoning(text)
    assert said == visible
    if hidden is not None:
        assert thought == hidden
    if hidden is None and "<think>" not in text:
        assert thought is None


def test_json_that_quotes_a_tag_stays_valid() -> None:
    text = json.dumps({"reply": "I wrote <think> in my notes", "note": "and <answer> too"})
    assert split_reasoning(text) == (text, None)


def test_a_closed_block_inside_a_json_string_is_taken_out() -> None:
    said, thought = split_reasoning(json.dumps({"reply": "<think>plan</think>Hello."}))
    assert json.loads(said) == {"reply": "Hello."}
    assert thought == "plan"


words = st.text(alphabet=st.characters(blacklist_characters="<>{", blacklist_categories=["Cs"]), max_size=40)


@given(before=words, plan=words, after=words)
def test_no_closed_block_survives(before: str, plan: str, after: str) -> None:
    said, thought = split_reasoning(f"{before}<think>SECRET{plan}</think>{after}")
    assert "SECRET" not in said
    assert said == (before + after).strip()
    assert thought is not None and thought.startswith("SECRET")
