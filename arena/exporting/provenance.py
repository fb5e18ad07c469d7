"""Where a dialogue comes from and whose it is: who made its words, from which card, under which licence and consent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from agents.counselors.crdial.course import Course
from arena.exporting.imported import consent_told, is_imported
from arena.exporting.settings import export_texts
from arena.labels import without_folder
from profiles.errors import UserError
from storage.queries import TurnFacts
from storage.tables import JudgmentRow, RunRow, SessionRow

__all__ = ["config_hash", "person_in", "privacy_of", "provenance_of", "refuse_unasked"]

_HUMAN = "human"
_OFFLINE = "offline"
_NOT_NEEDED = "not_needed_synthetic"
_RESTRUCTURING = "CRDial-style"


def person_in(session: SessionRow, run: RunRow) -> str | None:
    """Which chair a person sat in: ``client`` or ``counselor``; None where nobody did."""
    if run.config.get("client") == _HUMAN:
        return "client"
    return "counselor" if _name(session.counselor) == _HUMAN else None


def refuse_unasked(session: SessionRow, run: RunRow, confirmed: bool) -> None:
    """Let nobody's words out without their consent.

    Args:
        confirmed: whoever exports says that they hold the informed consent of the people concerned.

    Raises:
        UserError: a person sat in a chair, or a file was imported, and there is no consent.
    """
    chair = person_in(session, run)
    told = consent_told(session) if is_imported(run) else "informed" if chair else _NOT_NEEDED
    if told == _NOT_NEEDED or (told == "informed" and confirmed):
        return
    if told != "informed":
        raise UserError(
            f"session {session.id}: an imported transcript whose file tells of no consent (privacy.consent.status: "
            f"{told or 'nothing'}); write beside the dialogue in the file (JSON) privacy.consent.status: informed and "
            "provenance.licence and .seed_source where that is so, then import that and add --consent-confirmed"
        )
    whose = f"a person sat in the {chair}'s chair" if chair else "it holds the words of real people"
    raise UserError(
        f"session {session.id}: {whose}; that is exported only with their informed consent for a data set: "
        "add --consent-confirmed if you hold it"
    )


def config_hash(run: RunRow) -> str:
    """SHA-256 over a run's resolved configuration."""
    text = json.dumps(run.config, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def provenance_of(
    session: SessionRow,
    run: RunRow,
    turns: Iterable[TurnFacts],
    judgments: Iterable[JudgmentRow],
    course: Course | None,
) -> dict[str, Any]:
    """Formats section 11. Every key is always there and of one type, as loaders of columns need.

    Raises:
        UserError: the card names no licence or no source; neither is ever made up.
    """
    said, person = list(turns), person_in(session, run)
    version = str(run.versions.get("arena", ""))
    return {
        "framework": _RESTRUCTURING if course else _name(session.counselor),
        "framework_version": version,
        "synthetic": person is None,
        "source_kind": "role_play" if person else "simulated_client",
        "ai_generated_label": True,
        "generator": {
            "counselor": _makers(session, said, "counselor", person),
            "client": _makers(session, said, "client", person),
            "temperature": run.config.get("temperature"),
            "seed": session.seed,
        },
        "judge": [f"{row.party}: {_model(row.model)}, rubric {row.rubric_version}" for row in judgments],
        "prompt_hashes": sorted({f"{t.call['purpose']}:{t.call['prompt_hash']}" for t in said if t.call}),
        "config_sha256": config_hash(run),
        "code_version": version,
        "content_version": str(run.versions.get("content", "")),
        "card_hash": str(run.versions.get("cards", {}).get(session.profile_id, "")),
        "created_at": f"{session.created_at.isoformat(timespec='seconds')}Z",
        "seed_source": _of_card(session, "source"),
        "seed_licence": _of_card(session, "licence"),
        "licence": _of_card(session, "licence"),
        "human_review": {"reviewed": False, "reviewer_role": None, "date": None},
    }


def privacy_of(session: SessionRow, run: RunRow) -> dict[str, Any]:
    """Formats section 11. A person's consent is only ever what whoever exports has confirmed."""
    person = person_in(session, run)
    return {
        "consent": {
            "status": "informed" if person else _NOT_NEEDED,
            "scope": ["dataset"] if person else [],
            "form_version": None,
            "date": None,
        },
        "pii_scan": None,
        "pseudonymised": False,
        "minor": None,
    }


def _of_card(session: SessionRow, field: str) -> str:
    found = session.profile.get("provenance", {}).get(field)
    if not found:
        raise UserError(
            f"session {session.id}: its card '{session.profile_id}' has no provenance.{field}; "
            "write it into the card and run again, or leave the session out"
        )
    return str(found)


def _makers(session: SessionRow, turns: list[TurnFacts], speaker: str, person: str | None) -> list[str]:
    if speaker == person:
        return [export_texts().spoken.person]
    named = {str(turn.call["model"]) for turn in turns if turn.speaker == speaker and turn.call}
    if not named:  # a script, which asks no model
        return [export_texts().spoken.rules]
    return sorted(_model(name) for name in named)


def _model(name: str) -> str:
    return export_texts().spoken.rules if name == _OFFLINE else without_folder(name)


def _name(label: str) -> str:
    """``plain`` of ``plain:psycho@openai/x``."""
    return label.partition("@")[0].partition(":")[0]
