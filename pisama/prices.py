"""What calls of models cost, by the published prices of the package `genai-prices` (extras `watch` and `llm`).

Nothing here looks at the network.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from pisama.trace import Usage

BYTES_PER_TOKEN = 3.2
"""Bytes of UTF-8 that one token stands for, at least: in 99 of 100 files of Who&When and TRAIL there were more for
each of the tokenizers cl100k_base, o200k_base and the one that Anthropic published. The median was 4.3."""


@cache
def can_price() -> bool:
    """Whether prices are known at all."""
    return find_spec("genai_prices") is not None


def price_of(usage: Usage, model: str | None, provider: str, *, guess: bool = True) -> float | None:
    """USD that these tokens cost; None when they or their price are not known.

    `provider` is a name of ours or of pydantic-ai. One that has no list of prices is told by the model, unless
    `guess` is off: the same model may run on a machine of one's own, for nothing.
    """
    if not can_price() or not model or usage.input_tokens is None:
        return None
    from genai_prices import Usage as Priced
    from genai_prices import calc_price

    tokens = Priced(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_tokens,
    )
    known = _KNOWN.get(provider)
    try:
        price = calc_price(tokens, model_ref=model, provider_id=known if guess else known or provider)
    except (LookupError, ValueError):
        return None
    return float(price.total_price)


_KNOWN = {
    "openai": "openai",
    "openai-chat": "openai",
    "openai-responses": "openai",
    "anthropic": "anthropic",
    "gemini": "google",
    "google": "google",
    "google-cloud": "google",
    "azure": "azure",
    "azure-responses": "azure",
    "bedrock": "aws",
    "moonshotai": "moonshotai",
    "xai": "x-ai",
}
"""Ids of the providers there by their names here."""


def estimated_tokens(text: str) -> int:
    """About how many tokens a text is, rather too many than too few."""
    return int(len(text.encode("utf-8", "surrogatepass")) / BYTES_PER_TOKEN) + 1
