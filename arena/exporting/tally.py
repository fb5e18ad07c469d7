"""Counts what an export keeps and what it leaves out, session by session."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from arena.exporting.settings import Reason, export_settings, export_texts
from arena.exporting.split import SPLITS
from profiles.errors import UserError
from storage.exports.figures import FigureCounter
from storage.exports.record import DialogueRecord
from storage.exports.summary import CardLicence, Counts, Drop

__all__ = ["Tally"]

_UNNAMED = "unnamed"
_ROLE_PLAY, _PERSON = "role_play", "person"
_SUMS = (
    *("sessions", "records", "turns", "counselor_turns", "channels", "loops", "channel_sessions", "sentences"),
    *("imported", "persons", "rated_by_persons"),
)


@dataclass
class Tally:
    """Grows with clients, counselors and models, and by a few numbers a session."""

    sums: Counter[str] = field(default_factory=Counter)
    groups: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    drops: Counter[Reason] = field(default_factory=Counter)
    cards: dict[str, tuple[str, str]] = field(default_factory=dict)
    generators: set[str] = field(default_factory=set)
    clients: set[str] = field(default_factory=set)  # those that are to be split
    exit_clients: set[str] = field(default_factory=set)
    figures: FigureCounter = field(default_factory=FigureCounter)

    def keep(self, record: DialogueRecord, written: Iterable[DialogueRecord], imported: bool = False) -> None:
        """Count a kept session, and the records that are written of it. imported: it was not played here."""
        records = self._written(written)
        spoken = [turn for turn in record.dialog if turn.speaker == "therapist"]
        sentences = [each for turn in spoken for each in turn.sentences]
        self.sums.update(
            sessions=1,
            records=records,
            turns=len(record.dialog),
            counselor_turns=len(spoken),
            channels=len(record.channels),
            loops=max((record.loops, *(channel.loop for channel in record.channels))) if record.channels else 0,
            channel_sessions=bool(record.channels),
            sentences=len(sentences),
            imported=imported,
        )
        if not imported and record.provenance.get("source_kind") == _ROLE_PLAY:
            scales = record.scales
            rated = scales.belief_pre is not None or bool(scales.emotions_pre)
            self.sums.update(persons=1, rated_by_persons=rated and scales.rater == _PERSON)
        for name, value in (("language", record.language), ("domain", record.domain), ("counselor", record.counselor)):
            self.groups[name][value] += 1
        if record.exit:
            self.groups["exit"][record.exit] += 1
        (self.exit_clients if record.left_the_chain else self.clients).add(record.situation_id)
        self.groups["strategy"].update(each.strategy for each in sentences)
        self.groups["distortion"].update(each.distortion or _UNNAMED for each in record.channels)
        self._sources(record)

    def _written(self, records: Iterable[DialogueRecord]) -> int:
        number = 0
        for each in records:
            self.figures.add(each)
            number += 1
        return number

    def _sources(self, record: DialogueRecord) -> None:
        origin: Mapping[str, Any] = record.provenance
        self.cards[record.situation_id] = (origin["licence"], origin["seed_source"])
        made: Any = origin.get("generator")  # of another hand's record it may be anything
        for speaker in ("counselor", "client"):
            self.generators.update(_named(made.get(speaker) if isinstance(made, dict) else made))

    def counts(self, by_split: Mapping[str, int], clients: Mapping[str, str]) -> Counts:
        """What was kept. by_split: records. clients: client -> split, but for exits."""
        shared = Counter(clients[name] for name in self.exit_clients if name in clients)
        groups = {f"by_{name}": dict(sorted(found.items())) for name, found in self.groups.items()}
        return Counts(
            **{name: self.sums[name] for name in _SUMS},
            clients=len(self.cards),
            counselors=len(self.groups["counselor"]),
            by_split=dict(by_split),
            figures=self.figures.figures(),
            exit_split=export_settings().safety_exit if self.exit_clients else "",
            exit_clients=len(self.exit_clients),
            shared_clients={name: shared[name] for name in SPLITS if shared[name]},
            **groups,
        )

    def dropped(self) -> tuple[Drop, ...]:
        """What was left out, in the order of the reasons."""
        texts = export_texts().reasons
        return tuple(
            Drop(reason=name, count=self.drops[name], meaning=texts[name]) for name in texts if self.drops[name]
        )

    def licences(self) -> tuple[CardLicence, ...]:
        """Licences and sources of the kept sessions' cards."""
        found = Counter(self.cards.values())
        return tuple(CardLicence(licence=key[0], source=key[1], clients=found[key]) for key in sorted(found))

    def refuse_nothing(self) -> None:
        """Raise if nothing was kept.

        Raises:
            UserError: says what left out how many.
        """
        if self.sums["sessions"]:
            return
        told = "; ".join(f"{drop.count} left out, {drop.meaning}" for drop in self.dropped())
        total = sum(self.drops.values())
        raise UserError(f"no session is left of {total}: {told}" if total else "the run holds no session yet")


def _named(maker: Any) -> list[str]:  # noqa: ANN401  (whatever a file told)
    """A speaker's makers; an unknown hand where a file tells of none, so that no other's name stands for it."""
    found = maker if isinstance(maker, list | tuple) else [maker]
    names = [str(each).strip() for each in found if isinstance(each, str) and each.strip()]
    return names or [export_texts().spoken.file]
