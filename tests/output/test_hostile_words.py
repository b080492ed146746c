"""Words of a trace stay words in every output: they control no terminal, make no markup and start no command."""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from xml.etree import ElementTree as Xml

import pytest

from pisama.flags import Format
from pisama.mcp_pages import analysis_page
from pisama.mcp_results import QUOTED
from pisama.output import as_statistics
from pisama.output.as_text import render as as_text
from pisama.output.rendering import rendered
from pisama.output.rows import as_line, rows_of
from pisama.report import Report
from pisama.statistics import Statistics
from tests.output.hostile_words import WORDS, hostile_report

EVERY = pytest.mark.parametrize("words", WORDS, ids=ascii)
OURS = re.compile(r"\x1b\[[\d;]*m")
"""Colours, which the text output itself sets."""


IGNORED = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufe00-\ufe0d\U000e0100-\U000e01ef]"
)
"""What Unicode says is not to be shown (Default_Ignorable_Code_Point), and is of no category that says so."""
NOTHING_SELECTED = re.compile("(?<=[a-z \ufe0e\ufe0f])[\ufe0e\ufe0f]")


def unseen(text: str) -> set[str]:
    """The characters that control what shows them, or that nobody sees, line breaks and tabs aside."""
    kinds = {letter for letter in text if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    return (kinds - {"\n", "\t"}) | set(IGNORED.findall(text)) | set(NOTHING_SELECTED.findall(text))


def commands(text: str) -> list[str]:
    """The lines of a log that a runner obeys: Actions where `::` begins one, and it and others at `##[`."""
    return [
        line for line in text.splitlines() if line.lstrip().startswith("::") or re.search(r"##\w*\[", line)
    ]


def statistics_of(report: Report) -> dict[str, str]:
    """The statistics of a report, as each format has them."""
    counted = Statistics()
    for row in (row for trace in report.traces for row in rows_of(trace)):
        counted.add(json.loads(as_line(row)))
    made = {name: getattr(as_statistics, f"as_{name}") for name in ("json", "csv", "markdown")}
    return {
        "text": as_statistics.as_text(counted, None),
        **{name: each(counted) for name, each in made.items()},
    }


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
def test_no_line_of_a_log_is_a_command_to_the_runner_that_keeps_it(words: str) -> None:
    report = hostile_report(words)
    names = set(Format) - {Format.GITHUB, Format.PARQUET}
    texts: dict[str, str] = {name: rendered(report, name) for name in names}
    texts |= {f"narrow {width}": as_text(report, width=width) for width in (60, 77)}
    texts |= {f"statistics as {name}": text for name, text in statistics_of(report).items()}
    assert {name: commands(text) for name, text in texts.items() if commands(text)} == {}
    assert not re.search(r"##\w*\[", rendered(report, "github"))


@EVERY
def test_statistics_hold_nothing_that_controls_whatever_shows_them(words: str) -> None:
    texts = statistics_of(hostile_report(words))
    assert {name: unseen(text) for name, text in texts.items()} == {name: set() for name in texts}
    plain = statistics_of(hostile_report("word"))["markdown"]
    assert Elements(texts["markdown"]).found == Elements(plain).found == []
    for mark in ("](", "![", "`", "@", "https://", "www.", "|--", "$$"):
        assert texts["markdown"].count(mark) == plain.count(mark), mark


@EVERY
def test_no_cell_of_a_spreadsheet_begins_like_a_formula(words: str) -> None:
    for delimiter in ",;":
        rows = csv.reader(statistics_of(hostile_report(words))["csv"].splitlines(), delimiter=delimiter)
        begins = {unicodedata.normalize("NFKC", cell).lstrip()[:1] for row in rows for cell in row}
        assert begins.isdisjoint("=+-@"), delimiter


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
def test_no_message_for_code_scanning_holds_a_link_of_the_trace(words: str) -> None:
    def messages(value: object) -> Iterator[str]:
        if isinstance(value, list):
            yield from (text for each in value for text in messages(each))
        elif isinstance(value, dict):
            if isinstance(message := value.get("message"), dict):
                yield message["text"]
            yield from (text for each in value.values() for text in messages(each))

    (run,) = json.loads(rendered(hostile_report(words), "sarif"))["runs"]
    told = [*messages(run["results"]), *messages(run["invocations"])]
    assert len(told) >= 5
    assert not [text for text in told if re.search(r"\]\(", text)]


@EVERY
def test_a_mention_of_the_trace_is_none_when_its_entities_are_letters_again(words: str) -> None:
    shown = unescape(rendered(hostile_report(words), "markdown"))
    assert not re.search(r"[@#](?=[\w\[/-])", shown)


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
