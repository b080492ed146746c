"""The HTML report as a person has it: in Chromium, with mouse and keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest
from selenium.webdriver import Chrome

import pisama
from benchmarks.browser import MISSING, chromium
from pisama.issue import Evidence
from pisama.output.as_html import render
from pisama.report import Crashed, Report, Skipped, Stale, Suppressed, TraceReport
from pisama.trace import Location, Message, Step, ToolCall, Trace, Usage
from tests.output.browser import Page
from tests.output.reports import CLAIM, EMPTY, REPEAT, SEVERAL, TRACE, UNREADABLE, trace_report

pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))

Open: TypeAlias = Callable[..., Page]
EXAMPLES = Path(__file__).parent.parent.parent / "examples"
STEPS = 10_000


@pytest.fixture(scope="module")
def driver() -> Iterator[Chrome]:
    with chromium() as started:
        yield started


@pytest.fixture
def show(driver: Chrome, tmp_path: Path) -> Iterator[Open]:
    """Opens a report; when the test is done, nothing may have gone wrong on the page or been asked of a network."""
    pages: list[Page] = []

    def shown(report: Report, fragment: str = "") -> Page:
        file = tmp_path / "report.html"
        file.write_text(render(report), encoding="utf-8")
        pages.append(Page(driver, file, fragment))
        return pages[-1]

    yield shown
    for page in pages[-1:]:
        assert page.logs() == []
        assert [url for url in page.requests() if not url.startswith(("file://", "about:"))] == []


def failing() -> Report:
    return pisama.analyze(EXAMPLES / "failing-tool.messages.json")


def long_run() -> Report:
    steps = tuple(
        Step(number, f"agent {number % 3}", f"Step number {number} speaks.", usage=Usage(number, 10))
        for number in range(STEPS)
    )
    trace = Trace("long", "transcript", steps=steps, agents=("agent 0", "agent 1", "agent 2"))
    cited = replace(CLAIM, step=7_654, evidence=(Evidence("Step number 7654 speaks.", step=7_654),))
    return Report((trace_report(cited, trace=trace),))


def test_the_verdict_the_cause_and_the_worst_issue_are_read_first(show: Open) -> None:
    report = failing()
    page = show(report)
    cause = report.attribution
    assert cause is not None
    assert page.text("h1").startswith("Failed")
    assert "book_flight failed all 6 times" in page.text("h1")
    assert page.texts(".story dt") == ["At fault", "Most likely cause", "Task"]
    assert f"{cause.agent} at step {cause.step}, because {cause.reason}." in page.texts(".story p")[0]
    assert page.texts(".card .name") == ["Critical hallucination", "High loop"]
    assert page.text(".card.chosen .fix").startswith("Fix Let the agent report success")


def test_a_click_on_an_issue_marks_its_evidence_and_brings_it_into_view(show: Open) -> None:
    page = show(failing())
    assert page.texts("mark.evidence")[-1].startswith("Your flight from Oslo to London on 12 May is booked.")
    page.click(".card:nth-child(2) .choose")
    assert set(page.texts("mark.evidence")) == {"Error: payment service unavailable (503)"}
    assert page.run("return [...document.querySelectorAll('.step.cited')].map((step) => step.id)") == [
        f"step-{step}" for step in (4, 6, 8, 10, 12)
    ]
    assert page.in_view("#step-4 mark.evidence")
    assert page.run("return location.hash") == "#trace-1/issue-2"
    page.click(".card:nth-child(2) .evidence li:nth-child(2) .link")
    assert page.in_view("#step-12 mark.evidence")


def test_a_marker_in_the_timeline_chooses_its_issue(show: Open) -> None:
    page = show(failing())
    page.click(".marker[aria-label^='Issue 2']")
    assert page.texts(".card.chosen .name") == ["High loop"]


def test_an_address_opens_its_issue_or_its_step(show: Open) -> None:
    page = show(failing(), "#trace-1/issue-2")
    assert page.texts(".card.chosen .name") == ["High loop"]
    page = show(failing(), "#trace-1/step-10")
    assert page.run("return document.activeElement.id") == "step-10"


def test_a_step_shows_what_was_given_said_called_and_returned(show: Open) -> None:
    page = show(Report((trace_report(),)))
    assert [line for line in page.text("#step-1 .body").splitlines() if line] == [
        "User",
        "Book a flight.",
        "planner",
        "Please book SK803.",
        "Said",
        "I will look first.",
        "search_flights",
        "day",
        "2026-05-12",
        "Result",
        "SK803",
        "200 tokens in, 20 out · at 0 s · delegated at step 0",
    ]


def test_words_of_a_trace_run_nothing_and_are_shown_as_they_are(show: Open) -> None:
    page = show(hostile())
    assert page.run("return window.executed") is None
    assert (
        page.run("return document.querySelectorAll('img, svg image, iframe, object, [onerror]').length") == 0
    )
    assert (
        page.run("return document.querySelectorAll('script').length") == 3
    )  # two of data, and the page's own
    everything = page.run("return document.body.textContent")
    for place in (
        "task",
        "said",
        "thought",
        "given",
        "argument",
        "result",
        "model error",
        "summary",
        "quote",
    ):
        assert f"{INJECTED}{place}" in everything
    assert INJECTED in page.text("h1")
    page.press("?")
    assert page.run("return document.querySelector('dialog').open")


def test_the_policy_lets_no_other_script_run(show: Open) -> None:
    page = show(failing())
    page.run(
        "const added = document.createElement('script'); added.textContent = 'window.executed = true';"
        "document.body.append(added)"
    )
    page.run(
        "document.body.insertAdjacentHTML('beforeend', '<b onclick=\"window.executed = true\" id=bad>x</b>')"
    )
    page.run("document.getElementById('bad').click()")
    assert page.run("return window.executed") is None
    assert all("Content Security Policy" in line for line in page.logs())


def test_a_search_counts_marks_and_goes_through_what_it_finds(show: Open) -> None:
    page = show(failing())
    page.press("/")
    page.search("bk-77123")
    page.until("document.querySelector('.hit-count').textContent === '1 step'")
    page.press("\ue007")
    assert page.text(".hit-count") == "1 of 1 step"
    assert page.texts("mark.hit") == ["BK-77123"] * len(page.texts("mark.hit"))
    page.click("[data-kind=found]")
    assert page.run("return [...document.querySelectorAll('.step')].map((step) => step.id)") == ["step-14"]


def test_filters_leave_the_steps_that_are_asked_for(show: Open) -> None:
    page = show(Report((trace_report(CLAIM),)))
    ids = "return [...document.querySelectorAll('.step')].map((step) => step.id)"
    page.click("[data-kind=failed]")
    assert page.run(ids) == ["step-2"]
    page.click("[data-kind=calls]")
    assert page.run(ids) == ["step-1", "step-2"]
    page.click("[data-kind=all]")
    page.click(".labels button:nth-of-type(1)")
    assert page.run(ids) == ["step-0"]
    assert page.text(".steps .bar [role=status]") == "1 of 4 steps"


def test_the_keyboard_goes_through_steps_and_issues(show: Open) -> None:
    page = show(failing())
    page.press("j", "j")
    assert page.run("return document.activeElement.id") == "step-4"
    page.press("k")
    assert page.run("return document.activeElement.id") == "step-2"
    page.press("o")
    assert page.run("return document.querySelector('#step-2 .toggle').ariaExpanded") == "false"
    page.press("n")
    assert page.texts(".card.chosen .name") == ["High loop"]
    page.press("n")
    assert page.texts(".card.chosen .name") == ["Critical hallucination"]
    page.press("e")
    assert page.texts(".step .body") == []
    page.press("+")
    assert (
        page.run("return document.querySelector('.span').style.width") == "100%"
    )  # seven steps need no zoom
    page.press("?")
    assert page.text("dialog h2") == "Keys"


def test_a_theme_is_chosen_and_kept(show: Open) -> None:
    ground = "return getComputedStyle(document.body).backgroundColor"
    page = show(failing())
    page.run("localStorage.clear()")
    page = show(failing())
    page.press("t")
    light = page.run(ground)
    page.press("t")
    dark = page.run(ground)
    assert light != dark
    page = show(failing())
    assert (page.text(".theme"), page.run(ground)) == ("Dark", dark)


def test_each_of_ten_thousand_steps_is_reached_though_few_are_drawn(show: Open) -> None:
    page = show(long_run())
    assert page.text(".steps .bar [role=status]") == "10,000 steps"
    assert page.run("return document.querySelectorAll('.step').length") < 500
    page.press("n")
    assert page.in_view("#step-7654 mark.evidence")
    page.run("scrollTo(0, document.body.scrollHeight)")
    page.until("document.getElementById('step-9999')")
    page.run("location.hash = '#trace-1/step-5000'")
    page.until("document.activeElement.id === 'step-5000'")
    assert "Step number 5000 speaks." in page.text("#step-5000 .body")
    page.press("/")
    page.search("number 1234 speaks")
    page.until("document.querySelector('.hit-count').textContent === '1 step'")
    page.press("\ue007")
    assert page.in_view("#step-1234 mark.hit")
    page.press("\ue00c", "+", "+")
    assert page.run("return document.querySelector('.span').style.width") == "400%"
    assert page.run("return document.querySelectorAll('.step').length") < 1000


def test_a_long_text_is_folded_around_its_evidence(show: Open) -> None:
    lines = "\n".join(f"line {number}" for number in range(500))
    step = Step(0, "booker", f"{lines}\nIt is booked.\n{lines}")
    trace = Trace("long", "transcript", steps=(step,), agents=("booker",))
    issue = replace(CLAIM, step=0, evidence=(Evidence("It is booked.", step=0),))
    page = show(Report((trace_report(issue, trace=trace),)))
    assert page.texts("mark.evidence") == ["It is booked."]
    assert len(page.texts("#step-0 .passage")[0]) < 1_000
    page.click("#step-0 .fold")
    assert "line 499\nIt is booked.\nline 0\n" in page.texts("#step-0 .passage")[0]


def test_several_traces_are_a_table_that_sorts_and_leads_to_each(show: Open) -> None:
    page = show(SEVERAL)
    assert page.text("h1").split("\n") == ["3 traces:", "1 failed", "1 suspect", "1 nothing found"]
    assert "broken.json:1: not JSON: line 1, column 1" in page.text(".warning")
    assert page.texts("tbody .verdict") == ["Failed", "Suspect", "Nothing found"]
    page.click("[data-column=verdict] button")
    assert page.texts("tbody .verdict") == ["Nothing found", "Suspect", "Failed"]
    assert page.run("return document.querySelector('[data-column=verdict]').ariaSort") == "ascending"
    page.click("h1 .suspect")
    assert page.texts("tbody .verdict") == ["Suspect"]
    page.click("tbody a")
    page.until("location.hash === '#trace-3'")
    assert page.text("h1").startswith("Suspect")
    page.press("u")
    page.until("document.querySelector('.overview')")


def test_what_was_not_examined_is_not_called_clean(show: Open) -> None:
    crashed = replace(
        trace_report(),
        crashed=(Crashed("corruption", "KeyError: 'x'"),),
        suppressed=(Suppressed(CLAIM, "rule", "known since May"),),
    )
    stale = Stale("0" * 16, "loop", "old.json", "It went round.")
    page = show(Report((crashed,), (UNREADABLE,), (stale,)))
    assert page.text("h1").startswith(
        "Nothing found 2 of 5 detectors could look at this run and found nothing."
    )
    told = page.text("main")
    for words in (
        "corruption crashed",
        "corruption: KeyError: 'x'",
        "overflow, retrieval: the trace does not record times",
        "known since May",
        "broken.json:1: not JSON",
        "1 entry of the baseline no longer found",
    ):
        assert words in told
    assert "could not be read" in show(EMPTY).text("main")


def test_print_shows_everything_that_matters_open(show: Open) -> None:
    page = show(long_run())
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        page.run("dispatchEvent(new Event('beforeprint'))")
        shown = page.text("main")
        assert "Let the agent report failure." in shown
        assert [n for n in (7_653, 7_654, 7_655) if f"Step number {n} speaks." in shown] == [
            7_653,
            7_654,
            7_655,
        ]
        assert "9,997 steps are not printed" in shown
        assert "the trace does not record times" in shown
        assert page.run("return document.querySelector('.top').offsetHeight") == 0
        page.run("dispatchEvent(new Event('afterprint'))")
    finally:
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert page.text(".steps .bar [role=status]") == "10,000 steps"
    assert page.driver.execute_cdp_cmd("Page.printToPDF", {})["data"].startswith("JVBERi")


@pytest.mark.parametrize("width", [390, 1400])
def test_no_width_makes_the_page_scroll_sideways(show: Open, width: int) -> None:
    page = show(failing())
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        assert page.run("return document.documentElement.scrollWidth") <= width
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


INJECTED = "</script><script>window.executed = 1</script><img src=x onerror='window.executed = 2'>"


def hostile() -> Report:
    """A report whose every word comes from someone who wants to run a script in it."""

    def word(place: str) -> str:
        return f"{INJECTED}{place}"

    call = ToolCall(
        word("tool"),
        {word("name"): word("argument")},
        result=word("result"),
        error=word("error"),
        span_id=word("span"),
    )
    step = Step(
        0,
        word("agent"),
        word("said"),
        word("thought"),
        (call,),
        (Message("user", word("given"), word("giver")),),
        recipient=word("recipient"),
        model=word("model"),
        finish_reason=word("finish"),
        error=word("model error"),
        span_id=word("step span"),
        at=Location(word("path"), 1, word("pointer")),
    )
    trace = replace(
        TRACE,
        id=word("id"),
        task=word("task"),
        steps=(step,),
        agents=(word("agent"),),
        outcome=word("outcome"),
        at=step.at,
    )
    issue = replace(
        REPEAT,
        type=word("type"),
        signal=word("signal"),
        summary=word("summary"),
        recommendation=word("fix"),
        agent=word("agent"),
        step=0,
        span_id=word("span"),
        evidence=(Evidence(word("quote"), 0, 0, word("note")),),
        at=step.at,
    )
    report = TraceReport(
        trace,
        (issue,),
        trace_report().totals,
        trace_report().tools,
        ran=(word("ran"),),
        skipped=(Skipped(word("skipped"), word("reason")),),
        crashed=(Crashed(word("crashed"), word("error")),),
        hidden=(issue,),
        covered=(issue,),
        suppressed=(Suppressed(issue, "rule", word("why")),),
    )
    stale = Stale(word("fingerprint"), word("type"), word("path"), word("summary"))
    return Report((report,), (replace(UNREADABLE, reason=word("unread")),), (stale,))
