"""MQTT over WebSockets on port 443: `/$iothub/websocket`, subprotocol `mqtt`, for DPS and every hub.

"Communicate with an IoT hub using the MQTT protocol" (learn.microsoft.com/azure/iot/
iot-mqtt-connect-to-iot-hub). Frames are aiohttp's (RFC 6455); where a frame ends means nothing to MQTT
[MQTT-6.0.0-4]. A connection costs more memory here than on 8883, as aiohttp keeps a request for each.
"""

import asyncio
import logging
from collections.abc import Coroutine
from functools import partial
from typing import Any

from aiohttp import WSMsgType, web
from cryptography import x509

from localcloud.control.session import DisturbedSession
from localcloud.mqtt import packets
from localcloud.mqtt.endpoint import GOODBYE_SECONDS, Carrier, Listener
from localcloud.mqtt.packets5 import KEEP_ALIVE_TIMEOUT
from localcloud.mqtt.session import FIRST_PACKET_SECONDS
from localcloud.secure import reset

LOG = logging.getLogger("localcloud.mqtt")
SUBPROTOCOL = "mqtt"
_LARGEST_FRAME_BYTES = packets.SIZE_LIMIT_BYTES + 16


async def serve(
    request: web.Request, listener: Listener, chain: tuple[x509.Certificate, ...]
) -> web.StreamResponse:
    """One connection, from the upgrade to its end. `chain` is what the client presented in TLS."""
    socket = web.WebSocketResponse(
        protocols=(SUBPROTOCOL,), compress=False, max_msg_size=_LARGEST_FRAME_BYTES, timeout=GOODBYE_SECONDS
    )
    offered = [it.strip() for it in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    if not socket.can_prepare(request) or SUBPROTOCOL not in offered:
        return web.Response(status=400, text="This address takes WebSockets with the subprotocol mqtt.\n")
    await socket.prepare(request)
    line = _Line(socket, request.transport, listener, chain)
    listener.endpoints.add(line)
    try:
        await line.run()
    finally:
        listener.endpoints.discard(line)
        line.gone()
    return socket


class _Line(Carrier):
    """One connection: its Peer, and the Channel of its session."""

    __slots__ = (
        "_busy",
        "_chain",
        "_listener",
        "_open",
        "_session",
        "_socket",
        "_tasks",
        "_transport",
        "deadline",
    )

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        listener: Listener,
        chain: tuple[x509.Certificate, ...],
    ) -> None:
        self._socket = socket
        self._transport = transport
        self._listener = listener
        self._chain = chain
        self._session = DisturbedSession(listener.service, self, self, listener.switches)
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy = False
        self._open = True
        self.deadline = listener.clock() + FIRST_PACKET_SECONDS

    async def run(self) -> None:
        """Take what the client sends, until one side ends it."""
        async for message in self._socket:
            if message.type is not WSMsgType.BINARY:
                self.close("MQTT is carried in binary frames only")
            elif self._open:
                self._work(partial(self._session.feed, message.data))

    def gone(self) -> None:
        """The connection has ended."""
        self._open = False
        self._session.closed()

    # Peer

    def leaf(self) -> x509.Certificate | None:
        """The client certificate."""
        return self._chain[0] if self._chain else None

    def chain(self) -> tuple[x509.Certificate, ...]:
        """Leaf first."""
        return self._chain

    def server_name(self) -> str:
        """None: WebSockets are Azure's only."""
        return ""

    # Channel

    def close(self, reason: str, code: int | None = None) -> None:
        """Send what is left, say goodbye in MQTT 5, and end."""
        if not self._open:
            return
        if code is not None:
            self._session.dismiss(code)
        LOG.debug("connection closed", extra={"fields": {"reason": reason}})
        self._send()
        self._open = False
        self.deadline = self._listener.clock() + GOODBYE_SECONDS
        self._session.closed()
        self._start(self._say_goodbye())

    def reset(self) -> None:
        """Break the connection."""
        self._open = False
        if self._transport is not None:
            reset(self._transport)

    def expire(self) -> None:
        """The deadline has passed: end, or if that takes too long already, drop."""
        if self._open:
            self.close("no packet within the keep-alive time", KEEP_ALIVE_TIMEOUT)
        elif self._transport is not None:
            self._transport.abort()

    def _left(self) -> None:
        self.close("the client disconnected")

    def _send(self) -> None:
        outgoing = self._session.outgoing
        if not outgoing or not self._open:
            return
        data = b"".join(outgoing)
        outgoing.clear()
        self._start(self._socket.send_bytes(data))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """In the order of the calls: a frame is written before its sending first waits."""
        task = asyncio.get_running_loop().create_task(_quietly(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _say_goodbye(self) -> None:
        await self._socket.close()


async def _quietly(work: Coroutine[Any, Any, Any]) -> None:
    """A client that has gone meanwhile is no fault."""
    try:
        await work
    except ConnectionError as error:
        LOG.debug("the client has gone", extra={"fields": {"reason": str(error)}})
