"""What an interviewee will express in answer to one question, before it is put into words: style, truth and luck."""

from __future__ import annotations

from typing import Literal

from agents.clients.interviewee.hearing import Heard
from agents.clients.interviewee.state import InterviewState, chance, styles, truth_of
from profiles.interviews import Variable
from profiles.schema import Record, Truth

__all__ = ["Decision", "Expressed", "decide"]

Expressed = Literal["met", "not_met", "unclear", "refused", "other"]
Manner = Literal[
    "plain", "admit", "wrong", "explain", "unsure", "dodge", "refuse", "both", "unsettled", "minimise", "hint"
]
_HINTED = ("sui.passive", "sui.burden", "sui.active", "sui.attempt", "dep.death_suicide")


class Decision(Record):
    """What is expressed, and how.

    says: the truth that the words claim; for ``both`` the one that comes last. amount: the span named, in the unit of
    the threshold, for durations.
    """

    expressed: Expressed
    manner: Manner
    says: Truth
    amount: float | None = None


def decide(state: InterviewState, variable: Variable, heard: Heard) -> Decision:
    """Decide on one answer; ``state`` is that from before the question."""
    criterion = truth_of(state.profile, variable)
    truth, times = criterion.truth, state.asked.get(variable.id, 0)
    style = state.profile.response_style
    amount = criterion.slots.get(variable.threshold.unit) if variable.threshold else None
    number = float(amount) if isinstance(amount, int | float) else None
    may_ask_back = times == 0 and variable.kind not in ("risk", "duration")
    if may_ask_back and _lucky(state, variable, times, "asks back", styles().asks_back.get(style, 0.0)):
        return Decision(expressed="other", manner="explain", says=truth)
    decision = None
    if style == "guarded":
        decision = _guarded(state, variable, truth, heard)
    elif style == "contradicting" and truth != "unknown":
        decision = _contradicting(state, variable, truth)
    elif style == "denying" and truth == "met":
        decision = _denying(state, variable, heard)
    if decision is None and truth == "unknown":
        return Decision(expressed="unclear", manner="unsure", says=truth)
    decision = decision or Decision(expressed=_stated(truth), manner="plain", says=truth)
    if variable.threshold is None or number is None:
        return decision
    return decision.model_copy(update={"amount": number if decision.says == truth else 1.0})


def _stated(truth: Truth) -> Expressed:
    return "met" if truth == "met" else "not_met"


def _lucky(state: InterviewState, variable: Variable, times: int, what: str, odds: float) -> bool:
    return chance(state, variable.id, times, what).random() < odds


def _guarded(state: InterviewState, variable: Variable, truth: Truth, heard: Heard) -> Decision | None:
    """Refusal is final, so its luck does not depend on how often one is asked."""
    table, times = styles().guarded, state.asked.get(variable.id, 0)
    touchy, applies = styles().touchy(variable), truth == "met"
    refuses = (table.refuses if applies else table.refuses / 3) if touchy else 0.0
    if _lucky(state, variable, 0, "refuses", refuses):
        return Decision(expressed="refused", manner="refuse", says=truth)
    odds = (table.dodges_sensitive if touchy else table.dodges) * (1.0 if applies else table.does_not_apply)
    odds *= table.again if times else 1.0
    odds += table.tires * max(0, state.questions - table.patience)
    odds -= table.warmth * heard.warm + table.feeling * heard.felt
    if _lucky(state, variable, times, "dodges", min(odds, table.most)):
        return Decision(expressed="unclear", manner="dodge", says=truth)
    return None


def _contradicting(state: InterviewState, variable: Variable, truth: Truth) -> Decision | None:
    """Of risk nothing is claimed that is not so: a client without it does not waver there."""
    table, times = styles().contradicting, state.asked.get(variable.id, 0)
    if variable.kind == "risk" and truth == "not_met":
        return None
    if _lucky(state, variable, times, "both", table.again if times else table.both):
        manner: Manner = "unsettled" if variable.kind not in ("risk", "duration") and times else "both"
        return Decision(expressed="unclear", manner=manner, says=truth)
    if variable.kind in ("risk", "duration") or times or not _lucky(state, variable, times, "wrong", table.wrong):
        return None
    opposite: Truth = "not_met" if truth == "met" else "met"
    return Decision(expressed=_stated(opposite), manner="wrong", says=opposite)


def _denying(state: InterviewState, variable: Variable, heard: Heard) -> Decision | None:
    table, times = styles().denying, state.asked.get(variable.id, 0)
    touchy = styles().touchy(variable)
    if times:
        odds = table.admits_gently if heard.warm or heard.felt else table.admits
        denies = 1 - odds * (table.sensitive_factor if touchy else 1.0)
    else:
        denies = table.denies_sensitive if touchy else table.denies
    if not _lucky(state, variable, times, "denies", denies):
        return Decision(expressed="met", manner="admit" if times else "plain", says="met")
    if _lucky(state, variable, times, "flatly", table.flatly):
        return Decision(expressed="not_met", manner="plain", says="not_met")
    hints = variable.id in _HINTED
    return Decision(expressed="unclear", manner="hint" if hints else "minimise", says="met")
