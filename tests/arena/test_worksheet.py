"""Thought records out of a session's turns: stored, read back, and written as a worksheet in each format."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt

from agents.counselors.crdial.course import EXITS, NOTE, Entry, Gate, Note
from agents.dialogue import CallRecord, Turn
from agents.models.base import OFFLINE
from arena.batch import run_row
from arena.build import plan_run
from arena.config import RunConfig
from arena.play import Failure, SessionResult
from arena.record import store
from arena.restructuring.markdown import escaped, worksheet_markdown
from arena.restructuring.page import worksheet_page
from arena.restructuring.rows import thought_rows
from arena.restructuring.stored import StoredThoughts, load_thoughts
from arena.restructuring.worksheet import Sheet, sheet_of
from arena.safety import disclaimer
from profiles.distortions import distortions
from profiles.errors import UserError
from profiles.vocabulary import LANGUAGES, Stage
from storage.database import Database
from storage.queries import load_thoughts as rows_of_run
from storage.records import replace_session, save_run
from storage.tables import ThoughtRecordRow

SITUATION, THOUGHT = "My boss walked past me without a word.", "I am about to be fired"
FOR = ("She nearly always says hello.", "Two people were let go in spring.")
AGAINST, BALANCED = ("She was on the phone.",), "She was busy, and I can ask her."


def entry(kind: Any, quote: str = "", channel: int | None = 1, loop: int = 1, **more: Any) -> Entry:
    return Entry(kind=kind, quote=quote, channel=channel, loop=loop, **more)


def verdict(passed: bool, channel: int = 1, loop: int = 1) -> Gate:
    return Gate(gate="verdict", step="verdict", loop=loop, channel=channel, turn=9, passed=passed)


def note(step: Any, *settled: Entry, gates: Sequence[Gate] = (), channel: int | None = 1, **more: Any) -> Note:
    return Note(step=step, channel=channel, entries=settled, gates=tuple(gates), **more)


OPENED = note(
    "core_beliefs",
    entry("situation", SITUATION, None, turn=1),
    entry("core_belief", THOUGHT, turn=5, name="catastrophizing"),
    entry("belief_before", value=85),
    entry("emotion_before", name="scared", value=80),
)
WORKED = (
    OPENED,
    note("defense", *(entry("evidence_for", each) for each in FOR)),
    note("prosecution", *(entry("evidence_against", each) for each in AGAINST)),
    note(
        "verdict",
        entry("belief_after", value=35),
        entry("emotion_after", name="scared", value=42.5),
        entry("balanced_thought", BALANCED),
        gates=[verdict(True)],
    ),
)
HELD_FAST = (
    OPENED,
    note("defense", entry("evidence_for", status="unfilled")),
    note("prosecution", entry("evidence_against", status="none")),
    note("verdict", entry("belief_after", status="declined"), gates=[verdict(False)]),
    note("verdict", entry("balanced_thought", status="unfilled"), gates=[verdict(False)]),
)


def turns_of(notes: Sequence[Note], model: str = OFFLINE, person: bool = False) -> tuple[Turn, ...]:
    """A client's and a counselor's turn for each note."""
    call = None if person else CallRecord(purpose="x", prompt_hash="0", prompt_version="1", model=model)
    said: list[Turn] = []
    for place, each in enumerate(notes):
        common: dict[str, Any] = {"round": place + 1, "stage": Stage.DIAGNOSIS, "text": "..."}
        own = {"person": True} if person else {}
        said.append(Turn(index=2 * place, speaker="client", call=call, notes=own, **common))
        noted = {NOTE: each.model_dump(mode="json")}
        said.append(Turn(index=2 * place + 1, speaker="counselor", notes=noted, **common))
    return tuple(said)


@pytest.fixture
def database(tmp_path: Path) -> Any:
    with Database.open(str(tmp_path / "arena.db")) as opened:
        yield opened


def kept(
    database: Database,
    *notes: Note,
    counselor: str = "plain:psycho@offline",
    client_model: str = OFFLINE,
    person: bool = False,
    failure: Failure | None = None,
    name: str = "",
    lang: Any = "en",
) -> StoredThoughts:
    """A session with these notes, stored as the arena stores one, and read back."""
    config = RunConfig(counselors=(counselor,), clients="career-01", lang=lang, db="unused", client_model=client_model)
    plan = plan_run(config)
    result = SessionResult(plan.sessions[0], turns=turns_of(notes, client_model, person), failure=failure)
    with database.session(write=True) as session:
        save_run(session, run_row(plan))
        store(session, result, plan.id)
    held = load_thoughts(database, plan.sessions[0].spec.id)
    if name:
        held.session.profile = {"demographics": {"name": name}}
    return held


class Reader(HTMLParser):
    """A page as a browser sees it: its tags, whatever was not closed, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.faults: list[str] = []
        self.quotes: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "q":
            self.quotes.append("")
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data
        if "q" in self.open:
            self.quotes[-1] += data


def read(sheet: Sheet) -> Reader:
    return Reader(worksheet_page(sheet))


def words(language: str) -> Any:
    return yaml.safe_load((files("arena") / "templates" / f"worksheet_{language}.yaml").read_text(encoding="utf-8"))


# Rows


def test_a_channel_becomes_a_row_and_comes_back_from_the_database(database: Database) -> None:
    held = kept(database, *WORKED)
    assert [row.model_dump(exclude={"id"}) for row in held.rows] == [
        {
            "session_id": held.session.id,
            "loop": 1,
            "channel": 1,
            "situation": SITUATION,
            "thought": THOUGHT,
            "turn": 5,
            "distortion": "catastrophizing",
            "belief_before": 85.0,
            "belief_end": None,
            "belief_after": 35.0,
            "emotion": "scared",
            "emotion_before": 80.0,
            "emotion_after": 42.5,
            "evidence_for": list(FOR),
            "evidence_against": list(AGAINST),
            "balanced_thought": BALANCED,
            "effective": True,
            "rounds": 1,
            "status": "closed",
        }
    ]
    assert [row.thought for row in rows_of_run(database, held.session.run_id)] == [THOUGHT]


def test_rows_follow_loops_and_channels_and_each_has_its_own_situation() -> None:
    second = note(
        "core_beliefs", entry("core_belief", "second", channel=2), entry("belief_before", channel=2, value=60)
    )
    later = note(
        "core_beliefs", entry("situation", "later", None, loop=2), entry("core_belief", "third", loop=2), loop=2
    )
    rows = thought_rows(turns_of([*WORKED, second, later]))
    assert [(row.loop, row.channel, row.thought, row.situation, row.status) for row in rows] == [
        (1, 1, THOUGHT, SITUATION, "closed"),
        (1, 2, "second", SITUATION, "open"),
        (2, 1, "third", "later", "open"),
    ]
    assert (rows[1].belief_before, rows[1].belief_after, rows[1].effective) == (60, None, None)


def test_a_situation_told_late_is_not_lost() -> None:
    late = note("core_beliefs", entry("situation", status="unfilled", channel=None), entry("core_belief", "x"))
    rows = thought_rows(turns_of([late, note("defense", entry("situation", "told late", None))]))
    assert [row.situation for row in rows] == ["told late"]


@pytest.mark.parametrize(
    ("notes", "standing"),
    [
        (WORKED, ("closed", True, 1)),
        (HELD_FAST, ("unresolved", False, 2)),
        (HELD_FAST[:4], ("unresolved", False, 1)),
        ((*HELD_FAST[:4], note("defense")), ("open", False, 1)),
        (WORKED[:3], ("open", None, 1)),
    ],
)
def test_the_standing_says_whether_it_was_weighed_to_the_end(notes: Sequence[Note], standing: tuple[Any, ...]) -> None:
    (row,) = thought_rows(turns_of(notes))
    assert (row.status, row.effective, row.rounds) == standing


def test_other_sessions_have_no_rows() -> None:
    assert thought_rows(()) == []
    assert thought_rows(turns_of([note("automatic_thoughts", entry("automatic_thought", "x", None))])) == []


def test_a_failed_session_keeps_what_it_had_and_another_try_takes_its_place(database: Database) -> None:
    held = kept(database, *WORKED[:2], failure=Failure("unavailable", "no connection"))
    assert (held.session.status, len(held.rows), held.rows[0].status) == ("failed", 1, "open")
    assert words("en")["broken"] in read(sheet_of(held)).text
    again = kept(database, *WORKED)
    assert [row.status for row in again.rows] == ["closed"]
    assert words("en")["broken"] not in read(sheet_of(again)).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_situation_stands_once_a_loop_and_never_with_a_thought_from_elsewhere(
    database: Database, language: Any
) -> None:
    second = note("core_beliefs", entry("core_belief", "second", channel=2), channel=2)
    third = note("core_beliefs", entry("core_belief", "third", loop=2), loop=2)
    told = note(
        "core_beliefs", entry("situation", "later", None, loop=3), entry("core_belief", "fourth", loop=3), loop=3
    )
    sheet = sheet_of(kept(database, *WORKED, second, third, told), language)
    assert [each.situation and each.situation.words for each in sheet.thoughts] == [
        (SITUATION,),
        None,
        None,
        ("later",),
    ]
    label = words(language)["thought"]["situation"]
    for text in written(sheet).values():
        assert text.count(SITUATION) == 1 and text.count(label) == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_number_that_was_asked_for_is_not_called_out_of_reach(database: Database, language: Any) -> None:
    half = note(
        "core_beliefs",
        entry("core_belief", THOUGHT),
        entry("belief_before", value=80),
        entry("emotion_before", status="unfilled"),
    )
    (thought,) = sheet_of(kept(database, half), language).thoughts
    assert (thought.feeling.before.missing, thought.feeling.after.missing) == ("unfilled", "not_reached")


def test_a_feeling_named_only_later_is_the_one_that_was_rated_before(database: Database) -> None:
    rated = (entry("emotion_before", value=60), entry("emotion_after", name="useless", value=40))
    whole = (entry("emotion_before", "", None, value=70), entry("emotion_after", "", None, name="sad", value=30))
    sheet = sheet_of(kept(database, note("verdict", entry("core_belief", THOUGHT), *rated, *whole)))
    assert (sheet.thoughts[0].feeling.name, sheet.thoughts[0].feeling.before.value) == ("useless", 60)
    assert [(each.name, each.before.value, each.after.value) for each in sheet.feelings] == [("sad", 70, 30)]


# Finding a session


def test_a_session_is_found_by_id_beginning_run_and_last(database: Database) -> None:
    held = kept(database, *WORKED)
    for name in (held.session.id, held.session.id[:9], held.session.run_id, "last"):
        assert load_thoughts(database, name).session.id == held.session.id


def test_what_cannot_be_found_is_said_in_one_line(database: Database) -> None:
    with pytest.raises(UserError, match=r"there is no session 'nothing', and .* holds no runs yet"):
        load_thoughts(database, "nothing")
    held = kept(database, *WORKED)
    with pytest.raises(UserError, match="there is no session 'nothing', and there is no run 'nothing': nearest"):
        load_thoughts(database, "nothing")
    like = held.session.model_dump() | {"profile_id": "other"}
    for ending in "ab":
        copy = type(held.session)(**like | {"id": f"{held.session.id}{ending}", "repeat": ord(ending)})
        with database.session(write=True) as session:
            replace_session(session, copy, [], [], [], (), [ThoughtRecordRow(session_id="", loop=1, channel=1)])
    assert load_thoughts(database, held.session.id).session.id == held.session.id, "a whole id is never a beginning"
    with pytest.raises(UserError, match="begins the id of several sessions"):
        load_thoughts(database, held.session.id[:9])
    with pytest.raises(UserError, match=r"3 sessions of run .* name one: .*a"):
        load_thoughts(database, "last")


def test_a_session_without_records_says_how_to_get_them(database: Database) -> None:
    with pytest.raises(UserError, match=r"session \w+ \(plain:psycho@offline\) has no thought records: only"):
        kept(database)
    with pytest.raises(UserError, match=r"run \w+ has no thought records"):
        load_thoughts(database, "last")


# The sheet


def test_a_sheet_holds_the_words_and_why_the_rest_is_empty(database: Database) -> None:
    (thought,) = sheet_of(kept(database, *HELD_FAST)).thoughts
    assert thought.thought.words == (THOUGHT,) and thought.thought.missing is None
    assert (thought.evidence_for.missing, thought.evidence_against.missing) == ("unfilled", "none")
    assert (thought.belief.before.value, thought.belief.after.missing) == (85, "declined")
    assert (thought.feeling.name, thought.feeling.after.missing) == ("scared", "not_reached")
    assert (thought.balanced.missing, thought.status, thought.rounds) == ("unfilled", "unresolved", 2)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_kind_of_thought_is_named_and_explained(database: Database, language: Any) -> None:
    (thought,) = sheet_of(kept(database, *WORKED), language).thoughts
    known = distortions(language)["catastrophizing"]
    assert (thought.kind, thought.kind_name, thought.kind_means) == ("catastrophizing", known.name, known.means)
    strange = note("core_beliefs", entry("core_belief", "x", name="moonstruck"))
    (thought,) = sheet_of(kept(database, strange), language).thoughts
    assert (thought.kind_name, thought.kind_means) == ("moonstruck", "")


@pytest.mark.parametrize(
    ("counselor", "client_model", "person", "made"),
    [
        ("plain@offline", OFFLINE, False, "both"),
        ("plain@openai/x", OFFLINE, False, "client"),
        ("plain@offline", "openai/x", False, "counselor"),
        ("plain@openai/x", "openai/x", False, ""),
        ("plain@offline", OFFLINE, True, "counselor"),
    ],
)
def test_it_says_whose_words_rules_made(
    database: Database, counselor: str, client_model: str, person: bool, made: str
) -> None:
    sheet = sheet_of(kept(database, *WORKED, counselor=counselor, client_model=client_model, person=person))
    text = read(sheet).text
    assert (sheet.offline, sheet.person) == (made, person)
    for each, said in words("en")["offline"].items():
        assert (said in text) == (each == made)
        assert (said in worksheet_markdown(sheet)) == (each == made)
    assert (words("en")["person"] in text) == person == (words("en")["simulated_why"] not in text)


def test_feelings_of_the_whole_session_stand_together(database: Database) -> None:
    whole = (
        note(None, entry("emotion_before", channel=None, name="scared", value=80)),
        note(None, entry("emotion_before", channel=None, name="sad", value=50)),
        note(None, entry("emotion_after", channel=None, name="scared", value=30)),
    )
    sheet = sheet_of(kept(database, OPENED, *whole))
    feelings = [(each.name, each.before.value, each.after.value) for each in sheet.feelings]
    assert feelings == [("scared", 80, 30), ("sad", 50, None)]
    assert sheet.feelings[1].after.missing == "unfilled"
    assert words("en")["feelings"] in read(sheet).text
    assert words("en")["feelings"] not in read(sheet_of(kept(database, OPENED))).text


@pytest.mark.parametrize("left", EXITS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_why_the_work_ended_early_is_told(database: Database, left: Any, language: Any) -> None:
    sheet = sheet_of(kept(database, OPENED, note(None, exit=left)), language)
    assert words(language)["exits"][left] in read(sheet).text
    assert words(language)["exits"][left] in worksheet_markdown(sheet)


# Both written formats


def written(sheet: Sheet) -> dict[str, str]:
    """What a reader of each format sees: the page's text, and the Markdown's text once it is rendered."""
    rendered = MarkdownIt("commonmark").render(worksheet_markdown(sheet))
    return {"html": read(sheet).text, "markdown": Reader(rendered).text}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("notes", [WORKED, HELD_FAST, (OPENED,)])
def test_every_format_shows_the_whole_record(database: Database, language: Any, notes: Sequence[Note]) -> None:
    sheet = sheet_of(kept(database, *notes, name="Ruth Ambler"), language)
    t, (thought,) = words(language), sheet.thoughts
    assert thought.situation is not None
    fields = (thought.situation, thought.thought, thought.evidence_for, thought.evidence_against, thought.balanced)
    levels = (thought.belief.before, thought.belief.after, thought.feeling.before, thought.feeling.after)
    shown = ["Ruth Ambler", "career-01", sheet.counselor, sheet.session, disclaimer(language), t["simulated"]]
    shown += [word for field in fields for word in field.words]
    shown += [t["missing"][each.missing] for each in (*fields, *levels) if each.missing]
    shown += [f"{each.value:g}/100" for each in levels if each.value is not None]
    shown += [thought.kind_name, thought.kind_means, t["status"][thought.status], thought.feeling.name]
    shown += [value for key, value in t["blank"].items() if key != "title"]
    shown += [kind.name for kind in distortions(language).values()]
    for name, text in written(sheet).items():
        assert [each for each in shown if each not in text] == [], name


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_well_formed_and_loads_nothing(database: Database, language: Any) -> None:
    page = worksheet_page(sheet_of(kept(database, *WORKED), language))
    seen = Reader(page)
    assert (seen.faults, seen.open) == ([], [])
    assert {tag for tag, _ in seen.tags}.isdisjoint({"script", "img", "link", "iframe", "form"})
    assert "http" not in re.sub(r'http-equiv="[^"]*"', "", page)
    policy = next(named["content"] for tag, named in seen.tags if tag == "meta" and "http-equiv" in named)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_the_bars_are_as_long_as_the_strengths(database: Database) -> None:
    odd = note(
        "core_beliefs", entry("core_belief", "x"), entry("belief_before", value=180), entry("belief_after", value=-3)
    )
    for notes, widths in ((WORKED, ["85", "35", "80", "42.5"]), ((odd,), ["100", "0"])):
        seen = read(sheet_of(kept(database, *notes)))
        assert [named["width"] for tag, named in seen.tags if tag == "rect" and named["class"] == "fill"] == widths


def test_foreign_words_are_marked_as_such_and_never_translated(database: Database) -> None:
    held = kept(database, *WORKED)
    own, other = read(sheet_of(held)), read(sheet_of(held, "zh"))
    assert [named.get("lang") for tag, named in other.tags if tag in ("html", "q")][:2] == ["zh-CN", "en"]
    assert {named.get("lang") for tag, named in own.tags if tag == "q"} == {None}
    assert own.quotes == other.quotes


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_two_languages_have_the_same_texts(language: str) -> None:
    def shape(tree: Any) -> Any:
        if isinstance(tree, dict):
            return {key: shape(value) for key, value in tree.items()}
        return sorted(re.findall(r"\{\w+\}", tree))

    assert shape(words(language)) == shape(words("en"))


HOSTILE = (
    "<script>alert(1)</script>",
    "</q></div><img src=x onerror=alert(1)>",
    "# no heading",
    "- no bullet",
    "1. no number",
    "| a | b |\n|---|---|\n| c | d |",
    "a *star* and __line__ and `tick` and ~~struck~~",
    "[link](javascript:alert(1)) ![image](x) <http://x.example>",
    "> no quote\n\n---\n\n    no code",
    "\\*kept backslash\\",
    "{{ 7 * 7 }} {% raw %} {name} &lt; &amp; %s",
    "```\nfence",
    "\u202eright to left\u202c and \u2028 separator",
    "=cmd()",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_stay_words(database: Database, text: str) -> None:
    def said(words: str) -> Sheet:
        return sheet_of(
            kept(
                database,
                note(
                    "core_beliefs",
                    entry("situation", words, None),
                    entry("core_belief", words, name=words),
                    entry("emotion_before", name=words, value=5),
                    entry("evidence_for", words),
                    entry("evidence_against", words),
                    entry("balanced_thought", words),
                ),
                name=words,
            )
        )

    bad, good = said(text), said("ordinary")
    page, plain = read(bad), read(good)
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in plain.tags]
    assert page.faults == [] and set(page.quotes) == {text}
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    marked, unmarked = (parser.render(worksheet_markdown(sheet)) for sheet in (bad, good))
    assert [tag for tag, _ in Reader(marked).tags] == [tag for tag, _ in Reader(unmarked).tags]
    assert Reader(marked).text.count(" ".join(text.split())) == Reader(unmarked).text.count("ordinary")


def test_escaping_keeps_ordinary_words_as_they_are() -> None:
    assert escaped("I said: no! (really) - 3.5 times, 100%.") == "I said: no! (really) - 3.5 times, 100%."
    assert escaped("2. second") == "2\\. second"


def test_half_a_character_does_not_break_a_file(database: Database) -> None:
    sheet = sheet_of(kept(database, *WORKED[:1], note("defense", entry("evidence_for", "half \ud83d of one"))))
    for text in (worksheet_page(sheet), worksheet_markdown(sheet)):
        assert "half \ufffd of one" in text and text.encode()


def test_the_sheet_as_json_reads_back_equal(database: Database) -> None:
    sheet = sheet_of(kept(database, *WORKED))
    assert Sheet.model_validate_json(sheet.model_dump_json()) == sheet
    assert json.loads(sheet.model_dump_json())["thoughts"][0]["evidence_for"]["words"] == list(FOR)


AT_THE_END = note(None, entry("belief_end", value=27), entry("emotion_after", name="scared", value=30, channel=None))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_belief_at_the_end_stands_beside_before_and_after(database: Database, language: Any) -> None:
    sheet = sheet_of(kept(database, *WORKED, AT_THE_END), language)
    belief = sheet.thoughts[0].belief
    assert belief.end and (belief.before.value, belief.after.value, belief.end.value) == (85, 35, 27)
    label = {"en": "At the end", "zh": "收尾时"}[language]
    assert label in worksheet_page(sheet) and ">27<" in worksheet_page(sheet)
    assert re.search(rf"{label}.*27/100", worksheet_markdown(sheet))
    unasked = sheet_of(kept(database, *WORKED, name="x"), language)
    assert unasked.thoughts[0].belief.end is None
    assert label not in worksheet_page(unasked) and label not in worksheet_markdown(unasked)


def test_a_belief_asked_at_the_end_without_an_answer_says_why(database: Database) -> None:
    sheet = sheet_of(kept(database, *WORKED, note(None, entry("belief_end", status="unfilled"))))
    end = sheet.thoughts[0].belief.end
    assert end and end.missing == "unfilled"


@pytest.mark.parametrize("place", ["/srv/xhome/xmodels/small-7b", "~/xhome/xmodels/small-7b/"])
def test_a_models_folder_does_not_stand_on_the_sheet(database: Database, place: str) -> None:
    sheet = sheet_of(kept(database, *WORKED, counselor=f"plain:psycho@local/{place}"))
    assert sheet.counselor == "plain:psycho@local/small-7b"
    for text in (worksheet_page(sheet), worksheet_markdown(sheet), sheet.model_dump_json()):
        assert "xhome" not in text and "xmodels" not in text
