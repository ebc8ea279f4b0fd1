"""MQTT over WebSockets on 443: the official SDK, and frames that are not what they should be."""

import asyncio
import json
import ssl
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType

from localcloud.mqtt import packets

HUB, GLOBAL = "hub-a.azure-devices.net", "global.azure-devices-provisioning.net"
SCRIPT = r"""
import json, sys
import socks
from azure.iot.device import IoTHubDeviceClient, Message, ProvisioningDeviceClient, ProxyOptions, X509

name, chain, key, trust, port = sys.argv[1:]
how = {
    "server_verification_cert": open(trust).read(),
    "proxy_options": ProxyOptions(socks.HTTP, "127.0.0.1", int(port)),
    "websockets": True,
}
x509 = X509(chain, key)
dps = ProvisioningDeviceClient.create_from_x509_certificate(
    "global.azure-devices-provisioning.net", name, "0ne00000001", x509, **how
)
hub = dps.register().registration_state.assigned_hub
client = IoTHubDeviceClient.create_from_x509_certificate(x509, hub, name, **how)
client.connect()
client.patch_twin_reported_properties({"over": "websockets"})
client.send_message(Message("x" * 100_000))
print(json.dumps({"hub": hub, "twin": client.get_twin()}), flush=True)
client.shutdown()
"""


def _identity(cloud: Any, name: str) -> Any:
    return cloud.identity(cloud.world.pki.leaf(name, cloud.world.factory), cloud.world.factory)


def test_the_official_sdk_enrols_and_comes_up(cloud: Any) -> None:
    cloud.start()
    arguments = [*map(str, _identity(cloud, "pump-1")), str(cloud.trust), str(cloud.proxy_port)]
    command = [sys.executable, "-c", SCRIPT, "pump-1", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert told["twin"]["reported"] == {"over": "websockets", "$version": 2}
    assert cloud.stop() == 0
    assert cloud.world.store.get("counter", f"{told['hub']}/telemetry/pump-1") == {"count": 1}


Socket = aiohttp.ClientWebSocketResponse


def _open(cloud: Any, host: str, work: Callable[[Socket], Awaitable[None]], *protocols: str) -> None:
    """Run `work` on a WebSocket to `host`, through the proxy, with pump-1's certificate."""
    context = ssl.create_default_context(cafile=str(cloud.trust))
    context.load_cert_chain(*_identity(cloud, "pump-1"))

    async def talk() -> None:
        url = f"https://{host}/$iothub/websocket?iothub-no-client-cert=false"
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(
                url, ssl=context, proxy=cloud.endpoints["proxy"], protocols=protocols, timeout=_LIMIT
            ) as opened,
        ):
            await work(opened)

    async def run() -> None:
        try:
            await talk()
        finally:
            await asyncio.sleep(
                0.25
            )  # aiohttp's client closes TLS after its session (docs, "graceful shutdown")

    asyncio.run(run())


_LIMIT = aiohttp.ClientWSTimeout(ws_receive=10, ws_close=10)


def _text(value: str) -> bytes:
    return len(value.encode()).to_bytes(2, "big") + value.encode()


def _connect(client_id: str, username: str) -> bytes:
    body = _text("MQTT") + bytes((4, 0x82, 0, 60)) + _text(client_id) + _text(username)
    return bytes((0x10,)) + packets.write_length(len(body)) + body


LOGIN = _connect("pump-1", "0ne00000001/registrations/pump-1/api-version=2019-03-31")


def test_a_packet_may_span_frames_and_frames_may_hold_many(cloud: Any) -> None:
    cloud.start()

    async def talk(opened: Socket) -> None:
        assert opened.protocol == "mqtt"
        await opened.send_bytes(LOGIN[:7])
        await opened.send_bytes(LOGIN[7:] + b"\xc0\0\xc0\0")
        received = b""
        while len(received) < 8:
            received += await opened.receive_bytes()
        assert received == b"\x20\2\0\0\xd0\0\xd0\0"
        await opened.send_bytes(b"\xe0\0")
        assert (await opened.receive()).type in (WSMsgType.CLOSE, WSMsgType.CLOSED)

    _open(cloud, GLOBAL, talk, "mqtt")


@pytest.mark.parametrize("first", [b"\x30\x03\0\1a", b"\xf0\0", b"\x10\xff\xff\xff\xff\x01"])
def test_a_broken_protocol_ends_the_connection(cloud: Any, first: bytes) -> None:
    cloud.start()

    async def talk(opened: Socket) -> None:
        await opened.send_bytes(first)
        assert (await opened.receive()).type in (WSMsgType.CLOSE, WSMsgType.CLOSED)

    _open(cloud, GLOBAL, talk, "mqtt")


def test_text_frames_end_it_and_refusals_have_their_code(cloud: Any) -> None:
    cloud.start()

    async def say_text(opened: Socket) -> None:
        await opened.send_str("CONNECT")
        assert (await opened.receive()).type in (WSMsgType.CLOSE, WSMsgType.CLOSED)

    async def ask_for_another_id(opened: Socket) -> None:
        await opened.send_bytes(LOGIN.replace(b"pump-1", b"pump-2"))
        assert await opened.receive_bytes() == b"\x20\2\0\5"

    _open(cloud, GLOBAL, say_text, "mqtt")
    _open(cloud, GLOBAL, ask_for_another_id, "mqtt")


@pytest.mark.parametrize(
    ("host", "protocols", "status"),
    [(HUB, ["AMQPWSB10"], 400), (HUB, [], 400), ("management.azure.com", ["mqtt"], 404)],
)
def test_other_protocols_and_hosts_are_not_upgraded(
    cloud: Any, host: str, protocols: list[str], status: int
) -> None:
    cloud.start()

    async def never(_: Socket) -> None:
        raise AssertionError("it was upgraded")

    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        _open(cloud, host, never, *protocols)
    assert refused.value.status == status


def test_the_server_stops_with_connections_open(cloud: Any) -> None:
    cloud.start()

    async def stop(opened: Socket) -> None:
        await opened.send_bytes(LOGIN)
        await opened.receive_bytes()
        stopping = asyncio.create_task(asyncio.to_thread(cloud.stop))
        assert (await opened.receive()).type in (WSMsgType.CLOSE, WSMsgType.CLOSED)
        await opened.close()
        assert await stopping == 0

    _open(cloud, GLOBAL, stop, "mqtt")
