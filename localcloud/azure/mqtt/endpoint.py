"""TLS on one transport, without asyncio's own: pyOpenSSL on memory BIOs.

asyncio's TLS keeps 256 KB a connection, this some 30: one receive buffer for all connections, one shared
context, no session cache, and OpenSSL's buffers released while a connection is idle. Any client certificate
passes the handshake, which proves the possession of its key; whether it is welcome is decided on CONNECT,
where a refusal can be explained.
"""

import asyncio
import logging
from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from localcloud.azure.mqtt import packets
from localcloud.azure.mqtt.packets import MalformedPacket
from localcloud.azure.mqtt.session import FIRST_PACKET_SECONDS, ConnectRefused, Service, Session

LOG = logging.getLogger("localcloud.mqtt")
SWEEP_SECONDS = 1.0
GOODBYE_SECONDS = 5.0
UNSENT_LIMIT_BYTES = 1024 * 1024
_CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"
_RECORD_BYTES = 16384
_FLUSH_BYTES = 32768
_RECEIVED = memoryview(bytearray(65536))


def tls_context(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> SSL.Context:
    """The context of all connections. Clients have the CA that issued the server's `certificate`."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.set_cipher_list(_CIPHERS)
    context.use_certificate(certificate)
    context.use_privatekey(key)
    context.set_verify(SSL.VERIFY_PEER, _collect)
    return context


def _collect(*_: object) -> bool:
    return True


class Listener:
    """What all connections share: context, service, and one timer that ends silent connections."""

    def __init__(self, context: SSL.Context, service: Service, clock: Callable[[], float]) -> None:
        self.context = context
        self.service = service
        self.clock = clock
        self.endpoints: set[Endpoint] = set()

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


class Endpoint(asyncio.BufferedProtocol):
    """One connection: decrypts for its session, encrypts its answers. Is its Channel and its Peer."""

    __slots__ = ("_busy", "_handshaken", "_listener", "_open", "_session", "_tls", "_transport", "deadline")

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._transport: asyncio.Transport | None = None
        self._tls = SSL.Connection(listener.context, None)
        self._tls.set_accept_state()
        self._session = Session(listener.service, self, self)
        self._handshaken = False
        self._busy = False
        self._open = True
        self.deadline = listener.clock() + FIRST_PACKET_SECONDS

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The transport is there, or handed over by the proxy."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._listener.endpoints.add(self)

    def get_buffer(self, _sizehint: int) -> memoryview:
        """Where to receive: one buffer for all, as it is read at once."""
        return _RECEIVED

    def buffer_updated(self, size: int) -> None:
        """Bytes came."""
        if not self._open:
            return
        self._tls.bio_write(bytes(_RECEIVED[:size]))
        try:
            self._pump()
        except ConnectRefused as refused:
            self._session.outgoing.append(packets.write_connack(refused.code))
            self.close(refused.reason)
        except MalformedPacket as error:
            LOG.warning("malformed packet", extra={"fields": {"reason": str(error)}})
            self.close(str(error))
        except SSL.Error as error:
            self._tls_failed(error)

    def pause_writing(self) -> None:
        """The client does not read its answers: take no more requests from it."""
        self._require_transport().pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._require_transport().resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The transport is gone."""
        self._open = False
        self._listener.endpoints.discard(self)
        self._session.closed()
        del self._tls  # its memory goes now, not when the garbage collector finds the circle of references

    # Peer

    def leaf(self) -> x509.Certificate | None:
        """The client certificate."""
        return self._tls.get_peer_certificate(as_cryptography=True)

    def chain(self) -> list[x509.Certificate]:
        """Leaf first; OpenSSL's server side keeps it apart from the rest."""
        leaf = self.leaf()
        rest = self._tls.get_peer_cert_chain(as_cryptography=True) or []
        return [] if leaf is None else [leaf, *(it for it in rest if it != leaf)]

    # Channel

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a message at QoS 0: at once, or with the other answers to what is being handled."""
        self._session.outgoing.append(packets.write_publish(topic, payload))
        if not self._busy:
            self._send()

    def close(self, reason: str) -> None:
        """Send what is left, say goodbye in TLS, and end."""
        if not self._open:
            return
        if self._handshaken:
            self._send()
            self._say_goodbye()
        self._flush()
        self._end(reason)

    def expire(self) -> None:
        """The deadline has passed: end, or if that takes too long already, drop."""
        if self._open:
            self.close("no packet within the keep-alive time")
        else:
            self._require_transport().abort()

    def _end(self, reason: str) -> None:
        LOG.debug("connection closed", extra={"fields": {"reason": reason}})
        self._open = False
        self.deadline = self._listener.clock() + GOODBYE_SECONDS
        self._require_transport().close()
        self._session.closed()

    def _pump(self) -> None:
        if not self._handshaken and not self._handshake():
            return
        session = self._session
        self._busy = True
        try:
            going_on = self._receive(session)
        finally:
            self._busy = False
        if not self._open:
            return
        self.deadline = self._listener.clock() + session.silence_seconds
        self._send()
        if not going_on:
            self._end("the client disconnected")

    def _handshake(self) -> bool:
        try:
            self._tls.do_handshake()
        except SSL.WantReadError:
            self._flush()
            return False
        self._handshaken = True
        self._flush()
        return True

    def _receive(self, session: Session) -> bool:
        recv = self._tls.recv
        try:
            while session.feed(recv(_RECORD_BYTES)):
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
        for start in range(0, len(data), _RECORD_BYTES):
            self._tls.send(data[start : start + _RECORD_BYTES])
        self._flush()
        transport = self._require_transport()
        if transport.get_write_buffer_size() > UNSENT_LIMIT_BYTES:
            LOG.warning("client does not read", extra={"fields": {"unsentBytes": UNSENT_LIMIT_BYTES}})
            transport.abort()

    def _flush(self) -> None:
        """Hand TLS records to the transport. A short read is the last one, which spares an exception."""
        transport = self._require_transport()
        size = _FLUSH_BYTES
        while size == _FLUSH_BYTES:
            try:
                data = self._tls.bio_read(_FLUSH_BYTES)
            except SSL.WantReadError:
                return
            transport.write(data)
            size = len(data)

    def _require_transport(self) -> asyncio.Transport:
        assert self._transport is not None, "used before connection_made"
        return self._transport

    def _say_goodbye(self) -> None:
        try:
            self._tls.shutdown()
        except SSL.Error as error:
            LOG.debug("no orderly TLS end", extra={"fields": {"reason": _words(error)}})

    def _tls_failed(self, error: SSL.Error) -> None:
        if not self._handshaken:
            LOG.warning("TLS handshake failed", extra={"fields": {"reason": _words(error)}})
        self._handshaken = False
        self.close(_words(error))


def _words(error: SSL.Error) -> str:
    """OpenSSL's error queue or errno as text."""
    return "; ".join(str(part) for part in error.args) or type(error).__name__
