"""A terminal of its own: what the command has of it, and what interrupts it."""

from __future__ import annotations

import codecs
import os
import pty
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.watch.provider import HANG, Turn, serving
from tests.watch.running import WATCH, environment, program

LISTING: Turn = {"name": "list_files", "arguments": {"path": "/data"}}


class Terminal:
    """The other end of the terminal that a program runs on."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.shown = ""

    def until(self, text: str) -> None:
        while text not in self.shown:
            self.shown += self._decoder.decode(os.read(self._number, 4096))

    def to_the_end(self) -> str:
        try:
            while data := os.read(self._number, 4096):
                self.shown += self._decoder.decode(data)
        except OSError:
            # Linux says so when the last program has closed the terminal.
            pass
        return self.shown

    def type(self, keys: str) -> None:
        os.write(self._number, keys.encode())


@contextmanager
def on_a_terminal(arguments: tuple[str, ...], env: dict[str, str]) -> Iterator[tuple[Terminal, int]]:
    process, number = pty.fork()
    if process == 0:
        os.execvpe(arguments[0], arguments, env)  # noqa: S606 - the terminal is what is tested
    try:
        yield Terminal(number), process
    finally:
        os.close(number)


def test_the_command_reads_and_owns_the_terminal() -> None:
    code = (
        "import os, sys\n"
        "print('mine', os.tcgetpgrp(0) == os.getpgrp(), sys.stdout.isatty())\n"
        "print('read', input('? '))\n"
    )
    with on_a_terminal((*WATCH, "--no-save", "--", sys.executable, "-c", code), environment()) as (
        terminal,
        process,
    ):
        terminal.until("? ")
        terminal.type("these words\n")
        shown = terminal.to_the_end()
        _, status = os.waitpid(process, 0)
    assert "mine True True" in shown
    assert "read these words" in shown
    assert os.waitstatus_to_exitcode(status) == 3


def test_ctrl_c_means_the_command_and_the_report_still_comes() -> None:
    with serving(LISTING, LISTING, HANG) as provider:
        command = (*WATCH, "--no-save", "--", *program("with_openai"))
        with on_a_terminal(command, environment(provider.url)) as (terminal, process):
            assert provider.hung.wait(60)
            terminal.type("\x03")
            shown = terminal.to_the_end()
            _, status = os.waitpid(process, 0)
    assert "3 steps" in shown
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGINT


def test_ctrl_z_stops_both_and_both_go_on() -> None:
    code = "import sys\nprint('ready')\nfor line in sys.stdin: print('got', line)\n"
    with on_a_terminal((*WATCH, "--no-save", "--", sys.executable, "-c", code), environment()) as (
        terminal,
        process,
    ):
        terminal.until("ready")
        terminal.type("\x1a")
        _, status = os.waitpid(process, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        os.killpg(process, signal.SIGCONT)
        terminal.type("again\n\x04")
        shown = terminal.to_the_end()
        _, status = os.waitpid(process, 0)
    assert "got again" in shown
    assert os.waitstatus_to_exitcode(status) == 3
