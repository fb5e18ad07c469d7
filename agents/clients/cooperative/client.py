"""The cooperative client: the paper's prompt-only client, kept for comparison. It has no inner state."""

from __future__ import annotations

from agents.ask import ask
from agents.dialogue import DialogueView, Turn, Utterance
from agents.messages import as_messages
from agents.models.base import ChatModel
from agents.prompts import load_prompt
from agents.roles import Brief, Plugin, Setup
from agents.seeds import derive_seed
from profiles.schema import Profile, Record
from profiles.vocabulary import Language, Stage


class CooperativeInputs(Record):
    """What fills the cooperative client's prompt."""

    profile: Profile
    turns: tuple[Turn, ...]
    stage: Stage
    rounds_left: int


class CooperativeState(Record):
    """Nothing but the card and the seed."""

    profile: Profile
    seed: int


class CooperativeClient:
    """Steered by card and stage alone; tells everything, hidden facts too, as the stages ask for it."""

    def __init__(self, model: ChatModel, language: Language) -> None:
        self._model = model
        self._language = language
        self._prompt = load_prompt("agents.clients.cooperative", "turn", language, CooperativeInputs, str)

    def begin(self, brief: Brief) -> CooperativeState:
        """Keeps the card."""
        if brief.profile is None:
            raise ValueError("a client needs a profile")
        return CooperativeState(profile=brief.profile, seed=brief.seed)

    async def reply(self, view: DialogueView, state: CooperativeState) -> tuple[Utterance, CooperativeState]:
        """One text call."""
        inputs = CooperativeInputs(
            profile=state.profile, turns=view.turns, stage=view.stage, rounds_left=view.rounds_left
        )
        answer = await ask(
            self._model,
            self._prompt,
            inputs,
            language=self._language,
            seed=derive_seed(state.seed, "client", view.round),
            dialogue=as_messages(view.turns, "client"),
        )
        told = [fact.id for fact in state.profile.hidden_facts if fact.text in answer.value]
        utterance = Utterance(
            text=answer.value, reasoning=answer.reasoning, call=answer.call, notes={"told": told}, ready=True
        )
        return utterance, state


def _build(setup: Setup) -> CooperativeClient:
    if setup.model is None:
        raise ValueError("the cooperative client needs a model")
    return CooperativeClient(setup.model, setup.language)


CLIENT = Plugin(
    name="cooperative",
    role="client",
    summary="the paper's prompt-only client: no inner state, tells what it is asked",
    build=_build,
)
