"""TLS to a child on asyncio's plain streams.

asyncio's own TLS drops a handshake that fails without telling the other side why; then a child whose
certificate is not trusted takes the gateway for one that is out of reach, and comes again for ever. Here the
alert goes out. One task may read while another writes.
"""

import asyncio
import ssl
from contextlib import suppress

HANDSHAKE_SECONDS = 20.0
_CHUNK_BYTES = 65_536
_GOODBYE_SECONDS = 1.0


class SecureStream:
    """The server's end of one connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    async def shake(self) -> None:
        """The handshake. Raises ssl.SSLError when it fails, TimeoutError, OSError."""
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            while True:
                try:
                    self._tls.do_handshake()
                except ssl.SSLWantReadError:
                    await self._exchange()
                except ssl.SSLError:
                    await self.drain()  # the alert
                    raise
                else:
                    await self.drain()
                    return

    def certificate(self) -> bytes | None:
        """What the child showed and TLS has verified, in DER; None when it showed none."""
        return self._tls.getpeercert(binary_form=True) or None

    async def read(self, most: int) -> bytes:
        """What has come, as soon as something has; empty at the end."""
        while True:
            try:
                return self._tls.read(most)
            except ssl.SSLWantReadError:
                if not await self._exchange():
                    return b""
            except ssl.SSLZeroReturnError:
                return b""

    async def readexactly(self, count: int) -> bytes:
        """So many bytes. Raises asyncio.IncompleteReadError when the end comes before."""
        found = b""
        while len(found) < count:
            more = await self.read(count - len(found))
            if not more:
                raise asyncio.IncompleteReadError(found, count)
            found += more
        return found

    def write(self, data: bytes) -> None:
        """Encrypt; `drain` sends."""
        self._tls.write(data)

    async def drain(self) -> None:
        """Send what is encrypted, no faster than the child takes it."""
        self._writer.write(self._outgoing.read())
        await self._writer.drain()

    async def end(self) -> None:
        """Say goodbye if the child listens, and close."""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                with suppress(ssl.SSLError):
                    self._tls.unwrap()
                await self.drain()
                self._writer.close()
                await self._writer.wait_closed()
        self._writer.transport.abort()

    async def _exchange(self) -> bool:
        """Send what is to be sent, and take what comes; False when nothing comes any more."""
        await self.drain()
        data = await self._reader.read(_CHUNK_BYTES)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        return bool(data)
