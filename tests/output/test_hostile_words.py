"""Words of a trace stay words in every output: they control no terminal, make no markup and start no command."""

from __future__ import annotations

import json
import re
import unicodedata
from html.parser import HTMLParser
from xml.etree import ElementTree as Xml

import pytest

from pisama.flags import Format
from pisama.mcp_pages import analysis_page
from pisama.mcp_results import QUOTED
from pisama.output.as_text import render as as_text
from pisama.output.rendering import rendered
from pisama.report import Report
from tests.output.hostile_words import WORDS, hostile_report

EVERY = pytest.mark.parametrize("words", WORDS, ids=ascii)
OURS = re.compile(r"\x1b\[[\d;]*m")
"""Colours, which the text output itself sets."""


def unseen(text: str) -> set[str]:
    """The characters that control what shows them, or that nobody sees, line breaks and tabs aside."""
    kinds = {letter for letter in text if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    return kinds - {"\n", "\t"}


@EVERY
def test_a_terminal_gets_nothing_but_letters_and_our_own_colours(words: str) -> None:
    report = hostile_report(words)
    assert unseen(as_text(report, color=False)) == set()
    assert unseen(OURS.sub("", as_text(report, color=True))) == set()


@EVERY
def test_no_file_holds_a_character_that_controls_whatever_shows_it(words: str) -> None:
    report = hostile_report(words)
    for name in Format:
        if name not in (Format.TEXT, Format.PARQUET):
            assert unseen(rendered(report, name)) == set(), name


@EVERY
@pytest.mark.parametrize("name", ["json", "sarif"])
def test_json_says_the_same_words(name: str, words: str) -> None:
    value = json.loads(rendered(hostile_report(words), name))
    if name == "json":
        (issue,) = value["issues"]
        assert issue["summary"] == f"It said {words}"
        assert issue["evidence"][0]["quote"] == words
    else:
        (run,) = value["runs"]
        assert len(run["results"]) == 1


@EVERY
def test_xml_has_the_elements_that_we_wrote_and_no_others(words: str) -> None:
    root = Xml.fromstring(rendered(hostile_report(words), "junit"))  # noqa: S314 - what we wrote ourselves
    harmless = Xml.fromstring(rendered(hostile_report("word"), "junit"))  # noqa: S314
    assert [each.tag for each in root.iter()] == [each.tag for each in harmless.iter()]


@EVERY
def test_a_workflow_gets_one_command_a_line_and_no_other(words: str) -> None:
    text = rendered(hostile_report(words), "github")
    lines = text.splitlines()
    assert len(lines) == len(rendered(hostile_report("word"), "github").splitlines())
    for line in lines:
        assert re.match(r"::(?:error|warning|notice) [^:]*::", line)
        properties, _, message = line.partition("::")[2].partition("::")
        assert not re.search(r"%(?!25|0A|0D|3A|2C)", properties + message)


class Elements(HTMLParser):
    """The tags and attributes that a browser would see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))


@EVERY
def test_markdown_gets_no_tag_link_mention_code_or_heading_of_the_trace(words: str) -> None:
    text = rendered(hostile_report(words), "markdown")
    plain = rendered(hostile_report("word"), "markdown")
    assert Elements(text).found == Elements(plain).found
    assert len(text.splitlines()) == len(plain.splitlines())
    assert [line[:2] for line in text.splitlines()] == [line[:2] for line in plain.splitlines()]
    for mark in ("](", "![", "`", "@", "https://", "www.", "|--", "$$"):
        assert text.count(mark) == plain.count(mark), mark


@EVERY
def test_an_assistant_gets_the_words_as_data_that_are_said_to_be_data(words: str) -> None:
    report = hostile_report(words)
    result = analysis_page(Report(report.traces, report.errors), None, None, 100_000)
    (content,) = result.content
    value = json.loads(getattr(content, "text", ""))
    assert value == result.structured_content
    assert next(iter(value)) == "note"
    assert value["note"] == QUOTED
    assert unseen(json.dumps(value, ensure_ascii=False)) == set()
