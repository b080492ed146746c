"""What must not matter: the same runs, written down in other ways that their emitters or stores also use."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from pisama.loaders import load
from pisama.trace import JSON, Step, ToolCall, Trace
from tests.loaders.golden import TRACES

Facts: TypeAlias = list[object]
Rewrite: TypeAlias = Callable[[list[JSON]], str | None]

NO_JSON = frozenset({".txt", ".outline", ".csv", ".md", ".history"})
KEYS = 60
"""Names of fields of one file that are tried out with wrong values."""


def values_in(path: Path) -> list[JSON]:
    """The JSON values of a file, one or several; none when it is not JSON."""
    decoder = json.JSONDecoder()
    text, place, found = path.read_text(), 0, []
    try:
        while (place := len(text) - len(text[place:].lstrip())) < len(text):
            value, place = decoder.raw_decode(text, place)
            found.append(value)
    except json.JSONDecodeError:
        return []
    return found


FILES = [
    path
    for path in sorted(TRACES.rglob("*"))
    if path.is_file() and path.suffix not in NO_JSON and "conversation" not in path.parts[-3:-1]
]
FILES = [path for path in FILES if values_in(path)]
SPAN_FORMATS = ("otlp", "otel_python", "otel_js", "jaeger", "zipkin")


def canonical(text: str | None) -> str | None:
    """Text that is JSON, whatever the order of its keys."""
    try:
        return json.dumps(json.loads(text), sort_keys=True) if text else text
    except ValueError:
        return text


def call_facts(call: ToolCall) -> object:
    # Where a record has no id for a call, one loader makes one of the place.
    own_id = call.id if call.id and "<input>" not in call.id else None
    return call.name, call.arguments, own_id, canonical(call.result), canonical(call.error)


def step_facts(step: Step) -> object:
    return (
        (step.index, step.agent, step.recipient, step.parent, step.model, step.usage, step.start),
        (canonical(step.text), step.reasoning, step.error, step.finish_reason),
        [call_facts(call) for call in step.tool_calls],
        [(message.role, message.name, canonical(message.text)) for message in step.seen],
    )


def facts(written: str | bytes) -> Facts:
    """All that is read of the runs, but for where it stood."""
    traces = [item for item in load(written) if isinstance(item, Trace)]
    return [
        (
            (trace.format, trace.task, canonical(trace.final_answer)),
            (trace.outcome, trace.complete, trace.agents),
            [step_facts(step) for step in trace.steps],
        )
        for trace in traces
    ]


def lines(values: list[JSON]) -> str:
    return "\n".join(json.dumps(value, ensure_ascii=False) for value in values) + "\n"


def backwards(value: JSON) -> JSON:
    """The same value with the fields of every object the other way round. Linear in its size, as deep as it is."""
    if isinstance(value, dict):
        return {key: backwards(inner) for key, inner in reversed(value.items())}
    return [backwards(item) for item in value] if isinstance(value, list) else value


def compact(values: list[JSON]) -> str:
    return "\n".join(json.dumps(value, separators=(",", ":")) for value in values)


def pretty(values: list[JSON]) -> str:
    return "\n".join(json.dumps(value, indent=2, ensure_ascii=False) for value in values)


def marked_and_spaced(values: list[JSON]) -> str:
    return "\ufeff" + lines(values).replace("\n", "\r\n\r\n")


def reordered(values: list[JSON]) -> str:
    return lines([backwards(value) for value in values])


def alphabetical(values: list[JSON]) -> str:
    return "\n".join(json.dumps(value, sort_keys=True) for value in values)


def with_unknown_fields(values: list[JSON]) -> str | None:
    if not all(isinstance(value, dict) for value in values):
        return None
    unknown: dict[str, JSON] = {"newInThisVersion": {"since": 7, "values": [None, True]}, "new_note": "n"}
    return lines([{**value, **unknown} for value in values if isinstance(value, dict)])


def as_one_list(values: list[JSON]) -> str | None:
    return json.dumps(values) if all(isinstance(value, dict) for value in values) else None


def one_item_a_line(values: list[JSON]) -> str | None:
    only = values[0] if len(values) == 1 else None
    if not isinstance(only, list) or not all(isinstance(item, dict) for item in only):
        return None
    return lines(only)


REWRITES: tuple[Rewrite, ...] = (
    compact,
    pretty,
    marked_and_spaced,
    reordered,
    alphabetical,
    with_unknown_fields,
    as_one_list,
    one_item_a_line,
)
ANOTHER_FORMAT = {
    ("as_one_list", "anthropic_sessions/session.jsonl"): "a list of messages is a request of Anthropic",
    (
        "as_one_list",
        "mini_swe_agent/tool_calls.traj.json",
    ): "what tells it apart is the object around the run",
    ("one_item_a_line", "mini_swe_agent/fences.json"): "messages a line are a chat log",
}
"""Rewritings that make another format of a file, and why."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(TRACES).as_posix())
def test_how_the_json_is_written_changes_nothing(path: Path) -> None:
    values, expected = values_in(path), facts(path.read_bytes())
    assert expected
    name = path.relative_to(TRACES).as_posix()
    for rewrite in REWRITES:
        written = rewrite(values)
        if written is not None and (rewrite.__name__, name) not in ANOTHER_FORMAT:
            assert facts(written.encode()) == expected, rewrite.__name__
    assert facts(gzip.compress(path.read_bytes())) == expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(TRACES).as_posix())
def test_a_run_that_is_still_being_written_is_read_up_to_the_cut(path: Path) -> None:
    written = lines(values_in(path)).encode()
    for part in (0.3, 0.6, 0.99):
        assert not any(blames_the_reader(item) for item in load(written[: int(len(written) * part)]))


def blames_the_reader(item: object) -> bool:
    """Whether this is the error that stands for an exception in a loader."""
    return "which is its fault" in str(getattr(item, "reason", ""))


def field_names(value: JSON) -> Iterator[str]:
    """The names of all fields, each once, outermost first."""
    seen: set[str] = set()
    waiting: list[JSON] = [value]
    for inner in waiting:
        if isinstance(inner, dict):
            yield from (key for key in inner if key not in seen)
            seen.update(inner)
            waiting += inner.values()
        elif isinstance(inner, list):
            waiting += inner


def replaced(value: JSON, name: str, by: JSON) -> JSON:
    if isinstance(value, dict):
        return {key: by if key == name else replaced(inner, name, by) for key, inner in value.items()}
    return [replaced(item, name, by) for item in value] if isinstance(value, list) else value


WRONG: tuple[JSON, ...] = (None, "7", 7, [], {}, [None], {"text": []})


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(TRACES).as_posix())
def test_no_field_of_another_type_makes_the_reader_raise(path: Path) -> None:
    values = values_in(path)
    for number, name in zip(range(KEYS), field_names(values), strict=False):
        changed = replaced(values, name, WRONG[number % len(WRONG)])
        written = "\n".join(map(json.dumps, changed if isinstance(changed, list) else []))
        assert not any(blames_the_reader(item) for item in load(written.encode())), name


SPANS = [path for path in FILES if path.parent.name in SPAN_FORMATS and len(values_in(path)) > 1]


@pytest.mark.parametrize("path", SPANS, ids=lambda path: path.relative_to(TRACES).as_posix())
def test_spans_may_come_in_any_order(path: Path) -> None:
    values = values_in(path)
    assert facts(lines(values[::-1])) == facts(lines(values[1::2] + values[::2])) == facts(path.read_bytes())
