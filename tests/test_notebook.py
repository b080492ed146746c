from __future__ import annotations

import importlib.util
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from pisama.notebook import COLUMNS
from pisama.report import Report
from tests.output.reports import CLAIM, EMPTY, QUIET, REPEAT, SEVERAL, trace_report


class Reader(HTMLParser):
    """The tags and the words of a page; fails where a tag is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert {name for name, _ in attrs} <= {"style"}
        self.tags.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(report: Report) -> Reader:
    reader = Reader()
    reader.feed(report._repr_html_())
    assert reader.open == []
    return reader


def test_a_report_shows_itself_with_its_traces_and_issues_worst_first() -> None:
    words = read(SEVERAL).words
    assert "3 traces, 3 issues" in " ".join(words)
    assert "not readable: broken.json:1: not JSON: line 1, column 1" in words
    assert words.index(CLAIM.summary) < words.index(REPEAT.summary)


def test_nothing_found_and_nothing_read_are_said() -> None:
    assert "nothing found" in read(QUIET).words
    assert any(word.startswith("not readable") for word in read(EMPTY).words)


def test_words_of_a_trace_are_escaped() -> None:
    hostile = replace(CLAIM, summary="<script>alert(1)</script>", agent='"><img src=x onerror=alert(1)>')
    reader = read(Report((trace_report(hostile),)))
    assert set(reader.tags) <= {"div", "p", "b", "table", "tr", "th", "td"}
    assert "<script>alert(1)</script>" in reader.words


def test_many_rows_are_cut_and_counted() -> None:
    report = Report((trace_report(*[REPEAT] * 200),))
    assert "150 rows more" in " ".join(read(report).words)
    assert len(report._repr_html_()) < 20_000


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_the_issues_are_a_data_frame(library: Any) -> None:
    pytest.importorskip(library)
    frame = SEVERAL.to_frame(library)
    assert type(frame).__module__.partition(".")[0] == library
    assert list(frame.columns) == COLUMNS
    assert list(frame["type"]) == ["hallucination", "loop", "loop"]
    assert list(frame["severity"]) == [85, 45, 45]
    assert len(QUIET.to_frame(library)) == 0


def test_without_either_library_the_error_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pisama.notebook.find_spec", lambda _: None)
    with pytest.raises(ImportError, match="needs pandas or polars"):
        QUIET.to_frame()


def test_without_a_choice_the_library_that_is_installed_is_used() -> None:
    if not any(importlib.util.find_spec(name) for name in ("pandas", "polars")):
        pytest.skip("neither pandas nor polars is installed")
    assert len(SEVERAL.to_frame()) == 3
