"""n8n executions: from its API, its command line, its pages, and its database.

An execution lists the runs of each node. Nodes of AI are spans here: an agent is one, and the models
and tools connected to it are its children, which n8n records as the runs' sources.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pisama.loaders.base import Document, Loaded, Record
from pisama.loaders.flatted import UnfoldingError, unfold
from pisama.loaders.items import items, sample_items
from pisama.loaders.n8n_runs import node_spans
from pisama.loaders.runs import inside, run_name
from pisama.loaders.span_traces import assemble
from pisama.loaders.values import as_list, as_mapping, as_string, first, open_json
from pisama.report import LoadError
from pisama.trace import JSON, Location

_ENTITIES, _DATA = "execution_entity", "execution_data"
_MARK = "resultData"
_BEGINNING = 4_000
"""Characters of an execution in which its first element, with the mark, is."""
_UNFINISHED = frozenset(("running", "waiting", "new"))


class N8nLoader:
    """An execution as JSON, with its data as an object or as flatted text; or the database of an instance."""

    id: ClassVar[str] = "n8n"
    title: ClassVar[str] = "n8n execution"
    recognised_by: ClassVar[str] = (
        "`data.resultData` (also as flatted text), or SQLite tables `execution_entity` and `execution_data`"
    )

    def sniff(self, document: Document) -> float:
        """Certain of result data, and of the tables that hold it."""
        if {_ENTITIES, _DATA} <= document.tables.keys():
            return 1.0
        if document.text is not None:
            return 0.9 if _json_in(document.text) is not None else 0.0
        marked = any(_is_execution(value) for value in sample_items(document)[:3])
        return 1.0 if marked or any(_is_flatted(value) for value in document.sample[:3]) else 0.0

    def load(self, document: Document) -> Iterator[Loaded]:
        """A trace for each execution."""
        number = 0
        for record in _without_banner(_executions(document)):
            if isinstance(record, LoadError):
                yield record
                continue
            value = as_mapping(record.value)
            found = _result_data(value)
            if isinstance(found, str):
                yield LoadError(found, record.at)
                continue
            name = as_string(first(value, "id", "executionId")) or run_name(document, number)
            number += 1
            spans = node_spans(value, found, name, record.at)
            unfinished = document.growing or as_string(value.get("status")) in _UNFINISHED
            yield from assemble(spans, format_id=self.id, growing=unfinished)


def _is_execution(value: JSON) -> bool:
    record = as_mapping(value)
    data = record.get("data")
    if isinstance(data, str):
        return data.lstrip().startswith("[") and f'"{_MARK}"' in data[:_BEGINNING]
    return "runData" in as_mapping(as_mapping(data).get(_MARK)) or "runData" in as_mapping(record.get(_MARK))


def _is_flatted(value: JSON) -> bool:
    """A list that is the flatted data itself, without a row around it."""
    head = as_mapping((as_list(value) or [None])[0])
    place = head.get(_MARK)
    return isinstance(place, str) and place.isdecimal()


def _json_in(text: str) -> str | None:
    """The JSON that the command line prints after its own words."""
    place = 0 if text.startswith("{") else text.find("\n{") + 1
    found = text[place:] if place or text.startswith("{") else ""
    return found if f'"{_MARK}"' in found else None


def _executions(document: Document) -> Iterator[Record | LoadError]:
    if document.tables:
        yield from _rows(document)
    elif document.text is not None:
        at = Location(document.path)
        value = open_json(_json_in(document.text) or "")
        yield Record(value, at) if isinstance(value, dict) else LoadError("no JSON in it", at)
    elif any(_is_flatted(value) for value in document.sample[:3]):
        for record in document.records():
            if isinstance(record, LoadError):
                yield record
            else:
                yield Record({"data": record.value}, record.at)
    else:
        yield from items(document)


def _without_banner(records: Iterator[Record | LoadError]) -> Iterator[Record | LoadError]:
    """The records without what the command line printed before the first of them, which is no JSON."""
    banner: list[LoadError] = []
    for record in records:
        if isinstance(record, LoadError):
            banner.append(record)
            continue
        yield record
        yield from records
        return
    yield from banner


def _rows(document: Document) -> Iterator[Record]:
    """The executions of a database, each joined with its data."""
    entities, data = document.tables.get(_ENTITIES), document.tables.get(_DATA)
    known = {as_string(row.get("id")): row for row in (entities.rows() if entities is not None else ())}
    for number, row in enumerate(data.rows() if data is not None else ()):
        entity = known.get(as_string(row.get("executionId")), {})
        yield Record({**row, **entity}, inside(Location(document.path), _DATA, number))


def _result_data(record: Mapping[str, JSON]) -> Mapping[str, JSON] | str:
    """The result data of an execution, or why there is none."""
    data = open_json(record.get("data"))
    if isinstance(data, list):
        try:
            data = unfold(data)
        except UnfoldingError as error:
            return f"not flatted data: {error}"
    holder = record if _MARK in record else as_mapping(data)
    found = as_mapping(holder.get(_MARK))
    return found if isinstance(found.get("runData"), dict) else "an execution without run data"
