"""Names that code imports and defines are read without parsing it."""

from __future__ import annotations

import pytest

from pisama.code_text import CODE_LIMIT, Imports, code_of, imported, redefined
from pisama.trace import JSON, ToolCall
from tests.hanging import no_hang

CODE = """
import os, numpy as np
import xml.etree
from tools.web import search as find, (visit)
def helper(x): pass
class Page: ...
count = 1
total: int = 2
if count == total: pass
# import secret
"""


def test_imports_name_top_level_modules_and_what_becomes_available() -> None:
    assert imported(CODE) == Imports(
        frozenset({"os", "numpy", "xml", "tools"}), frozenset({"os", "np", "xml", "find", "visit"})
    )


def test_definitions_and_assignments_are_found_and_comparisons_are_not() -> None:
    assert redefined(CODE) == {"helper", "Page", "count", "total"}


def test_broken_code_is_read_as_far_as_it_goes() -> None:
    assert imported("import re\nprint('").modules == {"re"}


@pytest.mark.parametrize(
    ("arguments", "code"), [({"code": "1"}, "1"), ({"query": "1"}, None), ("code", None), ({"code": 1}, None)]
)
def test_only_a_code_argument_that_is_text_is_code(arguments: JSON, code: str | None) -> None:
    assert code_of(ToolCall("run", arguments)) == code


def test_hostile_code_costs_linear_time() -> None:
    with no_hang():
        for code in ("import " + "a," * CODE_LIMIT, " " * CODE_LIMIT, "a" * CODE_LIMIT, "x: " * CODE_LIMIT):
            imported(code[:CODE_LIMIT])
            redefined(code[:CODE_LIMIT])
