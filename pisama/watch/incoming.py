"""The loopback server: one port, which only this machine can reach, for everything the command sends."""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import h11

from pisama.watch.upstream import BLOCK

LOOPBACK = "127.0.0.1"
MAX_HEAD = 1 << 20
"""Bytes of the head of a request; a larger one is refused."""


@dataclass(slots=True, eq=False, weakref_slot=True)
class Incoming:
    """One connection of the command; requests follow one another on it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    http: h11.Connection = field(
        default_factory=lambda: h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
    )

    async def next_request(self) -> h11.Request | None:
        """The head of the next request; None when the connection is over."""
        event = await self._next_event()
        return event if isinstance(event, h11.Request) else None

    async def body(self) -> AsyncIterator[bytes]:
        """The body of the request, as it arrives. Raises ConnectionResetError when it breaks off."""
        if self.http.they_are_waiting_for_100_continue:
            go_on = self.http.send(h11.InformationalResponse(status_code=100, headers=[]))
            self.writer.write(go_on or b"")
        while not isinstance(event := await self._next_event(), h11.EndOfMessage):
            if not isinstance(event, h11.Data):
                raise ConnectionResetError("the request broke off")
            yield bytes(event.data)

    def respond(self, status: int, body: bytes = b"", content_type: str = "application/json") -> None:
        """Answers the request."""
        headers = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
        data = self.http.send(h11.Response(status_code=status, headers=headers)) or b""
        self.writer.write(data + (self.http.send(h11.Data(data=body)) or b""))
        self.http.send(h11.EndOfMessage())

    def next_cycle(self) -> None:
        """Makes ready for the next request, the answer to the last one having gone out as raw bytes."""
        rest, _ = self.http.trailing_data
        self.http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        if rest:
            self.http.receive_data(rest)

    async def gone(self) -> bool:
        """Waits until the command hangs up (True) or sends more (False)."""
        data = await self.reader.read(BLOCK)
        if data:
            self.http.receive_data(data)
        return not data

    def reset(self) -> None:
        """Ends the connection as a crash of the other side would."""
        sock = self.writer.get_extra_info("socket")
        if sock is not None and self.writer.transport.get_write_buffer_size() == 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def _next_event(self) -> object:
        while True:
            try:
                event = self.http.next_event()
            except h11.RemoteProtocolError:
                return None
            if event is not h11.NEED_DATA:
                return event
            self.http.receive_data(await self.reader.read(BLOCK))


Serve = Callable[[h11.Request, Incoming, str], Awaitable[bool]]
"""Serves a request whose target, below the name it is registered under, is the text; False ends the connection."""


class LoopbackServer:
    """Takes connections on a free port of the loopback interface until it is closed.

    Its address holds a random word, so that no other program reaches it by accident or by guessing.
    """

    def __init__(self) -> None:
        self._word = secrets.token_urlsafe(9)
        self._served: dict[str, Serve] = {}
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.base = ""

    def register(self, name: str, serve: Serve) -> str:
        """Serves requests below this name; the URL of that."""
        self._served[name] = serve
        return f"{self.base}/{name}"

    async def start(self) -> None:
        """Begins to listen. Raises OSError when that is not possible."""
        self._server = await asyncio.start_server(self._connected, LOOPBACK, 0)
        port = self._server.sockets[0].getsockname()[1]
        self.base = f"http://{LOOPBACK}:{port}/{self._word}"

    async def close(self) -> None:
        """Stops listening and breaks off what is still going on."""
        if self._server is not None:
            self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        incoming = Incoming(reader, writer)
        try:
            while (request := await incoming.next_request()) is not None:
                if not await self._serve(request, incoming):
                    break
        except OSError:
            # The command hung up; there is nobody left to answer.
            pass
        except asyncio.CancelledError:
            incoming.reset()
        finally:
            self._open.discard(task)
            writer.close()

    async def _serve(self, request: h11.Request, incoming: Incoming) -> bool:
        target = request.target.decode("ascii", "replace")
        _, word, rest = (*target.split("/", 2), "", "")[:3]
        name, slash, below = rest.partition("/")
        serve = self._served.get(name) if secrets.compare_digest(word.encode(), self._word.encode()) else None
        if serve is None:
            async for _ in incoming.body():
                pass
            incoming.respond(404, b"", "text/plain")
            return False
        return await serve(request, incoming, slash + below)
