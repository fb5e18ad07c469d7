"""The interviewee client: hears a question, decides what to express, says it, and leaves a record of what it showed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from agents.clients.interviewee.deciding import Decision, Expressed, decide
from agents.clients.interviewee.hearing import Heard, hear
from agents.clients.interviewee.state import InterviewState, chance, styles, truth_of
from agents.clients.interviewee.wording import Voice
from agents.dialogue import DialogueView, Utterance
from agents.roles import Brief, Plugin, Setup
from agents.seeds import derive_seed
from profiles.interviews import Instrument, Variable, load_instrument
from profiles.schema import Truth
from profiles.vocabulary import Language

__all__ = ["CLIENT", "Interviewee"]


@dataclass
class _Reply:
    """A reply in the making: its parts in order, and what it shows."""

    parts: list[str]
    heard: str | None = None
    expressed: Expressed = "other"
    risk_shown: bool = False
    volunteered: dict[str, Truth] = field(default_factory=dict)


class Interviewee:
    """A client with known truth. Rule-made: needs no model, and only its words are seen by the counselor."""

    def __init__(self, language: Language) -> None:
        self._language = language

    def begin(self, brief: Brief) -> InterviewState:
        """The state on arrival; clients of one run have luck of their own."""
        if brief.profile is None:
            raise ValueError("a client needs a profile")
        return InterviewState(profile=brief.profile, seed=derive_seed(brief.seed, brief.profile.id))

    async def reply(self, view: DialogueView, state: InterviewState) -> tuple[Utterance, InterviewState]:
        """The next answer. ``Utterance.notes["interviewee"]`` says what it expressed, for the record only.

        heard: id of the variable that was asked, or None. expressed: met, not_met, unclear, refused, or other.
        risk_shown: the words hold a sign of a wish to die or of an attempt (a refusal is none).
        volunteered: variable id -> met or not_met, as said without being asked.
        """
        instrument = load_instrument(self._language)
        voice = Voice(state, self._language, view.texts("client"))
        heard = hear(view.last("counselor"), voice.own, self._language, state.last)
        if heard.variable is None:
            made, after = _open(voice, heard, instrument)
        else:
            made, after = _answer(voice, instrument.variables[heard.variable], heard, instrument)
        text = voice.phrases.join(made.parts)
        notes = {
            "heard": made.heard,
            "expressed": made.expressed,
            "risk_shown": made.risk_shown,
            "volunteered": made.volunteered,
        }
        return Utterance(text=text, notes={"interviewee": notes}), after


def _answer(voice: Voice, variable: Variable, heard: Heard, instrument: Instrument) -> tuple[_Reply, InterviewState]:
    state = voice.state
    times = state.asked.get(variable.id, 0)
    decision = decide(state, variable, heard)
    made = _Reply([voice.answer(variable, decision, heard)], variable.id, decision.expressed)
    made.risk_shown = _shows_risk(state, variable, decision)
    owed = tuple(name for name in state.owed if name != variable.id)
    if owed and _lucky(state, variable.id, times, "back", styles().contradicting.takes_back):
        name, owed = owed[0], owed[1:]
        luck = chance(state, name, state.asked.get(name, 0), "takes back")
        made.parts.append(voice.taken_back(instrument.variables[name], luck))
        made.volunteered[name] = truth_of(state.profile, instrument.variables[name]).truth
    elif decision.manner in ("plain", "admit") and variable.kind != "risk":
        _volunteer(voice, variable, times, made)
    after = state.model_copy(
        update={
            "asked": {**state.asked, variable.id: times + 1},
            "volunteered": (*state.volunteered, *made.volunteered),
            "owed": (*owed, variable.id) if decision.manner == "wrong" else owed,
            "last": variable.id,
            "questions": state.questions + 1,
        }
    )
    return made, after


def _shows_risk(state: InterviewState, variable: Variable, decision: Decision) -> bool:
    risky = variable.kind == "risk" or variable.id == "dep.death_suicide"
    if not risky or truth_of(state.profile, variable).truth != "met":
        return False
    return decision.manner in ("hint", "both") or decision.expressed == "met"


def _volunteer(voice: Voice, variable: Variable, times: int, made: _Reply) -> None:
    """Now and then a fact on the side; which one depends on the question, as far as it is not known already."""
    state = voice.state
    style = state.profile.response_style
    if not state.complete or not _lucky(state, variable.id, times, "volunteers", styles().volunteers.get(style, 0.0)):
        return
    names = [name for name in voice.tellable(met_only=style != "rambling") if name != variable.id]
    _tell(voice, names, chance(state, variable.id, times, "which"), made)


def _tell(voice: Voice, names: list[str], luck: random.Random, made: _Reply) -> None:
    if names:
        salt = luck.random()
        name = min(names, key=lambda each: derive_seed(salt, each))
        says = voice.state.profile.criteria[name].truth
        made.parts.append(voice.told(name, says, luck))
        made.volunteered[name] = says


def _lucky(state: InterviewState, variable: str, times: int, what: str, odds: float) -> bool:
    return chance(state, variable, times, what).random() < odds


def _open(voice: Voice, heard: Heard, instrument: Instrument) -> tuple[_Reply, InterviewState]:
    """What is said where nothing of the instrument was asked: first words, thanks, a crisis turn, open talk."""
    state = voice.state
    luck = chance(state, "open talk", state.opened, "words")
    made = _Reply([])
    if not voice.own:
        made.parts = [state.profile.opening.strip() or voice.fresh("open.start", luck)]
    elif heard.go_on:
        made.parts = [
            voice.fresh(f"go_on.{'guarded' if state.profile.response_style == 'guarded' else 'willing'}", luck)
        ]
    elif heard.safety:
        made.parts = [voice.fresh(f"crisis.{_crisis_manner(state)}", luck)]
    elif heard.summary and len(voice.own) > 2:
        style = state.profile.response_style
        made.parts = [voice.fresh(f"summary.{style if voice.phrases.has(f'summary.{style}') else 'fits'}", luck)]
    else:
        _talk(voice, luck, made)
    update = {
        "opened": state.opened + 1,
        "volunteered": (*state.volunteered, *made.volunteered),
        "last": None,
    }
    return made, state.model_copy(update=update)


def _crisis_manner(state: InterviewState) -> str:
    if state.profile.risk.level == "none":
        return "none"
    return "guarded" if state.profile.response_style in ("guarded", "denying") else "risk"


def _talk(voice: Voice, luck: random.Random, made: _Reply) -> None:
    state, style = voice.state, voice.style
    fact = next((fact.text for fact in state.profile.facts if not any(fact.text in turn for turn in voice.own)), None)
    if fact:
        made.parts = [fact]
        return
    name = f"open.{style}" if voice.phrases.has(f"open.{style}") else "open.start"
    made.parts = [voice.phrases.unused(name, "\n".join(voice.own), luck) or voice.fresh("open.more", luck)]
    if state.complete and luck.random() < styles().complains.get(state.profile.response_style, 0.0):
        _tell(voice, voice.tellable(met_only=True), luck, made)


def _build(setup: Setup) -> Interviewee:
    return Interviewee(setup.language)


CLIENT = Plugin(
    name="interviewee",
    role="client",
    summary="rule-made interviewee with known truth, to measure interviewers: answers each question in its style",
    build=_build,
    needs_model=False,
)
