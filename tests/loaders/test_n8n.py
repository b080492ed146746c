from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from pisama.loaders import load, open_document, sniff
from pisama.loaders.flatted import UnfoldingError, unfold
from pisama.loaders.n8n import N8nLoader
from pisama.report import LoadError
from pisama.trace import JSON, Trace, Usage
from tests.loaders.outline import one_trace, outline

TRACES = Path(__file__).parents[1] / "traces" / "n8n"


@pytest.mark.parametrize("name", ["execution.json", "row.json"])
def test_an_execution_and_a_row_with_flatted_data_are_read_whole(name: str) -> None:
    file = TRACES / name
    assert outline(file) == file.with_suffix(".txt").read_text().rstrip("\n")
    document = open_document(file)
    assert not isinstance(document, LoadError)
    assert isinstance(sniff(document), N8nLoader)
    assert N8nLoader().sniff(document) == 1.0


def test_what_the_command_line_prints_around_it_is_no_part_of_the_execution(tmp_path: Path) -> None:
    execution = json.loads((TRACES / "execution.json").read_text())
    printed = json.dumps({"data": execution["data"]}, indent=2)
    file = tmp_path / "run.txt"
    file.write_text(f"Execution was successful:\n====================================\n{printed}\n")
    trace = one_trace(file)
    assert [(step.agent, step.text) for step in trace.steps] == [
        ("Agent", ""),
        ("Helper", "Friday."),
        ("Agent", "Booked for Friday."),
    ]


def test_tokens_models_and_the_message_of_a_failed_tool_are_read() -> None:
    trace = one_trace(TRACES / "execution.json")
    assert [step.usage for step in trace.steps] == [Usage(30, 9), Usage(12, 2), Usage(60, 5)]
    assert {step.model for step in trace.steps} == {"m-1"}
    assert [call.error for _, call in trace.calls()] == ["no seat", None]


def test_executions_of_a_database_are_joined_with_their_data(tmp_path: Path) -> None:
    row = json.loads((TRACES / "row.json").read_text())
    file = tmp_path / "database.sqlite"
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE execution_entity (id INTEGER, status TEXT, startedAt TEXT)")
        database.execute("CREATE TABLE execution_data (executionId INTEGER, workflowData TEXT, data TEXT)")
        database.execute("INSERT INTO execution_entity VALUES (18, 'error', ?)", (row["startedAt"],))
        workflow = json.dumps(row["workflowData"])
        database.execute("INSERT INTO execution_data VALUES (18, ?, ?)", (workflow, row["data"]))
        database.execute("INSERT INTO execution_data VALUES (19, '{}', '[]')")
    database.close()
    assert outline(file) == ((TRACES / "row.txt").read_text() + "problem: not flatted data: an empty list")


def test_a_running_execution_is_not_whole() -> None:
    execution = json.loads((TRACES / "execution.json").read_text())
    assert not one_trace(execution | {"status": "waiting"}).complete
    assert one_trace(execution).complete


def test_an_execution_without_run_data_is_an_error() -> None:
    errors = list(load({"id": "1", "data": {"resultData": {}}}, "n8n"))
    assert [str(error) for error in errors] == ["<input>: an execution without run data"]


def test_flatted_data_unfolds_to_what_it_was_made_from() -> None:
    assert unfold([{"a": "1", "b": "2", "c": 3, "d": None}, ["2", "2", True], "x"]) == {
        "a": ["x", "x", True],
        "b": "x",
        "c": 3,
        "d": None,
    }


@pytest.mark.parametrize(
    "elements",
    [
        [],
        [{"a": "7"}],
        [{"a": "x"}],
        [{"a": "0"}],
        [[str(number + 1)] * 10 for number in range(30)] + [["31"] * 10, "x"],
        [["1"] * 200_000, "x" * 1_000],
    ],
    ids=["empty", "outside", "no number", "itself", "ever more", "one text often"],
)
def test_flatted_data_that_unfolds_without_end_is_refused(elements: list[JSON]) -> None:
    with pytest.raises(UnfoldingError):
        unfold(elements)


def test_two_executions_are_two_runs() -> None:
    execution = json.loads((TRACES / "execution.json").read_text())
    assert [item.id for item in load([execution, execution | {"id": "20"}]) if isinstance(item, Trace)] == [
        "17",
        "20",
    ]
