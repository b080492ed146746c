"""Zip archives are read entry by entry, also when their writer was killed, and never blow up."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load
from pisama.loaders.base import Document
from pisama.loaders.container import open_document
from pisama.loaders.zstd import ZipFile
from pisama.report import LoadError
from tests.loaders.opened import opened, refused, said_of

ZSTD = 93
ENTRIES = {"run/b.jsonl": b'{"b": 1}\n{"b": 2}\n', "a.json": b'{"a": 1}'}
SAID = ["in/a.json: {'a': 1}", "in/run/b.jsonl:1: {'b': 1}", "in/run/b.jsonl:2: {'b': 2}"]


def zipped(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    data = io.BytesIO()
    with ZipFile(data, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return data.getvalue()


def streamed(entries: dict[str, bytes]) -> bytes:
    """An archive whose writer could not go back, so that sizes stand behind the data."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

    data = Pipe()
    with ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return data.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, ZSTD])
def test_each_entry_is_a_member_in_the_order_of_names(method: int) -> None:
    document = opened(zipped(ENTRIES, method), "in")
    assert list(document.members) == ["a.json", "run/b.jsonl"]
    assert said_of(document) == SAID
    assert not document.growing


def test_an_archive_on_disk_is_read_in_place(tmp_path: Path) -> None:
    file = tmp_path / "in.bin"
    file.write_bytes(zipped(ENTRIES, ZSTD))
    assert said_of(opened(file)) == [line.replace("in/", f"{file}/", 1) for line in SAID]


def test_compressed_entries_and_an_archive_in_an_archive_are_opened() -> None:
    inner = zipped({"x.json": b"[1]"})
    document = opened(zipped({"a.json.gz": gzip.compress(b'{"a": 1}'), "b.zip": inner}), "in")
    assert said_of(document) == ["in/a.json.gz: {'a': 1}", "in/b.zip/x.json: [1]"]


def test_archives_nested_deeper_are_refused() -> None:
    data = b"[1]"
    for _ in range(4):
        data = zipped({"x": data}, zipfile.ZIP_STORED)
    assert said_of(opened(data, "in")) == [
        "in/x/x: an archive within archives within an archive; unpack it first"
    ]


def test_folders_and_what_a_mac_adds_are_no_members() -> None:
    data = zipped({"run/": b"", "__MACOSX/._a.json": b"\0\5", "a.json": b"[1]"})
    assert list(opened(data).members) == ["a.json"]


@pytest.mark.parametrize("write", [zipped, streamed])
@pytest.mark.parametrize("lost", ["directory", "rest of an entry"])
def test_an_archive_whose_writer_was_killed_gives_its_whole_entries(write: object, lost: str) -> None:
    assert callable(write)
    data: bytes = write({**ENTRIES, "c.json": b'{"c": "' + b"long " * 50 + b'"}'})
    cut = data.index(b"PK\x01\x02") if lost == "directory" else data.rindex(b"PK\x03\x04") + 45
    document = opened(data[:cut], "in")
    names = ["a.json", "c.json", "run/b.jsonl"] if lost == "directory" else ["a.json", "run/b.jsonl"]
    assert (list(document.members), document.growing) == (names, True)
    assert [line for line in said_of(document) if "c.json" not in line] == SAID


def test_a_cut_archive_with_zstd_entries_is_read_too() -> None:
    data = zipped(ENTRIES, ZSTD)
    assert said_of(opened(data[: data.index(b"PK\x01\x02")], "in")) == SAID


def test_what_a_cut_bundle_lost_is_told() -> None:
    run = b'[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]'
    data = zipped({"a.json": run})
    items = list(load(data[: data.index(b"PK\x01\x02")], path="in"))
    assert [str(item) for item in items if isinstance(item, LoadError)] == [
        "in: the archive is cut off; what follows is missing"
    ]
    assert len(items) == 2


def test_an_encrypted_archive_is_refused() -> None:
    data = bytearray(zipped({"a.json": b"[1]"}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert refused(bytes(data)) == "in: an encrypted zip archive; unpack it first"


def test_an_unknown_compression_is_an_error_of_its_entry() -> None:
    data = bytearray(zipped({"a.json": b"[1]"}, zipfile.ZIP_STORED))
    data[data.index(b"PK\x01\x02") + 10] = 98
    data[data.index(b"PK\x03\x04") + 8] = 98
    (said,) = said_of(opened(bytes(data), "in"))
    assert said.startswith("in/a.json: this entry of the archive cannot be read: ")


def test_a_damaged_entry_is_an_error_and_the_others_are_read() -> None:
    data = bytearray(zipped({"a.json": b'{"a": 1}', "b.json": b'{"b": 1}'}, zipfile.ZIP_STORED))
    data[data.index(b'{"a"') + 6] = ord("7")
    assert said_of(opened(bytes(data), "in")) == [
        "in/a.json: the zip data is corrupt (Bad CRC-32 for file 'a.json')",
        "in/b.json: {'b': 1}",
    ]


def test_an_archive_that_would_grow_beyond_measure_is_refused() -> None:
    data = zipped({f"{number}.json": b" " * (32 << 20) for number in range(3)})
    assert (
        refused(data)
        == "in: it grows more than 200 times when it is decompressed, as no trace does (--limit growth=400 raises it)"
    )


@pytest.mark.parametrize("pack", ["gzip", "zstd"])
def test_a_compressed_bomb_is_refused_before_it_fills_the_memory(pack: str) -> None:
    from pisama.loaders.zstd import ZstdFile

    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") if pack == "gzip" else ZstdFile(packed, "w") as stream:
        for _ in range(320):
            stream.write(b" " * (1 << 20))
    tracemalloc.start()
    said = refused(packed.getvalue())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (
        said
        == "in: it grows more than 200 times when it is decompressed, as no trace does (--limit growth=400 raises it)"
    )
    assert peak < 200 << 20


def test_names_that_climb_out_of_the_archive_are_only_names(tmp_path: Path) -> None:
    file = tmp_path / "in.zip"
    file.write_bytes(zipped({"../../evil.json": b"[1]"}))
    said_of(opened(file))
    assert list(tmp_path.parent.glob("evil*")) == []
    assert [path.name for path in tmp_path.iterdir()] == ["in.zip"]


@given(st.binary(max_size=80), st.integers(0, 400), st.sampled_from([zipped(ENTRIES), streamed(ENTRIES)]))
def test_no_damage_to_an_archive_raises(noise: bytes, place: int, whole: bytes) -> None:
    document = open_document(whole[:place] + noise + whole[place + len(noise) :])
    if isinstance(document, Document):
        said_of(document)
