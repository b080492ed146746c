from __future__ import annotations

import io
import json
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load
from pisama.report import LoadError
from pisama.trace import JSON, Trace
from tests.loaders.golden import TRACES, assert_golden, assert_survives, recognised
from tests.loaders.hostile import records
from tests.loaders.outline import one_trace

FOLDER = TRACES / "inspect_ai"


@pytest.mark.parametrize(("name", "golden"), [("log.json", "log.txt")])
def test_each_recorded_run_is_recognised_and_read_whole(name: str, golden: str) -> None:
    assert recognised(FOLDER / name) == "inspect"
    assert_golden(FOLDER / name, golden)


def test_a_bad_record_is_named_and_the_rest_is_read() -> None:
    items = list(
        load(
            {
                "eval": {},
                "plan": {},
                "status": "success",
                "samples": [7, {"id": 1, "messages": [{"role": "assistant", "content": "Going"}]}],
            },
            "inspect",
        )
    )
    problems = [(item.reason, item.at.pointer) for item in items if isinstance(item, LoadError)]
    assert problems == [("not a sample", "/samples/0")]
    assert sum(len(item.steps) for item in items if isinstance(item, Trace)) == 1


def archive(entries: dict[str, JSON]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as opened:
        for name, value in entries.items():
            opened.writestr(name, json.dumps(value))
    return written.getvalue()


def test_each_sample_of_an_archive_is_a_run() -> None:
    said: JSON = [{"role": "assistant", "content": "Going"}]
    header: JSON = {"eval": {"task": "lights", "model": "m-1"}}
    data = archive(
        {
            "header.json": header,
            "samples/1_epoch_1.json": {"id": 1, "epoch": 1, "target": "", "messages": said},
            "samples/1_epoch_2.json": {"id": 1, "epoch": 2, "target": "", "messages": said},
        }
    )
    traces = [item for item in load(data) if isinstance(item, Trace)]
    assert [trace.id for trace in traces] == ["1:1", "1:2"]
    assert traces[0].metadata == {"task": "lights", "model": "m-1", "sample": "1", "epoch": 1}


def test_an_archive_that_was_given_up_before_its_first_sample_says_so() -> None:
    (problem,) = load(archive({"_journal/start.json": {"version": 2, "eval": {}}}))
    assert isinstance(problem, LoadError)
    assert problem.reason == "no samples in this log: it was ended before one was done"


def test_neither_target_nor_score_is_read() -> None:
    trace = next(item for item in load(FOLDER / "log.json") if isinstance(item, Trace))
    told = [message.text for step in trace.steps for message in step.seen]
    assert not any("GRADE" in text or "right" in text for text in told)


def test_ranges_that_say_more_than_there_is_are_cut() -> None:
    event: JSON = {"event": "model", "input_refs": [[-5, 10**15], [3, 1], "x", []], "output": {}}
    sample: dict[str, JSON] = {
        "epoch": 1,
        "target": "",
        "messages": [],
        "events": [event],
        "events_data": {"messages": []},
    }
    assert len(one_trace(sample).steps) == 1


NAMES = tuple(
    "eval plan samples status epoch target messages events event span_id input input_refs events_data output choices message role content id tool_calls error attachments".split()
)
WORDS = tuple("model tool span_begin agent scorer assistant user attachment://a".split())


@given(st.lists(records(NAMES, WORDS), max_size=5), records(NAMES, WORDS))
def test_no_records_at_all_make_it_raise(values: list[JSON], inner: JSON) -> None:
    assert_survives("inspect", [*values, inner])
    assert_survives("inspect", dict.fromkeys(NAMES[:6], inner))
