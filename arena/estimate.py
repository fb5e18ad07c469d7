"""What a run would take before it is started: sessions, calls, tokens and cost, by arithmetic on the prompts."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from agents.dialogue import Usage
from agents.models.base import OFFLINE
from agents.models.pricing import cost
from arena.build import RunPlan
from arena.scoring.parties import views
from profiles.schema import Record

# Tokens, by rule of thumb: what a prompt holds besides the history, and what one utterance or judgment comes to.
_CARD, _UTTERANCE, _RUBRIC, _JUDGMENT = 2200, 70, 2600, 1600
_COUNSELOR_PROMPT = 250


class ModelEstimate(Record):
    """One model's share. Tokens are rough; ``cost`` in US dollars is None where no price is known."""

    model: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: Decimal | None


class Estimate(Record):
    """A whole run."""

    run_id: str
    sessions: int
    calls: int
    models: tuple[ModelEstimate, ...]


def estimate(plan: RunPlan) -> Estimate:
    """Count the calls of a plan exactly (repairs and retries apart) and its tokens roughly."""
    calls: Counter[str] = Counter()
    prompt: Counter[str] = Counter()
    written: Counter[str] = Counter()
    rounds, roles = plan.config.rounds, plan.config.role_models
    history = rounds * (rounds - 1) * _UTTERANCE  # the sum over rounds of a history of two utterances a round
    judged = len(views())

    def add(spec: str, count: int, read: int, wrote: int) -> None:
        calls[spec] += count
        prompt[spec] += read
        written[spec] += wrote

    transcript = 2 * rounds * _UTTERANCE
    for session in plan.sessions:
        add(roles["client"], rounds, rounds * _CARD + history, rounds * 2 * _UTTERANCE)
        add(roles["judge"], judged + 1, (judged + 1) * (transcript + _RUBRIC), (judged + 1) * _JUDGMENT)
        if plan.config.safety_model:
            add(plan.config.safety_model, 1, transcript + _COUNSELOR_PROMPT, _UTTERANCE)
        own = session.counselor.model
        if own:
            add(own, rounds, rounds * _COUNSELOR_PROMPT + history, rounds * _UTTERANCE)
            if plan.config.self_score:
                add(own, 1, transcript + _RUBRIC, _JUDGMENT)
    models = tuple(_model(spec, calls[spec], prompt[spec], written[spec]) for spec in sorted(calls))
    return Estimate(run_id=plan.id, sessions=len(plan.sessions), calls=sum(calls.values()), models=models)


def _model(spec: str, calls: int, prompt: int, written: int) -> ModelEstimate:
    if spec == OFFLINE:
        return ModelEstimate(model=spec, calls=calls, prompt_tokens=0, completion_tokens=0, cost=Decimal(0))
    price = cost(spec, Usage(prompt_tokens=prompt, completion_tokens=written))
    return ModelEstimate(model=spec, calls=calls, prompt_tokens=prompt, completion_tokens=written, cost=price)
