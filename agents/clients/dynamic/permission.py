"""What a client may tell now: decided from the state before the reply, never by the model that writes it."""

from __future__ import annotations

from agents.clients.dynamic.state import ClientState
from profiles.schema import HiddenFact, Record
from profiles.vocabulary import Move, Stage

RISK_FACT = "risk"
_RISK_TRUST = 4.5  # a client who hides risk tells when asked, once trust has reached this


class Permission(Record):
    """free: may be told whatever the counselor just said. if_asked: only if the last turn holds the named move."""

    free: tuple[HiddenFact, ...] = ()
    if_asked: tuple[tuple[Move, HiddenFact], ...] = ()

    def allows(self, fact_id: str, moves: tuple[Move, ...]) -> bool:
        """Whether the fact may be told in answer to a turn that holds these moves."""
        if any(fact.id == fact_id for fact in self.free):
            return True
        return any(fact.id == fact_id and move in moves for move, fact in self.if_asked)


def permitted(state: ClientState, stage: Stage) -> Permission:
    """The hidden facts that are earned and not yet told, the client's risk among them."""
    free: list[HiddenFact] = []
    asked: list[tuple[Move, HiddenFact]] = []
    for fact in state.profile.hidden_facts:
        if fact.id in state.disclosed or not _earned(fact, state, stage):
            continue
        if fact.condition.asks:
            asked.append((fact.condition.asks, fact))
        else:
            free.append(fact)
    risk = state.profile.risk
    if risk.text and risk.level != "none" and RISK_FACT not in state.disclosed:
        fact = HiddenFact(id=RISK_FACT, text=risk.text, sensitivity=3)
        if risk.disclosure == "open":
            free.append(fact)
        elif risk.disclosure == "asked" or state.trust >= _RISK_TRUST:
            asked.append((Move.RISK_ENQUIRY, fact))
    return Permission(free=tuple(free), if_asked=tuple(asked))


def _earned(fact: HiddenFact, state: ClientState, stage: Stage) -> bool:
    need = fact.condition
    return (
        stage.reached(fact.stage_min)
        and state.trust >= need.trust
        and state.openness >= need.openness
        and (not need.after or any(move in state.met for move in need.after))
    )
