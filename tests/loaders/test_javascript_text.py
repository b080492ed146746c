from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load
from pisama.loaders.javascript_text import printed_objects
from pisama.trace import JSON, Trace
from tests.hanging import no_hang

SPAN = """
listening on port 3000
{
  resource: { attributes: { 'service.name': 'shop' } },
  instrumentationScope: { name: 'ai', version: undefined, schemaUrl: undefined },
  traceId: '73b978bfe25569c68a0a6037facbbb25',
  parentSpanContext: undefined,
  traceState: undefined,
  name: 'ai.generateText.doGenerate',
  id: '5ce1b85815aea567',
  kind: 0,
  timestamp: 1795443690885000,
  duration: 224660.793,
  attributes: {
    'ai.operationId': 'ai.generateText.doGenerate',
    'ai.telemetry.functionId': 'clerk',
    'ai.prompt.messages': '[{"role":"user","content":"What\\'s the stock?"}]',
    'ai.response.text': '18 books.\\n' +
      'No more.',
    'ai.response.finishReason': 'stop',
    'ai.usage.promptTokens': 12,
    'ai.usage.completionTokens': 4
  },
  status: { code: 0 },
  events: [],
  links: []
}
"""


def values(text: str) -> list[JSON]:
    return [record.value for record in printed_objects(text, None)]


def test_spans_that_node_printed_on_its_console_are_read_between_other_lines() -> None:
    traces = list(load((SPAN * 2).replace("5ce1", "5ce2", 1).encode()))
    assert len(traces) == 1
    trace = traces[0]
    assert isinstance(trace, Trace)
    assert trace.format == "otel-js"
    assert [(step.agent, step.text) for step in trace.steps] == [("clerk", "18 books.\nNo more.")] * 2
    assert trace.task == "What's the stock?"


def test_code_that_a_chat_log_quotes_does_not_hide_what_the_log_is() -> None:
    log = "# aider chat started at 2025-01-01 10:00:00\n\n#### fix it\n\n```js\n{\n  id: 1\n}\n```\n"
    formats = [item.format for item in load(log.encode()) if isinstance(item, Trace)]
    assert formats == ["aider"]


@pytest.mark.parametrize(
    ("printed", "value"),
    [
        ("{ a: 1, 'b c': -2.5, d: 1e+21, e: 12n }", {"a": 1, "b c": -2.5, "d": 1e21, "e": 12}),
        (
            "{ a: true, b: null, c: undefined, d: NaN, e: -Infinity }",
            dict.fromkeys("bcde", None) | {"a": True},
        ),
        ("{ a: [], b: {}, c: [ 1, 'x', [ 2 ] ] }", {"a": [], "b": {}, "c": [1, "x", [2]]}),
        ("{ a: [Object], b: [ [Array], ... 3 more items ] }", {"a": None, "b": []}),
        ("{ a: [Object: null prototype] { b: 1 }, c: Point { x: 1 } }", {"a": {"b": 1}, "c": {"x": 1}}),
        (
            "{ a: [Function: run], b: [class Shop], c: <ref *1> { d: [Circular *1] } }",
            {"a": None, "b": None, "c": {"d": None}},
        ),
        ("{ a: 2024-01-01T00:00:00.000Z }", {"a": "2024-01-01T00:00:00.000Z"}),
        ("{ a: \"it's\", b: `'\"`, c: 'caf\\xe9 \\u00fc\\\\' }", {"a": "it's", "b": "'\"", "c": "café ü\\"}),
        (
            "{\n  a: 'one\\n' +\n    'two\\n' +\n    'three',\n  b: [ 'x' +\n 'y' ] }",
            {"a": "one\ntwo\nthree", "b": ["xy"]},
        ),
    ],
)
def test_what_node_prints_is_read_as_the_value_it_was(printed: str, value: JSON) -> None:
    assert values(printed) == [value]


@pytest.mark.parametrize(
    "text",
    ["", "{", "{ a: ", "{ a: 1 ]", "{ a: § }", "{a}", "plain { a: 1 }", "{ a: " + "[" * 100, "{ a: 'open"],
)
def test_what_is_broken_or_of_another_kind_is_left_alone(text: str) -> None:
    assert values(text) == []


def test_the_last_object_may_be_cut_off() -> None:
    records = printed_objects("start\n{ a: 1 }\nmore\n{\n  b: 2\n}\n{ c: [", "log.txt")
    assert [(record.value, record.at.line) for record in records] == [({"a": 1}, 2), ({"b": 2}, 4)]


@given(st.text(alphabet="{}[]:,+'\"`\\ \nabc1-.§"))
def test_no_text_makes_the_reader_raise(text: str) -> None:
    assert isinstance(printed_objects("{ a: " + text, None), list)


@pytest.mark.parametrize("text", ["{ a: 1 }\n" * 50_000, "{ a:\n" * 100_000, "{ a: " + "'x' + " * 100_000])
def test_the_time_is_linear_in_the_text(text: str) -> None:
    with no_hang():
        printed_objects(text, None)
