"""What holds of every loader, whatever its input: properties that are tried on drawn changes of real recordings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pisama
from pisama.loaders import LOADERS, open_document
from pisama.loaders.base import Document, Loader
from pisama.trace import JSON
from tests.hanging import no_hang
from tests.loaders.test_variants import FILES, blames_the_reader, lines, values_in

Container: TypeAlias = "dict[str, JSON] | list[JSON]"

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.json*"))
RECORDINGS = [path for path in (*FILES, *EXAMPLES) if path.stat().st_size < 200_000]
# `span-attributes` records no times, so its order is that of the file.
SPAN_FOLDERS = frozenset(
    "otlp otel_python otel_js jaeger zipkin phoenix logfire mlflow weave langfuse langsmith".split()
)
ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
FEW = settings(
    max_examples=3,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
EVERY_LOADER = pytest.mark.parametrize("each", LOADERS, ids=lambda each: each.id)


def containers(value: JSON) -> list[Container]:
    """The objects and lists in a value, outermost first."""
    found: list[Container] = [value] if isinstance(value, dict | list) else []
    for inner in found:
        items = inner.values() if isinstance(inner, dict) else inner
        found += [item for item in items if isinstance(item, dict | list)]
    return found


def assert_survived(each: Loader, data: bytes) -> None:
    """The loader is sure of nothing beyond 1, and yields what a loader may, of these bytes read in its format."""
    with no_hang():
        document = open_document(data)
        if isinstance(document, Document):
            assert 0 <= each.sniff(document) <= 1
        report = pisama.load(data, input_format=each.id)
    assert report.traces or report.errors
    assert not any(blames_the_reader(error) for error in report.errors), report.errors


@EVERY_LOADER
@given(data=ANY.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=64))
@FEW
def test_any_value_and_any_bytes_can_be_read_as_any_format(each: Loader, data: bytes) -> None:
    assert_survived(each, data)


@EVERY_LOADER
@given(data=st.data())
@FEW
def test_a_run_of_one_format_with_anything_anywhere_in_it_can_be_read_as_any_other(
    each: Loader, data: st.DataObject
) -> None:
    values = deepcopy(values_in(data.draw(st.sampled_from(RECORDINGS))))
    for _ in range(2):
        place = data.draw(st.sampled_from(containers(values)))
        if place:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            place[data.draw(st.sampled_from(keys))] = data.draw(ANY)  # type: ignore[call-overload,index]
    written = lines(values).encode()
    assert_survived(each, written)


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: f"{path.parent.name}/{path.name}")
@given(data=st.data())
@FEW
def test_a_recording_may_end_anywhere(path: Path, data: st.DataObject) -> None:
    whole = path.read_bytes()
    report = pisama.load(whole[: data.draw(st.integers(0, len(whole)))])
    assert report.traces or report.errors
    assert not any(blames_the_reader(error) for error in report.errors), report.errors


Found: TypeAlias = "list[tuple[str, str, str, int | None, str | None]]"


def found(data: bytes, renaming: Mapping[str, str] | None = None) -> Found:
    """The issues of these bytes, sorted, told with other names for ids."""
    report = pisama.analyze(data)
    assert report.traces
    return sorted(
        (issue.type, issue.signal, renamed(issue.summary, renaming or {}), issue.step, issue.agent)
        for trace in report.traces
        for issue in trace.issues
    )


SPAN_LISTS = ("spans", "scopeSpans", "resourceSpans", "observations", "runs")
SPANS = [path for path in RECORDINGS if path.parent.name in SPAN_FOLDERS or "otlp" in path.name]


@pytest.mark.parametrize("path", SPANS, ids=lambda path: f"{path.parent.name}/{path.name}")
@given(order=st.randoms(use_true_random=False))
@FEW
def test_spans_in_another_order_give_the_same_issues(path: Path, order: Random) -> None:
    values = deepcopy(values_in(path))
    (whole,) = values if len(values) == 1 else (values,)
    for place in containers(whole):
        lists = [place.get(name) for name in SPAN_LISTS] if isinstance(place, dict) else []
        for spans in (*lists, place if place is whole else None):
            if isinstance(spans, list):
                order.shuffle(spans)
    assert found(lines(values).encode()) == found(path.read_bytes())


ID_NAME = re.compile(r"(?:\A|[a-z_])(?:[iI]d|ID|uuid|Uuid)\Z|\Auuid\Z")
TIME = re.compile(r"\b1\d{12}\b")
"""Milliseconds since 1970, as tool calls of Gemini CLI have them in their ids."""
ID_VALUE = re.compile(r"[\w\-]{8,64}")


def ids_in(values: JSON) -> Iterator[str]:
    """Ids that say nothing: the fields are named so, and the values have a digit, so are no words, and no time."""
    fields = (field for place in containers(values) if isinstance(place, dict) for field in place.items())
    for name, value in fields:
        if isinstance(value, str) and ID_NAME.search(name) and ID_VALUE.fullmatch(value):
            yield from () if TIME.search(value) or not re.search(r"\d", value) else (value,)


def renamed(text: str, names: Mapping[str, str]) -> str:
    """The text with every whole word that is an id replaced by another."""
    return re.sub(r"[\w\-]{8,64}", lambda word: names.get(word[0], word[0]), text)


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: f"{path.parent.name}/{path.name}")
@given(digits=st.permutations("0123456789"))
@FEW
def test_ids_of_other_digits_give_the_same_issues(path: Path, digits: list[str]) -> None:
    other = str.maketrans("0123456789", "".join(digits))
    ids = [re.match(r"(0x)?(.*)", name) for name in ids_in(values_in(path))]
    names = {name[0]: f"{name[1] or ''}{name[2].translate(other)}" for name in ids if name}
    written = path.read_text()
    assert found(renamed(written, names).encode()) == found(written.encode(), names)
