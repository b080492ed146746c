"""The OTLP receiver (HTTP, protobuf and JSON): takes what the command exports, and hands it on to where it went before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit

import h11

from pisama.watch.captured import Exported
from pisama.watch.incoming import Incoming
from pisama.watch.providers import Route, is_web_address
from pisama.watch.upstream import BLOCK, connect

Signal = Literal["traces", "logs", "metrics"]
SIGNALS: tuple[Signal, ...] = ("traces", "logs", "metrics")
MAX_BODY = 64 << 20
"""Bytes of one request; the default of the Collector is 20 MiB."""
TEE_SECONDS = 10
"""How long the original receiver may take; the default timeout of exporters."""
_GENERAL = "OTEL_EXPORTER_OTLP"
_ANSWERS = {"application/json": b"{}"}


@dataclass(frozen=True, slots=True)
class Tee:
    """Where the user exports a signal to."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()


def tees_of(environment: Mapping[str, str]) -> dict[Signal, Tee]:
    """Where the user's own settings send each signal (OpenTelemetry protocol exporter specification).

    Raises ValueError for an address that cannot be.
    """
    found: dict[Signal, Tee] = {}
    general = environment.get(f"{_GENERAL}_ENDPOINT", "").rstrip("/")
    for signal in SIGNALS:
        name = f"{_GENERAL}_{signal.upper()}"
        own = environment.get(f"{name}_ENDPOINT")
        url = own or (f"{general}/v1/{signal}" if general else "")
        headers = environment.get(f"{name}_HEADERS") or environment.get(f"{_GENERAL}_HEADERS", "")
        exporter = environment.get(f"OTEL_{signal.upper()}_EXPORTER", "otlp")
        if "otlp" in exporter and is_web_address(url, f"{name}_ENDPOINT" if own else f"{_GENERAL}_ENDPOINT"):
            pairs = (pair.partition("=") for pair in headers.split(",") if "=" in pair)
            found[signal] = Tee(url, tuple((key.strip(), unquote(value.strip())) for key, _, value in pairs))
    return found


class Receiver:
    """Serves `/v1/traces`, `/v1/logs` and `/v1/metrics`."""

    def __init__(
        self, tees: Mapping[Signal, Tee], record: Callable[[Exported], None], say: Callable[[str], None]
    ) -> None:
        self._tees = tees
        self._record = record
        self._say = say
        self._sending: set[asyncio.Task[None]] = set()
        self._failed = False

    async def serve(self, request: h11.Request, incoming: Incoming, target: str) -> bool:
        """One request; False when the connection is not to be used again."""
        headers = {name: value.decode("latin-1") for name, value in request.headers}
        body = bytearray()
        async for data in incoming.body():
            body += data
            if len(body) > MAX_BODY:
                incoming.respond(413)
                return False
        signal = next((each for each in SIGNALS if target == f"/v1/{each}"), None)
        if signal is None:
            incoming.respond(404)
            return False
        kind = headers.get(b"content-type", "").partition(";")[0].strip() or "application/x-protobuf"
        if signal != "metrics":
            encoding = headers.get(b"content-encoding", "")
            self._record(Exported(signal, bytes(body), encoding, kind == "application/json"))
        incoming.respond(200, _ANSWERS.get(kind, b""), kind)
        await incoming.writer.drain()
        if signal in self._tees:
            task = asyncio.create_task(self._pass_on(self._tees[signal], headers, bytes(body)))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        if incoming.http.our_state is not h11.DONE or incoming.http.their_state is not h11.DONE:
            return False
        incoming.http.start_next_cycle()
        return True

    async def finish(self) -> None:
        """Waits until all is handed on."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=TEE_SECONDS)

    async def _pass_on(self, tee: Tee, headers: Mapping[bytes, str], body: bytes) -> None:
        try:
            async with asyncio.timeout(TEE_SECONDS):
                status = await _post(tee, headers, body)
            reason = f"it answered {status}" if status >= 400 else ""
        except (OSError, TimeoutError, h11.ProtocolError) as error:
            reason = str(error) or "it did not answer in time"
        if reason and not self._failed:
            self._failed = True
            self._say(f"spans could not be handed on to {urlsplit(tee.url).hostname}: {reason}")


async def _post(tee: Tee, headers: Mapping[bytes, str], body: bytes) -> int:
    parts = urlsplit(tee.url)
    upstream = await connect(Route("", "", f"{parts.scheme}://{parts.netloc}"))
    try:
        kept = [
            (name.decode(), headers[name])
            for name in (b"content-type", b"content-encoding")
            if name in headers
        ]
        own = [("Host", parts.netloc.rpartition("@")[2]), ("Content-Length", str(len(body)))]
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        upstream.send(h11.Request(method="POST", target=target, headers=[*own, *kept, *tee.headers]))
        upstream.send(h11.Data(data=body))
        upstream.send(h11.EndOfMessage())
        while True:
            event = upstream.http.next_event()
            if event is h11.NEED_DATA:
                upstream.http.receive_data(await upstream.reader.read(BLOCK))
            elif isinstance(event, h11.Response):
                return event.status_code
    finally:
        upstream.close()
