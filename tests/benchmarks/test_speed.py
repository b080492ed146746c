"""The made traces of the speed benchmark, how samples are repeated, and what is made of the figures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

import pisama
from benchmarks.speed.files import FILES, RESENT
from benchmarks.speed.growth import RECORDINGS, Growth, repeated, samples
from benchmarks.speed.longer import detector_rows
from benchmarks.speed.runs import SHAPES
from benchmarks.speed.targets import of_growth
from pisama.loaders import LOADERS


@pytest.mark.parametrize("name", FILES)
def test_a_made_file_is_one_trace_of_the_size_asked_for(name: str) -> None:
    content = FILES[name](200_000)
    loaded = pisama.load(content)
    assert not loaded.errors
    (trace,) = loaded.traces
    assert 200_000 <= len(content) < 230_000
    assert len(trace.steps) > 2 * RESENT or name != "chat messages"
    assert [len(step.tool_calls) for step in trace.steps] == [1] * len(trace.steps)
    assert all(call.result is not None for step in trace.steps for call in step.tool_calls)


def test_the_made_files_hold_the_same_run() -> None:
    runs = {name: pisama.load(make(150_000)).traces[0] for name, make in FILES.items()}
    fewest = min(len(trace.steps) for trace in runs.values())
    told = {
        name: [(step.text, step.tool_calls[0].result) for step in trace.steps[:fewest]]
        for name, trace in runs.items()
    }
    first = next(iter(told.values()))
    assert fewest > 3
    assert all(each == first for each in told.values())


def test_a_document_is_repeated_in_its_longest_list() -> None:
    messages = [{"role": "user"}, {"role": "assistant"}]
    given = {"name": "x", "tags": ["a", "b"], "messages": messages}
    again = orjson.loads(repeated(orjson.dumps(given), 3) or b"")
    assert again == {**given, "messages": messages * 3}


def test_lines_are_repeated_and_what_has_no_list_is_not() -> None:
    assert repeated(b'{"a":1}\n{"a":2}\n', 2) == b'{"a":1}\n{"a":2}\n{"a":1}\n{"a":2}\n'
    assert repeated(b'{"a":{"b":[1]}}', 2) is None
    assert repeated(b"plain text\nof two lines\n", 2) == b"plain text\nof two lines\n" * 2
    assert repeated(b"plain text", 2) is None


def test_the_longest_sample_stands_for_its_format(tmp_path: Path) -> None:
    for steps in (2, 5):
        messages = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi " * steps}]
        (tmp_path / f"{steps}.json").write_bytes(orjson.dumps({"messages": messages}))
    (tmp_path / "notes.txt").write_text("nothing")
    ((name, short, long),) = samples(tmp_path, 10)
    assert name == "openai-chat"
    assert b"Hi Hi Hi Hi Hi" in short
    assert len(orjson.loads(long)["messages"]) == 10 * len(orjson.loads(short)["messages"])


def test_ten_times_the_steps_of_a_shape_are_ten_times_the_text() -> None:
    for make in SHAPES.values():
        assert len(make(1_000)) == pytest.approx(10 * len(make(100)), rel=0.03)


def test_nearly_every_loader_is_measured() -> None:
    measured = {name for name, _, _ in samples(RECORDINGS, 1)}
    databases = {"cursor-database", "langgraph-checkpoints", "openai-agents-session"}
    assert {loader.id for loader in LOADERS} - measured == {*databases, "claude-code-result"}


def test_what_took_too_long_is_named() -> None:
    grown = Growth(1.0, 1.0, 2.0, 9.5, 10.0, 3.0, 9.9, {"loop": 9.0, "grounding": 12.0})
    none = Growth(1.0, 1.0, 0.0, 12.0, 0.0, 3.0, 10.5)
    found = list(of_growth({"one agent": grown}, {"otlp": none}))
    assert [(each.figure, each.met) for each in found] == [
        (9.5, True),
        (12.0, False),
        (9.9, True),
        (12.0, False),
        (10.5, False),
    ]
    assert detector_rows({"one agent": grown, "equal": none}) == [
        ("grounding", "12.0", "–"),
        ("loop", "9.0", "–"),
    ]


def test_the_command_prints_and_writes_every_target(tmp_path: Path) -> None:
    file = tmp_path / "speed.json"
    traces = tmp_path / "formats"
    traces.mkdir()
    (traces / "chat.json").write_bytes(FILES["chat messages"](3_000))
    command = [sys.executable, "-m", "benchmarks.speed", "--scale", "0.004", "--steps", "10", "--repeat", "1"]
    command += ["--formats", str(traces)]
    done = subprocess.run([*command, "--json", str(file)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(file.read_text())
    names = [target["name"] for target in found["targets"]]
    assert names[0] == "loading and all detectors, of orjson.loads"
    assert names[-1] == "`pisama analyze` of 50 kB, processor time"
    assert all(name in done.stdout for name in names)
    assert found["times"]["crashed"] == []
