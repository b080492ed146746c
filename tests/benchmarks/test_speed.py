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
from benchmarks.speed.growth import repeated, samples


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
    assert repeated(b"plain text\nof two lines\n", 2) is None


def test_the_longest_sample_stands_for_its_format(tmp_path: Path) -> None:
    for steps in (2, 5):
        messages = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi " * steps}]
        (tmp_path / f"{steps}.json").write_bytes(orjson.dumps({"messages": messages}))
    (tmp_path / "notes.txt").write_text("nothing")
    ((name, short, long),) = samples(tmp_path)
    assert name == "openai-chat"
    assert b"Hi Hi Hi Hi Hi" in short
    assert len(orjson.loads(long)["messages"]) == 10 * len(orjson.loads(short)["messages"])


def test_the_command_prints_and_writes_every_target(tmp_path: Path) -> None:
    file = tmp_path / "speed.json"
    command = [sys.executable, "-m", "benchmarks.speed", "--scale", "0.004", "--steps", "10", "--repeat", "1"]
    done = subprocess.run([*command, "--json", str(file)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(file.read_text())
    names = [target["name"] for target in found["targets"]]
    assert names[0] == "loading and all detectors, of orjson.loads"
    assert names[-1] == "`pisama analyze` of 50 kB, processor time"
    assert all(name in done.stdout for name in names)
    assert found["times"]["crashed"] == []
