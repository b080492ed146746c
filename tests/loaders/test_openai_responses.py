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

FOLDER = TRACES / "openai_responses"


@pytest.mark.parametrize(("name", "golden"), [("items.json", "items.txt"), ("log.jsonl", "log.txt")])
def test_each_recorded_run_is_recognised_and_read_whole(name: str, golden: str) -> None:
    assert recognised(FOLDER / name) == "openai-responses"
    assert_golden(FOLDER / name, golden)


def test_a_bad_record_is_named_and_the_rest_is_read() -> None:
    items = list(
        load(
            [
                {"role": "user", "content": "Go"},
                7,
                {"type": "function_call", "call_id": "c", "name": "go", "arguments": ""},
            ],
            "openai-responses",
        )
    )
    problems = [(item.reason, item.at.pointer) for item in items if isinstance(item, LoadError)]
    assert problems == [("no item of the Responses API", "/1")]
    assert sum(len(item.steps) for item in items if isinstance(item, Trace)) == 1


def test_responses_without_a_predecessor_are_one_run_and_conversations_are_runs_of_their_own() -> None:
    def response(name: str, **more: JSON) -> dict[str, JSON]:
        said: list[JSON] = [{"type": "message", "role": "assistant", "content": name}]
        return {"object": "response", "id": name, "output": said, **more}

    alone = [trace for trace in load([response("a"), response("b")]) if isinstance(trace, Trace)]
    assert [len(trace.steps) for trace in alone] == [2]
    several = load([response("a", conversation={"id": "x"}), response("b", conversation={"id": "y"})])
    assert [trace.id for trace in several if isinstance(trace, Trace)] == ["x", "y"]


def test_events_of_a_stream_count_once() -> None:
    done: JSON = {
        "object": "response",
        "id": "a",
        "output": [{"type": "message", "role": "assistant", "content": "Hi"}],
    }
    trace = one_trace(
        [{"type": "response.created", "response": done}, {"type": "response.completed", "response": done}]
    )
    assert [step.text for step in trace.steps] == ["Hi"]


NAMES = tuple(
    "items object output type call_id name arguments role content status usage response request input id error summary provider_data".split()
)
WORDS = tuple(
    "response function_call function_call_output message reasoning web_search_call user assistant c1".split()
)


@given(st.lists(records(NAMES, WORDS), max_size=5), records(NAMES, WORDS))
def test_no_records_at_all_make_it_raise(values: list[JSON], inner: JSON) -> None:
    assert_survives("openai-responses", [*values, inner])
    assert_survives("openai-responses", dict.fromkeys(NAMES[:6], inner))
