"""One child's connection: its CONNECT is checked and sent on in the child's name, then bytes go both ways."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from agent.errors import UnavailableError
from agent.gateway import packets, scope, upstream
from agent.gateway.children import Children
from agent.gateway.packets import Connect, MalformedPacketError
from agent.gateway.scope import NotAdmittedError, Shown
from agent.gateway.tls import SecureStream
from agent.gateway.upstream import Streams
from agent.log import JsonLog

FIRST_PACKET_SECONDS = 20.0
_CHUNK_BYTES = 65_536
_LONGEST_NAME = 128


@dataclass(frozen=True)
class Upstream:
    """What a relay needs of the gateway: who the children are, a new `connect`ion to the hub, the `token` for
    it, and the time (seconds since 1970).
    """

    hub: str
    children: Children
    connect: Callable[[], Awaitable[Streams]]
    token: Callable[[], str]
    now: Callable[[], float]


class Relay:
    """One connection of one client, whose TLS handshake is done."""

    def __init__(self, child: SecureStream, above: Upstream, log: JsonLog) -> None:
        self._child = child
        self._above = above
        self._log = log
        self._name = "?"

    async def run(self) -> None:
        """Serve the client until it, or the hub, or its credential ends."""
        try:
            connect = await self._first_packet()
            self._name = connect.client_id[:_LONGEST_NAME]
            await self._serve(connect)
        except NotAdmittedError as refused:
            await self._tell("child-refused", str(refused), packets.NOT_AUTHORIZED)
        except UnavailableError as error:
            await self._tell("child-unserved", str(error), packets.UNAVAILABLE)
        except (MalformedPacketError, TimeoutError, OSError, asyncio.IncompleteReadError) as error:
            reason = str(error) or type(error).__name__
            self._log.write("child-refused", "debug", child=self._name, reason=reason)
        finally:
            await self._child.end()

    async def _serve(self, connect: Connect) -> None:
        above = self._above
        subject = scope.subject_of(connect.client_id, connect.username, above.hub)
        admitted = await above.children.admit(subject, Shown(connect.password, self._child.certificate()))
        streams = await above.connect()
        try:
            await self._open(connect, streams)
            self._log.write("child-connected", child=self._name, credential=admitted.proof)
            reason = await self._relay(streams, admitted.expires)
            self._log.write("child-disconnected", child=self._name, reason=reason)
        finally:
            await upstream.end(streams[1])

    async def _first_packet(self) -> Connect:
        async with asyncio.timeout(FIRST_PACKET_SECONDS):
            (kind,) = await self._child.readexactly(1)
            if kind != packets.CONNECT:
                raise MalformedPacketError("the first packet is no CONNECT")
            return packets.read_connect(await self._child.readexactly(await self._length()))

    async def _length(self) -> int:
        """A remaining length (section 2.2.3)."""
        size = 0
        for shift in (0, 7, 14):
            (digit,) = await self._child.readexactly(1)
            size |= (digit & 0x7F) << shift
            if not digit & 0x80 and size <= packets.LARGEST_CONNECT_BYTES:
                return size
        raise MalformedPacketError("CONNECT is too long")

    async def _open(self, connect: Connect, streams: Streams) -> None:
        """CONNECT at the hub in the child's name, and hand its answer on."""
        reader, writer = streams
        try:
            async with asyncio.timeout(upstream.SECONDS):
                writer.write(connect.with_password(self._above.token()).write())
                answer = await reader.readexactly(packets.CONNACK_BYTES)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise UnavailableError(f"{self._above.hub} did not answer CONNECT") from error
        code = packets.read_connack(answer)
        if code == packets.NOT_AUTHORIZED:
            await self._above.children.ask_again()
            raise NotAdmittedError("the hub does not take it from this gateway")
        if code != packets.ACCEPTED:
            raise UnavailableError(f"the hub answered CONNECT with {code}")
        self._child.write(answer)
        await self._child.drain()

    async def _relay(self, streams: Streams, expires: float | None) -> str:
        """Bytes both ways until one side ends; who did."""
        ways = {
            asyncio.create_task(_pipe(self._child, streams[1])): "the child ended the connection",
            asyncio.create_task(_pipe(streams[0], self._child)): "the hub ended the connection",
        }
        left = None if expires is None else max(0.0, expires - self._above.now())
        try:
            done, _ = await asyncio.wait(ways, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        return next((ways[it] for it in ways if it in done), "the child's token ended")

    async def _tell(self, event: str, reason: str, code: int) -> None:
        self._log.write(event, "warning", child=self._name, reason=reason)
        with suppress(OSError):  # it may be gone by now
            self._child.write(packets.connack(code))
            await self._child.drain()


async def _pipe(
    source: asyncio.StreamReader | SecureStream, sink: asyncio.StreamWriter | SecureStream
) -> None:
    """Copy until the end, no faster than the other side takes it."""
    try:
        while chunk := await source.read(_CHUNK_BYTES):
            sink.write(chunk)
            await sink.drain()
    except OSError:
        return
