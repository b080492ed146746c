"""What many traces say together, counted from traces and from a folder of results."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from pisama.output.rows import TABLES
from tests.scale.made import EXAMPLES, failing_line, line, pisama

pyarrow = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")


def _dated(day: int, *, fails: bool, tool: str = "=cmd|' /C calc'!A0") -> str:
    """A recorded span of a model call, and of the calls it made, on a day of January 2026."""
    start = 1_767_225_600_000_000_000 + day * 86_400_000_000_000
    trace = f"{day:032x}"

    def attribute(key: str, value: str) -> dict[str, object]:
        return {"key": key, "value": {"stringValue": value}}

    spans = []
    for place in range(4):
        kind = "LLM" if place in (0, 3) else "TOOL"
        spans.append(
            {
                "traceId": trace,
                "spanId": f"{day * 10 + place + 1:016x}",
                "name": "answer" if kind == "LLM" else tool,
                "startTimeUnixNano": str(start + place * 1_000_000_000),
                "endTimeUnixNano": str(start + place * 1_000_000_000 + 500_000_000),
                "status": {"code": 2, "message": "connection refused"}
                if fails and kind == "TOOL"
                else {"code": 1},
                "attributes": [
                    attribute("openinference.span.kind", kind),
                    attribute("input.value", "Look up the weather."),
                    *([attribute("tool.name", tool)] if kind == "TOOL" else []),
                    attribute("output.value", "It is sunny." if kind == "LLM" else "connection refused"),
                ],
            }
        )
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}) + "\n"


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    folder = tmp_path / "traces"
    folder.mkdir()
    (folder / "chats.jsonl").write_text(
        "".join(failing_line(number) for number in range(3)) + line(3, "Hello")
    )
    for day in range(3):
        (folder / f"day-{day}.jsonl").write_text(_dated(day, fails=day == 2) * 1)
    (folder / "bad.json").write_text("{ not json")
    return folder


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_results_in_a_folder_are_counted_as_the_traces_are(traces: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / "out"
    assert pisama("analyze", traces, "-f", form, "-o", out).returncode == 3
    here, there = (pisama("stats", place, "-f", "json") for place in (traces, out))
    assert here.stdout == there.stdout
    found = json.loads(here.stdout)
    assert (found["traces"], found["errors"], here.returncode) == (7, 1, 3)
    loop = next(row for row in found["failures"] if row["failure"] == "loop")
    assert (loop["issues"], loop["traces"], loop["share"]) == (3, 3, round(3 / 7, 4))
    booking = next(row for row in found["tools"] if row["tool"] == "book_flight")
    assert (booking["traces"], booking["calls"], booking["failed_calls"]) == (3, 18, 18)
    assert [(row["day"], row["traces"]) for row in found["days"]] == [
        ("2026-01-01", 1), ("2026-01-02", 1), ("2026-01-03", 1), ("no time recorded", 4),
    ]  # fmt: skip
    assert {row["format"]: row["traces"] for row in found["formats"]} == {"openai-chat": 4, "otlp": 3}


def test_a_spreadsheet_takes_no_name_of_a_trace_for_a_formula(traces: Path) -> None:
    rows = list(csv.DictReader(pisama("stats", traces, "-f", "csv").stdout.splitlines()))
    names = [row["name"] for row in rows if row["table"] == "tools"]
    assert "'=cmd|' /C calc'!A0" in names
    assert not any(value.startswith(("=", "+", "-", "@")) for row in rows for value in row.values())
    (failed,) = (row for row in rows if (row["table"], row["name"]) == ("days", "2026-01-03"))
    assert (failed["traces"], failed["calls"]) == ("1", "")


def test_a_person_sees_tables_and_a_page_gets_markdown(traces: Path) -> None:
    text = pisama("stats", traces).stdout
    assert text.startswith("7 traces, ")
    for title in ("Traces", "Failures", "Agents", "Tools", "Formats", "Days"):
        assert f"\n{title}\n" in text
    page = pisama("stats", traces, "-f", "markdown").stdout
    assert "| tool | traces | calls | failed calls | no result | issues |" in page
    assert "=cmd&#124;' /C calc'!A0" in page


def test_a_picture_is_drawn_as_svg_and_as_png(traces: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra picture is not installed")
    svg, png = tmp_path / "p.svg", tmp_path / "p.png"
    assert pisama("stats", traces, "--picture", svg).returncode == 3
    assert pisama("stats", traces, "--picture", png).returncode == 3
    first = svg.read_bytes()
    assert b"<svg" in first
    assert png.read_bytes().startswith(b"\x89PNG")
    pisama("stats", traces, "--picture", svg)
    assert svg.read_bytes() == first
    wrong = pisama("stats", traces, "--picture", tmp_path / "p.gif")
    assert (wrong.returncode, wrong.stderr) == (
        2,
        f"pisama: {tmp_path / 'p.gif'}: a picture is .svg or .png\n",
    )


def test_every_row_has_the_columns_that_are_promised(traces: Path, tmp_path: Path) -> None:
    pisama("analyze", traces, "-f", "jsonl", "-o", tmp_path / "lines.jsonl")
    pisama("analyze", traces, "-f", "parquet", "-o", tmp_path / "out")
    rows = [json.loads(row) for row in (tmp_path / "lines.jsonl").read_text().splitlines()]
    from importlib import import_module

    parquet = import_module("pyarrow.parquet")
    for table, model in TABLES.items():
        columns = list(model.model_fields)
        own = [row for row in rows if row["kind"] == table.removesuffix("s")]
        assert own
        assert all(list(row) == columns for row in own)
        read = parquet.ParquetFile(tmp_path / "out" / table / "part-00000.parquet").read()
        assert read.schema.names == columns
        assert read.to_pylist() == own


def test_a_folder_that_holds_something_else_is_left_alone(traces: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("notes")
    done = pisama("analyze", traces, "-f", "jsonl", "-o", tmp_path / "mine")
    assert done.returncode == 2
    assert done.stderr == f"pisama: {tmp_path / 'mine'} holds something else already; give another folder\n"
    out = tmp_path / "out"
    pisama("analyze", traces, "-f", "jsonl", "-o", out)
    other = pisama("analyze", traces, "-f", "jsonl", "-o", out, "--select", "loop")
    assert (other.returncode, other.stderr) == (
        2,
        f"pisama: {out} was written with other settings; give another folder\n",
    )
    (traces / "chats.jsonl").write_text(failing_line(9) * 2)
    changed = pisama("analyze", traces, "-f", "jsonl", "-o", out)
    assert changed.returncode == 2
    assert "has changed since its results were written" in changed.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-f", "parquet"), "--format parquet writes a folder: say which with --output DIR"),
        (
            ("-f", "jsonl", "--also", "json=x.json"),
            "--also goes with a report; --format jsonl writes rows as they come",
        ),
    ],
)
def test_wrong_usage_is_one_line(arguments: tuple[str, ...], said: str) -> None:
    done = pisama("analyze", EXAMPLES / "healthy.messages.json", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"pisama: {said}\n")
