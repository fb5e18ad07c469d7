"""The ground that all HTML pages stand on: templates that escape every text and fail where a name is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

__all__ = ["page_environment"]


def page_environment(package: str = "arena", /, **filters: Callable[..., Any]) -> Environment:
    """The templates of a package with these filters, and ``fill``, which puts values into a sentence's places."""
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["fill"] = lambda text, **values: text.format(**values)
    environment.filters.update(filters)
    return environment
