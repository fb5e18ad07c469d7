"""The shelf of client cards: those shipped, those of a file, and how a selector picks among them."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from profiles.errors import UserError
from profiles.localize import languages_in, localize
from profiles.located import Located, read_yaml, validate
from profiles.schema import Profile
from profiles.vocabulary import LANGUAGES, Language, Theme

CARD_FILES = (".yaml", ".yml", ".json", ".jsonl", ".csv", ".tsv")


@dataclass(frozen=True)
class Card:
    """One client card as it stands in its file, in one or both languages."""

    located: Located

    @property
    def id(self) -> str:
        """The card's id, or an empty string where the file gives none."""
        return str(self._top("id"))

    @property
    def theme(self) -> str:
        """The card's theme."""
        return str(self._top("theme"))

    @property
    def languages(self) -> tuple[Language, ...]:
        """The languages the card can be read in."""
        found = languages_in(self.located.value)
        alone = self._top("lang")
        return tuple(lang for lang in LANGUAGES if lang in found or lang == alone)

    def _top(self, key: str) -> Any:  # noqa: ANN401
        value = self.located.value
        return value.get(key, "") if isinstance(value, dict) else ""

    def read(self, language: Language) -> Profile:
        """The card in one language.

        Raises:
            UserError: a field is wrong, missing or unknown, or the card is not written in this language.
        """
        value = self.located.value
        if not isinstance(value, dict):
            raise self.located.fault((), "a client card must be a mapping of fields")
        alone = value.get("lang")
        if alone is not None and alone != language:
            raise self.located.fault(("lang",), f"card '{self.id}' is written in '{alone}'; run it with --lang {alone}")
        try:
            plain = localize(value, language)
        except UserError as error:
            raise UserError(f"{self.located.source}: card '{self.id}': {error}") from None
        return validate(Profile, {**plain, "lang": language}, self.located)


def card_hash(profile: Profile) -> str:
    """First 12 hex digits of SHA-256 over the card's content."""
    text = json.dumps(profile.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


@lru_cache(maxsize=1)
def shipped_cards() -> tuple[Card, ...]:
    """All cards that come with the arena, in the order of themes and ids."""
    root = files("profiles") / "data" / "clients"
    found = [
        Card(read_yaml(Path(str(path)), name=f"profiles/data/clients/{theme.value}/{path.name}"))
        for theme in Theme
        if (root / theme.value).is_dir()
        for path in sorted((root / theme.value).iterdir(), key=lambda item: item.name)
        if path.name.endswith(".yaml")
    ]
    _refuse_doubles(found)
    return tuple(found)


def _refuse_doubles(cards: Iterable[Card]) -> None:
    seen: dict[str, Card] = {}
    for card in cards:
        if card.id in seen:
            first = seen[card.id].located
            raise card.located.fault(("id",), f"id '{card.id}' stands also in {first.source}, line {first.line(('id',))}")
        seen[card.id] = card


def cards_in(path: Path) -> tuple[Card, ...]:
    """The cards of a YAML file of our own format: one card, or a list of cards.

    Raises:
        UserError: no such file, not YAML, no card, or two cards with one id.
    """
    located = read_yaml(path)
    if isinstance(located.value, list):
        cards = [Card(located.part(number)) for number in range(len(located.value))]
    else:
        cards = [Card(located)]
    if not cards or located.value is None:
        raise UserError(f"{path}: no client card in this file")
    _refuse_doubles(cards)
    return tuple(cards)


def select(selector: str, language: Language) -> tuple[Profile, ...]:
    """The shipped profiles that a selector names, in one language.

    Args:
        selector: ``all``, a number (balanced over themes), ``theme=a,b``, or ids with commas between.

    Raises:
        UserError: unknown theme or id (with the nearest right one), or a number out of range.
    """
    cards = shipped_cards()
    if selector == "all":
        chosen: Sequence[Card] = cards
    elif selector.lstrip("-").isdigit():
        chosen = _balanced(cards, int(selector))
    elif selector.startswith("theme="):
        chosen = _of_themes(cards, selector.removeprefix("theme=").split(","))
    else:
        chosen = _by_ids(cards, selector.split(","))
    return tuple(card.read(language) for card in chosen)


def _balanced(cards: Sequence[Card], number: int) -> list[Card]:
    if not 1 <= number <= len(cards):
        raise UserError(f"--clients {number}: choose between 1 and {len(cards)}, or 'all'")
    rank: dict[str, int] = {}
    ranked = []
    for card in cards:
        rank[card.theme] = rank.get(card.theme, -1) + 1
        ranked.append((rank[card.theme], card))
    return [card for _, card in sorted(ranked, key=lambda pair: pair[0])][:number]


def _of_themes(cards: Sequence[Card], names: Sequence[str]) -> list[Card]:
    known = sorted({card.theme for card in cards})
    for name in names:
        if name not in known:
            raise UserError(f"--clients: unknown theme '{name}'; {_nearest(name, known)}")
    return [card for card in cards if card.theme in names]


def _by_ids(cards: Sequence[Card], ids: Sequence[str]) -> list[Card]:
    by_id = {card.id: card for card in cards}
    wanted = [name.strip() for name in ids if name.strip()]
    for name in wanted:
        if name not in by_id:
            raise UserError(f"--clients: no client card '{name}'; {_nearest(name, sorted(by_id))}")
    doubles = sorted({name for name in wanted if wanted.count(name) > 1})
    if doubles or not wanted:
        raise UserError(f"--clients: '{doubles[0]}' is named twice" if doubles else "--clients: names no client")
    return [by_id[name] for name in wanted]


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    return f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}"
