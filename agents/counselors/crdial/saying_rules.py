"""The offline wording of a counselor turn: an acknowledgement that fits, where useful a bridge, and the question."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from agents.counselors.crdial.plan import FIXED, Plan, Saying, SayInputs, Sentence
from agents.counselors.crdial.policy import load_policy, weights_of
from agents.counselors.listening import pieces
from agents.counselors.plain.rules import manners
from agents.phrases import Phrases, load_phrases
from agents.reading import split_sentences
from profiles.crisis import crisis_text
from profiles.vocabulary import Language

__all__ = ["say"]

_SLOT = re.compile(r"\{(\w+)\}")
_EDGES = " \n.。!！?？,，;；:：…"
_MARKS = "?？「」\n{}"
_LONGEST = {"en": 110, "zh": 42}  # characters of a quotation that one can say
_PASSING = {"en": 80, "zh": 30}
_INNER = str.maketrans('“”"', "‘’'")
_SHORTEST = {"en": 5, "zh": 2}
_TELLING = {"en": 12, "zh": 5}  # characters from which a sentence says something by itself
_CLAUSE_ENDS = ",;，；、"
_STRONG = 2  # distress
_UTMOST = 3
_MOST = 4  # sentences of one turn
_BRIDGES = 0.4  # how often a bridge stands beside an acknowledgement
_QUOTES = 0.85  # how often the client's words are handed back where nothing else is to be said
_NAMED = 0.3  # how often the naming of a distortion has an acknowledgement before it
_FREE = 0.1  # weight of a strategy that the policy does not name
_MOVED = 5  # points of belief that are a fall, though not enough of one
_BESIDE = ("feeling_too", "belief_too")  # short questions for what the one before did not bring
_ALWAYS = ("rate", "rate_end", "emotion_after", "residual")  # goals whose bridge is said every time


def say(inputs: SayInputs, chance: random.Random, language: Language) -> Saying:
    """One turn from the phrase file; which line is taken depends on the plan, the policy and chance."""
    desk = _Desk(inputs, chance, language)
    plan = inputs.plan
    if desk.phrases.has(f"turns.{plan.goal}"):
        return Saying(sentences=desk.whole(f"turns.{plan.goal}"))
    if plan.goal == "agree":
        return Saying(sentences=[*desk.summary(), desk.question()])
    before = desk.before()
    return Saying(sentences=[*before, desk.question(before)])


@dataclass
class _Desk:
    """What one turn is made from."""

    inputs: SayInputs
    chance: random.Random
    language: Language
    phrases: Phrases = field(init=False)
    said: str = field(init=False)
    slots: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.phrases = load_phrases("agents.counselors.crdial", self.language)
        self.said = "\n".join(turn.text for turn in self.inputs.turns if turn.speaker == "counselor")
        self.slots = self._filled(self.inputs.plan)

    def _filled(self, plan: Plan) -> dict[str, str]:
        means = self.inputs.means.strip(_EDGES)
        return {
            "belief": self._quoted(plan.belief) or self.phrases.nth("unquoted", 0),
            "quote": self._fairer(plan.quote) if plan.goal.startswith("balanced") else self._quoted(plan.quote),
            "balanced": next(filter(None, map(self._fairer, plan.balanced[::-1])), ""),
            "open": next(filter(None, map(self._quoted, plan.open_points)), ""),
            "label": self.inputs.label.translate(_INNER),
            "means": means[:1].lower() + means[1:],
            "feeling": plan.feeling.strip(_EDGES),
            "crisis": crisis_text(self.language),
            "both": self.phrases.nth("both_sides", 0) if plan.evidence_for and plan.evidence_against else "",
        }

    def _quoted(self, words: str) -> str:
        """The client's words in quotation marks; empty where they cannot be said within a sentence."""
        return self._marked(_short(words, self.language))

    def _entire(self, words: str) -> str:
        """All of the words in quotation marks, as half a fairer thought is another thought; empty where too long."""
        return self._marked(_whole(words, self.language))

    def _marked(self, bare: str) -> str:
        return self.phrases.nth("quoted", 0).replace("{}", bare) if bare else ""

    def _in_passing(self, words: str) -> str:
        """Words that are taken up before a question: only where they are short."""
        told = [
            each for each in split_sentences(words, self.language) if len(each.strip(_EDGES)) >= _TELLING[self.language]
        ]
        quoted = self._quoted(told[0]) if told else ""
        return quoted if len(quoted) <= _PASSING[self.language] else ""

    def whole(self, name: str) -> list[Sentence]:
        """One line of each list, in their order; before them strong emotion is met, where the turn does not do so."""
        parts = self.phrases.tree(name).items()
        made = [Sentence(strategy=strategy, text=self._fill(self._line(lines))) for strategy, lines in parts]
        if self.inputs.plan.goal == "goodbye" and not self.inputs.plan.privacy and self.inputs.plan.took == "agree":
            step = self._step()
            made = [step, *made] if step else made
        first = load_policy(self.language).first_after_emotion
        met = self.inputs.plan.distress < _STRONG or made[0].strategy in first or self.inputs.plan.goal in FIXED
        lead = None if met else self._from("lead.heavy")
        return self._with_answer([lead, *made] if lead else made)

    def _with_answer(self, made: list[Sentence]) -> list[Sentence]:
        """The question who reads this is answered after the first sentence; what gets too long by it is left out."""
        asked = self.inputs.plan.privacy and self.inputs.plan.goal not in FIXED
        told = self._from("privacy.told") if asked else None
        if told is None:
            return made
        made = [made[0], told, *made[1:]]
        return made if len(made) <= _MOST else [*made[:2], *made[3:]]

    def question(self, before: Iterable[Sentence] = ()) -> Sentence:
        """The one question; the thought is not named again where the turn has named it."""
        goal = self.inputs.plan.goal
        if self.inputs.plan.attempt > 1 and self.phrases.has(f"ask.{goal}_more"):
            goal = f"{goal}_more"
        lines = self._sayable(self.phrases.lines(f"ask.{goal}"))
        if not lines and goal.endswith("_confirm"):
            lines = list(self.phrases.lines(f"ask.{goal.removesuffix('_confirm')}"))
        if any(self.slots["belief"] in each.text for each in before):
            lines = [line for line in lines if "{belief}" not in line] or lines
        elif goal == "balanced" and self.inputs.plan.again:  # another thought may have been meant
            lines = [line for line in lines if "{belief}" in line and not self._used(line)] or lines
        elif goal == "for" and self.inputs.plan.opens:  # a thought is begun: say which
            lines = [line for line in lines if "{belief}" in line] or lines
        elif self.slots["belief"] in self._last("counselor") and not goal.startswith("rate"):
            lines = [line for line in lines if "{belief}" not in line and not self._used(line)] or lines
        return Sentence(strategy="question", text=self._fill(self._line(lines)))

    def before(self) -> list[Sentence]:
        """What stands before the question: at most two sentences, one of them where the turn would get long."""
        plan = self.inputs.plan
        if plan.privacy:
            return self._answered()
        if plan.first:
            lead = self._lead() if plan.took else None
            if plan.distress >= _STRONG:
                return [each for each in (self._from("lead.heavy"), self._from("first")) if each]
            return [each for each in (self._from("first"), lead) if each]
        if plan.goal in _BESIDE:
            lead = self._lead() if plan.took or plan.tone == "heavy" else None
            return [lead] if lead else []
        bridge = self._bridge()
        needless = bridge is not None and plan.goal == "rate" and not plan.took and self.chance.random() > _NAMED
        lead = None if needless and plan.tone != "heavy" else self._lead()
        said_always = plan.goal in _ALWAYS or self._once_more
        if lead and bridge and not said_always and self.chance.random() > _BRIDGES:
            bridge = None
        return [each for each in (lead, bridge) if each]

    def _answered(self) -> list[Sentence]:
        """Who reads this comes before anything else that might be said."""
        plan = self.inputs.plan
        asked = self._from("lead.heavy" if plan.distress >= _STRONG else "privacy.asked")
        told = self._from("privacy.told_first" if plan.first else "privacy.told")
        return [each for each in (asked, told) if each]

    def _bridge(self) -> Sentence | None:
        plan = self.inputs.plan
        if plan.again and self.phrases.has(f"opens.again_{plan.goal}"):
            return self._from(f"opens.again_{plan.goal}", fresh=True)
        if self._once_more:
            moved = (plan.shift or 0) >= _MOVED and self.phrases.has(f"opens.{plan.goal}_moved")
            return self._from(f"opens.{plan.goal}_{'moved' if moved else 'again'}")
        begins = plan.opens or plan.goal in _ALWAYS
        if plan.again or not begins or not self.phrases.has(f"opens.{plan.goal}"):
            return None
        if plan.goal == "rate":
            return self._from("opens.rate") if self.inputs.label else None
        return self._from(f"opens.{plan.goal}", fresh=True)

    @property
    def _once_more(self) -> bool:
        """Whether a thought that did not give way is begun a second time."""
        plan = self.inputs.plan
        return plan.opens and plan.attempt > 1 and not plan.again and self.phrases.has(f"opens.{plan.goal}_again")

    def _lead(self) -> Sentence | None:
        plan = self.inputs.plan
        if plan.tone == "heavy":
            taken_up = plan.distress < _UTMOST and plan.took and self.phrases.has(f"lead.took.{plan.took}")
            return (self._taken_up(fresh=True) if taken_up else None) or self._from("lead.heavy")
        if plan.tone == "resists" and plan.goal == "balanced" and plan.again:
            return self._from("lead.not_yet")
        if plan.took and self.phrases.has(f"lead.took.{plan.took}"):
            return self._taken_up(fresh=True) or self._from("lead.plain", fresh=True) or self._taken_up(fresh=False)
        if plan.tone != "plain":
            return self._from(f"lead.{plan.tone}")
        echo = self._echo() if self.chance.random() < _QUOTES else None
        return echo or self._from("lead.again" if plan.again else "lead.plain")

    def _taken_up(self, *, fresh: bool) -> Sentence | None:
        """What the reply has settled; in its words, not in those that the question hands back."""
        plan = self.inputs.plan
        return self._from(f"lead.took.{plan.took}", fresh=fresh, quote=self._took_words())

    def _took_words(self) -> str:
        plan = self.inputs.plan
        fairer = plan.took == "balanced_thought"
        return self._entire(plan.took_quote) if fairer else self._in_passing(plan.took_quote)

    def _fairer(self, words: str) -> str:
        return self._entire(words) or self._quoted(words)

    def _last(self, speaker: str) -> str:
        return next((turn.text for turn in reversed(self.inputs.turns) if turn.speaker == speaker), "")

    def _step(self) -> Sentence | None:
        """The small step that the client has just named, taken up in the good-bye."""
        last = self._last("client")
        found = pieces(last, self.language, manners(self.language))
        piece = found.step or found.quoted
        quoted = self._in_passing(piece) if piece and piece in last else ""
        return self._from("lead.took.agree", quote=quoted) if quoted else None

    def _echo(self) -> Sentence | None:
        """A piece of the client's last turn, unless the question hands back words already."""
        last = self._last("client")
        piece = pieces(last, self.language, manners(self.language)).quoted
        quoted = self._quoted(piece) if piece and piece in last and not self.inputs.plan.quote else ""
        if not quoted or quoted in self.said:
            return None
        return self._from("lead.quote", quote=quoted)

    def summary(self) -> list[Sentence]:
        """What was found, and what stays open."""
        lead = self._lead() if self.inputs.plan.took or self.inputs.plan.tone == "heavy" else None
        found = self._from("summary" if self.slots["balanced"] else "summary_bare")
        left = self._from("summary_open") if self.slots["open"] else None
        return [each for each in (lead, found, left) if each]

    def _from(self, name: str, *, fresh: bool = False, **slots: str) -> Sentence | None:
        """A sentence of one of the lists under a name: the policy's weights choose the strategy.

        fresh: rather none than one that has been said before.
        """
        weights = weights_of(self.inputs.plan, self.language)
        lists = {s: self._sayable(lines, **slots) for s, lines in self.phrases.tree(name).items()}
        lists = {strategy: lines for strategy, lines in lists.items() if lines}
        unsaid = {s: unused for s, lines in lists.items() if (unused := [x for x in lines if not self._used(x)])}
        lists = unsaid if fresh else unsaid or lists
        if self.inputs.plan.distress >= _STRONG and name.startswith("lead"):
            first = load_policy(self.language).first_after_emotion
            lists = {strategy: lines for strategy, lines in lists.items() if strategy in first}
        if not lists:
            return None
        names = list(lists)
        strategy = self.chance.choices(names, [weights.get(each, _FREE) or _FREE for each in names])[0]
        return Sentence(strategy=strategy, text=self._fill(self.chance.choice(lists[strategy]), **slots))

    def _sayable(self, lines: Iterable[str], **slots: str) -> list[str]:
        """The lines whose slots can be filled."""
        filled = {**self.slots, **slots}
        return [line for line in lines if all(filled.get(slot) for slot in _SLOT.findall(line))]

    def _line(self, lines: Iterable[str]) -> str:
        known = list(lines)
        return self.chance.choice([line for line in known if not self._used(line)] or known)

    def _used(self, line: str) -> bool:
        pattern = ".{1,200}?".join(re.escape(piece) for piece in _SLOT.split(line)[::2])
        return re.search(pattern, self.said) is not None

    def _fill(self, line: str, **slots: str) -> str:
        filled = {**self.slots, **slots}
        text = _SLOT.sub(lambda slot: filled[slot[1]], line)
        return text[:1].upper() + text[1:]


def _whole(words: str, language: Language) -> str:
    return _bare(words, words, language) if len(words.strip(_EDGES)) <= _LONGEST[language] else ""


def _short(words: str, language: Language) -> str:
    """The first sentence that can be said and says enough, or as many of its clauses as can; always word for word."""
    sayable = [bare for sentence in split_sentences(words, language) if (bare := _bare(sentence, words, language))]
    return next((bare for bare in sayable if len(bare) >= _TELLING[language]), next(iter(sayable), ""))


def _bare(sentence: str, words: str, language: Language) -> str:
    """A sentence without its marks; empty where it cannot stand within another."""
    bare = sentence.strip(_EDGES)
    if not bare or set(bare) & set(_MARKS):
        return ""
    while len(bare) > _LONGEST[language]:
        cut = max(bare.rfind(mark) for mark in _CLAUSE_ENDS)
        bare = bare[: max(cut, 0)].strip(_EDGES)
    whole = bare.count("“") == bare.count("”") and bare.count('"') % 2 == 0  # no quotation that is cut in two
    return bare.translate(_INNER) if whole and len(bare) >= _SHORTEST[language] and bare in words else ""
