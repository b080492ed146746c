"""The page made of the frozen figures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from benchmarks.page import RESULTS, benchmarks_page


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


def test_a_missing_result_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"trail-blind\.json"):
        benchmarks_page(tmp_path)
