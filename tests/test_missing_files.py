"""Files asked for although they were missing."""

from __future__ import annotations

from pisama.features import features
from pisama.missing_files import asked_again, files_named
from pisama.transcript import parse

MISSED = 'agent: read(path="data/a.csv") -> error: FileNotFoundError: No such file or directory: data/a.csv\n'


def _asked(lines: str) -> list[int]:
    return [again.call.step.index for again in asked_again(features(parse(MISSED + lines)).calls)]


def test_asking_somebody_for_a_missing_file_is_found() -> None:
    request = "Please retrieve for me all of the text that is in the file data/a.csv"
    assert _asked(f'agent: helper(task="{request}") -> I could not.') == [1]


def test_the_same_tool_in_other_words_is_found_when_it_fails_again() -> None:
    lines = 'agent: read(path="data/a.csv", lines=9) -> error: No such file or directory: data/a.csv\n'
    assert _asked(lines) == [1]


def test_the_very_same_call_again_is_a_matter_of_retries() -> None:
    assert _asked(MISSED) == []


def test_a_file_that_was_made_is_missing_no_more() -> None:
    lines = 'agent: write(path="data/a.csv", text="1") -> ok\nagent: read(path="data/a.csv", lines=9) -> error: No such file or directory: data/a.csv'
    assert _asked(lines) == []


def test_a_command_that_looks_for_the_file_does_not_ask() -> None:
    assert _asked('agent: bash(command="find / -name data/a.csv") -> none') == []


def test_files_are_named_with_the_words_before_them() -> None:
    assert files_named({"task": "Read the file notes/x.md, then go on."}) == {"notes/x.md": "Read the file "}
