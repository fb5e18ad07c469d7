"""The configuration of a run: what a person sets, and the hash by which a run is known again."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from arena.session import OnHarm
from arena.stages import StageMode
from profiles.located import read_yaml, validate
from profiles.vocabulary import Language
from storage.queries import name_fault

HOW_NOT_WHAT = frozenset(
    {
        "max_connections",
        "max_rpm",
        "max_tpm",
        "timeout",
        "deadline",
        "session_deadline",
        "max_calls",
        "max_cost",
        "cache",
        "base_url",
        "db",
        "name",
    }
)
"""These change how fast, how far and where a run goes, not what it finds; they are no part of its identity."""
# These are said again in resolved form: models by role, counselors and clients by the plan.
_RESOLVED = frozenset({"model", "client_model", "judge_model", "counselors", "clients"})


class RunConfig(BaseModel):
    """All settings of a run.

    Attributes:
        counselors: ``NAME[:VARIANT][@MODEL]``, e.g. ``plain:psycho@openai/x``; without ``@MODEL`` it is ``model``.
        clients: ``all``, a number, ``theme=...``, ids with commas between, or a file of the user's own.
        client: the kind of client: ``dynamic`` or ``cooperative``.
        model: default model of all roles; ``client_model`` and ``judge_model`` override it for their role.
        safety_model: a model that reads each finished session after the safety rules; None leaves it to the rules.
        rounds: 1-200; a round is one client turn and one counselor turn.
        repeats: sessions of each counselor with each client; each repeat has its own seed.
        seed: all chance of the run comes from it; the same client and repeat has the same seed for every counselor.
        stage_mode: ``paced`` follows round budgets, ``earned`` lets the client move on only when ready, ``led`` the
            counselor, as the interview does; in both the session may end before its last round.
        opening: who speaks first; with ``counselor`` a fixed greeting stands before round 1.
        resistance: set every client's resistance to this level (0-3) instead of its card's.
        self_score: let the counselor's own model score the counselor party too.
        temperature: sent to servers when set. send_seed: send the call's seed to servers too.
        max_tokens: the most tokens of one utterance, hidden thought included; judges are not cut off.
        max_connections: sessions at a time, and calls at a time to one server.
        max_rpm, max_tpm: requests and tokens a minute to one server.
        timeout, deadline: seconds that one try of a call may take, and a call with all its tries.
        session_deadline: seconds that one session may take; one that takes longer fails and is tried again next time.
        max_calls, max_cost: calls and US dollars that the whole run may spend; there it stops, to go on another time.
        cache: take answers to identical requests from earlier runs in the database; needs temperature 0.
        base_url: an OpenAI-compatible server for all models, or servers by model address (``vllm/x``) or provider.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    counselors: tuple[str, ...] = Field(default=("plain",), min_length=1)
    clients: str = "all"
    client: str = "dynamic"
    model: str = "offline"
    client_model: str | None = None
    judge_model: str | None = None
    safety_model: str | None = None
    rounds: int = Field(default=25, ge=1, le=200)
    lang: Language = "en"
    repeats: int = Field(default=1, ge=1, le=1000)
    seed: int = Field(default=1, ge=0)
    stage_mode: StageMode = "paced"
    opening: Literal["counselor", "client"] = "counselor"
    resistance: int | None = Field(default=None, ge=0, le=3)
    on_harm: OnHarm = "continue"
    self_score: bool = True
    temperature: float | None = Field(default=None, ge=0, le=2)
    send_seed: bool = False
    max_tokens: int | None = Field(default=None, ge=1)
    max_connections: int = Field(default=8, ge=1, le=1000)
    max_rpm: int | None = Field(default=None, ge=1)
    max_tpm: int | None = Field(default=None, ge=1)
    timeout: float = Field(default=180.0, gt=0)
    deadline: float = Field(default=600.0, gt=0)
    session_deadline: float | None = Field(default=None, gt=0)
    max_calls: int | None = Field(default=None, ge=0)
    max_cost: float | None = Field(default=None, ge=0)
    cache: bool = False
    base_url: str | dict[str, str] | None = None
    db: str = "arena.db"
    name: str = ""

    @field_validator("counselors", mode="before")
    @classmethod
    def _one_or_more(cls, given: object) -> object:
        return (given,) if isinstance(given, str) else given

    @field_validator("clients", mode="before")
    @classmethod
    def _as_selector(cls, given: object) -> object:
        if isinstance(given, int) and not isinstance(given, bool):
            return str(given)
        return ",".join(map(str, given)) if isinstance(given, list | tuple) else given

    @field_validator("base_url")
    @classmethod
    def _named(cls, given: str | dict[str, str] | None) -> str | dict[str, str] | None:
        if given is not None and (not given or not all((given.values()) if isinstance(given, dict) else [given])):
            raise ValueError("an address is empty; write a URL, or a mapping of provider or model to URL")
        return given

    @field_validator("name")
    @classmethod
    def _findable(cls, name: str) -> str:
        if fault := name_fault(name):
            raise ValueError(fault)
        return name

    @model_validator(mode="after")
    def _same_again(self) -> Self:
        if self.cache and self.temperature != 0:
            raise ValueError("cache: only at temperature 0 is an old answer as good as a new one; set temperature to 0")
        return self

    @field_validator("counselors")
    @classmethod
    def _differ(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"'{twice[0]}' is named twice; use repeats for more sessions")
        return names

    @classmethod
    def from_yaml(cls, path: Path) -> Self:
        """Read a run file.

        Raises:
            UserError: not YAML, an unknown field (the nearest right one is named), or a value out of range.
        """
        located = read_yaml(path)
        if not isinstance(located.value, dict):
            raise located.fault((), "a run file must hold fields such as 'counselors' and 'clients'")
        return validate(cls, located.value, located)

    @property
    def base_urls(self) -> dict[str, str]:
        """Servers by model address or provider; the one for all under ``""``."""
        if self.base_url is None:
            return {}
        return {"": self.base_url} if isinstance(self.base_url, str) else dict(self.base_url)

    @property
    def role_models(self) -> dict[str, str]:
        """Addresses of the default counselor's, the client's and the judge's model."""
        return {
            "counselor": self.model,
            "client": self.client_model or self.model,
            "judge": self.judge_model or self.model,
        }

    def identity(self) -> dict[str, Any]:
        """The settings that make a run what it is."""
        settings = self.model_dump(mode="json", exclude=set(HOW_NOT_WHAT | _RESOLVED))
        models = {role: spec for role, spec in self.role_models.items() if role != "counselor"}
        return {**settings, "models": models}


_NO_PART_OF_A_RUN = ("profiles/data/clients", "arena/templates", "arena/exporting", "arena/quality")


def content_hash() -> str:
    """First 12 hex digits of SHA-256 over all prompts, phrases, word lists, weights and rubrics in use."""
    digest = hashlib.sha256()
    for package in ("agents", "arena", "profiles"):
        for name, content in sorted(_data_files(files(package), package)):
            digest.update(name.encode() + b"\0" + content + b"\0")
    return digest.hexdigest()[:12]


def run_key(identity: dict[str, Any]) -> str:
    """The run's id: first 12 hex digits of SHA-256 over its resolved configuration."""
    text = json.dumps(identity, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _data_files(folder: Traversable, name: str) -> list[tuple[str, bytes]]:
    found = []
    for item in folder.iterdir():
        place = f"{name}/{item.name}"
        if item.is_dir() and place not in _NO_PART_OF_A_RUN:
            found += _data_files(item, place)
        elif item.name.endswith((".md", ".yaml")):
            found.append((place, item.read_bytes()))
    return found
