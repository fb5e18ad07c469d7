"""What a counselor's turn asks of the client's thoughts: the ear of the offline client where thoughts are weighed.

The patterns stand in ``words/<language>.yaml``, and that file says how they are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from agents.phrases import load_phrases
from agents.reading import split_sentences
from agents.reading_lexicon import load_lexicon
from agents.reading_text import normalise
from profiles.vocabulary import Language

__all__ = ["Asked", "Asks", "hear"]

Asks = Literal[
    "situation", "automatic", "intermediate", "core", "evidence_for", "evidence_against", "balanced",
    "rate", "rate_belief", "rate_feeling", "feeling", "confirm", "residual", "next_step",
]  # fmt: skip
_GAP = re.compile(r"<(\d+)>")
_CLOSING = "\"'”’)） *_"
_BETWEEN = {"en": r"[,;:]?(?: [^\\s]{1,20}){0,\1}", "zh": r".{0,\1}"}
_QUOTED = re.compile(
    r"“([^“”]{2,400})”|「([^「」]{2,400})」|『([^『』]{2,400})』|\"([^\"]{2,400})\"|‘([^‘’]{4,400})’(?!\w)"
    r"|(?<!\w)'(.{8,400}?)'(?!\w)"
)


@dataclass(frozen=True)
class Asked:
    """What a turn asks for, in the order of the asking.

    quotes: words of the turn in quotation marks. top: what a rating is out of, 100 or 10.
    about_thought: a question whether something fits is about a thought or a way of thinking.
    """

    kinds: tuple[Asks, ...] = ()
    quotes: tuple[str, ...] = ()
    top: int = 100
    about_thought: bool = False


@dataclass(frozen=True)
class _Ear:
    asks: Mapping[Asks, re.Pattern[str]]
    takes_back: Mapping[str, re.Pattern[str]]
    gives_way: Mapping[str, frozenset[str]]
    invites: re.Pattern[str]
    about: re.Pattern[str]
    ten: re.Pattern[str]
    quoted: str


@lru_cache(maxsize=1024)
def hear(text: str, language: Language) -> Asked:
    """What one counselor turn asks of the client's thoughts; of two asks in one sentence the more pointed counts."""
    ear, lexicon = _ear(language), load_lexicon(language)
    bare = _QUOTED.sub(f" {ear.quoted} " if language == "en" else ear.quoted, text)
    norms = [normalise(sentence, lexicon) for sentence in split_sentences(bare, language)]
    asking = [norm for norm in norms if norm.rstrip(_CLOSING).endswith(("?", "？"))]
    inviting = [norm for norm in norms if ear.invites.search(norm)]
    found = _in_all(asking, ear) or _in_all(inviting, ear)
    return Asked(
        kinds=tuple(found),
        quotes=tuple(next(filter(None, hit.groups())) for hit in _QUOTED.finditer(text)),
        top=10 if any(ear.ten.search(norm) for norm in norms) else 100,
        about_thought=any(ear.about.search(norm) for norm in norms),
    )


def _in_all(norms: Iterable[str], ear: _Ear) -> list[Asks]:
    return list(dict.fromkeys(kind for norm in norms for kind in _in_sentence(norm, ear)))


def _in_sentence(norm: str, ear: _Ear) -> list[Asks]:
    hits = {kind: hit.start() for kind, pattern in ear.asks.items() if (hit := pattern.search(norm))}
    left = [kind for kind in hits if not (kind in ear.takes_back and ear.takes_back[kind].search(norm))]
    kept = [kind for kind in left if not ear.gives_way.get(kind, frozenset()) & set(left)]
    return sorted(kept, key=lambda kind: hits[kind])


@lru_cache(maxsize=2)
def _ear(language: Language) -> _Ear:
    words = load_phrases("agents.clients", language, folder="words")
    asks, known = words.tree("asks"), get_args(Asks)
    return _Ear(
        asks={kind: _compiled(asks[kind], language) for kind in known},
        takes_back={kind: _compiled(lines, language) for kind, lines in words.tree("not").items() if lines},
        gives_way={kind: frozenset(others) for kind, others in words.tree("gives_way").items()},
        invites=_compiled(words.lines("invites"), language),
        about=_compiled(words.lines("about"), language),
        ten=_compiled(words.lines("ten"), language),
        quoted=words.nth("quoted", 0),
    )


def _compiled(lines: Iterable[str], language: Language) -> re.Pattern[str]:
    start = r"\b" if language == "en" else ""
    return re.compile(start + "(?:" + "|".join(_GAP.sub(_BETWEEN[language], line) for line in lines) + ")")
