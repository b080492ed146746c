"""A connection to a provider, through the user's own HTTP proxy where one is set."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import h11

from pisama.watch.providers import Route

BLOCK = 1 << 16
"""Bytes read at once."""


class TunnelError(OSError):
    """The user's HTTP proxy did not connect us."""


@dataclass(slots=True)
class Upstream:
    """One open connection; requests follow one another on it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    http: h11.Connection = field(default_factory=lambda: h11.Connection(h11.CLIENT))

    def send(self, event: h11.Request | h11.Data | h11.EndOfMessage) -> None:
        """Writes a part of a request."""
        data = self.http.send(event)
        if data:
            self.writer.write(data)

    def is_reusable(self) -> bool:
        """Whether another request can be sent; prepares for it."""
        if self.http.our_state is not h11.DONE or self.http.their_state is not h11.DONE:
            return False
        self.http.start_next_cycle()
        return True

    def close(self) -> None:
        """Closes without waiting."""
        self.writer.transport.abort()


async def connect(route: Route) -> Upstream:
    """A connection to the provider. Raises OSError (TLS errors included) when there is none to be had."""
    secure = _trust() if route.is_secure else None
    proxy = _proxy_for(route)
    if proxy is None:
        return Upstream(*await asyncio.open_connection(route.host, route.port, ssl=secure))
    reader, writer = await asyncio.open_connection(
        proxy.hostname, proxy.port or 80, ssl=proxy.scheme == "https" or None
    )
    await _tunnel(reader, writer, route, proxy.username, proxy.password)
    if secure is not None:
        await writer.start_tls(secure, server_hostname=route.host)
    return Upstream(reader, writer)


def _trust() -> ssl.SSLContext:
    """Trusts whom the machine trusts."""
    import truststore

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _proxy_for(route: Route) -> SplitResult | None:
    proxies = getproxies()
    if proxy_bypass(route.host):
        return None
    found = proxies.get("https" if route.is_secure else "http") or proxies.get("all")
    try:
        parts = urlsplit(found or "")
        return parts if parts.scheme in ("http", "https") and parts.port != 0 else None
    except ValueError as error:
        raise TunnelError(f"the address of the HTTP proxy: {error}") from None


async def _tunnel(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    route: Route,
    user: str | None,
    password: str | None,
) -> None:
    target = f"{route.host}:{route.port}"
    headers = [("Host", target)]
    if user is not None:
        secret = b64encode(f"{unquote(user)}:{unquote(password or '')}".encode()).decode()
        headers.append(("Proxy-Authorization", f"Basic {secret}"))
    http = h11.Connection(h11.CLIENT)
    writer.write(http.send(h11.Request(method="CONNECT", target=target, headers=headers)))
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await reader.read(BLOCK))
        elif isinstance(event, h11.Response):
            if event.status_code // 100 != 2:
                raise TunnelError(f"the HTTP proxy answered {event.status_code}")
            return
        elif not isinstance(event, h11.InformationalResponse):
            raise TunnelError("the HTTP proxy closed the connection")
