"""The recording proxy, byte by byte."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from pisama.watch.captured import Exchange
from pisama.watch.incoming import LoopbackServer
from pisama.watch.providers import Route
from pisama.watch.proxy import Copy, Proxy, exchange_of
from pisama.watch.resent import Resent

REQUEST = (
    b"POST /v1/chat/completions?key=AIzaSecret HTTP/1.1\r\nHost: %s\r\nX-Odd-CASE: kept \r\n"
    b"Accept-Encoding: gzip, br\r\nContent-Length: 2\r\n\r\n{}"
)
ANSWERS = {
    "length": b"HTTP/1.1 200 Fine Indeed\r\ncontent-LENGTH: 2\r\nX-Two: a\r\nX-Two: b\r\n\r\n{}",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;odd=yes\r\n{\r\n1\r\n}\r\n0\r\nX-After: 1\r\n\r\n",
    "until closed": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\ndata: {}\n\n",
    "early hints": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "broken off": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it",
    "no HTTP": b"SSH-2.0-surprise\r\n",
    "nothing": b"",
}


@contextmanager
def answering(answer: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server that answers every connection with these bytes, and then hangs up."""
    heard: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                data = b""
                while not data.endswith(b"{}") and (more := connection.recv(65536)):
                    data += more
                heard.append(data)
                connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1], heard
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def ask(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def through(port: int, asked: Callable[[str], bytes]) -> tuple[bytes, list[Exchange], list[str]]:
    """What a program gets that asks by way of the proxy, what was recorded, and what was said."""
    recorded: list[Exchange] = []
    said: list[str] = []
    resent = Resent()

    async def run() -> bytes:
        server = LoopbackServer()
        await server.start()

        async def before(call: Copy, host: str) -> None:
            pass

        def record(route: Route, copy: Copy, ended: int) -> None:
            recorded.append(exchange_of(len(recorded) + 1, route, copy, ended, resent))

        route = Route("openai", "openai", f"http://127.0.0.1:{port}/v1")
        address = server.register("openai", Proxy(route, before, record, said.append).serve)
        got = await asyncio.to_thread(asked, address + route.path)
        await server.close()
        return got

    return asyncio.run(run()), recorded, said


def by_way_of(address: str, path: str = "/chat/completions") -> bytes:
    """The request to the proxy that becomes `REQUEST`."""
    authority, _, prefix = address.removeprefix("http://").partition("/")
    return (REQUEST % authority.encode()).replace(b"/v1/chat/completions", f"/{prefix}{path}".encode())


def port_of(address: str) -> int:
    return int(address.split(":")[2].partition("/")[0])


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_answers_come_through_byte_for_byte(answer: bytes) -> None:
    with answering(answer) as (port, heard):
        alone = ask(port, REQUEST % f"127.0.0.1:{port}".encode())
        got, recorded, _ = through(port, lambda address: ask(port_of(address), by_way_of(address)))
    assert got == alone == answer
    assert heard[1] == heard[0].replace(b"gzip, br", b"gzip").replace(b"kept ", b"kept")
    assert [(each.path, each.request) for each in recorded] == [("/chat/completions", b"{}")]


def test_what_was_answered_is_recorded_without_its_framing() -> None:
    with answering(ANSWERS["chunks"]) as (port, _):
        _, recorded, _ = through(port, lambda address: ask(port_of(address), by_way_of(address)))
    assert [(each.status, each.response, each.error) for each in recorded] == [(200, b"{}", None)]


def test_a_provider_that_is_not_there_is_a_broken_connection_and_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    def asked(address: str) -> bytes:
        with pytest.raises(ConnectionResetError):
            ask(port_of(address), by_way_of(address))
        return b""

    _, recorded, said = through(port, asked)
    assert len(said) == 1
    assert said[0].startswith("no connection to 127.0.0.1: ")
    assert [each.status for each in recorded] == [None]


def test_nobody_gets_in_without_the_word_in_the_address() -> None:
    with answering(ANSWERS["length"]) as (port, heard):
        got, recorded, _ = through(port, lambda address: ask(port_of(address), REQUEST % b"127.0.0.1"))
    assert got.startswith(b"HTTP/1.1 404")
    assert (heard, recorded) == ([], [])


@pytest.mark.parametrize(
    "line", [b"CONNECT evil.example:443", b"GET http://evil.example/", b"POST //evil.example/v1/messages"]
)
def test_nobody_is_led_anywhere_but_to_the_provider(line: bytes) -> None:
    with answering(ANSWERS["length"]) as (port, heard):
        request = line + b" HTTP/1.1\r\nHost: evil.example\r\n\r\n"
        got, _, _ = through(port, lambda address: ask(port_of(address), request))
    assert got.startswith(b"HTTP/1.1 404")
    assert heard == []


def test_only_this_machine_can_connect() -> None:
    async def address() -> str:
        server = LoopbackServer()
        await server.start()
        await server.close()
        return server.base

    assert asyncio.run(address()).startswith("http://127.0.0.1:")
