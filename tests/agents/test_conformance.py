"""What every speaker must do, ours and strangers' alike: one test per kind, run over whatever is found."""

from __future__ import annotations

import pytest

from agents.models.offline import OfflineModel, collect_rules
from agents.models.providers import known_providers
from agents.registry import find_plugin, plugins
from agents.roles import Plugin, Setup
from arena.api import RULE_PACKAGES
from arena.session import SessionSpec, Transcript, build_graph, cast, run_session
from profiles.errors import UserError
from profiles.library import select
from profiles.vocabulary import LANGUAGES, Language

MODEL = OfflineModel(collect_rules(RULE_PACKAGES))


def seats(role: str) -> list[tuple[Plugin, str]]:
    found = plugins(role).values()  # type: ignore[arg-type]
    return [(plugin, variant) for plugin in found if not plugin.human for variant in plugin.variants or ("",)]


async def talk(client: Plugin, counselor: Plugin, variant: str, language: Language) -> Transcript:
    setup = Setup(language=language, model=MODEL, variant=variant)
    profile = select("love-01", language)[0]
    spec = SessionSpec(id="x", profile=profile, language=language, rounds=4, seed=3, greeting="Hello.")
    players = cast(spec, client.build(Setup(language=language, model=MODEL)), counselor.build(setup))
    return await run_session(players, build_graph())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("counselor", "variant"), seats("counselor"), ids=lambda item: getattr(item, "name", item))
async def test_every_counselor(counselor: Plugin, variant: str, language: Language) -> None:
    client = find_plugin("client", "dynamic")
    first, second = [await talk(client, counselor, variant, language) for _ in range(2)]
    assert first == second
    assert first.end.reason == "rounds" and len(first.turns) == 9
    assert all(turn.text.strip() for turn in first.turns)
    assert counselor.summary and counselor.role == "counselor"
    assert Transcript.model_validate_json(first.model_dump_json()) == first


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("client", "variant"), seats("client"), ids=lambda item: getattr(item, "name", item))
async def test_every_client(client: Plugin, variant: str, language: Language) -> None:
    counselor = find_plugin("counselor", "plain")
    first, second = [await talk(client, counselor, "psycho", language) for _ in range(2)]
    assert first == second
    said = [turn.text for turn in first.turns if turn.speaker == "client"]
    assert len(set(said)) == 4


@pytest.mark.parametrize("role", ["client", "counselor"])
def test_a_speaker_s_state_is_a_value_that_round_trips(role: str) -> None:
    from agents.roles import Brief

    profile = select("love-01", "en")[0] if role == "client" else None
    for plugin, variant in seats(role):
        speaker = plugin.build(Setup(language="en", model=MODEL, variant=variant))
        state = speaker.begin(Brief(language="en", rounds=5, seed=1, intake="x", profile=profile))
        assert type(state).model_validate_json(state.model_dump_json()) == state


def test_the_promised_speakers_are_there() -> None:
    assert {"plain", "human", "echo", "advice_only", "flatterer", "hotline_only"} <= set(plugins("counselor"))
    assert {"dynamic", "cooperative", "human"} <= set(plugins("client"))
    assert {name for name, plugin in plugins("counselor").items() if plugin.control} == {
        "echo",
        "advice_only",
        "flatterer",
        "hotline_only",
    }
    assert known_providers() == ["local/<id>", "offline", "openai/<id>", "vllm/<id>"]


def test_an_unknown_name_brings_the_nearest_one() -> None:
    with pytest.raises(UserError, match="did you mean 'flatterer'"):
        find_plugin("counselor", "flaterer")
    with pytest.raises(UserError, match="known:"):
        find_plugin("client", "zzzz")
