"""When a session moves to its next stage: by budgets of rounds, when the client consents, or as the counselor leads."""

from __future__ import annotations

from typing import Literal

from profiles.schema import Record
from profiles.vocabulary import Stage

StageMode = Literal["paced", "earned", "led"]

# Ψ-Arena gives 25 rounds and three stages but no split; 7/9/9 is the project's default.
_SHARES = {Stage.TRUST_BUILDING: 7, Stage.DIAGNOSIS: 9, Stage.SOLUTION_EXPLORATION: 9}
_EARLIEST = 2  # rounds: in earned mode nobody leaves a stage before


class StagePlan(Record):
    """The last round of each stage, counted from 1.

    In ``paced`` mode a stage ends with its last round; in ``earned`` mode it may end earlier, when the client is
    ready, and ends with its last round at the latest; in ``led`` mode it ends when the counselor goes on, only then.
    """

    mode: StageMode
    rounds: int
    last_rounds: dict[Stage, int]

    def advance(self, stage: Stage, round_: int, since: int, ready: bool) -> Stage:
        """The stage of the round after ``round_``.

        Args:
            since: the first round of the present stage.
            ready: whether the client, in ``led`` mode the counselor, would move on.
        """
        following = stage.successor
        if following is None or following is Stage.CLOSED:
            return stage
        if self.mode == "led":
            return following if ready else stage
        if round_ >= self.last_rounds[stage]:
            return following
        if self.mode == "earned" and ready and round_ - since + 1 >= _EARLIEST:
            return following
        return stage


def plan_stages(rounds: int, mode: StageMode) -> StagePlan:
    """Budgets 7/9/9 of 25 scaled to ``rounds``; each stage gets at least a round where there are enough."""
    total = sum(_SHARES.values())
    last, used = {}, 0
    for stage, share in _SHARES.items():
        used += share
        last[stage] = round(rounds * used / total)
    if rounds >= len(_SHARES):
        stages = list(_SHARES)
        for number, stage in enumerate(stages):
            last[stage] = min(max(last[stage], number + 1), rounds - (len(stages) - 1 - number))
    last[Stage.SOLUTION_EXPLORATION] = rounds
    return StagePlan(mode=mode, rounds=rounds, last_rounds=last)
