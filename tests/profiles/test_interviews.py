"""The interview: its files, its three-valued rules, and its modules against a truth table written from the criteria.

The table states counts and thresholds by itself (PMC3107848 for the depressive episode, BMC Psychiatry 14 Suppl 1 S1
for social anxiety, DSM-5 counts for generalized anxiety, NIMH ASQ for the risk screen); it reads neither rules nor
files.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import chain, combinations, cycle, product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.errors import UserError
from profiles.interview_rules import Outcome, attainable, ending_of, evaluate, missing, within
from profiles.interviews import ASKED, Instrument, Rule, Threshold, load_instrument

SHIPPED = Path(__file__).parents[2] / "profiles" / "data" / "interviews"
MET, NOT_MET, UNRESOLVED = Outcome.MET, Outcome.NOT_MET, Outcome.UNRESOLVED
UNSETTLED = ("unknown", "refused", None)  # None: not asked
ENGLISH = load_instrument("en")

Known = dict[str, str]


def record(names: Iterable[str], values: Iterable[str | None]) -> Known:
    """Verdicts by variable; None is left out, as of a variable that nobody asked about."""
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}


# The files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "mine"))


def edit(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / f"{name}.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def refusal(folder: Path) -> str:
    with pytest.raises(UserError) as error:
        load_instrument("en", folder)
    message = str(error.value)
    assert "\n" not in message
    return message


def test_the_shipped_instrument_has_both_languages_and_one_hash() -> None:
    chinese = load_instrument("zh")
    assert ENGLISH.hash == chinese.hash
    assert [module.id for module in ENGLISH.modules] == ["dep", "sui", "gad", "sad"]
    assert ENGLISH.risk_gate_round == 6
    assert ENGLISH.risk_modules == ("sui",)
    assert list(ENGLISH.variables) == list(chinese.variables)
    pairs = [(ENGLISH.variables[name].ask, chinese.variables[name].ask) for name in ENGLISH.variables]
    assert all(english != other for english, other in pairs)


def test_a_folder_of_ones_own_is_read_and_its_hash_follows_its_text(folder: Path) -> None:
    assert load_instrument("en", folder) == ENGLISH
    edit(folder, "dep", "at_least: 5", "at_least: 4")
    mine = load_instrument("zh", folder)
    assert mine.rules["dep.count"].at_least == 4
    assert mine.hash != ENGLISH.hash


def test_a_variable_belongs_to_the_first_module_that_asks_it() -> None:
    assert ENGLISH.module_of("shared.substance").id == "dep"
    assert ENGLISH.by_module["gad"].title == next(module.title for module in ENGLISH.modules if module.id == "gad")
    assert ENGLISH.risk_variables == SUI


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("interview", "modules: [dep, sui, gad, sad]", "modules: dep", "modules: list the modules"),
        ("interview", "modules: [dep, sui, gad, sad]", "modules: [dep, sui, gad, sad, ocd]", "ocd.yaml: no such file"),
        ("interview", "risk_gate_round: 6", "risk_gate_round: 0", "risk_gate_round: must be greater"),
        ("interview", "risk_clarifications: 1", "risk_clarification: 1", "did you mean 'risk_clarifications'?"),
        ("dep", "  - id: dep.anhedonia\n", "  - id: dep.mood\n", "id 'dep.mood' stands twice; give each its own"),
        ("dep", "op: count", "op: most", "op: must be 'all', 'any', 'none', 'count' or 'alarm'"),
        ("dep", "    kind: screen\n", "    kind: scren\n", "did you mean 'screen'?"),
        ("gad", "unit: months", "unit: fortnights", "threshold.unit: must be 'days', 'weeks' or 'months'"),
        ("sad", "    clarify:", "    clarfy:", "unknown field; did you mean 'clarify'?"),
        ("dep", "zh: 情绪低落}", "fr: Tristesse}", "title: must be a valid string"),
        ("dep", "title: {en: Low mood, zh: 情绪低落}", "title: {en: Low mood}", "no 'zh' text, only en"),
        ("shared", "variables:\n", "variables: 3\nother:\n", "must be a list"),
        ("sui", "module:\n", "module: [\n", "check indentation and quotes there"),
    ],
)
def test_a_mistake_in_a_file_is_one_line_with_file_and_remedy(
    folder: Path, name: str, old: str, new: str, told: str
) -> None:
    edit(folder, name, old, new)
    message = refusal(folder)
    assert told in message
    assert message.startswith(str(folder))


def test_a_fault_names_file_line_and_field(folder: Path) -> None:
    edit(folder, "dep", "op: count", "op: most")
    lines = (folder / "dep.yaml").read_text(encoding="utf-8").splitlines()
    assert f"dep.yaml, line {lines.index('    op: most') + 1}: op:" in refusal(folder)


def test_what_decides_may_not_differ_between_the_languages(folder: Path) -> None:
    edit(folder, "dep", "at_least: 5", "at_least: {en: 5, zh: 4}")
    assert "differ between the languages; make them alike" in refusal(folder)


def test_a_folder_without_an_interview_says_so(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path}/interview.yaml: no such file"


# The rules, whatever the instrument

NAMES = tuple(ENGLISH.variables)[:6]


def of_rules(*rules: Rule) -> Instrument:
    return ENGLISH.model_copy(update={"rules": {rule.id: rule for rule in rules}})


def rule(name: str, op: str, args: Iterable[str], least: int | None = None) -> Rule:
    return Rule(id=name, op=op, args=tuple(args), at_least=least, text="x", source="x")  # type: ignore[arg-type]


@st.composite
def ruled(draw: st.DrawFn, ops: tuple[str, ...]) -> Instrument:
    """Up to five rules over six variables and the rules before them; ``r.e`` is the last."""
    rules: list[Rule] = []
    for name in "abcde":
        op = draw(st.sampled_from(ops))
        known = NAMES if op == "alarm" else (*NAMES, *(each.id for each in rules))
        args = draw(st.lists(st.sampled_from(known), min_size=1, max_size=4, unique=True))
        rules.append(rule(f"r.{name}", op, args, draw(st.integers(1, len(args))) if op == "count" else None))
    return of_rules(*rules)


LOGIC = ("all", "any", "count", "none")
answers = st.lists(st.sampled_from((*ASKED, None)), min_size=len(NAMES), max_size=len(NAMES))
clear = st.lists(st.sampled_from(("met", "not_met")), min_size=len(NAMES), max_size=len(NAMES))


@settings(deadline=None)
@given(ruled((*LOGIC, "alarm")), answers, answers)
def test_asking_on_never_takes_back_what_was_decided(instrument: Instrument, first: list[str], then: list[str]) -> None:
    known = record(NAMES, first)
    outcome = evaluate(instrument, "r.e", known)
    if outcome is not UNRESOLVED:
        assert evaluate(instrument, "r.e", {**record(NAMES, then), **known}) is outcome


@settings(deadline=None)
@given(ruled(LOGIC), answers, clear)
def test_what_is_decided_holds_however_the_rest_turns_out(
    instrument: Instrument, first: list[str], rest: list[str]
) -> None:
    known = record(NAMES, first)
    settled = {name: value for name, value in known.items() if value in ("met", "not_met")}
    outcome = evaluate(instrument, "r.e", known)
    if outcome is not UNRESOLVED:
        assert evaluate(instrument, "r.e", {**record(NAMES, rest), **settled}) is outcome


@settings(deadline=None)
@given(ruled(("all", "any", "count")), answers)
def test_the_bounds_of_a_rule_without_none_are_exact(instrument: Instrument, first: list[str]) -> None:
    settled = {name: value for name, value in record(NAMES, first).items() if value in ("met", "not_met")}
    worst, best = ({**dict.fromkeys(NAMES, rest), **settled} for rest in ("not_met", "met"))
    lowest, highest = evaluate(instrument, "r.e", worst), evaluate(instrument, "r.e", best)
    expected = lowest if lowest is highest else UNRESOLVED
    assert evaluate(instrument, "r.e", record(NAMES, first)) is expected


@settings(deadline=None)
@given(ruled(LOGIC), answers)
def test_unknown_refused_and_not_asked_are_alike_outside_an_alarm(instrument: Instrument, first: list[str]) -> None:
    kinds = [record(NAMES, [value if value in ("met", "not_met") else other for value in first]) for other in UNSETTLED]
    assert len({evaluate(instrument, "r.e", known) for known in kinds}) == 1


@pytest.mark.parametrize("op", LOGIC)
def test_not_knowing_is_never_a_no(op: str) -> None:
    one = of_rules(rule("r.a", op, NAMES[:1], 1 if op == "count" else None))
    for value in UNSETTLED:
        assert evaluate(one, "r.a", record(NAMES[:1], [value])) is UNRESOLVED
        assert evaluate(one, NAMES[0], record(NAMES[:1], [value])) is UNRESOLVED


def test_an_alarm_rings_for_all_but_a_no() -> None:
    alarm = of_rules(rule("r.a", "alarm", NAMES[:3]))
    for values in product((*ASKED, None), repeat=3):
        rings = {"met", "unknown", "refused"} & set(values)
        expected = MET if rings else NOT_MET if set(values) == {"not_met"} else UNRESOLVED
        assert evaluate(alarm, "r.a", record(NAMES[:3], values)) is expected


@settings(deadline=None)
@given(ruled((*LOGIC, "alarm")), answers, clear)
def test_what_is_missing_is_what_settles_it(instrument: Instrument, first: list[str], rest: list[str]) -> None:
    known = record(NAMES, first)
    needed = missing(instrument, "r.e", known)
    assert bool(needed) == (evaluate(instrument, "r.e", known) is UNRESOLVED)
    assert set(needed) <= set(within(instrument, "r.e"))
    assert all(known.get(name) not in ("met", "not_met") for name in needed)
    answered = {**known, **{name: value for name, value in record(NAMES, rest).items() if name in needed}}
    assert evaluate(instrument, "r.e", answered) is not UNRESOLVED


@settings(deadline=None)
@given(ruled((*LOGIC, "alarm")), answers)
def test_what_some_answers_would_still_meet_is_attainable(instrument: Instrument, first: list[str]) -> None:
    known = record(NAMES, first)
    open_ = [name for name in NAMES if name not in known]
    ends = ({**known, **dict(zip(open_, rest, strict=True))} for rest in product(("met", "not_met"), repeat=len(open_)))
    if any(evaluate(instrument, "r.e", end) is MET for end in ends):
        assert attainable(instrument, "r.e", known)


@settings(deadline=None)
@given(ruled(("all", "any", "count")), answers)
def test_without_none_it_is_attainable_exactly_if_all_yes_would_meet_it(
    instrument: Instrument, first: list[str]
) -> None:
    known = record(NAMES, first)
    best = {**dict.fromkeys(NAMES, "met"), **known}
    assert attainable(instrument, "r.e", known) is (evaluate(instrument, "r.e", best) is MET)


def test_a_name_that_stands_for_nothing_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        evaluate(ENGLISH, "dep.nothing", {})


# The truth table: the criteria

TWO_WEEKS, SIX_MONTHS = 14.0, 182.4  # days


def of(module: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{module}.{name}" for name in names)


CAUSES = ("shared.substance", "shared.medical")
DEP = (
    *of("dep", "mood", "anhedonia", "appetite_weight", "sleep", "psychomotor"),
    *of("dep", "fatigue", "worth_guilt", "concentration", "death_suicide"),
)
DEP_REST = (
    *of("dep", "duration", "impairment"),
    *of("shared", "mania_mood", "mania_energy", "psychosis", "substance", "medical"),
)
GAD_BODY = of("gad", "restless", "fatigue", "concentration", "irritable", "muscle_tension", "sleep")
GAD_YES = of("gad", "excessive_worry", "domains", "more_days", "duration", "hard_to_control", "impairment")
GAD_REST = (*GAD_YES, *CAUSES)
SAD_YES = (
    *of("sad", "scrutiny", "negative_evaluation", "always", "avoidance"),
    *of("sad", "out_of_proportion", "duration", "impairment"),
)
SAD_NO = (*CAUSES, "sad.other_cause")
SUI = of("sui", "passive", "burden", "active", "attempt", "now", "plan")
AGAINST = {"shared.substance", "shared.medical", "shared.psychosis", "sad.other_cause"}

Facts = Callable[[str], bool]


def three(criterion: Callable[[Facts], bool], known: Known, against: Iterable[str] = AGAINST) -> Outcome:
    """What a criterion comes to if all that is open turns out at its worst, and at its best, for the criterion."""
    against = set(against)
    worst = criterion(lambda name: known.get(name) != "not_met" if name in against else known.get(name) == "met")
    best = criterion(lambda name: known.get(name) == "met" if name in against else known.get(name) != "not_met")
    return MET if worst else UNRESOLVED if best else NOT_MET


def no_cause(fact: Facts) -> bool:
    return not fact("shared.substance") and not fact("shared.medical")


def core(fact: Facts) -> bool:
    return fact("dep.mood") or fact("dep.anhedonia")


def five_of_nine(fact: Facts) -> bool:
    return sum(fact(name) for name in DEP) >= 5


def depressive_episode(fact: Facts) -> bool:
    return core(fact) and five_of_nine(fact) and fact("dep.duration") and fact("dep.impairment") and no_cause(fact)


def bipolar(fact: Facts) -> bool:
    return fact("shared.mania_mood") and fact("shared.mania_energy")


def depression(fact: Facts) -> bool:
    return depressive_episode(fact) and not bipolar(fact) and not fact("shared.psychosis")


def three_of_six(fact: Facts) -> bool:
    return sum(fact(name) for name in GAD_BODY) >= 3


def generalized_anxiety(fact: Facts) -> bool:
    return all(map(fact, GAD_YES)) and three_of_six(fact) and no_cause(fact)


def social_anxiety(fact: Facts) -> bool:
    return all(fact(name) for name in SAD_YES) and no_cause(fact) and not fact("sad.other_cause")


Truth = dict[str, Outcome]
Ended = tuple[Outcome, str | None]


def options(outcome: Outcome) -> tuple[bool, ...]:
    return {MET: (True,), NOT_MET: (False,), UNRESOLVED: (True, False)}[outcome]


def one_of(found: set[str | None]) -> Ended:
    if len(found) > 1:
        return UNRESOLVED, None
    name = found.pop()
    return (NOT_MET, None) if name is None else (MET, name)


def dep_truth(known: Known) -> tuple[Truth, Ended]:
    mania = {"shared.mania_mood", "shared.mania_energy"}
    episode = three(depressive_episode, known)
    high, strange = three(bipolar, known, ()), three(lambda fact: fact("shared.psychosis"), known, ())
    found = {
        None if not low else "bipolar_review" if up else "psychosis_review" if odd else "depressive_episode"
        for low, up, odd in product(options(episode), options(high), options(strange))
    }
    outcome, name = one_of(found)
    rules = {
        "dep.gate": three(core, known),
        "dep.count": three(five_of_nine, known),
        "dep.episode": episode,
        "dep.label": three(depression, known, AGAINST | mania),
        "dep.bipolar_episode": three(lambda fact: depressive_episode(fact) and bipolar(fact), known),
        "dep.psychotic_episode": three(
            lambda fact: depressive_episode(fact) and fact("shared.psychosis"), known, AGAINST - {"shared.psychosis"}
        ),
        "when shared.mania_energy": three(lambda fact: fact("shared.mania_mood"), known),
        "gate of dep": three(core, known),
        "left by dep": left(three(core, known), episode),
    }
    return rules, (outcome, name and f"dep.{name}")


def left(*outcomes: Outcome) -> Outcome:
    """Whether a module is left: it is as soon as one of its rules is ruled out."""
    return MET if NOT_MET in outcomes else NOT_MET


def gad_truth(known: Known) -> tuple[Truth, Ended]:
    worry, label = three(lambda fact: fact("gad.excessive_worry"), known), three(generalized_anxiety, known)
    rules = {"gad.gate": worry, "gad.body": three(three_of_six, known), "gad.label": label}
    rules |= {"gate of gad": worry, "left by gad": left(worry, label)}
    return rules, (label, "gad.generalized_anxiety" if label is MET else None)


def sad_truth(known: Known) -> tuple[Truth, Ended]:
    fear, label = three(lambda fact: fact("sad.scrutiny"), known), three(social_anxiety, known)
    rules = {"sad.gate": fear, "sad.label": label, "when sad.performance_only": label}
    rules |= {"gate of sad": fear, "left by sad": left(fear, label)}
    return rules, (label, "sad.social_anxiety" if label is MET else None)


def sui_truth(known: Known) -> tuple[Truth, Ended]:
    danger = {name: known.get(name) not in ("not_met", None) for name in SUI}
    screen = MET if any(danger[name] for name in SUI[:4]) else three(lambda fact: any(map(fact, SUI[:4])), known)
    now = MET if danger["sui.now"] else NOT_MET if known.get("sui.now") == "not_met" else UNRESOLVED
    both = {screen, now}
    rules = {
        "sui.alarm": screen,
        "sui.imminent": NOT_MET if NOT_MET in both else UNRESOLVED if UNRESOLVED in both else MET,
        "rings sui.now": MET if screen is MET else NOT_MET,
        "rings sui.plan": MET if danger["sui.active"] and now is NOT_MET else NOT_MET,
        "from dep.death_suicide": three(lambda fact: fact("sui.passive") or fact("sui.active"), known),
        "left by sui": NOT_MET,
    }
    unasked = [name for name in SUI if name not in known]
    endings = {band({**known, **record(unasked, rest)}) for rest in product(("met", "not_met"), repeat=len(unasked))}
    return rules, one_of(endings)


def band(known: Known) -> str | None:
    danger = {name for name in SUI if known[name] != "not_met"}
    if not danger & set(SUI[:4]):
        return None
    if "sui.now" in danger:
        return "sui.imminent_band"
    return "sui.high_band" if {"sui.active", "sui.plan"} <= danger else "sui.raised_band"


TRUTH = {"dep": dep_truth, "sui": sui_truth, "gad": gad_truth, "sad": sad_truth}


# The truth table: shipped rules against it


def observed(instrument: Instrument, what: str, known: Known) -> Outcome:
    how, _, name = what.rpartition(" ")
    if how == "left by":
        module = instrument.by_module[name]
        return left(*(evaluate(instrument, rule, known) for rule in (module.gate, module.label) if rule))
    if how == "gate of":
        gate = instrument.by_module[name].gate
        return evaluate(instrument, gate, known) if gate else MET
    if how:
        source = instrument.variables[name].known_from if how == "from" else instrument.variables[name].when
        outcome = evaluate(instrument, source, known) if source else MET
        return NOT_MET if how == "rings" and outcome is UNRESOLVED else outcome
    return evaluate(instrument, name, known)


def differs(instrument: Instrument, module: str, known: Known, truth: tuple[Truth, Ended]) -> str | None:
    for what, expected in truth[0].items():
        if (found := observed(instrument, what, known)) is not expected:
            return f"{what}: {found}, by the criteria {expected}, on {known}"
    ended = ending_of(instrument, instrument.by_module[module], known)
    return None if ended == truth[1] else f"{module}: ends {ended}, by the criteria {truth[1]}, on {known}"


def disagreements(instrument: Instrument, module: str, rows: Iterable[Known]) -> list[str]:
    """The first disagreement with the criteria, if there is one."""
    found = (differs(instrument, module, known, TRUTH[module](known)) for known in rows)
    return [next((each for each in found if each), "")]


def vectors(names: tuple[str, ...]) -> Iterator[Known]:
    """All yes, no and open answers; what is open is by turns unknown, refused and not asked."""
    turns = cycle(UNSETTLED)
    for values in product(("met", "not_met", ""), repeat=len(names)):
        yield record(names, (value or next(turns) for value in values))


def crossed(first: tuple[str, ...], rest: tuple[str, ...], sort: Callable[[Known], object]) -> Iterator[Known]:
    """Every vector of the rest with each sort of the first vectors, which take turns to stand for their sort."""
    sorts: dict[object, list[Known]] = {}
    for vector in vectors(first):
        sorts.setdefault(sort(vector), []).append(vector)
    turns = [cycle(members) for members in sorts.values()]
    for known in vectors(rest):
        yield from ({**next(turn), **known} for turn in turns)


def dep_sort(known: Known) -> object:
    return three(core, known), three(five_of_nine, known)


def gad_sort(known: Known) -> object:
    return three(three_of_six, known)


CLEAN = record(DEP_REST, ("met", "met", "not_met", None, "not_met", "not_met", "not_met"))
WORRIED = record(GAD_REST, (*["met"] * 6, "not_met", "not_met"))


def test_every_vector_of_the_nine_symptoms_agrees_with_the_criteria() -> None:
    rows = [{**vector, **CLEAN} for vector in vectors(DEP)]
    assert len(rows) == 3**9
    assert disagreements(ENGLISH, "dep", rows) == [""]


def test_every_duration_impairment_and_exclusion_with_every_sort_of_symptoms_agrees() -> None:
    rows = list(crossed(DEP, DEP_REST, dep_sort))
    assert len(rows) == 9 * 3**7
    assert disagreements(ENGLISH, "dep", rows) == [""]


def test_every_record_of_generalized_anxiety_agrees_with_the_criteria() -> None:
    assert disagreements(ENGLISH, "gad", ({**vector, **WORRIED} for vector in vectors(GAD_BODY))) == [""]
    rows = list(crossed(GAD_BODY, GAD_REST, gad_sort))
    assert len(rows) == 3 * 3**8
    assert disagreements(ENGLISH, "gad", rows) == [""]


def test_every_record_of_social_anxiety_agrees_with_the_criteria() -> None:
    assert disagreements(ENGLISH, "sad", vectors((*SAD_YES, *SAD_NO))) == [""]


def test_every_record_of_suicidality_comes_to_the_band_of_the_criteria() -> None:
    rows = (record(SUI, values) for values in product((*ASKED, None), repeat=len(SUI)))
    assert disagreements(ENGLISH, "sui", rows) == [""]


# Durations are numbers


DAYS = {"days": 1.0, "weeks": 7.0, "months": 30.4}
LASTING = {"dep.duration": TWO_WEEKS, "gad.duration": SIX_MONTHS, "sad.duration": SIX_MONTHS}
AMOUNTS = (1, 7, 13, 13.9, 14, 20, 21, 60, 152, 182, 182.4, 183, 212, 213, 400)  # days


def lasts(instrument: Instrument) -> bool:
    """Whether all durations are decided as by the criteria."""
    spans = {name: instrument.variables[name].threshold or Threshold(unit="days", at_least=0.5) for name in LASTING}
    return all(
        (days >= span.at_least * DAYS[span.unit] - 1e-9) == (days >= LASTING[name])
        for name, span in spans.items()
        for days in AMOUNTS
    )


def test_durations_are_met_from_two_weeks_and_six_months_on() -> None:
    assert lasts(ENGLISH)
    assert {name for name, variable in ENGLISH.variables.items() if variable.threshold} == set(LASTING)


# Mutations: whatever decides is changed by one, and the table notices


BASES = {
    "dep": [
        {**dict.fromkeys(DEP, "not_met"), **dict.fromkeys(five, "met"), **CLEAN, **more}
        for five in (DEP[:5], (DEP[0], *DEP[5:]), (DEP[1], *DEP[2:6]), DEP[4:], DEP[2:7])
        for more in ({}, {"shared.mania_mood": "met", "shared.mania_energy": "met"}, {"shared.psychosis": "met"})
    ],
    "gad": [
        {**dict.fromkeys(GAD_BODY, "not_met"), **dict.fromkeys(three, "met"), **WORRIED}
        for three in (GAD_BODY[:3], GAD_BODY[3:])
    ],
    "sad": [{**dict.fromkeys(SAD_YES, "met"), **dict.fromkeys(SAD_NO, "not_met")}],
    "sui": [record(SUI, values) for values in product(("met", "not_met"), repeat=len(SUI))],
}


@cache
def near(module: str) -> list[tuple[Known, tuple[Truth, Ended]]]:
    """Records at the border of each label, and those that differ in one or two answers, with what is true of them."""
    rows: dict[frozenset[tuple[str, str]], Known] = {}
    for base in BASES[module]:
        for changed in chain.from_iterable(combinations(sorted(base), size) for size in (0, 1, 2)):
            for values in product(("met", "not_met", "unknown"), repeat=len(changed)):
                known = {**base, **record(changed, values)}
                rows.setdefault(frozenset(known.items()), known)
    return [(known, TRUTH[module](known)) for known in rows.values()]


def notices(instrument: Instrument, first: str = "dep") -> bool:
    """Whether any module differs from the criteria; one is looked at first."""
    modules = sorted((module.id for module in instrument.modules), key=lambda module: module != first)
    wrong = (differs(instrument, module, *row) for module in modules for row in near(module))
    return not lasts(instrument) or any(wrong)


def changed_rule(instrument: Instrument, rule: Rule, **update: object) -> Instrument:
    return instrument.model_copy(update={"rules": {**instrument.rules, rule.id: rule.model_copy(update=update)}})


def changed_variable(instrument: Instrument, name: str, **update: object) -> Instrument:
    variable = instrument.variables[name].model_copy(update=update)
    return instrument.model_copy(update={"variables": {**instrument.variables, name: variable}})


def changed_module(instrument: Instrument, name: str, **update: object) -> Instrument:
    modules = tuple(m.model_copy(update=update) if m.id == name else m for m in instrument.modules)
    return Instrument.model_validate({**instrument.model_dump(), "modules": [m.model_dump() for m in modules]})


OTHER = {"all": ("any",), "any": ("all",), "none": ("any", "all"), "alarm": ("any",), "count": ("all", "any")}


def of_one_rule(each: Rule) -> Iterator[tuple[str, dict[str, object]]]:
    """Changes of a rule; ``all`` and ``any`` of a single argument are the same rule, and are left alone."""
    for op in OTHER[each.op]:
        if len(each.args) > 1 or each.op not in ("all", "any"):
            yield f"{each.id} becomes {op}", {"op": op, "at_least": None}
    for arg in each.args if len(each.args) > 1 else ():
        yield f"{each.id} without {arg}", {"args": tuple(kept for kept in each.args if kept != arg)}
    for step in (-1, 1) if each.at_least else ():
        yield f"{each.id} at least {each.at_least + step}", {"at_least": each.at_least + step}


def mutants() -> Iterator[tuple[str, Instrument]]:
    for each in ENGLISH.rules.values():
        yield from ((label, changed_rule(ENGLISH, each, **update)) for label, update in of_one_rule(each))
    for name, variable in ENGLISH.variables.items():
        if span := variable.threshold:
            other = "weeks" if span.unit == "months" else "months"
            for unit, least in ((span.unit, span.at_least - 1), (span.unit, span.at_least + 1), (other, span.at_least)):
                threshold = Threshold(unit=unit, at_least=least)
                yield f"{name} from {least:g} {unit}", changed_variable(ENGLISH, name, threshold=threshold)
            yield f"{name} without threshold", changed_variable(ENGLISH, name, threshold=None)
        for what in ("when", "known_from"):
            if getattr(variable, what):
                yield f"{name} without {what}", changed_variable(ENGLISH, name, **{what: None})
    for module in ENGLISH.modules:
        for what in ("gate", "label"):
            if getattr(module, what):
                yield f"{module.id} without {what}", changed_module(ENGLISH, module.id, **{what: None})


MUTANTS = dict(mutants())


def test_the_records_at_the_border_agree_with_the_criteria() -> None:
    assert not notices(ENGLISH)


def test_every_rule_and_threshold_is_among_the_changes() -> None:
    touched = {label.split()[0] for label in MUTANTS}
    lone = {each.id for each in ENGLISH.rules.values() if len(each.args) == 1 and each.op in ("all", "any")}
    assert touched >= (set(ENGLISH.rules) - lone) | set(LASTING)


@pytest.mark.parametrize("label", MUTANTS)
def test_no_rule_and_no_threshold_can_change_unnoticed(label: str) -> None:
    assert notices(MUTANTS[label], label[:3])


def test_a_changed_file_is_noticed_as_well(folder: Path) -> None:
    edit(folder, "gad", "at_least: 3", "at_least: 2")
    assert notices(load_instrument("en", folder))
