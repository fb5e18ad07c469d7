"""One judge call a party: transcript first and rubric after it, so that the three calls share their beginning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
    create_model,
    model_validator,
)

from agents.ask import Answer, ask
from agents.dialogue import Turn
from agents.models.base import ChatModel
from agents.prompts import load_prompt
from arena.scoring.judgment import JudgeKind, Judgment, Score, ScoreStatus, check_evidence
from profiles.errors import ModelError, Refused
from profiles.rubrics import Rubric
from profiles.schema import Profile, Record
from profiles.vocabulary import Language, Party


class JudgeInputs(Record):
    """What fills the judge's prompt. ``profile`` only for the client's chair, and never its hidden facts."""

    turns: tuple[Turn, ...]
    rubric: Rubric
    judge: JudgeKind
    profile: Profile | None = None


class Quote(BaseModel):
    """A verbatim piece of one turn."""

    turn: int = Field(description="the turn's number as printed in the transcript")
    quote: str = Field(description="words copied exactly from that turn")


class JudgedItem(BaseModel):
    """One dimension: reason and quotes come before the score."""

    reason: str
    evidence: list[Quote] = Field(default_factory=list, json_schema_extra={"maxItems": 3})
    score: float | None = None


class JudgeOutput(BaseModel):
    """What a judge answers: one object for each dimension, under its id. ``judge_output`` adds the fields.

    The schema that is sent wants every dimension and only whole numbers of the range, so a server's grammar can hold
    a model to it. Reading takes less, for servers without one: what is missing or off the range costs one score.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    @property
    def by_dimension(self) -> dict[str, JudgedItem | None]:
        """Dimension id -> what was said of it, None where nothing was."""
        return {field.alias or name: getattr(self, name) for name, field in type(self).model_fields.items()}

    @model_validator(mode="after")
    def _is_about_the_rubric(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(f"none of its keys is a dimension ({', '.join(self.by_dimension)})")
        return self


class _Demanded:
    """Marks what may be missing when it is read, but not in the schema that is sent."""

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:  # noqa: ANN401
        return handler(schema["schema"])  # what stands inside the "or None"


def judge_output(rubric: Rubric) -> type[JudgeOutput]:
    """The ``JudgeOutput`` of a rubric: its dimensions in its order. Rubrics alike in these share one."""
    return _output(tuple(dimension.id for dimension in rubric.dimensions), rubric.low, rubric.high)


@lru_cache(maxsize=64)
def _output(dimensions: tuple[str, ...], low: int, high: int) -> type[JudgeOutput]:
    values = [{"type": "integer", "enum": list(range(low, high + 1))}, {"type": "null"}]
    meaning = "a whole number on the range; null if it cannot be judged"
    score = Annotated[float | None, WithJsonSchema({"anyOf": values, "description": meaning})]
    item = create_model("JudgedItem", __base__=JudgedItem, score=(score, None))
    kind = Annotated[item | None, _Demanded()]
    # An id may be a word that a model's field must not be called, so it is an alias.
    fields: dict[str, Any] = {f"d{n}": (kind, Field(default=None, alias=name)) for n, name in enumerate(dimensions)}
    return create_model("JudgeOutput", __base__=JudgeOutput, **fields)


@dataclass(frozen=True)
class ModelScorer:
    """A scorer that asks a model. ``sees_profile``: whether the client's card (less its hidden facts) is shown."""

    rubric: Rubric
    model: ChatModel
    language: Language
    judge_kind: JudgeKind = "judge"
    sees_profile: bool = False

    @property
    def party(self) -> Party:
        """Whose side."""
        return self.rubric.party

    @property
    def version(self) -> str:
        """The rubric's version with its hash, so that edited rubrics are never pooled."""
        return f"{self.rubric.version}+{self.rubric.hash}"

    async def judge(self, turns: Sequence[Turn], profile: Profile | None, seed: int) -> Judgment:
        """Ask once; a failure becomes a judgment without values."""
        prompt = load_prompt("arena.scoring", "judge", self.language, JudgeInputs, judge_output(self.rubric))
        shown = _without_secrets(profile) if self.sees_profile and profile else None
        inputs = JudgeInputs(
            turns=tuple(turn.public() for turn in turns), rubric=self.rubric, judge=self.judge_kind, profile=shown
        )
        try:
            answer = await ask(self.model, prompt, inputs, language=self.language, seed=seed)
        except ModelError as error:
            return self._failed(error, prompt.hash, seed)
        return self._read(answer, turns, prompt.hash, seed)

    def _failed(self, error: ModelError, prompt_hash: str, seed: int) -> Judgment:
        status: ScoreStatus = "refused" if isinstance(error, Refused) else "invalid"
        if error.kind in ("unavailable", "rate_limited", "no_rule"):
            status = "missing"
        empty = tuple(Score(dimension=d.id, status=status) for d in self.rubric.dimensions)
        return self._judgment(empty, status, prompt_hash, seed, reason=f"{error.kind}: {error}")

    def _read(self, answer: Answer[JudgeOutput], turns: Sequence[Turn], prompt_hash: str, seed: int) -> Judgment:
        given = answer.value.by_dimension
        scores = tuple(self._score(d.id, given[d.id], turns) for d in self.rubric.dimensions)
        complete = all(score.status == "ok" for score in scores)
        worst: ScoreStatus = "ok" if complete else next(score.status for score in scores if score.status != "ok")
        made = self._judgment(scores, worst, prompt_hash, seed)
        return made.model_copy(update={"call": answer.call, "model": answer.call.model or made.model})

    def _score(self, dimension: str, item: JudgedItem | None, turns: Sequence[Turn]) -> Score:
        if item is None or item.score is None:
            return Score(dimension=dimension, status="missing", reason=item.reason if item else "")
        evidence = tuple(check_evidence(quote.turn, quote.quote, turns) for quote in item.evidence)
        fits = self.rubric.low <= item.score <= self.rubric.high and item.score == int(item.score)
        return Score(
            dimension=dimension,
            status="ok" if fits else "invalid",
            value=float(item.score) if fits else None,
            reason=item.reason,
            evidence=evidence,
        )

    def _judgment(
        self, scores: tuple[Score, ...], status: ScoreStatus, prompt_hash: str, seed: int, reason: str = ""
    ) -> Judgment:
        values = [score.value for score in scores if score.value is not None]
        total = sum(values) if len(values) == len(scores) else None
        return Judgment(
            party=self.party,
            judge=self.judge_kind,
            model=self.model.spec,
            rubric_version=self.version,
            prompt_hash=prompt_hash,
            seed=seed,
            status=status,
            reason=reason,
            scores=scores,
            total=total,
            item_mean=None if total is None else total / len(scores),
            share=None if total is None else total / self.rubric.maximum,
            passed=None if total is None else self.rubric.passes(total),
        )


def skipped(rubric: Rubric, reason: str, seed: int) -> Judgment:
    """A self-judgment that nobody could make, such as that of a scripted counselor or a person."""
    empty = tuple(Score(dimension=d.id, status="skipped") for d in rubric.dimensions)
    return Judgment(
        party=rubric.party,
        judge="self",
        model="",
        rubric_version=f"{rubric.version}+{rubric.hash}",
        prompt_hash="",
        seed=seed,
        status="skipped",
        reason=reason,
        scores=empty,
    )


def _without_secrets(profile: Profile) -> Profile:
    return profile.model_copy(update={"hidden_facts": (), "extra": {}})
