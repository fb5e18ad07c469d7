"""What a person in crisis is shown, and the sentence that travels with every page, report and export."""

from __future__ import annotations

from profiles.safety import load_crisis_text
from profiles.vocabulary import Language

__all__ = ["crisis_text", "disclaimer"]


def crisis_text(language: Language) -> str:
    """Paragraphs of plain text and one ``- `` line for each public help line."""
    content = load_crisis_text()
    lines = sorted(content.lines, key=lambda line: line.shown_first_in != language)
    form = content.line.of(language)
    shown = [form.format(region=at.region.of(language), name=at.name.of(language), number=at.number) for at in lines]
    listed = "\n".join([content.lines_title.of(language), *shown])
    return "\n\n".join([content.message.of(language).strip(), listed, content.check_locally.of(language).strip()])


def disclaimer(language: Language) -> str:
    """That this is simulation and screening for review, and no medical device."""
    return load_crisis_text().disclaimer.of(language)
