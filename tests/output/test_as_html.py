import json
import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from pisama.output import page_data as module
from pisama.output.as_html import render
from pisama.output.page_data import page_data
from pisama.report import Attribution, Candidate, Report, Suppressed
from pisama.trace import JSON, Message, Step, ToolCall, Trace
from tests.output.reports import CLAIM, EMPTY, REPEAT, SEVERAL, UNREADABLE, trace_report

CAUSE = Attribution(
    "booker",
    3,
    None,
    0.314,
    "it claims success",
    (Candidate("booker", 3, None, 0.9, "it claims success"), Candidate("planner", 0, None, 0.2, "it began")),
)
ISSUE = {
    "type": "hallucination",
    "signal": "false_success",
    "level": "critical",
    "severity": 85,
    "confidence": 0.9,
    "summary": "“It is booked.” is claimed although book_flight failed.",
    "fix": "Let the agent report failure.",
    "fault": "agent",
    "agent": "booker",
    "step": 3,
    "span": None,
    "at": "line 7 /steps/3",
    "fingerprint": "0123456789abcdef",
    "evidence": [
        {"step": 3, "call": None, "quote": "It is booked.", "note": "the claim"},
        {
            "step": 2,
            "call": 0,
            "quote": "payment service unavailable",
            "note": "the last result of book_flight",
        },
    ],
}
OVERVIEW = {
    "version": "0.1.0",
    "traces": [
        {
            "id": "run-1",
            "file": None,
            "format": "transcript",
            "verdict": "failed",
            "issues": {"critical": 1},
            "worst": {
                "type": "hallucination",
                "summary": "“It is booked.” is claimed although book_flight failed.",
                "severity": 85,
            },
            "steps": 4,
            "calls": 2,
            "failed": 1,
            "input": 300,
            "output": 30,
            "cost": 0.0125,
            "seconds": 1.5,
            "crashed": 0,
            "skipped": 2,
            "ran": 2,
        }
    ],
    "errors": [{"at": "broken.json:1", "reason": "not JSON: line 1, column 1", "fatal": True}],
    "stale": [],
}
TRACE_DATA = {
    "task": 0,
    "fault": "the agent is at fault",
    "complete": True,
    "outcome": None,
    "began": "1970-01-01T00:00:00+00:00",
    "agents": ["planner", "booker"],
    "cause": {
        "agent": "booker",
        "step": 3,
        "confidence": 0.31,
        "reason": "it claims success",
        "sure": True,
        "others": [{"agent": "planner", "step": 0, "reason": "it began"}],
    },
    "issues": [ISSUE],
    "tools": [
        {"name": "search_flights", "calls": 1, "failed": 0, "unknown": 0, "error": ""},
        {
            "name": "book_flight",
            "calls": 1,
            "failed": 1,
            "unknown": 0,
            "error": "payment service unavailable",
        },
    ],
    "ran": ["loop", "hallucination"],
    "skipped": [
        {"detector": "overflow", "reason": "the trace does not record times"},
        {"detector": "retrieval", "reason": "the trace does not record times"},
    ],
    "crashed": [],
    "hidden": [],
    "covered": [],
    "suppressed": [{**ISSUE, "by": "rule", "reason": "known"}],
    "steps": [
        {
            "n": 0,
            "agent": 0,
            "seen": [{"role": "user", "text": 0}],
            "text": 1,
            "to": "booker",
            "input": 100,
            "output": 10,
        },
        {
            "n": 1,
            "agent": 1,
            "seen": [{"role": "user", "text": 0}, {"role": "assistant", "name": "planner", "text": 1}],
            "text": 2,
            "calls": [{"name": "search_flights", "arguments": [["day", 3]], "result": 4}],
            "input": 200,
            "output": 20,
            "start": 0.0,
            "end": 1500.0,
            "parent": 0,
        },
        {
            "n": 2,
            "agent": 1,
            "calls": [{"name": "book_flight", "failed": True, "arguments": [["number", 4]], "error": 5}],
            "parent": 0,
        },
        {"n": 3, "agent": 1, "text": 6, "parent": 0},
    ],
    "texts": [
        "Book a flight.",
        "Please book SK803.",
        "I will look first.",
        "2026-05-12",
        "SK803",
        "payment service unavailable",
        "It is booked.",
    ],
}


class Blocks(HTMLParser):
    """The blocks of a page: what stands in its scripts, its styles and its policy."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.data: dict[str, JSON] = {}
        self.sources: dict[str, str] = {}
        self.policy = ""
        self._open: tuple[str, str | None] = ("", None)
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self._open = (tag, values.get("id"))
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"] or ""

    def handle_data(self, data: str) -> None:
        tag, name = self._open
        if tag == "script" and name is not None:
            self.data[name] = json.loads(data)
        elif tag in ("script", "style"):
            self.sources[tag] = self.sources.get(tag, "") + data

    def handle_endtag(self, tag: str) -> None:
        self._open = ("", None)


def _one(*steps: Step) -> Report:
    return Report((trace_report(trace=Trace("one", "transcript", steps=steps, agents=("agent",))),))


def test_the_data_of_a_page_is_all_that_is_shown() -> None:
    report = replace(trace_report(CLAIM), hidden=(), attribution=CAUSE)
    report = replace(report, suppressed=(Suppressed(CLAIM, "rule", "known"),))
    blocks = Blocks(render(Report((report,), (UNREADABLE,))))
    assert blocks.data == {"overview": OVERVIEW, "trace-1": TRACE_DATA}


def test_the_policy_admits_what_stands_in_the_page_and_nothing_else() -> None:
    blocks = Blocks(render(SEVERAL))
    hashes = {tag: b64encode(sha256(text.encode()).digest()).decode() for tag, text in blocks.sources.items()}
    assert blocks.policy == (
        f"default-src 'none'; script-src 'sha256-{hashes['script']}'; style-src 'sha256-{hashes['style']}'; "
        "base-uri 'none'; form-action 'none'"
    )


def test_a_page_names_no_address_of_a_network() -> None:
    addresses = set(re.findall(r"https?://[^\s\"'`)]+", render(SEVERAL)))
    assert addresses == {"http://www.w3.org/1999/xhtml", "http://www.w3.org/2000/svg"}


@pytest.mark.parametrize(
    "word", ["</script>", "<!--", "<script>", "&lt;", "\u2028", "\ud800", "\x00\x1b[2J", "]]>"]
)
def test_no_word_ends_the_block_it_stands_in(word: str) -> None:
    step = Step(0, "agent", f"before{word}after", tool_calls=(ToolCall(word, {word: word}, result=word),))
    page = render(_one(step))
    page.encode()
    block = page.partition('id="trace-1">')[2].partition("</script>")[0]
    assert not set(block) & set("<>&\u2028\u2029")
    texts = json.loads(block)["texts"]
    assert texts[0].startswith("before")
    assert texts[0].endswith("after")


def test_colours_go_and_control_characters_are_seen() -> None:
    _, (trace,) = page_data(_one(Step(0, "agent", "\x1b[31mred\x1b[0m\r\n\tnext\u202e\x00")))
    assert trace["texts"] == ["red\n\tnext··"]


def test_secrets_are_nowhere_in_the_page() -> None:
    key = f"sk-ant-{'a1B2' * 6}"
    step = Step(
        0,
        "agent",
        f"The key is {key}.",
        reasoning=key,
        tool_calls=(
            ToolCall(
                "login", {"password": "correct-horse", "keys": {"api_key": "battery-staple"}}, result=key
            ),
            ToolCall("raw", f"password=correct-horse {key}", error=key),
        ),
        seen=(Message("user", key),),
        error=key,
    )
    page = render(_one(step))
    assert [secret for secret in (key, "correct-horse", "battery-staple") if secret in page] == []
    assert page.count("[secret:") >= 6


def test_a_result_is_shown_with_its_call_and_not_again_where_the_agent_saw_it() -> None:
    first = Step(0, "agent", tool_calls=(ToolCall("look", {}, result="found"),))
    then = Step(
        1, "agent", "Good.", seen=(Message("tool", "found", "look"), Message("tool", "from elsewhere"))
    )
    _, (trace,) = page_data(_one(first, then))
    steps = trace["steps"]
    assert isinstance(steps, list)
    assert steps[1] == {"n": 1, "agent": 0, "seen": [{"role": "tool", "text": 1}], "text": 2}


def test_of_what_a_thousand_agents_said_a_step_shows_the_latest() -> None:
    heard = tuple(Message("assistant", f"word {number}", f"agent {number}") for number in range(1_000))
    _, (trace,) = page_data(_one(Step(0, "agent", "Done.", seen=heard)))
    assert isinstance(trace["steps"], list)
    assert isinstance(trace["texts"], list)
    assert trace["steps"][0]["earlier"] == 980  # type: ignore[call-overload, index]
    assert trace["texts"][0] == "word 980"


def test_an_endless_text_is_cut_in_the_middle_and_says_so() -> None:
    _, (trace,) = page_data(_one(Step(0, "agent", "a" * 200_000 + "z" * 100_000)))
    assert trace["texts"] == [f"{'a' * 75_000}\n… 200,000 characters left out …\n{'z' * 25_000}"]


def test_what_does_not_fit_is_cut_shorter_and_then_left_out_the_worst_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "BUDGET", 25_000)
    steps = tuple(Step(number, "agent", f"{number} {'x' * 5_000}") for number in range(20))
    trace = Trace("long", "transcript", steps=steps, agents=("agent",))
    _, (quiet, failed) = page_data(Report((trace_report(trace=trace), trace_report(CLAIM, trace=trace))))
    assert quiet["steps"] is None
    assert isinstance(failed["steps"], list)
    assert isinstance(failed["texts"], list)
    assert len(failed["texts"]) == 20
    assert {len(str(text)) < 1_100 for text in failed["texts"]} == {True}


def test_without_scripts_the_page_says_what_a_notebook_says() -> None:
    page = render(Report((trace_report(CLAIM, REPEAT),), EMPTY.errors))
    told = page.partition("<noscript>")[2].partition("</noscript>")[0]
    assert "not readable: broken.json:1: not JSON: line 1, column 1" in told
    assert CLAIM.summary in told
