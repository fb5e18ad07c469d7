"""The dynamic client: appraises each counselor turn, moves its state, and tells only what was earned."""

from __future__ import annotations

from pydantic import BaseModel, Field

from agents.ask import ask
from agents.clients.dynamic.permission import RISK_FACT, Permission, permitted
from agents.clients.dynamic.state import Appraisal, ClientState, gives_up, moved, persuaded, ready, start
from agents.dialogue import DialogueView, End, Turn, Utterance
from agents.messages import as_messages
from agents.models.base import ChatModel
from agents.prompts import load_prompt
from agents.roles import Brief, Plugin, Setup
from agents.seeds import derive_seed
from profiles.schema import HiddenFact, Profile, Record
from profiles.vocabulary import Language, Move, Stage

__all__ = ["CLIENT", "RISK_FACT", "ClientTurn", "DynamicClient", "TurnInputs"]


class TurnInputs(Record):
    """What fills the prompt of one client turn. ``levels``: as in ``ClientState.numbers``."""

    profile: Profile
    turns: tuple[Turn, ...]
    stage: Stage
    round: int
    rounds_left: int
    levels: dict[str, float]
    beliefs: dict[str, float]
    permission: Permission
    disclosed: tuple[str, ...]
    withheld: tuple[HiddenFact, ...]
    moves: tuple[Move, ...] = tuple(Move)


class ClientTurn(BaseModel):
    """The model's answer: first how the counselor's turn was taken, then the reply."""

    reason: str = Field(description="one sentence: how the counselor's last turn came across")
    moves: list[Move] = Field(description="the moves the counselor's last turn held")
    reply: str = Field(min_length=1, description="what the client says")
    told: list[str] = Field(default_factory=list, description="ids of the hidden facts told in this reply")
    voiced: list[str] = Field(
        default_factory=list,
        description="what the reply says about a thought of the card: <id>.for, <id>.against or <id>.balanced",
    )
    leaves: bool = Field(default=False, description="true only if the client ends the session with this reply")


class DynamicClient:
    """A client whose trust must be earned. One structured call a turn."""

    def __init__(self, model: ChatModel, language: Language) -> None:
        self._model = model
        self._language = language
        self._prompt = load_prompt("agents.clients.dynamic", "turn", language, TurnInputs, ClientTurn)

    def begin(self, brief: Brief) -> ClientState:
        """The state on arrival."""
        if brief.profile is None:
            raise ValueError("a client needs a profile")
        return start(brief.profile, brief.seed)

    async def reply(self, view: DialogueView, state: ClientState) -> tuple[Utterance, ClientState]:
        """The next client turn; what may be told was decided before the model is asked."""
        permission = permitted(state, view.stage)
        answer = await ask(
            self._model,
            self._prompt,
            _inputs(view, state, permission),
            language=self._language,
            seed=derive_seed(state.seed, "client", view.round),
            dialogue=as_messages(view.turns, "client"),
        )
        turn = answer.value
        appraisal = Appraisal(reason=turn.reason, moves=tuple(turn.moves) if view.last("counselor") else ())
        weighing = Move.GUIDED_DISCOVERY in appraisal.moves
        after = persuaded(moved(state, appraisal, view.stage), turn.voiced, asked=weighing)
        told = [fact for fact in dict.fromkeys(turn.told) if fact not in state.disclosed]
        earned = [fact for fact in told if permission.allows(fact, appraisal.moves)]
        after = after.model_copy(update={"disclosed": (*state.disclosed, *told)})
        leaves = turn.leaves or gives_up(after)
        utterance = Utterance(
            text=turn.reply.strip(),
            reasoning=answer.reasoning,
            call=answer.call,
            ready=ready(after, view.stage),
            end=End(by="client", reason="client_left") if leaves else None,
            notes={
                "appraisal": appraisal.model_dump(mode="json"),
                "state": after.numbers(),
                "beliefs": {key: round(value, 1) for key, value in after.beliefs.items()},
                "told": earned,
                "premature": [fact for fact in told if fact not in earned],
            },
        )
        return utterance, after


def _inputs(view: DialogueView, state: ClientState, permission: Permission) -> TurnInputs:
    open_ids = {fact.id for fact in permission.free} | {fact.id for _, fact in permission.if_asked}
    hidden = state.profile.hidden_facts
    return TurnInputs(
        profile=state.profile,
        turns=view.turns,
        stage=view.stage,
        round=view.round,
        rounds_left=view.rounds_left,
        levels=state.numbers(),
        beliefs=state.beliefs,
        permission=permission,
        disclosed=state.disclosed,
        withheld=tuple(fact for fact in hidden if fact.id not in open_ids and fact.id not in state.disclosed),
    )


def _build(setup: Setup) -> DynamicClient:
    if setup.model is None:
        raise ValueError("the dynamic client needs a model")
    return DynamicClient(setup.model, setup.language)


CLIENT = Plugin(
    name="dynamic",
    role="client",
    summary="opens up only when earned: state moves with each counselor turn, hidden facts have conditions",
    build=_build,
)
