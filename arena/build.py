"""From names to objects: the second storey of running. It resolves a configuration and casts its sessions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from agents.models.base import OFFLINE, ChatModel
from agents.phrases import load_phrases
from agents.registry import find_plugin
from agents.roles import Plugin, Setup, Speaker
from agents.seeds import derive_seed
from arena.config import RunConfig, content_hash, run_key
from arena.scoring.parties import views
from arena.session import SessionSpec
from profiles.errors import UserError
from profiles.importers import Imported, find_profiles
from profiles.library import card_hash
from profiles.rubrics import load_rubric
from profiles.schema import Profile
from profiles.vocabulary import Language, Theme


@dataclass(frozen=True)
class CounselorSpec:
    """A counselor as named in a configuration. ``label`` is how it is shown and stored."""

    plugin: Plugin
    variant: str
    model: str | None

    @property
    def label(self) -> str:
        """``NAME[:VARIANT][@MODEL]`` with everything spelled out."""
        name = f"{self.plugin.name}:{self.variant}" if self.variant else self.plugin.name
        return f"{name}@{self.model}" if self.model else name


@dataclass(frozen=True)
class SessionPlan:
    """One session to play."""

    spec: SessionSpec
    counselor: CounselorSpec
    repeat: int
    ordinal: int


@dataclass(frozen=True)
class RunPlan:
    """A resolved run. ``notes`` are one line each about cards that could not be mapped whole."""

    id: str
    config: RunConfig
    identity: dict[str, Any]
    versions: dict[str, Any]
    client: Plugin
    counselors: tuple[CounselorSpec, ...]
    profiles: tuple[Profile, ...]
    sessions: tuple[SessionPlan, ...]
    notes: tuple[str, ...]

    @property
    def offline(self) -> bool:
        """Whether no LLM takes part: every model is the rule-based engine."""
        return self.model_specs() == {OFFLINE}

    def model_specs(self) -> set[str]:
        """Addresses of all models that this run asks."""
        roles = self.config.role_models
        counselors = {spec.model for spec in self.counselors if spec.model}
        second = {self.config.safety_model} if self.config.safety_model else set()
        return {roles["client"], roles["judge"], *counselors, *second}


def parse_counselor(text: str, default_model: str) -> CounselorSpec:
    """Read ``NAME[:VARIANT][@MODEL]``.

    Raises:
        UserError: unknown name or variant, or a model for a counselor that needs none.
    """
    name_and_variant, _, model = text.partition("@")
    name, _, variant = name_and_variant.partition(":")
    plugin = find_plugin("counselor", name)
    if variant and variant not in plugin.variants:
        known = ", ".join(f"{name}:{each}" for each in plugin.variants) or f"just '{name}'"
        raise UserError(f"--counselor: '{name}' has no variant '{variant}'; write {known}")
    if model and not plugin.needs_model:
        raise UserError(f"--counselor: '{name}' needs no model; write '{name_and_variant}'")
    chosen = variant or (plugin.variants[0] if plugin.variants else "")
    return CounselorSpec(plugin, chosen, (model or default_model) if plugin.needs_model else None)


def plan_run(config: RunConfig, live: str | None = None) -> RunPlan:
    """Resolve a configuration: cards, counselors, rubrics, seeds, ids. Nothing is asked of any model.

    Args:
        live: a token of its own for a live session, where a person sits in a chair; None for batches.

    Raises:
        UserError: something in it does not exist or does not fit.
    """
    counselors = tuple(parse_counselor(text, config.model) for text in config.counselors)
    _refuse_twins(counselors)
    client = find_plugin("client", config.client)
    if live is None:
        _refuse_people(client, *(spec.plugin for spec in counselors))
    if config.safety_model == OFFLINE:
        raise UserError("--safety-model: the offline rules have read already; name an LLM, or leave it out")
    found = find_profiles(config.clients, config.lang) if not client.human else _nobody_known(config.lang)
    profiles = tuple(_with_resistance(profile, config.resistance) for profile in found.profiles)
    versions = _versions(config.lang, profiles)
    identity = {**config.identity(), "counselors": [spec.label for spec in counselors], "versions": versions}
    identity |= {"clients": sorted(versions["cards"]), "live": live}
    if live is not None:
        identity["selector"] = config.clients  # ids alone would not find a card of the person's own file again
    run_id = run_key(identity)
    sessions = tuple(_sessions(run_id, config, counselors, profiles))
    return RunPlan(run_id, config, identity, versions, client, counselors, profiles, sessions, found.notes)


def build_client(plan: RunPlan, model: ChatModel) -> Speaker[Any]:
    """The client's speaker for one session."""
    return plan.client.build(Setup(language=plan.config.lang, model=model))


def build_counselor(spec: CounselorSpec, language: Language, model: ChatModel | None) -> Speaker[Any]:
    """The counselor's speaker for one session."""
    return spec.plugin.build(Setup(language=language, model=model, variant=spec.variant))


def greeting(language: Language) -> str:
    """The fixed first words of a session that the counselor opens."""
    return load_phrases("arena", language).nth("greeting", 0)


def _sessions(
    run_id: str, config: RunConfig, counselors: Sequence[CounselorSpec], profiles: Sequence[Profile]
) -> list[SessionPlan]:
    """Client by client, so that counselors meet the same client at about the same time."""
    plans: list[SessionPlan] = []
    words = greeting(config.lang) if config.opening == "counselor" else ""
    for repeat in range(1, config.repeats + 1):
        for profile in profiles:
            seed = derive_seed(config.seed, profile.id, repeat)
            for counselor in counselors:
                spec = SessionSpec(
                    id=_session_id(run_id, counselor.label, profile.id, repeat),
                    profile=profile,
                    language=config.lang,
                    rounds=config.rounds,
                    seed=seed,
                    stage_mode=config.stage_mode,
                    greeting=words,
                    leave_early=config.stage_mode != "paced",
                    on_harm=config.on_harm,
                )
                plans.append(SessionPlan(spec, counselor, repeat, len(plans)))
    return plans


def _session_id(run_id: str, label: str, profile_id: str, repeat: int) -> str:
    text = "\x1f".join((run_id, label, profile_id, str(repeat)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _refuse_people(*plugins: Plugin) -> None:
    for plugin in plugins:
        if plugin.human:
            raise UserError(f"a run cannot wait for a person; talk as the {plugin.role} with 'arena chat'")


def _nobody_known(language: Language) -> Imported:
    """The card of a person in the client's chair: the arena knows nothing about them and asks for nothing."""
    blank = Profile(id="person", lang=language, theme=Theme.OTHER, current_distress="-")
    return Imported(profiles=(blank,), notes=(), format="person", source="", checksum="")


def _refuse_twins(counselors: Sequence[CounselorSpec]) -> None:
    labels = [spec.label for spec in counselors]
    for label in labels:
        if labels.count(label) > 1:
            raise UserError(f"--counselor: '{label}' is named twice; use --repeats for more sessions")


def _with_resistance(profile: Profile, level: int | None) -> Profile:
    return profile if level is None else profile.model_copy(update={"resistance": level})


def rubric_versions(language: Language) -> dict[str, str]:
    """Party -> version and hash of its rubric."""
    rubrics = {party.value: load_rubric(party, language) for party in views()}
    return {name: f"{rubric.version}+{rubric.hash}" for name, rubric in rubrics.items()}


def _versions(language: Language, profiles: Sequence[Profile]) -> dict[str, Any]:
    return {
        "arena": version("counsel-arena"),
        "content": content_hash(),
        "rubrics": rubric_versions(language),
        "cards": {profile.id: card_hash(profile) for profile in profiles},
    }
