"""The HTTPS port: TLS that asks for a client certificate, and aiohttp's protocol behind it.

Devices prove themselves on 443 too (DPS' HTTPS API, MQTT over WebSockets), and asyncio's own TLS cannot show
the application a chain. What the client presented is the transport's extra info `http.PEER`. A client
that says in the handshake that it speaks MQTT (AWS IoT on 443) is handed to the MQTT side.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from OpenSSL import SSL

from localcloud.http import PEER
from localcloud.secure import RECORD_BYTES, SecureEnd

HANDSHAKE_SECONDS = 20.0
MQTT_PROTOCOLS = (b"x-amzn-mqtt-ca", b"mqtt")
HTTP_PROTOCOLS = (b"x-amzn-http-ca", b"http/1.1")


class HttpProtocol(Protocol):
    """What is asked of aiohttp's `web.RequestHandler`."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""

    def connection_lost(self, exc: BaseException | None) -> None:
        """It is gone."""

    def data_received(self, data: bytes) -> None:
        """It said something."""

    def eof_received(self) -> None:
        """It has nothing more to say."""

    def pause_writing(self) -> None:
        """It does not read."""

    def resume_writing(self) -> None:
        """It reads again."""


class WebEnd(SecureEnd):
    """One connection to the HTTPS port."""

    __slots__ = ("_http", "_new_http", "_new_mqtt", "_paused", "_timer")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: SSL.Context,
        new_http: Callable[[], HttpProtocol],
        new_mqtt: Callable[[], SecureEnd] | None = None,
    ) -> None:
        super().__init__(context)
        self._new_mqtt = new_mqtt
        self._new_http = new_http
        self._http: HttpProtocol | None = None
        self._paused = False
        self._timer = loop.call_later(HANDSHAKE_SECONDS, self._expire)

    @property
    def is_open(self) -> bool:
        """Whether it can still be written to."""
        return self._open

    def pump(self) -> None:
        """Decrypt for HTTP."""
        if not self.shake():
            return
        if self._http is None:
            self._timer.cancel()
            if self._new_mqtt and self._tls.get_alpn_proto_negotiated() in MQTT_PROTOCOLS:
                self._open = False
                self._new_mqtt().take_over(self._tls, self.require_transport())
                return
            self._http = self._new_http()
            self._http.connection_made(PlainTransport(self))
        try:
            while self._open and not self._paused:
                self._http.data_received(self._tls.recv(RECORD_BYTES))
        except SSL.WantReadError:
            return
        except SSL.ZeroReturnError:
            self._http.eof_received()
            self.close("the client has nothing more to say")

    def close(self, reason: str) -> None:  # noqa: ARG002 - the requests are in the log, not their connections
        """Say goodbye in TLS, and end."""
        if not self._open:
            return
        self.say_goodbye()
        self._open = False
        self.require_transport().close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The transport is gone: HTTP hears of it before TLS' memory goes."""
        self._timer.cancel()
        self._open = False
        if self._http is not None:
            self._http.connection_lost(exc)
            self._http = None
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not read."""
        if self._http is not None:
            self._http.pause_writing()

    def resume_writing(self) -> None:
        """It reads again."""
        if self._http is not None:
            self._http.resume_writing()

    def pause_reading(self) -> None:
        """HTTP has enough for now."""
        self._paused = True
        self.require_transport().pause_reading()

    def resume_reading(self) -> None:
        """HTTP takes more: first what is here already."""
        if self._paused:
            self._paused = False
            self.require_transport().resume_reading()
            asyncio.get_running_loop().call_soon(self._take_again)

    def _take_again(self) -> None:
        if self._open:
            self.take()

    def _expire(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class PlainTransport(asyncio.Transport):
    """The plain side of a WebEnd, as asyncio's protocols know transports."""

    def __init__(self, end: WebEnd) -> None:
        super().__init__()
        self._end = end

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send."""
        if self._end.is_open:
            self._end.encrypt(bytes(data))

    def close(self) -> None:
        """After what is written."""
        self._end.close("the server has nothing more to say")

    def abort(self) -> None:
        """At once; what is unsent is lost."""
        self._end.require_transport().abort()

    def is_closing(self) -> bool:
        """Whether it is closed or about to be."""
        return not self._end.is_open or self._end.require_transport().is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - asyncio's signature
        """`PEER`, "sslcontext" (that there is one tells the scheme), and the socket's names."""
        if name == PEER:
            return tuple(self._end.chain()) if self._end.is_open else ()
        if name == "sslcontext":
            return self._end.context
        return self._end.require_transport().get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Take no more from the client."""
        self._end.pause_reading()

    def resume_reading(self) -> None:
        """Take more."""
        self._end.resume_reading()

    def get_write_buffer_size(self) -> int:
        """Bytes that the client has not taken yet."""
        return self._end.require_transport().get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """When to pause writing."""
        self._end.require_transport().set_write_buffer_limits(high, low)

    def can_write_eof(self) -> bool:
        """TLS has no half of a connection."""
        return False
