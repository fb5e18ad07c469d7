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
from profiles.localize import MissingText, languages_in, localize, script_of
from profiles.located import Located, Place, faults, read_yaml, validate
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
        """The languages the card can be read in.

        Its ``lang`` where it names one, else those of its bilingual texts, else that of its script.
        """
        texts = {key: value for key, value in self._fields.items() if key != "extra"}
        alone = self._top("lang")
        found = [alone] if alone else [*languages_in(texts)] or [script_of(texts)]
        return tuple(lang for lang in LANGUAGES if lang in found)

    def read(self, language: Language) -> Profile:
        """The card in one language.

        Raises:
            UserError: a field is wrong, missing or unknown, or the card is not written in this language.
        """
        plain = self._in(language)
        return validate(Profile, plain.value, plain)

    def faults(self, language: Language) -> tuple[UserError, ...]:
        """Everything that is wrong with the card in one language, one line each."""
        try:
            plain = self._in(language)
        except UserError as error:
            return (error,)
        return faults(Profile, plain.value, plain)

    def note(self, profile: Profile) -> str:
        """What of the card could not be mapped: nothing, the format is our own."""
        return ""

    @property
    def _fields(self) -> dict[Any, Any]:
        return self.located.value if isinstance(self.located.value, dict) else {}

    def _top(self, key: str) -> Any:  # noqa: ANN401
        value = self._fields.get(key)
        return "" if value is None else value

    def _in(self, language: Language) -> Located:
        value = self.located.value
        if not isinstance(value, dict):
            raise self.located.fault((), "a client card must be a mapping of fields")
        if value.get("lang") not in (None, *LANGUAGES):
            fault = f"unknown language '{value['lang']}'; known: {', '.join(LANGUAGES)}"
            raise self.located.fault(("lang",), fault)
        if language not in self.languages:
            alone = self.languages[0]
            fault = f"card '{self.id}' is written in '{alone}'; run it with --lang {alone}"
            raise self.located.fault(("lang",), fault)
        try:
            plain = localize({key: item for key, item in value.items() if key != "extra"}, language)
        except MissingText as error:
            raise UserError(f"{self._where(error.place)}: card '{self.id}': {error}") from None
        # What stands under extra belongs to another format: its keys may be languages without meaning texts.
        kept = {"extra": value["extra"]} if "extra" in value else {}
        return Located(self.located.source, {**plain, **kept, "lang": language}, self._lines(language))

    def _where(self, place: Place) -> str:
        return f"{self.located.source}, line {self.located.line(place)}"

    def _lines(self, language: Language) -> dict[Place, int]:
        """The lines under the places that values have once one language is picked."""
        others = {lang for lang in LANGUAGES if lang != language}
        return {
            tuple(part for part in place if part != language): line
            for place, line in self.located.lines.items()
            if others.isdisjoint(place)
        }


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
    refuse_doubles((card.id, card.located) for card in found)
    return tuple(found)


def refuse_doubles(cards: Iterable[tuple[str, Located]]) -> None:
    """Refuse cards that share an id.

    Args:
        cards: each card's id and where it stands; cards without an id are passed over.

    Raises:
        UserError: two ids are alike; both lines are named.
    """
    seen: dict[str, Located] = {}
    for card_id, located in cards:
        if card_id in seen:
            first = seen[card_id]
            other = f"{first.source}, line {first.line(('id',))}"
            raise located.fault(("id",), f"id '{card_id}' stands also in {other}; give each card its own")
        if card_id:
            seen[card_id] = located


def cards_in(path: Path) -> tuple[Card, ...]:
    """The cards of a YAML file of our own format: one card, or a list of cards.

    Raises:
        UserError: no such file, not YAML, no card, or two cards with one id.
    """
    return as_cards(read_yaml(path))


def as_cards(located: Located) -> tuple[Card, ...]:
    """The cards of what a file holds: one card, or a list of cards.

    Raises:
        UserError: no card, or two cards with one id.
    """
    if not located.value:
        raise UserError(f"{located.source}: no client card in this file")
    parts = located.parts() if isinstance(located.value, list) else (located,)
    cards = tuple(Card(part) for part in parts)
    refuse_doubles((card.id, card.located) for card in cards)
    return cards


def select(selector: str, language: Language) -> tuple[Profile, ...]:
    """The shipped profiles that a selector names, in one language.

    Args:
        selector: ``all``, a number (balanced over themes), ``theme=a,b``, or ids with commas between.
        language: the language to read them in.

    Raises:
        UserError: unknown theme or id (with the nearest right one), or a number out of range.
    """
    cards = shipped_cards()
    if selector == "all":
        chosen: Sequence[Card] = cards
    elif selector.removeprefix("-").isdecimal():
        chosen = _balanced(cards, int(selector))
    elif selector.startswith("theme="):
        chosen = of_themes(cards, [name.strip() for name in selector.removeprefix("theme=").split(",")])
    else:
        chosen = _by_ids(cards, selector.split(","))
    return tuple(card.read(language) for card in chosen)


def of_themes(cards: Sequence[Card], names: Sequence[str]) -> list[Card]:
    """Those cards that have one of the themes.

    Raises:
        UserError: no card has a theme of that name; the nearest is named.
    """
    known = sorted({card.theme for card in cards})
    for name in names:
        if name not in known:
            raise UserError(f"unknown theme '{name}'; {_nearest(name, known)}")
    return [card for card in cards if card.theme in names]


def _balanced(cards: Sequence[Card], number: int) -> list[Card]:
    if not 1 <= number <= len(cards):
        raise UserError(f"--clients {number}: choose between 1 and {len(cards)}, or 'all'")
    rank: dict[str, int] = {}
    ranked = []
    for card in cards:
        rank[card.theme] = rank.get(card.theme, -1) + 1
        ranked.append((rank[card.theme], card))
    return [card for _, card in sorted(ranked, key=lambda pair: pair[0])][:number]


def _by_ids(cards: Sequence[Card], ids: Sequence[str]) -> list[Card]:
    by_id = {card.id: card for card in cards}
    wanted = [name.strip() for name in ids if name.strip()]
    for name in wanted:
        if name not in by_id:
            raise UserError(f"--clients: no client card '{name}'; {_nearest(name, sorted(by_id))}")
    doubles = sorted({name for name in wanted if wanted.count(name) > 1})
    if doubles:
        raise UserError(f"--clients: '{doubles[0]}' is named twice; name it once")
    if not wanted:
        raise UserError("--clients: names no client; give an id, a number, 'theme=...' or 'all'")
    return [by_id[name] for name in wanted]


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    return f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}"
