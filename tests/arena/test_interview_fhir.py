import copy
import json
from typing import Any

import pytest
from interview_fixture import RISK, Held, all_no, low_mood, stopped

from agents.counselors.magi.diagnosis import Override
from agents.counselors.magi.state import Mention
from arena.interview.fhir import bundle, questionnaire, response, validated
from arena.interview.fhir_lint import bundle_faults, enabled, questionnaire_faults, response_faults, value_of
from profiles.errors import UserError
from profiles.interviews import load_instrument
from profiles.vocabulary import LANGUAGES

ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
OWN = "urn:counsel-arena:interview"
INTERVIEWS = [all_no, low_mood, stopped]


def items(resource: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}

    def visit(part: list[dict[str, Any]]) -> None:
        for item in part:
            found[item["linkId"]] = item
            visit(item.get("item", []))

    visit(resource.get("item", []))
    return found


def answer(held: Held, name: str) -> dict[str, Any]:
    return items(response(*held.parts()))[name]["answer"][0]


def extension(element: dict[str, Any], name: str) -> dict[str, Any] | None:
    return next((each for each in element.get("extension", ()) if each["url"] in (name, f"{OWN}:{name}")), None)


def opened(form: dict[str, Any], **codes: str) -> set[str]:
    """What is enabled once the risk questions were answered so; the underscore is a point."""
    given = {
        name.replace("_", ".", 1): [{"valueCoding": {"system": "urn:counsel-arena:verdict", "code": code}}]
        for name, code in codes.items()
    }
    return enabled(form, given)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_shipped_tree_becomes_a_questionnaire_without_faults(language):
    instrument = load_instrument(language)
    form = questionnaire(instrument)
    assert questionnaire_faults(form) == []
    known = items(form)
    assert set(instrument.variables) <= set(known)
    assert [group["linkId"] for group in form["item"]][: len(instrument.modules)] == [m.id for m in instrument.modules]
    assert form["version"].endswith(instrument.hash)


def test_items_have_the_type_that_their_variable_needs():
    known = items(questionnaire(load_instrument("en")))
    assert known["dep.mood"]["type"] == "boolean"
    assert known["dep.duration"]["type"] == "quantity"
    codes = [option["valueCoding"]["code"] for option in known["sui.passive"]["answerOption"]]
    assert (known["sui.passive"]["type"], codes) == ("choice", ["met", "not_met", "unknown", "refused"])
    assert known["dep.death_suicide"]["readOnly"]
    assert (known["dep.count"]["type"], known["dep.count"]["readOnly"]) == ("integer", True)
    assert "calculatedExpression" in known["dep.count"]["extension"][0]["url"]


@pytest.mark.parametrize("code", ["met", "unknown", "refused"])
@pytest.mark.parametrize("name", RISK)
def test_any_risk_answer_but_a_plain_no_opens_the_question_about_danger_now(name, code):
    form = questionnaire(load_instrument("en"))
    assert "sui.now" in opened(form, **{name.replace(".", "_"): code})


def test_plain_noes_and_silence_open_no_follow_up():
    form = questionnaire(load_instrument("en"))
    assert "sui.now" not in opened(form)
    assert "sui.now" not in opened(form, **{name.replace(".", "_"): "not_met" for name in RISK})


@pytest.mark.parametrize(
    ("active", "now", "asked"),
    [("met", "not_met", True), ("refused", "not_met", True), ("not_met", "not_met", False), ("met", "unknown", False)],
)
def test_a_plan_is_asked_about_only_with_thoughts_and_no_danger_now(active, now, asked):
    form = questionnaire(load_instrument("en"))
    assert ("sui.plan" in opened(form, sui_active=active, sui_now=now, sui_passive="met")) is asked


def test_a_module_stays_open_until_its_gate_is_ruled_out():
    form = questionnaire(load_instrument("en"))
    no, declined = [{"valueBoolean": False}], [{"extension": [{"url": ABSENT, "valueCode": "asked-declined"}]}]
    assert "dep.sleep" in enabled(form, {})
    assert "dep.sleep" in enabled(form, {"dep.mood": no, "dep.anhedonia": declined})
    assert "dep.sleep" not in enabled(form, {"dep.mood": no, "dep.anhedonia": no})


def test_what_modules_share_is_open_while_one_of_them_is():
    form = questionnaire(load_instrument("en"))
    no = [{"valueBoolean": False}]
    closed = {"dep.mood": no, "dep.anhedonia": no, "gad.excessive_worry": no}
    assert "shared.substance" in enabled(form, closed)
    assert "shared.substance" not in enabled(form, {**closed, "sad.scrutiny": no})


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("make", INTERVIEWS)
def test_an_export_passes_its_own_checks_and_is_plain_json(make, language):
    made = bundle(*make(language).parts())
    assert bundle_faults(made) == []
    assert json.loads(json.dumps(made)) == made


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("make", INTERVIEWS)
def test_an_export_passes_fhir_resources(make, language):
    pytest.importorskip("fhir.resources")
    held = make(language)
    held.overrides = {"dep.mood": Override(verdict="unknown", reason="", at="2026-03-02T10:00:00")}
    validated(bundle(*held.parts()))


def test_a_broken_bundle_is_named_in_one_line():
    pytest.importorskip("fhir.resources")
    made = bundle(*all_no().parts())
    made["entry"][1]["resource"]["status"] = ["x"]
    with pytest.raises(UserError, match=r"^FHIR: .*status") as raised:
        validated(made)
    assert "\n" not in str(raised.value)


def test_without_the_package_the_remedy_is_said():
    try:
        import fhir.resources  # noqa: F401
    except ImportError:
        with pytest.raises(UserError, match=r"install counsel-arena\[fhir\]"):
            validated({})
    else:
        pytest.skip("fhir.resources is installed")


def test_the_same_interview_gives_the_same_export():
    assert bundle(*low_mood().parts()) == bundle(*low_mood().parts())


def test_yes_and_no_are_booleans_and_a_duration_is_the_time_named():
    held = low_mood()
    assert answer(held, "dep.mood")["valueBoolean"] is True
    assert answer(held, "dep.psychomotor")["valueBoolean"] is False
    quantity = answer(held, "dep.duration")["valueQuantity"]
    assert (quantity["value"], quantity["code"]) == (6, "wk")
    assert answer(held, "dep.count")["valueInteger"] == 6
    assert answer(held, "dep-result")["valueCoding"]["code"] == "dep.depressive_episode"
    assert answer(held, "sui-result")["valueCoding"]["code"] == "not_met"


@pytest.mark.parametrize(("verdict", "sign"), [("met", ">="), ("not_met", "<")])
def test_a_duration_without_a_number_is_told_against_its_threshold(verdict, sign):
    quantity = answer(Held().yes("dep.mood").ask("dep.duration", verdict, "Yes, sure."), "dep.duration")[
        "valueQuantity"
    ]
    assert (quantity["comparator"], quantity["value"], quantity["code"]) == (sign, 2, "wk")


@pytest.mark.parametrize(("verdict", "code"), [("unknown", "asked-unknown"), ("refused", "asked-declined")])
def test_no_answer_has_a_reason_and_no_value(verdict, code):
    held = Held().yes("dep.mood").ask("dep.sleep", verdict, "Who can say.").ask("dep.duration", verdict, "Hm.")
    for name in ("dep.sleep", "dep.duration"):
        given = answer(held, name)
        assert value_of(given) is None
        assert extension(given, ABSENT)["valueCode"] == code
        assert extension(given, "verdict")["valueCode"] == verdict


def test_an_open_risk_answer_is_a_code_that_programs_cannot_take_for_a_no():
    assert answer(stopped(), "sui.now")["valueCoding"]["code"] == "refused"
    assert extension(answer(stopped(), "sui.now"), ABSENT) is None


def test_the_clients_words_and_what_speaks_against_them_travel_along():
    said = Mention(variable="dep.sleep", verdict="met", quote="awake", turn=1, span=(6, 11))
    held = Held().yes("dep.mood").ask("dep.sleep", "not_met", "I sleep well, thanks.", "I sleep well", counter=(said,))
    given = answer(held, "dep.sleep")
    told = {each["url"]: value_of(each) for each in extension(given, "evidence")["extension"]}
    assert told == {"quote": "I sleep well", "turn": 3, "start": 0, "end": 12}
    assert value_of(extension(given, "counter-evidence")["extension"][0]) == "awake"


def test_only_an_interview_that_came_to_its_end_is_completed():
    assert response(*all_no().parts())["status"] == "completed"
    assert response(*low_mood().parts())["status"] == "completed"
    assert response(*stopped().parts())["status"] == "stopped"


def test_an_interview_that_ran_out_of_time_or_broke_off_is_stopped():
    hurried = Held().yes("dep.mood").no(*RISK).end()
    assert response(*hurried.parts())["status"] == "stopped"
    broken = all_no()
    broken.status = "failed"
    assert response(*broken.parts())["status"] == "stopped"
    without_summary = all_no()
    without_summary.turns.pop()
    assert response(*without_summary.parts())["status"] == "stopped"
    in_crisis = all_no()
    in_crisis.say("Help is near.", {"kind": "alert"}, "alerted")
    assert response(*in_crisis.parts())["status"] == "stopped"


def test_it_is_marked_as_asserted_by_an_ai_about_nobody_real():
    filled = response(*low_mood().parts())
    assert [each["code"] for each in filled["meta"]["security"]] == ["AIAST"]
    assert [each["code"] for each in filled["meta"]["tag"]] == ["HTEST"]
    assert "simulation" in filled["subject"]["display"]
    assert "screening for review by a clinician" in filled["text"]["div"]
    assert "not by a large language model" in filled["text"]["div"]


def test_an_interview_by_a_model_is_not_called_made_by_rules():
    held = low_mood()
    held.model = "openai/demo"
    for turn in held.turns:
        turn.notes.get("interview", {}).get("judgment", {}).pop("call", None)
    filled = response(*held.parts())
    assert "language model" not in filled["text"]["div"]
    assert "openai/demo" in filled["author"]["display"]


def test_a_clinicians_verdict_is_the_answer_and_the_machines_stays_beside_it():
    held = low_mood()
    at = "2026-03-02T10:00:00+08:00"
    held.overrides = {"dep.sleep": Override(verdict="not_met", reason="works nights", by="Dr Osei", at=at)}
    made = bundle(*held.parts())
    filled = made["entry"][1]["resource"]
    given = items(filled)["dep.sleep"]["answer"][0]
    assert given["valueBoolean"] is False
    assert extension(given, "machine-verdict")["valueCode"] == "met"
    assert extension(given, "override-reason")["valueString"] == "works nights"
    assert [each["code"] for each in filled["meta"]["security"]] == ["CLINAST_AIRPT"]
    assert items(filled)["dep.count"]["answer"][0]["valueInteger"] == 5
    proof = next(e["resource"] for e in made["entry"] if e["resource"]["id"] == "provenance-dep.sleep")
    assert [agent["who"]["display"] for agent in proof["agent"]][-1] == "Dr Osei"
    assert (proof["reason"][0]["text"], proof["recorded"]) == ("works nights", at)
    assert bundle_faults(made) == []


def test_answers_whose_question_fell_away_are_kept_but_not_as_answers():
    held = low_mood()
    held.overrides = {name: Override(verdict="not_met", reason="no") for name in ("dep.mood", "dep.anhedonia")}
    made = bundle(*held.parts())
    filled = made["entry"][1]["resource"]
    assert "dep.sleep" not in items(filled)
    aside = [value_of(each["extension"][0]) for each in filled["extension"] if each["url"] == f"{OWN}:set-aside"]
    assert "dep.sleep" in aside
    assert bundle_faults(made) == []


def test_danger_asked_about_because_of_what_was_said_is_an_answer():
    held = Held().yes("dep.mood").ask("sui.now", "met", "Yes. Now.", act={"kind": "alert"}).end("ended")
    assert answer(held, "sui.now")["valueCoding"]["code"] == "met"
    assert answer(held, "sui.now-due")["valueBoolean"] is True
    assert bundle_faults(bundle(*held.parts())) == []


def test_every_answer_has_a_provenance_with_its_question_model_and_prompt():
    made = bundle(*Held(model="openai/demo").yes("dep.mood", "dep.sleep").no(*RISK).end().parts())
    elements = {a["id"] for item in items(made["entry"][1]["resource"]).values() for a in item.get("answer", ())}
    proofs = [entry["resource"] for entry in made["entry"][2:]]
    targets = [target["extension"][0]["valueUri"] for proof in proofs for target in proof["target"]]
    assert sorted(targets) == sorted(elements)
    sleep = next(proof for proof in proofs if proof["id"] == "provenance-dep.sleep")
    assert "openai/demo" in sleep["agent"][0]["who"]["display"]
    shown = [entity["what"].get("display", "") for entity in sleep["entity"]]
    assert load_instrument("en").variables["dep.sleep"].ask[0] in shown[0]
    assert any(e["what"].get("identifier", {}).get("value") == "0123456789ab" for e in sleep["entity"])


def test_a_models_folder_does_not_travel_along():
    made = json.dumps(bundle(*Held(model="local//srv/xhome/small-7b").yes("dep.mood").no(*RISK).end().parts()))
    assert "local/small-7b" in made and "xhome" not in made


def test_hostile_words_stay_text():
    held = Held(name="<script>x</script>").ask("dep.mood", "met", 'Yes "</div><script>alert(1)</script> & {name}')
    made = bundle(*held.parts())
    assert bundle_faults(made) == []
    assert "<script>" not in made["entry"][1]["resource"]["text"]["div"]
    assert "{name}" in json.dumps(made)


def test_characters_that_fhir_forbids_are_replaced_one_for_one():
    given = answer(Held().ask("dep.mood", "met", "ye\x00s\n"), "dep.mood")
    assert value_of(extension(given, "evidence")["extension"][0]) == "ye\ufffds\n"


def test_an_interview_without_answers_can_be_exported():
    made = bundle(*Held().parts())
    assert bundle_faults(made) == []
    assert made["entry"][1]["resource"]["status"] == "stopped"


def faulty(change: Any) -> list[str]:
    form = copy.deepcopy(questionnaire(load_instrument("en")))
    change(items(form))
    return questionnaire_faults(form)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda known: known["sui.now"]["enableWhen"][0].update(operator="~"), "operator ~"),
        (lambda known: known["sui.now"].pop("enableBehavior"), "enableBehavior"),
        (lambda known: known["sui.now"]["enableWhen"][0].update(question="nowhere"), "nowhere, which does not come"),
        (lambda known: known["dep-body"]["enableWhen"][0].update(question="sui.passive"), "does not come before"),
        (lambda known: known["sui.now"]["enableWhen"][0].update(operator="exists"), "exists needs a boolean"),
        (lambda known: known["sui.now"]["enableWhen"][0].pop("answerCoding"), "has no answer"),
        (lambda known: known["dep-body"]["enableWhen"][0].update(question="dep"), "another type"),
        (
            lambda known: known["sui.now"].update(extension=[{"url": "urn:x:sdc-questionnaire-enableWhenExpression"}]),
            "together with enableWhenExpression",
        ),
        (lambda known: known["dep"].update(item=[]), "a group without items"),
        (lambda known: known["sui"].update(type="display"), "a display with items"),
        (lambda known: known["dep.sleep"].update(linkId="dep.mood"), "linkId stands twice"),
        (lambda known: known["sui.now"].update(answerOption=[]), "without options"),
    ],
)
def test_the_linter_sees_a_broken_questionnaire(change, fault):
    found = faulty(change)
    assert any(fault in line for line in found), found


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda known: known["dep.mood"].update(linkId="dep.nothing"), "not in the questionnaire"),
        (lambda known: known["dep.mood"].update(linkId="dep.anhedonia"), "stands twice"),
        (lambda known: known["dep.mood"].update(linkId="sad.scrutiny"), "not in its group"),
        (lambda known: known["dep"]["item"].reverse(), "out of order"),
        (lambda known: known["dep.mood"].update(answer=[{"valueString": "yes"}]), "in an item of type boolean"),
        (lambda known: known["dep.mood"].update(answer=[{"id": "x"}]), "neither a value nor a reason"),
        (
            lambda known: known["dep.mood"]["answer"][0].update(
                extension=[{"url": ABSENT, "valueCode": "asked-unknown"}]
            ),
            "a value, and a reason",
        ),
        (lambda known: known["sui.passive"]["answer"][0]["valueCoding"].update(code="maybe"), "among the options"),
        (lambda known: known["sui.passive"].pop("answer"), "completed without this answer"),
        (
            lambda known: [
                known[name]["answer"][0].update(valueBoolean=False) for name in ("dep.mood", "dep.anhedonia")
            ],
            "has an answer but is disabled",
        ),
    ],
)
def test_the_linter_sees_broken_answers(change, fault):
    held = low_mood()
    filled = response(*held.parts())
    change(items(filled))
    found = response_faults(questionnaire(held.instrument), filled)
    assert any(fault in line for line in found), found


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda made: made["entry"].pop(0), "must hold one Questionnaire"),
        (lambda made: made["entry"][1]["resource"].update(questionnaire="urn:other|1"), "belong to urn:other"),
        (lambda made: made["entry"][2]["resource"]["target"][0].update(reference="urn:uuid:0"), "not in the bundle"),
        (
            lambda made: made["entry"][2]["resource"]["target"][0]["extension"][0].update(valueUri="answer-x"),
            "answer-x is not in the answers",
        ),
    ],
)
def test_the_linter_sees_a_broken_bundle(change, fault):
    made = bundle(*low_mood().parts())
    change(made)
    found = bundle_faults(made)
    assert any(fault in line for line in found), found


def test_conditions_compare_numbers_and_quantities():
    weeks = {"system": "http://unitsofmeasure.org", "code": "wk", "unit": "weeks"}
    form = {
        "item": [
            {"linkId": "n", "type": "integer"},
            {"linkId": "q", "type": "quantity"},
            {
                "linkId": "many",
                "type": "boolean",
                "enableWhen": [{"question": "n", "operator": ">=", "answerInteger": 5}],
            },
            {
                "linkId": "long",
                "type": "boolean",
                "enableWhen": [{"question": "q", "operator": "<", "answerQuantity": {**weeks, "value": 2}}],
            },
        ]
    }
    assert questionnaire_faults(form) == []
    assert enabled(form, {"n": [{"valueInteger": 5}]}) == {"n", "q", "many"}
    assert enabled(form, {"n": [{"valueInteger": 4}], "q": [{"valueQuantity": {**weeks, "value": 1}}]}) == {
        "n",
        "q",
        "long",
    }
    assert "long" not in enabled(form, {"q": [{"valueQuantity": {"code": "d", "value": 1}}]})
