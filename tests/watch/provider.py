"""A provider on loopback that speaks the protocols of OpenAI, Anthropic and Google, and follows a script."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Turn = dict[str, Any] | str
"""A call of a tool, `{"name": …, "arguments": …}`, or the words of an answer."""


@dataclass
class Provider:
    """What it answers next, and what it was asked."""

    url: str
    script: list[Turn | Failure]
    """The last turn is repeated."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    hung: threading.Event = field(default_factory=threading.Event)
    """Set once a request hangs."""
    release: threading.Event = field(default_factory=threading.Event)
    """Lets hanging requests go."""

    def next_turn(self) -> tuple[int, Turn | Failure]:
        number = len(self.requests)
        return number, self.script[min(number, len(self.script)) - 1]


@dataclass(frozen=True)
class Failure:
    """Not an answer: a status with an error or with this body, a reset connection, or silence."""

    status: int | None = None
    kind: str = "status"
    headers: tuple[tuple[str, str], ...] = ()
    body: object = None
    """JSON, or the text itself."""


RESET = Failure(kind="reset")
HANG = Failure(kind="hang")


@contextmanager
def serving(*script: Turn | Failure) -> Iterator[Provider]:
    """Serves the script on a free port."""
    provider = Provider("", list(script))

    class Handler(_Handler):
        scripted = provider

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    provider.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield provider
    finally:
        provider.release.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    scripted: Provider

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        self.scripted.paths.append(self.path)
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.scripted.requests.append(request)
        self.scripted.headers.append({name.lower(): value for name, value in self.headers.items()})
        number, turn = self.scripted.next_turn()
        if isinstance(turn, Failure):
            self._fail(turn)
            return
        path = self.path.partition("?")[0]
        protocols = {"/chat/completions": chat, "/responses": responses, "/messages": messages}
        protocol = next((each for end, each in protocols.items() if path.endswith(end)), generate)
        answer, events = protocol(number, turn)
        if request.get("stream") or "streamGenerate" in path:
            self._stream(events)
        else:
            self._answer(200, answer)

    def _fail(self, failure: Failure) -> None:
        if failure.kind == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
        elif failure.kind == "hang":
            self.scripted.hung.set()
            self.scripted.release.wait()
            self.close_connection = True
        else:
            error = {"error": {"message": f"scripted failure {failure.status}", "type": "scripted"}}
            self._answer(
                failure.status or 500, error if failure.body is None else failure.body, failure.headers
            )

    def _answer(self, status: int, value: object, headers: tuple[tuple[str, str], ...] = ()) -> None:
        body = (value if isinstance(value, str) else json.dumps(value)).encode()
        self.send_response(status)
        for name, text in headers:
            self.send_header(name, text)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Request-Id", "scripted")
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, events: list[tuple[str, object]]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for name, event in events:
            head = f"event: {name}\n" if name else ""
            data = f"{head}data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode()
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")


Protocol = tuple[dict[str, Any], list[tuple[str, object]]]


def chat(number: int, turn: Turn) -> Protocol:
    message: dict[str, Any] = {"role": "assistant", "content": turn if isinstance(turn, str) else None}
    delta: dict[str, Any] = dict(message)
    rest: list[dict[str, Any]] = []
    if not isinstance(turn, str):
        arguments = json.dumps(turn["arguments"])
        function = {"name": turn["name"], "arguments": arguments}
        message["tool_calls"] = [{"id": f"call_{number}", "type": "function", "function": function}]
        begun = {"name": turn["name"], "arguments": ""}
        delta["tool_calls"] = [{"index": 0, "id": f"call_{number}", "type": "function", "function": begun}]
        rest = [
            {"tool_calls": [{"index": 0, "function": {"arguments": part}}]}
            for part in (arguments[:4], arguments[4:])
        ]
    finish = "stop" if isinstance(turn, str) else "tool_calls"
    frame = {"id": f"chatcmpl-{number}", "created": 1, "model": "gpt-4o-mini"}
    usage = {"prompt_tokens": 50, "completion_tokens": 10, "total_tokens": 60}
    answer = {
        **frame,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": usage,
    }
    chunk = {**frame, "object": "chat.completion.chunk"}
    events: list[tuple[str, object]] = [
        ("", {**chunk, "choices": [{"index": 0, "delta": each, "finish_reason": None}]})
        for each in (delta, *rest)
    ]
    events.append(("", {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}))
    events += [("", {**chunk, "choices": [], "usage": usage}), ("", "[DONE]")]
    return answer, events


def responses(number: int, turn: Turn) -> Protocol:
    if isinstance(turn, str):
        content = [{"type": "output_text", "text": turn, "annotations": []}]
        item: dict[str, Any] = {
            "type": "message",
            "id": f"msg_{number}",
            "role": "assistant",
            "content": content,
        }
    else:
        call = {"call_id": f"call_{number}", "name": turn["name"], "arguments": json.dumps(turn["arguments"])}
        item = {"type": "function_call", "id": f"fc_{number}", **call}
    item["status"] = "completed"
    answer = {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "gpt-4o-mini",
        "output": [item],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {"input_tokens": 50, "output_tokens": 10, "total_tokens": 60},
    }
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {**answer, "output": []}},
        *_item_events(item),
        {"type": "response.completed", "response": answer},
    ]
    return answer, [(each["type"], {**each, "sequence_number": at}) for at, each in enumerate(events)]


def _item_events(item: dict[str, Any]) -> list[dict[str, Any]]:
    """How the one item of a streamed response comes in, its words or arguments in two pieces."""
    place = {"output_index": 0, "item_id": item["id"]}
    added, done = "response.output_item.added", "response.output_item.done"
    if item["type"] == "function_call":
        written, kind = item["arguments"], "response.function_call_arguments"
        begun, ended = {**item, "arguments": ""}, {"arguments": written}
    else:
        written, kind = item["content"][0]["text"], "response.output_text"
        place["content_index"] = 0
        begun, ended = {**item, "content": []}, {"text": written, "logprobs": []}
    deltas = [{"type": f"{kind}.delta", **place, "delta": part} for part in (written[:4], written[4:])]
    return [
        {"type": added, "output_index": 0, "item": {**begun, "status": "in_progress"}},
        *deltas,
        {"type": f"{kind}.done", **place, **ended},
        {"type": done, "output_index": 0, "item": item},
    ]


def messages(number: int, turn: Turn) -> Protocol:
    if isinstance(turn, str):
        block: dict[str, Any] = {"type": "text", "text": turn}
        begun: dict[str, Any] = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": part} for part in (turn[:5], turn[5:])]
    else:
        block = {
            "type": "tool_use",
            "id": f"toolu_{number}",
            "name": turn["name"],
            "input": turn["arguments"],
        }
        begun = {**block, "input": {}}
        written = json.dumps(turn["arguments"])
        deltas = [{"type": "input_json_delta", "partial_json": part} for part in (written[:4], written[4:])]
    stop = "end_turn" if isinstance(turn, str) else "tool_use"
    frame = {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": "claude-3-5-haiku-latest",
    }
    ends = {"stop_reason": stop, "stop_sequence": None}
    answer = {**frame, "content": [block], **ends, "usage": {"input_tokens": 50, "output_tokens": 10}}
    start: dict[str, Any] = {**frame, "content": [], "stop_reason": None, "stop_sequence": None}
    start["usage"] = {"input_tokens": 50, "output_tokens": 1}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": begun},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": ends, "usage": {"output_tokens": 10}},
        {"type": "message_stop"},
    ]
    return answer, [(event["type"], event) for event in events]


def generate(number: int, turn: Turn) -> Protocol:
    part: dict[str, Any] = (
        {"text": turn}
        if isinstance(turn, str)
        else {"functionCall": {"name": turn["name"], "args": turn["arguments"]}}
    )
    answer = {
        "candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 50, "candidatesTokenCount": 10},
        "modelVersion": "gemini-2.0-flash",
        "responseId": f"gemini-{number}",
    }
    return answer, [("", answer)]
