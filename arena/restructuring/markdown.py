"""Writes a worksheet as Markdown; marks in the client's words are escaped, so that they read as they were said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from arena.restructuring.words import load_words, number
from arena.restructuring.worksheet import Change, Field, Level, Sheet, Thought
from profiles.distortions import distortions

__all__ = ["escaped", "worksheet_markdown"]

_MARKS = re.compile(r"([\\`*_\[\]<>#|~&$])")
_BULLET = re.compile(r"^([-+=])")
_NUMBERED = re.compile(r"^(\d+)([.)])")
_LINE = "." * 60  # dots are no mark, as a line of underscores would be


def escaped(text: str) -> str:
    """The text on one line, with a backslash before whatever Markdown would take for a mark."""
    plain = _MARKS.sub(r"\\\1", " ".join(text.split()))
    return _NUMBERED.sub(r"\1\\\2", _BULLET.sub(r"\\\1", plain))


def worksheet_markdown(sheet: Sheet) -> str:
    """The worksheet as one text, to be stored as UTF-8: the same content as the page."""
    words = load_words(sheet.language)
    blocks = [*_head(sheet, words)]
    for place, thought in enumerate(sheet.thoughts, 1):
        blocks += _thought(thought, _title(place, len(sheet.thoughts), words), words)
    if sheet.feelings:
        blocks += [f"## {words['feelings']}"]
        for feeling in sheet.feelings:
            blocks += _named(_feeling(feeling, words), _change(feeling, words))
    blocks += [f"*{words['footer']}*", "---", *_blank(sheet, words["blank"])]
    return "\n\n".join(blocks) + "\n"


def _head(sheet: Sheet, words: Any) -> Iterator[str]:  # noqa: ANN401  (a tree of texts, here and below)
    head, colon, between = words["head"], words["thought"]["colon"], words["thought"]["between"]
    yield f"# {words['page_title'].format(name=escaped(sheet.client))}"
    facts = {
        head["client"]: head["who"].format(name=escaped(sheet.client), id=escaped(sheet.card)),
        head["counselor"]: escaped(sheet.counselor),
        head["held"]: sheet.held,
        head["session"]: escaped(sheet.session),
    }
    yield "\n".join(f"- {label}{colon}{fact}" for label, fact in facts.items())
    why = words["person" if sheet.person else "simulated_why"]
    yield f"> **{words['simulated']}**{between}{why}\n>\n> {sheet.disclaimer}"
    if sheet.offline:
        yield f"> {words['offline'][sheet.offline]}"
    if not sheet.whole:
        yield f"> **{words['broken']}**"
    if sheet.exit:
        yield f"> **{words['exits'][sheet.exit]}**"
    yield words["quoted"]


def _title(place: int, total: int, words: Any) -> str:  # noqa: ANN401
    of = words["thought"]
    return str(of["only"] if total == 1 else of["title"].format(n=place, total=total))


def _thought(thought: Thought, title: str, words: Any) -> Iterator[str]:  # noqa: ANN401
    label = words["thought"]
    yield f"## {title}"
    places = [label["again"].format(n=thought.loop)] if thought.loop > 1 else []
    places += [] if thought.turn is None else [label["where"].format(n=thought.turn)]
    if places:
        yield " · ".join(places)
    if thought.situation:
        yield from _named(label["situation"], _said(thought.situation, words))
    yield from _named(label["thought"], _said(thought.thought, words))
    yield from _named(label["kind"], _kind(thought, words))
    yield from _named(label["belief"], _change(thought.belief, words))
    yield from _named(_feeling(thought.feeling, words), _change(thought.feeling, words))
    yield from _named(label["evidence_for"], _said(thought.evidence_for, words))
    yield from _named(label["evidence_against"], _said(thought.evidence_against, words))
    yield from _named(label["balanced"], _said(thought.balanced, words))
    yield from _named(label["outcome"], _outcome(thought, words))


def _named(label: str, content: str) -> Iterator[str]:
    yield f"### {label}"
    yield content


def _said(field: Field, words: Any) -> str:  # noqa: ANN401
    if field.missing:
        return _lack(field.missing, words)
    quote = words["thought"]["quote"]
    return "\n".join(f"- {quote.format(text=escaped(each))}" for each in field.words)


def _kind(thought: Thought, words: Any) -> str:  # noqa: ANN401
    if not thought.kind:
        return f"*({words['thought']['no_kind']})*"
    name = f"**{escaped(thought.kind_name)}**"
    return name + (f"{words['thought']['colon']}{escaped(thought.kind_means)}" if thought.kind_means else "")


def _feeling(feeling: Change, words: Any) -> str:  # noqa: ANN401
    label = words["thought"]
    if not feeling.name:
        return str(label["feeling_unnamed"])
    return f"{label['feeling']}{label['colon']}{label['quote'].format(text=escaped(feeling.name))}"


def _change(change: Change, words: Any) -> str:  # noqa: ANN401
    label = words["thought"]
    levels = ((label["before"], change.before), (label["after"], change.after), (label["end"], change.end))
    return "\n".join(f"- {when}{label['colon']}{_level(level, words)}" for when, level in levels if level)


def _level(level: Level, words: Any) -> str:  # noqa: ANN401
    if level.value is None:
        return _lack(level.missing or "not_reached", words)
    full = round(min(max(level.value, 0.0), 100.0) / 10)
    return f"{'█' * full}{'░' * (10 - full)} {number(level.value)}/100"


def _outcome(thought: Thought, words: Any) -> str:  # noqa: ANN401
    said = words["status"]
    parts = [said[thought.status]]
    if thought.status == "closed" and not thought.balanced.missing:
        parts.append(said["closed_words"])
    if thought.rounds > 1:
        parts.append(said["rounds"].format(n=thought.rounds))
    return str(words["thought"]["between"].join(parts))


def _lack(why: str, words: Any) -> str:  # noqa: ANN401
    return f"*({words['missing'][why]})*"


def _blank(sheet: Sheet, words: Any) -> Iterator[str]:  # noqa: ANN401
    yield f"# {words['title']}"
    yield words["lead"]
    yield f"{words['name']} {_LINE[:36]} {words['date']} {_LINE[:20]}"
    for name, lines in (("situation", 2), ("thought", 2), ("belief", 1), ("feeling", 1)):
        yield from _asked(words, name, lines)
    yield f"### {words['kind']}"
    yield "\n".join(f"- [ ] {escaped(kind.name)}" for kind in distortions(sheet.language).values())
    for name, lines in (("evidence_for", 3), ("evidence_against", 3), ("balanced", 2), ("belief_after", 1)):
        yield from _asked(words, name, lines)
    yield from _asked(words, "feeling_after", 1)
    yield words["care"]


def _asked(words: Any, name: str, lines: int) -> Iterator[str]:  # noqa: ANN401
    yield f"### {words[name]}"
    if why := words.get(f"{name}_why"):
        yield why
    yield "\n".join([f"- {_LINE}"] * lines)
