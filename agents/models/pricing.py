"""What calls cost, from the kept price list of ``genai-prices``; a model that it does not know costs "unknown"."""

from __future__ import annotations

from decimal import Decimal

from agents.dialogue import Usage
from agents.models.base import OFFLINE


def cost(spec: str, usage: Usage) -> Decimal | None:
    """US dollars for this usage, or None where no price is known. The offline engine costs nothing.

    Args:
        spec: the model's address, e.g. ``openai/<id>``.
        usage: tokens; a cached token is counted at its own price.
    """
    provider, _, model_id = spec.partition("/")
    if spec == OFFLINE:
        return Decimal(0)
    if usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    import genai_prices

    tokens = genai_prices.Usage(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        cache_read_tokens=usage.cached_tokens,
    )
    try:
        return Decimal(genai_prices.calc_price(tokens, model_ref=model_id, provider_id=provider).total_price)
    except (LookupError, ValueError):  # an unknown model; counts that cannot be, such as more cached than sent
        return None
