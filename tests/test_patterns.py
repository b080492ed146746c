"""Patterns that are compiled when they are first used."""

from __future__ import annotations

import re

import pytest

from pisama.patterns import lazy


def test_a_lazy_pattern_finds_what_the_compiled_one_finds() -> None:
    text = "One tree, two Trees, 3 trees"
    for expression, flags in (
        (r"\btrees?\b", 0),
        (r"\btrees?\b", re.IGNORECASE),
        (r"(\w+) (?P<what>tree)", 0),
    ):
        late, early = lazy(expression, flags), re.compile(expression, flags)
        assert late.findall(text) == early.findall(text)
        assert [match.span() for match in late.finditer(text, 3)] == [
            match.span() for match in early.finditer(text, 3)
        ]
        assert late.sub("*", text) == early.sub("*", text)
        assert late.split(text) == early.split(text)
        assert (
            late.pattern,
            late.search(text) is None,
            late.match(text) is None,
            late.fullmatch("tree") is None,
        ) == (
            expression,
            early.search(text) is None,
            early.match(text) is None,
            early.fullmatch("tree") is None,
        )


def test_a_pattern_that_is_wrong_says_so_when_it_is_used() -> None:
    wrong = lazy("(")
    with pytest.raises(re.error, match="missing"):
        wrong.search("text")


def test_what_only_compiled_patterns_have_is_not_there() -> None:
    with pytest.raises(AttributeError, match="groupindex"):
        _ = lazy("a").groupindex
