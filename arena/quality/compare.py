"""Sets what was measured beside the published figures, and says what lies outside of the bands. Nothing fails by it."""

from __future__ import annotations

from collections.abc import Mapping

from arena.quality.measure import Measured, Quality
from profiles.distortions import distortions
from profiles.schema import Record
from profiles.strategies import strategies
from profiles.vocabulary import Language
from storage.exports.figures import figures_beside, ratio
from storage.exports.published import published, shares

__all__ = ["Comparison", "Row", "Share", "compare"]

_ENGLISH_ONLY = {"mtld"}  # such figures of two languages are not the same thing; the published one is read in words
_WHOLE_ONLY = {"share_en", "domains", "personal", "distance"}


class Row(Record):
    """A figure of ours by column (``all`` or a language) beside the published one. outside: columns beyond the band."""

    id: str
    name: str
    ours: dict[str, float | None]
    published: float | None
    band: tuple[float | None, float | None]
    outside: tuple[str, ...] = ()


class Share(Record):
    """One distortion or strategy. published: None where no such share is published."""

    id: str
    name: str
    count: int
    share: float
    published: float | None = None


class Comparison(Record):
    """Figures beside figures, in one language. source, standing: whose they are, and how far to trust them."""

    source: str
    standing: str
    rows: tuple[Row, ...]
    distortions: tuple[Share, ...]
    strategies: tuple[Share, ...]

    @property
    def warnings(self) -> tuple[Row, ...]:
        """The figures that lie outside of their band in some column."""
        return tuple(row for row in self.rows if row.outside)


def compare(quality: Quality, language: Language = "en") -> Comparison:
    """Ours beside theirs, with names in one language."""
    there = published(language)
    columns: dict[str, Measured] = {"all": quality.all}
    columns.update(quality.by_language.items())
    figures = {name: _figures(name, part, quality) for name, part in columns.items()}
    rows = []
    for figure in there.figures:
        ours = {name: figures[name][figure.id] for name in columns if _fits(figure.id, name, quality)}
        outside = tuple(name for name, value in ours.items() if value is not None and not figure.within(value))
        rows.append(Row(**figure.model_dump(), ours=ours, outside=outside))
    named = {name: each.name for name, each in distortions(language).items()}
    said = {name: each.name for name, each in strategies(language).items()}
    return Comparison(
        source=there.source,
        standing=there.standing,
        rows=tuple(rows),
        distortions=_shares(quality.all.distortions, named, shares(there.distortions)),
        strategies=_shares(quality.all.strategies, said, {}),
    )


def _fits(figure: str, column: str, quality: Quality) -> bool:
    if figure in _ENGLISH_ONLY:
        return column == "en" or list(quality.by_language) == ["en"]
    return column == "all" or figure not in _WHOLE_ONLY


def _figures(column: str, part: Measured, quality: Quality) -> dict[str, float | None]:
    phrases = sum(len(found) for language, found in quality.phrases.items() if column in ("all", language))
    return {
        **figures_beside(part),
        "mtld": part.mtld.mean,
        "near_duplicates": ratio(part.near_duplicates, part.dialogues),
        "wrong_script": ratio(part.wrong_script, part.dialogues),
        "phrases": float(phrases) if part.dialogues else None,
        "personal": float(sum(part.personal.values())) if part.dialogues else None,
    }


def _shares(counts: Mapping[str, int], known: Mapping[str, str], there: Mapping[str, float]) -> tuple[Share, ...]:
    """Every known id in its order, then ids of the data that nobody knows; empty where nothing was counted."""
    ours = shares(counts)
    if not ours:
        return ()
    ids = [*known, *sorted(counts.keys() - known.keys())]
    return tuple(
        Share(
            id=name,
            name=known.get(name, name),
            count=counts.get(name, 0),
            share=ours.get(name, 0.0),
            published=there.get(name),
        )
        for name in ids
    )
