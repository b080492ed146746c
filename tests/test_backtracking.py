"""No pattern of the package backtracks: each takes its worst strings in linear time."""

from __future__ import annotations

import importlib
import pkgutil
import re
import time
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import TypeGuard

import pytest

import pisama
from pisama.patterns import lazy
from pisama.redact import redact
from tests.hanging import no_hang

SIZE = 1_000_000
SEARCHED = 200_000
FILLERS = (
    "a", "A", "0", "7", " ", "\n", "\t", ".", "-", "_", "/", "\\", "(", "[", "{", "<", ">", ":", ";", ",", "=", "@", "#", "*",
    "`", "'", '"', "a ", "a.", "a-", "a_", "A1", "0.", "0,", "a\n", "\n\n ", "- a\n", "1. a\n", "a=", "a:", "a@", "a, ", "\\\\", '\\"',
    "{}", "()", "[]", "<a>", "é", "中", "a'b ", "I will ", "error: ", "http://a", "a/b", "::",
)  # fmt: skip
"""What patterns are fond of repeating."""
LAZY = type(lazy(""))
LITERAL = re.compile(r"[A-Za-z]{3,}")


def modules() -> Iterator[object]:
    for found in pkgutil.walk_packages(pisama.__path__, "pisama."):
        if not found.name.startswith("pisama.watch.instrument"):
            yield importlib.import_module(found.name)


def patterns_in(value: object, depth: int = 0) -> Iterator[re.Pattern[str] | re.Pattern[bytes]]:
    """The patterns in a value, those in tuples, tables and the fields of records too."""
    if isinstance(value, (re.Pattern, LAZY)):
        yield re.compile(value.pattern, value.flags)
    elif depth < 4 and isinstance(value, dict):
        for key, inner in value.items():
            yield from patterns_in(key, depth + 1)
            yield from patterns_in(inner, depth + 1)
    elif depth < 4 and isinstance(value, tuple | list | set | frozenset):
        for inner in value:
            yield from patterns_in(inner, depth + 1)
    elif depth < 4 and is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from patterns_in(getattr(value, field.name, None), depth + 1)


def is_of_text(pattern: re.Pattern[str] | re.Pattern[bytes]) -> TypeGuard[re.Pattern[str]]:
    return isinstance(pattern.pattern, str)


def patterns() -> dict[str, re.Pattern[str] | re.Pattern[bytes]]:
    found: dict[tuple[str | bytes, int], tuple[str, re.Pattern[str] | re.Pattern[bytes]]] = {}
    for module in modules():
        for name, value in vars(module).items():
            for pattern in patterns_in(value):
                label = f"{getattr(module, '__name__', '')}.{name}"
                found.setdefault((pattern.pattern, pattern.flags), (label, pattern))
    return {f"{label} {number}": pattern for number, (label, pattern) in enumerate(found.values())}


ALL = patterns()
PATTERNS = {name: pattern for name, pattern in ALL.items() if is_of_text(pattern)}
ESCAPED = re.compile(r"\\.", re.DOTALL)
KEPT_GROUP = re.compile(r"\(\?>|\)(?:[*+?]|\{\d*,?\d*\})\+")
"""An atomic group, or a group repeated possessively, where no backslash stands before it."""


def keeps_a_group(written: str) -> bool:
    return KEPT_GROUP.search(ESCAPED.sub("_", written)) is not None


def test_the_patterns_are_found() -> None:
    assert len(PATTERNS) > 250
    assert len(ALL) > len(PATTERNS)


@pytest.mark.parametrize("name", ALL)
def test_no_pattern_has_a_group_that_python_before_3_11_5_matches_wrongly_or_for_ever(name: str) -> None:
    """gh-106052: where such a group holds a choice, what matches depends on the state another match left. Debian 12
    has Python 3.11.2."""
    written = ALL[name].pattern
    assert not keeps_a_group(written if isinstance(written, str) else written.decode("latin-1"))


@pytest.mark.parametrize(
    "written", ["(?>a|b)", "(?:a|b)*+", "(?:a|b)?+", "(a|b){2,3}+", "(?:a)++", r"(?:a|\\)*+"]
)
def test_such_a_group_is_seen(written: str) -> None:
    assert keeps_a_group(written)


@pytest.mark.parametrize("written", [r"[a-z]*+", r"\w{1,3}+x", r"\)*+", r"(?:a|b)+", r"(?=(a*))\1"])
def test_what_is_no_such_group_is_left_alone(written: str) -> None:
    assert not keeps_a_group(written)


AT_ONE_PLACE = ("javascript_text._TOKEN", "langchain_text._HEADING", "redact._PLACEHOLDER", "redact._PATH")
"""Patterns that are matched at one place of a text and searched for nowhere."""


def shapes(pattern: re.Pattern[str]) -> list[tuple[str, str]]:
    """Words that this pattern holds, and what follows them again and again."""
    heads = sorted({"", *LITERAL.findall(pattern.pattern)[:3]})
    return [(head, filler) for head in heads for filler in (*FILLERS, f"{head} ")]


def attack(pattern: re.Pattern[str], size: int, number: int) -> str:
    """A text of that shape, with an end that spoils the match."""
    head, filler = shapes(pattern)[number]
    return head + filler * (size // len(filler)) + "\x00"


def cost(pattern: re.Pattern[str], text: str) -> float:
    began = time.process_time()
    for _ in pattern.finditer(text):
        pass
    return time.process_time() - began


@pytest.mark.parametrize("name", PATTERNS)
def test_no_pattern_takes_more_than_linear_time_for_its_worst_text(name: str) -> None:
    pattern = PATTERNS[name]
    with no_hang():
        costs = [cost(pattern, attack(pattern, 300, number)) for number in range(len(shapes(pattern)))]
        worst = attack(pattern, SEARCHED, costs.index(max(costs)))
        if name.removeprefix("pisama.").removeprefix("loaders.").startswith(AT_ONE_PLACE):
            pattern.match(worst)
        else:
            cost(pattern, worst)


def test_redacting_the_worst_texts_of_a_megabyte_is_linear() -> None:
    heads = (
        "password=",
        "token: ",
        "sk-",
        "eyJ",
        "-----BEGIN PRIVATE KEY-----",
        "cookie: a=",
        "://a:",
        "a@",
        "bearer ",
        "machine ",
    )
    with no_hang():
        for head in heads:
            redact(head * (SIZE // len(head)))
            redact(head + "a" * SIZE)
