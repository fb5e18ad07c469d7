import re
from html.parser import HTMLParser
from importlib.resources import files

import pytest
import yaml
from interview_fixture import Held, all_no, low_mood, stopped

from agents.counselors.magi.diagnosis import Override
from agents.counselors.magi.state import Mention
from arena.interview.page import interview_page, made_by
from arena.safety import disclaimer
from profiles.vocabulary import LANGUAGES

VOID = {"meta", "br", "col", "wbr"}


class Reader(HTMLParser):
    """The page as a browser sees it: tags in order, anchors, links, and the text of each element with an id."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[tuple[str, str | None]] = []
        self.text: dict[str, str] = {}
        self.whole = ""
        self.marks: list[str] = []
        self.unclosed: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.tags.append((tag, named))
        if tag == "mark":
            self.marks.append("")
        if tag not in VOID:
            self.open.append((tag, named.get("id")))

    def handle_endtag(self, tag):
        if not self.open or self.open[-1][0] != tag:
            self.unclosed.append(tag)
        else:
            self.open.pop()

    def handle_data(self, data):
        if any(tag == "style" for tag, _ in self.open):
            return
        self.whole += data
        if any(tag == "mark" for tag, _ in self.open):
            self.marks[-1] += data
        for _, name in self.open:
            if name:
                self.text[name] = self.text.get(name, "") + data


def read(held: Held, language: str | None = None) -> Reader:
    return Reader(interview_page(*held.parts(), language or held.language))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("make", [all_no, low_mood, stopped, Held])
def test_the_page_is_well_formed_and_loads_nothing(make, language):
    page = interview_page(*make(language).parts(), language)
    seen = Reader(page)
    assert (seen.unclosed, seen.open) == ([], [])
    assert {tag for tag, _ in seen.tags}.isdisjoint({"script", "img", "link", "iframe"})
    assert "http" not in re.sub(r'http-equiv="[^"]*"', "", page)
    policy = next(named["content"] for tag, named in seen.tags if tag == "meta" and "http-equiv" in named)
    assert policy.startswith("default-src 'none'")


@pytest.mark.parametrize("make", [low_mood, stopped])
def test_every_link_leads_somewhere_and_every_anchor_is_its_own(make):
    seen = read(make())
    anchors = [named["id"] for _, named in seen.tags if "id" in named]
    assert len(anchors) == len(set(anchors))
    assert {named["href"] for tag, named in seen.tags if tag == "a"} <= {f"#{name}" for name in anchors}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_disclaimer_and_the_offline_note_come_before_anything_else(language):
    page = interview_page(*low_mood(language).parts(), language)
    words = yaml.safe_load((files("arena") / "templates" / f"interview_{language}.yaml").read_text(encoding="utf-8"))
    for text in (words["disclaimer"], words["offline"], disclaimer(language)):
        assert text in page
        assert page.index(text) < page.index('id="risk"') < page.index('id="results"')


def test_an_interview_by_a_model_is_not_called_offline():
    held = Held(model="openai/demo").yes("dep.mood").no("dep.sleep").end()
    seen = read(held)
    assert "Offline." not in seen.whole
    assert "by openai/demo" in seen.whole
    assert made_by([], held.session) == "openai/demo"


def test_it_never_speaks_of_being_diagnosed():
    for make in (all_no, low_mood, stopped):
        assert "diagnosed" not in read(make()).whole
        assert "确诊" not in read(make("zh")).whole


def test_results_say_met_not_met_or_what_is_missing():
    text = read(low_mood()).text["results"]
    assert "Pattern met" in text
    assert "pattern of a depressive episode met" in text
    assert "6 of 9 met, 0 open, 5 needed" in text
    assert "Pattern not met" in text
    assert "more worry than matters call for" in text
    open_one = read(Held().yes("dep.mood").ask("dep.sleep", "refused").ask("dep.fatigue", "unknown")).text["results"]
    assert "Not settled" in open_one
    assert "DEP-4 your sleep declined" in open_one
    assert "DEP-6 your energy stayed unclear" in open_one
    assert "DEP-5" in open_one
    assert "not asked" in open_one
    assert "1 of 9 met, 8 open, 5 needed" in open_one


def test_risk_is_told_in_its_gravest_band_with_the_answers_behind_it():
    seen = read(stopped())
    risk = seen.text["risk"]
    assert "immediate risk not ruled out" in risk
    assert "stopped because of a sign of danger" in risk
    assert "SUI-5" in risk
    assert "declined" in risk
    assert any(named.get("class") == "band grave" for _, named in seen.tags)


def test_no_risk_found_is_not_told_as_no_risk():
    seen = read(all_no())
    assert "No sign of suicide risk in the answers" in seen.text["risk"]
    assert "does not rule out risk" in seen.text["risk"]
    assert any(named.get("class") == "band clear" for _, named in seen.tags)


def test_risk_that_nobody_asked_about_is_open():
    seen = read(Held().yes("dep.mood").end())
    assert "Suicide risk is not settled" in seen.text["risk"]
    assert "SUI-1" in seen.text["risk"]


def test_a_criterion_shows_verdict_words_place_slots_asks_and_failed_checks():
    held = low_mood()
    held.ask(
        "dep.sleep",
        "met",
        "I'm up at four.",
        "up at four",
        asks=2,
        faults=("span_wrong",),
        slots={"amount": 3.0, "unit": "days"},
    )
    row = read(held).text["c-dep.sleep"]
    for text in ("DEP-4", "met", "up at four", "asked 2 times", "check failed: span wrong", "3 days", "dep.count"):
        assert text in row
    assert "follows from other answers" in read(held).text["c-dep.death_suicide"]


@pytest.mark.parametrize("place", ["/srv/xhome/xmodels/small-7b", "~/xhome/xmodels/small-7b/"])
def test_a_models_folder_does_not_stand_on_the_page(place):
    held = Held(model=f"local/{place}").yes("dep.mood").no("dep.sleep").end()
    page = interview_page(*held.parts(), held.language)
    assert "local/small-7b" in page and "xhome" not in page and "xmodels" not in page


def test_words_against_a_verdict_are_shown_with_it():
    held = Held().yes("dep.mood")
    said = Mention(variable="dep.sleep", verdict="met", quote="Yes", turn=1, span=(0, 3))
    held.ask("dep.sleep", "not_met", counter=(said,))
    seen = read(held)
    assert "Against it:" in seen.text["c-dep.sleep"]
    assert any(named.get("class") == "against" for tag, named in seen.tags if tag == "mark")


def test_quotes_are_marked_where_they_stand_and_the_turn_stays_whole():
    held = Held().ask("dep.mood", "met", "Low, low, and low again.", "low again")
    held.answers["dep.sleep"] = held.answers["dep.mood"].model_copy(
        update={"variable": "dep.sleep", "quote": "and low", "span": (10, 17)}
    )
    seen = read(held)
    assert "".join(seen.marks) == "and low again"
    assert "Low, low, " in seen.text["t1"]
    plain = re.sub(r"DEP-\d+", "", seen.text["t1"])
    assert "Low, low, and low again." in plain


def test_a_quote_that_does_not_stand_in_its_turn_is_pointed_out():
    held = Held().ask("dep.mood", "met", "Every day.")
    held.answers["dep.mood"] = held.answers["dep.mood"].model_copy(update={"quote": "never said", "span": (0, 10)})
    seen = read(held)
    assert "not found in that turn" in seen.text["c-dep.mood"]
    assert seen.marks == []


def test_how_a_question_was_chosen_is_told_with_its_candidates():
    ranked = [["dep.sleep", 0.1423], ["dep.impairment", 0.2011]]
    held = Held().yes("dep.mood").ask("dep.sleep", "met", act={"candidates": ranked, "mode": "confirm"}).end()
    text = read(held).text["t2"]
    for part in ("worth 0.14", "worth 0.20", "DEP-11", "a pattern is not settled yet", "had spoken of it already"):
        assert part in text
    assert "DEP-1" in text  # how the reply before it was read


def test_the_question_whether_to_go_on_has_a_name():
    held = Held().yes("dep.mood")
    held.say("Shall we go on?", {"kind": "offer", "variable": "talk.resume", "why": "risk"}, "offered")
    seen = read(held)
    assert "whether to go on" in seen.text["t2"]
    assert "asked whether to go on" in seen.text["risk"]


def test_a_clinicians_verdict_stands_beside_the_machines():
    held = low_mood()
    held.overrides = {
        name: Override(verdict="not_met", reason="seen <b>myself</b>", by="Dr Osei", at="2026-03-02T10:00:00+00:00")
        for name in ("dep.sleep", "dep.fatigue")
    }
    seen = read(held)
    row = seen.text["c-dep.sleep"]
    for text in ("not met", "by the program: met", "Dr Osei", "2026-03-02 10:00", "seen <b>myself</b>"):
        assert text in row
    assert "A clinician changed 2 of the verdicts" in seen.whole
    assert "4 of 9 met" in seen.text["results"]
    assert "By the program: pattern of a depressive episode met" in seen.text["results"]


def test_hostile_words_stay_words():
    bad = '</p><script>alert("x")</script><img src=x onerror=y> {{ 7*7 }} {name}'
    held = Held(name=bad).ask("dep.mood", "met", bad, faults=("<i>bad</i>",))
    held.say(bad, {"kind": "<b>odd</b>", "why": "<b>odd</b>", "variable": "<b>odd</b>", "candidates": [["<b>", 1]]})
    held.overrides = {"dep.mood": Override(verdict="met", reason=bad, by=bad, at=bad)}
    seen = read(held)
    assert {tag for tag, _ in seen.tags}.isdisjoint({"script", "img"})
    assert not any("onerror" in named for _, named in seen.tags)
    assert bad in seen.text["t1"]
    assert "<b>odd</b>" in seen.text["t2"]


def test_a_session_that_broke_off_says_so():
    held = Held().yes("dep.mood")
    held.status = "failed"
    assert "broke off because of an error" in read(held).whole


def test_the_page_can_be_in_another_language_than_the_talk():
    seen = read(low_mood("en"), "zh")
    assert "先看风险" in seen.whole
    assert "Yes, most days now." in seen.whole


def _keys(node: object, place: str = "") -> set[str]:
    if not isinstance(node, dict):
        return {place}
    return {key for name, part in node.items() for key in _keys(part, f"{place}.{name}")}


def _slots(node: object, place: str = "") -> dict[str, set[str]]:
    if not isinstance(node, dict):
        return {place: set(re.findall(r"{(\w+)}", str(node)))}
    return {key: held for name, part in node.items() for key, held in _slots(part, f"{place}.{name}").items()}


def test_both_languages_have_the_same_texts():
    trees = [
        yaml.safe_load((files("arena") / "templates" / f"interview_{language}.yaml").read_text(encoding="utf-8"))
        for language in LANGUAGES
    ]
    assert _keys(trees[0]) == _keys(trees[1])
    assert _slots(trees[0]) == _slots(trees[1])
