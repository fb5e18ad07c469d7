"""One session as a LangGraph graph: client -> counselor -> (client | close). No registry and no database here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command
from pydantic import BaseModel

from agents.dialogue import DialogueView, End, Turn, Utterance
from agents.roles import Brief, Speaker
from arena.safety import SafetyFinding, screen_client, screen_counselor
from arena.stages import StageMode, StagePlan, plan_stages
from profiles.errors import BadOutput
from profiles.schema import Profile, Record
from profiles.vocabulary import Language, Role, Stage

OnHarm = Literal["continue", "stop"]


class SessionSpec(Record):
    """What one session is made of, speakers apart.

    greeting: the counselor's fixed first words (round 0), or empty when the client opens.
    leave_early: whether a client's or counselor's wish to end is honoured before the last round.
    on_harm: whether an unsafe counselor turn ends the session; the gate fails it either way.
    """

    id: str
    profile: Profile
    language: Language
    rounds: int
    seed: int
    stage_mode: StageMode = "paced"
    greeting: str = ""
    leave_early: bool = False
    on_harm: OnHarm = "continue"


@dataclass(frozen=True)
class Cast:
    """Who plays: the graph's runtime context. ``on_turn`` hears every turn."""

    spec: SessionSpec
    client: Speaker[Any]
    counselor: Speaker[Any]
    plan: StagePlan
    on_turn: Callable[[Turn], None] = field(default=lambda turn: None)


class SessionState(TypedDict):
    """The graph's state. ``heard``: the turns as others hear them; ``since``: first round of the present stage."""

    turns: tuple[Turn, ...]
    heard: tuple[Turn, ...]
    stage: Stage
    round: int
    since: int
    client: BaseModel
    counselor: BaseModel
    findings: tuple[SafetyFinding, ...]
    end: End | None


class Transcript(Record):
    """A finished dialogue: turns, how it ended, and what the safety rules saw."""

    turns: tuple[Turn, ...]
    findings: tuple[SafetyFinding, ...]
    end: End
    rounds: int


def build_graph(checkpointer: Any = None) -> CompiledStateGraph[SessionState, Cast, SessionState, SessionState]:  # noqa: ANN401
    """The session graph. Pass a checkpointer for live sessions only; batches are durable through the journal."""
    graph = StateGraph(SessionState, context_schema=Cast)
    graph.add_node("client", _client_speaks)
    graph.add_node("counselor", _counselor_speaks)
    graph.add_node("close", _close)
    graph.add_edge(START, "client")
    graph.add_edge("close", END)
    return graph.compile(checkpointer=checkpointer)


def cast(
    spec: SessionSpec, client: Speaker[Any], counselor: Speaker[Any], on_turn: Callable[[Turn], None] | None = None
) -> Cast:
    """A cast with the stage plan that the spec asks for."""
    plan = plan_stages(spec.rounds, spec.stage_mode)
    return Cast(spec, client, counselor, plan, on_turn or (lambda turn: None))


def opening_state(players: Cast) -> SessionState:
    """The state before the first word: both speakers have begun, the greeting (if any) is said."""
    spec = players.spec
    client = Brief(language=spec.language, rounds=spec.rounds, seed=spec.seed, profile=spec.profile)
    counselor = Brief(language=spec.language, rounds=spec.rounds, seed=spec.seed, intake=spec.profile.intake)
    return SessionState(
        turns=_greeting(spec.greeting),
        heard=_greeting(spec.greeting),
        stage=Stage.TRUST_BUILDING,
        round=1,
        since=1,
        client=players.client.begin(client),
        counselor=players.counselor.begin(counselor),
        findings=(),
        end=None,
    )


def _greeting(text: str) -> tuple[Turn, ...]:
    first = Stage.TRUST_BUILDING
    return (Turn(index=0, round=0, speaker="counselor", stage=first, text=text),) if text else ()


async def run_session(players: Cast, graph: CompiledStateGraph[Any, Cast, Any, Any]) -> Transcript:
    """Play one session to its end.

    Raises:
        ModelError: a speaker's model gave no usable answer; the turns so far went to ``on_turn``.
    """
    limit = 2 * players.spec.rounds + 10
    state = await graph.ainvoke(opening_state(players), {"recursion_limit": limit}, context=players)
    return transcript(state)


def transcript(state: SessionState | dict[str, Any]) -> Transcript:
    """The finished dialogue in a final graph state."""
    end = state["end"] or End(by="arena", reason="rounds")
    turns = state["turns"]
    return Transcript(turns=turns, findings=state["findings"], end=end, rounds=turns[-1].round if turns else 0)


# The speakers' nodes say themselves who is next: an edge that asks costs as much as half a node.


async def _client_speaks(state: SessionState, runtime: Runtime[Cast]) -> Command[Literal["counselor", "close"]]:
    players = runtime.context
    utterance, after = await players.client.reply(_view(state, players), state["client"])
    if _left_without_a_word(utterance):
        return Command(goto="close", update={"end": utterance.end})
    turn = _spoken(state, "client", utterance, players)
    findings = screen_client(turn.text, players.spec.language, turn.index)
    end = utterance.end if players.spec.leave_early or _by_person(utterance.end) else None
    changes = {**_said(state, turn), "client": after, "findings": (*state["findings"], *findings), "end": end}
    return Command(goto="close" if end else "counselor", update=changes)


async def _counselor_speaks(state: SessionState, runtime: Runtime[Cast]) -> Command[Literal["client", "close"]]:
    players = runtime.context
    spec = players.spec
    utterance, after = await players.counselor.reply(_view(state, players), state["counselor"])
    if _left_without_a_word(utterance):
        return Command(goto="close", update={"end": utterance.end})
    turn = _spoken(state, "counselor", utterance, players)
    findings = screen_counselor(turn.text, spec.language, turn.index)
    end = utterance.end if spec.leave_early or _by_person(utterance.end) else None
    if findings and spec.on_harm == "stop":
        end = End(by="arena", reason="safety_stop")
    elif end is None and state["round"] >= spec.rounds:
        end = End(by="arena", reason="rounds")
    ready = utterance.ready if spec.stage_mode == "led" else _client_ready(state)
    stage = players.plan.advance(state["stage"], state["round"], state["since"], ready)
    moved = stage is not state["stage"]
    changes = {
        **_said(state, turn),
        "counselor": after,
        "findings": (*state["findings"], *findings),
        "end": end,
        "stage": stage,
        "round": state["round"] if end else state["round"] + 1,
        "since": state["round"] + 1 if moved else state["since"],
    }
    return Command(goto="close" if end else "client", update=changes)


def _said(state: SessionState, turn: Turn) -> dict[str, tuple[Turn, ...]]:
    return {"turns": (*state["turns"], turn), "heard": (*state["heard"], turn.public())}


def _close(state: SessionState) -> dict[str, Any]:
    return {"stage": Stage.CLOSED}


def _view(state: SessionState, players: Cast) -> DialogueView:
    left = players.spec.rounds - state["round"]
    return DialogueView(
        turns=state["heard"],
        stage=state["stage"],
        round=state["round"],
        rounds_left=left,
        language=players.spec.language,
    )


def _spoken(state: SessionState, speaker: Role, utterance: Utterance, players: Cast) -> Turn:
    if not utterance.text.strip():
        raise BadOutput(f"the {speaker}'s turn {len(state['turns'])} is empty")
    notes = {**utterance.notes, "ready": utterance.ready}
    if utterance.end:
        notes["wants_to_end"] = utterance.end.reason
    turn = Turn(
        index=len(state["turns"]),
        round=state["round"],
        speaker=speaker,
        stage=state["stage"],
        text=utterance.text.strip(),
        reasoning=utterance.reasoning,
        sentences=utterance.sentences,
        notes=notes,
        call=utterance.call,
    )
    players.on_turn(turn)
    return turn


def _left_without_a_word(utterance: Utterance) -> bool:
    return _by_person(utterance.end) and not utterance.text.strip()


def _by_person(end: End | None) -> bool:
    return end is not None and end.reason == "person_left"


def _client_ready(state: SessionState) -> bool:
    last = next((turn for turn in reversed(state["turns"]) if turn.speaker == "client"), None)
    return bool(last and last.notes.get("ready"))
