from __future__ import annotations

import pytest

from pisama.loaders.usages import usage_of
from pisama.trace import JSON, Usage


@pytest.mark.parametrize(
    ("recorded", "usage"),
    [
        (
            {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}},
            Usage(9, 2, 4),
        ),
        ({"input_tokens": "9", "output_tokens": 2, "input_token_details": {"cache_read": 4}}, Usage(9, 2, 4)),
        ({"input_tokens": 9, "output_tokens": 2, "cache_read_tokens": 4}, Usage(9, 2, 4)),
        ({"prompt_tokens": 9, "cost": 0.5}, Usage(9, cost=0.5)),
        ({"total_tokens": 11}, None),
        ({"input_tokens": []}, None),
        (7, None),
    ],
)
def test_tokens_are_found_under_the_names_of_every_provider(recorded: JSON, usage: Usage | None) -> None:
    assert usage_of(recorded) == usage


def test_what_anthropic_and_bedrock_count_apart_is_part_of_the_input() -> None:
    anthropic: JSON = {
        "input_tokens": 2,
        "cache_read_input_tokens": 30,
        "cache_creation_input_tokens": 8,
        "output_tokens": 1,
    }
    bedrock: JSON = {
        "inputTokens": 2,
        "cacheReadInputTokens": 30,
        "cacheWriteInputTokens": 8,
        "outputTokens": 1,
    }
    assert usage_of(anthropic) == usage_of(bedrock) == Usage(40, 1, 30)


def test_thoughts_that_gemini_counts_apart_are_part_of_the_output() -> None:
    camel: JSON = {"promptTokenCount": 40, "candidatesTokenCount": 6, "thoughtsTokenCount": 3}
    assert usage_of(camel) == Usage(40, 9)


def test_what_went_through_the_cache_is_not_added_where_the_total_shows_it_in_the_input() -> None:
    inside: JSON = {"inputTokens": 30, "cacheReadInputTokens": 9, "outputTokens": 1, "totalTokens": 31}
    assert usage_of(inside) == Usage(30, 1, 9)


def test_inspect_counts_the_cache_apart() -> None:
    recorded: JSON = {
        "input_tokens": 20,
        "output_tokens": 1,
        "total_tokens": 32,
        "input_tokens_cache_read": 9,
        "input_tokens_cache_write": 2,
    }
    assert usage_of(recorded) == Usage(31, 1, 9)
