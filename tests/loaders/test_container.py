"""Any input is opened by what is in it, and what is wrong with it is said in one line."""

from __future__ import annotations

import gzip
import json
import math
import os
import pickle
import tracemalloc
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from pisama.loaders.base import SAMPLE_RECORDS, Document, Record
from pisama.loaders.container import Source, open_document
from pisama.report import LoadError
from pisama.trace import JSON, Location

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
structures = st.lists(json_values, max_size=4) | st.dictionaries(st.text(max_size=4), json_values, max_size=4)


def opened(source: Source) -> Document:
    document = open_document(source)
    assert isinstance(document, Document)
    return document


def refused(source: Source, path: str | None = "in.json") -> str:
    """What is said of an input that cannot be read, or that is neither JSON nor known text."""
    error = open_document(source, path)
    if isinstance(error, Document):
        error = error.problem or LoadError("nothing is wrong with it", Location(path))
    assert isinstance(error, LoadError)
    assert error.fatal
    return str(error)


def read(source: Source) -> list[object]:
    """Line and value of each record, line and reason of each problem."""
    return [
        (item.at.line, item.value) if isinstance(item, Record) else f"{item.at.line}: {item.reason}"
        for item in opened(source).records()
    ]


def test_one_json_value_is_one_record_without_a_line() -> None:
    assert read(b'{"a": [1]}\n') == [(None, {"a": [1]})]
    assert read('{\n "a": [1]\n}') == [(None, {"a": [1]})]
    assert read(b"[\n[1,\n2]\n]") == [(None, [[1, 2]])]


def test_a_byte_order_mark_is_skipped() -> None:
    assert read(b'\xef\xbb\xbf{"a": 1}') == [(None, {"a": 1})]
    assert read(gzip.compress(b'\xef\xbb\xbf{"a": 1}', mtime=0)) == [(None, {"a": 1})]


def test_each_json_line_is_a_record_with_its_line_and_blank_lines_are_nothing() -> None:
    assert read(b'\n{"a": 1}\r\n\r\n  \n[2]\n') == [(2, {"a": 1}), (5, [2])]


def test_values_over_many_lines_one_after_another_are_records_with_their_first_lines() -> None:
    text = "\n\n".join(json.dumps({"a": number}, indent=1) for number in range(3))
    assert read(text) == [(1, {"a": 0}), (5, {"a": 1}), (9, {"a": 2})]


def test_a_broken_value_among_several_is_an_error_and_the_rest_goes_on() -> None:
    text = '{\n "a": 1\n}\n{\n "b": oops\n}\n{\n "c": 3\n}\n'
    assert read(text) == [(1, {"a": 1}), "5: not JSON: expecting value at column 7", (7, {"c": 3})]


def test_a_cut_last_value_among_several_means_the_file_is_still_growing() -> None:
    document = opened('{\n "a": 1\n}\n{\n "b": [1,')
    assert (document.growing, document.sample) == (True, ({"a": 1},))


def test_a_broken_line_is_an_error_with_its_line_and_the_rest_goes_on() -> None:
    lines = [json.dumps({"a": number}) for number in range(2000)]
    lines[1000] = '{"a": oops}'
    found = list(opened("\n".join(lines)).records())
    errors = [str(item) for item in found if isinstance(item, LoadError)]
    assert (len(found), errors) == (2000, ["<input>:1001: not JSON: expecting value at column 7"])


def test_a_cut_line_in_the_middle_is_an_error() -> None:
    assert read(b'{"a": 1}\n{"a": "x\n{"a": 3}\n') == [
        (1, {"a": 1}),
        "2: not JSON: it ends before it is complete, at column 9",
        (3, {"a": 3}),
    ]


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_a_cut_last_line_is_no_error_and_means_the_file_is_still_growing(end: str) -> None:
    document = opened('{"a": 1}\n{"b": 2}\n{"c": "tr' + end)
    assert document.growing
    assert [item.value for item in document.records() if isinstance(item, Record)] == [{"a": 1}, {"b": 2}]


def test_a_last_line_that_no_more_text_could_mend_is_an_error() -> None:
    document = opened('{"a": 1}\n{"b": 2}\ngarbage\n')
    assert not document.growing
    assert read('{"a": 1}\n{"b": 2}\ngarbage\n')[-1] == "3: not JSON: expecting value at column 1"


def test_a_character_cut_in_two_at_the_end_is_a_cut_line() -> None:
    data = '{"a": 1}\n{"b": 2}\n{"c": "é'.encode()[:-1]
    assert opened(data).growing
    assert read(data) == [(1, {"a": 1}), (2, {"b": 2})]


def test_a_file_that_was_whole_is_not_growing(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text('{"a": 1}\n{"b": "' + "x" * 200_000 + '"}\n\n')
    assert not opened(file).growing


def test_thousands_of_broken_lines_are_counted_after_the_first_twenty() -> None:
    lines = [text for number in range(100) for text in (f'{{"a": {number}}}', "oops")]
    errors = [item for item in opened("\n".join(lines)).records() if isinstance(item, LoadError)]
    assert len(errors) == 21
    assert str(errors[-1]) == "<input>:42: from here on 80 more lines are not JSON"


def test_nan_infinity_and_half_surrogate_pairs_are_read_as_python_writes_them() -> None:
    text = json.dumps({"loss": math.inf, "text": "cut \ud83d"}) + "\n" + json.dumps([-math.inf])
    assert read(text) == [(1, {"loss": math.inf, "text": "cut \ufffd"}), (2, [-math.inf])]
    assert str(read('{"loss": NaN}')) == "[(None, {'loss': nan})]"


def test_two_hundred_levels_are_read_and_five_thousand_are_refused() -> None:
    deep = b'{"a":' * 200 + b"1" + b"}" * 200
    assert len(read(deep)) == 1
    assert refused(b"[" * 5000 + b"]" * 5000) == (
        "in.json:1: nested deeper than 1,024 levels (--limit nesting=2048 raises it), at column 1"
    )
    assert "nested deeper than 1,024 levels" in refused(b"[NaN," + b"[" * 200_000)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "in.json: the file is empty"),
        (b" \n\t\n", "in.json: nothing but white space in it"),
        (b"\n  hello there\nbye", "in.json:2: not JSON: expecting value at column 3"),
        (b'{"a": [1,\n 2', "in.json:2: not JSON: it ends before it is complete, at column 3"),
        (
            '{"name": "José"}'.encode("latin-1"),
            "in.json:1: not UTF-8 text (byte 0xe9), at column 14; save it as UTF-8",
        ),
        ('{"a": 1}'.encode("utf-16"), "in.json: UTF-16 or UTF-32 text; save it as UTF-8"),
        ('{"a": 1}'.encode("utf-16-be"), "in.json: UTF-16 or UTF-32 text; save it as UTF-8"),
        (
            b"PK\x03\x04\x14\0",
            "in.json: a zip archive that is cut off or corrupt, without a whole entry in it",
        ),
        (b"PK\x05\x06" + b"\0" * 18, "in.json: an empty zip archive"),
        (
            b"SQLite format 3\0\x10\0",
            "in.json: an SQLite database that is corrupt (file is not a database)",
        ),
        (b"\x28\xb5\x2f\xfd\x04", "in.json: the zstd data is cut off"),
        (b"\xfd7zXZ\0", "in.json: compressed with xz, which is not supported; decompress it first"),
        (b"BZh91AY", "in.json: compressed with bzip2, which is not supported; decompress it first"),
        (
            b"a" + b"\0" * 256 + b"ustar\0" + b"0" * 250,
            "in.json: a tar archive, which is not supported; unpack it and give the folder",
        ),
        (
            pickle.dumps({"a": 1}),
            "in.json: a Python pickle, which is never opened: loading it could run code",
        ),
        (
            gzip.compress(pickle.dumps([1], protocol=2), mtime=0),
            "in.json: a Python pickle, which is never opened: loading it could run code",
        ),
        (gzip.compress(b'{"a": 1}', mtime=0)[:12], "in.json: the gzip data is cut off"),
    ],
)
def test_what_cannot_be_read_is_named_in_one_line(data: bytes, message: str) -> None:
    # What a library adds of its own, in brackets, is not ours to hold still.
    assert refused(data).startswith(message)


def test_a_line_in_another_encoding_is_an_error_and_the_rest_goes_on() -> None:
    data = b'{"a": 1}\n{"name": "Jos\xe9"}\n{"a": 3}\n'
    assert read(data) == [
        (1, {"a": 1}),
        "2: not JSON: not UTF-8 text (byte 0xe9) at column 14",
        (3, {"a": 3}),
    ]


def test_bytes_that_are_no_text_are_kept_as_they_are() -> None:
    data = b"\n\xd3\x01\n\x12\n\x07service"
    document = opened(gzip.compress(data, mtime=0))
    assert (document.raw, document.sample, list(document.records())) == (data, (), [])


def test_gzip_is_known_by_its_content(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_bytes(
        gzip.compress(b'{"a": 1}\n', mtime=0) + gzip.compress(b'{"a": 2}\n', mtime=0) + b"\0" * 64
    )
    assert read(file) == [(1, {"a": 1}), (2, {"a": 2})]


def test_what_a_cut_gzip_file_holds_is_used_and_the_cut_is_an_error() -> None:
    lines = b"\n".join(
        json.dumps({"a": number, "noise": os.urandom(20).hex()}).encode() for number in range(3000)
    )
    whole = gzip.compress(lines, mtime=0)
    document = opened(whole[: len(whole) // 2])
    found = list(document.records())
    records = [item.value for item in found if isinstance(item, Record)]
    errors = [item.reason for item in found if isinstance(item, LoadError)]
    assert document.growing
    assert errors == ["the gzip data is cut off"]
    assert len(records) > 1000
    assert records == [json.loads(line) for line in lines.splitlines()[: len(records)]]


def test_corrupt_gzip_data_is_an_error() -> None:
    data = bytearray(gzip.compress(b'{"a": 1}\n' * 3, mtime=0))
    data[-5] ^= 255
    assert refused(bytes(data)).startswith("in.json: the gzip data is corrupt")


def test_files_that_cannot_be_opened_are_errors_with_the_reason(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.json", None) == f"{tmp_path / 'none.json'}: No such file or directory"
    assert refused(tmp_path, None) == f"{tmp_path}: no file in this folder that could be a trace"
    assert "null" in refused(Path("a\0b"), None)


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, b'{"a": 1}\n{"a": 2}\n')
    os.close(writer)
    try:
        assert read(Path(f"/dev/fd/{reader}")) == [(1, {"a": 1}), (2, {"a": 2})]
    finally:
        os.close(reader)


def test_a_value_from_a_program_becomes_plain_json() -> None:
    class Answer(BaseModel):
        role: str

    value = [
        {"role": "user"},
        Answer(role="assistant"),
        {"path": Path("x"), 1: {2}, "pair": (1, 2), "raw": b"r"},
    ]
    plain = [{"role": "user"}, {"role": "assistant"}, {"path": "x", "1": [2], "pair": [1, 2], "raw": "r"}]
    assert read(value) == [(None, plain)]


def test_a_value_that_is_no_json_is_an_error() -> None:
    ring: list[object] = []
    ring.append(ring)
    assert refused({"a": object()}).startswith("in.json: not a JSON value")
    assert refused(ring).startswith("in.json: not a JSON value")


def test_reading_again_starts_from_the_first_record(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text("".join(f'{{"a": {number}}}\n' for number in range(200)))
    document = opened(file)
    assert len(document.sample) == SAMPLE_RECORDS
    assert list(document.records()) == list(document.records())


def test_a_large_file_of_lines_is_never_held_whole(tmp_path: Path) -> None:
    file = tmp_path / "large.jsonl"
    line = json.dumps({"text": "x" * 1000}) + "\n"
    with file.open("w") as out:
        for _ in range(10):
            out.write(line * 2000)
    tracemalloc.start()
    count = sum(1 for _ in opened(file).records())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 20_000
    assert peak < file.stat().st_size / 10


@settings(deadline=None)  # the first text that is no JSON imports what looks for printed objects
@given(st.binary(max_size=60) | st.text(max_size=40))
def test_no_input_raises(data: bytes | str) -> None:
    document = open_document(data)
    if isinstance(document, Document):
        list(document.records())


@given(json_values)
def test_every_json_value_that_python_writes_is_read(value: JSON) -> None:
    (record,) = list(opened(json.dumps(value)).records())
    assert isinstance(record, Record)


@given(st.lists(structures, min_size=2, max_size=6), st.data())
def test_a_file_of_lines_cut_anywhere_gives_the_lines_before_the_cut(
    values: list[JSON], data: st.DataObject
) -> None:
    lines = [json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") for value in values]
    text = b"\n".join(lines)
    cut = data.draw(st.integers(len(lines[0]) + 1 + len(lines[1]), len(text)))
    ends = list(accumulate((len(line) + 1 for line in lines), initial=-1))[1:]
    whole = sum(end <= cut for end in ends)
    document = opened(text[:cut])
    places = [(type(item), item.at.line) for item in document.records()]
    assert places == [(Record, line) for line in range(1, whole + 1)]
    assert document.growing == (cut > ends[whole - 1] + 1)
