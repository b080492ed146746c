from __future__ import annotations

import pytest

from pisama.acts import acts_of_call, is_executor
from pisama.trace import ToolCall


@pytest.mark.parametrize(
    "command",
    [
        "make build",
        "/bin/bash -lc 'make build'",
        'bash -c "make build"',
        "cd app && make build",
        "sudo make build",
    ],
)
def test_the_command_of_a_shell_says_what_a_call_does(command: str) -> None:
    assert "build" in acts_of_call(ToolCall("command_execution", {"command": command}))


def test_a_command_given_as_a_list_is_read_like_one_text() -> None:
    assert "build" in acts_of_call(ToolCall("shell", {"command": ["bash", "-lc", "make build"]}))


def test_what_is_only_quoted_in_a_command_is_not_done() -> None:
    assert "build" not in acts_of_call(ToolCall("bash", {"command": "echo 'the make build'"}))


@pytest.mark.parametrize("name", ["command_execution", "run_ipython", "bash", "exec_command"])
def test_tools_that_run_what_they_are_given_are_known_by_name(name: str) -> None:
    assert is_executor(name)
