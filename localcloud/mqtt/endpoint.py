"""MQTT over TLS on one transport, and what all such connections share."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

from OpenSSL import SSL

from localcloud.control.session import DisturbedSession
from localcloud.control.switches import Switches
from localcloud.mqtt.packets import MalformedPacket
from localcloud.mqtt.packets5 import KEEP_ALIVE_TIMEOUT
from localcloud.mqtt.session import FIRST_PACKET_SECONDS, ConnectRefused, Service
from localcloud.secure import RECORD_BYTES, SecureEnd, reset

LOG = logging.getLogger("localcloud.mqtt")
SWEEP_SECONDS = 1.0
GOODBYE_SECONDS = 5.0
UNSENT_LIMIT_BYTES = 1024 * 1024


class Held(Protocol):
    """A connection that is ended when it is silent for too long, and with the server."""

    deadline: float

    def expire(self) -> None:
        """The deadline has passed."""

    def close(self, reason: str) -> None:
        """End it."""


class Listener:
    """What all connections share: context, service, and one timer that ends silent connections."""

    def __init__(
        self, context: SSL.Context, service: Service, switches: Switches, clock: Callable[[], float]
    ) -> None:
        self.context = context
        self.service = service
        self.switches = switches
        self.clock = clock
        self.endpoints: set[Held] = set()

    def new_endpoint(self) -> "Endpoint":
        """A protocol for a transport that was just accepted."""
        return Endpoint(self)

    def sweep(self) -> None:
        """End connections that were silent for too long [MQTT 3.1.2.10]; call it every SWEEP_SECONDS."""
        now = self.clock()
        for endpoint in [it for it in self.endpoints if it.deadline < now]:
            endpoint.expire()

    def close(self) -> None:
        """End all connections."""
        for endpoint in list(self.endpoints):
            endpoint.close("the local cloud stops")


class Carrier(ABC):
    """What carries a session's MQTT does alike, whatever it goes over: its answers, refusals and deadline."""

    deadline: float
    _busy: bool
    _listener: Listener
    _open: bool
    _session: DisturbedSession

    @abstractmethod
    def close(self, reason: str, code: int | None = None) -> None:
        """Send what is left, say goodbye, and end."""

    @abstractmethod
    def _send(self) -> None:
        """Send what the session has, if the connection is open."""

    @abstractmethod
    def _left(self) -> None:
        """The client has said that it goes."""

    def publish(
        self, topic: str, payload: bytes, done: Callable[[], None] | None = None, properties: bytes = b""
    ) -> None:
        """Send a message: at once, or with the other answers to what is being handled."""
        self._session.send(topic, payload, done, properties)
        if not self._busy:
            self._send()

    def later(self, seconds: float, work: Callable[[], bool]) -> None:
        """Have something done for the session after some time."""
        asyncio.get_running_loop().call_later(seconds, self._work, work)

    def _work(self, work: Callable[[], bool]) -> None:
        if not self._open:
            return
        try:
            self._serve(work)
        except ConnectRefused as refused:
            self._session.refuse(refused.code)
            self.close(refused.reason)
        except MalformedPacket as error:
            LOG.warning("malformed packet", extra={"fields": {"reason": str(error)}})
            self.close(str(error), error.code)

    def _serve(self, work: Callable[[], bool]) -> None:
        self._busy = True
        try:
            going_on = work()
        finally:
            self._busy = False
        if not self._open:
            return
        self.deadline = self._listener.clock() + self._session.silence_seconds
        self._send()
        if not going_on:
            self._left()


class Endpoint(Carrier, SecureEnd):
    """One connection: decrypts for its session, encrypts its answers. Is its Channel and its Peer."""

    __slots__ = ("_busy", "_listener", "_session", "deadline")

    def __init__(self, listener: Listener) -> None:
        super().__init__(listener.context)
        self._listener = listener
        self._session = DisturbedSession(listener.service, self, self, listener.switches)
        self._busy = False
        self.deadline = listener.clock() + FIRST_PACKET_SECONDS

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The transport is there."""
        super().connection_made(transport)
        self._listener.endpoints.add(self)

    def pause_writing(self) -> None:
        """The client does not read its answers: take no more requests from it."""
        self.require_transport().pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        self.require_transport().resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """The transport is gone."""
        self._open = False
        self._listener.endpoints.discard(self)
        self._session.closed()
        super().connection_lost(exc)

    # Channel

    def close(self, reason: str, code: int | None = None) -> None:
        """Send what is left, say goodbye in MQTT 5 and in TLS, and end."""
        if not self._open:
            return
        if code is not None:
            self._session.dismiss(code)
        if self._handshaken:
            self._send()
        self.say_goodbye()
        self._end(reason)

    def reset(self) -> None:
        """Break the connection."""
        self._open = False
        reset(self.require_transport())

    def expire(self) -> None:
        """The deadline has passed: end, or if that takes too long already, drop."""
        if self._open:
            self.close("no packet within the keep-alive time", KEEP_ALIVE_TIMEOUT)
        else:
            self.require_transport().abort()

    def _left(self) -> None:
        self._end("the client disconnected")

    # from SecureEnd

    def pump(self) -> None:
        """Handle what came; a broken protocol or an unwelcome client ends the connection."""
        if self.shake():
            self._work(self._receive)

    def _receive(self) -> bool:
        recv, feed = self._tls.recv, self._session.feed
        try:
            while feed(recv(RECORD_BYTES)):
                if not self._open:
                    return True
        except SSL.WantReadError:
            return True
        except SSL.ZeroReturnError:
            return False
        return False

    def _send(self) -> None:
        outgoing = self._session.outgoing
        if not outgoing or not self._open:
            return
        data = outgoing[0] if len(outgoing) == 1 else b"".join(outgoing)
        outgoing.clear()
        self.encrypt(data)
        transport = self.require_transport()
        if transport.get_write_buffer_size() > UNSENT_LIMIT_BYTES:
            LOG.warning("client does not read", extra={"fields": {"unsentBytes": UNSENT_LIMIT_BYTES}})
            transport.abort()

    def _end(self, reason: str) -> None:
        LOG.debug("connection closed", extra={"fields": {"reason": reason}})
        self._open = False
        self.deadline = self._listener.clock() + GOODBYE_SECONDS
        self.require_transport().close()
        self._session.closed()
