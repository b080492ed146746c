"""Addresses: an object store on loopback, reached with the real client, and a web server."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import pisama as library
from tests.scale.made import EXAMPLES, failing_line, pisama
from tests.scale.object_store import object_store

pytest.importorskip("s3fs", reason="the extra remote is not installed")

FAILING = (EXAMPLES / "failing-tool.messages.json").read_bytes()
OBJECTS = {
    "runs/a.json": FAILING,
    "runs/day-1/b.jsonl.gz": gzip.compress("".join(map(failing_line, range(3))).encode()),
    "runs/day-2/large.jsonl": "".join(failing_line(n) for n in range(3)).encode() + b" " * 17_000_000 + b"\n",
    "runs/day-2/.hidden.json": b"{ not json",
    "runs/day-2/script.py": b"print()",
    "runs/bad.json": b"{ not json",
}


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    with object_store(OBJECTS) as address:
        yield address


def _on_store(store: str, *arguments: str | Path) -> tuple[int, list[dict[str, object]], list[str]]:
    done = pisama(
        *("analyze", *arguments, "-f", "jsonl", "--select", "loop"),
        AWS_ENDPOINT_URL=store,
        AWS_ACCESS_KEY_ID="key",
        AWS_SECRET_ACCESS_KEY="secret",  # noqa: S106 - of a store that asks for none
        AWS_DEFAULT_REGION="us-east-1",
    )
    return done.returncode, [json.loads(row) for row in done.stdout.splitlines()], done.stderr.splitlines()


def _places(rows: list[dict[str, object]]) -> list[tuple[object, object]]:
    return [(row["path"], row["trace"]) for row in rows if row["kind"] == "trace"]


def test_a_folder_of_an_object_store_is_read_as_a_folder_here(store: str) -> None:
    code, rows, said = _on_store(store, "s3://bucket/runs")
    assert _places(rows) == [
        ("s3://bucket/runs/a.json", "a"),
        ("s3://bucket/runs/day-1/b.jsonl.gz", "run-0"),
        ("s3://bucket/runs/day-1/b.jsonl.gz", "run-1"),
        ("s3://bucket/runs/day-1/b.jsonl.gz", "run-2"),
        ("s3://bucket/runs/day-2/large.jsonl", "run-0"),
        ("s3://bucket/runs/day-2/large.jsonl", "run-1"),
        ("s3://bucket/runs/day-2/large.jsonl", "run-2"),
    ]
    assert code == 3
    assert [line.partition(": not JSON")[0] for line in said] == ["pisama: s3://bucket/runs/bad.json:1"]


def test_one_object_and_a_pattern_can_be_named(store: str) -> None:
    code, rows, said = _on_store(store, "s3://bucket/runs/a.json", "s3://bucket/runs/*/*.gz")
    assert (code, said) == (1, [])
    assert _places(rows) == [
        ("s3://bucket/runs/a.json", "a"),
        *(("s3://bucket/runs/day-1/b.jsonl.gz", f"run-{number}") for number in range(3)),
    ]


@pytest.mark.parametrize("address", ["s3://bucket/nothing", "s3://other/runs"])
def test_what_is_not_there_is_one_line(store: str, address: str) -> None:
    code, _, said = _on_store(store, address)
    assert code == 3
    assert len(said) == 1
    assert said[0].startswith(f"pisama: {address}: nothing can be read there")


def test_a_file_on_a_web_server_is_read() -> None:
    with object_store({"run.json": FAILING}) as address:
        report = library.analyze(f"{address}/bucket/run.json", config=library.Config(plugins=False))
    here = library.analyze(EXAMPLES / "failing-tool.messages.json", config=library.Config(plugins=False))
    assert [issue.fingerprint for issue in report.issues] == [issue.fingerprint for issue in here.issues]


def test_an_address_is_told_without_its_password_and_its_signature() -> None:
    with object_store({}) as address:
        gone = address.removeprefix("http://")
    signature = f"X-Amz-Signature={'0a1b2c3d' * 8}"
    loaded = library.load(f"http://me:hunter2hunter@{gone}/a@example.org/run.json?{signature}")
    (error,) = loaded.errors
    path = str(error.at.path)
    assert path.startswith(f"http://me:[secret]@{gone}/a@example.org/run.json?[secret:")
    assert "0a1b2c3d" not in path


def test_no_answer_and_an_unknown_protocol_are_errors_of_the_input() -> None:
    with object_store({}) as address:
        gone = address
    for source, reason in (
        (f"{gone}/run.json", "nothing can be read there"),
        ("nonsense://x/y", "Protocol not known"),
    ):
        loaded = library.load(source)
        assert loaded.traces == ()
        (error,) = loaded.errors
        assert error.fatal
        assert reason in error.reason
        assert error.at.path == source
