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

FOLDER = TRACES / "gemini"


@pytest.mark.parametrize(("name", "golden"), [("request.json", "request.txt"), ("log.jsonl", "log.txt")])
def test_each_recorded_run_is_recognised_and_read_whole(name: str, golden: str) -> None:
    assert recognised(FOLDER / name) == "gemini"
    assert_golden(FOLDER / name, golden)


def test_a_bad_record_is_named_and_the_rest_is_read() -> None:
    items = list(
        load(
            [{"role": "user", "parts": [{"text": "Go"}]}, 7, {"role": "model", "parts": [{"text": "Going"}]}],
            "gemini",
        )
    )
    problems = [(item.reason, item.at.pointer) for item in items if isinstance(item, LoadError)]
    assert problems == [("neither a content nor a response", "/1")]
    assert sum(len(item.steps) for item in items if isinstance(item, Trace)) == 1


def test_a_blocked_prompt_is_a_step_that_says_why() -> None:
    trace = one_trace(FOLDER / "log.jsonl")
    assert trace.steps[-1].finish_reason == "safety"


def test_code_that_gemini_ran_itself_is_a_call_with_its_result() -> None:
    parts: list[JSON] = [
        {"executableCode": {"language": "PYTHON", "code": "1/0"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_FAILED", "output": "ZeroDivisionError"}},
    ]
    (call,) = (
        one_trace([{"role": "user", "parts": [{"text": "Go"}]}, {"role": "model", "parts": parts}])
        .steps[0]
        .tool_calls
    )
    assert (call.name, call.error) == ("code_execution", "ZeroDivisionError")


NAMES = tuple(
    "contents parts role text functionCall functionResponse name args response candidates content usageMetadata systemInstruction tools error".split()
)
WORDS = tuple("user model go result error".split())


@given(st.lists(records(NAMES, WORDS), max_size=5), records(NAMES, WORDS))
def test_no_records_at_all_make_it_raise(values: list[JSON], inner: JSON) -> None:
    assert_survives("gemini", [*values, inner])
    assert_survives("gemini", dict.fromkeys(NAMES[:6], inner))
