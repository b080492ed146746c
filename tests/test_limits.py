"""Limits of what is read: each is told with its place and how to raise it, can be raised, and holds for one call only."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import pickle
import re
import sqlite3
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pisama
import pisama.loaders
from pisama import Config, Limits, Trace
from pisama.limits import limits_of
from pisama.loaders.base import Document
from pisama.loaders.deep_json import TooDeepError, deep_value
from pisama.trace import JSON
from tests.hanging import no_hang

QUESTION: dict[str, JSON] = {"role": "user", "content": "Read the file."}
ANSWER: dict[str, JSON] = {"role": "assistant", "content": "It is about a fox. " * 20}


def run(*messages: JSON) -> dict[str, JSON]:
    return {"messages": [QUESTION, *(messages or (ANSWER,))]}


def calling(arguments: JSON, result: str = "ok") -> dict[str, JSON]:
    function: dict[str, JSON] = {"name": "read", "arguments": arguments}
    asked: dict[str, JSON] = {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": "c", "type": "function", "function": function}],
    }
    return run(asked, {"role": "tool", "tool_call_id": "c", "content": result}, ANSWER)


def errors(source: Path, **limits: int) -> list[str]:
    loaded = pisama.load(source, limits=Limits(**limits))
    return [str(error) for error in loaded.errors]


def zipped(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return data.getvalue()


def table(runs: list[list[dict[str, JSON]]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("id", "messages"))
    writer.writerows((number, json.dumps(messages)) for number, messages in enumerate(runs))
    return text.getvalue().encode()


def database(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE agent_sessions (session_id TEXT)")
        connection.execute("CREATE TABLE agent_messages (id INTEGER, session_id TEXT, message_data TEXT)")
        connection.execute("INSERT INTO agent_sessions VALUES ('s')")
        texts = ("Hello", "x" * 100_000, "Bye")
        rows = [
            (place, "s", json.dumps({"role": "user", "content": text})) for place, text in enumerate(texts)
        ]
        connection.executemany("INSERT INTO agent_messages VALUES (?, ?, ?)", rows)
        connection.commit()


INPUTS: dict[str, Callable[[], bytes]] = {
    "file.json": lambda: json.dumps(run(), indent=1).encode(),
    "record.jsonl": lambda: b"\n".join(
        json.dumps(each).encode() for each in (run(), run(ANSWER, ANSWER, ANSWER))
    ),
    "record.csv": lambda: table([[QUESTION, {**ANSWER, "content": "Hi."}], [QUESTION, ANSWER]]),
    "text.json": lambda: json.dumps(run()).encode(),
    "nesting.json": lambda: json.dumps(calling({"a": {"b": {"c": {}}}})).encode(),
    "growth.json.gz": lambda: gzip.compress(b" " * (66 << 20), 1),
    "files.zip": lambda: zipped({f"{number}.json": json.dumps(run()).encode() for number in range(3)}),
}
"""By the name of the limit and the kind of input."""


def written(folder: Path, name: str) -> Path:
    file = folder / name
    if name == "record.db":
        database(file)
    else:
        file.write_bytes(INPUTS[name]())
    return file


REFUSED: list[tuple[str, dict[str, int], str]] = [
    ("file.json", {"file": 100}, ": more in one piece than 100 bytes (--limit file=200 raises it)"),
    (
        "record.jsonl",
        {"record": 600},
        ":2: a line of more than 600 bytes (--limit record=1200 raises it); what follows was not read",
    ),
    (
        "record.csv",
        {"record": 300},
        ":3: a row of more than 300 bytes (--limit record=600 raises it); what follows was not read",
    ),
    (
        "record.db",
        {"record": 65_536},
        ": table agent_messages: N rows were read; then comes a cell of more than 64 KB (--limit record=128KB raises it)",
    ),
    (
        "text.json",
        {"text": 100},
        "#/messages/1: step 1: what it says, the first of 2 such texts, is longer than 100 characters (--limit text=200 "
        "raises it); what is behind that was not looked at",
    ),
    (
        "nesting.json",
        {"nesting": 6},
        ":1: nested deeper than 6 levels (--limit nesting=12 raises it), at column 1",
    ),
    (
        "growth.json.gz",
        {},
        ": it grows more than 200 times when it is decompressed, as no trace does (--limit growth=400 raises it)",
    ),
    ("files.zip", {"files": 2}, ": a zip archive with more files than 2 (--limit files=4 raises it)"),
]


@pytest.mark.parametrize(("name", "limits", "told"), REFUSED, ids=[name for name, _, _ in REFUSED])
def test_what_is_beyond_a_limit_is_told_with_its_place_and_how_to_raise_it(
    tmp_path: Path, name: str, limits: dict[str, int], told: str
) -> None:
    file = written(tmp_path, name)
    # How far ahead rows are fetched depends on the version of Python.
    said = [re.sub(r"\d rows", "N rows", error) for error in errors(file, **limits)]
    assert f"{file}{told}" in said
    # The next call knows nothing of the limits of this one.
    assert [error for error in errors(file, growth=2_000) if "--limit" in error] == []


def test_of_a_text_that_is_too_long_the_beginning_is_analysed() -> None:
    long = "error: no such file " + "x" * 5_000
    loaded = pisama.load(calling("{}", long), limits=Limits(text=1_000))
    (trace,) = loaded.traces
    assert [call.result for _, call in trace.calls()] == [long[:1_000]]
    given = calling({"path": "y" * 2_000, "more": [{"deep": "z" * 3_000}]})
    (trace,) = pisama.load(given, limits=Limits(text=1_000)).traces
    assert [call.arguments for _, call in trace.calls()] == [
        {"path": "y" * 1_000, "more": [{"deep": "z" * 1_000}]}
    ]
    report = pisama.analyze(calling("{}", long), config=Config(limits=Limits(text=1_000)))
    assert [error.reason.partition(" is longer")[0] for error in report.errors] == [
        "step 1: the result of read, the first of 2 such texts,"
    ]
    assert report.exit_code() == 3


def test_a_message_of_twenty_megabytes_is_analysed_without_a_word() -> None:
    report = pisama.analyze(calling("{}", "The quick brown fox jumps.\n" * 770_000))
    assert report.errors == ()
    assert [trace.crashed for trace in report.traces] == [()]


def nested(levels: int) -> str:
    return '{"a":' * levels + '"end"' + "}" * levels


@pytest.mark.parametrize("levels", [1_010, 3_000])
def test_deep_values_become_text_at_a_depth_that_everything_can_follow(levels: int) -> None:
    text = json.dumps(calling("ARGUMENTS")).replace('"ARGUMENTS"', nested(levels))
    (trace,) = pisama.load(text, limits=Limits(nesting=4_000)).traces
    # Another process gets it so.
    (call,) = (call for _, call in pickle.loads(pickle.dumps(trace)).calls())  # noqa: S301 - our own
    value, depth = call.arguments, 0
    while isinstance(value, dict):
        value, depth = value["a"], depth + 1
    assert (depth, value) == (200, nested(levels - 200))
    report = pisama.analyze(trace)
    assert [trace.crashed for trace in report.traces] == [()]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(deadline=None)
@given(VALUES, st.sampled_from([None, 1]), st.integers(0, 40))
def test_what_is_decoded_without_recursion_is_what_others_decode(
    value: object, indent: int | None, cut: int
) -> None:
    text = json.dumps(value, indent=indent)
    scalar = json.JSONDecoder().raw_decode
    assert deep_value(text + " ]", 0, 100, scalar) == (value, len(text))
    broken = text[: len(text) * cut // 41]
    for reader in (lambda: deep_value(broken, 0, 100, scalar), lambda: json.JSONDecoder().raw_decode(broken)):
        try:
            said: object = reader()
        except json.JSONDecodeError:
            said = "broken"
        assert said == "broken" or said == json.JSONDecoder().raw_decode(broken)


def test_levels_are_counted_exactly() -> None:
    scalar = json.JSONDecoder().raw_decode
    assert deep_value("[[1]]", 0, 2, scalar) == ([[1]], 5)
    with pytest.raises(TooDeepError):
        deep_value("[[[]]]", 0, 2, scalar)


def test_archives_in_an_archive_may_grow_together_no_more_than_one() -> None:
    inner = [zipped({"a.json": b" " * (30 << 20)}) for _ in range(4)]
    outer = zipped({f"{number}.zip": data for number, data in enumerate(inner)})
    told = [error.reason for error in pisama.load(outer).errors]
    assert (
        "it grows more than 200 times when it is decompressed, as no trace does (--limit growth=400 raises it)"
        in told
    )
    packed = [gzip.compress(b" " * (30 << 20), 1) for _ in range(4)]
    together = zipped({f"{number}.json.gz": data for number, data in enumerate(packed)}, zipfile.ZIP_STORED)
    told = [error.reason for error in pisama.load(together).errors]
    assert (
        "it grows more than 200 times when it is decompressed, as no trace does (--limit growth=400 raises it)"
        in told
    )


def test_a_value_that_parquet_keeps_once_may_not_stand_in_every_row(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    file = tmp_path / "in.parquet"
    messages = json.dumps(run({**ANSWER, "content": "x" * 100_000})["messages"])
    parquet.write_table(pyarrow.table({"messages": [messages] * 2_000}), file, use_dictionary=True)
    (told,) = errors(file)
    assert re.fullmatch(
        rf"{re.escape(str(file))}#/\d+: it grows more than 200 times when it is decompressed, as no trace does "
        r"\(--limit growth=400 raises it\); what follows was not read",
        told,
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_read_once_up_to_the_limit(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def through(data: bytes, **limits: int) -> pisama.Loaded:
        writer = threading.Thread(target=_write, args=(pipe, data))
        writer.start()
        with no_hang():
            loaded = pisama.load(pipe, limits=Limits(**limits))
        writer.join()
        return loaded

    data = zipped({"a.json": json.dumps(run()).encode()})
    assert len(through(data).traces) == 1
    assert [str(error) for error in through(data, file=100).errors] == [
        f"{pipe}: a pipe of more than 100 bytes (--limit file=200 raises it); a file may be larger"
    ]


def _write(pipe: Path, data: bytes) -> None:
    with pipe.open("wb") as stream:
        stream.write(data)


def test_a_loader_that_never_ends_is_left_with_what_it_gave(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless:
        id = title = "endless"
        recognised_by = "anything"

        def sniff(self, _document: Document) -> float:
            return 1.0

        def load(self, _document: Document) -> Iterator[Trace]:
            yield Trace("first", "endless")
            while True:
                pass

    monkeypatch.setattr(pisama.loaders, "LOADERS", (Endless(),))
    with no_hang():
        loaded = pisama.load({"a": 1}, limits=Limits(seconds=0.2))
    assert [trace.id for trace in loaded.traces] == ["first"]
    assert [str(error) for error in loaded.errors] == [
        "<input>: no further trace was read within 0.2 seconds (--limit seconds=0.4 raises it); the rest was left"
    ]


def command(
    *arguments: object, standard_input: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "pisama", *map(str, arguments)],
        input=standard_input,
        capture_output=True,
        env={**os.environ, **environment},
        check=False,
    )


def test_limits_come_from_flags_the_environment_and_a_file(tmp_path: Path) -> None:
    file = tmp_path / "in.json"
    file.write_text(json.dumps(run()))
    (tmp_path / "pisama.toml").write_text('[limits]\nfile = "1KB"\ntext = 100\n')
    done = command("analyze", file, "-", "--config", tmp_path / "pisama.toml", standard_input=b"x" * 2_000)
    assert done.returncode == 3
    assert done.stderr.decode().splitlines() == [
        f"pisama: {file}#/messages/1: step 1: what it says, the first of 2 such texts, is longer than 100 characters "
        "(--limit text=200 raises it); what is behind that was not looked at",
        "pisama: <input>: a pipe of more than 1 KB (--limit file=2KB raises it); a file may be larger",
    ]
    flags = ("--config", tmp_path / "pisama.toml", "--limit", "file=3KB")
    done = command("analyze", *flags, "--show-config", PISAMA_LIMITS__TEXT="2 MB", PISAMA_LIMITS__FILE="5 MB")
    shown = [
        line for line in done.stdout.decode().splitlines() if line.startswith(("file ", "text", "record"))
    ]
    assert shown == [
        'file = "3KB"  # --limit',
        'record = "512MB"  # default',
        'text = "2MB"  # PISAMA_LIMITS__TEXT',
    ]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("file", "--limit file: say it as NAME=VALUE, for example text=256MB"),
        ("fil=3", "there is no limit 'fil'; there are file, record, text, nesting, growth, files, seconds"),
        ("file=0", "limits.file is a size such as 2GB, above 0, not '0'"),
        ("nesting=4KB", "limits.nesting is a number, above 0, not '4KB'"),
    ],
)
def test_what_is_no_limit_is_wrong_usage(given: str, told: str) -> None:
    done = command("stats", "in.json", "--limit", given)
    assert (done.returncode, done.stdout) == (2, b"")
    assert told in done.stderr.decode()


def test_sizes_are_read_as_people_write_them() -> None:
    written = {"file": "2GB", "record": " 1.5 mib ", "text": 10, "seconds": "0.5", "nesting": "4096"}
    assert limits_of(written) == {
        "file": 2 << 30,
        "record": 3 << 19,
        "text": 10,
        "seconds": 0.5,
        "nesting": 4096,
    }
    wrong_ones: tuple[dict[str, object], ...] = (
        {"seconds": "nan"},
        {"seconds": "inf"},
        {"file": True},
        {"file": -1},
        {"file": "2 PB"},
        {"files": []},
    )
    for wrong in wrong_ones:
        with pytest.raises(ValueError, match="above 0"):
            limits_of(wrong)
    with pytest.raises(ValueError, match=r"limits\.text must be above 0"):
        Limits(text=0)
