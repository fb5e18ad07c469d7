"""The client's inner state and the pure function that moves it after each counselor turn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import Field

from profiles.schema import Profile, Record
from profiles.vocabulary import Move, Stage

Effect = Mapping[str, float]
Voice = Literal["for", "against", "balanced"]


class Effects(Record):
    """The numbers of ``effects.yaml``; that file says what each means."""

    per_turn_gain_max: dict[str, float]
    damping: float
    softening: float
    belief_needs_trust: float
    early_advice_factor: float
    worn_out_after: int
    moves: dict[Move, dict[str, float]]
    voiced: dict[Voice, float]
    voiced_trust: dict[Literal["none_below", "full_from"], float]
    unasked: float
    start: dict[str, dict[str, float]]
    ready: dict[Stage, dict[str, float]]
    leaves_below_trust: float


class Appraisal(Record):
    """How the client took one counselor turn."""

    reason: str = ""
    moves: tuple[Move, ...] = ()


class ClientState(Record):
    """Where a client stands. trust, openness, distress, hope: 0-10; resistance: 0-3; beliefs: 0-100 by thought id.

    disclosed: ids of the hidden facts told so far. voiced: what it has said of its thoughts, ``<id>.<side>`` each time.
    met: moves met in earlier turns. recent: the moves of the last turns.
    """

    profile: Profile
    seed: int
    stage: Stage = Stage.TRUST_BUILDING
    trust: float = Field(ge=0, le=10)
    openness: float = Field(ge=0, le=10)
    distress: float = Field(ge=0, le=10)
    hope: float = Field(ge=0, le=10)
    resistance: float = Field(ge=0, le=3)
    beliefs: dict[str, float] = {}
    disclosed: tuple[str, ...] = ()
    voiced: tuple[str, ...] = ()
    met: tuple[Move, ...] = ()
    recent: tuple[tuple[Move, ...], ...] = ()

    def numbers(self) -> dict[str, float]:
        """The levels, rounded for the record."""
        names = ("trust", "openness", "distress", "hope", "resistance")
        return {name: round(getattr(self, name), 2) for name in names}


@lru_cache(maxsize=1)
def effects() -> Effects:
    """The effects as shipped."""
    text = (files("agents.clients.dynamic") / "effects.yaml").read_text(encoding="utf-8")
    return Effects.model_validate(yaml.safe_load(text))


def start(profile: Profile, seed: int) -> ClientState:
    """The state on arrival: the more resistance, the less trust; the more risk, the more distress."""
    table = effects().start
    level = profile.risk.level
    return ClientState(
        profile=profile,
        seed=seed,
        trust=_bounded(table["trust"]["base"] + table["trust"]["per_resistance"] * profile.resistance, 10),
        openness=_bounded(table["openness"]["base"] + table["openness"]["per_resistance"] * profile.resistance, 10),
        distress=_bounded(table["distress"]["base"] + table["distress"][level], 10),
        hope=_bounded(table["hope"]["base"] + table["hope"][level], 10),
        resistance=float(profile.resistance),
        beliefs={thought.id: float(thought.strength) for thought in profile.thoughts},
    )


def moved(state: ClientState, appraisal: Appraisal, stage: Stage) -> ClientState:
    """The state after one counselor turn.

    Resistance falls only with moves of empathy and exploration; gains of trust, openness and hope are capped per
    turn, damped by resistance, and halved when the counselor has done nothing but the same for several turns.
    """
    table = effects()
    moves = tuple(sorted(set(appraisal.moves)))
    sums = _summed(moves, stage, table)
    scale = (1 - table.damping * state.resistance) * (0.5 if _worn_out(state, moves, table) else 1)

    def level(name: str) -> float:
        change = sums.get(name, 0.0)
        now: float = getattr(state, name)
        gain = min(change, table.per_turn_gain_max.get(name, 10.0)) * scale * (1 - now / table.softening)
        return _bounded(now + (gain if change > 0 else change), 10)

    softened = state.trust >= table.belief_needs_trust
    belief_change = sums.get("belief", 0.0) if softened else 0.0
    return state.model_copy(
        update={
            "stage": stage,
            "trust": level("trust"),
            "openness": level("openness"),
            "hope": level("hope"),
            "distress": _bounded(state.distress + sums.get("distress", 0.0), 10),
            "resistance": _bounded(state.resistance + sums.get("resistance", 0.0), 3),
            "beliefs": {key: _bounded(value + belief_change, 100) for key, value in state.beliefs.items()},
            "met": tuple(sorted({*state.met, *moves})),
            "recent": (*state.recent, moves)[-table.worn_out_after :],
        }
    )


def persuaded(state: ClientState, voiced: Iterable[str], *, asked: bool) -> ClientState:
    """The state after the client has spoken about its own thoughts.

    Args:
        voiced: ``<thought id>.<for|against|balanced>``, each once; what names no thought of the card moves nothing.
        asked: whether the counselor had asked it to weigh a thought; said in passing it counts for less.

    Belief moves in that thought alone, the more the client trusts and the less it resists, and only as often as the
    card has something to say: what is said again persuades nobody.
    """
    table, beliefs = effects(), dict(state.beliefs)
    none, full = table.voiced_trust["none_below"], table.voiced_trust["full_from"]
    share = max(0.0, min(1.0, (state.trust - none) / (full - none)))
    scale = share * (1 - table.damping * state.resistance) * (1.0 if asked else table.unasked)
    fresh = [name for name in dict.fromkeys(voiced) if state.voiced.count(name) < _pieces(state.profile, name)]
    for name in fresh:
        thought, _, side = name.rpartition(".")
        change = next((points for voice, points in table.voiced.items() if voice == side), 0.0)
        if thought in beliefs:
            beliefs[thought] = _bounded(beliefs[thought] + change * scale, 100)
    return state.model_copy(update={"beliefs": beliefs, "voiced": (*state.voiced, *fresh)})


def _pieces(profile: Profile, name: str) -> int:
    """How much the card has to say on that side of that thought."""
    thought_id, _, side = name.rpartition(".")
    thought = next((each for each in profile.thoughts if each.id == thought_id), None)
    if thought is None:
        return 0
    return {"for": len(thought.evidence_for), "against": len(thought.evidence_against), "balanced": 1}.get(side, 0)


def ready(state: ClientState, stage: Stage) -> bool:
    """Whether the client would follow into the stage after ``stage`` (``earned`` mode)."""
    following = stage.successor
    needs = effects().ready.get(following) if following else None
    if needs is None:
        return False
    hidden = len(state.profile.hidden_facts)
    share = len(state.disclosed) / hidden if hidden else 1.0
    levels_hold = all(getattr(state, name) >= least for name, least in needs.items() if name != "disclosed_share")
    return levels_hold and share >= needs.get("disclosed_share", 0.0)


def gives_up(state: ClientState) -> bool:
    """Whether trust has fallen so low that the client would leave."""
    return state.trust <= effects().leaves_below_trust


def _summed(moves: Iterable[Move], stage: Stage, table: Effects) -> dict[str, float]:
    sums: dict[str, float] = {}
    for move in moves:
        early = move is Move.ADVICE and not stage.reached(Stage.SOLUTION_EXPLORATION)
        factor = table.early_advice_factor if early else 1.0
        for name, change in table.moves.get(move, {}).items():
            sums[name] = sums.get(name, 0.0) + change * factor
    return sums


def _worn_out(state: ClientState, moves: tuple[Move, ...], table: Effects) -> bool:
    return len(state.recent) == table.worn_out_after and all(earlier == moves for earlier in state.recent)


def _bounded(value: float, top: float) -> float:
    return min(top, max(0.0, value))
