"""Running the command as if nobody watched it: its streams, folder, terminal, signals and exit code are its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""
FORWARDED = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
"""Signals that whoever sends them to us means for the command."""


class Command:
    """The running command, in a process group of its own.

    On a terminal that group is the foreground one, so Ctrl-C and Ctrl-Z reach the command and not us; when it
    stops, we stop with it, and go on when it goes on.
    """

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        """Starts it. Raises OSError when it cannot be started."""
        self._terminal = _controlled_terminal()
        take = self._terminal

        def in_front() -> None:
            if take is not None:
                os.tcsetpgrp(take, os.getpid())

        # Taking the terminal from the background is answered with a signal that would stop us.
        before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the command is what the user asked to run
                list(arguments),
                env=dict(environment),
                process_group=0,
                preexec_fn=in_front if take is not None else None,  # noqa: PLW1509 - no threads run yet
            )
        finally:
            signal.signal(signal.SIGTTOU, before)
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.pid = self._process.pid
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGCHLD, self._changed)
        for number in FORWARDED:
            loop.add_signal_handler(number, self.send, number)
        self._changed()

    async def wait(self) -> int:
        """Its exit code; 128 and the number of the signal that ended it, as shells say it."""
        try:
            return await asyncio.shield(self._ended)
        finally:
            self._take_terminal()

    def send(self, number: int) -> None:
        """Sends a signal to the command and all that it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    async def stop(self, grace: float = GRACE) -> None:
        """SIGTERM to its group, and SIGKILL to what is left of it after the grace period."""
        self.send(signal.SIGTERM)
        self.send(signal.SIGCONT)
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._ended), grace)
        self.send(signal.SIGKILL)
        await asyncio.shield(self._ended)

    def release(self) -> None:
        """Gives the signals back."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGCHLD, *FORWARDED):
            loop.remove_signal_handler(number)

    def _changed(self) -> None:
        if self._ended.done():
            return
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
        except ChildProcessError:
            pid, status = self.pid, 0
        if pid == 0:
            return
        if os.WIFSTOPPED(status):
            self._stop_too()
            return
        code = os.waitstatus_to_exitcode(status)
        self._process.returncode = code
        self._ended.set_result(code if code >= 0 else 128 - code)

    def _stop_too(self) -> None:
        """The user pressed Ctrl-Z: gives the terminal back to the shell, and stops until it says to go on."""
        if self._terminal is None:
            return
        self._take_terminal()
        os.kill(0, signal.SIGSTOP)
        self._give_terminal()
        self.send(signal.SIGCONT)

    def _take_terminal(self) -> None:
        if self._terminal is not None:
            self._set_foreground(os.getpgrp())
            # A pager beside us may have asked for the terminal meanwhile, and been stopped.
            os.killpg(os.getpgrp(), signal.SIGCONT)

    def _give_terminal(self) -> None:
        if self._terminal is not None:
            self._set_foreground(self.pid)

    def _set_foreground(self, group: int) -> None:
        assert self._terminal is not None
        before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        with suppress(OSError):
            os.tcsetpgrp(self._terminal, group)
        signal.signal(signal.SIGTTOU, before)


def _controlled_terminal() -> int | None:
    """The terminal on standard input, when our process group is the one in front of it."""
    try:
        number = sys.stdin.fileno()
        return number if os.isatty(number) and os.tcgetpgrp(number) == os.getpgrp() else None
    except (OSError, ValueError, AttributeError):
        return None
