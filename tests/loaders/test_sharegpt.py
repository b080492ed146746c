from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.trace import JSON
from tests.loaders.golden import TRACES, assert_golden, assert_survives, problems, recognised
from tests.loaders.hostile import records
from tests.loaders.outline import one_trace

ROWS = TRACES / "sharegpt" / "rows.jsonl"


def test_calls_in_tags_and_in_messages_of_their_own_are_paired_with_what_they_returned() -> None:
    assert_golden(ROWS, "rows.txt")


def test_rows_are_recognised_as_such() -> None:
    assert recognised(ROWS) == "sharegpt"


def test_rows_of_a_parquet_file_are_read_too(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    said = [{"from": "human", "value": "Say hello."}, {"from": "gpt", "value": "Hello."}]
    parquet.write_table(pyarrow.Table.from_pylist([{"conversations": said}] * 2), tmp_path / "rows.parquet")
    assert recognised(tmp_path / "rows.parquet") == "sharegpt"


@pytest.mark.parametrize("written", ["[", "{}", "[1]", "[]", "", "{'name': }"])
def test_what_is_no_call_stays_words(written: str) -> None:
    said: JSON = f"<tool_call>{written}</tool_call>"
    trace = one_trace({"conversations": [{"from": "human", "value": "?"}, {"from": "gpt", "value": said}]})
    assert [(step.text.strip(), step.tool_calls) for step in trace.steps] == [(written, ())]


def test_a_message_without_a_speaker_is_an_error_and_the_rest_is_read() -> None:
    said: JSON = [{"from": "human", "value": "?"}, {"from": "gpt", "value": "!"}, {"value": "?"}]
    assert problems([{"conversations": said}], "sharegpt") == [
        "/0/conversations/2: not a message: it has no role"
    ]


NAMES = ("conversations", "conversation", "messages", "from", "value", "tools", "system", "id", "name")
WORDS = (
    "human",
    "gpt",
    "function_call",
    "observation",
    "tool",
    '{"name": "f"}',
    "<tool_call>",
    "</tool_call>",
)


@given(st.lists(records(NAMES, WORDS), max_size=6))
def test_no_input_at_all_makes_it_raise(values: list[JSON]) -> None:
    assert_survives("sharegpt", values)
