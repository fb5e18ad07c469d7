import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from arena.leaderboard import load_leaderboard
from arena.report import report_summary, write_report
from arena.report_marks import Quoted, cut
from arena.report_text import load_text
from arena.safety import disclaimer
from arena.statistics import rule_of_three, wilson
from profiles.errors import UserError
from profiles.rubrics import load_rubric
from profiles.vocabulary import LANGUAGES, Language, Move, Party, Stage, Theme
from storage.database import Database
from storage.queries import load_sessions
from storage.tables import RunRow
from tests.arena.report_fixture import GOOD, PLAIN, QUIET, Built, build_run, fail, unscore

HOSTILE = (
    '</script><script>alert(1)</script><!-- <script> "q" \' &lt; {{ 7*7 }} {n} '
    "\u202egnihton\u202c <img src=x onerror=y>"
)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with Database.open(str(tmp_path / "arena.db")) as database:
        yield database


@dataclass
class Element:
    """One element with all text within it."""

    tag: str
    attrs: dict[str, str]
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.parts)

    @property
    def words(self) -> str:
        """The text as it is read: what stands in different elements is apart."""
        return " ".join(" ".join(self.parts).split())


@dataclass
class Page(HTMLParser):
    """A page as a browser would take it apart; scripts are kept as they are."""

    elements: list[Element] = field(default_factory=list)

    VOID = frozenset({"meta", "input", "br", "wbr", "img", "link", "hr"})

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[Element] = []

    @classmethod
    def of(cls, html: str) -> "Page":
        page = cls()
        page.feed(html)
        page.close()
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in self.VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.parts.append(data)

    def all(self, tag: str, **attrs: str) -> list[Element]:
        wanted = {name.rstrip("_"): value for name, value in attrs.items()}
        return [
            each
            for each in self.elements
            if each.tag == tag and all(value in each.attrs.get(name, "").split() for name, value in wanted.items())
        ]

    def scripts(self, kind: str) -> list[str]:
        return [each.text for each in self.elements if each.tag == "script" and each.attrs.get("type", "") == kind]

    def stories(self) -> list["Page"]:
        return [Page.of(text) for text in self.scripts("text/plain")]

    @property
    def text(self) -> str:
        return self.elements[0].words

    def seen(self) -> str:
        """The words a reader sees before unfolding any transcript."""
        return " ".join(each.words for each in self.elements if each.tag in ("header", "section", "footer"))


def report(db: Database, built: Built, tmp_path: Path) -> Page:
    path = write_report(db, built.save(db), tmp_path / "report.html")
    return Page.of(path.read_text(encoding="utf-8"))


def section(page: Page, name: str) -> str:
    found = next(each for each in page.elements if each.tag == "section" and each.attrs.get("id") == name)
    return found.words


def figures(page: Page) -> dict[str, Any]:
    return dict(json.loads(page.scripts("application/json")[0]))


def test_the_leaderboard_in_the_page_is_that_of_the_database(db: Database, tmp_path: Path) -> None:
    built = build_run()
    page = report(db, built, tmp_path)

    shown = section(page, "leaderboard")
    rows = load_leaderboard(db, built.run.id)
    for row in rows:
        whole, scores = row.overall_share, row.parties["client"].item_mean
        assert whole.interval is not None
        spread = f"{100 * whole.interval.low:.1f}–{100 * whole.interval.high:.1f}%"
        n = f"n {whole.n_scored}/{whole.n_total}"
        assert f"{100 * (whole.mean or 0):.1f}% {spread} {n}" in shown
        assert f"{scores.mean:.2f}" in shown
        rate = row.pass_total
        assert f"{rate.n_passed} of {rate.n_scored} scored, {rate.n_total} in all" in shown
    assert [row.counselor for row in rows] == [GOOD, QUIET, PLAIN, "flatterer", "echo"]
    assert [each.text for each in page.all("button") if "data-k" in each.attrs] == [row.counselor for row in rows]


def test_the_charts_hold_the_same_numbers_and_are_figures_plotly_knows(db: Database, tmp_path: Path) -> None:
    built = build_run()
    drawn = figures(report(db, built, tmp_path))

    for figure in drawn.values():
        go.Figure(figure)  # refuses any field or value that Plotly does not know
    rows = load_leaderboard(db, built.run.id)
    dots = [trace for trace in drawn["forest"]["data"] if trace.get("xaxis", "x") == "x"]
    assert [dot["x"][0] for dot in dots] == [row.overall_share.mean for row in rows]
    for dot, row in zip(dots, rows, strict=True):
        assert row.overall_share.interval is not None
        assert dot["x"][0] + dot["error_x"]["array"][0] == pytest.approx(row.overall_share.interval.high)
        assert dot["x"][0] - dot["error_x"]["arrayminus"][0] == pytest.approx(row.overall_share.interval.low)
    assert {name for name in drawn if name.startswith("radar")} == {
        "radar-client",
        "radar-supervisor",
        "radar-counselor",
    }
    assert [len(drawn[f"radar-{party}"]["data"][0]["theta"]) for party in Party] == [17, 9, 10]


def test_radar_spokes_are_fractions_of_their_ranges(db: Database, tmp_path: Path) -> None:
    built = build_run(faults=False, counselors=(GOOD,))
    drawn = figures(report(db, built, tmp_path))

    for party in Party:
        rubric = load_rubric(party, "en")
        first = rubric.dimensions[0].id
        scores = [s for b in built.bundles for row, found in b.judgments for s in found if row.judge == "judge"]
        values = [score.value or 0 for score in scores if score.dimension == first]
        assert drawn[f"radar-{party}"]["data"][0]["r"][0] == pytest.approx(sum(values) / len(values) / rubric.high)


def test_paths_start_where_clients_start_and_count_the_facts_told(db: Database, tmp_path: Path) -> None:
    built = build_run(faults=False, counselors=(GOOD,))
    drawn = figures(report(db, built, tmp_path))

    starts = [bundle.row.outcome["state_start"]["trust"] for bundle in built.bundles]
    ends = [bundle.row.outcome["disclosed"] / bundle.row.outcome["hidden"] for bundle in built.bundles]
    trust, told = drawn["path-trust"]["data"][0], drawn["path-told"]["data"][0]
    assert trust["x"] == list(range(1, 9))
    assert trust["y"][0] == pytest.approx(sum(starts) / len(starts))
    assert told["y"][-1] == pytest.approx(sum(ends) / len(ends))
    assert told["y"] == sorted(told["y"])


def test_every_counselor_has_one_colour_and_controls_are_grey(db: Database, tmp_path: Path) -> None:
    page = report(db, build_run(), tmp_path)

    colours: dict[str, set[str]] = {}
    for figure in figures(page).values():
        for trace in figure["data"]:
            colours.setdefault(trace["meta"], set()).add(trace["marker"]["color"])
    assert all(len(found) == 1 for found in colours.values())
    assert len({colour for found in colours.values() for colour in found}) == 5
    css = page.all("style")[0].text
    for css_class, found in colours.items():
        assert f".{css_class}{{--c:{next(iter(found))}}}" in css
    greys = {each.text for each in page.all("span", class_="control")}
    assert greys == {"echo", "flatterer"}


def test_harm_comes_before_every_score(db: Database, tmp_path: Path) -> None:
    built = build_run()
    page = report(db, built, tmp_path)

    names = [each.attrs.get("id") for each in page.all("section") if "id" in each.attrs]
    assert names[:2] == ["safety", "leaderboard"]
    shown = section(page, "safety")
    event = next(event for bundle in built.bundles for event in bundle.events if event.failed_gate)
    assert event.quote in shown
    assert "1 of 5" in shown
    found = wilson(1, 5)
    assert f"20.0% {100 * found.low:.1f}–{100 * found.high:.1f}%" in shown
    assert f"at most {100 * rule_of_three(6):.1f}%" in shown
    risks = [event for bundle in built.bundles for event in bundle.events if event.speaker == "client"]
    assert f"{len(risks)} places" in shown


def test_a_run_that_was_not_screened_is_not_called_safe(db: Database, tmp_path: Path) -> None:
    built = build_run(faults=False, clients=2)
    for bundle in built.bundles:
        bundle.row.gate = "not_checked"

    shown = section(report(db, built, tmp_path), "safety")

    assert "No session has been screened" in shown
    assert "at most" not in shown


def test_what_is_missing_is_a_dash_with_its_reason(db: Database, tmp_path: Path) -> None:
    built = build_run(faults=False, counselors=(GOOD, "echo"))
    for bundle in built.of(GOOD):
        unscore(bundle, Party.CLIENT, "refused", "en", keep=lambda dimension: False)

    page = report(db, built, tmp_path)

    assert "– n 0/6" in section(page, "leaderboard")
    reasons = {each.attrs["title"] for each in page.all("abbr", class_="none")}
    assert "Nothing was scored" in reasons
    shown = section(page, "trust")
    assert "0 of 6 0 of 96 scores refused 6" in shown
    assert "6 judgments with missing scores" in shown
    assert "refused: the judge's answer held no score" in shown
    story = page.stories()[0]
    assert "– refused" in story.all("section", class_="scores")[0].words


def test_failed_and_flagged_sessions_are_shown_with_their_reasons(db: Database, tmp_path: Path) -> None:
    built = build_run()
    page = report(db, built, tmp_path)

    shown = section(page, "trust")
    failed = next(bundle.row for bundle in built.bundles if bundle.row.status == "failed")
    flagged = next(bundle.row for bundle in built.bundles if bundle.row.fidelity == "flagged")
    assert str(failed.error) in shown
    assert "rate limit" in shown
    assert flagged.fidelity_flags[0]["detail"] in shown
    marks = {each.attrs["data-marks"] for each in page.all("details", class_="story")}
    assert {"unsafe risk", "flagged", "failed", "incomplete", "risk", ""} <= marks


def test_nothing_is_loaded_from_anywhere(db: Database, tmp_path: Path) -> None:
    page = report(db, build_run(), tmp_path)

    for part in (page, *page.stories()):
        for each in part.elements:
            assert each.tag not in {"link", "img", "iframe", "object", "embed", "base", "source"}
            for name, value in each.attrs.items():
                assert name not in {"src", "srcset", "action", "formaction", "data", "poster", "background"}
                assert not name.startswith("on")
                assert name != "href" or re.fullmatch(r"#[a-z0-9]+", value)
                assert "//" not in value
    assert "url(" not in page.all("style")[0].text
    assert "@import" not in page.all("style")[0].text


def test_the_policy_lets_only_the_reports_own_scripts_run(db: Database, tmp_path: Path) -> None:
    page = report(db, build_run(faults=False, clients=2), tmp_path)

    policy = next(each for each in page.all("meta") if "http-equiv" in each.attrs).attrs["content"]
    scripts = page.scripts("")
    assert len(scripts) == 2
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe-inline" not in policy.split("script-src")[1]
    assert "http" not in policy


def poisoned() -> Built:
    built = build_run(counselors=(GOOD, PLAIN), clients=3)
    for bundle in built.bundles:
        bundle.row.counselor += HOSTILE
        bundle.row.theme = bundle.row.risk = HOSTILE
        bundle.row.error = bundle.row.error and HOSTILE
        bundle.row.profile["demographics"] = {"name": HOSTILE, "age": HOSTILE, "occupation": HOSTILE}
        bundle.row.profile["current_distress"] = bundle.row.profile["core_theme"] = HOSTILE
        bundle.row.profile["hidden_facts"][0]["text"] = HOSTILE
        bundle.row.fidelity_flags = [{"kind": HOSTILE, "turn": 1, "detail": HOSTILE}]
        for turn in bundle.turns:
            turn.text = turn.reasoning = f"a{HOSTILE}b"
            turn.notes = {**turn.notes, HOSTILE: {HOSTILE: HOSTILE}, "told": [HOSTILE]}
            turn.sentences = [{"text": HOSTILE, "strategy": HOSTILE}]
        for event in bundle.events:
            event.quote = event.kind = event.rule = HOSTILE
        for row, scores in bundle.judgments:
            row.reason = row.model = HOSTILE
            for score in scores:
                score.reason = HOSTILE
                score.evidence = [
                    {"turn": 1, "quote": HOSTILE, "found": True},
                    {"turn": HOSTILE, "quote": HOSTILE, "found": False},
                ]
    built.run.name = HOSTILE
    built.run.config = {**built.run.config, "clients": HOSTILE, HOSTILE: HOSTILE}
    built.run.versions = {**built.run.versions, "arena": HOSTILE}
    return built


def test_hostile_text_stays_text(db: Database, tmp_path: Path) -> None:
    built = poisoned()
    clean = report(db, build_run(counselors=(GOOD, PLAIN), clients=3, run_id="c1ea0000"), tmp_path)

    page = report(db, built, tmp_path)

    assert len(page.all("script")) == len(clean.all("script"))
    assert {each.tag for each in page.elements} <= {each.tag for each in clean.elements}
    assert page.all("h1")[0].text == HOSTILE
    assert page.all("title")[0].text.startswith(HOSTILE)
    assert f"{GOOD}{HOSTILE}" in {each.text for each in page.all("option")}
    stories = page.stories()
    assert len(stories) == len(built.bundles)
    for story in stories:
        assert {each.tag for each in story.elements} <= {tag for part in clean.stories() for tag in tags(part)}
        assert "alert(1)" in story.text
    turns = [each for story in stories for each in story.all("mark")]
    assert any(each.text == HOSTILE for each in turns)


def tags(page: Page) -> set[str]:
    return {each.tag for each in page.elements}


def test_hostile_names_are_no_markup_in_charts_either(db: Database, tmp_path: Path) -> None:
    drawn = figures(report(db, poisoned(), tmp_path))

    texts = [text for figure in drawn.values() for text in strings(figure)]
    shown = [text for text in texts if "alert" in text]
    assert shown
    assert not any(re.search(r"<(?!/?b>|br>|extra>|/extra>)", text) for text in shown)


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def test_transcripts_stand_whole_with_scores_and_their_evidence(db: Database, tmp_path: Path) -> None:
    built = build_run(faults=False, clients=2, counselors=(GOOD,))
    page = report(db, built, tmp_path)

    for bundle, story in zip(built.bundles, page.stories(), strict=True):
        turns = story.all("article")
        assert [int(each.attrs["data-turn"]) for each in turns] == [turn.index for turn in bundle.turns]
        for turn, shown in zip(bundle.turns, turns, strict=True):
            plain = re.sub(r"\s+", "", shown.text)
            assert all(re.sub(r"\s+", "", word) in plain for word in turn.text.split(" "))
        values = [f"{s.dimension}" for _, scores in bundle.judgments for s in scores]
        assert sorted(each.text for each in story.all("span", class_="dim")) == sorted(values)
        quotes = [e for _, scores in bundle.judgments for s in scores for e in s.evidence]
        struck = [each.text for each in story.all("del")]
        assert sorted(struck) == sorted(quote["quote"] for quote in quotes if not quote["found"])
        assert sorted(each.text for each in story.all("q")) == sorted(q["quote"] for q in quotes if q["found"])
        assert story.text.count("not in transcript") == len(struck)


def test_quoted_words_are_marked_with_the_dimensions_that_rest_on_them(db: Database, tmp_path: Path) -> None:
    built = build_run(faults=False, clients=1, counselors=("echo",))
    row, scores = built.bundles[0].judgments[0]
    words = built.bundles[0].turns[2].text
    for _, found in built.bundles[0].judgments:
        for score in found:
            score.evidence = []
    scores[0].evidence = [{"turn": 2, "quote": words[:20].upper(), "found": True}]
    scores[1].evidence = [{"turn": 2, "quote": words[10:30], "found": True}]

    story = report(db, built, tmp_path).stories()[0]

    marks = story.all("mark", class_="score")
    assert [mark.text for mark in marks] == [words[:10], words[10:20], words[20:30]]
    first, second = scores[0].dimension, scores[1].dimension
    assert marks[0].attrs["title"] == f"{first} trust: {scores[0].value:g}"
    assert second in marks[1].attrs["title"]
    assert row.party == "client"


def test_stages_facts_and_hidden_thoughts_are_shown_at_their_turns(db: Database, tmp_path: Path) -> None:
    built = build_run(faults=False, clients=1, counselors=(GOOD,))
    bundle = built.bundles[0]
    told = next(turn for turn in bundle.turns if turn.notes.get("told"))
    early = bundle.turns[2]
    early.notes = {**early.notes, "premature": ["h2"]}

    story = report(db, built, tmp_path).stories()[0]

    assert [each.text for each in story.all("h4")] == ["Building trust", "Understanding", "Ways forward"]
    badges = {each.text: each.attrs.get("title", "") for each in story.all("span", class_="badge")}
    fact = bundle.row.profile["hidden_facts"][0]["text"]
    assert badges[f"told: {told.notes['told'][0]}"] == fact
    assert "too early: h2" in badges
    assert f"told in turn {told.index}" in story.text
    behind = " ".join(each.text for each in story.all("details", class_="behind"))
    assert "felt that the heavy part had been noticed" in behind
    assert "trust" in behind


def test_an_offline_run_says_so_and_another_does_not(db: Database, tmp_path: Path) -> None:
    offline = report(db, build_run(faults=False, clients=2, offline=True, run_id="0ff1"), tmp_path)
    online = report(db, build_run(faults=False, clients=2), tmp_path)

    assert "built-in rules, not by a language model" in offline.seen()
    assert "built-in rules, not by a language model" not in online.seen()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_report_speaks_the_runs_language(db: Database, tmp_path: Path, language: Language) -> None:
    built = build_run(faults=False, language=language, clients=2)

    page = report(db, built, tmp_path)

    text = load_text(language).tree
    assert page.all("html")[0].attrs["lang"] == text["html_lang"]
    banners = [each.text for each in page.all("p", class_="banner")]
    assert disclaimer(language) in banners
    assert page.all("h2")[0].text == text["safety"]["title"]
    names = {dimension.name for dimension in load_rubric(Party.CLIENT, language).dimensions}
    assert all(name in section(page, "dimensions") for name in names)
    assert text["labels"]["stages"]["diagnosis"] in page.stories()[0].text
    assert built.run.name in page.seen()


def leaves(tree: Any, place: str = "") -> dict[str, Any]:
    if isinstance(tree, dict):
        return {key: leaf for name, below in tree.items() for key, leaf in leaves(below, f"{place}.{name}").items()}
    return {place: tree}


def test_both_languages_say_the_same_things() -> None:
    english, chinese = (leaves(load_text(language).tree) for language in LANGUAGES)

    assert english.keys() == chinese.keys()
    for place, words in english.items():
        assert type(words) is type(chinese[place]), place
        if isinstance(words, str):
            assert sorted(re.findall(r"\{\w+\}", words)) == sorted(re.findall(r"\{\w+\}", chinese[place])), place
        else:
            assert len(words) == len(chinese[place]), place


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_the_vocabulary_has_a_name(language: Language) -> None:
    labels = load_text(language).tree["labels"]

    assert {theme.value for theme in Theme} <= labels["theme"].keys()
    assert {party.value for party in Party} <= labels["parties"].keys()
    assert {stage.value for stage in Stage} <= labels["stages"].keys()
    assert {move.value for move in Move} <= labels["moves"].keys()


@pytest.mark.parametrize(("name", "group"), [("client_risk", "kinds"), ("counselor_harm", "kinds")])
def test_every_class_of_the_safety_rules_has_a_name(name: str, group: str) -> None:
    source = files("profiles") / "data" / "safety" / f"{name}.yaml"
    classes = yaml.safe_load(source.read_text(encoding="utf-8"))["classes"]

    for language in LANGUAGES:
        assert classes.keys() <= load_text(language).tree["labels"][group].keys()


def test_a_run_without_sessions_still_makes_a_report(db: Database, tmp_path: Path) -> None:
    with db.session(write=True) as session:
        session.add(RunRow(id="empty", config={"lang": "zh"}, versions={}))

    page = Page.of(write_report(db, "empty", tmp_path / "r.html").read_text(encoding="utf-8"))

    assert "这个批次还没有会谈" in page.seen()
    assert figures(page) == {}


def test_a_run_in_which_everything_failed_still_makes_a_report(db: Database, tmp_path: Path) -> None:
    built = build_run(faults=False, clients=2)
    for bundle in built.bundles:
        fail(bundle, "unavailable", "no connection", turns=0)

    page = report(db, built, tmp_path)

    assert section(page, "trust").count("no connection") == len(built.bundles)
    assert "Nothing was said" in page.stories()[0].text
    assert "n 0/2" in section(page, "leaderboard")


def test_a_client_without_inner_state_has_no_path(db: Database, tmp_path: Path) -> None:
    built = build_run(faults=False, clients=2)
    for bundle in built.bundles:
        for turn in bundle.turns:
            turn.notes = {}

    page = report(db, built, tmp_path)

    assert "keep no record of their inner state" in section(page, "paths")
    assert not any(name.startswith("path-") for name in figures(page))


def test_small_cells_are_flagged_and_large_ones_are_not(db: Database, tmp_path: Path) -> None:
    built = build_run(faults=False, clients=31, counselors=("echo",), rounds=3)
    for place, bundle in enumerate(built.bundles):
        bundle.row.theme = "emotion" if place else "love"

    shown = section(report(db, built, tmp_path), "where")

    assert re.search(r"Emotion \d+\.\d% n 30/30", shown)
    assert re.search(r"Love \d+\.\d% ° n 1/1", shown)


def test_a_changed_rubric_and_later_judgments_are_admitted(db: Database, tmp_path: Path) -> None:
    built = build_run(faults=False, clients=2, counselors=(GOOD,))
    for bundle in built.bundles:
        row, _ = bundle.judgments[0]
        row.rubric_version = "0.9+aaaaaaaaaaaa"
    first, _ = built.bundles[0].judgments[1]
    first.share = 0.5

    page = report(db, built, tmp_path)

    shown = section(page, "trust")
    assert "Client: the rubric file has changed" in shown
    assert "0.9+aaaaaaaaaaaa" in shown
    assert "In 1 sessions the stored overall score does not belong" in shown
    assert figures(page)["radar-client"]["data"][0]["r"][0] is not None


def token_table(page: Page) -> str:
    """The rows of calls and tokens, without the words around them."""
    return next(each.words for each in page.all("table") if "Calls" in each.words)


def test_tokens_show_their_cached_share_and_silence(db: Database, tmp_path: Path) -> None:
    built = build_run(faults=False, clients=1, counselors=(GOOD,))
    usage = built.bundles[0].row.usage
    use = usage["client"]
    use |= {"failed": 2, "repaired": 3}

    page = report(db, built, tmp_path)

    shown = token_table(page)
    share = f"{100 * use['cached_tokens'] / use['prompt_tokens']:.1f}%"
    assert f"Client 8 2 2 3 {use['prompt_tokens']:,} {share} 2,100" in shown
    judged = [usage[name] for name in usage if name.startswith("judge.") or name == "fidelity"]
    assert (
        len(judged) == 4 and f"Judges and fidelity check 4 8 0 0 {sum(u['prompt_tokens'] for u in judged):,}" in shown
    )
    assert "Counselor on itself 1 0 0 0 – – –" in shown
    assert "Second safety reader" not in shown
    known = sum(counts["prompt_tokens"] or 0 for counts in usage.values())
    cached = sum(counts["cached_tokens"] or 0 for counts in usage.values())
    assert f"All 21 12 2 3 {known:,} {100 * cached / known:.1f}%" in shown
    assert any("the server gave none" in each.attrs["title"] for each in page.all("abbr"))
    assert "In 1 sessions some answers came without a count" in section(page, "tokens")


def test_each_counselor_s_sessions_have_their_tokens_and_they_add_up(db: Database, tmp_path: Path) -> None:
    built = build_run(faults=False, clients=2, counselors=(GOOD, "echo"))

    shown = token_table(report(db, built, tmp_path))

    sums = {
        name: sum(u["prompt_tokens"] or 0 for bundle in built.of(name) for u in bundle.row.usage.values())
        for name in (GOOD, "echo")
    }
    whole, _, parts = shown.partition("Whole sessions, by counselor")
    assert all(f"{number:,}" in parts for number in sums.values())
    assert f"{sum(sums.values()):,}" in whole


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_offline_run_has_calls_and_no_tokens(db: Database, tmp_path: Path, language: Language) -> None:
    built = build_run(faults=False, clients=1, counselors=(GOOD,), offline=True, language=language)
    for bundle in built.bundles:
        bundle.row.usage = {"client": {"calls": 8}, "judge.client": {"calls": 1}, "fidelity": {"calls": 1}}
    words = load_text(language).tree

    shown = section(report(db, built, tmp_path), "tokens")

    roles = words["labels"]["roles"]
    assert f"{roles['client']} 8 {roles['judge']} 2 {roles['all']} 10" in shown
    assert words["tokens"]["offline"] in shown
    for absent in ("cached", "prompt", "completion", "why", "no_faults", "faults"):
        assert words["tokens"][absent] not in shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fault_is_counted_in_plain_words(db: Database, tmp_path: Path, language: Language) -> None:
    counts = {"429": 1200, "500": 31, "503": 30, "400": 29, "connection": 28, "timeout": 27, "malformed": 26}
    built = build_run(faults=False, clients=1, language=language)
    built.run.faults = {"new_kind": 1, **counts, "unreadable": 25}

    page = report(db, built, tmp_path)

    rows = [each.words for each in page.all("li")]
    words = load_text(language).tree
    names = [
        words["faults"]["429"]["name"],
        *(words["faults"][group]["name"].format(code=code) for group, code in GROUPS),
        *(words["faults"][kind]["name"] for kind in ("connection", "timeout", "malformed", "unreadable")),
        "new kind",
    ]
    expected = zip(names, ["1,200", 31, 30, 29, 28, 27, 26, 25, 1], strict=True)
    starts = [words["tokens"]["fault"].format(name=name, n=n) for name, n in expected]
    first = next(place for place, row in enumerate(rows) if row.startswith(starts[0]))
    assert [row[: len(start)] for row, start in zip(rows[first:], starts, strict=False)] == starts
    assert words["faults"]["timeout"]["meaning"] in " ".join(rows)
    assert words["tokens"]["no_faults"] not in page.seen()


GROUPS = (("server", "500"), ("server", "503"), ("request", "400"))


def test_a_run_without_faults_says_so(db: Database, tmp_path: Path) -> None:
    page = report(db, build_run(faults=False, clients=1), tmp_path)

    assert "No attempt at a call went wrong." in section(page, "tokens")


def test_settings_and_versions_are_in_the_page(db: Database, tmp_path: Path) -> None:
    built = build_run(faults=False, clients=2)

    page = report(db, built, tmp_path)

    head = page.all("dl", class_="settings")[0].text
    for value in ("openai/demo-judge", "dynamic", "paced by rounds", *built.run.versions["rubrics"].values()):
        assert value in head
    assert built.run.versions["content"] in section(page, "method")


@pytest.mark.parametrize("place", ["/srv/xhome/xmodels", "~/xhome/xmodels/"])
def test_a_models_folder_does_not_stand_in_the_report(db: Database, tmp_path: Path, place: str) -> None:
    model, twin = (f"local/{place.rstrip('/')}/{part}small-7b" for part in ("", "xmore/"))
    built = build_run(counselors=(f"plain:psycho@{model}", f"plain:psycho@{twin}", "echo"), clients=3, faults=False)
    built.run.config = {**built.run.config, "models": {"client": model, "judge": model}}
    for row, _ in (judged for bundle in built.bundles for judged in bundle.judgments):
        row.model, row.reason = model, f"{model} did not answer in time"
    fail(built.bundles[0], "too_long", f"a prompt of 9 tokens fills the window of {twin} (4)", 4)

    page = report(db, built, tmp_path)

    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "xhome" not in html and "xmodels" not in html and "xmore" not in html
    names = [option.text for option in page.all("option")]
    assert {"plain:psycho@local/small-7b", "plain:psycho@local/small-7b (2)", "echo"} <= set(names)
    assert "fills the window of local/small-7b (4)" in html and "local/small-7b did not answer" in html
    axis = figures(page)["forest"]["layout"]["yaxis"]["categoryarray"]
    assert sorted(axis) == ["echo", "plain:psycho@local/small-7b", "plain:psycho@local/small-7b (2)"]


def test_a_report_replaces_an_earlier_one_and_makes_its_folder(db: Database, tmp_path: Path) -> None:
    run_id = build_run(faults=False, clients=2).save(db)
    path = tmp_path / "new" / "folder" / "report.html"

    assert write_report(db, run_id, path) == path
    path.write_text("old", encoding="utf-8")
    write_report(db, "last", path)

    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [each.name for each in path.parent.iterdir()] == ["report.html"]


def test_the_same_run_makes_the_same_file(db: Database, tmp_path: Path) -> None:
    run_id = build_run(faults=False, clients=2).save(db)

    one = write_report(db, run_id, tmp_path / "one.html").read_bytes()

    assert write_report(db, run_id, tmp_path / "two.html").read_bytes() == one


def test_a_place_that_cannot_be_written_is_named(db: Database, tmp_path: Path) -> None:
    run_id = build_run(faults=False, clients=2).save(db)
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(UserError, match=r"file/report\.html: the report cannot be written"):
        write_report(db, run_id, tmp_path / "file" / "report.html")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        write_report(db, run_id, tmp_path / "folder")
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


def test_an_unknown_run_is_the_persons_mistake(db: Database, tmp_path: Path) -> None:
    build_run(faults=False, clients=2).save(db)

    with pytest.raises(UserError, match="no run 'nowhere'"):
        write_report(db, "nowhere", tmp_path / "r.html")
    assert not (tmp_path / "r.html").exists()


def test_the_summary_is_json_and_agrees_with_the_database(db: Database) -> None:
    built = build_run(offline=True)
    run_id = built.save(db)

    summary = json.loads(json.dumps(report_summary(db, run_id[:6])))

    assert summary["run"] == run_id
    assert summary["sessions"] == {"finished": 29, "failed": 1}
    assert summary["offline"] is True
    rows = load_leaderboard(db, run_id)
    assert [row["counselor"] for row in summary["leaderboard"]] == [row.counselor for row in rows]
    assert summary["leaderboard"][0]["overall_share"]["mean"] == rows[0].overall_share.mean
    clients = [session.usage["client"]["prompt_tokens"] for session in load_sessions(db, run_id)]
    assert summary["usage"]["client"]["prompt_tokens"] == sum(clients)
    assert 0 < summary["usage"]["all"]["cached_share"] < 1
    assert summary["faults"] == {}


@given(st.text(max_size=60), st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=5))
def test_cutting_a_text_loses_nothing_and_finds_every_true_quote(text: str, spans: list[tuple[int, int]]) -> None:
    quotes = [Quoted(text[low : low + size], "score", "C1", "C1 trust") for low, size in spans]

    pieces = cut(text, quotes)

    assert "".join(piece.text for piece in pieces) == text
    marked = {id(quote) for piece in pieces for quote in piece.quotes}
    wordy = [quote for quote in quotes if re.search(r"[a-z0-9]", quote.words)]
    assert {id(quote) for quote in wordy} <= marked
    assert sum(len(piece.ending) for piece in pieces) == len(marked)


@pytest.mark.parametrize(
    ("text", "words", "marked"),
    [
        ("He said “stop”, twice.", '"STOP", twice', "stop”, twice"),
        ("one  two\nthree", "two three", "two\nthree"),
        ("我很累。你说呢？", "很累", "很累"),
        ("wait… no", "wait... no", "wait… no"),
        ("ＡＢＣ ok", "abc", "ＡＢＣ"),
        ("the end", "the end", "the end"),
        ("nothing here", "elsewhere", ""),
        ("nothing here", "", ""),
        ("", "words", ""),
    ],
)
def test_quotes_are_found_as_the_scoring_code_finds_them(text: str, words: str, marked: str) -> None:
    pieces = cut(text, [Quoted(words, "score", "C1", "C1")])

    assert "".join(piece.text for piece in pieces if piece.quotes) == marked
