"""One session: the command, the loopback server, the analysing process, and what stops the run."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pisama.watch import frames
from pisama.watch.captured import (
    Ended,
    Finished,
    Found,
    FromRecorder,
    Instructions,
    JudgedTo,
    Tally,
)
from pisama.watch.environment import child_environment
from pisama.watch.incoming import LoopbackServer
from pisama.watch.instrument import instrument
from pisama.watch.live import TICK, Limits, View
from pisama.watch.process import GRACE, Command
from pisama.watch.providers import Route, routes_for
from pisama.watch.proxy import Copy, Proxy, exchange_of
from pisama.watch.receiver import Receiver, tees_of
from pisama.watch.resent import Resent

PATIENCE = 5.0
"""Seconds that a call waits for the analysis of those before it, when the run may have to be stopped."""


_BY_SIGNAL = 128
"""Exit codes above this tell the signal that ended the command."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a session ended."""

    finished: Finished
    exit_code: int | None
    """Of the command; None when there was none."""
    stopped: str | None
    """Why the command was stopped."""
    tried: tuple[str, ...]
    """The ways by which something could have been captured."""


class AnalystLostError(RuntimeError):
    """The analysing process went away."""


class Session:
    """Runs one command under watch."""

    def __init__(
        self, instructions: Instructions, limits: Limits, view: View, *, grace: float = GRACE
    ) -> None:
        self._instructions = instructions
        self._limits = limits
        self._view = view
        self._grace = grace
        self._analyst: asyncio.subprocess.Process | None = None
        self._exchanges = 0
        self._resent = Resent()
        self._judged = asyncio.Condition()
        self._judged_to = 0
        self._tally = Tally()
        self._stop: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def run(self, environment: Mapping[str, str]) -> Outcome:
        """Until the command has ended or was stopped. Raises OSError when it cannot be started, `AnalystLostError`."""
        self._analyst = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "pisama.watch.analyst",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        self._send(self._instructions)
        ticking = asyncio.create_task(self._tick())
        listening = asyncio.create_task(self._listen())
        server = LoopbackServer()
        try:
            await server.start()
            receiver = Receiver(tees_of(environment), self._send, self._view.say)
            variables, routes = self._addresses(server, receiver, environment)
            instrumentation = instrument(self._instructions.command, environment)
            changed = child_environment(
                environment,
                variables,
                receiver_url=f"{server.base}/otlp" if instrumentation.can_export else None,
            )
            code, stopped = await self._attend({**changed, **instrumentation.variables}, listening)
            await receiver.finish()
        except BaseException:
            await self._abandon(listening)
            raise
        finally:
            ticking.cancel()
            await server.close()
        by_itself = stopped is None and (code is None or code < _BY_SIGNAL)
        self._send(Ended(code, whole=by_itself))
        finished = await listening
        await self._analyst.wait()
        tried = (
            f"proxy: {', '.join(sorted({route.provider for route in routes}))}",
            "OTLP over HTTP: OTEL_EXPORTER_OTLP_ENDPOINT",
            instrumentation.told,
            *(f"files: {path}" for path in self._instructions.follow),
        )
        return Outcome(finished, code, stopped, tried)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self._view.tick()

    async def _abandon(self, listening: asyncio.Task[Finished]) -> None:
        """Ends the analysing process without its report."""
        assert self._analyst is not None
        self._analyst.kill()
        await asyncio.gather(listening, return_exceptions=True)
        await self._analyst.wait()

    def _addresses(
        self, server: LoopbackServer, receiver: Receiver, environment: Mapping[str, str]
    ) -> tuple[dict[str, str], set[Route]]:
        """The variables that lead the command here, and where each provider really is."""
        server.register("otlp", receiver.serve)
        variables: dict[str, str] = {}
        routes = routes_for(environment)
        for variable, route in routes.items():
            proxy = Proxy(route, self._before_call, self._record, self._view.say)
            variables[variable] = server.register(route.name, proxy.serve) + route.path
        return variables, set(routes.values())

    async def _attend(
        self, environment: Mapping[str, str], listening: asyncio.Task[Finished]
    ) -> tuple[int | None, str | None]:
        """Waits for the command to end, or for a reason to stop it."""
        if not self._instructions.command:
            return await self._attend_files(listening)
        command = Command(self._instructions.command, environment)
        running = asyncio.create_task(command.wait())
        try:
            await _first(running, self._stop, listening, seconds=self._limits.seconds)
            if listening.done():
                self._view.say("the analysis has broken off; the command goes on without it", "bold red")
                await _first(running, self._stop)
            if running.done():
                return await running, None
            reason = (
                self._stop.result() if self._stop.done() else f"{self._limits.seconds:g} seconds have passed"
            )
            self._view.say(f"stopping the command: {reason}", "bold")
            await command.stop(self._grace)
            return await running, reason
        finally:
            if not running.done():
                await command.stop(0)
            await asyncio.gather(running, return_exceptions=True)
            command.release()

    async def _attend_files(self, listening: asyncio.Task[Finished]) -> tuple[int | None, str | None]:
        """Follows files until interrupted."""
        import signal

        interrupted = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, interrupted.set)
        waiting = asyncio.create_task(interrupted.wait())
        try:
            await _first(waiting, self._stop, listening, seconds=self._limits.seconds)
        finally:
            waiting.cancel()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
        return None, self._stop.result() if self._stop.done() else "no longer followed"

    async def _listen(self) -> Finished:
        """What the analysing process says, until its report."""
        assert self._analyst is not None
        assert self._analyst.stdout is not None
        while (message := await frames.receive(self._analyst.stdout)) is not None:
            if isinstance(message, Finished):
                return message
            await self._take(message)
        async with self._judged:
            self._judged_to = sys.maxsize
            self._judged.notify_all()
        raise AnalystLostError("the analysing process ended without a report")

    async def _take(self, message: object) -> None:
        if isinstance(message, Tally):
            self._tally = message
            self._view.progress(message)
            reached = self._limits.reached(message)
            if reached is not None:
                self._end(reached)
        elif isinstance(message, Found):
            self._view.issue(message.issue, worse=message.worse)
            if self._limits.stops(message.issue):
                self._end(f"{message.issue.level.value} {message.issue.type}: {message.issue.summary}")
        elif isinstance(message, JudgedTo):
            async with self._judged:
                self._judged_to = message.exchange
                self._judged.notify_all()

    def _end(self, reason: str) -> None:
        if not self._stop.done():
            self._stop.set_result(reason)

    async def _before_call(self, call: Copy, host: str) -> None:
        """Holds a call back until what came before it is judged, when that may end the run."""
        if self._limits.hold:
            await self._judged_so_far()
        self._view.asks(call, host)

    async def _judged_so_far(self) -> None:
        last = self._exchanges
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE), self._judged:
                await self._judged.wait_for(lambda: self._judged_to >= last)
        if self._stop.done():
            # The command is being stopped: the call is not made any more.
            await asyncio.get_running_loop().create_future()

    def _record(self, route: Route, copy: Copy, ended: int) -> None:
        self._view.answered(copy)
        self._exchanges += 1
        self._send(exchange_of(self._exchanges, route, copy, ended, self._resent))

    def _send(self, message: FromRecorder) -> None:
        assert self._analyst is not None
        assert self._analyst.stdin is not None
        with suppress(ConnectionError):
            self._analyst.stdin.write(frames.packed(message))


async def _first(*waited: asyncio.Future[Any], seconds: float | None = None) -> None:
    """Waits until one of these is done, or so long."""
    await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)


def watch(instructions: Instructions, limits: Limits, view: View) -> Outcome:
    """Runs a session to its end. Raises OSError when the command cannot be started, and `AnalystLostError`."""

    async def run() -> Outcome:
        return await Session(instructions, limits, view).run(os.environ)

    with view:
        return asyncio.run(run())
