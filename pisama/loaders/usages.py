"""Tokens and cost of one call of a model, under the names that providers and frameworks give them."""

from __future__ import annotations

from collections.abc import Mapping

from pisama.loaders.values import as_integer, as_mapping, as_number, first
from pisama.trace import JSON, Usage

_INPUT = (
    *("prompt_tokens", "input_tokens", "inputTokens", "promptTokenCount", "prompt_token_count"),
    *("input_token_count", "request_tokens"),
)
_OUTPUT = (
    *("completion_tokens", "output_tokens", "outputTokens", "candidatesTokenCount", "candidates_token_count"),
    *("output_token_count", "response_tokens"),
)
_THOUGHTS = ("thoughtsTokenCount", "thoughts_token_count")
"""Gemini counts thoughts apart from the other output."""
_DETAILS = ("prompt_tokens_details", "input_tokens_details", "input_token_details")
_CACHED = (
    *("cachedContentTokenCount", "cached_content_token_count", "cache_read_tokens"),
    "cache_read_input_token_count",
)
_READ_APART = ("cache_read_input_tokens", "cacheReadInputTokens", "input_tokens_cache_read")
_WRITTEN_APART = ("cache_creation_input_tokens", "cacheWriteInputTokens", "input_tokens_cache_write")
"""Anthropic, Bedrock and Inspect count what went through the cache apart from the other input."""
_TOTAL = ("totalTokens", "total_tokens")
"""Frameworks that write usage as these do, of providers that count otherwise, have it in the input: their
total is then input and output alone."""


def usage_of(value: JSON) -> Usage | None:
    """Tokens and cost of one response; None when it records neither."""
    record = as_mapping(value)
    if not record:
        return None
    prompt = as_integer(first(record, *_INPUT))
    read = as_integer(first(record, *_READ_APART))
    output = as_integer(first(record, *_OUTPUT))
    if prompt is not None and first(record, *_TOTAL) != prompt + (output or 0):
        prompt += (read or 0) + (as_integer(first(record, *_WRITTEN_APART)) or 0)
    if output is not None:
        output += as_integer(first(record, *_THOUGHTS)) or 0
    cached = _cached(record)
    usage = Usage(prompt, output, read if cached is None else cached, as_number(record.get("cost")))
    return usage if usage != Usage() else None


def _cached(record: Mapping[str, JSON]) -> int | None:
    details = as_mapping(first(record, *_DETAILS))
    inside = as_integer(first(details, "cached_tokens", "cache_read"))
    return inside if inside is not None else as_integer(first(record, *_CACHED))
