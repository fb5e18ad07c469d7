"""The numbers an offline client gives: how far it believes a thought, and how strong a feeling is."""

from __future__ import annotations

import random
import re

from agents.clients.weighing_hearing import Asked
from agents.clients.weighing_setting import Setting
from agents.clients.weighing_thoughts import voiced_in
from profiles.schema import Profile, Thought

__all__ = ["rating"]

_PLACE = re.compile(r"\\\{(\w+)\\\}")  # a place to fill in an escaped wording
_STEP = 5  # people give round numbers
_LOWER = 15  # points of belief below those on arrival from which a client remarks on it


def rating(setting: Setting, asked: Asked, thought: Thought | None, chance: random.Random) -> str | None:
    """The answer to a question for numbers; None where the card has nothing to rate."""
    kinds = set(asked.kinds)
    wants_feeling = "rate_feeling" in kinds or (thought is None and "rate" in kinds)
    wants_belief = thought is not None and ("rate_belief" in kinds or ("rate" in kinds and not wants_feeling))
    name = _feeling(setting.profile, setting) if wants_feeling else ""
    if wants_belief and thought is not None:
        belief = setting.beliefs.get(thought.id, float(thought.strength))
        lower = thought.strength - belief >= _LOWER and _weighed(thought, setting)
        kind = "both" if name else "belief_lower" if lower else "belief"
        return _worded(setting, kind, belief, name, asked.top, chance)
    return _worded(setting, "feeling" if name else "distress", 0.0, name, asked.top, chance) if wants_feeling else None


def _weighed(thought: Thought, setting: Setting) -> bool:
    voiced = voiced_in(setting.said, setting.profile)
    return f"{thought.id}.against" in voiced or f"{thought.id}.balanced" in voiced


def _feeling(profile: Profile, setting: Setting) -> str:
    """The feeling the question names, else the one the client named last, else the first of the card."""
    asked = [name for name in profile.feelings if name in setting.heard.lower()]
    named = sorted((setting.said.lower().rfind(name), place, name) for place, name in enumerate(profile.feelings))
    if asked:
        return asked[-1]
    return named[-1][2] if named and named[-1][0] >= 0 else next(iter(profile.feelings), "")


def _worded(setting: Setting, kind: str, belief: float, feeling: str, top: int, chance: random.Random) -> str:
    """The numbers in a wording not yet used; in one used with other numbers, if there is no other."""
    phrases, style = setting.phrases, setting.profile.response_style
    styled = f"weighing.ratings.{style}.{kind}"
    values = {"belief": _number(belief, top), "feeling": _number(setting.levels["distress"] * 10, top), "top": top}
    own = phrases.lines(styled) if phrases.has(styled) else ()
    groups = [own, phrases.lines(f"weighing.ratings.{kind}")]
    unused = [[line for line in lines if not re.search(_skeleton(line), setting.said)] for lines in groups]
    other = [line for line in groups[1] if _filled(line, values, feeling, setting) not in setting.said]
    lines = next((each for each in (*unused, other) if each), groups[1])
    return _filled(chance.choice(lines), values, feeling, setting)


def _skeleton(line: str) -> str:
    """A pattern that finds a wording whatever its numbers were."""
    return r"(?:^|(?<=\W))" + _PLACE.sub(
        lambda place: r".{1,24}?" if place[1] == "name" else r"\w{1,4}", re.escape(line)
    )


def _number(value: float, top: int) -> int:
    """A value of 0-100 as people say it out of 100 or of 10."""
    return round(value / 10) if top == 10 else _STEP * round(value / _STEP)


def _filled(line: str, values: dict[str, int], feeling: str, setting: Setting) -> str:
    spoken = setting.phrases.mapping("weighing.numbers")
    for name, value in values.items():
        line = line.replace(f"{{{name}}}", str(value)).replace(f"{{{name}_word}}", spoken.get(str(value), str(value)))
    return line.replace("{name}", feeling)
