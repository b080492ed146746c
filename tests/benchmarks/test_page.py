"""The page made of the frozen figures."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks.page import RESULTS, benchmarks_page
from benchmarks.speed.growth import Growth


def test_every_row_of_a_table_has_as_many_cells_as_its_heading() -> None:
    widths: list[int] = []
    for line in benchmarks_page().splitlines():
        if line.startswith("|"):
            widths.append(line.count("|"))
        else:
            assert len(set(widths)) <= 1
            widths = []


def test_the_page_says_what_the_frozen_figures_say_and_nothing_older(tmp_path: Path) -> None:
    results = shutil.copytree(RESULTS, tmp_path / "results")
    frozen = json.loads((results / "trail-oracle.json").read_text())
    frozen["together"]["recall"] = 0.98765
    (results / "trail-oracle.json").write_text(json.dumps(frozen))
    changed = set(benchmarks_page(results).splitlines()) - set(benchmarks_page().splitlines())
    assert len(changed) == 1
    assert "**0.988**" in changed.pop()


def test_the_longest_runs_are_on_the_page_once_they_were_measured(tmp_path: Path) -> None:
    results = shutil.copytree(RESULTS, tmp_path / "results")
    (results / "growth.json").unlink(missing_ok=True)
    assert "100,000 steps" not in benchmarks_page(results)
    shapes = {
        "one agent": asdict(Growth(53.1, 6.2, 47.8, 10.1, 10.4, 901.0, 9.9, {"loop": 9.2})),
        "one long message": asdict(Growth(22.0, 0.1, 0.0, 9.0, 0.0, 60.0, 9.95)),
    }
    loaders = {"otlp": asdict(Growth(10.0, 1.0, 0.0, 10.3, 0.0, 50.0, 9.8))}
    targets = [{"name": "growth of loading", "figure": 10.3, "limit": 11.0, "unit": "×"}]
    written = {"steps": 10_000, "shapes": shapes, "loaders": loaders, "targets": targets}
    (results / "growth.json").write_text(json.dumps(written))
    page = benchmarks_page(results)
    for line in (
        "| growth of loading | 10.30 × | 11 × | yes |",
        "| one agent | 53 | 6.2 | 10.1 | 47.8 | 10.4 | 901 | 9.9 |",
        "| loop | 9.2 | – |",
        "otlp 10.3 9.8.",
    ):
        assert line in page.splitlines()


def test_a_missing_result_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"trail-blind\.json"):
        benchmarks_page(tmp_path)
