"""TLS on one transport, without asyncio's own: pyOpenSSL on memory BIOs.

asyncio's TLS keeps 256 KB a connection, this some 30: one receive buffer for all connections, one shared
context, no session cache, and OpenSSL's buffers released while a connection is idle. Any client certificate
passes the handshake, which proves the possession of its key; whether it is welcome is decided above, where a
refusal can be explained.
"""

import asyncio
import logging
import socket
import struct
from abc import ABC, abstractmethod
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

LOG = logging.getLogger("localcloud.tls")
RECORD_BYTES = 16384
_CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"
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


def for_names(context: SSL.Context, zone: str, other: SSL.Context) -> None:
    """Clients that ask for a name in `zone` (SNI) are served by `other`: its certificate and protocols."""

    def choose(connection: SSL.Connection) -> None:
        name = connection.get_servername() or b""
        if name.lower().endswith(zone.encode()):
            connection.set_context(other)

    context.set_tlsext_servername_callback(choose)


def speak(context: SSL.Context, protocols: tuple[bytes, ...]) -> None:
    """Take the first of the client's protocols (ALPN) that is among these; go on without if there is none."""

    def choose(_connection: SSL.Connection, offered: list[bytes]) -> Any:  # noqa: ANN401 - its name is private
        return next((it for it in offered if it in protocols), SSL.NO_OVERLAPPING_PROTOCOLS)

    context.set_alpn_select_callback(choose)


def _collect(*_: object) -> bool:
    return True


def reset(transport: asyncio.Transport) -> None:
    """Break a TCP connection: the other side hears RST, and what is unsent is lost."""
    plain = transport.get_extra_info("socket")
    if plain is not None:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class SecureEnd(asyncio.BufferedProtocol, ABC):
    """The server's end of one connection: handshake, records in and out. What is in them is the subclass'."""

    __slots__ = ("_handshaken", "_open", "_tls", "_transport")

    def __init__(self, context: SSL.Context) -> None:
        self._transport: asyncio.Transport | None = None
        self._tls = SSL.Connection(context, None)
        self._tls.set_accept_state()
        self._handshaken = False
        self._open = True

    @property
    def context(self) -> SSL.Context:
        """The context of all connections."""
        return self._tls.get_context()

    @abstractmethod
    def pump(self) -> None:
        """Take what TLS holds: `shake`, then `self._tls.recv` until it wants more. May raise SSL.Error."""

    @abstractmethod
    def close(self, reason: str) -> None:
        """Send what is left, say goodbye in TLS, and end; `reason` is for the log."""

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The transport is there, or handed over by the proxy."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, _sizehint: int) -> memoryview:
        """Where to receive: one buffer for all, as it is read at once."""
        return _RECEIVED

    def buffer_updated(self, size: int) -> None:
        """Bytes came."""
        if not self._open:
            return
        self._tls.bio_write(bytes(_RECEIVED[:size]))
        self.take()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The transport is gone."""
        self._open = False
        del self._tls  # its memory goes now, not when the garbage collector finds the circle of references

    # what the client proved

    def leaf(self) -> x509.Certificate | None:
        """The client certificate."""
        return self._tls.get_peer_certificate(as_cryptography=True)

    def chain(self) -> list[x509.Certificate]:
        """Leaf first; OpenSSL's server side keeps it apart from the rest."""
        leaf = self.leaf()
        rest = self._tls.get_peer_cert_chain(as_cryptography=True) or []
        return [] if leaf is None else [leaf, *(it for it in rest if it != leaf)]

    def server_name(self) -> str:
        """The host that the client asked for (SNI), in lower case; empty when it named none."""
        return (self._tls.get_servername() or b"").decode("ascii", "replace").lower()

    # for subclasses

    def take_over(self, tls: SSL.Connection, transport: asyncio.Transport) -> None:
        """Go on with a connection whose handshake another end has done."""
        self._tls, self._handshaken = tls, True
        transport.set_protocol(self)
        self.connection_made(transport)
        self.take()

    def take(self) -> None:
        """Pump; a fault of TLS ends the connection."""
        try:
            self.pump()
        except SSL.Error as error:
            if not self._handshaken:
                LOG.warning("TLS handshake failed", extra={"fields": {"reason": _words(error)}})
            self._handshaken = False
            self.close(_words(error))

    def shake(self) -> bool:
        """Go on with the handshake; whether it is done."""
        if self._handshaken:
            return True
        try:
            self._tls.do_handshake()
        except SSL.WantReadError:
            self.flush()
            return False
        self._handshaken = True
        self.flush()
        return True

    def encrypt(self, data: bytes) -> None:
        """Send, in records of a size that TLS takes."""
        for start in range(0, len(data), RECORD_BYTES):
            self._tls.send(data[start : start + RECORD_BYTES])
        self.flush()

    def flush(self) -> None:
        """Hand TLS records to the transport. A short read is the last one, which spares an exception."""
        transport = self.require_transport()
        size = _FLUSH_BYTES
        while size == _FLUSH_BYTES:
            try:
                data = self._tls.bio_read(_FLUSH_BYTES)
            except SSL.WantReadError:
                return
            transport.write(data)
            size = len(data)

    def say_goodbye(self) -> None:
        """TLS' own end, where there was a beginning; then the last records."""
        if self._handshaken:
            try:
                self._tls.shutdown()
            except SSL.Error as error:
                LOG.debug("no orderly TLS end", extra={"fields": {"reason": _words(error)}})
        self.flush()

    def require_transport(self) -> asyncio.Transport:
        """The transport, which is there from `connection_made` on."""
        assert self._transport is not None, "used before connection_made"
        return self._transport


def _words(error: SSL.Error) -> str:
    """OpenSSL's error queue or errno as text."""
    return "; ".join(str(part) for part in error.args) or type(error).__name__
