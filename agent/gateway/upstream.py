"""The way to the hub: TLS to port 8883, through the HTTP CONNECT proxy if there is one (RFC 9110, 9.3.6)."""

import asyncio
import socket
from contextlib import suppress

from agent.errors import UnavailableError
from agent.https import Way, context

PORT = 8883
SECONDS = 20.0
_HEAD_BYTES = 8192

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(hub: str, way: Way) -> Streams:
    """A connection to the hub, its certificate checked. Raises UnavailableError."""
    try:
        async with asyncio.timeout(SECONDS):
            return await _connect(hub, way)
    except TimeoutError as error:
        raise UnavailableError(f"{hub} does not answer within {SECONDS:g} seconds") from error
    except OSError as error:
        raise UnavailableError(f"{hub}: {' '.join(str(error).split()) or type(error).__name__}") from error


async def _connect(hub: str, way: Way) -> Streams:
    tls = context(way)
    if way.proxy is None:
        return await asyncio.open_connection(hub, PORT, ssl=tls)
    loop = asyncio.get_running_loop()
    plain = socket.socket()
    try:
        plain.setblocking(False)
        await loop.sock_connect(plain, (way.proxy.host, way.proxy.port))
        await _pass_proxy(loop, plain, hub)
        return await asyncio.open_connection(sock=plain, ssl=tls, server_hostname=hub)
    except BaseException:
        plain.close()
        raise


async def _pass_proxy(loop: asyncio.AbstractEventLoop, plain: socket.socket, hub: str) -> None:
    """Ask for the tunnel. A server speaks first after our TLS hello, so no byte behind the head is lost."""
    target = f"{hub}:{PORT}"
    await loop.sock_sendall(plain, f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        more = await loop.sock_recv(plain, _HEAD_BYTES)
        head += more
        if not more or len(head) > _HEAD_BYTES:
            raise OSError("the proxy closed the connection, or answers without an end")
    line = head.split(b"\r\n", 1)[0].decode("ascii", "replace")
    if line.split(" ")[1:2] != ["200"]:
        raise OSError(f"the proxy refuses: {line[:80]}")


async def end(writer: asyncio.StreamWriter) -> None:
    """Close a connection in order if the other side lets us, else drop it."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(1.0):
            writer.close()
            await writer.wait_closed()
    writer.transport.abort()
