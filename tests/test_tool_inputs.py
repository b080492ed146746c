"""Refused arguments and inputs of the wrong kind are told from other failures."""

from __future__ import annotations

import pytest

from pisama.features import features
from pisama.tool_inputs import rejected, unfit
from pisama.transcript import parse


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("TypeError: f() got an unexpected keyword argument 'x'", "got an unexpected keyword argument 'x'"),
        (
            "TypeError: f() missing 1 required positional argument: 'y'",
            "missing 1 required positional argument: 'y'",
        ),
        ("ValidationError: 'city' is a required property", "'city' is a required property"),
        ("503 service unavailable", None),
        ("No flight found", None),
    ],
)
def test_a_refusal_of_arguments_is_recognised_by_its_words(answer: str, words: str | None) -> None:
    assert rejected("", answer) == words


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        ('visit(url="the page about cats")', "visit was given words that are no address as `url`, which it cannot take"),
        ('visit(url="cats.org")', None),
        ('read(file_path="https://a.org/b.pdf")', "read was given a web address instead of a file as `file_path`, which it cannot take"),
        ('read(file_path="b.pdf")', None),
        ('search(query="https://a.org/b")', "search was given a bare web address instead of words to search for as `query`, which it cannot take"),
        ('search(query="what is on https://a.org")', None),
        ('run(code="print(1)")', None),
    ],
)  # fmt: skip
def test_an_input_of_the_wrong_kind_is_named(call: str, wrong: str | None) -> None:
    trace = parse(f"agent: {call} -> error: not found")
    assert unfit(features(trace).calls[0]) == wrong


def test_prose_is_no_code_only_when_the_answer_is_a_syntax_error() -> None:
    prose = 'agent: run(code="please tell me what the capital of France is") -> error: '
    syntax = features(parse(f"{prose}SyntaxError: invalid syntax")).calls[0]
    other = features(parse(f"{prose}the kernel died")).calls[0]
    assert unfit(syntax) == "run was given prose instead of code as `code`, which it cannot take"
    assert unfit(other) is None
