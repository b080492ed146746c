"""How `pisama watch` holds up: what a call costs more, and whether a long run stays flat."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.command import application, show, table, write_json
from pisama.config import Config
from pisama.selection import chosen
from pisama.trace import JSON, Location
from pisama.watch.audit import without_secrets
from pisama.watch.captured import Exchange
from pisama.watch.counting import Counter
from pisama.watch.engine import Engine
from pisama.watch.providers import MESSAGES, Api
from pisama.watch.recording import Recording
from pisama.watch.resent import Resent
from pisama.watch.spans_source import SpansSource

_TOOLS: JSON = [
    {"type": "function", "function": {"name": "read_file", "parameters": {"type": "object"}}},
]
_MESSAGE = {"role": "assistant", "content": "It is noon."}
_BODY = json.dumps({"id": "one", "choices": [{"message": _MESSAGE, "finish_reason": "stop"}]}).encode()
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(_BODY),
    _BODY,
)
_PROGRAM = """
import http.client, json, os, sys, time, urllib.parse
base = urllib.parse.urlsplit(os.environ["OPENAI_BASE_URL"])
connection = http.client.HTTPConnection(base.hostname, base.port)
messages, spent = [], []
for number in range(int(sys.argv[1])):
    messages.append({"role": "user", "content": f"What is the time in city {number}?"})
    start = time.perf_counter()
    connection.request("POST", base.path + "/chat/completions", json.dumps({"model": "m", "messages": messages}))
    answer = json.loads(connection.getresponse().read())
    spent.append(time.perf_counter() - start)
    messages.append(answer["choices"][0]["message"])
print(json.dumps(spent))
"""
_REQUEST = b'{"model": "gpt-4o-mini", "messages": [%s], "tools": %s}'
_KEPT = 40
"""Messages that the agent of the long run resends, as agents do whose context is bounded."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a long run."""

    steps: int
    """Number of its last step."""
    request: float
    """Megabytes of the request of that step."""
    hashing: float
    """Milliseconds of processor time for each step in the process that forwards: telling what was sent before."""
    milliseconds: float
    """The same in the process that analyses: recording, redacting, counting, analysing."""
    longest: float
    """Milliseconds of its slowest step."""
    beside: float
    """Milliseconds for each step of looking at the whole run, which no step waits for."""
    megabytes: float
    """Resident memory at its end."""


def exchanges(steps: int, *, resend: bool) -> Iterator[Exchange]:
    """A healthy agent that reads one file after another, as it passes the proxy.

    With `resend` each request holds the whole conversation; without, its beginning and the latest messages.
    """
    opening = [
        _json({"role": "system", "content": "You read files and sum them up."}),
        _json({"role": "user", "content": "Sum up what the files of this project are for."}),
    ]
    whole = bytearray(b",".join(opening))
    latest: deque[bytes] = deque(maxlen=_KEPT)
    for number in range(steps):
        text = f"I read part {number} next, since part {number - 1} names it as its successor."
        call = {
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": "read_file", "arguments": json.dumps({"path": f"src/part_{number}.py"})},
        }
        answer = {"role": "assistant", "content": text, "tool_calls": [call]}
        response = {
            "id": f"chatcmpl-{number}",
            "model": "gpt-4o-mini",
            "choices": [{"index": 0, "message": answer, "finish_reason": "tool_calls"}],
            "usage": {"prompt_tokens": 1_000, "completion_tokens": 40},
        }
        now = 1_700_000_000_000_000_000 + number * 1_000_000_000
        yield Exchange(
            number=number + 1,
            provider="openai",
            path="/chat/completions",
            request=_REQUEST % (bytes(whole) if resend else b",".join([*opening, *latest]), _json(_TOOLS)),
            request_encoding="",
            status=200,
            response=_json(response),
            response_encoding="",
            started=now,
            ended=now + 500_000_000,
        )
        content = f"def part_{number}():\n    return {number * 37 % 1009}  # see part_{number + 1}"
        new = [_json(answer), _json({"role": "tool", "tool_call_id": f"call_{number}", "content": content})]
        if resend:
            whole += b"," + b",".join(new)
        latest.extend(new)


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def long_run(steps: int, stretch: int, *, resend: bool) -> list[Stretch]:
    """The cost of each stretch of a run that is analysed at every step. The process should be its own, for memory."""
    config = Config(plugins=False)
    resent, recording, source, counter = Resent(), Recording("benchmark"), SpansSource(), Counter()
    engine = Engine(source, chosen(config), config)
    found: list[Stretch] = []
    forwarding: list[float] = []
    spent: list[float] = []
    beside = 0.0
    for exchange in exchanges(steps, resend=resend):
        start = time.process_time()
        cut = resent.cut(exchange.number, exchange.request, MESSAGES[Api.CHAT])
        forwarding.append((time.process_time() - start) * 1_000)
        start = time.process_time()
        span = recording.span(replace(exchange, request=cut.body, after=cut.after))
        request = without_secrets(span)
        assert isinstance(request, dict)
        for record in source.add(request, Location()):
            counter.add(record)
        for _ in engine.look():
            pass
        spent.append((time.process_time() - start) * 1_000)
        start = time.process_time()
        if engine.is_whole_due:
            list(engine.take(engine.whole()))
        beside += (time.process_time() - start) * 1_000
        if len(spent) == stretch:
            found.append(
                Stretch(
                    exchange.number,
                    len(exchange.request) / 1e6,
                    sum(forwarding) / stretch,
                    sum(spent) / stretch,
                    max(spent),
                    beside / stretch,
                    resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                )
            )
            spent, forwarding, beside = [], [], 0.0
    return found


@dataclass(frozen=True, slots=True)
class Calls:
    """What a program saw that made some calls."""

    median: float
    """Milliseconds that a call took."""
    calls: float
    """Seconds from the first call to the end of the last."""
    whole: float
    """Seconds from the start of the command to its end, the report included."""


def calls_through(command: list[str], count: int, delay: float) -> Calls:
    """What a program sees that makes so many calls, one after another, of a provider that takes so many seconds.

    `command` comes before the program.
    """
    with _provider(delay) as url:
        environment = {**os.environ, "OPENAI_BASE_URL": f"{url}/v1"}
        start = time.perf_counter()
        done = subprocess.run(  # noqa: S603 - this interpreter, this package and the program above
            [*command, sys.executable, "-c", _PROGRAM, str(count)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        whole = time.perf_counter() - start
    spent = json.loads(done.stdout)
    return Calls(statistics.median(spent) * 1_000, sum(spent), whole)


@contextmanager
def _provider(delay: float) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(delay)
            self.wfile.write(_ANSWER)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def main(
    steps: Annotated[int, typer.Option(help="Steps of the long runs.", min=10)] = 5_000,
    calls: Annotated[int, typer.Option(help="Calls of the short program.", min=1)] = 200,
    delay: Annotated[
        float, typer.Option(help="Seconds that its provider takes for each: a short answer.", min=0)
    ] = 0.5,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all figures to this file.", show_default="none")
    ] = None,
) -> None:
    """Measure what `pisama watch` costs a program, and whether a long run stays flat."""
    watch = [sys.executable, "-m", "pisama", "watch", "--no-save", "--exit-zero", "--"]
    seen = {"alone": calls_through([], calls, delay), "under watch": calls_through(watch, calls, delay)}
    rows = [
        (name, f"{each.median:.2f}", f"{each.calls:.2f}", f"{each.whole:.2f}") for name, each in seen.items()
    ]
    columns = ["", "median call, ms", "all calls, s", "start to end, s"]
    more = seen["under watch"].whole / seen["alone"].whole - 1
    added = seen["under watch"].median - seen["alone"].median
    note = f"{more:.1%} more wall time, {added:.2f} ms more for the median call"
    show(table(f"{calls} calls of a provider that takes {delay:g} s", columns, rows, note))
    runs: dict[str, list[Stretch]] = {}
    for name, resend in (("bounded context", False), ("whole conversation resent", True)):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            runs[name] = process.submit(long_run, steps, max(1, steps // 10), resend=resend).result()
        long_rows = [_row(each) for each in runs[name]]
        columns = [
            "to step",
            "request, MB",
            "hashing, ms",
            "analysis, ms",
            "slowest, ms",
            "whole runs, ms",
            "memory, MB",
        ]
        show(table(f"A run of {steps:,} steps, {name}; processor time a step", columns, long_rows))
    if json_file is not None:
        figures = {name: [asdict(each) for each in stretches] for name, stretches in runs.items()}
        write_json(json_file, {"calls": {name: asdict(each) for name, each in seen.items()}, "runs": figures})


def _row(stretch: Stretch) -> tuple[str, ...]:
    return (
        f"{stretch.steps:,}",
        f"{stretch.request:.2f}",
        f"{stretch.hashing:.2f}",
        f"{stretch.milliseconds:.1f}",
        f"{stretch.longest:.0f}",
        f"{stretch.beside:.1f}",
        f"{stretch.megabytes:.0f}",
    )


if __name__ == "__main__":
    application(main)()
