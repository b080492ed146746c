"""From issues to pairs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.trail.adapter import BUDGET, OCCURS, fit, marks, shipped, threshold_for
from benchmarks.trail.data import blind_trace, find_cases
from benchmarks.trail.kinds import KINDS, kind_of, kind_shares, shares_without_own
from benchmarks.trail.sightings import Examined, examine
from benchmarks.trail.submission import submission
from pisama.detectors import BUILT_IN
from tests.benchmarks.made_data import LEAK, failing_run, make_trail

FORMAT, ABUSE = "Formatting Errors", "Resource Abuse"


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Examined]:
    return [examine(case) for case in find_cases(make_trail(tmp_path_factory.mktemp("trail")))]


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


def test_the_signs_of_a_span_are_its_part_its_outcome_and_its_issues(cases: list[Examined]) -> None:
    signs = {candidate.span: candidate.signs for candidate in cases[0].candidates}
    assert list(signs) == [
        *(f"gaia-0-{what}-{number}" for number in range(3) for what in ("call", "tool")),
        "gaia-0-answer",
    ]
    assert {"part call", "failed again: other", "issue loop.failing"} <= signs["gaia-0-call-1"]
    assert "last failure of a run" in signs["gaia-0-call-2"]
    assert {"tool other", "tool: failed", "tool: in a run of failures"} <= signs["gaia-0-tool-0"]
    assert {"part end", "after the last failure of a run"} <= signs["gaia-0-answer"]


def test_a_span_in_several_places_keeps_all_its_signs(cases: list[Examined]) -> None:
    spans = [candidate.span for candidate in cases[0].candidates]
    assert len(spans) == len(set(spans))


def test_what_was_always_annotated_in_training_is_predicted_first(cases: list[Examined]) -> None:
    ranked = fit(cases).probabilities(cases[0].candidates)
    assert max(ranked, key=lambda pair: ranked[pair]) in {
        ("gaia-0-call-1", FORMAT),
        ("gaia-0-call-2", ABUSE),
    }


def test_the_same_traces_give_the_same_table(cases: list[Examined]) -> None:
    assert fit(cases).as_json() == fit(cases).as_json()


def test_a_trace_without_spans_gets_no_prediction(cases: list[Examined]) -> None:
    assert fit(cases).predict(()) == frozenset()


def test_the_file_holds_the_adapter(
    cases: list[Examined], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = fit(cases)
    path = tmp_path / "adapter.json"
    path.write_text(json.dumps(fitted.as_json()))
    monkeypatch.setattr("benchmarks.trail.adapter.TABLE", path)
    assert shipped().as_json() == fitted.as_json()


def test_the_first_kind_whose_signs_a_span_has_is_its_kind(cases: list[Examined]) -> None:
    names = list(KINDS)
    kinds = {candidate.span: names[kind_of(candidate)] for candidate in cases[0].candidates}
    assert kinds == {
        **{
            f"gaia-0-call-{number}": "anything else" if number == 0 else "step after another failure"
            for number in range(3)
        },
        **{f"gaia-0-tool-{number}": "call: failed" for number in range(3)},
        "gaia-0-answer": "answer without a basis",
    }


def test_a_span_learns_nothing_from_its_own_trace() -> None:
    labels = np.array([[1.0], [1.0], [0.0], [0.0]])
    given = shares_without_own([0, 0, 0, 1], labels, [7, 7, 8, 8])
    assert given[0] == given[1] == (0 + 2 * 0.5) / (1 + 2)
    assert given[2] == (2 + 2 * 0.5) / (2 + 2)
    assert kind_shares([0, 0, 0, 1], labels)[0] == (2 + 2 * 0.5) / (3 + 2)


def test_a_failure_weighs_less_where_many_are_likely() -> None:
    few, many = np.array([[0.5, 0.0], [0.25, 0.0]]), np.array([[0.5, 0.5]] * 4)
    assert marks(few)[1, 0] == 0.25
    assert marks(many)[1, 0] == 0.25


def test_the_likeliest_span_of_a_category_is_favoured() -> None:
    marked = marks(np.array([[0.5, 0.0], [0.25, 0.0]]))
    assert marked.tolist() == [[0.5 + OCCURS * (1 - 0.5 * 0.75), 0.0], [0.25, 0.0]]


def test_the_threshold_keeps_to_the_budget() -> None:
    marked = np.arange(1, 41) / 40
    assert (marked >= threshold_for(marked, traces=2, per_trace=5.6)).sum() == 11
    assert (marked[:3] >= threshold_for(marked[:3], traces=2, per_trace=5.6)).all()


def test_no_more_than_the_budget_is_predicted_on_other_traces(cases: list[Examined]) -> None:
    eager = replace(fit(cases), threshold=0.0)
    bound = eager.within_budget(cases)
    assert sum(len(eager.predict(each.candidates)) for each in cases) > BUDGET * len(cases)
    assert sum(len(bound.predict(each.candidates)) for each in cases) <= BUDGET * len(cases)
    assert bound.within_budget(cases).threshold == bound.threshold


def test_a_submission_has_the_form_that_the_benchmark_reads(cases: list[Examined]) -> None:
    told = submission(cases[0], fit(cases))
    assert set(told) == {"errors", "scores"}
    errors = json.loads(json.dumps(told["errors"]))
    assert errors
    assert all(set(each) == {"category", "location", "evidence", "description", "impact"} for each in errors)


def test_the_kinds_name_only_signals_that_exist() -> None:
    known = {f"{kind.id}.{name}" for kind in BUILT_IN for name in kind.signals}
    named = {
        sign.rsplit(" ", 1)[-1]
        for rule in KINDS.values()
        for either in rule
        for sign in either.split("|")
        if sign.startswith(("issue ", "evidence "))
    } - {"basis"}
    assert named <= known
