"""Attributes that an export has put into objects and lists, as the flat names they had."""

from __future__ import annotations

from collections.abc import Mapping

from pisama.trace import JSON

_FLAT_BELOW = frozenset(
    (
        *("llm", "tool", "input", "output", "openinference", "session", "user", "agent", "graph", "document"),
        *("smolagents", "embedding", "retrieval", "reranker", "error", "exception", "gen_ai", "traceloop"),
        *("ai", "langfuse", "mlflow"),
    )
)
_WHOLE = ("tool.parameters", "llm.invocation_parameters", "tool.json_schema")
"""Attributes that are objects themselves."""


def flat(attributes: Mapping[str, JSON]) -> dict[str, JSON]:
    """The attributes, those of the known conventions with dots between the names and numbers in lists.

    `{"llm": {"input_messages": [{"message.role": "user"}]}}` becomes `llm.input_messages.0.message.role`.
    """
    found: dict[str, JSON] = {}
    stack = list(attributes.items())[::-1]
    while stack:
        name, value = stack.pop()
        if not isinstance(value, dict | list) or name.partition(".")[0] not in _FLAT_BELOW:
            found[name] = value
        elif isinstance(value, dict) and not name.endswith(_WHOLE):
            stack += [(f"{name}.{key}", item) for key, item in reversed(value.items())]
        elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            stack += [(f"{name}.{place}", item) for place, item in reversed(list(enumerate(value)))]
        else:
            found[name] = value
    return found
