"""Reads a counselor turn by rules: which moves it makes, and how much of it comes from the client's words.

This is the ear of the offline engine: the offline client appraises with it, the offline judges count with
it. What counts as which move stands in ``profiles/data/moves/<language>.yaml``; the moves themselves are
explained at ``profiles.vocabulary.Move``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from pydantic import Field

from agents.reading_lexicon import Lexicon, load_lexicon
from agents.reading_moves import Heard, Sentence, moves_in, study
from agents.reading_text import Words, content_units, length, normalise, said_in, split_sentences, words_of
from profiles.schema import Record
from profiles.vocabulary import Language, Move

__all__ = ["Reading", "content_units", "read_counselor", "said_in", "split_sentences"]


class Reading(Record):
    """What one counselor turn does.

    moves: in the order of ``Move``, each once.
    overlap: share (0-1) of the turn's content units that come from the client's last turn.
    carried: share (0-1) that come from an earlier client turn and not from the last.
    questions, sentences: counts. length: words (en), characters without punctuation (zh).
    listy: the turn is set out as a list ("first .. second ..", bullets).
    evidence: move -> the sentence that first shows it, verbatim; the whole turn for ``echo``.
    """

    moves: tuple[Move, ...] = ()
    overlap: float = Field(0.0, ge=0, le=1)
    carried: float = Field(0.0, ge=0, le=1)
    questions: int = Field(0, ge=0)
    sentences: int = Field(0, ge=0)
    length: int = Field(0, ge=0)
    listy: bool = False
    evidence: dict[Move, str] = Field(default_factory=dict)

    def shows(self, *moves: Move) -> bool:
        """Whether the turn makes at least one of these moves."""
        return any(move in self.moves for move in moves)


def read_counselor(
    text: str,
    client_turns: Sequence[str],
    language: Language,
    *,
    disclosed: bool = False,
    earlier: Sequence[str] = (),
) -> Reading:
    """Read one counselor turn.

    Args:
        text: the turn, as the client hears it.
        client_turns: the client's turns before it, in order; the last one is what it answers.
        language: of the session; its lexicon reads the turn.
        disclosed: that last client turn told something sensitive.
        earlier: the counselor's own turns before it. A sentence that repeats one of them shows no helpful
            move again (safety moves apart); harmful moves count as often as they are made.

    Raises:
        UserError: the language's lexicon cannot be read.
    """
    lexicon = load_lexicon(language)
    heard = _heard(client_turns, earlier, lexicon)
    sentences = study(text, heard, lexicon)
    overlap, carried = _origins(words_of(text, language), heard)
    evidence = moves_in(text, sentences, heard, carried, disclosed, lexicon)
    return Reading(
        moves=tuple(evidence),
        overlap=overlap,
        carried=carried,
        questions=sum(sentence.question for sentence in sentences),
        sentences=len(sentences),
        length=length(text, language),
        listy=_listy(text, sentences, lexicon),
        evidence=evidence,
    )


def _heard(client_turns: Sequence[str], earlier: Sequence[str], lexicon: Lexicon) -> Heard:
    language = lexicon.language
    last = client_turns[-1] if client_turns else ""
    return Heard(
        last=last,
        last_words=words_of(last, language),
        before=_union([words_of(turn, language) for turn in client_turns[:-1]]),
        turns=tuple(client_turns),
        said=tuple(sentence for turn in earlier for sentence in _said(turn, lexicon)),
    )


@lru_cache(maxsize=2048)
def _said(turn: str, lexicon: Lexicon) -> tuple[tuple[str, Words], ...]:
    language = lexicon.language
    return tuple((normalise(text, lexicon), words_of(text, language)) for text in split_sentences(turn, language))


def _union(parts: Sequence[Words]) -> Words:
    return Words(
        frozenset().union(*(part.units for part in parts)),
        frozenset().union(*(part.families for part in parts)),
        frozenset().union(*(part.characters for part in parts)),
    )


def _origins(words: Words, heard: Heard) -> tuple[float, float]:
    """Shares of the turn's units that the last client turn holds, and that only an earlier one does."""
    if not words.units:
        return 0.0, 0.0
    last = {unit for unit in words.units if heard.last_words.holds(unit)}
    before = {unit for unit in words.units - last if heard.before.holds(unit)}
    return len(last) / len(words.units), len(before) / len(words.units)


def _listy(text: str, sentences: Sequence[Sentence], lexicon: Lexicon) -> bool:
    lines = len(lexicon.patterns["list_lines"].findall(text))
    steps = {hit.group() for s in sentences for hit in lexicon.every("list_sequence", s.norm)}
    return lines >= 2 or len(steps) >= 2
