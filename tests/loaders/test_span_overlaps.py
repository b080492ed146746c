"""Calls seen on the wire and in spans."""

from __future__ import annotations

from dataclasses import replace

from pisama.loaders import names
from pisama.loaders.span_overlaps import adopted
from pisama.loaders.spans import SpanRecord
from pisama.trace import JSON


def span(
    identity: str, start: int, end: int, *, wire: bool = False, parent: str | None = None, **attributes: JSON
) -> SpanRecord:
    named = {name.replace("_", "."): value for name, value in attributes.items()}
    return SpanRecord(
        id=identity,
        parent_id=parent,
        trace_id="wire" if wire else "program",
        name=identity,
        start=start,
        end=end,
        attributes={"llm.model_name": "m", **named} if "openinference_span_kind" in attributes else named,
        scope=names.WATCH_SCOPE if wire else "an.instrumentor",
    )


def call(identity: str, start: int, end: int, *, wire: bool = False, parent: str | None = None) -> SpanRecord:
    return span(identity, start, end, wire=wire, parent=parent, openinference_span_kind="LLM")


def places(*records: SpanRecord) -> dict[str, tuple[str, str | None]]:
    return {record.id: (record.trace_id, record.parent_id) for record in adopted(records)}


def test_a_call_goes_below_the_model_call_that_was_open_around_it() -> None:
    agent = span("agent", 0, 100, openinference_span_kind="AGENT")
    found = places(agent, call("outer", 10, 30, parent="agent"), call("inner", 12, 28, wire=True))
    assert found["inner"] == ("program", "outer")


def test_a_call_without_a_model_call_around_it_goes_below_the_innermost_span() -> None:
    agent = span("agent", 0, 100, openinference_span_kind="AGENT")
    tool = span("tool", 20, 60, parent="agent", openinference_span_kind="TOOL")
    found = places(agent, tool, call("one", 5, 15, wire=True), call("two", 30, 50, wire=True))
    assert (found["one"], found["two"]) == (("program", "agent"), ("program", "tool"))


def test_calls_outside_of_every_span_stay_where_they_are() -> None:
    found = places(call("outer", 10, 30), call("later", 40, 50, wire=True, parent="run"))
    assert found["later"] == ("wire", "run")


def test_a_call_whose_span_had_not_ended_goes_beside_those_of_its_conversation() -> None:
    agent = span("agent", 0, 100, openinference_span_kind="AGENT")
    first = call("first", 12, 28, wire=True, parent="run")
    later = call("later", 110, 120, wire=True, parent="run")
    found = places(agent, call("outer", 10, 30, parent="agent"), first, later)
    assert (found["first"], found["later"]) == (("program", "outer"), ("program", "agent"))


def test_two_calls_of_which_one_was_repeated_are_both_below_one_span() -> None:
    found = places(
        call("outer", 0, 100), call("refused", 1, 5, wire=True), call("answered", 10, 90, wire=True)
    )
    assert found["refused"] == found["answered"] == ("program", "outer")


def test_the_frame_of_a_conversation_goes_when_all_its_calls_have_moved() -> None:
    frame = span("run", 0, 100, wire=True)
    inner = call("inner", 12, 28, wire=True, parent="run")
    assert set(places(frame, call("outer", 10, 30), inner)) == {"outer", "inner"}
    assert set(places(frame, inner)) == {"run", "inner"}


def test_of_calls_side_by_side_the_one_of_the_same_model_is_taken() -> None:
    attributes: dict[str, JSON] = {"openinference.span.kind": "LLM", "llm.model_name": "other"}
    other = replace(call("other", 8, 40), attributes=attributes)
    found = places(call("same", 5, 50), other, call("inner", 10, 30, wire=True))
    assert found["inner"] == ("program", "same")
