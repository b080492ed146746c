"""The pages on security and stability name tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def names_of_tests() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found.update(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return found


@pytest.mark.parametrize(("page", "least"), [("security.md", 30), ("stability.md", 5)])
def test_every_test_that_a_page_names_is_there(page: str, least: int) -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / page).read_text(encoding="utf-8")))
    assert len(named) >= least
    assert named - names_of_tests() == set()
