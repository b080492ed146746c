"""From issues to pairs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.trail.adapter import Adapter, best_threshold, fit, fit_shares, shipped
from benchmarks.trail.data import blind_trace, find_cases
from benchmarks.trail.sightings import Examined, Place, Sighting, examine
from benchmarks.trail.submission import submission
from pisama.detectors import BUILT_IN
from tests.benchmarks.made_data import LEAK, failing_run, make_trail

FORMAT, ABUSE = "Formatting Errors", "Resource Abuse"


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Examined]:
    return [examine(case) for case in find_cases(make_trail(tmp_path_factory.mktemp("trail")))]


def sighting(signal: str, spans: dict[Place, str], like: Examined) -> Sighting:
    return Sighting(signal.partition(".")[0], signal, spans, like.sightings[0].issue)


def test_the_answer_that_the_runner_logged_never_reaches_a_detector(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(failing_run("run")))
    assert LEAK in path.read_text()
    assert LEAK not in json.dumps(blind_trace(path))


def test_an_issue_offers_its_call_its_step_and_the_steps_around(cases: list[Examined]) -> None:
    failing = next(each for each in cases[0].sightings if each.signal == "loop.failing")
    assert {place: span for place, span in failing.spans.items() if place != "evidence"} == {
        "step": "gaia-0-call-1",
        "tool": "gaia-0-tool-1",
        "next": "gaia-0-call-2",
        "previous": "gaia-0-call-0",
        "last": "gaia-0-answer",
    }


def test_what_was_always_annotated_in_training_is_predicted(cases: list[Examined]) -> None:
    each = cases[0]
    assert fit(cases).predict(each.sightings) >= {("gaia-0-call-1", FORMAT), ("gaia-0-call-2", ABUSE)}


def test_shares_of_rare_signals_are_drawn_towards_those_of_their_detector(cases: list[Examined]) -> None:
    shares = fit_shares(cases)
    assert 0 < shares["loop.failing"]["step", FORMAT] < 1
    assert shares["loop.failing"]["step", FORMAT] > shares["loop"]["step", FORMAT]


def test_detectors_that_agree_count_as_independent_and_one_detector_counts_once(
    cases: list[Examined],
) -> None:
    cell: tuple[Place, str] = ("step", FORMAT)
    shares = {"loop.failing": {cell: 0.5}, "loop.cycle": {cell: 0.4}, "tool_error.retried": {cell: 0.5}}
    adapter = Adapter(shares, threshold=0.6)
    once = sighting("loop.failing", {"step": "a"}, cases[0])
    same = sighting("loop.cycle", {"step": "a"}, cases[0])
    other = sighting("tool_error.retried", {"step": "a"}, cases[0])
    assert adapter.probabilities([once, same]) == {("a", FORMAT): 0.5}
    assert adapter.probabilities([once, other]) == {("a", FORMAT): 0.75}
    assert adapter.predict([once, same]) == frozenset()
    assert adapter.predict([once, other]) == {("a", FORMAT)}


def test_the_threshold_has_the_best_f1_within_the_budget() -> None:
    ranked = [(0.9, True), (0.8, True), (0.7, False), (0.6, False), (0.5, True)]
    assert best_threshold(ranked, gold=3, traces=1) == 0.8
    many = [(1 - number / 100, number % 2 == 1) for number in range(40)]
    within = [share for share, _ in many if share >= best_threshold(many, gold=20, traces=2)]
    assert len(within) == 12


def test_a_submission_has_the_form_that_the_benchmark_reads(cases: list[Examined]) -> None:
    told = submission(cases[0], fit(cases))
    assert set(told) == {"errors", "scores"}
    errors = json.loads(json.dumps(told["errors"]))
    assert errors
    assert all(set(each) == {"category", "location", "evidence", "description", "impact"} for each in errors)


def test_the_shipped_table_names_only_signals_that_exist() -> None:
    known = {kind.id for kind in BUILT_IN} | {
        f"{kind.id}.{name}" for kind in BUILT_IN for name in kind.signals
    }
    assert set(shipped().shares) <= known
