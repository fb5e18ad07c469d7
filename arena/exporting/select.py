"""Which sessions an export takes, and why it leaves out the others."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from typing import Literal

from pydantic import field_validator

from arena.exporting.settings import Reason
from profiles.errors import UserError
from profiles.schema import Record
from profiles.vocabulary import Language, Party, Stage
from storage.exports.record import DialogueRecord
from storage.tables import SessionRow

__all__ = ["Filters", "dropped", "dropped_early", "least_score", "matching_counselors"]


class Filters(Record):
    """What an export keeps; all that are set must hold.

    counselors: labels, or names with or without variant: ``plain`` takes ``plain:psycho@openai/x`` too.
    stage: turns up to and with this stage. scores: least item mean by party. passed: all three parties passed.
    clean: safety gate passed and fidelity checked and ok; what was not checked does not pass for clean. safe: safety
    gate passed, whatever the fidelity. exits: keep sessions that left the chain for another need, in a split of
    their own.
    """

    counselors: tuple[str, ...] = ()
    language: Language | None = None
    stage: Stage | None = None
    scores: dict[Party, float] = {}
    passed: bool = False
    clean: bool = False
    safe: bool = False
    exits: bool = False
    unit: Literal["session", "path"] = "session"

    @field_validator("counselors")
    @classmethod
    def _sorted(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(set(names)))


def least_score(text: str) -> tuple[Party, float]:
    """``supervisor=3.5`` as party and least item mean.

    Raises:
        UserError: it is not of this form.
    """
    name, mark, number = text.partition("=")
    try:
        least = float(number)
        if not mark or not math.isfinite(least):
            raise ValueError
        return Party(name.strip()), least
    except ValueError:
        raise UserError(
            f"--min-score {text}: write PARTY=VALUE with {', '.join(Party)} and an item mean, such as supervisor=2.5"
        ) from None


def matching_counselors(wanted: Iterable[str], known: Iterable[str], option: str = "--counselor") -> None:
    """Refuse a counselor that no session has. option: where it was named.

    Raises:
        UserError: with the nearest name.
    """
    labels = sorted(set(known))
    for name in wanted:
        if not any(_is(label, name) for label in labels):
            near = difflib.get_close_matches(name, labels, n=1, cutoff=0.0)
            raise UserError(f"{option} {name}: no session is with it; nearest is '{near[0] if near else 'none'}'")


def dropped_early(session: SessionRow, filters: Filters) -> Reason | None:
    """Why a session is left out, as far as its own row tells."""
    if session.status != "finished":
        return "failed"
    if filters.language and session.language != filters.language:
        return "language"
    if filters.counselors and not any(_is(session.counselor, name) for name in filters.counselors):
        return "counselor"
    if filters.safe and session.gate != "passed":
        return "unsafe"
    if filters.clean and (session.gate != "passed" or session.fidelity == "flagged"):
        return "unclean"
    if filters.clean and session.fidelity != "ok":
        return "unchecked"
    if filters.passed and session.outcome.get("pass_all3") is not True:
        return "passed"
    return None


def dropped(record: DialogueRecord, filters: Filters) -> Reason | None:
    """Why a session is left out, as far as its record tells."""
    for party, least in filters.scores.items():
        found = record.scores.get(party.value, {}).get("item_mean")
        if found is None or found < least:
            return "score"
    if record.left_the_chain and not filters.exits:
        return "exit"
    if not any(turn.speaker == "therapist" and turn.content.strip() for turn in record.dialog):
        return "empty"
    return None


def _is(label: str, name: str) -> bool:
    whole, variant = label.partition("@")[0], label.partition("@")[0].partition(":")[0]
    return name in (label, whole, variant)
