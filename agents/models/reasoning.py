"""Keep a model's hidden thought apart from what it says aloud."""

from __future__ import annotations

import re

__all__ = ["split_reasoning"]

_NAMES = r"(?:think|thinking|thought|reasoning)"
_BLOCK = re.compile(rf"<({_NAMES})>(.*?)</\1>", re.DOTALL | re.IGNORECASE)
_OPEN = re.compile(rf"<{_NAMES}>", re.IGNORECASE)
_CLOSE = re.compile(rf"</{_NAMES}>", re.IGNORECASE)
_ANSWER = re.compile(r"<answer>(.*?)(?:</answer>|\Z)", re.DOTALL | re.IGNORECASE)


def split_reasoning(text: str) -> tuple[str, str | None]:
    """Part ``text`` into what is said and what is only thought.

    Thought is what stands in ``<think>`` tags (or ``thinking``, ``thought``, ``reasoning``), what follows
    such a tag that is never closed, what precedes a closing tag that was never opened (some chat templates
    write the opening one into the prompt), and what surrounds ``<answer>`` tags. Text without tags stays as
    it is.

    Returns:
        The visible text and the hidden text, ``None`` where there is none.
    """
    hidden: list[str] = []
    visible = _BLOCK.sub(lambda block: _keep(block.group(2), hidden), text)
    if not visible.lstrip().startswith("{"):  # inside JSON a lone tag is somebody's quoted text, not a block
        visible = _take_half_open(visible, hidden)
        visible = _take_answer(visible, hidden)
    thought = "\n\n".join(part.strip() for part in hidden if part.strip())
    return (text if visible == text else visible.strip()), thought or None


def _keep(thought: str, hidden: list[str]) -> str:
    hidden.append(thought)
    return ""


def _take_half_open(text: str, hidden: list[str]) -> str:
    closed = list(_CLOSE.finditer(text))
    if closed:
        hidden.append(_OPEN.sub("", _CLOSE.sub("", text[: closed[-1].start()])))
        text = text[closed[-1].end() :]
    opened = _OPEN.search(text)
    if opened is None:
        return text
    hidden.append(_OPEN.sub("", text[opened.end() :]))
    return text[: opened.start()]


def _take_answer(text: str, hidden: list[str]) -> str:
    answers = _ANSWER.findall(text)
    if not answers:
        return text
    hidden.append(_ANSWER.sub("", text))
    return "\n".join(answer.strip() for answer in answers)
