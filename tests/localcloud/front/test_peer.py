"""The HTTPS front end to end in memory of one process: peer certificates, awaited answers, bytes, closing."""

import asyncio
import json
import socket
import ssl
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization

from localcloud.calls import Answer, Call
from localcloud.clock import Clock
from localcloud.control.switches import Switches
from localcloud.front import WebEnd
from localcloud.http import make_app
from localcloud.routing import Routing
from localcloud.secure import tls_context
from localcloud.tls import identity


class _Mirror:
    """Tells what it was asked; waits where the path says so."""

    def answer(self, call: Call) -> Answer | Awaitable[Answer]:
        if call.path == "/bytes":
            return Answer(body=call.raw * 2, headers={"Content-Type": "application/x-test"})
        return self._wait(call) if call.path == "/wait" else self._told(call)

    async def _wait(self, call: Call) -> Answer:
        await asyncio.sleep(0.05)
        return self._told(call)

    def _told(self, call: Call) -> Answer:
        names = [it.subject.rfc4514_string() for it in call.peer]
        return Answer(body={"peer": names, "path": call.path, "bytes": len(call.raw)})

    def fault(self, status: int, message: str) -> Answer:
        return Answer(status, {"message": message})


class _Front:
    """A front on a port of its own."""

    def __init__(self, state: Path) -> None:
        self._own = identity(state)
        self._trust = state / "tls-ca.pem"

    async def __aenter__(self) -> "_Front":
        loop = asyncio.get_running_loop()
        app = make_app(Routing({"*.azure-devices.net": _Mirror()}, Switches(Clock(), lambda _: None)))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        new_http = self._runner.server
        assert new_http is not None
        context = tls_context(self._own.certificate, self._own.key)
        self._server = await loop.create_server(lambda: WebEnd(loop, context, new_http), "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._runner.cleanup()

    async def ask(self, path: str, body: bytes = b"", certificate: Any = None) -> tuple[str, bytes]:
        """One request on a connection of its own; gives the status line and the body."""
        context = ssl.create_default_context(cafile=str(self._trust))
        if certificate:
            context.load_cert_chain(*certificate)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=context, server_hostname="a.azure-devices.net"
        )
        head = f"POST {path} HTTP/1.1\r\nHost: a.azure-devices.net\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        start, _, rest = answer.partition(b"\r\n\r\n")
        return start.decode(), rest


@pytest.fixture
def certificate(tmp_path: Path, pki: Any) -> Any:
    root = pki.authority("root")
    leaf = pki.leaf("pump", root)
    chain, key = tmp_path / "chain.pem", tmp_path / "leaf.key"
    chain.write_text(leaf.pem + root.pem)
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = leaf.key.private_bytes(serialization.Encoding.PEM, form, none)
    key.touch(mode=0o600)
    key.write_bytes(pem)
    return chain, key


@pytest.mark.parametrize("path", ["/now", "/wait"])
def test_services_see_what_the_client_presented(tmp_path: Path, certificate: Any, path: str) -> None:
    async def run() -> None:
        async with _Front(tmp_path) as front:
            _, body = await front.ask(path, certificate=certificate)
            assert json.loads(body) == {"peer": ["CN=pump", "CN=root"], "path": path, "bytes": 0}
            _, body = await front.ask(path)
            assert json.loads(body)["peer"] == []

    asyncio.run(run())


def test_bytes_stay_bytes_and_large_bodies_pass(tmp_path: Path) -> None:
    async def run() -> None:
        async with _Front(tmp_path) as front:
            head, body = await front.ask("/bytes", b"\0\xff" * 700_000)
            assert "application/x-test" in head
            assert body == b"\0\xff" * 1_400_000
            head, _ = await front.ask("/now", bytes(5 * 1024 * 1024))
            assert "413" in head.partition("\r\n")[0]

    asyncio.run(run())


def test_rubbish_and_silence_instead_of_tls(tmp_path: Path) -> None:
    async def run() -> None:
        async with _Front(tmp_path) as front:
            reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
            writer.write(b"GET / HTTP/1.1\r\n\r\n" * 20)
            assert await reader.read() is not None
            writer.close()
            with socket.create_connection(("127.0.0.1", front.port)):
                await asyncio.sleep(0.05)
            _, body = await front.ask("/now")
            assert json.loads(body)["path"] == "/now"

    asyncio.run(run())
