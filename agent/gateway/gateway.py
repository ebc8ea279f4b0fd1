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
from agent.https import Way
from agent.log import JsonLog
from agent.options import GatewayOptions

MOST_CONNECTIONS = 1000
_HANDSHAKE_SECONDS = 20.0
_BACKLOG = 100
_BREATHER_SECONDS = 1.0


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
        self._accepting: asyncio.Task[None] | None = None
        self._room = asyncio.Semaphore(MOST_CONNECTIONS)

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
            self._socket.listen(_BACKLOG)
            self._accepting = asyncio.create_task(self._accept_all(log))
        await children.prepare()
        host, port = self._socket.getsockname()[:2]
        log.write("gateway-open", address=f"{host}:{port}", hub=edge_hub.hub)

    async def _accept_all(self, log: JsonLog) -> None:
        """Take clients one after the other; no more than so many at once, the others wait."""
        loop = asyncio.get_running_loop()
        while True:
            await self._room.acquire()
            try:
                client, _ = await loop.sock_accept(self._socket)
            except OSError as error:  # out of file descriptors, most likely
                self._room.release()
                log.write("gateway-unready", "warning", reason=str(error), inSeconds=_BREATHER_SECONDS)
                await asyncio.sleep(_BREATHER_SECONDS)
                continue
            connection = loop.create_task(self._receive(client, log))
            self._connections.add(connection)
            connection.add_done_callback(self._left)

    def _left(self, connection: asyncio.Task[None]) -> None:
        self._connections.discard(connection)
        self._room.release()

    async def _receive(self, client: socket.socket, log: JsonLog) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await loop.connect_accepted_socket(
                lambda: protocol, client, ssl=self._tls, ssl_handshake_timeout=_HANDSHAKE_SECONDS
            )
        except OSError as error:
            client.close()
            reason = " ".join(f"TLS: {error}".split())
            log.write("child-refused", "warning", reason=reason)
            return
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        if self._above is not None:
            await Relay((reader, writer), self._above, log).run()


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
