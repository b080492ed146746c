"""A detector that does not come to an end is skipped with the reason, and takes nothing of the others with it."""

from __future__ import annotations

import gc
import re
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest

import pisama
from pisama import Config, Detector, Evidence, Example, Issue, Needs, Signal, Trace
from pisama.features import Features, features
from pisama.report import Report, Skipped
from pisama.trace import JSON
from tests.hanging import no_hang

RUN: list[JSON] = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]
BUDGET = Config(detector_seconds=0.2)
SKIPPED = "it took more than 0.2 seconds (detector_seconds), and what it found until then is kept"


@pytest.fixture(autouse=True)
def _nothing_left_to_destroy() -> None:
    """What other tests left is destroyed before: in a destructor the timer cannot raise, and pytest warns of it."""
    gc.collect()


class Endless(Detector):
    """A detector that finds something and then never ends."""

    id = "endless"
    needs = frozenset({Needs.STEPS})
    signals: ClassVar = {"any": Signal("anything", severity=70, confidence=0.9)}
    quiet = (Example("nothing", "agent: x"),)
    fires = (Example("anything", "agent: x", at=(0,)),)

    def check(self, trace: Trace) -> Iterator[Issue]:
        step = trace.steps[0]
        yield self.issue(
            trace,
            "any",
            step,
            "It.",
            evidence=(Evidence("Hi", step.index),),
            recommendation="Do.",
            about=("x",),
        )
        self.go_on(features(trace))

    def go_on(self, shared: Features) -> None:
        while True:
            pass


class Backtracking(Endless):
    """A detector with a pattern that backtracks."""

    id = "backtracking"

    def go_on(self, shared: Features) -> None:
        re.search(r"(a+)+$", "a" * 60 + "b")


class Asking(Endless):
    """A detector that asks for ever more features."""

    id = "asking"

    def go_on(self, shared: Features) -> None:
        number = 0
        while True:
            number += 1
            shared.stems(f"word{number}")


def test_what_never_ends_is_skipped_with_what_it_found_and_the_others_run() -> None:
    with no_hang():
        report = pisama.analyze(RUN, config=BUDGET, detectors=[Endless(), Backtracking(), Asking(), Quick()])
    (trace,) = report.traces
    assert trace.skipped == tuple(Skipped(name, SKIPPED) for name in ("endless", "backtracking", "asking"))
    assert trace.ran == ("quick",)
    assert trace.crashed == ()
    assert sorted(issue.type for issue in trace.issues) == ["asking", "backtracking", "endless", "quick"]


class Quick(Endless):
    """A detector that ends."""

    id = "quick"

    def go_on(self, shared: Features) -> None:
        pass


def test_in_another_thread_the_clock_is_looked_at_where_features_are_asked_for() -> None:
    reports: list[Report] = []

    def run() -> None:
        reports.append(pisama.analyze(RUN, config=BUDGET, detectors=[Asking(), Quick()]))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    (trace,) = reports[0].traces
    assert trace.skipped == (Skipped("asking", SKIPPED),)
    assert trace.ran == ("quick",)
