"""Every detector's examples are its specification; here they are held to it."""

from __future__ import annotations

import pkgutil
from inspect import cleandoc

import pytest

import pisama.detectors
from pisama.detectors import BUILT_IN
from pisama.detectors.base import Detector, Example, Needs
from pisama.issue import Issue
from pisama.transcript import parse


def _issues(kind: type[Detector], example: Example) -> list[Issue]:
    trace = parse(example.transcript)
    missing = [need for need in kind.needs if not need.recorded(trace)]
    assert not missing, f"the example lacks {missing}, so the detector would be skipped"
    return list(kind().check(trace))


def _cases(which: str) -> list[object]:
    return [
        pytest.param(kind, example, id=f"{kind.id}: {example.title}")
        for kind in BUILT_IN
        for example in getattr(kind, which)
    ]


@pytest.mark.parametrize(("kind", "example"), _cases("quiet"))
def test_a_quiet_example_stays_quiet(kind: type[Detector], example: Example) -> None:
    assert [issue.summary for issue in _issues(kind, example)] == []


@pytest.mark.parametrize(("kind", "example"), _cases("fires"))
def test_a_firing_example_fires_at_its_steps(kind: type[Detector], example: Example) -> None:
    issues = _issues(kind, example)
    assert sorted(issue.step for issue in issues if issue.step is not None) == sorted(example.at)
    for issue in issues:
        assert issue.type == kind.id
        assert issue.signal in kind.signals
        assert issue.evidence
        assert issue.evidence[0].quote
        assert issue.summary.endswith((".", "…", "!", "?"))
        assert issue.recommendation


@pytest.mark.parametrize("kind", BUILT_IN, ids=lambda kind: kind.id)
def test_a_detector_documents_itself(kind: type[Detector]) -> None:
    text = cleandoc(kind.__doc__ or "")
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == ["## Why it is a failure", "## What it does not flag", "## How to fix it"]
    assert len(kind.quiet) >= len(kind.fires) >= 1
    assert kind.signals
    assert kind.needs <= set(Needs)


def test_every_detector_module_is_registered() -> None:
    modules = {module.name for module in pkgutil.iter_modules(pisama.detectors.__path__)} - {"base"}
    assert modules == {kind.id for kind in BUILT_IN}
