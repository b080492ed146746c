"""The analysing process: `python -m pisama.watch.analyst`, started by a session and told everything on its input.

One thread takes in what comes and saves it; the main one counts and judges each step; now and then one looks at
the whole of a long run beside them. When the session is killed, its pipe ends: what had come until then is saved,
and the process goes away.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread

from pisama.issue import Issue
from pisama.output.rendering import rendered
from pisama.output.terminal import printable
from pisama.report import Report
from pisama.selection import chosen
from pisama.trace import JSON, Location
from pisama.watch import frames
from pisama.watch.audit import Trail, without_secrets
from pisama.watch.captured import (
    Ended,
    Exchange,
    Exported,
    Finished,
    Found,
    FromAnalyst,
    Instructions,
    JudgedTo,
    Tally,
)
from pisama.watch.counting import Counter
from pisama.watch.engine import Engine, Judged, Told
from pisama.watch.exports import BadExportError, read_export
from pisama.watch.follow import POLL, Followed, FollowedFile, place_of
from pisama.watch.recording import Recording
from pisama.watch.spans_source import SpansSource


@dataclass(frozen=True, slots=True)
class _Captured:
    request: dict[str, JSON]
    at: Location
    exchange: int


@dataclass(frozen=True, slots=True)
class _Looked:
    """What was found in the whole of a run."""

    engine: Engine
    found: list[Judged]


_Work = _Captured | _Looked | Ended | None
NICENESS = 5
MAX_PROBLEMS = 5
"""Kinds of problems that are told; the rest would say the same."""


class Intake(Thread):
    """Reads what the session sends, saves it, counts it, and hands it on."""

    def __init__(self, instructions: Instructions, work: SimpleQueue[_Work]) -> None:
        super().__init__(daemon=True)
        self._instructions = instructions
        self._work = work
        self._recording = Recording(
            Path(instructions.command[0]).name if instructions.command else "pisama watch"
        )
        self._trail: Trail | None = None
        self._written = Lock()
        self.problems: list[str] = []
        self._open_trail()

    def run(self) -> None:
        """Until the session ends, or is killed."""
        while True:
            message = frames.read(sys.stdin.buffer)
            if not isinstance(message, Exchange | Exported | Ended):
                self._work.put(None)
                return
            if isinstance(message, Ended):
                if message.whole:
                    for request in self._recording.ends(message.exit_code, time.time_ns()):
                        self._take(request, 0)
                self._work.put(message)
                return
            number = message.number if isinstance(message, Exchange) else 0
            self._take(self._request(message), number)

    def send(self, message: FromAnalyst) -> None:
        """Tells the session something."""
        with self._written:
            try:
                sys.stdout.buffer.write(frames.packed(message))
                sys.stdout.buffer.flush()
            except OSError:
                # The session was killed; what it had sent is still saved.
                pass

    def _request(self, message: Exchange | Exported) -> dict[str, JSON] | None:
        try:
            return self._recording.span(message) if isinstance(message, Exchange) else read_export(message)
        except BadExportError as error:
            self._problem(f"an export could not be read: {error}")
        return None

    def _take(self, request: dict[str, JSON] | None, exchange: int) -> None:
        if request is not None and not self._instructions.keep_secrets:
            cleaned = without_secrets(request)
            request = cleaned if isinstance(cleaned, dict) else None
        line = self._save(request) if request else None
        at = Location(self._instructions.save, line)
        self._work.put(_Captured(request or {}, at, exchange))

    def _open_trail(self) -> None:
        if self._instructions.save is not None:
            try:
                self._trail = Trail(Path(self._instructions.save))
            except OSError as error:
                self._problem(f"{self._instructions.save}: nothing is saved: {error.strerror or error}")

    def _save(self, request: dict[str, JSON]) -> int | None:
        if self._trail is None:
            return None
        try:
            return self._trail.append(request)
        except OSError as error:
            self._trail = None
            self._problem(f"{self._instructions.save}: saving has ended: {error.strerror or error}")
            return None

    def _problem(self, text: str) -> None:
        if text not in self.problems and len(self.problems) < MAX_PROBLEMS:
            self.problems.append(printable(text))


class Analyst:
    """Counts, analyses, and reports, until the session has ended."""

    def __init__(self, instructions: Instructions) -> None:
        self._instructions = instructions
        self._config = instructions.config
        self._detectors = chosen(instructions.config)
        self._work: SimpleQueue[_Work] = SimpleQueue()
        self._intake = Intake(instructions, self._work)
        self._spans = SpansSource()
        self._engine = Engine(self._spans, self._detectors, self._config)
        self._counter = Counter()
        follow = instructions.follow
        self._followed = Followed(follow, instructions.old, self._config.limits) if follow else None
        self._files: dict[Path, Engine] = {}
        self._counted: dict[Path, int] = {}
        self._polled = 0.0
        self._told = Tally()
        self._exchange = 0
        self._looking: Thread | None = None

    def run(self) -> None:
        """Until the session ends, or is killed."""
        self._intake.start()
        # The first report takes a while to load what it needs, and there is nothing else to do yet.
        rendered(Report(()), "text")
        ended: Ended | None = None
        alive = True
        while alive and ended is None:
            for work in self._waiting():
                if work is None:
                    alive = False
                elif isinstance(work, Ended):
                    ended = work
                elif isinstance(work, _Looked):
                    self._looking = None
                    self._tell_found(work.engine.take(work.found))
                else:
                    self._count(work)
            self._tell()
            self._poll(last=ended is not None)
            if ended is None:
                self._look(self._engine)
                self._tell()
                self._intake.send(JudgedTo(self._exchange))
        if ended is not None:
            self._finish(ended)

    def _waiting(self) -> Iterator[_Work]:
        """All work that is there; waits for the first, but not past the next look at followed files."""
        try:
            yield self._work.get(timeout=POLL if self._followed is not None else None)
            while True:
                yield self._work.get_nowait()
        except Empty:
            return

    def _count(self, captured: _Captured) -> None:
        for span in self._spans.add(captured.request, captured.at):
            self._counter.add(span)
        self._exchange = max(self._exchange, captured.exchange)

    def _tell(self) -> None:
        tally = self._counter.tally
        failed = sum(len(each.failed_calls) for each in (self._engine, *self._files.values()))
        told = replace(tally, exchange=self._exchange, errors=tally.errors + failed)
        if told != self._told:
            self._told = told
            self._intake.send(told)

    def _look(self, engine: Engine) -> None:
        self._tell_found(engine.look())
        if engine.is_whole_due and self._looking is None:
            self._looking = Thread(target=self._look_at_whole, args=(engine,), daemon=True)
            self._looking.start()

    def _look_at_whole(self, engine: Engine) -> None:
        self._work.put(_Looked(engine, engine.whole()))

    def _tell_found(self, told: Iterable[Told]) -> None:
        for issue, worse in told:
            self._intake.send(Found(self._numbered(issue), worse))

    def _numbered(self, issue: Issue) -> Issue:
        """The issue with the number of its step in the session, not in the window it was found in."""
        number = self._counter.number_of(issue.span_id)
        return issue if number is None else replace(issue, step=number - 1)

    def _poll(self, *, last: bool) -> None:
        now = time.monotonic()
        if self._followed is None or (now - self._polled < POLL and not last):
            return
        self._polled = now
        for file in self._followed.grown():
            engine = self._files.get(file.path)
            if engine is None:
                engine = self._files[file.path] = Engine(file, self._detectors, self._config)
            self._look(engine)
            self._show(file, engine)

    def _show(self, file: FollowedFile, engine: Engine) -> None:
        """What a followed file adds to the counts: the acts that are new in it."""
        acts = sorted((step for trace in engine.latest for step in trace.steps), key=place_of)
        self._counted[file.path] = self._counter.add_acts(acts, self._counted.get(file.path, file.before))
        tally = self._counter.tally
        sources = tally.sources if "files" in tally.sources else (*tally.sources, "files")
        self._counter.tally = replace(tally, spans=tally.spans + 1, sources=sources)
        self._tell()

    def _finish(self, ended: Ended) -> None:
        reports = [engine.report(whole=ended.whole) for engine in (self._engine, *self._files.values())]
        report = Report(
            tuple(trace for each in reports for trace in each.traces),
            tuple(error for each in reports for error in each.errors),
        )
        unread = self._followed.problems if self._followed is not None else ()
        self._intake.send(
            Finished(
                reports=tuple(
                    rendered(report, each.format, color=each.color, width=each.width)
                    for each in self._instructions.written
                ),
                steps=sum(trace.totals.steps for trace in report.traces),
                exit_code=report.exit_code(self._instructions.fail_on),
                tally=self._told,
                problems=(*self._intake.problems, *unread, *map(str, report.errors)),
            )
        )


def main() -> None:
    """Entry point of the process."""
    # Whoever interrupts the command from the terminal means the command, and wants the report on it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The command comes first where processors are scarce.
    os.nice(NICENESS)
    instructions = frames.read(sys.stdin.buffer)
    if isinstance(instructions, Instructions):
        Analyst(instructions).run()


if __name__ == "__main__":
    main()
