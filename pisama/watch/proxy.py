"""The recording proxy: hands requests to providers and answers back, byte for byte, and keeps a copy.

What the program is answered is what the provider sent, written on as it arrives: heads, chunks, events, resets
and silences included. HTTP is parsed beside that, only to know where an answer ends and to keep its content.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import h11

from pisama.watch.captured import Exchange
from pisama.watch.incoming import Incoming
from pisama.watch.providers import MESSAGES, Route, api_of
from pisama.watch.resent import Cut, Resent
from pisama.watch.upstream import BLOCK, Upstream, connect

MAX_KEPT = 256 << 20
"""Bytes of one body that are kept; what is larger is passed on all the same."""


@dataclass(slots=True, eq=False)
class Copy:
    """What is kept of one exchange while it goes on."""

    path: str
    started: int
    encoding: str
    traceparent: str | None
    request: bytearray = field(default_factory=bytearray)
    response: bytearray = field(default_factory=bytearray)
    response_encoding: str = ""
    status: int | None = None
    error: str | None = None


class Proxy:
    """Serves one route, to its provider and to nowhere else.

    `before` is awaited ahead of each call of a model, which it is told by an object and the host; `record` gets
    the exchange.
    """

    def __init__(
        self,
        route: Route,
        before: Callable[[Copy, str], Awaitable[None]],
        record: Callable[[Route, Copy, int], None],
        say: Callable[[str], None],
    ) -> None:
        self._route = route
        self._before = before
        self._record = record
        self._say = say
        self._upstreams: WeakKeyDictionary[Incoming, Upstream] = WeakKeyDictionary()

    async def serve(self, request: h11.Request, incoming: Incoming, target: str) -> bool:
        """One request; False when the connection is not to be used again."""
        path = target.partition("?")[0].removeprefix(self._route.path)
        is_call = request.method == b"POST" and api_of(path) is not None
        copy = Copy(
            path,
            time.time_ns(),
            _header(request.headers, b"content-encoding"),
            _header(request.headers, b"traceparent") or None,
        )
        if is_call:
            await self._before(copy, self._route.host)
            copy.started = time.time_ns()
        upstream: Upstream | None = None
        try:
            upstream = await self._exchange(request, incoming, target, copy)
        except asyncio.CancelledError:
            copy.error = copy.error or "pisama watch ended"
            raise
        except (OSError, h11.ProtocolError) as error:
            copy.error = copy.error or _reason(error)
            incoming.reset()
        finally:
            if is_call:
                self._record(self._route, copy, time.time_ns())
        if upstream is None:
            return False
        incoming.next_cycle()
        return await self._idle(incoming, upstream)

    async def _exchange(
        self, request: h11.Request, incoming: Incoming, target: str, copy: Copy
    ) -> Upstream | None:
        """One request and its answer; the connection to the provider if it can be used again."""
        upstream = await self._upstream(incoming)
        try:
            await self._send(request, incoming, target, upstream, copy)
            hung_up = asyncio.create_task(incoming.gone())
            hung_up.add_done_callback(lambda task: _give_up(task, upstream, copy))
            try:
                finished = await self._pass_back(incoming, upstream, copy)
            finally:
                hung_up.cancel()
                await asyncio.wait([hung_up])
        except BaseException:
            upstream.close()
            raise
        if finished and upstream.is_reusable():
            return upstream
        upstream.close()
        return None

    async def _upstream(self, incoming: Incoming) -> Upstream:
        known = self._upstreams.pop(incoming, None)
        if known is not None:
            return known
        try:
            return await connect(self._route)
        except OSError as error:
            self._say(f"no connection to {self._route.host}: {_reason(error)}")
            raise

    async def _send(
        self, request: h11.Request, incoming: Incoming, target: str, upstream: Upstream, copy: Copy
    ) -> None:
        headers = [
            (name, self._forwarded(name.lower(), value)) for name, value in request.headers.raw_items()
        ]
        whole = target.encode("ascii", "replace") or b"/"
        upstream.send(h11.Request(method=request.method, target=whole, headers=headers))
        async for data in incoming.body():
            _keep(copy.request, data)
            upstream.send(h11.Data(data=data))
            await upstream.writer.drain()
        upstream.send(h11.EndOfMessage())
        await upstream.writer.drain()

    def _forwarded(self, name: bytes, value: bytes) -> bytes:
        """A header as the provider gets it: addressed to it, and asking for no encoding that cannot be read here."""
        if name == b"host":
            return self._route.authority.encode()
        if name == b"accept-encoding":
            offered = [item.strip() for item in value.split(b",")]
            return b", ".join(item for item in offered if not item.startswith(b"br")) or b"identity"
        return value

    async def _pass_back(self, incoming: Incoming, upstream: Upstream, copy: Copy) -> bool:
        """Writes the answer on as it comes; whether it came to its end and the connection may be used again."""
        while True:
            data = await upstream.reader.read(BLOCK)
            incoming.writer.write(data)
            upstream.http.receive_data(data)
            try:
                ended = _take_in(upstream.http, copy)
            except h11.RemoteProtocolError:
                copy.error = copy.error or "the provider closed the connection in mid-answer"
                return False
            await incoming.writer.drain()
            if ended:
                return bool(data)
            if upstream.http.their_state is h11.SWITCHED_PROTOCOL:
                await _tunnel(incoming, upstream)
                return False

    async def _idle(self, incoming: Incoming, upstream: Upstream) -> bool:
        """Keeps the provider's connection for the next request; hangs up when the provider does."""
        if incoming.http.trailing_data[0]:
            self._upstreams[incoming] = upstream
            return True
        watching = asyncio.create_task(upstream.reader.read(1))
        hung_up = asyncio.create_task(incoming.gone())
        try:
            await asyncio.wait([watching, hung_up], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (watching, hung_up):
                task.cancel()
            await asyncio.wait([watching, hung_up])
            if not _went_on(hung_up) or not watching.cancelled():
                upstream.close()
        if not watching.cancelled():
            # A provider that says anything unasked has hung up.
            _ = watching.exception()
            return False
        if _went_on(hung_up):
            self._upstreams[incoming] = upstream
            return True
        return False


def _went_on(hung_up: asyncio.Task[bool]) -> bool:
    return not hung_up.cancelled() and hung_up.exception() is None and not hung_up.result()


def _give_up(hung_up: asyncio.Task[bool], upstream: Upstream, copy: Copy) -> None:
    if not hung_up.cancelled() and not _went_on(hung_up):
        copy.error = "the program gave up waiting"
        upstream.close()


def _take_in(http: h11.Connection, copy: Copy) -> bool:
    """Keeps what has come of an answer; whether that was its end."""
    while True:
        event = http.next_event()
        if isinstance(event, h11.Response):
            copy.status = event.status_code
            copy.response_encoding = _header(event.headers, b"content-encoding")
        elif isinstance(event, h11.Data):
            _keep(copy.response, bytes(event.data))
        elif isinstance(event, h11.EndOfMessage):
            return True
        elif not isinstance(event, h11.InformationalResponse):
            return False


async def _tunnel(incoming: Incoming, upstream: Upstream) -> None:
    """Both directions as they are, after a change of protocol (WebSocket)."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(BLOCK):
            writer.write(data)
            await writer.drain()

    pumps = [
        asyncio.create_task(pump(incoming.reader, upstream.writer)),
        asyncio.create_task(pump(upstream.reader, incoming.writer)),
    ]
    _, pending = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pumps, return_exceptions=True)


def exchange_of(number: int, route: Route, copy: Copy, ended: int, resent: Resent) -> Exchange:
    """The finished exchange, without what was sent before."""
    request = bytes(copy.request)
    api = api_of(copy.path)
    cut = Cut(request) if copy.encoding or api is None else resent.cut(number, request, MESSAGES[api])
    return Exchange(
        number=number,
        provider=route.provider,
        path=copy.path,
        request=cut.body,
        request_encoding=copy.encoding,
        status=copy.status,
        response=bytes(copy.response),
        response_encoding=copy.response_encoding,
        started=copy.started,
        ended=ended,
        error=copy.error,
        traceparent=copy.traceparent,
        after=cut.after,
    )


def _header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in headers if key == name), "")


def _keep(body: bytearray, data: bytes) -> None:
    if len(body) + len(data) <= MAX_KEPT:
        body += data


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error) or type(error).__name__
