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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
from pisama.watch.recording import Recording
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
_KEPT = 40
"""Messages that the agent of the long run resends, as agents do whose context is bounded."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a long run."""

    steps: int
    """Number of its last step."""
    milliseconds: float
    """Processor time for each step: recording, redacting, counting, analysing."""
    longest: float
    """Milliseconds of its slowest step."""
    megabytes: float
    """Resident memory at its end."""


def exchanges(steps: int, *, resend: bool) -> Iterator[Exchange]:
    """A healthy agent that reads one file after another, as the proxy would see it.

    With `resend` each request holds the whole conversation; without, its beginning and the latest messages.
    """
    messages: list[JSON] = [
        {"role": "system", "content": "You read files and sum them up."},
        {"role": "user", "content": "Sum up what the files of this project are for."},
    ]
    for number in range(steps):
        text = f"I read part {number} next, since part {number - 1} names it as its successor."
        call: JSON = {
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": "read_file", "arguments": json.dumps({"path": f"src/part_{number}.py"})},
        }
        answer: JSON = {"role": "assistant", "content": text, "tool_calls": [call]}
        sent = messages if resend else [*messages[:2], *messages[2:][-_KEPT:]]
        request = {"model": "gpt-4o-mini", "messages": sent, "tools": _TOOLS}
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
            request=json.dumps(request).encode(),
            request_encoding="",
            status=200,
            response=json.dumps(response).encode(),
            response_encoding="",
            started=now,
            ended=now + 500_000_000,
        )
        content = f"def part_{number}():\n    return {number * 37 % 1009}  # see part_{number + 1}"
        messages += [answer, {"role": "tool", "tool_call_id": f"call_{number}", "content": content}]


def long_run(steps: int, stretch: int, *, resend: bool) -> Iterator[Stretch]:
    """The cost of each stretch of a run that is analysed at every step."""
    config = Config(plugins=False)
    recording, source, counter = Recording("benchmark"), SpansSource(), Counter()
    engine = Engine(source, chosen(config), config)
    spent: list[float] = []
    for exchange in exchanges(steps, resend=resend):
        start = time.process_time()
        request = without_secrets(recording.span(exchange))
        assert isinstance(request, dict)
        for span in source.add(request, Location()):
            counter.add(span)
        for _ in engine.look():
            pass
        spent.append((time.process_time() - start) * 1_000)
        if len(spent) == stretch:
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            yield Stretch(exchange.number, sum(spent) / stretch, max(spent), memory)
            spent = []


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
    delay: Annotated[float, typer.Option(help="Seconds that its provider takes for each.", min=0)] = 0.1,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all figures to this file.", show_default="none")
    ] = None,
) -> None:
    """Measure what `pisama watch` costs a program, and whether a long run stays flat."""
    watch = [sys.executable, "-m", "pisama.cli", "watch", "--no-save", "--exit-zero", "--"]
    seen = {"alone": calls_through([], calls, delay), "under watch": calls_through(watch, calls, delay)}
    rows = [
        (name, f"{each.median:.2f}", f"{each.calls:.2f}", f"{each.whole:.2f}") for name, each in seen.items()
    ]
    columns = ["", "median call, ms", "all calls, s", "start to end, s"]
    show(table(f"{calls} calls of a provider that takes {delay:g} s", columns, rows))
    runs: dict[str, list[Stretch]] = {}
    for name, resend in (("bounded context", False), ("whole conversation resent", True)):
        runs[name] = list(long_run(steps, max(1, steps // 10), resend=resend))
        rows = [
            (f"{each.steps:,}", f"{each.milliseconds:.1f}", f"{each.longest:.0f}", f"{each.megabytes:.0f}")
            for each in runs[name]
        ]
        show(table(f"A run of {steps:,} steps, {name}", ["to step", "ms a step", "slowest, ms", "MB"], rows))
    if json_file is not None:
        figures = {name: [asdict(each) for each in stretches] for name, stretches in runs.items()}
        write_json(json_file, {"calls": {name: asdict(each) for name, each in seen.items()}, "runs": figures})


if __name__ == "__main__":
    application(main)()
