"""What a call cost, by the published prices of the package `genai-prices` (extra `watch`)."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from pisama.trace import Usage


@cache
def can_price() -> bool:
    """Whether prices are known at all."""
    return find_spec("genai_prices") is not None


def price_of(usage: Usage, model: str | None, provider: str) -> float | None:
    """USD that these tokens cost; None when they or their price are not known. Looks at no network."""
    if not can_price() or not model or usage.input_tokens is None:
        return None
    from genai_prices import Usage as Priced
    from genai_prices import calc_price

    tokens = Priced(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_tokens,
    )
    try:
        return float(calc_price(tokens, model_ref=model, provider_id=_KNOWN.get(provider)).total_price)
    except (LookupError, ValueError):
        return None


_KNOWN = {"openai": "openai", "anthropic": "anthropic", "gemini": "google", "azure": "azure"}
"""Ids of the providers there; others are told by the model."""
