"""Transcripts from elsewhere as a run of their own: dialogues become sessions that the three parties can score.

A malformed dialogue is kept as a failed session that says why, and is never scored. The same file with the same roles
is the same run: importing it again replaces what it gave before.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from agents.dialogue import End, SentenceLabel, Turn
from agents.models.base import ChatModel
from agents.roles import Plugin, Setup, Speaker
from agents.seeds import derive_seed
from arena.build import CounselorSpec, SessionPlan, rubric_versions
from arena.config import run_key
from arena.exporting.imported import worse_gate
from arena.play import Failure, SessionResult
from arena.record import store
from arena.safety import gate, screen_client, screen_counselor, screen_response
from arena.scoring.combine import combine
from arena.scoring.parties import views
from arena.session import SessionSpec
from arena.stages import plan_stages
from profiles.errors import StorageError, UserError
from profiles.schema import Profile
from profiles.vocabulary import Language, Role, Theme
from storage.database import Database
from storage.exports.record import DialogueRecord, DialogueTurn
from storage.imports.reading import Imported, read_dialogues
from storage.queries import name_fault
from storage.records import finish_run, save_run
from storage.tables import RunRow
from storage.writer import Writer

__all__ = ["ImportResult", "import_file"]

MALFORMED = "malformed"
COUNSELOR = "imported"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_UNFIT = re.compile(r"[\x00-\x1f\x7f]+")
_LONGEST_NAME = 80
_LONGEST = 300  # characters of the client's first words that stand for the distress that no card tells


@dataclass(frozen=True)
class ImportResult:
    """What an import left. faults: (place, what is wrong) of malformed dialogues, in the file's order."""

    run_id: str
    sessions: int
    scored: int
    faults: tuple[tuple[str, str], ...]


async def import_file(
    path: Path,
    database: Database,
    *,
    roles: Mapping[str, Role] | None = None,
    name: str = "",
    judge: ChatModel | None = None,
    judge_name: str = "",
    done: Callable[[int], None] = lambda number: None,
) -> ImportResult:
    """Take the dialogues of a file into the database as a run.

    Args:
        roles: spellings of roles that this file uses and the lists do not know.
        judge: what scores the well-formed ones for all three parties; None leaves them unscored.
        done: hears how many dialogues are stored.

    Raises:
        UserError: the file cannot be read, is too large, changes meanwhile, or holds no dialogue; no run can have this
            name.
        ModelError: the judge's server is away.
    """
    named = _named(name or path.stem, given=bool(name))
    languages = Counter[Language](each.language for each in read_dialogues(path, roles))
    digest = _digest(path)
    identity = {"imported": path.name, "sha256": digest, "roles": dict(sorted((roles or {}).items()))}
    first = min(languages)
    run = RunRow(
        id=run_key({**identity, "judge": judge_name}),
        name=named,
        offline=judge_name in ("", "offline"),
        config={**identity, "counselors": [COUNSELOR], "lang": first, "models": {"judge": judge_name}},
        versions={"rubrics": rubric_versions(first), "cards": {}},
        planned=languages.total(),
    )
    results = (_taken(each, number, run.id, digest) for number, each in enumerate(read_dialogues(path, roles)))
    return await _take(run, results, database, judge, done)


def _named(name: str, given: bool) -> str:
    """The run's name, of one line."""
    named = _UNFIT.sub("-", name)[:_LONGEST_NAME]
    if fault := name_fault(named):
        place = f"--name {named.strip()}" if given else f"the file is named '{named}'"
        raise UserError(f"{place}: {fault}{'' if given else ' with --name'}")
    return named


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def _take(
    run: RunRow,
    results: Iterator[SessionResult],
    database: Database,
    judge: ChatModel | None,
    done: Callable[[int], None],
) -> ImportResult:
    """Store the results one by one, scored where there is a judge.

    A run whose import fails is left as stopped: no part of a file may pass for the whole.
    """
    scored = number = 0
    faults: list[tuple[str, str]] = []
    async with Writer(database) as writer:
        await writer.write(lambda session: save_run(session, run))
        try:
            for number, result in enumerate(results, start=1):
                if judge and not result.failure:
                    await _score(result, judge)
                    scored += 1
                await writer.write(partial(store, result=result, run_id=run.id))
                if result.failure:
                    faults.append(_fault(result.failure))
                done(number)
            if number != run.planned:
                raise UserError(f"{run.config['imported']}: the file changed while it was read; import it again")
        except BaseException:
            with suppress(StorageError):  # where nothing more can be written the run stays begun
                await writer.write(lambda session: finish_run(session, run.id, "stopped"))
            raise
        await writer.write(lambda session: finish_run(session, run.id))
    return ImportResult(run.id, number, scored, tuple(faults))


def _fault(failure: Failure) -> tuple[str, str]:
    place, _, what = failure.message.partition(": ")
    return place, what


async def _score(result: SessionResult, judge: ChatModel) -> None:
    spec = result.plan.spec
    asked = [view.judge(judge, spec.language).judge(result.turns, spec.profile, spec.seed) for view in views().values()]
    result.judgments = tuple(await asyncio.gather(*asked))
    result.outcome = combine(result.judgments)


def _taken(found: Imported, number: int, run_id: str, digest: str) -> SessionResult:
    """The result; what our own rules cannot take in makes one dialogue malformed, and never ends the import."""
    try:
        return _result(found, number, run_id, digest)
    except (ArithmeticError, LookupError, RecursionError, TypeError, UserError, ValueError) as error:
        fault = str(error) if isinstance(error, UserError) else f"cannot be taken in ({type(error).__name__})"
        return _result(Imported(place=found.place, language=found.language, faults=(fault,)), number, run_id, digest)


def _result(found: Imported, number: int, run_id: str, digest: str) -> SessionResult:
    record = found.record
    turns = _own_turns(record) if record else _turns(found)
    result = SessionResult(
        _plan(found, number, run_id, digest, turns), turns=turns, rounds=turns[-1].round if turns else 0
    )
    result.end = End(by="import", reason="imported")
    if found.faults:
        result.failure = Failure(MALFORMED, f"{found.place}: {'; '.join(found.faults)}")
        return result
    seen = [_screened(turn, found) for turn in turns]
    result.findings = (*(each for part in seen for each in part), *screen_response(turns, found.language))
    ours = gate(result.findings)
    result.gate = worse_gate(ours, record.gate) if record else ours
    told = record.model_dump(mode="json", exclude={"dialog"}) if record else found.told
    result.extra = {"imported": told} if told else {}
    return result


def _screened(turn: Turn, found: Imported) -> Any:  # noqa: ANN401  (a tuple of findings)
    screen = screen_client if turn.speaker == "client" else screen_counselor
    return screen(turn.text, found.language, turn.index)


def _plan(found: Imported, number: int, run_id: str, digest: str, turns: Sequence[Turn]) -> SessionPlan:
    record = found.record
    label = record.counselor if record else COUNSELOR
    session_id = f"{run_id[:12]}-{number + 1:05d}"
    spec = SessionSpec(
        id=session_id,
        profile=_profile(found, f"imported-{digest[:6]}-{number + 1:05d}"),
        language=found.language,
        rounds=max((turn.round for turn in turns), default=1) or 1,
        seed=derive_seed(0, session_id),
    )
    plugin = Plugin(name=label, role="counselor", summary="a transcript", build=_nobody, needs_model=False)
    return SessionPlan(spec=spec, counselor=CounselorSpec(plugin, "", None), repeat=number + 1, ordinal=number)


def _nobody(setup: Setup) -> Speaker[Any]:
    raise UserError("an imported counselor cannot speak: it is a transcript")


def _profile(found: Imported, unnamed: str) -> Profile:
    """``unnamed``: the client's id where the file tells none; clients of two files are never taken for one."""
    first = next((text for speaker, text in found.turns if speaker == "client"), "")
    record = found.record
    return Profile(
        id=record.situation_id if record and _ID.fullmatch(record.situation_id) else unnamed,
        lang=found.language,
        theme=Theme.OTHER,
        current_distress=(record.situation if record else "") or first[:_LONGEST] or "-",
    )


def _turns(found: Imported) -> tuple[Turn, ...]:
    """Rounds are counted by client turns; stages follow the usual shares, since a transcript says nothing of them."""
    rounds = Counter(speaker for speaker, _ in found.turns)["client"]
    plan = plan_stages(max(1, rounds), "paced")
    round_ = 0
    turns: list[Turn] = []
    stage = next(iter(plan.last_rounds))
    for index, (speaker, text) in enumerate(found.turns):
        round_ += speaker == "client"
        if round_ > plan.last_rounds[stage] and stage.successor in plan.last_rounds:
            stage = stage.successor
        turns.append(Turn(index=index, round=round_, speaker=speaker, stage=stage, text=text))
    return tuple(turns)


def _own_turns(record: DialogueRecord) -> tuple[Turn, ...]:
    return tuple(_own_turn(turn) for turn in record.dialog)


def _own_turn(turn: DialogueTurn) -> Turn:
    place = {"step": turn.step, "loop": turn.loop, "channel": turn.channel, "train": turn.train}
    return Turn(
        index=turn.turn,
        round=turn.round,
        speaker="client" if turn.speaker == "help_seeker" else "counselor",
        stage=turn.stage,
        text=turn.content,
        sentences=tuple(SentenceLabel(text=each.text, strategy=each.strategy) for each in turn.sentences),
        notes={"imported": place},
    )
