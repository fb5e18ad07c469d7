"""The linter names each fault of an interview tree by code, file and line; the drawings show the whole tree."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from profiles.interview_drawing import mermaid, tree_lines
from profiles.interview_lint import Fault, lint
from profiles.interviews import Instrument, load_instrument
from profiles.vocabulary import LANGUAGES, Language

SHIPPED = Path(__file__).parents[2] / "profiles" / "data" / "interviews"
Files = dict[str, Any]


def both(name: str, what: str, mark: str = "") -> dict[str, str]:
    """A text in both languages that no other field has."""
    return {"en": f"{what} of {name}{mark}", "zh": "".join(chr(0x4E00 + ord(each)) for each in what + name) + mark}


def variable(name: str, kind: str, **more: object) -> dict[str, Any]:
    questions = {field: {k: [v] for k, v in both(name, field, "?").items()} for field in ("ask", "clarify", "confirm")}
    texts = {field: both(name, field) for field in ("topic", "intent", "explain", "statement")}
    origin = {"source": "own", "licence": "MIT", "provenance": "written for a test"}
    span = {"timeframe": {"en": "the last two weeks", "zh": "最近两周"}}
    return {
        "id": name,
        "criterion": "X-1",
        "kind": kind,
        "base_rate": 0.3,
        **questions,
        **texts,
        **span,
        **origin,
        **more,
    }


def rule(name: str, op: str, *args: str, **more: object) -> dict[str, Any]:
    return {"id": name, "op": op, "args": list(args), "text": both(name, "rule"), "source": "own", **more}


def module(name: str, variables: list[str], endings: dict[str, str], **more: object) -> dict[str, Any]:
    ends = [{"id": end, "when": when, "title": both(end, "ending")} for end, when in endings.items()]
    head = {"id": name, "title": both(name, "module"), "variables": variables, "endings": ends, "source": "own"}
    return {**head, **more}


def small() -> Files:
    """A sound instrument: low mood with its exclusions, risk, and worry."""
    weeks = {"unit": "weeks", "at_least": 2}
    return {
        "interview": {
            "id": "small",
            "version": "1",
            "licence": "MIT",
            "title": {"en": "Small", "zh": "小访谈"},
            "risk_gate_round": 3,
            "risk_modules": ["sui"],
            "clarifications": 2,
            "risk_clarifications": 1,
            "modules": ["dep", "sui", "gad"],
        },
        "dep": {
            "module": module(
                "dep",
                ["dep.mood", "dep.joy", "dep.sleep", "dep.impairment", "dep.mania", "dep.energy", "dep.cause"],
                {"dep.review": "dep.both", "dep.low": "dep.clear"},
                gate="dep.gate",
                label="dep.episode",
            ),
            "variables": [
                variable("dep.mood", "screen"),
                variable("dep.joy", "screen"),
                variable("dep.sleep", "symptom", echoes="dep.mood"),
                variable("dep.impairment", "impairment"),
                variable("dep.mania", "exclusion"),
                variable("dep.energy", "exclusion", when="dep.lead"),
                variable("dep.cause", "exclusion"),
            ],
            "rules": [
                rule("dep.gate", "any", "dep.mood", "dep.joy"),
                rule("dep.count", "count", "dep.mood", "dep.joy", "dep.sleep", at_least=2),
                rule("dep.no_cause", "none", "dep.cause"),
                rule("dep.lead", "any", "dep.mania"),
                rule("dep.bipolar", "all", "dep.mania", "dep.energy"),
                rule("dep.episode", "all", "dep.gate", "dep.count", "dep.impairment", "dep.no_cause"),
                rule("dep.both", "all", "dep.episode", "dep.bipolar"),
                rule("dep.not_bipolar", "none", "dep.bipolar"),
                rule("dep.clear", "all", "dep.episode", "dep.not_bipolar"),
            ],
        },
        "sui": {
            "module": module(
                "sui", ["sui.wish", "sui.past", "sui.now"], {"sui.high": "sui.acute", "sui.some": "sui.alarm"}
            ),
            "variables": [
                variable("sui.wish", "risk"),
                variable("sui.past", "risk"),
                variable("sui.now", "risk", when="sui.alarm"),
            ],
            "rules": [
                rule("sui.alarm", "alarm", "sui.wish", "sui.past"),
                rule("sui.near", "alarm", "sui.now"),
                rule("sui.acute", "all", "sui.alarm", "sui.near"),
            ],
        },
        "gad": {
            "module": module(
                "gad",
                ["gad.worry", "gad.long", "gad.impairment", "dep.cause"],
                {"gad.anxiety": "gad.label"},
                gate="gad.gate",
                label="gad.label",
            ),
            "variables": [
                variable("gad.worry", "screen"),
                variable("gad.long", "duration", threshold=weeks),
                variable("gad.impairment", "impairment"),
            ],
            "rules": [
                rule("gad.gate", "any", "gad.worry"),
                rule("gad.label", "all", "gad.worry", "gad.long", "gad.impairment", "dep.no_cause"),
            ],
        },
    }


def written(folder: Path, files: Files) -> Path:
    for name, value in files.items():
        (folder / f"{name}.yaml").write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")
    return folder


def of(files: Files, name: str) -> dict[str, Any]:
    """A variable, rule, module or ending of the files, by its id."""
    if name in files:
        return files[name]["module"] if "module" in files[name] else files[name]
    parts = [part for key, part in files.items() if key != "interview"]
    items = [item for part in parts for item in (*part["variables"], *part["rules"], *part["module"]["endings"])]
    return next(item for item in items if item["id"] == name)


def found(folder: Path, spoil: Callable[[Files], object]) -> tuple[Fault, ...]:
    files = small()
    spoil(files)
    return lint(written(folder, files))


def test_the_shipped_interview_has_no_fault() -> None:
    assert lint() == ()


def test_a_sound_small_interview_has_no_fault(tmp_path: Path) -> None:
    assert found(tmp_path, lambda files: None) == ()


def put(name: str, **changes: object) -> Callable[[Files], object]:
    return lambda files: of(files, name).update(changes)


def drop(name: str, *fields: str) -> Callable[[Files], object]:
    return lambda files: [of(files, name).pop(field) for field in fields]


def add(part: str, kind: str, item: dict[str, Any], module: str | None = None) -> Callable[[Files], object]:
    """A variable or rule more; a variable is listed in a module if one is named."""

    def change(files: Files) -> None:
        files[part][kind].append(item)
        if module:
            of(files, module)["variables"].append(item["id"])

    return change


def wording(name: str, field: str, language: Language, text: str) -> Callable[[Files], object]:
    return lambda files: of(files, name)[field].update({language: [text]})


CASES: list[tuple[str, str, str, Callable[[Files], object]]] = [
    # What does not load
    ("L01", "did you mean 'version'?", "interview.yaml", lambda f: f["interview"].update(vershion=2)),
    ("L01", "stands twice", "dep.yaml", add("dep", "variables", variable("dep.mood", "symptom"))),
    ("L01", "list the modules", "interview.yaml", lambda f: f["interview"].update(modules="dep")),
    ("L01", "no such file", "ocd.yaml", lambda f: f["interview"]["modules"].append("ocd")),
    ("L01", "this id stands twice", "(sui.some)", lambda f: of(f, "sui.high").update(id="sui.some")),
    ("L01", "this id stands twice", "(dep)", lambda f: of(f, "gad").update(id="dep")),
    ("L01", "lists gad.worry twice", "(gad)", lambda f: of(f, "gad")["variables"].append("gad.worry")),
    # Names
    (
        "L02",
        "'dep.slep' stands for nothing here; did you mean dep.sleep?",
        "dep.count",
        put("dep.count", args=["dep.mood", "dep.slep"]),
    ),
    ("L02", "'dep.nothing'", "dep.energy", put("dep.energy", when="dep.nothing")),
    ("L02", "'dep.mood'", "dep.energy", put("dep.energy", when="dep.mood")),
    ("L02", "'sui.nothing'", "dep.sleep", put("dep.sleep", known_from="sui.nothing")),
    ("L02", "'dep.gate'", "dep.sleep", put("dep.sleep", echoes="dep.gate")),
    ("L02", "'dep.gone'", "(dep)", put("dep", gate="dep.gone")),
    ("L02", "'dep.gone'", "(dep)", put("dep", label="dep.gone")),
    ("L02", "'dep.gone'", "(gad)", lambda f: of(f, "gad")["variables"].append("dep.gone")),
    ("L02", "'gad.gone'", "(gad)", lambda f: of(f, "gad.anxiety").update(when="gad.gone")),
    ("L02", "'sad'", "(small)", lambda f: f["interview"]["risk_modules"].append("sad")),
    ("L02", "'gad.gate'", "sui.alarm", put("sui.alarm", args=["sui.wish", "sui.past", "gad.gate"])),
    # Circles
    ("L03", "break the circle", "dep.gate", put("dep.gate", args=["dep.mood", "dep.episode"])),
    ("L03", "break the circle", "dep.mania", put("dep.mania", when="dep.lead")),
    ("L03", "break the circle", "dep.sleep", put("dep.sleep", known_from="dep.count")),
    # Never asked
    ("L04", "no module lists it", "dep.extra", add("dep", "variables", variable("dep.extra", "symptom"))),
    (
        "L04",
        "'when' (dep.never) can never be met",
        "dep.energy",
        lambda f: (
            add("dep", "rules", rule("dep.never", "all", "dep.mania", "dep.no_mania"))(f),
            add("dep", "rules", rule("dep.no_mania", "none", "dep.mania"))(f),
            put("dep.energy", when="dep.never")(f),
        ),
    ),
    (
        "L04",
        "behind gad.gate, which can never be met",
        "gad.long",
        lambda f: (
            put("gad.gate", op="all", args=["gad.worry", "gad.calm"])(f),
            add("gad", "rules", rule("gad.calm", "none", "gad.worry"))(f),
        ),
    ),
    # Always the same
    ("L05", "can never be met", "dep.never", add("dep", "rules", rule("dep.never", "all", "dep.clear", "dep.both"))),
    (
        "L05",
        "can never be ruled out",
        "dep.ever",
        lambda f: f["dep"]["rules"].extend(
            [rule("dep.well", "none", "dep.mood"), rule("dep.ever", "any", "dep.mood", "dep.well")]
        ),
    ),
    (
        "L05",
        "can never be met",
        "gad.gate",
        lambda f: (
            put("gad.gate", op="all", args=["gad.worry", "gad.calm"])(f),
            add("gad", "rules", rule("gad.calm", "none", "gad.worry"))(f),
        ),
    ),
    (
        "L05",
        "can never be ruled out",
        "gad.gate",
        lambda f: (
            put("gad.gate", args=["gad.worry", "gad.calm"])(f),
            add("gad", "rules", rule("gad.calm", "none", "gad.worry"))(f),
        ),
    ),
    # Endings
    ("L06", "is never printed", "sui.high", lambda f: of(f, "sui")["endings"].reverse()),
    ("L06", "add to its 'variables': dep.cause", "(gad)", lambda f: of(f, "gad")["variables"].remove("dep.cause")),
    ("L06", "endings stay open where dep.episode ends it", "(dep)", put("dep.low", when="dep.not_bipolar")),
    # Languages
    ("L07", "no 'zh' text, only en", "dep.yaml", lambda f: of(f, "dep.mood")["explain"].pop("zh")),
    ("L07", "'explain' is not in 'zh'", "dep.mood", put("dep.mood", explain="What is meant, in one language")),
    ("L07", "'title' is not in 'en'", "(sui)", put("sui", title="自杀风险")),
    # Counts
    ("L08", "'at_least' is 1 to 3", "dep.count", put("dep.count", at_least=4)),
    ("L08", "'at_least' is 1 to 3", "dep.count", put("dep.count", at_least=0)),
    ("L08", "'at_least' is 1 to 3", "dep.count", drop("dep.count", "at_least")),
    ("L08", "absent elsewhere", "dep.gate", put("dep.gate", at_least=2)),
    ("L08", "dep.joy stands twice", "dep.count", put("dep.count", args=["dep.mood", "dep.joy", "dep.joy"])),
    # Risk
    ("L09", "'risk_modules' is empty", "(small)", lambda f: f["interview"].update(risk_modules=[])),
    ("L09", "take out 'gate' and 'label'", "(sui)", put("sui", gate="sui.alarm")),
    (
        "L09",
        "reached only through another module",
        "sui.harm",
        add("dep", "variables", variable("sui.harm", "risk"), "dep"),
    ),
    ("L09", "reached only through another module", "sui.past", put("sui.past", when="dep.gate")),
    ("L09", "an unclear answer brings no ending", "sui.wish", put("sui.alarm", op="any")),
    ("L09", "an unclear answer brings no ending", "sui.now", put("sui.near", op="all")),
    (
        "L09",
        "an unclear answer brings no ending",
        "sui.harm",
        lambda f: (
            add("sui", "variables", variable("sui.harm", "risk"), "sui")(f),
            add("sui", "rules", rule("sui.unused", "alarm", "sui.harm"))(f),
        ),
    ),
    # What labels need
    ("L10", "asks for no impairment", "(dep)", put("dep.episode", args=["dep.gate", "dep.count", "dep.no_cause"])),
    ("L10", "asks for no exclusion", "(gad)", put("gad.label", args=["gad.worry", "gad.long", "gad.impairment"])),
    ("L10", "asks for no duration", "(gad)", put("gad.label", args=["gad.worry", "gad.impairment", "dep.no_cause"])),
    (
        "L10",
        "no ending rests on a 'mania' variable",
        "(dep)",
        lambda f: of(f, "dep").update(endings=[of(f, "dep.low") | {"when": "dep.episode"}]),
    ),
    ("L10", "'threshold' belongs to a duration", "gad.long", drop("gad.long", "threshold")),
    (
        "L10",
        "'threshold' belongs to a duration",
        "gad.worry",
        put("gad.worry", threshold={"unit": "days", "at_least": 3}),
    ),
    # Origin and names
    ("L11", "this field is missing", "dep.yaml", drop("dep.mood", "licence")),
    ("L11", "this field is missing", "dep.yaml", drop("dep.mood", "provenance")),
    ("L11", "should have at least 1 character", "gad.yaml", put("gad.label", source=" ")),
    ("L11", "names 'C-SSRS'", "sui.wish", put("sui.wish", source="after the C-SSRS")),
    ("L11", "names 'MINI'", "(dep)", put("dep", source="MINI, module A")),
    ("L11", "names 'PHQ'", "dep.mood", wording("dep.mood", "ask", "en", "As the PHQ-9 asks: are you low?")),
    ("L11", "the id points at 'phq'", "phq.mood", add("dep", "variables", variable("phq.mood", "symptom"), "dep")),
    # Spans of time
    ("L12", "the last month", "dep.count", put("dep.sleep", timeframe={"en": "the last month", "zh": "最近一个月"})),
    # Questions
    ("L13", "'ask' asks nothing", "dep.mood", wording("dep.mood", "ask", "en", "Tell me of your mood.")),
    ("L13", "'clarify' asks nothing", "dep.mood", wording("dep.mood", "clarify", "zh", "请你再说说心情。")),
    ("L13", "'confirm' asks two things", "dep.mood", wording("dep.mood", "confirm", "zh", "心情低落吗？睡得好吗？")),
    (
        "L13",
        "says the same as 'ask' of dep.mood",
        "dep.joy",
        lambda f: (
            wording("dep.mood", "ask", "en", "How are you?")(f),
            wording("dep.joy", "clarify", "en", "How, are you ?")(f),
        ),
    ),
]


COMPANIONS = {"L04": ("L05", "L06"), "L05": ("L04", "L06"), "L08": ("L05", "L06"), "L09": ("L06",)}
"""Faults that follow from another: what stands behind a dead gate, endings of a dead rule, and so on."""


@pytest.mark.parametrize(
    ("code", "told", "where", "spoil"), CASES, ids=[f"{c[0]}-{c[2]}-{n}" for n, c in enumerate(CASES)]
)
def test_a_fault_is_named_with_code_place_and_remedy(
    tmp_path: Path, code: str, told: str, where: str, spoil: Callable[[Files], object]
) -> None:
    faults = found(tmp_path, spoil)
    named = [fault for fault in faults if fault.code == code and told in fault.message and where in fault.where]
    assert named, faults
    assert {fault.code for fault in faults} <= {code, *COMPANIONS.get(code, ())}, faults
    assert all(str(tmp_path) in fault.where and "\n" not in fault.message for fault in faults)


def test_faults_of_a_folder_name_file_and_line(tmp_path: Path) -> None:
    (fault,) = found(tmp_path, put("dep.gate", at_least=1))
    lines = (tmp_path / "dep.yaml").read_text(encoding="utf-8").splitlines()
    file, line = re.fullmatch(r"(.*), line (\d+) \(dep\.gate\)", fault.where).groups()  # type: ignore[union-attr]
    assert file == f"{tmp_path}/dep.yaml"
    assert '"dep.gate"' in lines[int(line) - 1] + lines[int(line)]
    assert (fault.code, fault.level) == ("L08", "error")


def test_two_questions_in_one_are_a_warning_only(tmp_path: Path) -> None:
    (fault,) = found(tmp_path, wording("dep.mood", "ask", "en", "Are you low? Do you sleep?"))
    assert (fault.code, fault.level) == ("L13", "warning")


def test_a_name_that_is_not_ours_may_be_a_source_but_is_never_said(tmp_path: Path) -> None:
    assert found(tmp_path, put("dep.mood", source="counts as in DSM-5")) == ()
    assert {fault.code for fault in found(tmp_path, wording("dep.mood", "ask", "en", "Is it as in DSM-5?"))} == {"L11"}
    assert found(tmp_path, wording("dep.mood", "ask", "en", "Is it a mini slump, all in a spin?")) == ()


def test_the_names_that_are_not_ours_do_not_get_into_the_interview(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path, dirs_exist_ok=True)
    before = load_instrument("en", tmp_path)
    (tmp_path / "deny.yaml").unlink()
    assert load_instrument("en", tmp_path) == before
    assert lint(tmp_path) == ()


def test_a_circle_and_a_worded_fault_are_both_told(tmp_path: Path) -> None:
    def spoil(files: Files) -> None:
        put("dep.gate", args=["dep.episode"])(files)
        wording("dep.joy", "ask", "en", "Tell me.")(files)

    assert {fault.code for fault in found(tmp_path, spoil)} == {"L03", "L13"}


# Drawings


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_chart_is_sound_and_shows_every_question_rule_and_ending(language: Language) -> None:
    instrument = load_instrument(language)
    lines = mermaid(instrument).splitlines()
    assert lines[0] == "flowchart TD"
    nodes = [found[1] for line in lines if (found := re.match(r'    (\w+)(?:\["|\{"|\(\[")', line))] + ["over"]
    assert len(nodes) == len(set(nodes))
    edges = [found.groups() for line in lines if (found := re.fullmatch(r"  (\w+) (?:-->|-\.->|-- . -->) (\w+)", line))]
    assert {end for edge in edges for end in edge} == set(nodes)
    opened = [line for line in lines if line.startswith("  subgraph ")]
    assert len(opened) == lines.count("  end") == len(instrument.modules)
    assert len(lines) == 1 + 2 * len(opened) + len(nodes) + len(edges), "no line is anything else"
    for module in instrument.modules:
        asked = {f"ask_{module.id}_{name.replace('.', '_')}" for name in module.variables}
        ends = {f"ending_{module.id}_{ending.id.replace('.', '_')}" for ending in module.endings}
        assert asked | ends <= set(nodes)


def reached(lines: list[str], start: str) -> set[str]:
    edges = [line.split() for line in lines if "-->" in line]
    seen, ahead = {start}, [start]
    while ahead:
        here = ahead.pop()
        after = {edge[-1] for edge in edges if edge[0] == here} - seen
        seen |= after
        ahead += after
    return seen


def test_every_path_of_the_chart_goes_on_to_the_end() -> None:
    instrument = load_instrument("en")
    lines = mermaid(instrument).splitlines()
    nodes = reached(lines, "ask_dep_dep_mood")
    assert {f"ask_sad_{name.replace('.', '_')}" for name in instrument.by_module["sad"].variables} <= nodes
    assert all("over" in reached(lines, node) for node in nodes)


def test_what_leads_out_is_drawn(tmp_path: Path) -> None:
    lines = mermaid(load_instrument("en", written(tmp_path, small()))).splitlines()
    assert "  gate_dep_dep_gate -- ✗ --> ask_sui_sui_wish" in lines
    assert "  gate_dep_dep_gate -- ✓ --> ask_dep_dep_sleep" in lines
    assert "  gate_dep_dep_episode -- ✗ --> ask_sui_sui_wish" in lines
    assert "  when_dep_dep_energy -- ✗ --> ask_dep_dep_cause" in lines
    assert "  if_dep_dep_review -- ✗ --> if_dep_dep_low" in lines
    assert "  ending_sui_sui_some --> ask_gad_gad_worry" in lines
    assert not any("gate_sui" in line for line in lines)


def test_what_is_known_from_elsewhere_is_a_dotted_edge() -> None:
    lines = mermaid(load_instrument("en")).splitlines()
    dotted = [line.strip() for line in lines if "-.->" in line]
    assert dotted == [f"ask_sui_sui_{name} -.-> ask_dep_dep_death_suicide" for name in ("passive", "active")]


def titled(instrument: Instrument, title: str) -> Instrument:
    first, *rest = instrument.modules
    return instrument.model_copy(update={"modules": (first.model_copy(update={"title": title}), *rest)})


def test_marks_that_mermaid_would_read_are_written_as_numbers() -> None:
    nasty = 'say "end" `x` <b>#1</b> & %%{init}%% \\\n  next'
    line = next(line for line in mermaid(titled(load_instrument("en"), nasty)).splitlines() if "subgraph" in line)
    title = re.fullmatch(r'  subgraph m_dep\["(.*)"\]', line)
    assert title
    assert not re.search(r'["`<>%&\\]|#(?!\d+;)', title[1])
    assert re.sub(r"#(\d+);", lambda code: chr(int(code[1])), title[1]) == " ".join(nasty.split())


def test_the_tree_for_a_terminal_has_the_same_in_the_same_order() -> None:
    instrument = load_instrument("zh")
    lines = tree_lines(instrument)
    assert lines[0] == (0, f"{instrument.title} (screening {instrument.version})")
    assert [text for depth, text in lines if depth == 1] == [module.title for module in instrument.modules]
    asked = [instrument.variables[name] for module in instrument.modules for name in module.variables]
    shown = [text for depth, text in lines if depth > 1 and text[0] not in "◇■"]
    assert shown == [f"{variable.criterion}: {variable.topic}" for variable in asked]
    endings = [text for _, text in lines if text.startswith("■ ")]
    assert endings == [f"■ {ending.title}" for module in instrument.modules for ending in module.endings]
    depths = [depth for depth, _ in lines]
    assert all(after <= before + 1 for before, after in zip(depths, depths[1:], strict=False))
    assert [depth for depth, text in lines if text == f"{asked[12].criterion}: {asked[12].topic}"] == [3]
