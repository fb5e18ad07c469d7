"""Interviews made by hand: turns with the interviewer's notes, the answers read from them, and the session's row."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agents.counselors.magi.diagnosis import Override, Trace, trace_of
from agents.counselors.magi.state import Answer, Mention
from agents.dialogue import Turn
from agents.phrases import load_phrases
from profiles.interviews import Instrument, Verdict, load_instrument
from profiles.vocabulary import Language, Stage
from storage.tables import SessionRow

NO = {"en": "No, not really.", "zh": "没有，不太会。"}
YES = {"en": "Yes, most days now.", "zh": "有，现在差不多天天这样。"}
CALL = {"model": "openai/demo-judge", "prompt_hash": "0123456789ab", "prompt_version": "1"}


@dataclass
class Held:
    """An interview that grows question by question."""

    language: Language = "en"
    model: str = "offline"
    turns: list[Turn] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    overrides: dict[str, Override] = field(default_factory=dict)
    status: str = "finished"
    name: str = "Ruth Ambler"
    _read: dict[str, Any] | None = None

    @property
    def instrument(self) -> Instrument:
        return load_instrument(self.language)

    @property
    def trace(self) -> Trace:
        titles = load_phrases("arena", self.language).mapping("interview.results")
        return trace_of(self.instrument, list(self.answers.values()), titles, self.overrides or None)

    @property
    def session(self) -> SessionRow:
        return SessionRow(
            id="cafe0123-1",
            run_id="cafe",
            ordinal=0,
            counselor=f"magi@{self.model}",
            profile_id="card-1",
            theme="emotion",
            resistance=1,
            risk="none",
            language=self.language,
            repeat=1,
            seed=7,
            status=self.status,
            profile={"demographics": {"name": self.name}},
            created_at=datetime(2026, 3, 1, 9, 30),
        )

    def ask(
        self,
        variable: str,
        verdict: Verdict,
        reply: str = "",
        quote: str = "",
        *,
        act: dict[str, Any] | None = None,
        counter: tuple[Mention, ...] = (),
        **more: Any,
    ) -> Held:
        """A question and its answer. quote: of the reply, the whole of it unless given; none if unknown."""
        known = self.instrument.variables[variable]
        asked = self.say(known.ask[0], {"kind": "ask", "variable": variable, "why": "open", **(act or {})})
        reply = reply or (YES if verdict == "met" else NO)[self.language]
        place = len(self.turns)
        self.turns.append(self._turn("client", reply))
        settled = verdict in ("met", "not_met", "refused")
        words = (quote or reply) if settled else ""
        start = reply.find(words) if words else -1
        span = (start, start + len(words)) if start >= 0 else None
        turn = place if span else None
        held = {"variable": variable, "verdict": verdict, "asked_turn": asked, "turn": turn, "quote": words}
        self.answers[variable] = Answer(**{"asks": 1, **held, "span": span, "counter": counter, **more})
        self._read = {"variable": variable, "verdict": verdict, "quote": words, "call": {**CALL, "model": self.model}}
        return self

    def say(self, text: str, act: dict[str, Any], crisis: str = "none") -> int:
        """Words of the interviewer with how they were chosen; the number of the turn."""
        note: dict[str, Any] = {"act": act, "crisis": crisis}
        if self._read:
            note["judgment"] = self._read
            self._read = None
        self.turns.append(self._turn("counselor", text, {"interview": note}))
        return len(self.turns) - 1

    def no(self, *names: str) -> Held:
        for name in names:
            self.ask(name, "not_met")
        return self

    def yes(self, *names: str) -> Held:
        for name in names:
            self.ask(name, "met")
        return self

    def end(self, crisis: str = "none") -> Held:
        self.say("That is what I heard.", {"kind": "stop" if crisis == "ended" else "summary", "why": "end"}, crisis)
        return self

    def parts(self) -> tuple[Instrument, Trace, list[Turn], SessionRow]:
        return self.instrument, self.trace, self.turns, self.session

    def _turn(self, speaker: Any, text: str, notes: dict[str, Any] | None = None) -> Turn:
        place = len(self.turns)
        return Turn(
            index=place, round=place // 2 + 1, speaker=speaker, stage=Stage.DIAGNOSIS, text=text, notes=notes or {}
        )


SYMPTOMS = ("dep.sleep", "dep.fatigue", "dep.worth_guilt", "dep.concentration")
RISK = ("sui.passive", "sui.burden", "sui.active", "sui.attempt")


def all_no(language: Language = "en") -> Held:
    """An interview that comes to its own end without a yes."""
    held = Held(language).no("dep.mood", "dep.anhedonia", *RISK, "gad.excessive_worry", "sad.scrutiny")
    return held.end()


def low_mood(language: Language = "en") -> Held:
    """An interview in which the pattern of a depressive episode is met and risk is not."""
    held = Held(language).yes("dep.mood", "dep.anhedonia", *SYMPTOMS)
    held.no("dep.appetite_weight", "dep.psychomotor", *RISK)
    held.ask("dep.duration", "met", "About six weeks now.", "six weeks", slots={"amount": 6.0, "unit": "weeks"})
    held.yes("dep.impairment").no("shared.mania_mood", "shared.psychosis", "shared.substance", "shared.medical")
    return held.no("gad.excessive_worry", "sad.scrutiny").end()


def stopped(language: Language = "en") -> Held:
    """An interview that ends because danger right now was not ruled out."""
    held = Held(language).yes("dep.mood", "sui.passive")
    held.ask("sui.now", "refused", "I'd rather not say.", act={"kind": "alert", "why": "risk"})
    return held.end("ended")
