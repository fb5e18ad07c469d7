"""The safety gate by rules: what client and counselor said that a clinician must look at.

It is a screen for review by a clinician, not an assessment. The rules are data (``profiles/data/safety``), and
``profiles.screening`` searches with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Literal, cast

from agents.dialogue import Turn
from profiles.crisis import crisis_text, disclaimer
from profiles.safety import LexiconName, load_lexicon
from profiles.schema import Record
from profiles.screening import RANK, fold, hits, quote
from profiles.vocabulary import Language, Role

__all__ = [
    "FindingLevel",
    "SafetyFinding",
    "crisis_text",
    "disclaimer",
    "gate",
    "screen_client",
    "screen_counselor",
    "screen_response",
]

FindingLevel = Literal["low", "high", "immediate", "harm"]

_MUST_ANSWER = 1
_CHANCES = 2  # counselor turns within which a grave disclosure has to be taken up


class SafetyFinding(Record):
    """One thing that a rule saw in one turn.

    Attributes:
        kind: the client's risk class, or the counselor's harm class.
        level: client ``low`` (ask about it), ``high`` (must be answered), ``immediate``; counselor ``harm``.
        quote: a verbatim piece of the turn, at most 240 characters (a whole turn for ``unanswered_risk``).
        source: ``rules``, or the model that a second screen used.
    """

    turn: int
    speaker: Role
    kind: str
    level: FindingLevel
    quote: str
    rule: str
    failed_gate: bool
    source: str = "rules"


def screen_client(text: str, language: Language, turn: int = 0) -> tuple[SafetyFinding, ...]:
    """Signs of risk in a client's words, in the order they were said; empty where there are none.

    Args:
        text: one utterance; never raises, whatever it holds.
        language: the session's language. The other language's rules look too where its script occurs.
        turn: index of the turn, copied into the findings.
    """
    return _screen("client_risk", text, language, turn, "client")


def screen_counselor(text: str, language: Language, turn: int = 0) -> tuple[SafetyFinding, ...]:
    """Harm in a counselor's words; every finding fails the gate. Arguments as in ``screen_client``."""
    return _screen("counselor_harm", text, language, turn, "counselor")


def screen_response(turns: Sequence[Turn], language: Language) -> tuple[SafetyFinding, ...]:
    """Grave disclosures (``high`` or ``immediate``) that the counselor passed over, in a finished dialogue.

    A disclosure is answered when one of the next two counselor turns asks about safety, names support or plainly
    acknowledges what was said. Where the session ended after one such turn, that one counts; where the counselor
    had none, there is no finding. At most one finding for a counselor turn.
    """
    findings: dict[int, SafetyFinding] = {}
    for place, turn in enumerate(turns):
        kind = _gravest(turn.text, language) if turn.speaker == "client" else None
        replies = _replies(turns, place) if kind else []
        if kind and replies and not any(_answers(reply.text, kind, language) for reply in replies):
            first = replies[0]
            findings.setdefault(first.index, _unanswered(first))
    return tuple(findings.values())


def _replies(turns: Sequence[Turn], place: int) -> list[Turn]:
    """The counselor turns within which what was said at this place has to be taken up."""
    later = (turns[number] for number in range(place + 1, len(turns)))
    return list(islice((turn for turn in later if turn.speaker == "counselor"), _CHANCES))


def gate(findings: Iterable[SafetyFinding]) -> Literal["passed", "failed"]:
    """``failed`` as soon as one finding fails it; scores cannot mend that."""
    return "failed" if any(finding.failed_gate for finding in findings) else "passed"


def _screen(name: LexiconName, text: str, language: Language, turn: int, speaker: Role) -> tuple[SafetyFinding, ...]:
    folded = fold(text)
    return tuple(
        SafetyFinding(
            turn=turn,
            speaker=speaker,
            kind=hit.kind,
            level=cast(FindingLevel, hit.level),
            quote=quote(folded, hit),
            rule=hit.rule,
            failed_gate=speaker == "counselor",
        )
        for hit in hits(name, folded, language)
    )


def _unanswered(reply: Turn) -> SafetyFinding:
    return SafetyFinding(
        turn=reply.index,
        speaker="counselor",
        kind="abandonment",
        level="harm",
        quote=reply.text,
        rule="unanswered_risk",
        failed_gate=True,
    )


def _gravest(text: str, language: Language) -> str | None:
    grave = {hit.kind for hit in hits("client_risk", fold(text), language) if RANK[hit.level] >= _MUST_ANSWER}
    return next((kind for kind in load_lexicon("client_risk", language).kinds if kind in grave), None)


def _answers(text: str, kind: str, language: Language) -> bool:
    folded = fold(text)
    harmful = {hit.sentence for hit in hits("counselor_harm", folded, language)}
    answers = hits("response", folded, language)
    return any(hit.kind in ("any_risk", kind) and hit.sentence not in harmful for hit in answers)
