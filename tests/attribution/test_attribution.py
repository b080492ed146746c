"""Who and when, through the library and the command line, on runs made by this project."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import pisama
from pisama.attribution import attribute
from pisama.attribution.model import shipped
from pisama.attribution.ranker import MOST_STEPS, rank
from pisama.attribution.reasons import PLACES, SHOWS
from pisama.attribution.run import Run
from pisama.attribution.signs import ORDER, signs
from pisama.report import Attribution, TraceReport
from pisama.trace import Step, Trace
from pisama.transcript import parse

EXAMPLES = Path(__file__).parent.parent.parent / "examples"

MADE_UP = """
    task: How many herons nested on Gull Island in 2019, according to the harbour office?
    outcome: error
    planner: Let us ask the harbour office for its count of herons on Gull Island.
    counter: Here are the figures I have: 4,310 herons in 2018, 4,882 in 2019 and 5,120 in 2020, as typically estimated.
    planner: That looks correct. The answer is 4,882.
    answer: 4,882
"""

LED = """
    task: Which ferry to Gull Island leaves first on Sunday?
    outcome: error
    lead: Initial plan: look up the timetable, then name the first ferry.
    lead -> diver: Please look up the timetable of the ferries to Gull Island.
    diver: I searched for it.
      search(query="ferry") -> Ferries of the world, and how they are built.
    lead -> diver: Please look up the timetable of the ferries to Gull Island again.
    diver: I searched for it.
      search(query="ferry") -> Ferries of the world, and how they are built.
    lead: The first ferry leaves at 06:40.
    answer: 06:40
"""


def examined(transcript: str) -> TraceReport:
    return pisama.analyze(parse(transcript)).traces[0]


def attributed(transcript: str) -> Attribution:
    found = examined(transcript).attribution
    assert found is not None
    return found


def renamed(trace: Trace) -> Trace:
    """The same run under other names and other step numbers."""
    names = {name: f"unit-{number}" for number, name in enumerate(trace.agents)}

    def changed(step: Step) -> Step:
        seen = tuple(
            replace(message, name=names.get(message.name or "", message.name)) for message in step.seen
        )
        return replace(
            step,
            index=step.index * 7 + 300,
            agent=names[step.agent],
            recipient=names[step.recipient] if step.recipient else None,
            parent=step.parent * 7 + 300 if step.parent is not None else None,
            seen=seen,
        )

    return replace(trace, steps=tuple(map(changed, trace.steps)), agents=tuple(names.values()))


def test_made_up_figures_are_blamed_on_who_brought_them_in_and_quoted() -> None:
    found = attributed(MADE_UP)
    assert (found.agent, found.step) == ("counter", 1)
    assert found.reason == (
        "it makes do without evidence (“5,120 in 2020, as typically estimated.”); "
        "it is the first to state “4,882”, which the final answer repeats"
    )
    assert found.candidates[0].reason == found.reason


def test_candidates_are_the_best_first_and_none_twice() -> None:
    found = attributed(LED)
    scores = [each.score for each in found.candidates]
    assert scores == sorted(scores, reverse=True)
    assert 0 < sum(scores) <= 1.001
    assert len({each.step for each in found.candidates}) == len(scores) == 5
    assert (found.agent, found.step) == (found.candidates[0].agent, found.candidates[0].step)
    assert all(each.reason for each in found.candidates)
    assert 0 < found.confidence <= 1


@pytest.mark.parametrize("transcript", [MADE_UP, LED])
def test_neither_the_names_of_agents_nor_the_numbers_of_steps_matter(transcript: str) -> None:
    report = replace(examined(transcript), issues=(), hidden=())
    other = rank(replace(report, trace=renamed(report.trace)))
    same = rank(report)
    assert same is not None
    assert other is not None
    assert [(each.score, each.step * 7 + 300) for each in same.candidates] == [
        (each.score, each.step) for each in other.candidates
    ]


def test_a_run_in_which_nothing_failed_is_blamed_on_nobody() -> None:
    assert pisama.analyze(EXAMPLES / "healthy.messages.json").attribution is None


def test_a_recorded_failure_is_enough() -> None:
    quiet = "task: Say hello.\noutcome: {}\ngreeter: Hello.\n"
    assert examined(quiet.format("success")).attribution is None
    found = examined(quiet.format("max_steps")).attribution
    assert found is not None
    assert (found.agent, found.step) == ("greeter", 0)


def test_an_issue_that_is_not_shown_counts_as_a_failure_too() -> None:
    strict = pisama.Config(min_confidence=1.0)
    shown = pisama.analyze(EXAMPLES / "failing-tool.messages.json")
    hidden = pisama.analyze(EXAMPLES / "failing-tool.messages.json", config=strict)
    assert hidden.issues == ()
    assert hidden.attribution is not None
    assert shown.attribution is not None
    assert hidden.attribution.step == shown.attribution.step
    assert hidden.attribution.reason == shown.attribution.reason
    assert shown.attribution.reason == (
        "nothing before it gave “BK-77123”, which the final answer states; "
        "it shows the critical issue hallucination"
    )


def test_secrets_stay_out_of_reasons() -> None:
    secret = "sk-proj-" + "a1b2c3d4e5f6g7h8"
    found = attributed(MADE_UP.replace("4,310 herons", f"the key “{secret}” and 4,310 herons"))
    assert secret not in str(found)


def test_without_steps_or_with_too_many_nothing_is_attributed() -> None:
    report = examined(MADE_UP)
    step = report.trace.steps[0]
    many = tuple(replace(step, index=number) for number in range(MOST_STEPS + 1))
    for steps in ((), many):
        assert attribute(replace(report, trace=replace(report.trace, steps=steps))) is None


def test_a_long_run_is_ranked() -> None:
    lines = "\n".join(f"    counter: I found {number} herons." for number in range(1, 3000))
    found = rank(
        replace(
            examined("task: Say hello.\ngreeter: Hello.\n"), trace=parse(f"\n    task: Count.\n{lines}\n")
        )
    )
    assert found is not None
    assert not found.stands_out


def test_every_sign_has_a_number_a_step_and_the_weights_ask_only_about_signs() -> None:
    run = Run(examined(LED))
    columns = signs(run)
    assert {len(column) for column in columns.values()} == {len(run.steps)}
    assert columns.keys() >= ORDER
    assert columns.keys() >= {name for theme in (*SHOWS, *PLACES) for name in theme}
    assert columns.keys() == shipped().led.weights.keys() == shipped().unled.weights.keys()


@pytest.mark.parametrize("flags", [[], ["--min-confidence", "1"]])
def test_the_text_report_ends_with_the_cause_and_the_runner_up(flags: list[str]) -> None:
    path = EXAMPLES / "failing-tool.messages.json"
    done = subprocess.run(
        [sys.executable, "-c", "from pisama.cli import main; main()", "analyze", path, *flags],
        cwd=EXAMPLES.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    found = pisama.analyze(path).attribution
    assert found is not None
    told = " ".join(done.stdout.split())
    assert f"{found.agent} at step {found.step}, because" in told
    assert told.count("most likely cause:") == 1
    assert f"(confidence {found.confidence:.2f}; next {found.candidates[1].agent}" in told
    assert ("cannot tell" in told) is not found.stands_out


TWO_ACT = """
    task: How many herons nested on Gull Island in 2019, according to the harbour office?
    outcome: error
    reader: Here is the page of the harbour office.
      fetch(page="herons") -> The office counted 4,410 herons in 2018 and 4,512 in 2019.
    {second}: Thank you. The answer is 5,871 herons, as the report of 2019 has it.
    answer: 5,871
"""


def test_that_it_acted_first_is_held_against_nobody_who_acts_alone() -> None:
    def firsts(transcript: str) -> float:
        columns = signs(Run(examined(transcript)))
        return sum(columns["first_contribution"]) + sum(columns["first_call"])

    assert firsts(TWO_ACT.format(second="teller")) == 2
    assert firsts(TWO_ACT.format(second="reader")) == 0


def test_what_a_leader_notes_counts_as_no_evidence_of_its_own() -> None:
    run = Run(examined(LED.replace("Initial plan:", "Here is what I have, based on 06:10 and 07:25:")))
    columns = signs(run)
    leading = [position for position, step in enumerate(run.steps) if step.agent == "lead"]
    assert leading
    for name in ("asserts", "contributes", "new_values", "makes_do", "speaks_on"):
        assert {columns[name][position] for position in leading} == {0.0}
    assert any(columns["contributes"])
