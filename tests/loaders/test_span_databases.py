"""The databases of tracing servers give what their exports give."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any

from pisama.loaders import load
from pisama.report import LoadError
from tests.loaders.golden import TRACES, recognised
from tests.loaders.outline import outline

MLFLOW = (
    # MLflow 3.17, the columns that matter here
    "CREATE TABLE trace_info (request_id TEXT, experiment_id INTEGER, timestamp_ms BIGINT, status TEXT)",
    "CREATE TABLE trace_request_metadata (key TEXT, value TEXT, request_id TEXT)",
    "CREATE TABLE spans (trace_id TEXT, experiment_id INTEGER, span_id TEXT, parent_span_id TEXT, name TEXT,"
    " type TEXT, status TEXT, start_time_unix_nano BIGINT, end_time_unix_nano BIGINT, content TEXT)",
)
PHOENIX = (
    # Phoenix 20.26
    "CREATE TABLE traces (id INTEGER PRIMARY KEY, project_rowid INTEGER, trace_id VARCHAR,"
    " project_session_rowid INTEGER, start_time TIMESTAMP, end_time TIMESTAMP)",
    "CREATE TABLE spans (id INTEGER PRIMARY KEY, trace_rowid INTEGER, span_id VARCHAR, parent_id VARCHAR,"
    " name VARCHAR, span_kind VARCHAR, start_time TIMESTAMP, end_time TIMESTAMP, attributes JSON, events JSON,"
    " status_code VARCHAR, status_message VARCHAR)",
)


def _made(file: Path, tables: Iterable[str], rows: Mapping[str, list[dict[str, object]]]) -> Path:
    with closing(sqlite3.connect(file)) as connection:
        for table in tables:
            connection.execute(table)
        for table, added in rows.items():
            for row in added:
                marks = ", ".join("?" * len(row))
                statement = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"  # noqa: S608
                connection.execute(statement, list(row.values()))
        connection.commit()
    return file


def _mlflow(file: Path, trace_ids: Iterable[str] = ("tr-1",)) -> Path:
    spans = json.loads((TRACES / "mlflow/library.json").read_text())["data"]["spans"]
    return _made(
        file,
        MLFLOW,
        {
            "spans": [
                {"trace_id": "tr-1", "span_id": span["span_id"], "content": json.dumps(span)}
                for span in spans
            ],
            "trace_info": [{"request_id": name, "timestamp_ms": 1_700_000_000_000} for name in trace_ids],
            "trace_request_metadata": [
                {"key": "mlflow.trace.session", "value": "desk", "request_id": "tr-1"},
                {"key": "mlflow.user", "value": "librarian", "request_id": "tr-1"},
            ],
        },
    )


def _phoenix(file: Path) -> Path:
    spans = json.loads((TRACES / "phoenix/rest.json").read_text())["data"]
    traces = list(dict.fromkeys(span["context"]["trace_id"] for span in spans))
    rows = [
        {
            "trace_rowid": 1 + traces.index(span["context"]["trace_id"]),
            "span_id": span["context"]["span_id"],
            **{
                name: span[name]
                for name in ("parent_id", "name", "span_kind", "status_code", "status_message")
            },
            **{name: span[name].replace("T", " ").removesuffix("Z") for name in ("start_time", "end_time")},
            "attributes": json.dumps(_nested(span["attributes"])),
            "events": json.dumps(span["events"]),
        }
        for span in spans
    ]
    named: list[dict[str, object]] = [
        {"id": number, "trace_id": name} for number, name in enumerate(traces, start=1)
    ]
    return _made(file, PHOENIX, {"traces": named, "spans": rows})


def _nested(flat: Mapping[str, Any]) -> Any:
    """Attributes as Phoenix stores them: `a.0.b` is a key `b` in the first element of a list `a`."""
    if "" in flat:
        return flat[""]
    parts = sorted(((*name.partition("."), value) for name, value in flat.items()), key=lambda part: part[0])
    inner = {
        head: _nested({rest: value for _, _, rest, value in group})
        for head, group in groupby(parts, key=lambda part: part[0])
    }
    return list(inner.values()) if all(head.isdecimal() for head in inner) else inner


def test_the_database_of_an_mlflow_server_gives_what_its_export_gives(tmp_path: Path) -> None:
    file = _mlflow(tmp_path / "mlflow.db")
    assert recognised(file) == "mlflow"
    assert outline(file) == (TRACES / "mlflow/library.txt").read_text().rstrip("\n")


def test_traces_whose_spans_are_in_files_of_their_own_are_named(tmp_path: Path) -> None:
    items = list(load(_mlflow(tmp_path / "mlflow.db", ("tr-1", "tr-2", "tr-3"))))
    assert [(item.reason, item.at.pointer) for item in items if isinstance(item, LoadError)] == [
        (
            "the spans of 2 traces are not in the database but in files of their own (`traces.json`)",
            "/trace_info",
        )
    ]
    assert len(items) == 2


def test_the_database_of_phoenix_gives_what_its_interface_gives(tmp_path: Path) -> None:
    file = _phoenix(tmp_path / "phoenix.db")
    assert recognised(file) == "phoenix"
    assert outline(file) == (TRACES / "phoenix/rest.txt").read_text().rstrip("\n")


def test_rows_that_are_no_spans_are_named_and_the_others_read(tmp_path: Path) -> None:
    mlflow, phoenix = _mlflow(tmp_path / "mlflow.db"), _phoenix(tmp_path / "phoenix.db")
    for file, statement in (
        (mlflow, "INSERT INTO spans (trace_id, content) VALUES ('tr-1', '[7]')"),
        (phoenix, "INSERT INTO spans (trace_rowid, attributes) VALUES (1, 'x')"),
    ):
        with closing(sqlite3.connect(file)) as connection:
            connection.execute(statement)
            connection.commit()
        problems = [item.reason for item in load(file) if isinstance(item, LoadError)]
        assert problems == ["a span without an id"]
