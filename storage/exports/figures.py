"""Counts of dialogues and the figures that follow from them, for data cards and quality reports alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from profiles.schema import Record
from storage.exports.published import published, total_variation
from storage.exports.record import UNKNOWN_DOMAIN, DialogueRecord, DialogueTurn

__all__ = ["FigureCounter", "Figures", "figures_beside", "ratio"]


class Figures(Record):
    """Counts over dialogues: sessions, or with ``unit path`` the paths, as they are written.

    turns_in_all: of both speakers. labelled_turns: counselor turns with labelled sentences, over which strategies are
    averaged; greetings and talk without labels are not among them. strategies, distortions: by id. unnamed_channels:
    channels without a named distortion. domains: known ones only. channel_sessions: sessions with a channel, over which
    channels and loops are counted, each session once, however many paths it has.
    """

    dialogues: int = 0
    clients: int = 0
    sessions: int = 0
    turns_in_all: int = 0
    counselor_turns: int = 0
    labelled_turns: int = 0
    strategies: dict[str, int] = {}
    distortions: dict[str, int] = {}
    unnamed_channels: int = 0
    languages: dict[str, int] = {}
    domains: dict[str, int] = {}
    channel_sessions: int = 0
    strategies_per_turn: float | None = None
    channels_per_loop: float | None = None
    loops_per_session: float | None = None


class FigureCounter:
    """Counts dialogue by dialogue. It grows with clients, and by two numbers for each session with channels."""

    def __init__(self) -> None:
        self._numbers: Counter[str] = Counter()
        self._groups: dict[str, Counter[str]] = {
            name: Counter() for name in ("strategies", "distortions", "languages", "domains")
        }
        self._clients: set[str] = set()
        self._sessions: set[str] = set()
        self._walked: dict[str, tuple[int, int]] = {}  # session -> loops, channels

    def add(self, record: DialogueRecord) -> None:
        """Count one dialogue; the paths of a session one after another or not."""
        self._numbers["dialogues"] += 1
        self._clients.add(record.situation_id)
        self._sessions.add(record.session_id)
        self._groups["languages"][record.language] += 1
        if record.domain != UNKNOWN_DOMAIN:
            self._groups["domains"][record.domain] += 1
        self._count_turns(record.dialog)
        self._count_channels(record)

    def _count_turns(self, turns: Sequence[DialogueTurn]) -> None:
        self._numbers["turns_in_all"] += len(turns)
        for turn in turns:
            if turn.speaker == "therapist":
                self._numbers["counselor_turns"] += 1
                self._numbers["labelled_turns"] += bool(turn.sentences)
                self._groups["strategies"].update(sentence.strategy for sentence in turn.sentences)

    def _count_channels(self, record: DialogueRecord) -> None:
        named = [channel.distortion for channel in record.channels]
        self._groups["distortions"].update(name for name in named if name)
        self._numbers["unnamed_channels"] += sum(not name for name in named)
        if record.channels:  # a path tells of one channel and of all loops of its session
            loops, channels = self._walked.get(record.session_id, (0, 0))
            walked = max(record.loops, *(channel.loop for channel in record.channels))
            self._walked[record.session_id] = (max(loops, walked), channels + len(record.channels))

    def figures(self) -> Figures:
        """What was counted so far; groups with the most frequent first."""
        loops = sum(loops for loops, _ in self._walked.values())
        channels = sum(channels for _, channels in self._walked.values())
        return Figures(
            **self._numbers,
            **{name: dict(counter.most_common()) for name, counter in self._groups.items()},
            clients=len(self._clients),
            sessions=len(self._sessions),
            channel_sessions=len(self._walked),
            strategies_per_turn=ratio(self._groups["strategies"].total(), self._numbers["labelled_turns"]),
            channels_per_loop=ratio(channels, loops),
            loops_per_session=ratio(loops, len(self._walked)),
        )


def figures_beside(figures: Figures) -> Mapping[str, float | None]:
    """Ours by the id of the published figure; None where nothing was counted that it could be told from."""
    there = published()
    known = {name: figures.distortions.get(name, 0) for name in there.distortions}
    spoken = figures.languages
    return {
        "turns_per_dialogue": ratio(figures.turns_in_all, figures.dialogues),
        "dialogues_per_client": ratio(figures.dialogues, figures.clients),
        "strategies_per_turn": figures.strategies_per_turn,
        "channels_per_loop": figures.channels_per_loop,
        "loops_per_session": figures.loops_per_session,
        # In one language there is nothing to balance.
        "share_en": ratio(spoken.get("en", 0), figures.dialogues) if len(spoken) > 1 else None,
        "domains": float(len(figures.domains)) if figures.domains else None,
        "distance": total_variation(known, there.distortions),
    }


def ratio(part: int, whole: int) -> float | None:
    """A share; None of nothing."""
    return part / whole if whole else None
