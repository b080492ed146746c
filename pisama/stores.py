"""Stores: what the calls of a run read from and wrote to memories, records and files of fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from pisama.facts import NODES, fields, normal_key, opened
from pisama.features import CallFeatures
from pisama.patterns import lazy
from pisama.trace import JSON

Cell: TypeAlias = tuple[str, str]
"""What is stored where: the entity (an id, or the memory itself) and the field."""

_WRITING = lazy(
    r"(?:^|_)(?:set|save|store|update|write|put|patch|modify|edit|change|remember|memorize|memorise|record|upsert|replace)"
    r"(?:$|_)"
)
_READING = lazy(
    r"(?:^|_)(?:get|read|load|fetch|recall|retrieve|find|lookup|show|view|describe|query|search|list)(?:$|_)"
)
_MEMORY = lazy(r"memor|remember|recall|state|scratch|note|store|kv|context|variable|blackboard")
_KEY_NAMES = ("key", "name", "topic", "field", "variable", "slot", "path")
_VALUE_NAMES = ("value", "content", "data", "text", "items", "fact", "note")
_ENTITY = lazy(r"(?:^|_)(?:id|email|sku|iban|account)$")


class Access(NamedTuple):
    """One value read from or written to one cell."""

    cell: Cell
    value: JSON
    mode: Literal["read", "write", "use"]
    """`use`: an argument of a call that neither reads nor writes the cell."""
    call: CallFeatures


def accesses(call: CallFeatures) -> Iterator[Access]:
    """What a call that did not fail read, wrote and used; nothing when the names do not tell."""
    arguments = call.call.arguments
    if not isinstance(arguments, dict) or call.outcome.failed:
        return
    name = normal_key(call.name)
    key = _first(arguments, _KEY_NAMES) if _MEMORY.search(name) else None
    if key is not None:
        yield from _of_memory(
            call, arguments, ("memory", normal_key(str(key))), reads=bool(_READING.search(name))
        )
    elif entity := _entity(arguments):
        yield from _of_record(call, arguments, entity, name)


def _of_memory(
    call: CallFeatures, arguments: dict[str, JSON], cell: Cell, *, reads: bool
) -> Iterator[Access]:
    value = _first(arguments, _VALUE_NAMES)
    if value is not None and not reads:
        yield Access(cell, _unwrapped(value), "write", call)
    elif value is None and reads and call.call.result is not None:
        yield Access(cell, _returned(call.call.result), "read", call)


def _of_record(call: CallFeatures, arguments: dict[str, JSON], entity: str, name: str) -> Iterator[Access]:
    mode: Literal["write", "use"] = "write" if _WRITING.search(name) else "use"
    for key, value in _columns(arguments):
        yield Access((entity, key), value, mode, call)
    record = opened(call.call.result or "") if _READING.search(name) else None
    if isinstance(record, dict):
        for key, value in _columns(record):
            yield Access((entity, key), value, "read", call)


def _columns(record: dict[str, JSON]) -> Iterator[tuple[str, JSON]]:
    for key, value in list(record.items())[:NODES]:
        name = normal_key(key)
        if _plain(value) and not _ENTITY.search(name):
            yield name, value


def _entity(arguments: dict[str, JSON]) -> str:
    return "|".join(
        sorted(f"{fact.key}={fact.value}" for fact in fields(arguments) if _ENTITY.search(fact.key))[:5]
    )


def _first(arguments: dict[str, JSON], names: tuple[str, ...]) -> JSON:
    return next((arguments[name] for name in names if arguments.get(name) is not None), None)


def _plain(value: JSON) -> bool:
    """Whether a value is a scalar or a list of scalars."""
    if isinstance(value, list):
        return all(isinstance(item, (str, int, float)) for item in value)
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


def _unwrapped(value: JSON) -> JSON:
    return (
        opened(value) if isinstance(value, str) and value[:1] == "[" and opened(value) is not None else value
    )


def _returned(result: str) -> JSON:
    """The value in what a memory returned, which may wrap it as `{"value": …}`."""
    value = opened(result)
    if isinstance(value, dict):
        inner = _first(value, _VALUE_NAMES)
        return inner if inner is not None else result
    return value if value is not None else result.strip().strip("\"'")
