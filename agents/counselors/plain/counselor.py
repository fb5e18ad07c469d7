"""The plain counselor: a bare model with one of the paper's two prompts, vanilla or psycho."""

from __future__ import annotations

from agents.ask import ask
from agents.dialogue import DialogueView, Turn, Utterance
from agents.messages import as_messages
from agents.models.base import ChatModel
from agents.prompts import load_prompt
from agents.roles import Brief, Guidance, Plugin, Setup
from agents.seeds import derive_seed
from profiles.schema import Record
from profiles.vocabulary import Language, Stage

VARIANTS = ("psycho", "vanilla")


class PlainInputs(Record):
    """What fills the plain counselor's prompts. No profile text is among it."""

    intake: str
    turns: tuple[Turn, ...]
    stage: Stage
    round: int
    rounds: int
    rounds_left: int


class PlainState(Record):
    """The brief, and nothing learned: a bare model has the history and no more."""

    intake: str
    rounds: int
    seed: int


class PlainCounselor:
    """One text call a turn. ``vanilla`` is a generic helpful assistant; ``psycho`` knows role, rounds and limits."""

    def __init__(self, model: ChatModel, language: Language, variant: str, guidance: Guidance) -> None:
        self._model = model
        self._language = language
        self._prompt = load_prompt("agents.counselors.plain", variant, language, PlainInputs, str, guidance)

    def begin(self, brief: Brief) -> PlainState:
        """Keeps the intake line."""
        return PlainState(intake=brief.intake, rounds=brief.rounds, seed=brief.seed)

    async def reply(self, view: DialogueView, state: PlainState) -> tuple[Utterance, PlainState]:
        """The next counselor turn."""
        inputs = PlainInputs(
            intake=state.intake,
            turns=view.turns,
            stage=view.stage,
            round=view.round,
            rounds=state.rounds,
            rounds_left=view.rounds_left,
        )
        answer = await ask(
            self._model,
            self._prompt,
            inputs,
            language=self._language,
            seed=derive_seed(state.seed, "counselor", view.round),
            dialogue=as_messages(view.turns, "counselor"),
        )
        return Utterance(text=answer.value, reasoning=answer.reasoning, call=answer.call, ready=True), state


def _build(setup: Setup) -> PlainCounselor:
    if setup.model is None:
        raise ValueError("the plain counselor needs a model")
    return PlainCounselor(setup.model, setup.language, setup.variant or VARIANTS[0], setup.guidance)


COUNSELOR = Plugin(
    name="plain",
    role="counselor",
    summary="a bare model with the paper's two prompts: plain:psycho (default) and plain:vanilla",
    build=_build,
    variants=VARIANTS,
)
