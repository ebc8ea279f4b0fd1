"""The gateway of one device: a thread with an event loop, a listener, and whose gateway it is.

It begins to listen when the device is connected for the first time, and from then on lets children in
whether the device itself is connected or not.
"""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from functools import partial

from agent.credentials import Credential
from agent.errors import OptionError
from agent.gateway import upstream
from agent.gateway.children import Children
from agent.gateway.edge_hub import EdgeHub
from agent.gateway.relay import Relay, Upstream
from agent.gateway.tls import SecureStream
from agent.https import Way
from agent.log import JsonLog
from agent.options import GatewayOptions

MOST_CONNECTIONS = 1000
"""Those that come beyond are closed at once."""

_BACKLOG = 100


class Gateway:
    """Binds its address at once (raises OptionError), and listens from the first `serve` on. `credential` is
    the device's own in hubs, `now` its wall clock.
    """

    def __init__(
        self, own: GatewayOptions, way: Way, credential: Callable[[], Credential], now: Callable[[], datetime]
    ) -> None:
        self._way = way
        self._tls = _server_context(own)
        self._socket = _bound(own)
        self._credential = credential
        self._now = now
        self._serving = ("", "")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._moving: Future[None] | None = None
        self._above: Upstream | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def serve(self, hub: str, device_id: str, log: JsonLog) -> None:
        """Be the gateway of this device; another device's children are let go. Does not wait for that."""
        hub = hub.lower()
        if (hub, device_id) == self._serving:
            return
        self._serving = (hub, device_id)
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="gateway", daemon=True).start()
        edge_hub = EdgeHub(hub, device_id, self._way, self._credential, self._now)
        if self._moving is not None:
            self._moving.cancel()
        self._moving = asyncio.run_coroutine_threadsafe(self._move(edge_hub, log), self._loop)
        self._moving.add_done_callback(_show_defect)

    async def _move(self, edge_hub: EdgeHub, log: JsonLog) -> None:
        for connection in self._connections:
            connection.cancel()  # each leaves the set by itself, later
        children = Children(edge_hub, self._now, log)
        is_new = self._above is None
        self._above = Upstream(
            edge_hub.hub,
            children,
            partial(upstream.connect, edge_hub.hub, self._way),
            edge_hub.token,
            lambda: self._now().timestamp(),
        )
        if is_new:
            accept = partial(self._accept, log=log)
            self._server = await asyncio.start_server(accept, sock=self._socket, backlog=_BACKLOG)
        await children.prepare()
        host, port = self._socket.getsockname()[:2]
        log.write("gateway-open", address=f"{host}:{port}", hub=edge_hub.hub)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, log: JsonLog) -> None:
        connection = asyncio.current_task()
        assert connection is not None, "asyncio calls this in a task"
        if len(self._connections) >= MOST_CONNECTIONS:
            writer.transport.abort()
            return
        self._connections.add(connection)
        try:
            await self._receive(SecureStream(reader, writer, self._tls), log)
        finally:
            self._connections.discard(connection)
            writer.transport.abort()

    async def _receive(self, child: SecureStream, log: JsonLog) -> None:
        try:
            await child.shake()
        except OSError as error:
            reason = " ".join(f"TLS: {error}".split())
            log.write("child-refused", "warning", reason=reason)
            return
        if self._above is not None:
            await Relay(child, self._above, log).run()


def _show_defect(moving: "Future[None]") -> None:
    """An exception that nobody expects goes to the log, not away."""
    if not moving.cancelled():
        moving.result()


def _server_context(own: GatewayOptions) -> ssl.SSLContext:
    """TLS 1.2 at least. A child without a certificate is let through the handshake: it may have a token."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.load_cert_chain(own.server.chain, own.server.key)
    if own.children_pem is not None:
        made.load_verify_locations(cadata=own.children_pem)
        made.verify_mode = ssl.CERT_OPTIONAL
    return made


def _bound(own: GatewayOptions) -> socket.socket:
    family = socket.AF_INET6 if ":" in own.listen.host else socket.AF_INET
    made = socket.socket(family)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.setblocking(False)
        made.bind((own.listen.host, own.listen.port))
    except OSError as error:
        made.close()
        where = f"{own.listen.host}:{own.listen.port}"
        raise OptionError([f"--listen {where}: cannot be used ({error.strerror})"]) from error
    return made
