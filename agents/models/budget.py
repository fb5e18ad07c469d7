"""What a run may spend on servers; it ends there, and what was paid for is kept."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from agents.dialogue import Usage
from agents.models.base import OFFLINE
from agents.models.pricing import cost
from profiles.errors import BudgetSpent, UserError

__all__ = ["Budget"]

_OWN_MACHINES = ("vllm", "local")
"""Providers whose tokens nobody bills."""


class Budget:
    """Counts calls and their cost, those of earlier tries of the run too, and closes the door when they are used up.

    Calls are counted as they go out, so their number is kept exactly. A call's cost is known when its answer is there:
    the calls that are out at that moment are finished, kept, and may go beyond ``max_cost`` by what they cost.

    Args:
        max_calls: the most calls; None for no limit.
        max_cost: US dollars; None for no limit.
    """

    def __init__(self, max_calls: int | None = None, max_cost: float | None = None) -> None:
        self.calls = 0
        self.cost = Decimal(0)
        self._uncounted = ""
        self._max_calls = max_calls
        self._max_cost = None if max_cost is None else Decimal(str(max_cost))

    @property
    def set(self) -> bool:
        """Whether there is any limit."""
        return self._max_calls is not None or self._max_cost is not None

    @property
    def refusal(self) -> str | None:
        """Why no further call may go out; None as long as one may."""
        if self._max_calls is not None and self.calls >= self._max_calls:
            return f"{self.calls} calls were made, and --max-calls allows {self._max_calls}"
        if self._uncounted:
            return (
                f"the server of {self._uncounted} does not count tokens, so --max-cost cannot be kept; use --max-calls"
            )
        if self._max_cost is not None and self.cost >= self._max_cost:
            return f"{self.cost:.4f} US dollars were spent, and --max-cost allows {self._max_cost}"
        return None

    def check(self, specs: Iterable[str]) -> None:
        """Make sure that the cost of these models can be counted.

        Raises:
            UserError: a limit of cost is set, and no price is known for a model that somebody bills.
        """
        if self._max_cost is None:
            return
        unknown = [
            spec for spec in specs if _billed(spec) and cost(spec, Usage(prompt_tokens=1, completion_tokens=1)) is None
        ]
        if unknown:
            raise UserError(f"--max-cost: no price is known for {', '.join(unknown)}; limit the run by --max-calls")

    def spent_before(self, calls: Iterable[tuple[str, Usage]]) -> None:
        """Take note of calls of earlier tries: model and tokens."""
        for spec, usage in calls:
            self.calls += 1
            self.paid(spec, usage)

    def admit(self) -> None:
        """Let one call out.

        Raises:
            BudgetSpent: no call more.
        """
        if self.refusal is not None:
            raise BudgetSpent(self.refusal)
        self.calls += 1

    def paid(self, spec: str, usage: Usage) -> None:
        """Take note of what an answer cost."""
        if self._max_cost is None or not _billed(spec):
            return
        price = cost(spec, usage)
        if price is None:
            self._uncounted = spec
        self.cost += price or 0


def _billed(spec: str) -> bool:
    return spec != OFFLINE and spec.partition("/")[0] not in _OWN_MACHINES
