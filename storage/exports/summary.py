"""What an export came to: its files, its counts and its sources, from which the data card and Croissant are written."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from profiles.schema import Record
from storage.exports.figures import Figures
from storage.exports.format import Kind

__all__ = ["CardLicence", "Counts", "Drop", "ExportFile", "ExportSummary", "Origin"]

Origin = Literal["simulated", "imported", "mixed"]


class ExportFile(Record):
    """One data file. file: its path in the export's folder. fields: column names in order, empty where there are none.

    A ``text`` format has a folder a split with one file a row, and one entry for all, so that a summary does not
    grow with the rows. files: how many they are. Where there is more than one, ``file`` is a pattern that fits them and
    no others, and ``sha256`` is over their lines in ``SHA256SUMS``, in the order written. faults: of preference pairs,
    how many have which fault.
    """

    file: str
    split: str
    rows: int = Field(ge=0)
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    kind: Kind
    fields: tuple[str, ...] = ()
    files: int = Field(default=1, ge=1)
    faults: dict[str, int] = {}


class Counts(Record):
    """What the kept records hold, each session counted once.

    records: dialogues written (with ``unit path`` more than sessions). clients, counselors: different ones.
    by_*: how many records, counselor sentences, channels. channels: opened in all sessions.
    channel_sessions: sessions with at least one channel; loops: walked in these.
    imported: sessions that came as transcripts from elsewhere. persons: sessions played here with a person in a chair;
    rated_by_persons: those of them whose ratings are a person's. figures: of the dialogues as they are written, by the
    definitions of the quality report. exit_split: the split of sessions that left the chain, where there are any;
    exit_clients: their clients; shared_clients: those of them with other sessions too, by the split of these.
    """

    sessions: int = 0
    records: int = 0
    turns: int = 0
    counselor_turns: int = 0
    clients: int = 0
    counselors: int = 0
    channels: int = 0
    loops: int = 0
    channel_sessions: int = 0
    sentences: int = 0
    imported: int = 0
    persons: int = 0
    rated_by_persons: int = 0
    by_language: dict[str, int] = {}
    by_split: dict[str, int] = {}
    by_counselor: dict[str, int] = {}
    by_domain: dict[str, int] = {}
    by_exit: dict[str, int] = {}
    by_strategy: dict[str, int] = {}
    by_distortion: dict[str, int] = {}
    figures: Figures = Figures()
    exit_split: str = ""
    exit_clients: int = 0
    shared_clients: dict[str, int] = {}

    @property
    def origin(self) -> Origin:
        """Where the dialogues come from: all played here, all imported, or some of both."""
        if not self.imported:
            return "simulated"
        return "imported" if self.imported == self.sessions else "mixed"


class Drop(Record):
    """Sessions left out for one reason. reason: a short id; meaning: one plain sentence."""

    reason: str
    count: int = Field(ge=0)
    meaning: str = ""


class CardLicence(Record):
    """A licence and source of client cards. clients: how many clients of the export stand on such cards."""

    licence: str
    source: str
    clients: int = Field(ge=0)


class ExportSummary(Record):
    """An export as a whole.

    formats: format name -> its files in order. filters: option -> value as given, only those that were set.
    generators: models that spoke, or the name of the offline rules. offline: rules made all text, no LLM any.
    created: day of the newest run (ISO date), never the day of the export, so that bytes do not change.
    """

    name: str
    run_ids: tuple[str, ...]
    languages: tuple[str, ...]
    formats: dict[str, tuple[ExportFile, ...]]
    counts: Counts = Counts()
    drops: tuple[Drop, ...] = ()
    filters: dict[str, str] = {}
    licences: tuple[CardLicence, ...] = ()
    generators: tuple[str, ...] = ()
    offline: bool = False
    created: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    version: str = "1.0.0"
