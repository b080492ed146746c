"""What a coverage-guided search broke, made small: each was an exception once."""

from __future__ import annotations

import json

import pytest

import pisama
from pisama.flags import Format
from pisama.output.rendering import rendered
from pisama.trace import JSON


def nested(levels: int, inside: JSON) -> JSON:
    value = inside
    for number in range(levels):
        value = [value] if number % 2 else {"a": value}
    return value


def run_of(arguments: JSON, result: JSON) -> str:
    call: JSON = {"id": "c", "type": "function", "function": {"name": "final_answer", "arguments": arguments}}
    turn: list[JSON] = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": result},
    ]
    return json.dumps([{"role": "user", "content": "Do it."}, *turn * 5])


DEEP = nested(300, "x")
TEXT = json.dumps(DEEP)


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        (DEEP, "Error: no"),
        ({"answer": DEEP, "why": "because it is"}, "Error: no"),
        (json.dumps({"answer": DEEP}), "Error: no"),
        ({"q": 1}, json.dumps({"result": DEEP, "status": "ok"})),
        ({"q": 1}, json.dumps({"error": {"inner": DEEP}})),
        ({"q": 1}, TEXT),
    ],
    ids=["arguments", "an argument", "arguments in text", "a result", "an error", "a bare result"],
)
def test_values_nested_deeper_than_the_json_library_writes_are_analysed(
    arguments: JSON, result: JSON
) -> None:
    report = pisama.analyze(run_of(arguments, result))
    assert report.errors == ()
    (trace,) = report.traces
    assert trace.crashed == ()
    assert trace.ran
    for name in Format:
        if name is not Format.PARQUET:
            rendered(report, name)
