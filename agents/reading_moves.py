"""Finds the moves of one counselor turn: which sentence shows which move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents.reading_lexicon import Lexicon, Rule
from agents.reading_quotes import without_own_words
from agents.reading_text import Words, copied_share, length, normalise, split_sentences, words_of
from profiles.vocabulary import Move

__all__ = ["Heard", "Sentence", "moves_in", "study"]

Evidence = dict[Move, str]

_ASKING = frozenset({Move.OPEN_QUESTION, Move.CLOSED_QUESTION})
_WARM = frozenset({Move.REFLECTION, Move.VALIDATION, Move.AFFIRMATION, Move.SUMMARY})
# A repeated sentence earns nothing anew, but repeated harm still harms and help in danger bears repeating.
_FADING = _WARM | _ASKING | {Move.GUIDED_DISCOVERY, Move.COLLABORATION, Move.PLANNING, Move.INFORMATION, Move.CANDOR}
# A sentence that argues or directs neither understands nor explores, whatever its first words promise.
_SPOILING = frozenset({Move.ADVICE, Move.CONFRONTATION, Move.MINIMISING})
# A question that serves one of these is not the bare yes-or-no question that narrows a talk.
_SERVED = frozenset(
    {
        Move.RISK_ENQUIRY,
        Move.SAFETY_SUPPORT,
        Move.COLLABORATION,
        Move.PLANNING,
        Move.REFLECTION,
        Move.OPEN_QUESTION,
        Move.GUIDED_DISCOVERY,
        Move.ADVICE,
        Move.CONFRONTATION,
    }
)
# These speak to the client about something of the counselor's own, so feeling words in them reflect nothing.
_NOT_LISTENING = frozenset({Move.PREMATURE_REASSURANCE, Move.FLATTERY, Move.INFORMATION, Move.CANDOR})
_RECEIVING = _WARM | {Move.RISK_ENQUIRY, Move.SAFETY_SUPPORT}
# Small talk asks and informs too, so these alone do not bring a turn back to the client.
_IDLE = _ASKING | {Move.INFORMATION, Move.COLLABORATION, Move.OFF_TOPIC}


@dataclass(frozen=True)
class Heard:
    """What stood in the talk before the turn.

    last: the client's last turn. before: content of the client's earlier turns. turns: all of them as they were said.
    said: the counselor's own earlier sentences, normalised, with their content.
    """

    last: str
    last_words: Words
    before: Words
    turns: tuple[str, ...]
    said: tuple[tuple[str, Words], ...]


@dataclass(frozen=True)
class Sentence:
    """One sentence of the turn and all that the rules ask about it.

    norm: normalised. by_counselor: the same without what is quoted of the client, which is no move of the counselor's.
    leave: it or the next one asks the client's leave.
    related: share (0-1) of its content that is the client's last turn's, kindred words counted as the same;
        ``related_turn`` is the same for the whole turn.
    tied: it shares content with any of the client's turns.
    copied: share (0-1) of it that is copied from the client's last turn.
    stale: the counselor has said it before.
    """

    text: str
    norm: str
    by_counselor: str
    words: Words
    question: bool
    leave: bool
    related: float
    related_turn: float
    tied: bool
    copied: float
    stale: bool


def study(text: str, heard: Heard, lexicon: Lexicon) -> tuple[Sentence, ...]:
    """The sentences of a turn with what the rules ask about each."""
    texts = split_sentences(text, lexicon.language)
    norms = [normalise(piece, lexicon) for piece in texts]
    leaves = [lexicon.found("leave", norm) is not None for norm in norms] + [False]
    related = words_of(text, lexicon.language).shared(heard.last_words)
    own = without_own_words(text, texts, heard.turns)
    own = [
        norm if mine == piece else normalise(mine, lexicon) for mine, piece, norm in zip(own, texts, norms, strict=True)
    ]
    return tuple(
        _study_one(piece, norm, mine, leaves[place] or leaves[place + 1], related, heard, lexicon)
        for place, (piece, norm, mine) in enumerate(zip(texts, norms, own, strict=True))
    )


def moves_in(
    text: str, sentences: Sequence[Sentence], heard: Heard, carried: float, disclosed: bool, lexicon: Lexicon
) -> Evidence:
    """The moves of a turn, each with the sentence that first shows it (or the turn, where none does alone).

    ``carried`` is the share (0-1) of the turn that comes from the client's turns before the last one;
    ``disclosed``: the client's last turn told something sensitive.
    """
    evidence: Evidence = {}
    for sentence in sentences:
        for move in _sentence_moves(sentence, heard, lexicon):
            evidence.setdefault(move, sentence.text)
    summing = _summing(sentences, lexicon) if carried >= lexicon.thresholds.carried else None
    if summing:
        evidence[Move.SUMMARY] = summing
    if _echoes(text, heard.last, lexicon):
        evidence = {move: shown for move, shown in evidence.items() if move not in _WARM}
        evidence[Move.ECHO] = text
    evidence = _settle_topic(evidence, sentences, heard, lexicon)
    if disclosed and not _RECEIVING & evidence.keys() and _far(text, heard, lexicon):
        evidence[Move.IGNORED_DISCLOSURE] = sentences[0].text if sentences else ""
    return {move: evidence[move] for move in Move if move in evidence}


def _study_one(
    text: str, norm: str, own: str, leave: bool, related_turn: float, heard: Heard, lexicon: Lexicon
) -> Sentence:
    words = words_of(text, lexicon.language)
    related = words.shared(heard.last_words)
    return Sentence(
        text=text,
        norm=norm,
        by_counselor=own,
        words=words,
        question=bool(set(text[-3:]) & set("?？")) or lexicon.found("asked_without_mark", norm) is not None,
        leave=leave,
        related=related,
        related_turn=related_turn,
        tied=related > 0 or words.shared(heard.before) > 0,
        copied=copied_share(text, heard.last, lexicon.language),
        stale=_stale(norm, words.units, heard, lexicon),
    )


def _stale(norm: str, units: frozenset[str], heard: Heard, lexicon: Lexicon) -> bool:
    """Whether the counselor has said a sentence before, word for word or nearly."""
    if any(norm == old for old, _ in heard.said):
        return True
    share, size = lexicon.thresholds.repeat, len(units)
    if size < lexicon.thresholds.repeat_units:
        return False
    # Sets too unlike in size cannot be alike; that is seen sooner than counted.
    sized = (old.units for _, old in heard.said if share * len(old.units) <= size and share * size <= len(old.units))
    return any(len(units & old) >= share * len(units | old) for old in sized)


def _sentence_moves(sentence: Sentence, heard: Heard, lexicon: Lexicon) -> list[Move]:
    if sentence.copied >= lexicon.thresholds.verbatim:
        return []
    found = {rule.move for rule in lexicon.holding(sentence.by_counselor) if _meets(rule, sentence)}
    if Move.SAFETY_SUPPORT in found:
        found.discard(Move.ADVICE)
    if Move.AFFIRMATION in found:
        found.discard(Move.FLATTERY)
    if _SPOILING & found:
        found -= _WARM | {Move.OPEN_QUESTION, Move.GUIDED_DISCOVERY}
    elif _reflects(sentence, found, heard, lexicon):
        found.add(Move.REFLECTION)
    if sentence.question and not found & _SERVED:
        found.add(Move.CLOSED_QUESTION)
    if sentence.stale:
        found -= _FADING
    return [move for move in Move if move in found]


def _meets(rule: Rule, sentence: Sentence) -> bool:
    met = {
        "question": sentence.question,
        "statement": not sentence.question,
        "leave": sentence.leave,
        "no_leave": not sentence.leave,
        "tied": sentence.tied,
        "untied": not sentence.tied,
    }
    return all(met[need] for need in rule.needs)


def _reflects(sentence: Sentence, found: set[Move], heard: Heard, lexicon: Lexicon) -> bool:
    """A stem, a feeling word or a plain paraphrase, each with enough content of the client's last turn."""
    line = lexicon.thresholds
    stem = lexicon.found("reflective_stems", sentence.norm)
    asked = lexicon.found("question_forms", sentence.norm) if sentence.question else None
    feels = bool(sentence.words.families & lexicon.source.feelings.keys())
    told = bool(found & _NOT_LISTENING)
    if stem and not (asked and asked.start() < stem.start()) and not (told and stem.start() > 0):
        # A guessed feeling ("you must be terrified") shares no word: the rest of the turn shows its source.
        related = max(sentence.related, sentence.related_turn if feels else 0.0)
        thin = len(heard.last_words.units) < line.thin_turn and len(sentence.words.units) >= line.paraphrase_units
        return thin or related >= line.reflection_overlap
    if sentence.question or told:
        return False
    if lexicon.found("statement_stems", sentence.norm):
        return sentence.related >= line.reflection_overlap
    if found or not lexicon.found("addressed", sentence.norm):
        return False
    if feels:
        return sentence.related >= line.feeling_overlap
    same = sentence.words.common(heard.last_words) >= line.paraphrase_units
    return same and sentence.related >= line.paraphrase_overlap


def _summing(sentences: Sequence[Sentence], lexicon: Lexicon) -> str | None:
    fresh = (s for s in sentences if not s.stale and s.copied < lexicon.thresholds.verbatim)
    return next((s.text for s in fresh if lexicon.found("summary_stems", s.norm)), None)


def _echoes(text: str, last: str, lexicon: Lexicon) -> bool:
    """Whether the turn is the client's own words handed back, bare or behind a few words of introduction."""
    line, language = lexicon.thresholds, lexicon.language
    back = copied_share(last, text, language)
    norm = normalise(text, lexicon)
    prefix = lexicon.found("echo_prefixes", norm)
    bare = norm[prefix.end() :] if prefix else norm
    if max(copied_share(norm, last, language), copied_share(bare, last, language)) >= line.echo_turn:
        return back >= line.echo_client or length(text, language) > 2 * line.run
    stem = lexicon.found("reflective_stems", norm)
    body = norm[stem.end() :] if stem and stem.start() <= line.run else ""
    return back >= line.echo_client and copied_share(body, last, language) >= line.echo_body


def _settle_topic(evidence: Evidence, sentences: Sequence[Sentence], heard: Heard, lexicon: Lexicon) -> Evidence:
    """Decide whether the turn is off topic; if so, its questions ask about something else than the client."""
    named = evidence.get(Move.OFF_TOPIC)
    units = {unit for sentence in sentences for unit in sentence.words.units}
    strange = (
        len(heard.last_words.units) >= lexicon.thresholds.thin_turn
        and len(units) >= lexicon.thresholds.off_topic_units
        and not any(s.tied or s.words.families or lexicon.found("session_words", s.norm) for s in sentences)
    )
    if evidence.keys() - _IDLE or not (named or strange):
        return {move: shown for move, shown in evidence.items() if move is not Move.OFF_TOPIC}
    kept = {move: shown for move, shown in evidence.items() if move not in _ASKING}
    return {**kept, Move.OFF_TOPIC: named or sentences[0].text}


def _far(text: str, heard: Heard, lexicon: Lexicon) -> bool:
    return words_of(text, lexicon.language).shared(heard.last_words) < lexicon.thresholds.ignored_overlap
