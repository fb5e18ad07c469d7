"""Prompts: both languages, typed heads, nothing left unfilled, guidance laid over, repair once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from agents.ask import ask
from agents.models.base import ChatReply, ChatRequest, Message
from agents.models.offline import OfflineModel, collect_rules
from agents.prompts import load_prompt
from arena.api import RULE_PACKAGES
from profiles.errors import BadOutput, NoRule, Refused, TooLong, UserError

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path for floor in ("agents", "arena") for path in (ROOT / floor).rglob("prompts/en/*.md"))
HAN = re.compile(r"[\u4e00-\u9fff]")
# Asked only where a server needs it in words, or a first answer could not be read: the engine never does either.
# The second safety reader comes after the rules: rules in its place would only repeat them.
NO_RULE = {"models.repair", "models.schema", "reader.screen"}


class In(BaseModel):
    word: str = "w"


class Out(BaseModel):
    reason: str
    value: int


class Scripted:
    """A model that gives prepared replies."""

    spec = "scripted"

    def __init__(self, *replies: ChatReply | str) -> None:
        self.replies = [ChatReply(text=reply) if isinstance(reply, str) else reply for reply in replies]
        self.asked: list[ChatRequest] = []

    async def generate(self, request: ChatRequest) -> ChatReply:
        self.asked.append(request)
        return self.replies[len(self.asked) - 1]


def head(path: Path) -> dict[str, object]:
    return yaml.safe_load(path.read_text(encoding="utf-8").split("---\n")[1])


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_prompt_stands_in_both_languages_with_one_head(path: Path) -> None:
    chinese = path.parents[1] / "zh" / path.name
    assert head(path) == head(chinese)
    assert not HAN.search(path.read_text(encoding="utf-8"))
    assert HAN.search(chinese.read_text(encoding="utf-8"))
    parts = [re.findall(r"^<!-- (\w+) -->$", p.read_text(encoding="utf-8"), re.MULTILINE) for p in (path, chinese)]
    assert parts[0] == parts[1]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_both_languages_use_the_same_inputs(path: Path) -> None:
    def used(file: Path) -> set[str]:
        return set(re.findall(r"\{[{%][^}%]*?\b([a-z_]+(?:\.[a-z_]+)*)", file.read_text(encoding="utf-8")))

    assert used(path) == used(path.parents[1] / "zh" / path.name)


def test_every_prompt_has_an_offline_rule() -> None:
    rules = collect_rules(RULE_PACKAGES)
    assert {str(head(path)["purpose"]) for path in FILES} - NO_RULE == set(rules)


async def test_a_prompt_without_a_rule_is_refused_by_name() -> None:
    request = ChatRequest(purpose="nobody.knows", inputs=In(), messages=(Message(role="user", content="x"),))
    with pytest.raises(NoRule, match=r"nobody\.knows"):
        await OfflineModel({}).generate(request)


def make_prompt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: type = Out, body: str | None = None):
    folder = tmp_path / "floor_of_tests" / "room"
    (folder / "prompts" / "en").mkdir(parents=True)
    for package in (folder.parent, folder):
        (package / "__init__.py").touch()
    text = body or "<!-- system -->\nKnow {{ word }}.\n<!-- dialogue -->\n<!-- user -->\nNow {{ word }}!\n"
    top = f"---\npurpose: room.it\ninputs: In\noutput: {output.__name__}\nversion: 3\n---\n"
    (folder / "prompts" / "en" / "it.md").write_text(top + text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("floor_of_tests", "floor_of_tests.room"):
        monkeypatch.delitem(__import__("sys").modules, name, raising=False)
    from agents import prompts

    prompts._file.cache_clear()
    return lambda **more: load_prompt("floor_of_tests.room", "it", "en", In, output, **more)


def test_the_dialogue_stands_where_the_prompt_wants_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prompt = make_prompt(tmp_path, monkeypatch)()
    said = [Message(role="assistant", content="a"), Message(role="user", content="b")]
    rendered = prompt.render(In(word="this"), said)
    assert [message.role for message in rendered] == ["system", "assistant", "user"]
    assert rendered[0].content == "Know this." and rendered[-1].content == "b\n\nNow this!"
    assert (prompt.name, prompt.version, len(prompt.hash)) == ("room.it", "3", 12)


def test_guidance_replaces_the_system_part_and_changes_the_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = make_prompt(tmp_path, monkeypatch)
    plain, guided = load(), load(guidance={"room.it": "Be brief about {{ word }}."})
    assert guided.render(In())[0].content == "Be brief about w."
    assert plain.render(In())[-1] == guided.render(In())[-1]
    assert plain.hash != guided.hash


def test_a_misspelt_placeholder_is_an_error_not_an_empty_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prompt = make_prompt(tmp_path, monkeypatch, body="<!-- user -->\n{{ wrod }}\n")()
    with pytest.raises(Exception, match="wrod"):
        prompt.render(In())


def test_a_head_that_names_other_types_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_prompt(tmp_path, monkeypatch)
    with pytest.raises(UserError, match="head"):
        load_prompt("floor_of_tests.room", "it", "en", Out, Out)
    with pytest.raises(UserError, match="zh"):
        load_prompt("floor_of_tests.room", "it", "zh", In, Out)


GOOD = '{"reason": "r", "value": 3}'


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f"Sure, here it is:\n{GOOD}\nBest wishes {{and luck}}",
        f"In the shape {{reason, value}}:\n```json\n{GOOD}\n```",
    ],
)
async def test_json_is_read_wherever_it_stands(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = await ask(Scripted(text), make_prompt(tmp_path, monkeypatch)(), In(), language="en")
    assert answer.value == Out(reason="r", value=3) and answer.call.asked == 1


@pytest.mark.parametrize("around", ["{}", "```json\n{}\n```"])
async def test_three_backticks_in_a_string_are_part_of_it(
    around: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = around.replace("{}", '{"reason": "```picked``` {", "value": 3}')
    answer = await ask(Scripted(text), make_prompt(tmp_path, monkeypatch)(), In(), language="en")
    assert answer.value == Out(reason="```picked``` {", value=3)


@pytest.mark.parametrize(
    "bad", ["no json here", "```json\n{ not so", '{"reason": "r"}', '{"reason": "r", "value": "x"}', '{"reason": ']
)
async def test_one_repair_shows_the_fault_and_then_it_is_an_error(
    bad: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = make_prompt(tmp_path, monkeypatch)()
    model = Scripted(bad, GOOD)
    answer = await ask(model, prompt, In(), language="en")
    assert answer.value.value == 3 and answer.call.asked == 2
    assert model.asked[1].messages[-2] == Message(role="assistant", content=bad)
    assert "could not be used" in model.asked[1].messages[-1].content
    with pytest.raises(BadOutput) as caught:
        await ask(Scripted(bad, bad), prompt, In(), language="en")
    assert caught.value.raw == bad


async def test_refusals_and_cut_answers_have_their_own_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prompt = make_prompt(tmp_path, monkeypatch)()
    with pytest.raises(Refused):
        await ask(Scripted(ChatReply(text="I won't", finish="refused")), prompt, In(), language="en")
    with pytest.raises(TooLong):
        await ask(Scripted(ChatReply(text=" ", finish="length")), prompt, In(), language="en")
    with pytest.raises(BadOutput):
        await ask(Scripted("", ""), prompt, In(), language="en")
