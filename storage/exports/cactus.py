"""The format ``cactus``: the seven fields of Cactus, the dialogue as lines of ``Counselor: ...`` and ``Client: ...``.

Line breaks within a turn become blanks, and role names in somebody's words are guarded (``plain_lines``). What a record
does not tell stays empty: ``attitude``, which nobody rated, and for other counselors technique and plan.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from profiles.distortions import distortion_in, distortions
from storage.exports.counseling_text import texts
from storage.exports.format import ExportFormat, ExportOptions
from storage.exports.plain_lines import plain_lines
from storage.exports.record import DialogueRecord

__all__ = ["FORMATS", "rows"]


def rows(record: DialogueRecord, options: ExportOptions) -> Iterator[dict[str, Any]]:
    """One conversation."""
    if not record.dialog:
        return
    own = texts(record.language)
    restructures = any(turn.step for turn in record.dialog)
    yield {
        "thought": _thought(record),
        "intake_form": _intake(record),
        "dialogue": "\n".join(plain_lines(record, "en")),
        "attitude": "",
        "cbt_technique": own.technique if restructures else "",
        "cbt_plan": own.plan if restructures else "",
        "patterns": _patterns(record),
    }


def _thought(record: DialogueRecord) -> str:
    """The belief of the first channel (in a path the active one), else the first thought that the client told."""
    told = [*(each.belief for each in record.channels), *record.automatic_thoughts]
    return next((each for each in told if each), "")


def _intake(record: DialogueRecord) -> str:
    own = texts(record.language)
    domain = own.domains.get(record.domain, record.domain)
    return own.intake.format(situation=record.situation, domain=domain)


def _patterns(record: DialogueRecord) -> list[str]:
    """The names of the distortions of all channels, each once; one that is not known is left out."""
    named = [each.distortion for each in record.core_beliefs] + [each.distortion for each in record.channels]
    ids = dict.fromkeys(known for name in named if name and (known := distortion_in(name)))
    return [distortions(record.language)[each].name for each in ids]


FORMATS = (
    ExportFormat(
        name="cactus",
        kind="json",
        summary="Cactus's seven fields, the dialogue as lines of 'Counselor:' and 'Client:'; line breaks become blanks",
        unit="dialogue",
        rows=rows,
        fields=("thought", "intake_form", "dialogue", "attitude", "cbt_technique", "cbt_plan", "patterns"),
    ),
)
