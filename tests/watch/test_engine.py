"""Live analysis: what is found, when, and at what cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from pisama.config import Config
from pisama.detectors import BUILT_IN, Detector
from pisama.issue import Issue
from pisama.selection import chosen
from pisama.trace import Trace
from pisama.transcript import parse
from pisama.watch.engine import IN_WINDOW, SHORT, UNSETTLED, WINDOW, Engine

PLAIN = Config(plugins=False)


class Growing:
    """A run that is told step by step, with its results one step later, as a provider is."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.steps = 0

    def whole(self) -> list[Trace]:
        return self._part(0)

    def window(self, steps: int) -> list[Trace]:
        return self._part(max(0, self.steps - steps))

    def is_old(self, *_: object) -> bool:
        return False

    def _part(self, start: int) -> list[Trace]:
        return [replace(self.trace, steps=self.trace.steps[start : self.steps])]


class Measured(Detector):
    """Counts the steps it is shown."""

    id = "loop"
    needs = frozenset()
    tags = ()
    fires = ()
    quiet = ()

    def check(self, trace: Trace) -> Iterator[Issue]:
        shown.append(len(trace.steps))
        yield from ()


shown: list[int] = []


def run_of(steps: int, failing_from: int) -> Trace:
    works = 'agent: read(path="part{0}") -> the text of part {0}'
    fails = 'agent: read(path="gone") -> error: no such file: gone'
    acts = (works.format(number) if number < failing_from else fails for number in range(steps))
    lines = ["user: Read all parts, one after another.", *acts]
    return parse("\n".join(lines))


def looked_at(trace: Trace) -> list[tuple[int, str, bool]]:
    source = Growing(trace)
    engine = Engine(source, chosen(PLAIN), PLAIN)
    found: list[tuple[int, str, bool]] = []
    for number in range(1, len(trace.steps) + 1):
        source.steps = number
        found += [(number, issue.type, worse) for issue, worse in step(engine)]
    return found


def step(engine: Engine) -> Iterator[tuple[Issue, bool]]:
    """A step, and the look at the whole run that it makes due."""
    yield from engine.look()
    if engine.is_whole_due:
        yield from engine.take(engine.whole())


@pytest.mark.parametrize("begins", [0, SHORT + 30])
def test_a_loop_is_found_at_its_third_lap_however_long_the_run_was(begins: int) -> None:
    found = looked_at(run_of(begins + 8, failing_from=begins))
    assert found[0] == (begins + 3, "loop", False)
    assert {(kind, worse) for _, kind, worse in found[1:]} == {("loop", True)}


def test_a_healthy_run_has_no_issue_at_any_of_its_steps() -> None:
    assert looked_at(run_of(SHORT * 3, failing_from=SHORT * 3)) == []


def test_the_work_on_each_step_does_not_grow_with_the_run() -> None:
    trace = run_of(4_000, failing_from=4_000)
    source = Growing(trace)
    engine = Engine(source, (Measured(),), PLAIN)
    work = []
    for steps in (1_000, 2_000, 4_000):
        shown.clear()
        for number in range(source.steps + 1, steps + 1):
            source.steps = number
            list(step(engine))
        work.append(sum(shown) / (steps / 2 if steps > 1_000 else steps))
    # A window for every step, and whole runs whose lengths are a geometric series with the ratio 1.5.
    assert max(work) <= WINDOW + 2 * 1.5 / (1.5 - 1) + SHORT


def test_nothing_is_analysed_twice() -> None:
    source = Growing(run_of(5, failing_from=5))
    engine = Engine(source, (Measured(),), PLAIN)
    source.steps = 5
    shown.clear()
    assert [*step(engine), *step(engine)] == []
    assert shown == [5]


def test_the_detectors_named_here_exist() -> None:
    known = {kind.id for kind in BUILT_IN}
    assert known >= UNSETTLED | IN_WINDOW
