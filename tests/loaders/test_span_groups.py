"""Which spans are one run: trace ids, links, sessions, placeholders."""

from __future__ import annotations

from typing import Any

from pisama.loaders.span_groups import runs, without_pending
from pisama.loaders.spans import SpanLink, SpanRecord

ASSISTANT = '[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]'


def record(trace_id: str, span_id: str, start: int, name: str = "x", **fields: Any) -> SpanRecord:
    attributes = fields.pop("attributes", {})
    parent_id, links = fields.pop("parent_id", None), fields.pop("links", ())
    return SpanRecord(span_id, parent_id, trace_id, name, start, attributes=attributes, links=links)


def agent(trace_id: str, span_id: str, start: int, name: str = "helper", **attributes: Any) -> SpanRecord:
    told: dict[str, Any] = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name, **attributes}
    return record(trace_id, span_id, start, name, attributes=told)


def model_call(
    trace_id: str, span_id: str, start: int, parent: str | None = None, **attributes: Any
) -> SpanRecord:
    told: dict[str, Any] = {"gen_ai.operation.name": "chat", **attributes}
    return record(trace_id, span_id, start, "chat", parent_id=parent, attributes=told)


def ids(records: list[SpanRecord]) -> list[list[str]]:
    return [[item.id for item in run] for run in runs(records)]


def session(name: str = "s") -> dict[str, Any]:
    return {"session.id": name}


def test_each_trace_id_is_a_run_the_earliest_first() -> None:
    assert ids([agent("b", "2", 20), agent("a", "1", 10), model_call("b", "3", 21, "2")]) == [
        ["1"],
        ["2", "3"],
    ]


def test_model_calls_that_are_traces_of_their_own_are_one_run_of_their_session() -> None:
    calls = [model_call(f"t{number}", str(number), number, **session()) for number in range(1, 4)]
    assert ids(calls) == [["1", "2", "3"]]
    assert ids([calls[0], model_call("u", "9", 5, **session("other"))]) == [["1"], ["9"]]


def test_the_same_agent_started_again_without_memory_is_another_run() -> None:
    first = [agent("a", "1", 1, **session()), model_call("a", "2", 2, "1")]
    again = [agent("b", "3", 3, **session()), model_call("b", "4", 4, "3")]
    assert ids(first + again) == [["1", "2"], ["3", "4"]]


def test_an_agent_that_goes_on_with_a_conversation_continues_its_run() -> None:
    first = [agent("a", "1", 1, **session()), model_call("a", "2", 2, "1")]
    later = [
        agent("b", "3", 3, **session()),
        model_call("b", "4", 4, "3", **{"gen_ai.input.messages": ASSISTANT}),
    ]
    assert ids(first + later) == [["1", "2", "3", "4"]]


def test_another_agent_of_the_session_belongs_to_the_run() -> None:
    first = [agent("a", "1", 1, "triage", **session()), model_call("a", "2", 2, "1")]
    other = [agent("b", "3", 3, "writer", **session()), model_call("b", "4", 4, "3")]
    assert ids(first + other) == [["1", "2", "3", "4"]]


def test_a_link_joins_two_traces_and_stands_in_for_the_parent() -> None:
    caused = record("b", "3", 5, "worker", links=(SpanLink("a", "1"),))
    found = runs([agent("a", "1", 1), caused])
    assert [[(item.id, item.parent_id) for item in run] for run in found] == [[("1", None), ("3", "1")]]


def test_a_link_to_a_trace_that_is_not_there_changes_nothing() -> None:
    assert ids([record("b", "3", 5, links=(SpanLink("a", "1"),)), agent("c", "4", 6)]) == [["3"], ["4"]]


def test_a_parent_in_another_trace_joins_the_two() -> None:
    assert ids([agent("a", "1", 1), record("b", "2", 2, parent_id="1")]) == [["1", "2"]]


def test_traces_that_only_make_agents_belong_to_the_run_that_follows() -> None:
    made = record("a", "1", 1, "create_agent x", attributes={"gen_ai.operation.name": "create_agent"})
    assert ids([made, agent("b", "2", 2), model_call("b", "3", 3, "2")]) == [["1", "2", "3"]]


def test_traces_with_the_same_span_ids_are_never_joined() -> None:
    same = [model_call("a", "1", 1, **session()), model_call("b", "1", 2, **session())]
    assert ids(same) == [["1"], ["1"]]


def test_a_placeholder_goes_when_its_span_ended_and_stands_for_it_when_it_never_did() -> None:
    placeholder = {"logfire.span_type": "pending_span", "logfire.pending_parent_id": "0000000000000000"}
    ended = record("a", "1", 1)
    pending = record("a", "2", 1, parent_id="1", attributes=placeholder)
    lost = record("a", "4", 2, parent_id="3", attributes={**placeholder, "logfire.pending_parent_id": "1"})
    found = without_pending([pending, ended, lost])
    assert [(item.id, item.parent_id) for item in found] == [("1", None), ("3", "1")]


def test_thousands_of_traces_of_one_session_are_joined_in_linear_time() -> None:
    calls = [model_call(f"t{number}", str(number), number, **session()) for number in range(1, 20_000)]
    assert len(runs(calls)) == 1
