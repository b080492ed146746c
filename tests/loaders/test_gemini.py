from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load, open_document, sniff
from pisama.loaders.gemini import GeminiLoader
from pisama.report import LoadError
from pisama.trace import JSON, Trace
from tests.loaders.golden import TRACES, assert_survives, expected
from tests.loaders.hostile import records
from tests.loaders.outline import one_trace, outline

FOLDER = TRACES / "gemini"


@pytest.mark.parametrize("name", ["request.json", "log.jsonl"])
def test_each_recorded_run_is_recognised_and_read_whole(name: str) -> None:
    document = open_document(FOLDER / name)
    assert not isinstance(document, LoadError)
    found = sniff(document)
    assert not isinstance(found, LoadError)
    assert found.id == "gemini"
    assert outline(FOLDER / name) == expected(FOLDER / name)


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
    assert_survives(GeminiLoader(), [*values, inner])
    assert_survives(GeminiLoader(), dict.fromkeys(NAMES[:6], inner))
