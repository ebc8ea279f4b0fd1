"""The way in: an HTTP CONNECT proxy (RFC 9110 section 9.3.6) for the clouds' names only.

Devices and clients keep production host names and ports. 8883 of DPS, hub and AWS IoT names goes to the
MQTT endpoint, whose protocol takes over the accepted transport in this process; 443 of those and of services'
names, and 8443 of AWS IoT's, is spliced to the HTTPS port. The rest is refused: nothing leaves the machine.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Literal

from localcloud.ports import LOOPBACK
from localcloud.secure import reset
from localcloud.tls import AMAZON_NAMES

LOG = logging.getLogger("localcloud.proxy")
HEAD_LIMIT_BYTES = 8192
HEAD_SECONDS = 10.0
_DEVICE_ZONES = (".azure-devices.net", ".azure-devices-provisioning.net")
_WEB_ZONES = (".azurewebsites.net", ".blob.core.windows.net")
_WEB_HOSTS = ("management.azure.com", "login.microsoftonline.com")
_AMAZON_DEVICES = "-ats.iot.eu-west-1.amazonaws.com"
_REASONS = {
    400: "Bad Request",
    403: "Forbidden",
    405: "Method Not Allowed",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    502: "Bad Gateway",
}

Target = Literal["mqtt", "https"]


class Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """The request is answered with this status and words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


def route(head: bytes) -> Target:
    """Where a request (its head without the empty line) is to go. Raises Refusal."""
    line = head.split(b"\r\n", 1)[0]
    try:
        method, authority, version = line.decode("ascii").split(" ")
    except ValueError as error:
        raise Refusal(400, "this is no HTTP request") from error
    if not version.startswith("HTTP/1."):
        raise Refusal(400, "this is no HTTP/1 request")
    if method != "CONNECT":
        raise Refusal(405, "this proxy only serves CONNECT")
    host, _, port = authority.rpartition(":")
    if not host or not port.isdecimal():
        raise Refusal(400, "CONNECT needs host:port")
    target = _target(host.lower().rstrip("."), int(port))
    if target is None:
        raise Refusal(403, f"{authority[:255]} is not a name and port that the local cloud answers for")
    return target


def _target(host: str, port: int) -> Target | None:
    if host.endswith(".amazonaws.com"):
        return _amazon_target(host, port)
    device_host = _is_in(host, _DEVICE_ZONES)
    if port == 8883 and device_host:
        return "mqtt"
    if port == 443 and (device_host or host in _WEB_HOSTS or _is_in(host, _WEB_ZONES)):
        return "https"
    return None


def _amazon_target(host: str, port: int) -> Target | None:
    """Names are those of the certificate: one region's, and what has no region."""
    device_host = host.endswith(_AMAZON_DEVICES)
    if port == 8883 and device_host:
        return "mqtt"
    if port == 8443 and device_host:
        return "https"
    first, _, rest = host.partition(".")
    return "https" if port == 443 and first and f"*.{rest}" in AMAZON_NAMES else None


def _is_in(host: str, zones: tuple[str, ...]) -> bool:
    return any(host.endswith(zone) and len(host) > len(zone) for zone in zones)


class Proxy(asyncio.Protocol):
    """One client, until its CONNECT is answered; then another protocol has its transport."""

    __slots__ = ("_door", "_head", "_timer", "_transport")

    def __init__(self, door: "Door") -> None:
        self._door = door
        self._head = b""
        self._transport: asyncio.Transport | None = None
        self._timer = door.loop.call_later(HEAD_SECONDS, self._answer, 408, "no request came")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The client has gone before it was answered."""
        self._timer.cancel()
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Part of a request."""
        self._head += data
        end = self._head.find(b"\r\n\r\n")
        if end < 0 and len(self._head) <= HEAD_LIMIT_BYTES:
            return
        self._timer.cancel()
        try:
            if end < 0 or end > HEAD_LIMIT_BYTES:
                raise Refusal(431, f"the head is larger than {HEAD_LIMIT_BYTES} bytes")
            if len(self._head) > end + 4:
                raise Refusal(400, "bytes came before the answer to CONNECT")
            self._let_through(route(self._head[:end]))
        except Refusal as refusal:
            LOG.warning("refused", extra={"fields": {"status": refusal.status, "reason": refusal.words}})
            self._answer(refusal.status, refusal.words)

    def _let_through(self, target: Target) -> None:
        assert self._transport is not None
        if target == "mqtt":
            self._transport.write(_ESTABLISHED)
            successor = self._door.new_mqtt_endpoint()
            self._transport.set_protocol(successor)
            successor.connection_made(self._transport)
        else:
            self._transport.pause_reading()
            self._door.start(self._splice(self._transport))

    async def _splice(self, client: asyncio.Transport) -> None:
        near, far = Splice(client), Splice(None)
        try:
            await self._door.loop.create_connection(lambda: far, LOOPBACK, self._door.https_port)
        except OSError as error:
            self._answer(502, f"the HTTPS port does not answer: {error.strerror}")
            return
        if client.is_closing() and far.transport is not None:
            far.transport.close()
            return
        near.other, far.other = far.transport, client
        client.set_protocol(near)
        client.write(_ESTABLISHED)
        client.resume_reading()

    def _answer(self, status: int, words: str) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        head = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: text/plain\r\nConnection: close\r\n"
        body = f"{words}\n".encode()
        transport.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        transport.close()


class Splice(asyncio.Protocol):
    """One end of a pipe: what comes here goes to the other end, no faster than that takes it."""

    __slots__ = ("other", "transport")

    def __init__(self, transport: asyncio.Transport | None) -> None:
        self.transport = transport
        self.other: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """This end is open."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        if self.other is not None:
            self.other.write(data)

    def eof_received(self) -> None:
        """This end has nothing more to say: both close."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the other end too, as this one was: in order, or by a reset."""
        if self.other is None:
            return
        if isinstance(exc, ConnectionResetError):
            reset(self.other)
        else:
            self.other.close()

    def pause_writing(self) -> None:
        """This end is slow: the other waits."""
        if self.other is not None and not self.other.is_closing():
            self.other.pause_reading()

    def resume_writing(self) -> None:
        """This end takes bytes again."""
        if self.other is not None and not self.other.is_closing():
            self.other.resume_reading()


class Door:
    """What all proxied connections share."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        new_mqtt_endpoint: Callable[[], asyncio.BaseProtocol],
        https_port: int,
    ) -> None:
        self.loop = loop
        self.new_mqtt_endpoint = new_mqtt_endpoint
        self.https_port = https_port
        self._running: set[asyncio.Task[None]] = set()

    def new_proxy(self) -> Proxy:
        """A protocol for a client that was just accepted."""
        return Proxy(self)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something to its end, without anyone waiting for it."""
        task = self.loop.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)


_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
