"""Puts an interviewee's answers into words: phrases by variable, frames by style, spans, and facts told unasked."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from agents.clients.interviewee.deciding import Decision
from agents.clients.interviewee.hearing import Heard
from agents.clients.interviewee.state import InterviewState, chance, truth_of
from agents.phrases import Phrases, load_phrases
from profiles.interviews import Variable
from profiles.schema import Truth
from profiles.vocabulary import Language

__all__ = ["Speech", "Voice"]


@dataclass(frozen=True)
class Speech:
    """Words, and the variables that they tell of without having been asked (each with what was said)."""

    text: str
    volunteered: tuple[tuple[str, Truth], ...] = ()


@dataclass(frozen=True)
class Voice:
    """An interviewee's way of speaking at one point of a session. ``own``: what the client has said so far."""

    state: InterviewState
    language: Language
    own: tuple[str, ...] = ()

    @property
    def phrases(self) -> Phrases:
        """All lines of the language."""
        return load_phrases("agents.clients.interviewee", self.language)

    @property
    def style(self) -> str:
        """The response style."""
        return self.state.profile.response_style

    def answer(self, variable: Variable, decision: Decision, heard: Heard) -> str:
        """The answer to a question about a variable."""
        times = self.state.asked.get(variable.id, 0)
        luck = chance(self.state, variable.id, times, "words")
        match decision.manner:
            case "explain":
                return luck.choice(self.phrases.lines("explain_terse" if self.style == "terse" else "explain_please"))
            case "unsure":
                return self._fresh("unsure", luck)
            case "refuse":
                again = "_again" if times and self.phrases.has("frames.guarded.refuse_again") else ""
                return luck.choice(self.phrases.lines(f"frames.guarded.refuse{again}"))
            case "dodge" | "unsettled" | "minimise":
                return self._fresh(f"frames.{self.style}.{decision.manner}", luck)
            case "hint":
                name = "hint_attempt" if variable.id == "sui.attempt" else "hint"
                return luck.choice(self.phrases.lines(f"frames.denying.{name}"))
            case "both":
                return self._both(variable, decision, heard, luck)
            case _:
                return self._framed(variable, decision, heard, luck)

    def statement(self, variable: Variable, says: Truth, heard: Heard, amount: float | None = None) -> str:
        """A claim about a variable in the client's words; a card's own words come before ours."""
        criterion = truth_of(self.state.profile, variable)
        times = self.state.asked.get(variable.id, 0)
        if criterion.text and criterion.truth == says:
            said = any(criterion.text in turn for turn in self.own)
            luck = chance(self.state, variable.id, times, "repeats")
            again = self.phrases.lines(f"repeat.{says}" if self.phrases.has(f"repeat.{says}") else "repeat.other")
            return self._fill(luck.choice(again) if said else "{text}", criterion.text)
        lines = list(self._lines(variable, says, heard, amount))
        chance(self.state, variable.id, 0, f"order {says}").shuffle(lines)
        return self._with_span(lines[times % len(lines)], variable, amount, times)

    def told(self, variable: str, says: Truth, luck: random.Random) -> str:
        """A fact that nobody asked for."""
        text = luck.choice(self.phrases.lines(f"told.{variable}.{says}"))
        return self._fill(luck.choice(self.phrases.lines("volunteer")), text)

    def tellable(self, *, met_only: bool) -> list[str]:
        """The variables of which something may be told unasked, in the order of the phrase file."""
        tree = self.phrases.tree("told")
        names = [f"{module}.{name}" for module, names in tree.items() for name in names]
        done = {*self.state.asked, *self.state.volunteered}
        allowed = ("met",) if met_only else ("met", "not_met")
        criteria = self.state.profile.criteria
        return [name for name in names if name not in done and name in criteria and criteria[name].truth in allowed]

    def taken_back(self, variable: Variable, luck: random.Random) -> str:
        """The correction of an earlier claim."""
        truth = truth_of(self.state.profile, variable).truth
        text = self.statement(variable, truth, Heard(bare=False))
        frame = luck.choice(self.phrases.lines("frames.contradicting.back"))
        return self._fill(frame.replace("{topic}", variable.topic), text)

    def fresh(self, name: str, luck: random.Random) -> str:
        """A line that was not said yet; any where all were."""
        return self._fresh(name, luck)

    def _lines(self, variable: Variable, says: Truth, heard: Heard, amount: float | None) -> Sequence[str]:
        phrases, place = self.phrases, f"{variable.id}.{says}"
        if variable.kind == "duration":
            if amount is None or amount <= 0:
                return phrases.lines(f"answers.{variable.id}.none")
            return phrases.lines(f"terse.{says}.duration" if self.style == "terse" else f"answers.{place}")
        if self.style == "terse":
            return phrases.lines(f"terse.{says}.{variable.kind}" if heard.bare else f"short.{place}")
        lines = phrases.lines(f"answers.{place}")
        if heard.bare:
            return lines
        yes_no = phrases.lines("yes_no")
        return [line for line in lines if not line.startswith(yes_no)] or lines

    def _framed(self, variable: Variable, decision: Decision, heard: Heard, luck: random.Random) -> str:
        text = self.statement(variable, decision.says, heard, decision.amount)
        again = "again" if self.state.asked.get(variable.id, 0) else "plain"
        if self.style == "terse" or truth_of(self.state.profile, variable).text:
            return text
        name = f"frames.{self.style}.{again}"
        plainly = f"{name}_{decision.says}"  # who was not understood says the yes or no, too
        if variable.kind != "duration" and self.phrases.has(plainly):
            name = plainly
        if self.style == "denying":
            name = "frames.denying.admit" if decision.manner == "admit" else "frames.denying.plain"
            if decision.manner != "admit" and (decision.says == "met" or variable.kind == "duration"):
                return text
        frame = luck.choice(self.phrases.lines(name))
        if self.style == "rambling":
            quiet = variable.kind == "risk" or variable.id == "dep.death_suicide"
            aside = self._fresh("frames.rambling.risk_aside" if quiet else "frames.rambling.aside", luck)
            tail = "" if quiet else self._fresh("frames.rambling.tail", luck)
            frame = frame.replace("{aside}", aside).replace("{tail}", tail)
        return self._fill(frame, text)

    def _both(self, variable: Variable, decision: Decision, heard: Heard, luck: random.Random) -> str:
        if variable.kind == "duration":
            if not decision.amount:
                return luck.choice(self.phrases.lines("frames.contradicting.unsettled"))
            frame = luck.choice(self.phrases.lines("frames.contradicting.both_amount"))
            return self._with_span(frame, variable, decision.amount, self.state.asked.get(variable.id, 0))
        opposite: Truth = "not_met" if decision.says == "met" else "met"
        first = self.statement(variable, opposite, heard)
        second = self.statement(variable, decision.says, heard)
        frame = luck.choice(self.phrases.lines("frames.contradicting.both"))
        frame = frame.replace("{lower_other}", _lowered(second)).replace("{other}", second)
        return self._fill(frame, first)

    def _with_span(self, line: str, variable: Variable, amount: float | None, times: int) -> str:
        if "{span}" not in line or variable.threshold is None or amount is None:
            return line
        names = f"amounts.{variable.threshold.unit}"
        exact = f"{names}.{amount:g}"
        spans = self.phrases.lines(exact if self.phrases.has(exact) else f"{names}.many")
        span = chance(self.state, variable.id, times, "span").choice(spans).replace("{n}", f"{amount:g}")
        text = line.replace("{span}", span)
        return text[0].upper() + text[1:]

    def _fill(self, frame: str, text: str) -> str:
        filled = frame.replace("{lower}", _lowered(text)).replace("{text}", text)
        return " ".join(filled.split()) if self.language == "en" else filled.strip()

    def _fresh(self, name: str, luck: random.Random) -> str:
        return self.phrases.unused(name, "\n".join(self.own), luck) or luck.choice(self.phrases.lines(name))


def _lowered(text: str) -> str:
    return text if text.startswith(("I ", "I'")) else text[:1].lower() + text[1:]
