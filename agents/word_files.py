"""Loads the word files by which counselors read replies, and compiles their patterns.

``<name>`` in a pattern stands for the piece of that name under ``parts``; pieces may name pieces once. ``<3>`` stands
for a gap of up to three words or characters; each file says what a gap may hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import TypeVar

import yaml
from pydantic import ValidationError

from profiles.errors import UserError
from profiles.schema import Record
from profiles.vocabulary import Language

__all__ = ["NEVER", "any_of", "filled", "load_word_file"]

_Text = TypeVar("_Text", bound=Record)
_Words = TypeVar("_Words")

NEVER = re.compile(r"(?!)")
_GAP = re.compile(r"<(\d{1,2})>")
_PART = re.compile(r"(?<!P)<([a-z_]+)>")
_EDGE = {"en": (r"(?<![a-z0-9])(?:", r")(?![a-z0-9])"), "zh": ("(?:", ")")}


def load_word_file(
    package: str, schema: type[_Text], language: Language, compiled: Callable[[_Text, str], _Words]
) -> _Words:
    """The compiled words of ``<package>/words/<language>.yaml``.

    Args:
        compiled: makes the words of the checked file; its second argument is the file's name, for messages.

    Raises:
        UserError: the file is missing, is not YAML, lacks a field, or holds a pattern that cannot be used.
    """
    name = f"{package.replace('.', '/')}/words/{language}.yaml"
    path = files(package) / "words" / f"{language}.yaml"
    if not path.is_file():
        raise UserError(f"{name}: no such file; add the words of language '{language}'")
    try:
        return compiled(schema.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))), name)
    except yaml.YAMLError as error:
        raise UserError(f"{name}: not valid YAML ({' '.join(str(error).split())}); mend that line") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{name}: {place}: {first['msg']}; mend that field") from error
    except (re.error, KeyError) as error:
        raise UserError(f"{name}: a pattern cannot be used ({error}); mend it") from error


def any_of(
    patterns: Sequence[str], parts: Mapping[str, str], language: Language, gap: str = "", open_ended: bool = False
) -> re.Pattern[str]:
    """One pattern of many, between whole words; an open-ended one may stop right before a word."""
    if not patterns:
        return NEVER
    before, after = _EDGE[language]
    after = ")" if open_ended else after
    return re.compile(before + "|".join(filled(pattern, parts, gap) for pattern in patterns) + after)


def filled(pattern: str, parts: Mapping[str, str], gap: str = "") -> str:
    """A pattern with its pieces and gaps in place.

    Args:
        gap: what ``<3>`` stands for, with ``%s`` where the number goes; where it is empty, gaps are left as they are.
    """
    once = _PART.sub(lambda hit: parts[hit[1]], pattern)
    whole = _PART.sub(lambda hit: parts[hit[1]], once)
    return _GAP.sub(lambda hit: gap.replace("%s", hit[1]) if gap else hit[0], whole)
