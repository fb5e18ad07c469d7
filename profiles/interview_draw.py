"""Draws interviewees with a known truth for every variable of the screening interview, by seed, over realistic kinds.

Which kinds there are and how often each variable applies stands in ``profiles/data/interviews/draw.yaml`` with a word
on where those numbers come from. A client's truth depends on seed and number alone, never on style or language, so
that styles, languages and ways of asking can be compared client by client.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from pydantic import Field

from profiles.errors import UserError
from profiles.interview_rules import Outcome, evaluate
from profiles.interviews import Instrument, Kind, Variable, load_instrument
from profiles.localize import localize
from profiles.located import read_yaml, validate
from profiles.schema import Criterion, Demographics, Profile, Provenance, Record, ResponseStyle, Risk, RiskLevel, Truth
from profiles.vocabulary import Language, Theme

__all__ = ["Count", "DrawTable", "Part", "draw", "load_draw_table"]

_SHOWN = "profiles/data/interviews/draw.yaml"
Key = TypeVar("Key", str, int)


class Count(Record):
    """How many of a group apply. numbers: number -> weight. one_of: at least one of these is among them."""

    numbers: dict[int, float]
    one_of: tuple[str, ...] = ()


class Part(Record):
    """Chances of one state of affairs, laid over those of others; fields as in ``draw.yaml``."""

    rates: dict[str, float] = {}
    counts: dict[str, Count] = {}
    spans: dict[str, dict[int, float]] = {}
    suicidality: str = ""

    def over(self, other: Part) -> Part:
        """These chances, and those of ``other`` where this part is silent."""
        return Part(
            rates={**other.rates, **self.rates},
            counts={**other.counts, **self.counts},
            spans={**other.spans, **self.spans},
            suicidality=self.suicidality or other.suicidality,
        )


class ClientKind(Record):
    """A kind of client. ``share``: 0-1; ``sure``: none of its truths is unknown."""

    id: str
    share: float = Field(gt=0, le=1)
    parts: tuple[str, ...] = ()
    sure: bool = False


class Suicidality(Record):
    """A picture of risk: which risk variables are met, how grave it is, and how the client would say it."""

    level: RiskLevel
    met: tuple[str, ...]
    text: str = ""


class DrawTable(Record):
    """The numbers and sentences of ``draw.yaml`` in one language; that file says what each means."""

    version: str
    groups: dict[str, tuple[str, ...]]
    needs: dict[str, tuple[str, ...]]
    unknown: float = Field(ge=0, le=1)
    unknown_kinds: tuple[Kind, ...]
    echo: float = Field(ge=0, le=1)
    base: Part
    parts: dict[str, Part]
    classes: tuple[ClientKind, ...]
    mixes: dict[str, dict[str, float]]
    suicidality: dict[str, Suicidality]
    disclosure: dict[ResponseStyle, str]
    ages: tuple[int, ...]
    intake: str
    distress: str
    openings: tuple[str, ...]


def draw(number: int, seed: int, style: ResponseStyle, language: Language) -> tuple[Profile, ...]:
    """Clients ``drawn-0000`` and on, each with a truth for every variable of the shipped instrument.

    Args:
        number: how many, at least 1. The first ones of a longer draw are those of a shorter one.
        seed: of the draw; with the client's number it decides the truths.
        style: how the clients answer. language: of their few own words.

    Returns:
        Profiles with ``theme`` other, ``topic`` the kind of client, and ``criteria`` complete. A duration's slot bears
        the name of its threshold's unit (``{"weeks": 5}``), 0 where there is nothing to time.

    Raises:
        UserError: the number is below 1, or a data file is malformed.
    """
    if number < 1:
        raise UserError(f"--draw {number}: draw at least one client")
    table, instrument = load_draw_table(language), load_instrument(language)
    return tuple(_profile(table, instrument, _Luck(seed, index), style) for index in range(number))


@lru_cache(maxsize=2)
def load_draw_table(language: Language) -> DrawTable:
    """The chances that clients are drawn with.

    Raises:
        UserError: ``draw.yaml`` is malformed or lacks a text; the line is named.
    """
    located = read_yaml(Path(str(files("profiles") / "data" / "interviews" / "draw.yaml")), _SHOWN)
    table = validate(DrawTable, localize(located.value, language), located)
    total = sum(kind.share for kind in table.classes)
    if abs(total - 1) > 1e-6:
        raise located.fault(("classes",), f"the shares add up to {total:.4f}; make it 1")
    return table


@dataclass(frozen=True)
class _Luck:
    """The chances of one client: each name has a throw of its own, so no answer depends on the order of throws."""

    seed: int
    index: int

    def throw(self, name: str) -> float:
        return random.Random(f"{self.seed}/{self.index}/{name}").random()

    def choose(self, weights: Mapping[Key, float], name: str) -> Key:
        keys = list(weights)
        return random.Random(f"{self.seed}/{self.index}/{name}").choices(keys, [weights[key] for key in keys])[0]


def _profile(table: DrawTable, instrument: Instrument, luck: _Luck, style: ResponseStyle) -> Profile:
    shares = {kind.id: kind.share for kind in table.classes}
    chosen = luck.choose(shares, "kind")
    kind = next(each for each in table.classes if each.id == chosen)
    part = table.base
    for name in kind.parts:
        part = table.parts[name].over(part)
    danger = table.suicidality[luck.choose(table.mixes[part.suicidality], "suicidality")]
    level = danger.level
    return Profile(
        id=f"drawn-{luck.index:04d}",
        lang=instrument.language,
        theme=Theme.OTHER,
        topic=kind.id,
        demographics=Demographics(age=table.ages[int(luck.throw("age") * len(table.ages))]),
        current_distress=table.distress,
        intake=table.intake,
        opening=table.openings[int(luck.throw("opening") * len(table.openings))],
        response_style=style,
        criteria=_criteria(table, instrument, luck, part, danger, kind.sure),
        risk=Risk.model_validate(
            {
                "level": level,
                "kind": "" if level == "none" else "suicide",
                "disclosure": table.disclosure[style],
                "text": danger.text,
            }
        ),
        provenance=Provenance(source="drawn by seed", version=table.version),
    )


def _criteria(
    table: DrawTable, instrument: Instrument, luck: _Luck, part: Part, danger: Suicidality, sure: bool
) -> dict[str, Criterion]:
    met = set(danger.met)
    met |= {v.id for v in instrument.variables.values() if v.known_from and _derived(instrument, v.known_from, met)}
    settled = {v.id for v in instrument.variables.values() if v.kind in ("risk", "duration") or v.known_from}
    for name, count in part.counts.items():
        group = table.groups[name]
        met |= _counted(group, count, met, part, instrument, luck, table.echo)
        settled |= set(group)
    for name, rate in part.rates.items():
        if name not in settled and luck.throw(name) < rate:
            met.add(name)
    spans = {name: luck.choose(weights, name) for name, weights in part.spans.items()}
    for name, needed in table.needs.items():
        if not met & set(needed):
            met.discard(name)
            spans.update({name: 0} if name in spans else {})
    truths = _truths(instrument, met, spans)
    if not sure:
        truths = {name: _or_unknown(table, instrument, luck, name, truth) for name, truth in truths.items()}
    return {name: _criterion(instrument.variables[name], truth, spans) for name, truth in truths.items()}


def _derived(instrument: Instrument, rule: str, met: set[str]) -> bool:
    known: dict[str, Truth] = {name: "met" if name in met else "not_met" for name in instrument.risk_variables}
    return evaluate(instrument, rule, known) is Outcome.MET


def _counted(
    group: tuple[str, ...], count: Count, met: set[str], part: Part, instrument: Instrument, luck: _Luck, echo: float
) -> set[str]:
    """Those of a group that apply: as many as drawn, the ones with higher rates more often (weighted, no returns)."""
    wanted = luck.choose(count.numbers, f"count of {group[0]}")
    have = met & set(group)
    free = [name for name in group if name not in have and part.rates.get(name, 0) > 0]
    keys = {name: _throw(name, instrument, luck, echo) ** (1 / _odds(part.rates[name])) for name in free}
    ordered = sorted(free, key=lambda name: -keys[name])
    if count.one_of and not have & set(count.one_of):
        first = next(name for name in ordered if name in count.one_of)
        ordered = [first, *(name for name in ordered if name != first)]
    return set(ordered[: max(0, wanted - len(have))])


def _throw(name: str, instrument: Instrument, luck: _Luck, echo: float) -> float:
    """A symptom asked in two modules shares its throw with its twin, most of the time."""
    twin = instrument.variables[name].echoes
    return luck.throw(twin if twin and luck.throw(f"echo of {name}") < echo else name)


def _odds(rate: float) -> float:
    return rate / (1 - min(rate, 0.99))


def _truths(instrument: Instrument, met: set[str], spans: Mapping[str, int]) -> dict[str, Truth]:
    truths: dict[str, Truth] = {}
    for name, variable in instrument.variables.items():
        applies = name in met
        if variable.threshold:
            applies = spans.get(name, 0) >= variable.threshold.at_least
        truths[name] = "met" if applies else "not_met"
    for name, variable in instrument.variables.items():
        if variable.when and evaluate(instrument, variable.when, truths) is Outcome.NOT_MET:
            truths[name] = "not_met"
    return truths


def _or_unknown(table: DrawTable, instrument: Instrument, luck: _Luck, name: str, truth: Truth) -> Truth:
    variable = instrument.variables[name]
    may = variable.kind in table.unknown_kinds and not variable.known_from and not variable.when
    return "unknown" if may and luck.throw(f"unknown {name}") < table.unknown else truth


def _criterion(variable: Variable, truth: Truth, spans: Mapping[str, int]) -> Criterion:
    slots: dict[str, str | int | float] = {}
    if variable.threshold:
        slots = {variable.threshold.unit: spans.get(variable.id, 0)}
    return Criterion(truth=truth, slots=slots)
