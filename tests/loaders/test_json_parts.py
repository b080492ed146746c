"""A large JSON value is decoded in parts, with the same result as in one piece."""

from __future__ import annotations

from typing import cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as some

from pisama.loaders.json_parts import MAX_OPEN, brackets, decode_in_parts
from pisama.loaders.json_text import LARGE_BYTES, BadJSON, decode
from pisama.trace import JSON

_TEXTS = some.text(some.sampled_from('ab"\\[]{},: é\n'), max_size=8)
_VALUES = some.recursive(
    some.none()
    | some.booleans()
    | some.integers(-(2**63), 2**64 - 1)
    | some.floats(allow_nan=False)
    | _TEXTS,
    lambda inside: some.lists(inside, max_size=6) | some.dictionaries(_TEXTS, inside, max_size=4),
    max_leaves=40,
)


def _whole(data: bytes) -> tuple[str, JSON]:
    try:
        return "", cast("JSON", orjson.loads(data))
    except orjson.JSONDecodeError as error:
        return str(error), None


def _in_parts(data: bytes, part: int) -> tuple[str, JSON]:
    try:
        return "", decode_in_parts(data, part)
    except orjson.JSONDecodeError as error:
        return str(error), None


@given(_VALUES, some.integers(1, 40), some.booleans())
def test_any_value_is_the_same_in_parts_of_any_size(value: JSON, part: int, spaced: bool) -> None:
    data = orjson.dumps(value, option=orjson.OPT_INDENT_2 if spaced else 0)
    assert decode_in_parts(data, part) == orjson.loads(data)


@given(_VALUES, some.integers(1, 12), some.data())
def test_a_broken_text_is_refused_in_the_same_words(value: JSON, part: int, drawn: some.DataObject) -> None:
    data = bytearray(orjson.dumps(value))
    for _ in range(drawn.draw(some.integers(1, 3))):
        place = drawn.draw(some.integers(0, len(data)))
        data[place : place + drawn.draw(some.integers(0, 1))] = drawn.draw(
            some.sampled_from([b"", b",", *_BROKEN])
        )
    assert _in_parts(bytes(data), part) == _whole(bytes(data))


_BROKEN = (b"[", b"]", b"{", b"}", b'"', b"\\", b":", b"1", b",,", b"\xff")


_BACKSLASHES = ["\\" * count for count in range(8)]


@pytest.mark.parametrize(
    "text",
    [
        "[{},{},,{},{}]",
        "[{},{} {},{}]",
        "[,{},{},{}]",
        "[{},{},{},]",
        '[{},{},{},"',
        '{"a":[{},{},{}],"a":[{"b":1},{},{}]}',
        '[[[{},{}],[{},{}]],[[{},{}],[{},{}]],1,"x",[]]',
        '[{"a":"},{"},{"a":"]\\""},{"a":"\\\\"}]',
        " \r\n\t[ {} , {} \n,\n{} ] ",
        *(
            f'[{{"a":"{backslashes}"}},{{}},{{"b":"x{backslashes}\\"]"}},{{}}]'
            for backslashes in _BACKSLASHES
        ),
        "[" * (MAX_OPEN + 1) + "{},{},{}" + "]" * (MAX_OPEN + 1),
        "[{}]]",
        "",
    ],
)
def test_what_stands_between_items_counts(text: str) -> None:
    for part in range(1, 9):
        assert _in_parts(text.encode(), part) == _whole(text.encode())


def test_a_large_value_is_read_and_its_faults_are_told_where_they_are() -> None:
    messages = [{"role": "user", "content": f"{number} " + "word " * 400} for number in range(4_500)]
    data = orjson.dumps({"id": "x", "messages": messages})
    assert len(data) > LARGE_BYTES
    assert decode(data) == {"id": "x", "messages": messages}
    broken = data[:-2] + b',{"role":}]}'
    with pytest.raises(BadJSON) as raised:
        decode(broken)
    assert raised.value.column == len(broken) - 2
    with pytest.raises(BadJSON) as raised:
        decode(data[:-9])
    assert raised.value.cut


def _brackets_one_by_one(value: JSON, written: bytes) -> list[int]:
    """Where brackets stand outside of the strings of a text, its strings taken from its value."""
    for text in map(orjson.dumps, _strings(value)):
        written = written.replace(text, b"." * len(text), 1)
    return [place for place, byte in enumerate(written) if byte in b"[]{}"]


def _strings(value: JSON) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for item in value for text in _strings(item)]
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (key, *_strings(item))]
    return []


@pytest.mark.parametrize("number", [0, 1, 99, 100, 101, 102, 200, 999, 1000, 1001, 2500])
@pytest.mark.parametrize("text", ["a", 'say "[', '"', '\\"', "]" * 3])
def test_brackets_are_found_whatever_the_number_of_strings_and_of_quotes_in_them(
    text: str, number: int
) -> None:
    several: list[JSON] = [text] * number
    value: JSON = [several, {"a": text * number, "b": several}, [*several, text * number], [[]]]
    data = orjson.dumps(value)
    assert [*brackets(data)] == _brackets_one_by_one(value, data)
