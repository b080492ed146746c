from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load
from pisama.report import LoadError
from pisama.trace import JSON, Trace
from tests.loaders.golden import TRACES, assert_golden, assert_survives, recognised
from tests.loaders.hostile import records
from tests.loaders.outline import one_trace

FOLDER = TRACES / "smolagents_messages"


@pytest.mark.parametrize(("name", "golden"), [("messages.json", "messages.txt")])
def test_each_recorded_run_is_recognised_and_read_whole(name: str, golden: str) -> None:
    assert recognised(FOLDER / name) == "smolagents-messages"
    assert_golden(FOLDER / name, golden)


def test_a_bad_record_is_named_and_the_rest_is_read() -> None:
    items = list(
        load(
            [
                {"role": "user", "content": "New task:\\nGo"},
                7,
                {"role": "tool-call", "content": "Calling tools:\\n[]"},
            ],
            "smolagents-messages",
        )
    )
    problems = [(item.reason, item.at.pointer) for item in items if isinstance(item, LoadError)]
    assert problems == [("not a message: it has no role", "/1")]
    assert sum(len(item.steps) for item in items if isinstance(item, Trace)) == 1


NAMES = tuple("messages role content type text".split())
WORDS = tuple("tool-call tool-response user assistant system text Error: Observation:".split())


@given(st.lists(records(NAMES, WORDS), max_size=5), records(NAMES, WORDS))
def test_no_records_at_all_make_it_raise(values: list[JSON], inner: JSON) -> None:
    assert_survives("smolagents-messages", [*values, inner])
    assert_survives("smolagents-messages", dict.fromkeys(NAMES[:6], inner))


def test_versions_that_give_lists_of_calls_the_role_of_the_agent_are_read_with_their_calls() -> None:
    def said(role: str, text: str) -> JSON:
        return {"role": role, "content": [{"type": "text", "text": text}]}

    listed = (
        "Calling tools:\n[{'id': 'c%d', 'type': 'function', 'function': {'name': '%s', 'arguments': %s}}]"
    )
    trace = one_trace(
        [
            said("user", "New task:\nHow many?"),
            said("assistant", listed % (1, "count", "{'of': 'books'}")),
            said("tool-response", "Call id: c1\nObservation:\n3"),
            said("assistant", listed % (2, "final_answer", "{'answer': 'Three.'}")),
        ]
    )
    assert [
        [(call.name, call.arguments, call.result) for call in step.tool_calls] for step in trace.steps
    ] == [
        [("count", {"of": "books"}, "3")],
        [("final_answer", {"answer": "Three."}, None)],
    ]
    assert (trace.task, trace.final_answer) == ("How many?", "Three.")
