"""The right loader is found by content, and every input gives a trace or an error that helps."""

from __future__ import annotations

import gzip
import importlib
import json
import pkgutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pisama.loaders
from pisama.loaders import LOADERS, find_files, load, load_document, loader, open_document, sniff
from pisama.loaders.base import Document, Loader
from pisama.loaders.deferred import itself
from pisama.report import LoadError
from pisama.trace import JSON, Trace
from tests.loaders.hostile import records

TRACES = Path(__file__).parents[1] / "traces"
EXAMPLES = Path(__file__).parents[2] / "examples"

NAMES = (
    *(
        "messages",
        "role",
        "content",
        "tool_calls",
        "type",
        "request",
        "response",
        "history",
        "name",
        "message",
    ),
    *(
        "resourceSpans",
        "scopeSpans",
        "spans",
        "attributes",
        "key",
        "value",
        "traceId",
        "spanId",
        "child_spans",
    ),
    *(
        "sessionId",
        "uuid",
        "parentUuid",
        "schema_version",
        "steps",
        "step_id",
        "source",
        "tool_calls",
        "system",
    ),
)
WORDS = (
    "user",
    "assistant",
    "tool",
    "tool_use",
    "tool_result",
    "ATIF-v1.4",
    "message",
    "agent",
    "text",
    "1",
    "{}",
)

QUESTION: JSON = {"role": "user", "content": "Name a colour"}
ANSWER: JSON = {"role": "assistant", "content": "Blue"}
MESSAGES: JSON = [QUESTION, ANSWER]
NAME_IT = "name its format with --input-format; `pisama formats` lists them"


def problems(path: Path) -> list[str]:
    return [str(item).replace(f"{path.parent}/", "") for item in load(path) if isinstance(item, LoadError)]


def written(folder: Path, data: bytes | str) -> Path:
    file = folder / "in.json"
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    return file


def recordings() -> list[Path]:
    return sorted(path for path in (*EXAMPLES.iterdir(), *TRACES.glob("*/*")) if ".json" in path.name)


def test_every_loader_of_the_package_is_registered_once() -> None:
    found = set()
    for module in pkgutil.iter_modules(pisama.loaders.__path__, "pisama.loaders."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if (
                isinstance(value, type)
                and name.endswith("Loader")
                and value is not Loader
                and value.__module__ == module.name
            ):
                found.add(value)
    assert {type(itself(each)) for each in LOADERS} == found
    assert len({each.id for each in LOADERS}) == len({each.title for each in LOADERS}) == len(LOADERS)
    assert [loader(each.id) for each in LOADERS] == list(LOADERS)
    assert loader("nothing") is None


@pytest.mark.parametrize("path", recordings(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_recording_is_recognised_without_a_tie(path: Path) -> None:
    assert any(isinstance(item, Trace) for item in load(path))
    assert all(not item.fatal for item in load(path) if isinstance(item, LoadError))


def test_two_equally_sure_loaders_are_an_error_that_names_both(monkeypatch: pytest.MonkeyPatch) -> None:
    class Twin(type(loader("openai-chat"))):  # type: ignore[misc]
        id = "twin"
        title = "its twin"

    monkeypatch.setattr(pisama.loaders, "LOADERS", (*LOADERS, Twin()))
    document = open_document(json.dumps(MESSAGES))
    assert isinstance(document, Document)
    error = sniff(document)
    assert isinstance(error, LoadError)
    assert error.reason == (
        "this could be OpenAI chat messages or its twin; say which with"
        " --input-format openai-chat or --input-format twin"
    )
    assert len(list(load_document(document, "openai-chat"))) == 1


def test_a_named_format_is_taken_at_its_word() -> None:
    (trace,) = load(json.dumps(MESSAGES), "conversation")
    assert isinstance(trace, Trace)
    assert trace.format == "conversation"


def test_an_unknown_format_is_an_error_that_names_the_known_ones() -> None:
    (error,) = load(json.dumps(MESSAGES), "yaml", "in.json")
    assert str(error) == "in.json: no input format is called yaml; `pisama formats` lists them"


def test_a_loader_that_finds_nothing_is_an_error() -> None:
    errors = list(load("[]", "openai-chat"))
    assert [str(error) for error in errors] == ["<input>: no trace in it, read as OpenAI chat messages"]


def test_a_loader_that_fails_is_an_error_and_stops_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(type(loader("openai-chat"))):  # type: ignore[misc]
        id = "broken"
        title = "broken messages"

        def load(self, document: Document) -> None:
            raise ZeroDivisionError(document.path)

    monkeypatch.setattr(pisama.loaders, "LOADERS", (Broken(),))
    (error,) = load(json.dumps(MESSAGES), path="in.json")
    assert isinstance(error, LoadError)
    assert "the reader of broken messages failed" in error.reason


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", ["in.json: the file is empty"]),
        (b"Dear reader,\nthis is prose.\n", ["in.json:1: not JSON: expecting value at column 1"]),
        (
            b'{"rows": 1, "columns": 2}',
            [f"in.json: JSON of no known shape (top level keys: rows, columns); {NAME_IT}"],
        ),
        (
            b"[1, 2]",
            [f"in.json: JSON of no known shape (first item: a number); {NAME_IT}"],
        ),
        (
            b"[]",
            [f"in.json: JSON of no known shape (an empty list); {NAME_IT}"],
        ),
        (
            b"\x00\x01\x02",
            [f"in.json: binary data of no known format; {NAME_IT}"],
        ),
        (
            json.dumps({"messages": MESSAGES}).replace("Blue", "Größe").encode("latin-1"),
            ["in.json:1: not UTF-8 text (byte 0xf6), at column 97; save it as UTF-8"],
        ),
        (json.dumps(MESSAGES).encode("utf-16"), ["in.json: UTF-16 or UTF-32 text; save it as UTF-8"]),
        (
            json.dumps(MESSAGES)[:-9].encode(),
            ["in.json:1: not JSON: it ends before it is complete, at column 80"],
        ),
        (
            b"[" * 100_000,
            ["in.json:1: nested deeper than 1,024 levels (--limit nesting=2048 raises it), at column 1"],
        ),
        (b'{"messages": []}', ["in.json#/messages: no messages in it"]),
        (b'{"messages": [{"role": "system", "content": "Be brief."}]}', []),
        (f'{json.dumps(QUESTION)}\n{json.dumps(ANSWER)}\n{{"role": "us'.encode(), []),
    ],
)
def test_bad_input_is_an_error_with_file_place_and_reason(
    tmp_path: Path, data: bytes, expected: list[str]
) -> None:
    file = written(tmp_path, data)
    assert problems(file) == expected
    assert list(load(file))


def test_a_missing_file_is_a_fatal_error(tmp_path: Path) -> None:
    (error,) = load(tmp_path / "none.json")
    assert isinstance(error, LoadError)
    assert (error.reason, error.fatal) == ("No such file or directory", True)


def test_a_file_whose_every_line_is_broken_tells_of_its_lines(tmp_path: Path) -> None:
    assert problems(written(tmp_path, '{"a": oops}\n{"b": oops}\n')) == [
        "in.json:1: not JSON: expecting value at column 7"
    ]


def test_keys_in_an_error_are_few_and_short() -> None:
    (error,) = load(json.dumps({f"{number}{'x' * 100}": 1 for number in range(50)}))
    assert isinstance(error, LoadError)
    assert len(error.reason) < 600


def test_compressed_runs_are_read(tmp_path: Path) -> None:
    file = tmp_path / "run.json.gz"
    file.write_bytes(gzip.compress(json.dumps(MESSAGES).encode()))
    (trace,) = load(file)
    assert isinstance(trace, Trace)
    assert trace.id == "run"


def test_a_folder_gives_its_files_sorted_and_skips_what_is_no_trace(tmp_path: Path) -> None:
    for name in (
        "b/run.jsonl",
        "a.json",
        "b/a.pb",
        "notes.md",
        ".hidden.json",
        ".git/x.json",
        "code.py",
        "c.log.gz",
    ):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("{}")
    found = [str(path.relative_to(tmp_path)) for path in find_files(tmp_path)]
    assert found == ["a.json", "c.log.gz", "notes.md", "b/a.pb", "b/run.jsonl"]
    assert list(find_files(tmp_path / "notes.md")) == [tmp_path / "notes.md"]


@given(st.binary(max_size=80))
@settings(deadline=None)  # the first example imports what reads protobuf
def test_no_bytes_raise(data: bytes) -> None:
    assert list(load(data))


@given(records(NAMES, WORDS))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_no_json_makes_any_loader_fail(value: JSON) -> None:
    document = open_document(json.dumps(value))
    assert isinstance(document, Document)
    for each in LOADERS:
        assert 0 <= each.sniff(document) <= 1
        for item in each.load(document):
            assert isinstance(item, Trace | LoadError)


@given(st.data())
@settings(max_examples=60)
def test_no_truncation_makes_any_loader_fail(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from(recordings())).read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    items = list(load(whole[:cut]))
    assert items
    for item in items:
        assert isinstance(item, Trace) or "which is its fault" not in item.reason
