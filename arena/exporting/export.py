"""The export as a whole: sessions are read one by one into records, split by client, and written format by format.

Records that are kept wait in one file of lines, since the split of a client is known only when all clients are: memory
holds the clients, 264 bytes of each dialogue, a few numbers of each session, and nothing else that grows.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from arena.exporting.build import record_of
from arena.exporting.dedupe import Seen
from arena.exporting.imported import from_elsewhere
from arena.exporting.manifest import SUMS, Provenance, manifest, put_beside, summed
from arena.exporting.parquet import need_pyarrow
from arena.exporting.place import MANIFEST, Workplace, workplace
from arena.exporting.provenance import refuse_unasked
from arena.exporting.rivals import Rivals
from arena.exporting.select import Filters, dropped, dropped_early, matching_counselors
from arena.exporting.settings import Reason, export_settings, export_texts
from arena.exporting.sinks import Sink, Sums, Target, open_sink
from arena.exporting.split import SPLITS, splits_of
from arena.exporting.tally import Tally
from profiles.errors import UserError
from profiles.schema import Record
from storage.database import Database
from storage.exports.card import card_files
from storage.exports.format import ExportFormat, ExportOptions, find_format
from storage.exports.preferences import Pair, pairs_between
from storage.exports.record import DialogueRecord, paths
from storage.exports.summary import ExportFile, ExportSummary
from storage.queries import Transcript, each_transcript, session_values
from storage.tables import RunRow

__all__ = ["Observer", "Request", "export", "ignore"]

Observer = Callable[[str, int, int], None]
"""Is told what is being done, how many are done, and of how many."""
_TELL_EVERY: Final = 100


class Request(Record):
    """What is exported and how. name: of the data set, which begins each file's name.

    against: another counselor of these runs, whose first differing turn with the same client is the rejected reply of
    one pair more a session, in preference formats; its own sessions are no part of the set.
    """

    name: str
    formats: tuple[str, ...]
    filters: Filters = Filters()
    shares: tuple[int, ...] = (80, 10, 10)
    split_seed: int = 0
    dedupe: bool = True
    consent: bool = False
    against: str = ""
    options: ExportOptions = ExportOptions()


def ignore(what: str, done: int, total: int) -> None:
    """The observer that looks away."""


def export(
    database: Database,
    runs: Sequence[RunRow],
    request: Request,
    out: Path,
    force: bool = False,
    observe: Observer = ignore,
) -> ExportSummary:
    """Write a data set into the folder ``out``, all or nothing; the same sessions and request give the same bytes.

    Args:
        force: replace an earlier export there.

    Raises:
        UserError: an unknown format or counselor, no session left, a person in a chair without consent, text that no
            file can hold, a folder that is taken.
        StorageError: the database cannot be read.
    """
    formats = tuple(find_format(name) for name in dict.fromkeys(request.formats))
    if any(each.kind == "parquet" for each in formats):
        need_pyarrow()
    labels = Counter(label for run in runs for (label,) in session_values(database, run.id, ("counselor",)))
    matching_counselors(request.filters.counselors, labels)
    matching_counselors(filter(None, (request.against,)), labels, "--against")
    with workplace(out, force) as place:
        return _Export(runs, request, formats, place, observe, sum(labels.values())).make(database)


class _Export:
    """One export on its way."""

    def __init__(
        self,
        runs: Sequence[RunRow],
        request: Request,
        formats: tuple[ExportFormat, ...],
        place: Workplace,
        observe: Observer,
        total: int,
    ) -> None:
        self.runs, self.request, self.formats, self.place = runs, request, formats, place
        self.observe, self.total = observe, total
        self.tally = Tally()
        self.lines = place.spool / "records.jsonl"
        self.rivals = Rivals(place.spool / "rivals.jsonl", request.against)

    def make(self, database: Database) -> ExportSummary:
        """Read, split, write, describe."""
        self._read(database)
        self.tally.refuse_nothing()
        clients = splits_of(self.tally.clients, self.request.shares, self.request.split_seed)
        sums = Sums(self.place.data / SUMS, self.place.files)
        provenance = Provenance(self.place.data, self.request.options.opening, self.place.files)
        by_split: Counter[str] = Counter()
        written = {each.name: self._write(each, clients, sums, provenance, by_split) for each in self.formats}
        if not any(written.values()):
            raise UserError(f"no row is left: {', '.join(written)} found nothing in the records that fits")
        for name, digest in provenance.end().items():
            sums.add(name, digest)
        records = {name: by_split[name] for name in (*SPLITS, export_settings().safety_exit) if by_split[name]}
        summary = self._summary(written, records, clients)
        self._describe(summary, clients, sums)
        return summary

    def _read(self, database: Database) -> None:
        seen = Seen(export_settings().dedupe)
        done = 0
        with self.lines.open("w", encoding="utf-8", newline="\n") as lines:
            for run in self.runs:
                for transcript in each_transcript(database, run.id):
                    found = self._taken(transcript, run, seen)
                    if isinstance(found, DialogueRecord):
                        self.rivals.remember(transcript.session)
                        imported = from_elsewhere(run, found.provenance)
                        self.tally.keep(found, self._units(found), imported)
                        lines.write(found.model_dump_json() + "\n")
                    else:
                        self.tally.drops[found] += 1
                    done += 1
                    self._tell("sessions read", done, self.total)

    def _taken(self, transcript: Transcript, run: RunRow, seen: Seen) -> DialogueRecord | Reason:
        filters = self.request.filters
        rival = self.rivals.plays(transcript.session.counselor)
        early = dropped_early(transcript.session, filters.model_copy(update={"counselors": ()}) if rival else filters)
        if early:
            return early
        refuse_unasked(transcript.session, run, self.request.consent)
        record = record_of(transcript, run, filters.stage)
        if rival:
            self.rivals.keep(transcript.session, record)
            return "against"
        return dropped(record, filters) or (self.request.dedupe and seen.add(record)) or record

    def _units(self, record: DialogueRecord) -> Iterator[DialogueRecord]:
        whole = self.request.filters.unit == "session" or record.parent_dialogue_id is not None
        return iter((record,)) if whole else paths(record)

    def _records(self, what: str) -> Iterator[DialogueRecord]:
        sessions = self.tally.sums["sessions"]
        with self.lines.open(encoding="utf-8", newline="\n") as lines:
            for done, line in enumerate(lines, 1):
                yield from self._units(DialogueRecord.model_validate_json(line))
                self._tell(what, done, sessions)

    def _write(
        self,
        format: ExportFormat,
        clients: Mapping[str, str],
        sums: Sums,
        provenance: Provenance,
        by_split: Counter[str],
    ) -> tuple[ExportFile, ...]:
        apart = export_settings().safety_exit
        by_split.clear()  # the same for each format
        sinks: dict[str, Sink] = {}
        faults: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for record in self._records(f"sessions written as {format.name}"):
            split = apart if record.left_the_chain else clients[record.situation_id]
            by_split[split] += 1
            stem = f"{self.request.name}.{format.name}.{split}"
            rows, named = self._rows(format, record)
            faults[split].update(named)
            if split not in sinks:
                target = Target(self.place.data, stem, split, format.fields, sums, self.place.files)
                sinks[split] = open_sink(format.kind, target)
            for row in rows:
                sinks[split].add(row)
            file = f"{stem}/" if format.kind == "text" else f"{stem}.{format.kind}"
            provenance.add(record, rows, format, file, named)
        ended = [(split, file) for split in (*SPLITS, apart) if split in sinks for file in sinks[split].end()]
        return tuple(file.model_copy(update={"faults": dict(sorted(faults[split].items()))}) for split, file in ended)

    def _rows(self, format: ExportFormat, record: DialogueRecord) -> tuple[list[dict[str, Any]], list[str]]:
        """The rows of a record, and of preference pairs the fault of each."""
        options, between = self.request.options, self._against(format, record)
        if format.pair is None:
            return list(format.rows(record, options)), []
        if format.pairs is None:  # what the pairs of a stranger's format are, only the format knows
            return [*format.rows(record, options), *map(format.pair, between)], []
        found = [*format.pairs(record, options), *between]
        return [format.pair(each) for each in found], [each.fault for each in found]

    def _against(self, format: ExportFormat, record: DialogueRecord) -> tuple[Pair, ...]:
        other = self.rivals.of(record) if format.pair and self.request.against else None
        return pairs_between(record, other, self.request.options) if other else ()

    def _summary(
        self, written: dict[str, tuple[ExportFile, ...]], records: Mapping[str, int], clients: Mapping[str, str]
    ) -> ExportSummary:
        return ExportSummary(
            name=self.request.name,
            run_ids=tuple(run.id for run in self.runs),
            languages=tuple(sorted(self.tally.groups["language"])),
            formats=written,
            counts=self.tally.counts(records, clients),
            drops=self.tally.dropped(),
            filters=_filters(self.request.filters),
            licences=self.tally.licences(),
            generators=tuple(sorted(self.tally.generators)),
            offline=not self.tally.sums["imported"] and self.tally.generators <= {export_texts().spoken.rules},
            created=max(run.created_at for run in self.runs).date().isoformat(),
        )

    def _describe(self, summary: ExportSummary, clients: Mapping[str, str], sums: Sums) -> None:
        folder = self.place.data
        data = [(each, [file.file for file in summary.formats[each.name]]) for each in self.formats]
        names = [*put_beside(folder, data), *card_files(summary, folder)]
        others = {name: summed(folder / name) for name in names}
        split = Counter(clients.values())
        by_split = {name: split[name] for name in SPLITS}
        text = json.dumps(
            manifest(summary, self.runs, self.formats, _options(self.request), by_split, others),
            ensure_ascii=False,
            indent=1,
        )
        (folder / MANIFEST).write_text(text + "\n", encoding="utf-8", newline="\n")
        for name in (*names, MANIFEST):
            sums.add(name, summed(folder / name)[1])

    def _tell(self, what: str, done: int, total: int) -> None:
        if done % _TELL_EVERY == 0 or done == total:
            self.observe(what, done, total)


def _filters(filters: Filters) -> dict[str, str]:
    """The filters that were set, in the words of the command."""
    given = filters.model_dump(mode="json", exclude_defaults=True)
    told = {name: value for name, value in given.items() if name not in ("scores", "counselors")}
    shown = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in told.items()}
    if filters.counselors:
        shown["counselor"] = ", ".join(filters.counselors)
    if filters.scores:
        shown["min_score"] = ", ".join(f"{party.value}={least}" for party, least in sorted(filters.scores.items()))
    return shown


def _options(request: Request) -> dict[str, Any]:
    return {
        "formats": list(request.formats),
        "split": "/".join(map(str, request.shares)),
        "split_seed": request.split_seed,
        "dedupe": request.dedupe,
        "consent_confirmed": request.consent,
        "against": request.against,
        **request.options.model_dump(mode="json"),
    }
