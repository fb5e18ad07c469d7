"""A stranger's counselor: two methods, a state that is a value, and a broken twin."""

from __future__ import annotations

from pydantic import BaseModel

from agents.dialogue import DialogueView, Utterance
from agents.roles import Brief, Plugin, Setup


class Counted(BaseModel):
    """How many turns were said."""

    turns: int = 0


class Counting:
    """Counts its turns aloud; the broken one stops at the third with a plain error."""

    def __init__(self, broken: bool) -> None:
        self._broken = broken

    def begin(self, brief: Brief) -> Counted:
        """Nothing was said yet."""
        return Counted()

    async def reply(self, view: DialogueView, state: Counted) -> tuple[Utterance, Counted]:
        """The next number."""
        after = Counted(turns=state.turns + 1)
        if self._broken and after.turns == 3:
            raise ValueError("I cannot count to three")
        return Utterance(text=f"That was turn {after.turns}. What else?"), after


def _build(setup: Setup) -> Counting:
    return Counting(broken=setup.variant == "broken")


PLUGIN = Plugin(
    name="counting",
    role="counselor",
    summary="counts",
    build=_build,
    variants=("sound", "broken"),
    needs_model=False,
)
