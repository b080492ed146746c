"""OTLP from the real SDK, and what becomes of it on its way through."""

from __future__ import annotations

import gzip
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.watch.provider import serving
from tests.watch.running import PROGRAMS, environment, issues_of, spans_in, watch

Received = list[tuple[str, dict[str, str], bytes]]


@pytest.fixture
def collector() -> Iterator[tuple[str, Received]]:
    """A receiver of the user's own."""
    received: Received = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(200)
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", received
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_spans_of_a_program_are_captured_in_its_own_words(compression: str, tmp_path: Path) -> None:
    trail, report = tmp_path / "trail.jsonl", tmp_path / "report.json"
    done = watch(
        *("--save", trail, "--format", "json", "--output", report),
        *("--", sys.executable, PROGRAMS / "with_spans.py"),
        env=environment(OTEL_EXPORTER_OTLP_COMPRESSION=compression),
    )
    told = json.loads(report.read_text())
    assert done.returncode == 1
    assert [issue["type"] for issue in told["issues"]] == ["loop"]
    assert [(trace["totals"]["steps"], trace["agents"]) for trace in told["traces"]] == [(6, ["Lister"])]
    assert len(issues_of(trail)) == 1
    assert all(len(span["spanId"]) == 16 and len(span["traceId"]) == 32 for span in spans_in(trail))


def test_spans_in_json_are_captured_too(tmp_path: Path) -> None:
    trail = tmp_path / "trail.jsonl"
    code = (
        "import os, urllib.request, sys\n"
        "request = urllib.request.Request(os.environ['OTEL_EXPORTER_OTLP_ENDPOINT'] + '/v1/traces',\n"
        "    data=sys.stdin.buffer.read(), headers={'Content-Type': 'application/json', 'Content-Encoding': 'gzip'})\n"
        "print(urllib.request.urlopen(request).read().decode())\n"
    )
    example = Path(__file__).parents[2] / "examples" / "failing-tool.genai.otlp.json"
    done = watch(
        *("--save", trail, "--", sys.executable, "-c", code), stdin=gzip.compress(example.read_bytes())
    )
    assert done.stdout == "{}\n"
    assert issues_of(trail) == issues_of(example) != []


def test_what_the_user_exports_elsewhere_still_gets_there(collector: tuple[str, Received]) -> None:
    url, received = collector
    done = watch(
        *("--no-save", "--exit-zero", "--", sys.executable, PROGRAMS / "with_spans.py"),
        env=environment(
            OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_EXPORTER_OTLP_HEADERS="x-token=the%20token,x-team=ours"
        ),
    )
    assert done.returncode == 0
    assert {path for path, _, _ in received} == {"/v1/traces"}
    assert all(headers["x-token"] == "the token" for _, headers, _ in received)
    assert b"list_files" in b"".join(body for _, _, body in received)


def test_a_call_seen_on_the_wire_and_in_spans_is_one(tmp_path: Path) -> None:
    trail, report = tmp_path / "trail.jsonl", tmp_path / "report.json"
    with serving({"name": "list_files", "arguments": {"path": "/"}}, "Two files.") as provider:
        watch(
            *("--save", trail, "--format", "json", "--output", report),
            *("--", sys.executable, PROGRAMS / "with_both.py"),
            env=environment(provider.url),
        )
    names = [span["name"] for span in spans_in(trail)]
    traces = json.loads(report.read_text())["traces"]
    assert names.count("LLM") == names.count("chat gpt-4o-mini") == 2
    assert [trace["totals"]["steps"] for trace in traces] == [2]
    assert [trace["totals"]["input_tokens"] for trace in traces] == [100]
    assert [trace["agents"] for trace in traces] == [["Lister"]]


def test_spans_that_are_no_acts_of_agents_are_as_good_as_none() -> None:
    code = (
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "from opentelemetry.sdk.trace.export import SimpleSpanProcessor\n"
        "from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter\n"
        "provider = TracerProvider()\n"
        "provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))\n"
        "with provider.get_tracer('web').start_as_current_span('GET /'): pass\n"
        "provider.shutdown()\n"
    )
    done = watch("--no-save", "--", sys.executable, "-c", code)
    assert done.returncode == 3
    assert "NOTHING WAS CAPTURED: none of 1 spans is an act of an agent" in done.stderr
