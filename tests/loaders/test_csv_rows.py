"""CSV with a line of names is rows of records; prose with commas is not CSV."""

from __future__ import annotations

import pytest

from tests.loaders.opened import opened, said_of


def test_each_row_is_a_record_with_the_line_it_begins_on() -> None:
    data = b'name,attributes.input,end\nA,"{""q"":\n ""x""}",\nB,plain,2\n'
    assert said_of(opened(data, "in")) == [
        "in:2: {'name': 'A', 'attributes.input': '{\"q\":\\n \"x\"}', 'end': None}",
        "in:4: {'name': 'B', 'attributes.input': 'plain', 'end': '2'}",
    ]


def test_tabs_a_byte_order_mark_and_an_index_without_a_name_are_taken() -> None:
    assert said_of(opened(b"\xef\xbb\xbf\tspan_id\tname\r\n0\ts1\tx\r\n", "in")) == [
        "in:2: {'span_id': 's1', 'name': 'x'}"
    ]


def test_of_two_columns_of_one_name_the_first_that_is_filled_counts() -> None:
    assert said_of(opened(b"id,name,id\n,x,2\n1,y,2\n", "in")) == [
        "in:2: {'id': '2', 'name': 'x'}",
        "in:3: {'id': '1', 'name': 'y'}",
    ]


def test_a_field_may_be_larger_than_the_default_limit() -> None:
    (record,) = opened(b"name,text\nA," + b"x" * 1_000_000 + b"\n").sample
    assert isinstance(record, dict)
    assert record["text"] == "x" * 1_000_000


def test_a_row_with_too_many_fields_is_an_error_and_the_rest_is_read() -> None:
    data = b"a,b\n" + b"1,2\n" * 5 + b"1,2,3\n3,4\n"
    assert said_of(opened(data, "in"))[-2:] == ["in:7: 3 fields under 2 names", "in:8: {'a': '3', 'b': '4'}"]


@pytest.mark.parametrize(
    "text",
    [
        "Dear reader, hello\nthis is prose.\n",
        "one line, no rows",
        "a,b\n1,2,3\n",
        "# title\n\ntext, text\n",
    ],
)
def test_prose_is_text(text: str) -> None:
    assert opened(text).text == text
